"""Values to the eye: window centre and width, polarity, 8 bit. The model never sees what this makes.

Order of the steps (DICOM PS3.3 C.11): modality values -> window (VOI) -> polarity -> 8-bit grey.

The standard's functions give real numbers and leave open how they become whole ones. Here they are cut off, not
rounded, after the polarity was applied, as dcmtk does: so the grey is dcmtk's, value for value; the few exceptions are
named in tests/imaging/test_dcmtk.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.texts import Text

AUTO_PERCENTILES = (0.5, 99.5)
TABLE_SIZE = 65536


@dataclass(frozen=True, eq=False)
class Curve:
    """A tone curve of a file (VOI LUT, PS3.3 C.11.2.1.1). Two curves are the same only if they are one object.

    Attributes:
        first: the modality value of the first entry; lower ones get the first entry, higher ones the last.
        entries: (n,) shares of the range of its bits: from 0 (black) to just under 1 (white).
    """

    first: int
    entries: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True)
class Window:
    """A window in units of the modality values (HU for CT).

    `width` is at least 1, which is a step (PS3.3 C.11.2.1.2); the grey ramp is `width` - 1 wide. So the window over
    float values 0 to 0.2 has width 1.2.

    Attributes:
        sigmoid: the file's VOI LUT function is SIGMOID: an S with its middle at `centre`.
        curve: the tone curve to use instead of a ramp; centre and width then tell the values it covers.
    """

    centre: float
    width: float
    sigmoid: bool = False
    curve: Curve | None = None

    @classmethod
    def exact(cls, centre: float, width: float) -> Window:
        """A window of the VOI LUT function LINEAR_EXACT (C.11.2.1.3.2), whose ramp is `width` wide around `centre`."""
        return cls(centre + 0.5, width + 1)

    @classmethod
    def of_curve(cls, curve: Curve) -> Window:
        """The window that shows values through a tone curve."""
        ends = cls.from_range(curve.first, curve.first + len(curve.entries) - 1)
        return cls(ends.centre, ends.width, curve=curve)

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
        """Lowest value that is shown white, or a level below where the arithmetic ends just short of it."""
        return self.centre - 0.5 + (self.width - 1) / 2


@dataclass(frozen=True)
class Preset:
    """A window with the name that the file or a convention gives it."""

    name: str
    window: Window


# Windows of CT that every reader knows (HU); those of a file come first.
CT_PRESETS = (
    Preset(Text("Soft tissue"), Window(40, 400)),
    Preset(Text("Lung"), Window(-600, 1500)),
    Preset(Text("Bone"), Window(400, 1800)),
    Preset(Text("Brain"), Window(40, 80)),
    Preset(Text("Mediastinum"), Window(50, 350)),
    Preset(Text("Abdomen"), Window(60, 400)),
)


def presets_of(modality: str) -> tuple[Preset, ...]:
    """Windows by convention. Only CT has units (HU) in which a convention means anything."""
    return CT_PRESETS if modality == "CT" else ()


def full_window(values: NDArray[Any]) -> Window:
    """The window that shows 8-bit values as they are, and others from their lowest to their highest."""
    if values.dtype == np.uint8:
        return Window.from_range(0, 255)
    return Window.from_range(float(values.min()), float(values.max()))


def auto_window(values: NDArray[Any], padding: tuple[float, float] | None = None) -> Window:
    """A window over the robust range (0.5-99.5 percentile) of grey values; at most a million of them are looked at.

    `padding`: the values (lowest, highest) that only fill the picture's border; they do not count.
    """
    step = max(1, int(np.sqrt(values.size / 1_000_000)))
    looked_at = values[::step, ::step]
    if padding is not None:
        looked_at = looked_at[(looked_at < padding[0]) | (looked_at > padding[1])]
    return robust_window(looked_at) or full_window(values)


def robust_window(looked_at: NDArray[Any]) -> Window | None:
    """The window over the robust range of some values; None where there are none, or all are alike."""
    if looked_at.size == 0:
        return None
    low, high = np.percentile(looked_at, AUTO_PERCENTILES)
    return Window.from_range(float(low), float(high)) if high > low else None


def usual_window(values: NDArray[Any], padding: tuple[float, float] | None = None) -> Window:
    """The window of a picture whose file names none: 8-bit values as they are, deeper ones by `auto_window`."""
    return full_window(values) if values.dtype == np.uint8 else auto_window(values, padding)


def ramp(values: NDArray[Any], window: Window, inverted: bool = False) -> NDArray[np.float64]:
    """DICOM's VOI functions (PS3.3 C.11.2.1) to 0-255, neither rounded nor cut off; `inverted` from 255 to 0.

    Tone curves give whole numbers.
    """
    x = np.asarray(values, np.float64)
    black, white = (255.0, 0.0) if inverted else (0.0, 255.0)
    if window.curve is not None:
        entries = window.curve.entries
        at = np.clip(np.floor(x - window.curve.first), 0, len(entries) - 1).astype(np.int64)
        # Levels of equal width; a mirror image when inverted (where dcmtk stops one level short of black).
        grey = np.minimum(np.floor(entries[at] * 256.0), 255.0)
        return 255.0 - grey if inverted else grey
    if window.sigmoid:
        # exp of 709 is the largest; beyond 50 the result is white or black to 20 digits.
        steepness = np.clip(-4.0 * (x - window.centre) / window.width, -50.0, 50.0)
        return black + (white - black) / (1.0 + np.exp(steepness))
    if window.width <= 1:
        return np.where(x <= window.centre - 0.5, black, white)
    # The formula of C.11.2.1.2.1 as a product and a sum, the order in which dcmtk computes it: in another order, values
    # that fall on a whole grey level would now and then fall just below it.
    gradient = (white - black) / (window.width - 1)
    offset = white - ((window.centre - 0.5) / (window.width - 1) + 0.5) * (white - black)
    grey = np.clip(offset + x * gradient, 0.0, 255.0)
    grey[x <= window.low] = black
    grey[x > window.high] = white
    return grey


def render(
    values: NDArray[Any],
    window: Window,
    inverted: bool = False,
    out: NDArray[np.uint8] | None = None,
    padding: tuple[float, float] | None = None,
) -> NDArray[np.uint8]:
    """Grey values (rows, cols) to 8-bit grey through `window`; `inverted` flips black and white.

    Values from `padding[0]` to `padding[1]` only fill the border of the picture: they are black in either polarity.
    8- and 16-bit values go through a table (cv2.LUT), which is what makes dragging the window fluent; others through
    the formula. `out` is written and returned when it fits.
    """
    import cv2

    if values.dtype in (np.uint8, np.int8, np.uint16, np.int16):
        first = int(np.iinfo(values.dtype).min)
        count = 256 if values.itemsize == 1 else TABLE_SIZE
        table = _shades(np.arange(first, first + count), window, inverted, padding)
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
        grey[row : row + step] = _shades(values[row : row + step], window, inverted, padding)
    return grey


def _shades(
    values: NDArray[Any], window: Window, inverted: bool, padding: tuple[float, float] | None
) -> NDArray[np.uint8]:
    shades = ramp(values, window, inverted).astype(np.uint8)
    if padding is not None:
        shades[(values >= padding[0]) & (values <= padding[1])] = 0
    return shades


# Pixels that are blended or converted at a time: few enough to stay in the processor's cache.
STRIP = 65_536


def _strips(rows: int, cols: int) -> Iterator[slice]:
    """Slices of whole rows that cover a picture, of about `STRIP` pixels each."""
    step = max(1, STRIP // max(1, cols))
    return (slice(row, row + step) for row in range(0, rows, step))


def shown_values(values: NDArray[Any]) -> NDArray[Any]:
    """What is shown of modality values (rows, cols[, 3]): grey (rows, cols), or (rows, cols, 3) RGB uint8.

    A grey picture stored as colour, as most X-rays off the web are, has a window like any grey one.
    """
    if values.ndim == 2:
        return values
    first = values[..., 0]
    if np.array_equal(first, values[..., 1]) and np.array_equal(first, values[..., 2]):
        return np.ascontiguousarray(first)
    return values if values.dtype == np.uint8 else to_8bit(values)


def to_8bit(
    values: NDArray[Any],
    window: Window | None = None,
    inverted: bool = False,
    padding: tuple[float, float] | None = None,
) -> NDArray[np.uint8]:
    """Modality values as the eye sees them: grey (rows, cols) through `window`, RGB (rows, cols, 3) by its range.

    `padding`: grey values (lowest, highest) that only fill the border; they are black.
    """
    if values.ndim == 2:
        return render(values, window or usual_window(values, padding), inverted, padding=padding)
    if values.dtype == np.uint8 and not inverted:
        return np.ascontiguousarray(values)
    shown = np.empty(values.shape, np.uint8)
    for part in _strips(*values.shape[:2]):
        rgb = values[part] if values.dtype == np.uint8 else values[part] >> 8
        shown[part] = 255 - rgb if inverted else rgb
    return shown
