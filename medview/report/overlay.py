"""Heatmaps and masks as colour: what the canvas lays over the picture and what the exports burn into it.

Arrays are (rows, cols) and (rows, cols, 4) RGBA, alpha not premultiplied.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.imaging.window import Window, render, usual_window

# Heat below the first value is not drawn at all, from the second on it is fully drawn.
CLEAR_BELOW, FULL_FROM = 0.30, 0.85
# Bright cyan: no anatomy, no skin and no part of the heat colours has it, and it differs for every colour vision.
MASK_RGB = (0, 214, 255)
MASK_FILL_ALPHA = 72
# The outline is one pixel wide per this many pixels of the longer side.
OUTLINE_EVERY = 450


def heat_colours() -> NDArray[np.uint8]:
    """The 256 colours of heat (256, 3) RGB: inferno, perceptually uniform and safe for every colour vision."""
    import cv2

    ramp = np.arange(256, dtype=np.uint8)[:, None]
    return np.ascontiguousarray(cv2.applyColorMap(ramp, cv2.COLORMAP_INFERNO)[:, 0, ::-1])


def heatmap_rgba(heatmap: NDArray[np.floating[Any]], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A heatmap (h, w) of 0-1 as (rows, cols, 4), enlarged smoothly to `size`; low heat is transparent."""
    import cv2

    rows, cols = size
    grid = np.ascontiguousarray(heatmap, np.float32)
    heat = np.clip(cv2.resize(grid, (cols, rows), interpolation=cv2.INTER_CUBIC), 0.0, 1.0)
    alpha = np.clip((heat - CLEAR_BELOW) / (FULL_FROM - CLEAR_BELOW), 0.0, 1.0)
    rgba = np.empty((rows, cols, 4), np.uint8)
    rgba[..., :3] = heat_colours()[np.rint(heat * 255).astype(np.uint8)]
    rgba[..., 3] = np.rint(alpha * 255)
    return rgba


def outline_width(rows: int, cols: int) -> int:
    """Pixels of a mask's outline in a picture of that size."""
    return max(1, round(max(rows, cols) / OUTLINE_EVERY))


def mask_rgba(mask: NDArray[np.uint8], width: int | None = None) -> NDArray[np.uint8]:
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
    rgba[marked != 0] = (*MASK_RGB, 255)
    rgba[inner != 0, 3] = MASK_FILL_ALPHA
    return rgba


def burn(image: NDArray[np.uint8], rgba: NDArray[np.uint8], opacity: float) -> NDArray[np.uint8]:
    """`rgba` (rows, cols, 4) laid over an 8-bit picture (rows, cols[, 3]) at `opacity` 0-1; (rows, cols, 3) RGB."""
    rgb = np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image
    alpha = rgba[..., 3:].astype(np.float32) * np.float32(opacity / 255.0)
    mixed = rgb.astype(np.float32) * (1 - alpha) + rgba[..., :3].astype(np.float32) * alpha
    return np.rint(mixed).astype(np.uint8)


def to_8bit(values: NDArray[Any], window: Window | None = None, inverted: bool = False) -> NDArray[np.uint8]:
    """Modality values as the eye sees them: grey (rows, cols) through `window`, RGB (rows, cols, 3) by its range."""
    if values.ndim == 2:
        return render(values, window or usual_window(values), inverted)
    rgb = values if values.dtype == np.uint8 else (values >> 8).astype(np.uint8)
    return np.ascontiguousarray(255 - rgb if inverted else rgb)
