"""Series from synthetic slices: grouped, ordered and judged exactly."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medview.imaging.files import find_files
from medview.imaging.series import Folder, patients, read_folder, series_of
from tests.imaging.make import dicom, png

PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)
AXIAL = [1, 0, 0, 0, 1, 0]
SAGITTAL = [0, 1, 0, 0, 0, -1]


def write(folder: Path, name: str, z: float | None, **elements: Any) -> Path:
    """A slice at `z` mm; each has its own UID unless one is given."""
    position = {"ImagePositionPatient": [0, 0, z], "ImageOrientationPatient": AXIAL} if z is not None else {}
    ds = {
        "PatientID": "7", "PatientName": "Doe^Jo", "StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.1.1",
        "SeriesNumber": 1, "SOPInstanceUID": f"1.1.1.{abs(hash(name)) % 10**9}", "PixelSpacing": [1, 1],
    }  # fmt: skip
    path = folder / name
    path.write_bytes(dicom(PIXELS, **{**ds, **position, **elements}))
    return path


def read(folder: Path) -> Folder:
    return read_folder(find_files(folder))


def names(folder: Folder, number: int = 0) -> list[str]:
    return [path.name for path in folder.series[number].paths]


def test_order_is_by_position_whatever_names_and_numbers_say(tmp_path: Path):
    places = list(range(20))
    random.Random(1).shuffle(places)
    for number, place in enumerate(places):
        write(tmp_path, f"{number:03}.dcm", place * 2.5 - 10, InstanceNumber=number)
    folder = read(tmp_path)
    assert names(folder) == [f"{places.index(place):03}.dcm" for place in range(20)]
    series = folder.series[0]
    assert series.step_mm == pytest.approx(2.5)
    assert (series.notes, series.time_points) == ((), 1)


def test_times_of_a_position_stand_side_by_side(tmp_path: Path):
    for time in (2, 1, 3):
        for z in (5, 0):
            name = f"{9 - time}-{z}.dcm"
            write(tmp_path, name, z, TemporalPositionIdentifier=time, InstanceNumber=1)
    folder = read(tmp_path)
    assert names(folder) == ["8-0.dcm", "7-0.dcm", "6-0.dcm", "8-5.dcm", "7-5.dcm", "6-5.dcm"]
    assert folder.series[0].time_points == 3


def test_acquisition_time_then_number_decide_between_equal_positions(tmp_path: Path):
    write(tmp_path, "a", 0, AcquisitionTime="101500.5", InstanceNumber=1)
    write(tmp_path, "b", 0, AcquisitionTime="101500.25", InstanceNumber=2)
    write(tmp_path, "c", 0, AcquisitionTime="101500.25", InstanceNumber=1)
    assert names(read(tmp_path)) == ["c", "b", "a"]


def test_orientations_and_echoes_are_apart(tmp_path: Path):
    for n in range(3):
        write(tmp_path, f"axial{n}", n, EchoTime="10")
        write(tmp_path, f"echo{n}", n, EchoTime="90")
        write(
            tmp_path, f"sagittal{n}", None, ImagePositionPatient=[n, 0, 0], ImageOrientationPatient=SAGITTAL,
            EchoTime="10",
        )  # fmt: skip
    folder = read(tmp_path)
    assert len(folder.series) == 3
    assert {tuple(names(folder, n)) for n in range(3)} == {
        ("axial0", "axial1", "axial2"),
        ("echo0", "echo1", "echo2"),
        # The normal of a sagittal slice (rows down, columns to the back) points to the patient's right.
        ("sagittal2", "sagittal1", "sagittal0"),
    }
    assert all("split into 3" in series.notes[0] for series in folder.series)


def test_repeated_acquisitions_of_other_positions_are_apart(tmp_path: Path):
    for acquisition, count in ((1, 4), (2, 3)):
        for n in range(count):
            write(tmp_path, f"{acquisition}-{n}", n, AcquisitionNumber=acquisition)
    folder = read(tmp_path)
    assert [len(series.frames) for series in folder.series] == [4, 3]


def test_gaps_uneven_steps_tilt_and_copies_are_said(tmp_path: Path):
    for z in (0, 2, 4, 8, 10):
        write(tmp_path, f"{z}", z)
    (tmp_path / "copy").write_bytes((tmp_path / "4").read_bytes())
    series = read(tmp_path).series[0]
    assert len(series.frames) == 5
    assert series.step_mm is None
    assert series.notes == (
        "Copies of other frames, left out: 1.",
        "Missing slices after 4.00 mm: 1, for the next one is 4.00 mm away.",
    )
    uneven = tmp_path / "uneven"
    uneven.mkdir()
    for z in (0.0, 2.0, 4.3, 6.3):
        write(uneven, f"{z}", z, SeriesInstanceUID="2")
    assert read(uneven).series[0].notes == ("The distance of slices is not the same everywhere: 2.00 to 2.30 mm.",)
    tilted = tmp_path / "tilted"
    tilted.mkdir()
    for n in range(4):
        write(tilted, f"{n}", None, ImagePositionPatient=[0, n, n], ImageOrientationPatient=AXIAL)
    series = read(tilted).series[0]
    assert series.notes == ("The slices are displaced sideways: the gantry was tilted by 45.0 degrees.",)
    assert series.step_mm == pytest.approx(1)


def test_without_positions_time_and_number_decide(tmp_path: Path):
    for name, number in (("a", 3), ("b", 1), ("c", 2)):
        write(tmp_path, name, None, InstanceNumber=number)
    assert names(read(tmp_path)) == ["b", "c", "a"]


def test_patients_and_studies(tmp_path: Path):
    write(tmp_path, "1", 0, StudyInstanceUID="2", StudyDate="20260102", SeriesInstanceUID="2.1")
    write(tmp_path, "2", 0, StudyInstanceUID="1", StudyDate="20260101", StudyDescription="Knee")
    write(tmp_path, "3", 0, PatientID="8", PatientName="Abel^A", SeriesInstanceUID="3")
    (tmp_path / "4.png").write_bytes(png(PIXELS.astype(np.uint8), 0))
    (tmp_path / "5.txt").write_text("no picture")
    folder = read(tmp_path)
    found = patients(folder.series)
    assert [(p.name, [s.description for s in p.studies]) for p in found] == [
        ("", [tmp_path.name]),
        ("Abel^A", [tmp_path.name]),
        ("Doe^Jo", ["1 Jan 2026 Knee", "2 Jan 2026"]),
    ]
    assert [path.name for path in folder.refused] == ["5.txt"]
    assert folder.series[-1].origin is None


def test_one_slice_offers_its_series_at_that_slice(tmp_path: Path):
    files = [write(tmp_path, f"{n}", 3 - n) for n in range(4)]
    alone = write(tmp_path, "other", 0, SeriesInstanceUID="9")
    found = series_of(files[1], find_files(tmp_path))
    assert found is not None
    assert ([path.name for path in found[0].paths], found[1]) == (["3", "2", "1", "0"], 2)
    assert series_of(alone, find_files(tmp_path)) is None


def test_header_reading_decodes_nothing(tmp_path: Path):
    path = write(tmp_path, "a", 0)
    frame = read(tmp_path).series[0].frames[0]
    path.write_bytes(path.read_bytes()[:-1])
    assert not isinstance(frame.modality_values(), np.ndarray)
