"""From a picture's values to a network's input: one function per rule a card can name.

Training calls the very same functions, so what a model saw and what it is given cannot drift apart. Values come from
`Frame.modality_values()`: (rows, cols) grey or (rows, cols, 3) RGB, never from the screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Robust ends of the grey scale: films carry a few saturated letters and a few black border pixels.
STRETCH_PERCENTILES = (0.5, 99.5)
# ITU-R BT.601 luma, what every reader of the training images used for grey.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)

RULES = {
    "resize": ("squash",),
    "colour": ("grey", "rgb"),
    "intensity": ("stretch", "range"),
    "scaling": ("symmetric",),
}


@dataclass(frozen=True)
class Preprocess:
    """How a card wants its input made. Raises ValueError for a rule that does not exist.

    Attributes:
        size: (rows, cols) of the network's input.
        resize: `squash` (both sides to `size`, the aspect is not kept, so that it is no cue).
        colour: `grey` (luma, repeated on three channels) or `rgb`.
        intensity: `stretch` (0.5-99.5 percentiles to 0-1) or `range` (8-bit divided by 255; deeper data stretched,
            since its range is not the display's).
        scaling: `symmetric`, 0-1 to [-1, 1].
    """

    size: tuple[int, int]
    colour: str
    intensity: str
    resize: str = "squash"
    scaling: str = "symmetric"

    def __post_init__(self) -> None:
        for name, known in RULES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} rule {getattr(self, name)!r} is not one of {', '.join(known)}")


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


def to_unit(values: NDArray[Any], intensity: str) -> NDArray[np.float32]:
    """`values` as float32 in 0-1, by the intensity rule of the card (see `Preprocess`)."""
    if intensity == "range" and values.dtype == np.uint8:
        return values.astype(np.float32) / np.float32(255.0)
    return stretch(values)


def to_canonical(values: NDArray[Any], rule: Preprocess, inverted: bool = False) -> NDArray[np.float32]:
    """Every step that comes before the network's scaling: (rows, cols) or (rows, cols, 3), float32 in 0-1.

    `inverted` says that low values are bright (MONOCHROME1). The grey range is measured after the resize: the same
    numbers within noise, at a hundredth of the cost for a 9-megapixel film.
    """
    bit_depth_8 = values.dtype == np.uint8
    small = resize_squash(values, rule.size)
    if rule.colour == "grey":
        small = to_grey(small)
        if bit_depth_8 and rule.intensity == "range":
            small = np.clip(np.rint(small), 0, 255).astype(np.uint8)
    elif small.ndim == 2:
        small = np.repeat(small[:, :, None], 3, axis=2)
    unit = to_unit(small, rule.intensity)
    return np.float32(1.0) - unit if inverted else unit


def to_input(unit: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale 0-1 values to the network's tensor by the one rule there is: (1, 3, rows, cols) float32 in [-1, 1]."""
    if unit.ndim == 2:
        unit = np.repeat(unit[:, :, None], 3, axis=2)
    return np.ascontiguousarray(unit.transpose(2, 0, 1)[None] * np.float32(2.0) - np.float32(1.0))


def preprocess(values: NDArray[Any], rule: Preprocess, inverted: bool = False) -> NDArray[np.float32]:
    """The whole road from a picture's values to the network's input, (1, 3, rows, cols) float32 in [-1, 1]."""
    return to_input(to_canonical(values, rule, inverted))
