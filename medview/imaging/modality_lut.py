"""Stored values to modality values and to RGB: pure functions on arrays, whatever file they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BITS_64 = (1 << 64) - 1
# Modality values beyond are no measurement; float32, which models and display work with, ends at 3.4e38.
MOST = 1e30


@dataclass(frozen=True)
class Rescale:
    """The modality LUT of a frame (PS3.3 C.11.1): `table` over all bit patterns, else value * slope + intercept."""

    slope: float = 1.0
    intercept: float = 0.0
    table: NDArray[Any] | None = field(default=None, repr=False, compare=False)

    def ends(self, low: float, high: float) -> tuple[float, float]:
        """Lowest and highest modality value of stored values from `low` to `high`; of a table, of all its entries."""
        if self.table is not None:
            return float(self.table.min()), float(self.table.max())
        ends = (low * self.slope + self.intercept, high * self.slope + self.intercept)
        return min(ends), max(ends)


def apply_rescale(stored: NDArray[Any], rescale: Rescale) -> NDArray[Any]:
    """Grey stored values to modality values, same shape.

    Whole numbers stay whole where slope and intercept are and the result fits: int16, then uint16, then int32. All else
    becomes float32. Float pixels stay float32; NaN and infinity in them become 0.
    """
    if rescale.table is not None:
        looked_up: NDArray[Any] = rescale.table[stored.view(f"u{stored.itemsize}")]
        return looked_up
    slope, intercept = rescale.slope, rescale.intercept
    if stored.dtype.kind == "f":
        scaled = _linear(stored, slope, intercept, np.dtype(np.float32))
        return np.nan_to_num(scaled, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    if slope == 1 and intercept == 0:
        return display_type(stored)
    if slope == int(slope) and intercept == int(intercept):
        ends = [int(v) * int(slope) + int(intercept) for v in (stored.min(), stored.max())]
        for kind in (np.int16, np.uint16, np.int32):
            if np.iinfo(kind).min <= min(ends) and max(ends) <= np.iinfo(kind).max:
                return _whole(stored, int(slope), int(intercept), np.dtype(kind))
    return _linear(stored, slope, intercept, np.dtype(np.float32))


def _whole(stored: NDArray[Any], slope: int, intercept: int, kind: np.dtype[Any]) -> NDArray[Any]:
    """value * slope + intercept in whole numbers of the type `kind`, which the results fit.

    Sums and products that overflow on the way wrap round, and so end at the right value all the same.
    """
    result = stored.astype(kind)
    if slope != 1:
        result *= np.array(slope & _BITS_64, np.uint64).astype(kind)
    if intercept:
        result += np.array(intercept & _BITS_64, np.uint64).astype(kind)
    return result


def _linear(stored: NDArray[Any], slope: float, intercept: float, kind: np.dtype[Any]) -> NDArray[Any]:
    """value * slope + intercept in 64 bits, in strips of rows so that a large picture needs little more than itself."""
    result = np.empty(stored.shape, kind)
    step = max(1, 1_000_000 // stored.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for row in range(0, stored.shape[0], step):
            result[row : row + step] = stored[row : row + step].astype(np.float64) * slope + intercept
    return result


def display_type(stored: NDArray[Any]) -> NDArray[Any]:
    """The same values as one of the types a Frame gives: uint8, uint16, int16, int32 or float32."""
    if stored.dtype == np.int8:
        return stored.astype(np.int16)
    if stored.dtype == np.uint32:
        return stored.astype(np.int32 if stored.max() <= np.iinfo(np.int32).max else np.float32)
    return stored


def interleaved(planes: NDArray[Any]) -> NDArray[Any]:
    """Colour by plane (samples, rows, cols) to (rows, cols, samples)."""
    if planes.dtype in (np.uint8, np.uint16):
        import cv2

        merged: NDArray[Any] = cv2.merge(list(planes))  # thirty times as fast as numpy
        return merged
    return np.ascontiguousarray(np.moveaxis(planes, 0, -1))


def palette_to_rgb(stored: NDArray[Any], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Palette numbers (rows, cols) to (rows, cols, 3) RGB; `palette` is (2**bits, 3) by bit pattern."""
    rgb: NDArray[np.uint8] = palette[stored.view(f"u{stored.itemsize}")]
    return rgb


def to_rgb(stored: NDArray[Any], photometric: str, bits: int) -> NDArray[Any]:
    """(rows, cols, 3) as stored to RGB, uint8 or uint16; `bits` (BitsStored) fill the type's range.

    YBR_FULL and YBR_FULL_422 by PS3.3 C.7.6.3.1.2; the JPEG 2000 codec has undone YBR_RCT and YBR_ICT itself.
    """
    values = stored.view(f"u{stored.itemsize}")
    if values.itemsize == 4:
        values = (values >> np.uint32(max(0, bits - 16))).astype(np.uint16)
        bits = min(bits, 16)
    if photometric in ("YBR_FULL", "YBR_FULL_422"):
        values = ybr_to_rgb(values, bits)
    return np.ascontiguousarray(spread(values, bits))


def spread(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Unsigned samples of `bits` bits over the whole range of 8 or 16 bits, since nobody windows them later: colour of
    fewer, grey of fewer than 8. All else, deep grey above all, stays as it is."""
    if bits in (8, 16) or bits > (16 if values.ndim == 3 else 8):
        return values
    top = (1 << bits) - 1
    full = 255 if bits < 8 else 65535
    scaled = (values.astype(np.uint32) * full + top // 2) // top
    return scaled.astype(np.uint8 if bits < 8 else np.uint16)


def ybr_to_rgb(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """YBR_FULL to RGB of the same type (ITU-R BT.601, full range, chroma centred at half of the range)."""
    if values.dtype == np.uint8 and bits == 8:
        import cv2

        # OpenCV wants Y, Cr, Cb.
        converted: NDArray[Any] = cv2.cvtColor(np.ascontiguousarray(values[:, :, [0, 2, 1]]), cv2.COLOR_YCrCb2RGB)
        return converted
    luma, half = values[:, :, 0].astype(np.float32), np.float32(1 << (bits - 1))
    blue, red = values[:, :, 1].astype(np.float32) - half, values[:, :, 2].astype(np.float32) - half
    rgb = np.stack((luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue), axis=-1)
    clipped: NDArray[Any] = np.clip(np.rint(rgb), 0, (1 << bits) - 1).astype(values.dtype)
    return clipped
