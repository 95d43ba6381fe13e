"""Where a picture is looked at: paints layers, hands the mouse to tools, steps and zooms by the wheel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from medview.ui import theme
from medview.ui.canvas.layer_list import layers_of
from medview.ui.canvas.layers import Layer, paint_layers
from medview.ui.canvas.tools import BINDINGS, Binding, Context, Press, Tool, tool_for
from medview.ui.canvas.transform import Transform
from medview.workspace.view import Picture
from medview.workspace.viewport import Viewport

ZOOM_STEP = 1.2
# Of a wheel: an eighth of a degree each, Qt's unit. A trackpad that only tells pixels counts as a wheel by these.
NOTCH, PIXELS_A_NOTCH = 120, 40


class Canvas(QWidget):
    """Shows a viewport. Left drag: window; right drag: zoom; middle, space or Ctrl drag: move. Wheel: through the
    frames where there are several, with Shift through time; zoom with Ctrl, and where there is one picture.

    Attributes:
        viewport: the owner of what is shown and how.
        layers: what is painted, the lowest first.
        bindings: which press starts which tool.

    pointed((row, col) or None): the image pixel under the cursor. scaled(): the scale changed. menuAsked(QPoint on the
    screen): a right click, or the menu key.
    """

    pointed = Signal(object)
    scaled = Signal()
    menuAsked = Signal(QPoint)

    def __init__(self, viewport: Viewport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport = viewport
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 200)
        # Pictures are never mirrored, in whatever direction people read.
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.setAccessibleName(self.tr("Picture"))
        self._picture: Picture | None = None
        self.layers: list[Layer] = []
        self.bindings: Sequence[Binding] = BINDINGS
        self._tool: Tool | None = None
        self._tools = Context(viewport, self.transform, self.setCursor, self.menuAsked.emit)
        self._turned = 0.0
        self._space = False
        viewport.pictureChanged.connect(self._on_picture_changed)
        viewport.viewChanged.connect(self._on_view_changed)
        viewport.analysisChanged.connect(self._refresh)
        viewport.layersChanged.connect(self._refresh)
        viewport.segmentations.changed.connect(self._refresh)
        self._on_picture_changed()

    # What is shown

    def _on_picture_changed(self) -> None:
        if self.viewport.picture is not self._picture:
            self._picture = self.viewport.picture
            self.pointed.emit(None)
        self._on_view_changed()

    def _on_view_changed(self) -> None:
        self._refresh()
        self.scaled.emit()

    def _refresh(self) -> None:
        self.layers = layers_of(self.viewport, self.layers)
        self.update()

    def transform(self) -> Transform | None:
        """Where the picture lies now, or None without one."""
        picture, view = self.viewport.picture, self.viewport.view
        if picture is None:
            return None
        rows, cols = picture.shown.shape[:2]
        size = (max(self.width(), 1), max(self.height(), 1))
        return Transform.of(*size, cols, rows, view.scale, view.centre, picture.frame.aspect)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The layers, under one transform."""
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(theme.CANVAS))
        transform = self.transform()
        if transform:
            paint_layers(painter, self.layers, transform, self.devicePixelRatioF())
        painter.end()

    # Changing the view

    def fit(self) -> None:
        """Show the whole picture."""
        self.viewport.set_view(scale=None, centre=None)

    def actual_size(self) -> None:
        """One image pixel on one device pixel, the middle stays."""
        transform = self.transform()
        if transform:
            self.zoom(1 / self.devicePixelRatioF() / transform.scale)

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom at a point of the canvas, or at its middle."""
        transform = self.transform()
        if transform:
            at = at or QPointF(self.width() / 2, self.height() / 2)
            self._tools.show(transform.zoomed(factor, at.x(), at.y()))

    # Events

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The scale of a fitted picture follows."""
        super().resizeEvent(event)
        self.scaled.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Through the frames, or zoom; a trackpad's fine steps zoom finely, and add up to frames."""
        held, angle = event.modifiers(), event.angleDelta()
        # With Alt, and on some systems with Shift, it counts as turned sideways. What has no notches has pixels.
        delta = angle.y() or angle.x() or (event.pixelDelta().y() or event.pixelDelta().x()) * NOTCH / PIXELS_A_NOTCH
        positions, times = self.viewport.grid
        event.accept()
        if held & Qt.KeyboardModifier.ControlModifier or positions * times == 1:
            self._turned = 0.0
            if delta:
                self.zoom(ZOOM_STEP ** (delta / NOTCH), event.position())
            return
        in_time = times > 1 and bool(held & Qt.KeyboardModifier.ShiftModifier)
        steps = self._whole_steps(delta, event.phase() == Qt.ScrollPhase.ScrollBegin)
        if steps:
            (self.viewport.step_time if in_time else self.viewport.step_frame)(steps)

    def _whole_steps(self, delta: float, anew: bool) -> int:
        """Notches that were turned altogether, towards the user counted as on; what is left over counts next time."""
        if anew or delta * self._turned < 0:
            self._turned = 0.0
        self._turned += delta
        notches = int(self._turned / NOTCH)
        self._turned -= notches * NOTCH
        return -notches

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu key; a right click is known by its end, since it may become a drag."""
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            self.menuAsked.emit(self.mapToGlobal(self.rect().center()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A tool begins; what another button had begun is over."""
        picture = self.viewport.picture
        if picture is None:
            return
        self._cancel_tool()
        press = Press(event.button(), event.modifiers(), self._space, picture.grey)
        self._tool = tool_for(press, self.bindings)(self._tools)
        self._tool.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The tool goes on, and whoever shows the pixel under the cursor is told of it."""
        if self._tool:
            self._tool.move(event)
        transform = self.transform()
        if transform:
            self.pointed.emit(transform.pixel(event.position().x(), event.position().y()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The tool ends."""
        tool, self._tool = self._tool, None
        self._show_cursor()
        if tool:
            tool.release(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Something else is shown in its place: the release of a button will go there."""
        self._cancel_tool()
        super().hideEvent(event)

    def _cancel_tool(self) -> None:
        tool, self._tool = self._tool, None
        if tool:
            self._show_cursor()
            tool.cancel()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit."""
        self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        """No pixel is under the cursor any more."""
        self.pointed.emit(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space turns the left button into a hand."""
        if event.key() == Qt.Key.Key_Space:
            self._space = True
            self._show_cursor()
            return
        super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """See keyPressEvent."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            self._show_cursor()
            return
        super().keyReleaseEvent(event)

    def focusOutEvent(self, event: Any) -> None:
        """A space bar released elsewhere is released."""
        self._space = False
        self._show_cursor()
        super().focusOutEvent(event)

    def _show_cursor(self) -> None:
        self.setCursor(Qt.CursorShape.OpenHandCursor if self._space else Qt.CursorShape.ArrowCursor)
