"""Plain steps on a picture's values that more than one rule needs: size, grey, grey range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Robust ends of the grey scale: films carry a few saturated letters and a few black border pixels.
STRETCH_PERCENTILES = (0.5, 99.5)
# The shorter side of what is left of a large film, pixels: twice what the largest network sees of it, and more.
ENOUGH = 640
# ITU-R BT.601 luma, what every reader of the training images used for grey.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def as_8_bit(values: NDArray[Any], few_bits: tuple[float, float] | None) -> NDArray[Any]:
    """Grey values of fewer than 8 bits, which run from `few_bits[0]` to `few_bits[1]`, over 0 to 255 (uint8): models
    learned from such pictures, and a film of 16 shades is no dark one. All others (`few_bits` None) as they are."""
    if few_bits is None or values.ndim == 3 or not few_bits[1] > few_bits[0]:
        return values
    low, high = few_bits
    return np.clip(np.rint((values.astype(np.float32) - low) * (255 / (high - low))), 0, 255).astype(np.uint8)


def resize_squash(values: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resize (rows, cols[, 3]) to `size`; area averaging where it shrinks, linear where it grows. Keeps the type."""
    import cv2

    rows, cols = size
    if values.shape[:2] == (rows, cols):
        return values
    if values.dtype not in (np.uint8, np.uint16, np.int16, np.float32):
        values = values.astype(np.float32)
    # cv2's own reduction limit and plain sanity: a 1-pixel side is repeated, not interpolated from nothing.
    shrinks = values.shape[0] >= rows and values.shape[1] >= cols
    return cv2.resize(
        np.ascontiguousarray(values), (cols, rows), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )


def shrunk(values: NDArray[Any]) -> NDArray[Any]:
    """A large film (rows, cols[, 3]) made smaller by a whole number, once for all that look at it; its shorter side
    keeps `ENOUGH` pixels. Others as they are. Shrinking 9 megapixels takes longer than a network does."""
    factor = min(values.shape[:2]) // ENOUGH
    return resize_squash(values, (values.shape[0] // factor, values.shape[1] // factor)) if factor > 1 else values


def to_grey(values: NDArray[Any]) -> NDArray[Any]:
    """Luma of (rows, cols, 3) as float32; grey values are returned as they are."""
    return values if values.ndim == 2 else values.astype(np.float32) @ LUMA


def stretch(values: NDArray[Any]) -> NDArray[np.float32]:
    """Map the robust range of `values` linearly to 0-1 and clip; a constant picture becomes 0."""
    x = np.asarray(values, np.float32)
    low, high = np.percentile(x, STRETCH_PERCENTILES)
    if not high > low:
        return np.zeros_like(x)
    return np.clip((x - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
