"""Series from synthetic slices: grouped, ordered and judged exactly."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from medview.core.failures import Failure
from medview.imaging.files import find_files
from medview.imaging.open import open_path
from medview.imaging.series import Folder, patients, read_folder, series_of
from medview.imaging.study import Frame, Series
from medview.imaging.volume import read_volume
from tests.imaging.make import dicom, png

PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)
AXIAL = [1, 0, 0, 0, 1, 0]
SAGITTAL = [0, 1, 0, 0, 0, -1]
IMAGE_MODULE = (
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation",
)  # fmt: skip


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


# Copies, and pictures that share a UID


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


# Distances and thickness


def stack(folder: Path, places: list[tuple[float, float | None]]) -> Series:
    """A series of slices at (z, thickness)."""
    for n, (z, thickness) in enumerate(places):
        write(folder, f"{n:03}", z, **({} if thickness is None else {"SliceThickness": str(thickness)}))
    return read(folder).series[0]


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


# Order without planes


def nested(**elements: Any) -> Dataset:
    """A sequence item."""
    made = Dataset()
    for name, value in elements.items():
        setattr(made, name, value)
    return made


def enhanced(levels: list[int], contents: list[dict[str, Any]] | None = None, **elements: Any) -> bytes:
    """A multi-frame file whose frames are all of one level each."""
    pixels = np.stack([np.full((3, 4), level, np.uint8) for level in levels])
    groups = [nested(FrameContentSequence=Sequence([nested(**content)])) for content in contents or [{}] * len(levels)]
    common = {"SeriesInstanceUID": "1.1.1", "PerFrameFunctionalGroupsSequence": Sequence(groups), "InstanceNumber": 1}
    return dicom(pixels, **{**common, **elements})


def levels_of(folder: Path) -> list[int]:
    """The level of every frame of the one series, in order."""
    series = read(folder).series
    assert len(series) == 1
    return [int(np.asarray(frame.modality_values())[0, 0]) for frame in series[0].frames]


def test_one_position_for_all_gives_way_to_slice_locations(tmp_path: Path):
    for n, name in enumerate("cab"):
        write(tmp_path, name, 0, SliceLocation=str(3 * n), InstanceNumber=1)
    series = read(tmp_path).series[0]
    assert [path.name for path in series.paths] == ["c", "a", "b"]
    assert series.time_points == 1
    told = "All pictures give the same position, but different slice locations: they are in the order of these."
    assert series.notes == (told,)


def test_a_slice_without_an_echo_time_belongs_to_the_only_one(tmp_path: Path):
    for n in range(4):
        write(tmp_path, f"{n}", 3 * n, **({} if n == 2 else {"EchoTime": "2.3"}))
    assert [(len(one.frames), one.step_mm, one.notes) for one in read(tmp_path).series] == [(4, 3.0, ())]


@pytest.mark.parametrize("by", ["InConcatenationNumber", "ConcatenationFrameOffsetNumber", "both"])
def test_parts_of_a_concatenation_are_in_its_order(tmp_path: Path, by: str):
    for name, number in (("c", 1), ("a", 2), ("b", 3)):
        elements: dict[str, Any] = {"ConcatenationUID": "1.5", "SOPInstanceUID": f"1.6.{number}"}
        if by != "ConcatenationFrameOffsetNumber":
            elements["InConcatenationNumber"] = number
        if by != "InConcatenationNumber":
            elements["ConcatenationFrameOffsetNumber"] = 3 * (number - 1)
        first = 30 * (number - 1)
        (tmp_path / name).write_bytes(enhanced([first, first + 10, first + 20], **elements))
    assert levels_of(tmp_path) == [0, 10, 20, 30, 40, 50, 60, 70, 80]


def part(folder: Path, name: str, levels: list[int], contents: list[dict[str, Any]] | None = None, **elements: Any):
    """A part of a concatenation."""
    common = {"ConcatenationUID": "1.5", "SOPInstanceUID": f"1.6.{ord(name)}"}
    (folder / name).write_bytes(enhanced(levels, contents, **{**common, **elements}))


@pytest.mark.parametrize("uids", [("1.5", "1.5", "1.5"), ("1.5", "1.6", "1.7")], ids=["one UID", "a UID a part"])
def test_parts_that_do_not_all_say_the_same_are_in_order(tmp_path: Path, uids: tuple[str, str, str]):
    part(tmp_path, "c", [0, 10], InConcatenationNumber=1, ConcatenationUID=uids[0])
    part(tmp_path, "a", [20, 30], InConcatenationNumber=2, ConcatenationFrameOffsetNumber=2, ConcatenationUID=uids[1])
    part(tmp_path, "b", [40], InConcatenationNumber=3, ConcatenationUID=uids[2])
    assert levels_of(tmp_path) == [0, 10, 20, 30, 40]


def test_two_objects_in_parts_stay_apart(tmp_path: Path):
    for number, names_ in ((1, "da"), (2, "cb")):
        for n, name in enumerate(names_):
            first = 100 * (number - 1) + 20 * n
            elements = {"InConcatenationNumber": n + 1, "ConcatenationFrameOffsetNumber": 2 * n}
            uid = f"1.5.{9 - number}"
            part(tmp_path, name, [first, first + 10], InstanceNumber=number, ConcatenationUID=uid, **elements)
    assert levels_of(tmp_path) == [0, 10, 20, 30, 100, 110, 120, 130]


def test_a_dimension_index_counts_through_all_parts(tmp_path: Path):
    for name, number, places in (("b", 1, [2, 1, 3]), ("a", 2, [5, 4, 6])):
        contents: list[dict[str, Any]] = [{"DimensionIndexValues": [1, place]} for place in places]
        part(tmp_path, name, [10 * place for place in places], contents, InConcatenationNumber=number)
    assert levels_of(tmp_path) == [10, 20, 30, 40, 50, 60]


@pytest.mark.parametrize(
    ("numbers", "count", "missing"),
    [((1, 3), None, "1 of 3"), ((1, 2), 4, "2 of 4"), ((1, 2), None, ""), ((2,), 2, "1 of 2")],
)
def test_missing_parts_are_told(tmp_path: Path, numbers: tuple[int, ...], count: int | None, missing: str):
    for number in numbers:
        total = {} if count is None else {"InConcatenationTotalNumber": count}
        part(tmp_path, "abc"[number - 1], [number, number], InConcatenationNumber=number, **total)
    notes = (f"Parts of this series that are missing: {missing}.",) if missing else ()
    assert read(tmp_path).series[0].notes == notes


def test_stacks_of_one_file_follow_each_other(tmp_path: Path):
    stacks = [("10", 1), ("9", 1), ("9", 2), ("10", 2)]
    contents: list[dict[str, Any]] = [{"StackID": stack, "InStackPositionNumber": at} for stack, at in stacks]
    (tmp_path / "a").write_bytes(enhanced([30, 10, 20, 40], contents))
    assert levels_of(tmp_path) == [10, 20, 30, 40]


@pytest.mark.parametrize(
    "keyword",
    ["DimensionIndexValues", "InStackPositionNumber"],
)
def test_frames_by_dimension_index_or_place_in_the_stack(tmp_path: Path, keyword: str):
    places = [3, 1, 4, 2]
    values = [{keyword: [1, place] if keyword.startswith("Dim") else place} for place in places]
    (tmp_path / "a").write_bytes(enhanced([10 * place for place in places], values))
    assert levels_of(tmp_path) == [10, 20, 30, 40]
    # They count anew in the next object of the series.
    (tmp_path / "0").write_bytes(
        enhanced([10 * place + 5 for place in places], values, InstanceNumber=2, SOPInstanceUID="1.9")
    )
    assert levels_of(tmp_path) == [10, 20, 30, 40, 15, 25, 35, 45]


@pytest.mark.parametrize(
    "place_of",
    [
        lambda n: {"SliceLocation": str(2.5 * n)},
        lambda n: {"ImagePositionPatient": [1, 2, 3.0 * n], "InstanceNumber": 9 - n},
        lambda n: {"ImagePositionPatient": [1, 2, 3.0 * n], "ImageOrientationPatient": [1, 0, 0, 0, 0, 0]},
        lambda n: {"ImagePositionPatient": [1, 2, 3.0 * n], "ImageOrientationPatient": AXIAL, "PixelSpacing": None},
        lambda n: {"InstanceNumber": n},
        lambda n: {"InstanceNumber": n, "AcquisitionTime": f"10{59 - n}00"},
        lambda n: {"SliceLocation": str(n), "InstanceNumber": 9 - n},
    ],
)
def test_slices_without_a_plane_by_what_else_they_say(tmp_path: Path, place_of: Callable[[int], dict[str, Any]]):
    for name, n in (("a", 3), ("b", 1), ("c", 4), ("d", 2)):
        write(tmp_path, name, None, **{"PixelSpacing": [1, 1], **place_of(n)})
    assert names(read(tmp_path)) == ["b", "d", "a", "c"]


def test_without_anything_the_names_decide(tmp_path: Path):
    for name in ("b", "c", "a"):
        write(tmp_path, name, None)
    assert names(read(tmp_path)) == ["a", "b", "c"]


# Where a file of several frames opens


@pytest.mark.parametrize(
    ("elements", "start"),
    [
        ({}, 0),
        ({"RepresentativeFrameNumber": 4}, 3),
        ({"RepresentativeFrameNumber": 99}, 0),
        ({"RepresentativeFrameNumber": 0}, 0),
    ],
)
@pytest.mark.parametrize("groups", [True, False])
def test_a_file_of_several_frames_opens_where_it_says(
    tmp_path: Path, elements: dict[str, Any], start: int, groups: bool
):
    frames = np.zeros((6, 3, 4), np.uint8)
    data = enhanced([0] * 6, **elements) if groups else dicom(frames, SeriesInstanceUID="1.1", **elements)
    path = tmp_path / "a"
    path.write_bytes(data)
    study = open_path(path)
    assert not isinstance(study, Failure)
    assert study.series[0].opens_at == start
    assert read(tmp_path).series[0].opens_at == start


def test_a_series_of_files_opens_in_the_middle(tmp_path: Path):
    assert stack(tmp_path, [(n, None) for n in range(6)]).opens_at == 2
