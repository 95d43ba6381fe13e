"""The figures of `medview bench imaging`: all there, of a run small enough for a test."""

from __future__ import annotations

from pathlib import Path

from medview.imaging import benchmark
from tests.imaging.seeds import DICOM


def test_every_figure_is_there(tmp_path: Path):
    for name in ("rle", "jpeg 2000", "explicit"):
        (tmp_path / name).write_bytes(DICOM[name][0])
    (tmp_path / "damaged").write_bytes(DICOM["rle"][0][:-40])
    report = benchmark.measure(1, tmp_path, slices=4, mixed=40)
    assert report["first_pixel_2048x2048_16bit"]["ratio"] > 0
    assert report["window_2048x2048"]["per_s"] > 0
    series = report["ct_series_4_slices"]
    assert series["in_order"] is True
    assert series["list"]["wall_s"] > 0
    assert [row["files"] for row in report["mixed_folder"]] == [10, 40]
    assert [row["refused"] for row in report["mixed_folder"]] == [1, 4]
    assert set(report["compressed_files"]["files"]) == {"rle", "jpeg 2000"}
