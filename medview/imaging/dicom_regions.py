"""Calibrated regions of an ultrasound picture (PS3.3 C.8.5.5): each has its own units and distances of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medview.imaging.dicom_dataset import item, numbers, whole
from medview.imaging.study import CalibratedRegion

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from medview.imaging.dicom_layout import Layout

# Real pictures have one to four.
MAX_REGIONS = 64
_CENTIMETRES = 3
_UNITS = {
    0: "", 1: "%", 2: "dB", 3: "mm", 4: "s", 5: "Hz", 6: "dB/s", 7: "cm/s", 8: "cm2", 9: "cm2/s", 10: "cm3",
    11: "cm3/s", 12: "degrees",
}  # fmt: skip
_FORMATS = {1: "2D", 2: "M-mode", 3: "spectral", 4: "wave form", 5: "graphics"}


def read_regions(ds: Dataset, layout: Layout) -> tuple[CalibratedRegion, ...]:
    """The regions of a picture, in the order of the file; those that lie nowhere in it are left out."""
    found = []
    for number in range(MAX_REGIONS):
        one = item(ds, "SequenceOfUltrasoundRegions", number)
        if one is None:
            break
        region = _region(one, layout)
        if region is not None:
            found.append(region)
    return tuple(found)


def _region(one: Dataset, layout: Layout) -> CalibratedRegion | None:
    left, right = whole(one, "RegionLocationMinX0", 0), whole(one, "RegionLocationMaxX1", layout.cols - 1)
    top, bottom = whole(one, "RegionLocationMinY0", 0), whole(one, "RegionLocationMaxY1", layout.rows - 1)
    if left is None or right is None or top is None or bottom is None:
        return None
    rows, cols = (max(0, top), min(bottom, layout.rows - 1)), (max(0, left), min(right, layout.cols - 1))
    if rows[0] > rows[1] or cols[0] > cols[1]:
        return None
    across, down = numbers(one, "PhysicalDeltaX"), numbers(one, "PhysicalDeltaY")
    # A region that leaves the picture by more than a pixel was told of a larger one: this may be a copy made smaller.
    fits = left >= -1 and top >= -1 and right <= layout.cols and bottom <= layout.rows
    deltas = (abs(down[0]), abs(across[0])) if fits and across and down and across[0] and down[0] else None
    codes = (whole(one, "PhysicalUnitsYDirection", 0) or 0, whole(one, "PhysicalUnitsXDirection", 0) or 0)
    steps = deltas and (_step(deltas[0], codes[0]), _step(deltas[1], codes[1]))
    kind = _FORMATS.get(whole(one, "RegionSpatialFormat", 0) or 0, "")
    return CalibratedRegion(rows, cols, steps, (_UNITS.get(codes[0], ""), _UNITS.get(codes[1], "")), kind)


def _step(delta: float, code: int) -> float:
    """A distance of pixels in the unit it is told in: mm for cm."""
    return delta * 10 if code == _CENTIMETRES else delta
