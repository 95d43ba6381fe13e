"""Calibrated regions of ultrasound pictures: each has its own spacing, and none is guessed for the whole picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medview.cli.inspect import _lines
from medview.core.failures import Failure
from medview.imaging.facts import inspect_file
from medview.imaging.open import open_path
from medview.imaging.study import CalibratedRegion, Frame
from tests.imaging.make import dicom

PIXELS = np.zeros((60, 80), np.uint8)


def region(
    box: tuple[int, int, int, int] | None,
    delta: tuple[float, float] = (0.02, 0.05),
    units: tuple[int, int] = (3, 3),
    **more: Any,
) -> Dataset:
    """A region by (left, top, right, bottom), delta and units along (x, y)."""
    made = Dataset()
    if box is not None:
        made.RegionLocationMinX0, made.RegionLocationMinY0, made.RegionLocationMaxX1, made.RegionLocationMaxY1 = box
    made.PhysicalDeltaX, made.PhysicalDeltaY = delta
    made.PhysicalUnitsXDirection, made.PhysicalUnitsYDirection = units
    for name, value in more.items():
        setattr(made, name, value)
    return made


def frame_of(tmp_path: Path, *regions: Dataset, **elements: Any) -> Frame:
    """The picture of a file with these regions."""
    path = tmp_path / "us.dcm"
    path.write_bytes(dicom(PIXELS, Modality="US", SequenceOfUltrasoundRegions=Sequence(regions), **elements))
    study = open_path(path)
    assert not isinstance(study, Failure)
    return study.frames[0]


def test_a_region_has_its_own_spacing_and_the_picture_none(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, region((10, 5, 69, 44), RegionSpatialFormat=1))
    (found,) = frame.regions
    assert found == CalibratedRegion((5, 44), (10, 69), (0.5, 0.2), ("mm", "mm"), "2D")
    assert found.spacing_mm == (0.5, 0.2)
    assert (frame.spacing_mm, frame.aspect) == (None, 1.0)
    assert frame.spacing_between([(5, 10), (44, 69)]) == (0.5, 0.2)
    assert frame.spacing_between([(5, 10), (45, 69)]) is None
    assert frame.spacing_between([(4.9, 10)]) is None


def test_a_length_across_two_regions_has_no_spacing(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, region((0, 0, 39, 59), (0.02, 0.02)), region((40, 0, 79, 59), (0.01, 0.01)))
    assert frame.spacing_mm is None
    assert frame.spacing_between([(3, 3), (50, 39)]) == (0.2, 0.2)
    assert frame.spacing_between([(3, 40), (50, 79)]) == (0.1, 0.1)
    assert frame.spacing_between([(3, 3), (3, 50)]) is None


def test_other_units_are_no_lengths(tmp_path: Path) -> None:
    """A spectrum: seconds across, cm/s down; M-mode: seconds across, cm down."""
    frame = frame_of(
        tmp_path, region((0, 0, 79, 29), (0.004, 0.5), (4, 7), RegionSpatialFormat=3),
        region((0, 30, 79, 59), (0.004, 0.03), (4, 3), RegionSpatialFormat=2),
    )  # fmt: skip
    spectrum, motion = frame.regions
    assert (spectrum.steps, spectrum.units, spectrum.kind) == ((0.5, 0.004), ("cm/s", "s"), "spectral")
    assert motion.steps == pytest.approx((0.3, 0.004))
    assert (motion.units, motion.kind) == (("mm", "s"), "M-mode")
    assert frame.spacing_between([(3, 3), (4, 4)]) is None
    assert frame.spacing_between([(33, 3), (44, 4)]) is None


def test_overlapping_regions_must_agree(tmp_path: Path) -> None:
    box = (10, 10, 49, 49)
    same = frame_of(tmp_path, region((0, 0, 79, 59)), region(box))
    assert same.spacing_between([(20, 20)]) == (0.5, 0.2)
    other = frame_of(tmp_path, region((0, 0, 79, 59)), region(box, (0.1, 0.1)))
    assert other.spacing_between([(20, 20)]) is None
    assert other.spacing_between([(20, 70)]) == (0.5, 0.2)


@pytest.mark.parametrize("box", [None, (0, 0, 79, 59), (0, 0, 80, 60)])
def test_a_single_region_over_everything_is_the_spacing_of_the_picture(tmp_path: Path, box: Any) -> None:
    frame = frame_of(tmp_path, region(box, (-0.02, 0.05)))
    assert frame.spacing_mm == (0.5, 0.2)
    assert frame.aspect == 2.5


def test_a_spacing_of_the_file_comes_first(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, region((10, 5, 69, 44)), PixelSpacing=["0.3", "0.4"])
    assert frame.spacing_mm == (0.3, 0.4)
    assert frame.spacing_between([(20, 20)]) == (0.3, 0.4)


@pytest.mark.parametrize(
    ("made", "steps"),
    [
        (region((10, 5, 69, 44), (0.0, 0.05)), None), (region((10, 5, 69, 44), (float("nan"), 0.05)), None),
        # Of a larger picture: this one may be a copy made smaller.
        (region((0, 0, 200, 200)), None), (region((10, 5, 69, 62)), None),
        (region((69, 44, 10, 5)), "none"), (region((90, 5, 95, 44)), "none"),
    ],
)  # fmt: skip
def test_nonsense_is_no_measure(tmp_path: Path, made: Dataset, steps: str | None) -> None:
    frame = frame_of(tmp_path, made)
    assert frame.spacing_mm is None
    assert [one.steps for one in frame.regions] == ([] if steps else [None])
    assert frame.spacing_between([(20, 20)]) is None


def test_without_regions_the_spacing_is_the_pictures(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(dicom(PIXELS, PixelSpacing=["0.3", "0.4"]))
    study = open_path(path)
    assert not isinstance(study, Failure)
    assert study.frames[0].regions == ()
    assert study.frames[0].spacing_between([(1, 1), (99, 99)]) == (0.3, 0.4)


def test_inspect_tells_the_regions(tmp_path: Path) -> None:
    frame_of(tmp_path, region((10, 5, 69, 44), RegionSpatialFormat=1), region((0, 50, 79, 59), (0.004, 0.5), (4, 7)))
    row = inspect_file(tmp_path / "us.dcm").to_dict()
    assert row["regions"] == (
        {"rows": (5, 44), "cols": (10, 69), "steps": (0.5, 0.2), "units": ("mm", "mm"), "kind": "2D"},
        {"rows": (50, 59), "cols": (0, 79), "steps": (0.5, 0.004), "units": ("cm/s", "s"), "kind": ""},
    )
    told = [line.strip() for line in _lines(row) if line.strip().startswith("region ")]
    assert told == [
        "region 1, 2D: columns 10 to 69, rows 5 to 44, a pixel is 0.2 mm across and 0.5 mm down",
        "region 2, other: columns 0 to 79, rows 50 to 59, a pixel is 0.004 s across and 0.5 cm/s down",
    ]
