"""The order of slices that have no plane, of parts of a file, and of frames within a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medview.core.failures import Failure
from medview.imaging.open import open_path
from tests.imaging.make import dicom
from tests.imaging.written import AXIAL, enhanced, levels_of, names, read, stack, write


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
