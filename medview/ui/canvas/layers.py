"""What the canvas paints: layers, each of one source, one over the other under one transform.

A new kind of layer is a new class (medview/ui/canvas/layer_list.py names them in their order); the canvas knows none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, QTransform

from medview.ui.canvas.transform import Transform
from medview.workspace.viewport import Viewport

# From this many device pixels per image pixel on, single pixels are shown as squares.
SQUARES_FROM = 4.0


class Layer(ABC):
    """One thing on the canvas.

    Attributes:
        source: what it is made of, by whoever keeps it (see Reuse).
        visible, opacity (0-1): whether and how strongly it is painted.
    """

    visible = True
    opacity = 1.0
    source: tuple[object, ...] | None = None

    @classmethod
    @abstractmethod
    def of(cls, viewport: Viewport, reuse: Reuse) -> Iterator[Self]:
        """The layers of this class for what is shown now, lowest first. Asked at every step of a drag: what takes time
        waits until the layer is painted."""

    @abstractmethod
    def paint(self, painter: QPainter, transform: Transform, device_ratio: float) -> None:
        """Paint, in the coordinates of the canvas; `device_ratio`: device pixels to one of them. The painter has the
        opacity of the layer, and may be left as it pleases."""


LayerT = TypeVar("LayerT", bound=Layer)


class Reuse:
    """Gives layers: one of the old ones where it is made of the same objects, with the QImage that it holds, else a new
    one."""

    def __init__(self, old: Sequence[Layer]) -> None:
        self._old = old

    def __call__(self, kind: type[LayerT], *source: object) -> LayerT:
        """`kind(*source)`, made now or before."""
        for layer in self._old:
            if type(layer) is kind and layer.source is not None and _same(layer.source, source):
                return layer
        made = kind(*source)
        made.source = source
        return made


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether two sources hold the same objects; comparing by value would compare their arrays. Tuples (of numbers) are
    made anew each time."""
    return all(a is b or (isinstance(a, tuple) and a == b) for a, b in zip(one, other, strict=True))


def paint_layers(painter: QPainter, layers: Iterable[Layer], transform: Transform, device_ratio: float) -> None:
    """Paint the visible ones of `layers`, lowest first."""
    for layer in layers:
        if layer.visible:
            painter.save()
            painter.setOpacity(layer.opacity)
            layer.paint(painter, transform, device_ratio)
            painter.restore()


class RasterLayer(Layer):
    """A layer that is an image, over all of the picture or a part of it.

    Attributes:
        bounds: the part of the picture that it covers: columns and rows as x and y.
        smooth: whether it stays smooth where single pixels of the picture are shown as squares.
    """

    smooth = False

    def __init__(self, bounds: QRectF) -> None:
        self.bounds = bounds

    @abstractmethod
    def image(self, device_scale: float) -> QImage:
        """The image to paint at so many device pixels per image pixel. Valid until the next call."""

    def paint(self, painter: QPainter, transform: Transform, device_ratio: float) -> None:
        """Paint the image onto its bounds."""
        placed = QTransform(transform.scale, 0, 0, transform.scale * transform.aspect, transform.left, transform.top)
        device_scale = transform.scale * device_ratio
        squares = device_scale >= SQUARES_FROM or device_scale == 1.0
        painter.setTransform(placed, True)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.smooth or not squares)
        painter.drawImage(self.bounds, self.image(device_scale))


class ColourLayer(RasterLayer):
    """A layer in colours of its own, made when it is first seen."""

    _image: QImage | None = None

    @abstractmethod
    def rgba(self) -> NDArray[np.uint8]:
        """(rows, cols, 4), of whatever size, over `bounds`."""

    def image(self, device_scale: float) -> QImage:
        """The same at every scale."""
        if self._image is None:
            # Kept, since the QImage lies over it.
            self._pixels = np.ascontiguousarray(self.rgba())
            rows, cols = self._pixels.shape[:2]
            self._image = QImage(self._pixels.data, cols, rows, cols * 4, QImage.Format.Format_RGBA8888)
        return self._image
