"""Segmentations that contradict themselves or are damaged: a Failure, never an exception."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.sequence import Sequence

from medview.core.failures import Code, Failure
from medview.imaging.dicom_seg import Segmentation, read_segmentation
from medview.imaging.dicom_seg_place import lay
from medview.imaging.study import Frame
from tests.imaging.laying import MARKS, SIZE, at, refused
from tests.imaging.make import dicom
from tests.imaging.mutating import mutated
from tests.imaging.segs import Mark, blob, seg, segment, slices


@pytest.mark.parametrize(
    "elements",
    [
        {"Rows": 65535, "Columns": 65535},
        {"NumberOfFrames": 2_000_000_000},
        {"NumberOfFrames": 2},
        {"PerFrameFunctionalGroupsSequence": None},
        {"SegmentSequence": None},
        {"SegmentSequence": Sequence([segment(2)])},
        {"SegmentSequence": Sequence([segment(1), segment(1)])},
        {"SegmentSequence": Sequence([segment(0), segment(1)])},
        {"SegmentationType": "FRACTIONAL"},
        {"SegmentationType": "LABELMAP"},
        {"SegmentationType": "SOMETHING"},
        {"SegmentationType": None},
        {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3},
        {"Rows": None},
        {"Rows": 13},
        {"PixelRepresentation": 1},
    ],
    ids=str,
)
def test_a_header_that_lies_is_refused(tmp_path: Path, elements: dict[str, Any]):
    assert refused(tmp_path, seg(MARKS, **elements)).code in (Code.CORRUPT, Code.TRUNCATED, Code.TOO_LARGE)


@pytest.mark.parametrize("elements", [{"BitsStored": 7, "HighBit": 6}, {"MaximumFractionalValue": 0}])
def test_fractions_that_are_stored_in_another_way(tmp_path: Path, elements: dict[str, Any]):
    assert refused(tmp_path, seg(MARKS, "FRACTIONAL", **elements)).code is Code.CORRUPT


def test_a_place_where_no_patient_is(tmp_path: Path):
    assert refused(tmp_path, seg([Mark(blob(1), 1, at(1e200))])).code is Code.CORRUPT
    assert refused(tmp_path, seg(MARKS, spacing=(1e-9, 1))).code is Code.CORRUPT


def test_masks_that_are_cut_off(tmp_path: Path):
    data = seg(MARKS)
    assert refused(tmp_path, data[:-20]).code is Code.TRUNCATED
    assert refused(tmp_path, data[: data.index(b"\xe0\x7f\x10\x00")]).code is Code.TRUNCATED


def test_what_is_no_segmentation(tmp_path: Path):
    assert refused(tmp_path, dicom(np.zeros(SIZE, np.uint8))).code is Code.UNKNOWN_FORMAT
    assert refused(tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(64)).code is not Code.INTERNAL


def test_slides_are_refused_by_name(tmp_path: Path):
    failure = refused(tmp_path, seg(MARKS, TotalPixelMatrixRows=24, TotalPixelMatrixColumns=20))
    assert failure.code is Code.UNSUPPORTED
    assert "microscope" in failure.text


SEEDS = [
    seg([Mark(blob(n), 1 + n % 2, at(2 * n), ((f"1.5.{n}", None),)) for n in range(4)]),
    seg([Mark(blob(n, (6, 5)), 1, (0.5, 0.5, 2.0 * n)) for n in range(3)], spacing=(2, 2), depth=2),
    seg([Mark(blob(n) * 200, 1, at(2 * n)) for n in range(2)], "FRACTIONAL"),
    seg([Mark(blob(n), position=at(2 * n)) for n in range(2)], "LABELMAP"),
]


@pytest.fixture(scope="module")
def axial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Frame, ...]:
    return slices(tmp_path_factory.mktemp("axial"), 4)


@given(data=mutated(SEEDS))
@settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_is_a_failure_or_a_mask_of_the_right_size(
    tmp_path_factory: pytest.TempPathFactory, axial: tuple[Frame, ...], data: bytes
):
    path = Path(tmp_path_factory.getbasetemp()) / "mutated.dcm"
    path.write_bytes(data)
    segmentation = read_segmentation(path)
    found = lay(segmentation, axial) if isinstance(segmentation, Segmentation) else segmentation
    if isinstance(found, Failure):
        assert found.text
        assert found.hint
        return
    for frame in axial:
        result = found.masks(frame)
        if isinstance(result, Failure):
            assert result.text
            continue
        assert set(result) <= {one.number for one in found.segmentation.segments}
        for mask in result.values():
            assert mask.shape == SIZE
            assert mask.max() == 1


@given(length=st.integers(0, len(SEEDS[0])))
@settings(max_examples=60, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_part_of_a_file_is_a_failure(tmp_path_factory: pytest.TempPathFactory, length: int):
    path = Path(tmp_path_factory.getbasetemp()) / "cut.dcm"
    path.write_bytes(SEEDS[0][:length])
    assert isinstance(read_segmentation(path), Failure) or length == len(SEEDS[0])
