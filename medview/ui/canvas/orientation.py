"""The letters that say which sides of the patient lie at the edges of the picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen

from medview.imaging.geometry import Orientation
from medview.ui import theme
from medview.ui.canvas.layers import Layer, Reuse
from medview.ui.canvas.transform import Transform
from medview.workspace.viewport import Viewport

SIZE_PX = 15
# The dark rim around each letter, so that it can be read on white as well.
SHADOW, SHADOW_PX = QColor(0, 0, 0, 210), 4.0


class OrientationLayer(Layer):
    """The letters, at the edges of the canvas wherever the picture is moved to."""

    def __init__(self, letters: Orientation) -> None:
        self._letters = letters

    @classmethod
    def of(cls, viewport: Viewport, reuse: Reuse) -> Iterator[Self]:
        """One, where the file says how the patient lies."""
        letters = viewport.picture.frame.orientation if viewport.picture is not None else None
        if letters:
            layer = reuse(cls, letters)
            layer.visible = viewport.settings["sides_on"]
            yield layer

    def paint(self, painter: QPainter, transform: Transform, device_ratio: float) -> None:
        """Where the picture lies does not matter."""
        draw_orientation(painter, self._letters, QRectF(0, 0, transform.width, transform.height))


def draw_orientation(painter: QPainter, letters: Orientation, area: QRectF) -> None:
    """Draw the letters at the middle of each edge of `area`, in the coordinates of the widget."""
    font = QFont(painter.font())
    font.setPixelSize(SIZE_PX)
    font.setWeight(QFont.Weight.DemiBold)
    metrics = QFontMetricsF(font)
    inner = area.adjusted(theme.STEP, theme.STEP, -theme.STEP, -theme.STEP)
    middle, high = inner.center(), metrics.capHeight()
    # The middle of the letters at each edge; at the sides they begin or end at the margin, however many they are.
    places = (
        (letters.left, inner.left() + metrics.horizontalAdvance(letters.left) / 2, middle.y()),
        (letters.top, middle.x(), inner.top() + high / 2),
        (letters.right, inner.right() - metrics.horizontalAdvance(letters.right) / 2, middle.y()),
        (letters.bottom, middle.x(), inner.bottom() - high / 2),
    )
    path = QPainterPath()
    for text, x, y in places:
        path.addText(QPointF(x - metrics.horizontalAdvance(text) / 2, y + high / 2), font, text)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    rim = QPen(SHADOW, SHADOW_PX, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.strokePath(path, rim)
    painter.fillPath(path, QColor(theme.TEXT))
