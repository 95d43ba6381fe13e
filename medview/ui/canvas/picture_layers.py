"""The layers that belong to a picture: itself, what its file draws, what models and segmentations mark in it.

A picture that is shown at half its size or less is reduced first, by area averaging in whole powers of two: nothing
fine is skipped (which bilinear painting would do), and a 9-megapixel film costs no more than what is seen of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage

from medview.core.failures import Failure
from medview.imaging.window import Window, render
from medview.inference.region import Region
from medview.ui.canvas.layers import ColourLayer, RasterLayer, Reuse
from medview.workspace.outlines import Outline
from medview.workspace.viewport import Viewport

MAX_LEVEL = 6
# A heatmap has a few hundred numbers; enlarging it beyond this adds nothing the screen's own smoothing does not.
HEAT_SIDE = 768
# Drawings of the file: pale yellow is neither the mask's colour nor any grey.
DRAWING_RGBA = (255, 236, 150, 255)


def level_for(scale: float) -> int:
    """Which reduction (0 none, 1 half, 2 quarter ...) serves device pixels per image pixel `scale`."""
    return min(max(math.floor(math.log2(1 / scale)), 0), MAX_LEVEL) if scale > 0 else MAX_LEVEL


class PictureLayer(RasterLayer):
    """The picture: (rows, cols) grey through a window, or (rows, cols, 3) RGB uint8. QImages share its buffers.

    Attributes:
        window: that a grey picture is seen through; None for colour.
        inverted: black and white swapped.
    """

    window: Window | None = None
    inverted = False

    def __init__(self, values: NDArray[Any], padding: tuple[float, float] | None = None) -> None:
        super().__init__(QRectF(0, 0, values.shape[1], values.shape[0]))
        self._levels: dict[int, NDArray[Any]] = {0: values}
        self._padding = padding
        self._buffers: dict[int, NDArray[np.uint8]] = {}
        self._key: tuple[int, Window | None, bool] | None = None
        self._image = QImage()

    @classmethod
    def of(cls, viewport: Viewport, reuse: Reuse) -> Iterator[Self]:
        """One, through the window of the view."""
        picture, view = viewport.picture, viewport.view
        if picture is not None:
            layer = reuse(cls, picture.shown, picture.frame.padding)
            layer.window, layer.inverted = view.window_of(picture), view.inverts(picture)
            yield layer

    def image(self, device_scale: float) -> QImage:
        """Reduced as the scale asks for; made anew when the window is another."""
        key = (level_for(device_scale), self.window, self.inverted)
        if key != self._key:
            self._image, self._key = self._make(*key), key
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
        if values.ndim == 2 and window is not None:
            # The same buffer every time: dragging the window allocates nothing.
            buffer = render(values, window, inverted, self._buffers.get(level), self._padding)
        else:
            buffer = np.ascontiguousarray(255 - values if inverted else values)
        self._buffers[level] = buffer
        kind = QImage.Format.Format_Grayscale8 if buffer.ndim == 2 else QImage.Format.Format_RGB888
        return QImage(buffer.data, cols, rows, buffer.strides[0], kind)


class DrawingLayer(ColourLayer):
    """What a file draws over its picture (rows, cols): only the box around it is kept."""

    def __init__(self, drawn: NDArray[np.bool_]) -> None:
        super().__init__(_box(drawn.view(np.uint8)))
        self._drawn = drawn

    @classmethod
    def of(cls, viewport: Viewport, reuse: Reuse) -> Iterator[Self]:
        """One, where the file draws something."""
        if viewport.picture is not None and viewport.picture.drawn is not None:
            yield reuse(cls, viewport.picture.drawn)

    def rgba(self) -> NDArray[np.uint8]:
        """One colour."""
        drawn = _cut(self._drawn, self.bounds)
        part = np.zeros((*drawn.shape, 4), np.uint8)
        part[drawn] = DRAWING_RGBA
        return part


class HeatmapLayer(ColourLayer):
    """A heatmap (h, w) over a picture of `shape` (rows, cols), with a frame around a region that is not all of it."""

    smooth = True

    def __init__(self, heatmap: NDArray[np.float32], region: Region, shape: tuple[int, int]) -> None:
        super().__init__(QRectF(0, 0, shape[1], shape[0]))
        self._heatmap, self._region, self._shape = heatmap, region, shape

    @classmethod
    def of(cls, viewport: Viewport, reuse: Reuse) -> Iterator[Self]:
        """One, of the chosen label."""
        picture, heatmap = viewport.picture, viewport.heatmap
        if picture is not None and heatmap is not None:
            layer = reuse(cls, *heatmap, picture.shown.shape[:2])
            layer.visible, layer.opacity = viewport.layers.heatmap_on, viewport.layers.heatmap_opacity
            yield layer

    def rgba(self) -> NDArray[np.uint8]:
        """Its colours, translucent where little spoke for the label."""
        from medview.report.overlay import heatmap_rgba

        return heatmap_rgba(self._heatmap, heat_size(*self._shape), self._region)


def heat_size(rows: int, cols: int) -> tuple[int, int]:
    """(rows, cols) at which the heatmap of a picture of this size is drawn."""
    factor = min(1.0, HEAT_SIDE / max(rows, cols))
    return max(1, round(rows * factor)), max(1, round(cols * factor))


class MaskLayer(ColourLayer):
    """What a model marks (rows, cols). Only the box around it is kept: a mask of a film is mostly empty."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        super().__init__(_box(pixels))
        self._mask = pixels

    @classmethod
    def of(cls, viewport: Viewport, reuse: Reuse) -> Iterator[Self]:
        """One, where a model marks something."""
        mask = viewport.mask
        if viewport.picture is not None and mask is not None and mask.count:
            layer = reuse(cls, mask.pixels)
            layer.visible, layer.opacity = viewport.layers.mask_on, viewport.layers.mask_opacity
            yield layer

    def rgba(self) -> NDArray[np.uint8]:
        """Translucent inside, with an outline as wide as in the whole picture."""
        from medview.report.overlay import mask_rgba, outline_width

        return mask_rgba(_cut(self._mask, self.bounds), outline_width(*self._mask.shape))


class SegmentLayer(ColourLayer):
    """What one segment of a segmentation marks."""

    def __init__(self, outline: Outline) -> None:
        rows, cols = outline.rgba.shape[:2]
        super().__init__(QRectF(outline.col, outline.row, cols, rows))
        self._outline = outline

    @classmethod
    def of(cls, viewport: Viewport, reuse: Reuse) -> Iterator[Self]:
        """One for each segment that marks something here, of the oldest segmentation first."""
        for shown in viewport.segmentations.shown:
            outlines = viewport.segmentations.outlines(shown)
            for outline in () if isinstance(outlines, Failure) else outlines:
                layer = reuse(cls, outline)
                layer.visible = shown.on and outline.segment not in shown.off
                layer.opacity = shown.opacity
                yield layer

    def rgba(self) -> NDArray[np.uint8]:
        """As it was made where segmentations are read."""
        return self._outline.rgba


def _box(marked: NDArray[np.uint8]) -> QRectF:
    """The box around what is not 0 in (rows, cols); one pixel at least."""
    import cv2

    x, y, width, height = cv2.boundingRect(marked)
    return QRectF(x, y, max(width, 1), max(height, 1))


def _cut(values: NDArray[Any], box: QRectF) -> NDArray[Any]:
    part = box.toRect()
    return values[part.top() : part.top() + part.height(), part.left() : part.left() + part.width()]
