"""Series from synthetic slices: grouped, ordered and judged exactly."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from medview.core.failures import Failure
from medview.imaging.series import patients, series_of
from medview.imaging.volume import read_volume
from medview.imaging.walk import find_files
from tests.imaging.make import png
from tests.imaging.written import AXIAL, PIXELS, SAGITTAL, names, read, stack, write


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


# Distances and thickness


def test_thicker_slices_lie_further_apart_and_nothing_is_missing(tmp_path: Path):
    places = [(4.0 * n, 4.0) for n in range(9)] + [(37.5 + 7.0 * n, 7.0) for n in range(6)]
    series = stack(tmp_path, places)
    assert series.notes == ("The distance of slices is not the same everywhere: 4.00 to 7.00 mm.",)
    assert series.step_mm is None


def test_a_missing_slice_among_thick_and_thin_ones_is_found(tmp_path: Path):
    places = [(4.0 * n, 4.0) for n in range(9) if n != 4] + [(37.5 + 7.0 * n, 7.0) for n in range(6) if n not in (2, 3)]
    assert stack(tmp_path, places).notes == (
        "Missing slices after 12.00 mm: 1, for the next one is 8.00 mm away.",
        "Missing slices after 44.50 mm: 2, for the next one is 21.00 mm away.",
        "The distance of slices is not the same everywhere: 4.00 to 7.00 mm.",
    )


@pytest.mark.parametrize(("step", "thickness"), [(5.0, 5.0), (2.5, 5.0), (10.0, 5.0), (5.0, None), (3.0, 1.0)])
def test_a_gap_is_found_whatever_the_thickness(tmp_path: Path, step: float, thickness: float | None):
    """Contiguous, overlapping (where the gap is just as wide as a slice is thick) and spaced slices."""
    places = [(step * n, thickness) for n in range(10) if n != 6]
    gap = f"Missing slices after {5 * step:.2f} mm: 1, for the next one is {2 * step:.2f} mm away."
    assert stack(tmp_path, places).notes == (gap,)


@pytest.mark.parametrize("thickness", [None, 4.0, 5.0])
def test_another_distance_from_some_slice_on_is_no_gap(tmp_path: Path, thickness: float | None):
    places = [4.0 * n for n in range(9)] + [39.0 + 7.0 * n for n in range(6)]
    series = stack(tmp_path, [(z, thickness) for z in places])
    assert series.notes == ("The distance of slices is not the same everywhere: 4.00 to 7.00 mm.",)


def test_equal_distances_have_no_gap_whatever_the_thickness_says(tmp_path: Path):
    series = stack(tmp_path, [(5.0 * n, 5.0 if n < 8 else 1.0) for n in range(12)])
    assert (series.notes, series.step_mm) == ((), 5.0)


@pytest.mark.parametrize(("places", "gaps"), [((0, 3, 9), 1), ((0, 3, 6, 12, 18), 2), ((0, 3, 12), 1)])
def test_a_gap_among_few_slices(tmp_path: Path, places: tuple[float, ...], gaps: int):
    notes = stack(tmp_path, [(z, 3.0) for z in places]).notes
    assert len([note for note in notes if note.startswith("Missing slices")]) == gaps == len(notes)


def test_slices_closer_than_the_digits_of_others(tmp_path: Path):
    series = stack(tmp_path, [(0.004 * n, None) for n in range(12)])
    assert (len(series.frames), series.time_points) == (12, 1)
    assert series.step_mm == pytest.approx(0.004)
    assert names(read(tmp_path)) == [f"{n:03}" for n in range(12)]


def test_positions_that_waver_are_one(tmp_path: Path):
    wavering = (0.0, 0.001, 0.001, 0.002, 0.0, 0.001)
    for n, off in enumerate(wavering):
        write(tmp_path, f"{n}", 5 + off, TemporalPositionIdentifier=n + 1)
        write(tmp_path, f"{n}b", 9 + off, TemporalPositionIdentifier=n + 1)
    assert read(tmp_path).series[0].time_points == 6


# Echoes and orientations


def test_echo_times_that_waver_are_one_stack(tmp_path: Path):
    for n, echo in enumerate(("2.3", "2.305", "2.302", "2.3", "2.301", "2.304")):
        write(tmp_path, f"{n}", 3 * n, EchoTime=echo)
    series = read(tmp_path).series
    assert [len(one.frames) for one in series] == [6]
    assert series[0].notes == ("The echo time is not quite the same for all pictures: 2.3 to 2.305 ms.",)
    assert series[0].step_mm == pytest.approx(3)


def test_two_echoes_of_each_position_stay_two(tmp_path: Path):
    for echo in ("2.30", "2.32"):
        for n in range(4):
            write(tmp_path, f"{echo} {n}", n, EchoTime=echo)
    assert [len(one.frames) for one in read(tmp_path).series] == [4, 4]
    for n in range(3):
        write(tmp_path, f"far {n}", 50 + n, EchoTime="4.6", SeriesInstanceUID="2")
        write(tmp_path, f"near {n}", n, EchoTime="2.3", SeriesInstanceUID="2")
    assert [len(one.frames) for one in read(tmp_path).series] == [4, 4, 3, 3]


def test_a_radial_stack_is_one_in_the_order_of_numbers(tmp_path: Path):
    for n in range(8):
        angle = np.pi * n / 8
        way = [round(float(np.cos(angle)), 6), round(float(np.sin(angle)), 6), 0, 0, 0, -1]
        write(
            tmp_path, f"{7 - n}", None, ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=way,
            InstanceNumber=(n * 3) % 8,
        )  # fmt: skip
    series = read(tmp_path).series
    assert [len(one.frames) for one in series] == [8]
    assert [frame.place and frame.place.number for frame in series[0].frames] == list(range(8))
    assert (series[0].step_mm, series[0].time_points) == (None, 1)
    assert series[0].notes == ("The pictures do not lie in parallel; they are in the order of numbers.",)
    assert isinstance(read_volume(series[0]), Failure)
