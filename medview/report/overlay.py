"""Heatmaps and masks as colour: what the canvas lays over the picture and what the exports burn into it.

Arrays are (rows, cols) and (rows, cols, 4) RGBA, alpha not premultiplied. Pictures may have 100 million pixels, so
a function needs little memory beside what it returns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.imaging.window import _strips
from medview.inference.region import WHOLE, Region

# Heat below the first value is not drawn at all, from the second on it is fully drawn.
CLEAR_BELOW, FULL_FROM = 0.30, 0.85
# Bright cyan: no anatomy, no skin and no part of the heat colours has it, and it differs for every colour vision.
MASK_RGB = (0, 214, 255)
MASK_FILL_ALPHA = 72
# Pale, so that it reads as a note on the picture and not as something in it.
FRAME_RGBA, SHADE_RGBA = (255, 255, 255, 140), (0, 0, 0, 110)
# The outline is one pixel wide per this many pixels of the longer side.
OUTLINE_EVERY = 450


def heat_colours() -> NDArray[np.uint8]:
    """The 256 colours of heat (256, 3) RGB: inferno, perceptually uniform and safe for every colour vision."""
    import cv2

    ramp = np.arange(256, dtype=np.uint8)[:, None]
    return np.ascontiguousarray(cv2.applyColorMap(ramp, cv2.COLORMAP_INFERNO)[:, 0, ::-1])


def drawn(heatmap: NDArray[np.floating[Any]]) -> bool:
    """Whether anything of a heatmap (h, w) of 0-1 is to be seen."""
    return bool((heatmap > CLEAR_BELOW).any())


def heatmap_rgba(
    heatmap: NDArray[np.floating[Any]], size: tuple[int, int], region: Region = WHOLE
) -> NDArray[np.uint8]:
    """A heatmap (h, w) of 0-1 as (rows, cols, 4), enlarged smoothly to `size`; low heat is transparent. A thin frame
    stands around the region (the lungs, say, as found) where it is not the whole picture."""
    import cv2

    rows, cols = size
    grid = np.rint(np.clip(heatmap, 0.0, 1.0) * 255).astype(np.uint8)
    heat = cv2.resize(grid, (cols, rows), interpolation=cv2.INTER_CUBIC)
    alpha = np.clip((np.arange(256) / 255 - CLEAR_BELOW) / (FULL_FROM - CLEAR_BELOW), 0.0, 1.0)
    table = np.dstack([heat_colours()[None], np.rint(alpha * 255).astype(np.uint8)[None]])
    # One 32-bit number a colour: looked up four times as fast as four bytes.
    rgba = table.view(np.uint32).reshape(256)[heat][..., None].view(np.uint8)
    if region != WHOLE:
        top, left = int(region.top * rows), int(region.left * cols)
        bottom, right = max(top, int(region.bottom * rows) - 1), max(left, int(region.right * cols) - 1)
        width = outline_width(rows, cols)
        # Dark beside pale: one of the two is seen on any grey.
        cv2.rectangle(rgba, (left + width, top + width), (right - width, bottom - width), SHADE_RGBA, width)
        cv2.rectangle(rgba, (left, top), (right, bottom), FRAME_RGBA, width)
    return rgba


def outline_width(rows: int, cols: int) -> int:
    """Pixels of a mask's outline in a picture of that size."""
    return max(1, round(max(rows, cols) / OUTLINE_EVERY))


def mask_rgba(
    mask: NDArray[np.uint8], width: int | None = None, colour: tuple[int, int, int] = MASK_RGB
) -> NDArray[np.uint8]:
    """A mask (rows, cols) of 0 and 1 as (rows, cols, 4): translucent inside, a solid outline on its own border.

    `width` of the outline in pixels; by the size of the mask unless given, as for a piece of a larger mask.
    """
    import cv2

    marked = np.ascontiguousarray(mask != 0).view(np.uint8)
    width = width or outline_width(*marked.shape)
    # A border of zeros closes the outline where the mask touches the edge of the picture.
    inner = cv2.erode(
        marked, np.ones((3, 3), np.uint8), iterations=width, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    rgba = np.zeros((*marked.shape, 4), np.uint8)
    rgba[marked != 0] = (*colour, 255)
    rgba[inner != 0, 3] = MASK_FILL_ALPHA
    return rgba


def burn(image: NDArray[np.uint8], rgba: NDArray[np.uint8], opacity: float) -> NDArray[np.uint8]:
    """`rgba` (rows, cols, 4) laid over an 8-bit picture (rows, cols[, 3]) at `opacity` 0-1; (rows, cols, 3) RGB."""
    weights = np.rint(np.arange(256) * opacity).astype(np.uint16)
    mixed = np.empty((*rgba.shape[:2], 3), np.uint8)
    for part in _strips(*rgba.shape[:2]):
        alpha = weights[rgba[part, :, 3:]]
        below = image[part] if image.ndim == 3 else image[part, :, None]
        total = below * (255 - alpha) + rgba[part, :, :3] * alpha + 128
        # Divided by 255 and rounded, within 16 bits: Blinn, "Three wrongs make a right" (1995).
        mixed[part] = (total + (total >> 8)) >> 8
    return mixed


def reduced(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """An 8-bit picture (rows, cols[, 3]) with its longer side at most `side` pixels, by area averaging."""
    import cv2

    rows, cols = image.shape[:2]
    factor = side / max(rows, cols)
    if factor >= 1:
        return image
    size = (max(1, round(cols * factor)), max(1, round(rows * factor)))
    return cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA)
