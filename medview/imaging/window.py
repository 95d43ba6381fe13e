"""Values to the eye: window centre and width, polarity, 8 bit. The model never sees what this makes.

Order of the steps (DICOM PS3.3 C.11): modality values -> window (VOI) -> polarity -> 8-bit grey.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

AUTO_PERCENTILES = (0.5, 99.5)
TABLE_SIZE = 65536


@dataclass(frozen=True)
class Window:
    """A window in units of the modality values (HU for CT).

    `width` is at least 1, which is a step (PS3.3 C.11.2.1.2); the grey ramp is `width` - 1 wide. So the window over
    float values 0 to 0.2 has width 1.2.
    """

    centre: float
    width: float

    @classmethod
    def from_range(cls, low: float, high: float) -> Window:
        """The window whose ramp (PS3.3 C.11.2.1.2.1) starts at `low` and ends at `high`."""
        width = max(high - low + 1.0, 1.0)
        return cls(low + (width - 1) / 2 + 0.5, width)

    @property
    def low(self) -> float:
        """Highest value that is shown black."""
        return self.centre - 0.5 - (self.width - 1) / 2

    @property
    def high(self) -> float:
        """Lowest value that is shown white."""
        return self.centre - 0.5 + (self.width - 1) / 2


def full_window(values: NDArray[Any]) -> Window:
    """The window that shows 8-bit values as they are, and others from their lowest to their highest."""
    if values.dtype == np.uint8:
        return Window.from_range(0, 255)
    return Window.from_range(float(values.min()), float(values.max()))


def auto_window(values: NDArray[Any]) -> Window:
    """A window over the robust range (0.5-99.5 percentile) of grey values; at most a million of them are looked at."""
    step = max(1, int(np.sqrt(values.size / 1_000_000)))
    low, high = np.percentile(values[::step, ::step], AUTO_PERCENTILES)
    if not high > low:
        return full_window(values)
    return Window.from_range(float(low), float(high))


def usual_window(values: NDArray[Any]) -> Window:
    """The window of a picture whose file names none: 8-bit values as they are, deeper ones by `auto_window`."""
    return full_window(values) if values.dtype == np.uint8 else auto_window(values)


def ramp(values: NDArray[Any], window: Window) -> NDArray[np.float64]:
    """DICOM's linear VOI function (PS3.3 C.11.2.1.2.1) to 0-255, unrounded: the reference the fast paths must equal."""
    x = np.asarray(values, np.float64)
    if window.width <= 1:
        return np.where(x <= window.centre - 0.5, 0.0, 255.0)
    return np.clip(((x - (window.centre - 0.5)) / (window.width - 1) + 0.5) * 255.0, 0.0, 255.0)


def render(
    values: NDArray[Any], window: Window, inverted: bool = False, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Grey values (rows, cols) to 8-bit grey through `window`; `inverted` flips black and white last.

    8- and 16-bit values go through a table (cv2.LUT), which is what makes dragging the window fluent; others through
    the formula. `out` is written and returned when it fits.
    """
    import cv2

    if values.dtype in (np.uint8, np.int8, np.uint16, np.int16):
        first = int(np.iinfo(values.dtype).min)
        count = 256 if values.itemsize == 1 else TABLE_SIZE
        table = np.rint(ramp(np.arange(first, first + count), window)).astype(np.uint8)
        if inverted:
            table = 255 - table
        index = values.view(np.uint8 if values.itemsize == 1 else np.uint16)
        # A signed value's bit pattern, read as unsigned, counts 0..max, min..-1.
        table = np.roll(table, first) if first else table
        shown: NDArray[Any] = cv2.LUT(np.ascontiguousarray(index), table, dst=out)
        return shown
    grey = out if out is not None and out.shape == values.shape and out.dtype == np.uint8 else None
    grey = np.empty(values.shape, np.uint8) if grey is None else grey
    # Row by row in strips: the formula needs several times the memory of the picture.
    step = max(1, 1_000_000 // max(1, values.shape[1]))
    for row in range(0, values.shape[0], step):
        strip = np.rint(ramp(values[row : row + step], window)).astype(np.uint8)
        grey[row : row + step] = 255 - strip if inverted else strip
    return grey
