"""The layers of the canvas: arrays turned into QImages, no larger than the screen needs.

A picture that is shown at half its size or less is reduced first, by area averaging in whole powers of two: nothing
fine is skipped (which bilinear painting would do), and a 9-megapixel film costs no more than what is seen of it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage

from medview.imaging.window import Window, render
from medview.inference.region import Region
from medview.workspace.outlines import Outline

MAX_LEVEL = 6
# A heatmap has a few hundred numbers; enlarging it beyond this adds nothing the screen's own smoothing does not.
HEAT_SIDE = 768
# Drawings of the file: pale yellow is neither the mask's colour nor any grey.
DRAWING_RGBA = (255, 236, 150, 255)


def level_for(scale: float) -> int:
    """Which reduction (0 none, 1 half, 2 quarter ...) serves device pixels per image pixel `scale`."""
    return min(max(math.floor(math.log2(1 / scale)), 0), MAX_LEVEL) if scale > 0 else MAX_LEVEL


class ImageLayer:
    """The picture: (rows, cols) grey through a window, or (rows, cols, 3) RGB uint8. QImages share its buffers."""

    def __init__(self, values: NDArray[Any], padding: tuple[float, float] | None = None) -> None:
        self._levels: dict[int, NDArray[Any]] = {0: values}
        self._padding = padding
        self._buffers: dict[int, NDArray[np.uint8]] = {}
        self._key: tuple[int, Window | None, bool] | None = None
        self._image = QImage()
        self.is_grey = values.ndim == 2

    def image(self, level: int, window: Window | None, inverted: bool) -> QImage:
        """The picture at a reduction, through `window` (grey only). Valid until the next call."""
        key = (level, window, inverted)
        if key != self._key:
            self._image = self._make(level, window, inverted)
            self._key = key
        return self._image

    def _level(self, level: int) -> NDArray[Any]:
        if level not in self._levels:
            import cv2

            full = self._levels[0]
            rows, cols = full.shape[:2]
            source = full.astype(np.float32) if full.dtype == np.int32 else full
            size = (max(1, round(cols / 2**level)), max(1, round(rows / 2**level)))
            self._levels[level] = cv2.resize(np.ascontiguousarray(source), size, interpolation=cv2.INTER_AREA)
        return self._levels[level]

    def _make(self, level: int, window: Window | None, inverted: bool) -> QImage:
        values = self._level(level)
        rows, cols = values.shape[:2]
        if self.is_grey and window is not None:
            # The same buffer every time: dragging the window allocates nothing.
            buffer = render(values, window, inverted, self._buffers.get(level), self._padding)
        else:
            buffer = np.ascontiguousarray(255 - values if inverted else values)
        self._buffers[level] = buffer
        kind = QImage.Format.Format_Grayscale8 if buffer.ndim == 2 else QImage.Format.Format_RGB888
        return QImage(buffer.data, cols, rows, buffer.strides[0], kind)


class ColourLayer:
    """A heatmap, mask or drawing: (rows, cols, 4) RGBA, whatever its size, and the part of the picture it covers."""

    def __init__(self, rgba: NDArray[np.uint8], smooth: bool, place: QRectF) -> None:
        self._rgba = np.ascontiguousarray(rgba)
        rows, cols = self._rgba.shape[:2]
        self.smooth, self.place = smooth, place
        self.image = QImage(self._rgba.data, cols, rows, cols * 4, QImage.Format.Format_RGBA8888)


def heat_layer(heatmap: NDArray[np.float32], region: Region, rows: int, cols: int) -> ColourLayer:
    """A heatmap (h, w) over a picture of `rows` x `cols`, with a frame around a region that is not all of it."""
    from medview.report.overlay import heatmap_rgba

    return ColourLayer(heatmap_rgba(heatmap, heat_size(rows, cols), region), True, QRectF(0, 0, cols, rows))


def mask_layer(pixels: NDArray[np.uint8]) -> ColourLayer:
    """A mask (rows, cols) with marked pixels. Only the box around them is kept: a mask of a film is mostly empty."""
    import cv2

    from medview.report.overlay import mask_rgba, outline_width

    x, y, width, height = cv2.boundingRect(pixels)
    part = mask_rgba(pixels[y : y + height, x : x + width], outline_width(*pixels.shape))
    return ColourLayer(part, False, QRectF(x, y, width, height))


def outline_layer(outline: Outline) -> ColourLayer:
    """What one segment of a segmentation marks."""
    rows, cols = outline.rgba.shape[:2]
    return ColourLayer(outline.rgba, False, QRectF(outline.col, outline.row, cols, rows))


def drawing_layer(drawn: NDArray[np.bool_]) -> ColourLayer:
    """What a file draws over its picture (rows, cols): only the box around it is kept."""
    import cv2

    x, y, width, height = cv2.boundingRect(drawn.view(np.uint8))
    part = np.zeros((max(height, 1), max(width, 1), 4), np.uint8)
    part[drawn[y : y + height, x : x + width]] = DRAWING_RGBA
    return ColourLayer(part, False, QRectF(x, y, part.shape[1], part.shape[0]))


def heat_size(rows: int, cols: int) -> tuple[int, int]:
    """(rows, cols) at which the heatmap of a picture of this size is drawn."""
    factor = min(1.0, HEAT_SIDE / max(rows, cols))
    return max(1, round(rows * factor)), max(1, round(cols * factor))
