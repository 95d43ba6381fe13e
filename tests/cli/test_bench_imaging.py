"""The figures of `medview bench imaging`: all there, of a run small enough for a test."""

from __future__ import annotations

from pathlib import Path

from medview.cli import bench_imaging
from tests.imaging.seeds import DICOM


def test_every_figure_is_there(tmp_path: Path):
    for name in ("rle", "jpeg 2000", "explicit"):
        (tmp_path / name).write_bytes(DICOM[name][0])
    (tmp_path / "damaged").write_bytes(DICOM["rle"][0][:-40])
    report = bench_imaging.measure(1, tmp_path, slices=4, mixed=40, many=True)
    assert report["first_pixel_2048x2048_16bit"]["ratio"] > 0
    assert report["window_2048x2048"]["per_s"] > 0
    series = report["ct_series_4_slices"]
    assert series["in_order"] is True
    assert series["list"]["wall_s"] > 0
    assert [row["files"] for row in report["mixed_folder"]] == [10, 40, 400]
    assert [row["refused"] for row in report["mixed_folder"]] == [1, 4, 40]
    compressed = report["compressed_files"]
    assert set(compressed["cpu_ms"]) == {"rle", "jpeg 2000"}
    assert all(row["medview"] > 0 for row in compressed["cpu_ms"].values())
    assert compressed["cpu_ms"]["rle"]["pydicom"] > 0
    assert set(compressed["slower_than"]) >= {"pydicom"}
    assert compressed["versions"]["pydicom"]
