"""Copies, and pictures that share a UID."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate

from medview.imaging.study import Frame
from tests.imaging.make import dicom
from tests.imaging.written import AXIAL, IMAGE_MODULE, PIXELS, names, read


def shades(level: int) -> np.ndarray[Any, Any]:
    """Pixels that differ by `level`."""
    return (PIXELS + level).astype(np.int16)


def write_pixels(folder: Path, name: str, pixels: np.ndarray[Any, Any] | bytes, **elements: Any) -> Path:
    """A picture of one series with one UID for all."""
    path = folder / name
    path.write_bytes(dicom(pixels, **{"SeriesInstanceUID": "1.1.1", "SOPInstanceUID": "1.1.1.7", **elements}))
    return path


def at(z: float) -> dict[str, Any]:
    """The elements of an axial slice."""
    return {"ImagePositionPatient": [0, 0, z], "ImageOrientationPatient": AXIAL, "PixelSpacing": [1, 1]}


def test_slices_that_share_a_uid_are_no_copies(tmp_path: Path):
    for n in range(6):
        write_pixels(tmp_path, f"{n}", shades(n), InstanceNumber=n + 1, **at(3.0 * n))
    series = read(tmp_path).series
    assert [len(one.frames) for one in series] == [6]
    assert series[0].step_mm == pytest.approx(3)
    assert series[0].notes == ("Pictures that share one identifier (SOP Instance UID) although they differ: 6.",)


def test_patients_without_an_id_are_told_apart_by_name(tmp_path: Path):
    """An anonymiser that gives two patients the same UIDs, and no ids."""
    for name in ("A", "B"):
        for n in range(2):
            write_pixels(tmp_path, f"{name}{n}", shades(n), PatientID="", PatientName=name, **at(3.0 * n))
    assert [(one.origin and one.origin.patient_name, len(one.frames)) for one in read(tmp_path).series] == [
        ("A", 2), ("B", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # By position, by number, by time, by content alone, without any of them.
        ({**at(0)}, {**at(1)}), ({**at(0), "InstanceNumber": 1}, {**at(0), "InstanceNumber": 2}),
        ({"AcquisitionTime": "101500"}, {"AcquisitionTime": "101501"}), ({"EchoTime": "10"}, {"EchoTime": "90"}),
        ({"SliceLocation": "1"}, {"SliceLocation": "2"}),
        ({"InConcatenationNumber": 1}, {"InConcatenationNumber": 2}), ({**at(0)}, {**at(0)}), ({}, {}),
    ],
)  # fmt: skip
def test_pictures_that_differ_in_anything_are_kept(tmp_path: Path, first: dict[str, Any], second: dict[str, Any]):
    write_pixels(tmp_path, "a", shades(0), **first)
    write_pixels(tmp_path, "b", shades(int(first == second)), **second)
    frames = [frame for series in read(tmp_path).series for frame in series.frames]
    assert sorted(frame.path.name for frame in frames) == ["a", "b"]


def test_copies_are_left_out_whatever_else_their_headers_say(tmp_path: Path):
    for n in range(3):
        write_pixels(tmp_path, f"{n}", shades(n), InstanceNumber=n, SOPInstanceUID=f"1.2.{n}", **at(n))
        write_pixels(
            tmp_path, f"copy {n}", shades(n), InstanceNumber=n, SOPInstanceUID=f"1.2.{n}", ImageComments="sent again",
            **at(n),
        )  # fmt: skip
    series = read(tmp_path).series[0]
    assert names(read(tmp_path)) == ["0", "1", "2"]
    assert series.notes == ("Copies of other frames, left out: 3.",)


def test_a_copy_in_another_compression_is_a_copy(tmp_path: Path):
    levels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    write_pixels(tmp_path, "plain", levels, **at(0))
    stream = encapsulate([imagecodecs.jpegls_encode(levels)])
    like = {name: getattr(dcmread(tmp_path / "plain"), name) for name in IMAGE_MODULE}
    write_pixels(tmp_path, "small", stream, syntax="1.2.840.10008.1.2.4.80", **like, **at(0))
    other = encapsulate([imagecodecs.jpegls_encode(levels[::-1].copy())])
    write_pixels(tmp_path, "turned", other, syntax="1.2.840.10008.1.2.4.80", **like, **at(0))
    series = read(tmp_path).series[0]
    assert [path.name for path in series.paths] == ["plain", "turned"]
    assert series.notes[0] == "Copies of other frames, left out: 1."


def test_nothing_is_read_of_pictures_whose_headers_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def never(self: Frame) -> None:
        raise AssertionError(self.path)

    monkeypatch.setattr(Frame, "content", property(never))
    for n in range(4):
        write_pixels(tmp_path, f"{n}", shades(0), **at(n))
    assert len(read(tmp_path).series[0].frames) == 4


def test_frames_of_copied_multi_frame_files(tmp_path: Path):
    cine = np.stack([shades(n) for n in range(3)])
    for name in ("a", "b"):
        write_pixels(tmp_path, name, cine)
    write_pixels(tmp_path, "c", cine[::-1].copy())
    series = read(tmp_path).series[0]
    # The middle frame of the third file is that of the first.
    assert [(frame.path.name, frame.index) for frame in series.frames] == [
        ("a", 0), ("a", 1), ("a", 2), ("c", 0), ("c", 2),
    ]  # fmt: skip
