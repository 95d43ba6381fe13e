"""The picture, and over it what the file, the models and segmentations mark: layers under one transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from medview.core.failures import Failure
from medview.ui import theme
from medview.ui.canvas.layers import (
    ColourLayer,
    ImageLayer,
    drawing_layer,
    heat_layer,
    level_for,
    mask_layer,
    outline_layer,
)
from medview.ui.canvas.orientation import draw_orientation
from medview.ui.canvas.tools import BINDINGS, Binding, Context, Press, Tool, tool_for
from medview.ui.canvas.transform import Transform
from medview.workspace import Workspace
from medview.workspace.view import Picture

ZOOM_STEP = 1.2
# Of a wheel: an eighth of a degree each, Qt's unit. A trackpad that only tells pixels counts as a wheel by these.
NOTCH, PIXELS_A_NOTCH = 120, 40
# From this many device pixels per image pixel on, single pixels are shown as squares.
SQUARES_FROM = 4.0


class Canvas(QWidget):
    """Shows the workspace's picture. Left drag: window; right drag: zoom; middle, space or Ctrl drag: move. Wheel:
    through the frames where there are several, with Shift through time; zoom with Ctrl, and where there is one picture.

    pointed((row, col) or None): the image pixel under the cursor. scaled(): the scale changed. menuAsked(QPoint on the
    screen): a right click, or the menu key.
    """

    pointed = Signal(object)
    scaled = Signal()
    menuAsked = Signal(QPoint)

    def __init__(self, pane: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pane = pane
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 200)
        # Pictures are never mirrored, in whatever direction people read.
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.setAccessibleName(self.tr("Picture"))
        self._picture: Picture | None = None
        self._image: ImageLayer | None = None
        self._drawing: ColourLayer | None = None
        self._heat: ColourLayer | None = None
        self._heat_key: Any = None
        self._mask: ColourLayer | None = None
        self._mask_key: Any = None
        # By number of the shown segmentation: what its layers were made of, and they by number of the segment.
        self._outlines: dict[int, tuple[object, list[tuple[int, ColourLayer]]]] = {}
        # Which press starts which tool.
        self.bindings: Sequence[Binding] = BINDINGS
        self._tool: Tool | None = None
        self._tools = Context(pane, self.transform, self.setCursor, self.menuAsked.emit)
        self._turned = 0.0
        self._space = False
        pane.pictureChanged.connect(self._on_picture_changed)
        pane.viewChanged.connect(self._on_view_changed)
        pane.analysisChanged.connect(self._on_overlay_changed)
        pane.overlayChanged.connect(self._on_overlay_changed)
        pane.segments.changed.connect(self._on_segments_changed)
        pane.settingChanged.connect(lambda key: self.update() if key == "sides_on" else None)
        self._on_picture_changed()

    # What is shown

    def _on_picture_changed(self) -> None:
        picture = self.pane.picture
        if picture is not self._picture:
            self._picture = picture
            self._image = ImageLayer(picture.shown, picture.frame.padding) if picture else None
            drawn = picture.drawn if picture else None
            self._drawing = drawing_layer(drawn) if drawn is not None else None
            self.pointed.emit(None)
        self._on_overlay_changed()
        self.scaled.emit()

    def _on_view_changed(self) -> None:
        self.update()
        self.scaled.emit()

    def _on_overlay_changed(self) -> None:
        self._build_heat()
        self._build_mask()
        self.update()

    def _build_heat(self) -> None:
        key = (self._picture, self.pane.analysis, self.pane.overlay.label)
        wanted = self.pane.overlay.heatmap_on
        if not wanted or _same(key, self._heat_key):
            return
        self._heat_key, self._heat = key, None
        heat = self.pane.heatmap
        if heat is not None and self._picture is not None:
            self._heat = heat_layer(*heat, *self._picture.shown.shape[:2])

    def _build_mask(self) -> None:
        key = (self._picture, self.pane.analysis)
        if _same(key, self._mask_key):
            return
        self._mask_key, self._mask = key, None
        mask = self.pane.mask
        if mask is not None and mask.count:
            self._mask = mask_layer(mask.pixels)

    def _on_segments_changed(self) -> None:
        before, self._outlines = self._outlines, {}
        for shown in self.pane.segments.shown:
            made = self.pane.segments.outlines(shown)
            if made and not isinstance(made, Failure):
                old = before.get(shown.number)
                layers = (
                    [(one.segment, outline_layer(one)) for one in made] if not old or old[0] is not made else old[1]
                )
                self._outlines[shown.number] = (made, layers)
        self.update()

    def transform(self) -> Transform | None:
        """Where the picture lies now, or None without one."""
        if self._picture is None:
            return None
        rows, cols = self._picture.shown.shape[:2]
        view = self.pane.view
        size = (max(self.width(), 1), max(self.height(), 1))
        return Transform.of(*size, cols, rows, view.scale, view.centre, self._picture.frame.aspect)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Image, heatmap, mask, segmentations, in this order, under one transform; the patient's sides over them."""
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(theme.CANVAS))
        port = self.transform()
        if port is None or self._image is None or self._picture is None:
            return
        view = self.pane.view
        device_scale = port.scale * self.devicePixelRatioF()
        image = self._image.image(level_for(device_scale), view.window_of(self._picture), view.inverts(self._picture))
        painter.setTransform(QTransform(port.scale, 0, 0, port.scale * port.aspect, port.left, port.top))
        whole = QRectF(0, 0, port.cols, port.rows)
        squares = device_scale >= SQUARES_FROM or device_scale == 1.0
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not squares)
        painter.drawImage(whole, image)
        if self._drawing:
            self._lay(painter, self._drawing, 1.0, squares)
        overlay = self.pane.overlay
        if overlay.heatmap_on and self._heat:
            self._lay(painter, self._heat, overlay.heatmap_opacity, squares)
        if overlay.mask_on and self._mask:
            self._lay(painter, self._mask, overlay.mask_opacity, squares)
        self._lay_segments(painter, squares)
        sides = self._picture.frame.orientation
        if sides and self.pane.settings["sides_on"]:
            painter.resetTransform()
            painter.setOpacity(1.0)
            draw_orientation(painter, sides, QRectF(self.rect()))
        painter.end()

    def _lay_segments(self, painter: QPainter, squares: bool) -> None:
        for shown in self.pane.segments.shown:
            for segment, layer in self._outlines.get(shown.number, (None, []))[1] if shown.on else ():
                if segment not in shown.off:
                    self._lay(painter, layer, shown.opacity, squares)

    def _lay(self, painter: QPainter, layer: ColourLayer, opacity: float, squares: bool) -> None:
        painter.setOpacity(opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, layer.smooth or not squares)
        painter.drawImage(layer.place, layer.image)

    # Changing the view

    def fit(self) -> None:
        """Show the whole picture."""
        self.pane.set_view(scale=None, centre=None)

    def actual_size(self) -> None:
        """One image pixel on one device pixel, the middle stays."""
        port = self.transform()
        if port:
            self._tools.show(
                port.zoomed(1 / self.devicePixelRatioF() / port.scale, self.width() / 2, self.height() / 2)
            )

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
        positions, times = self.pane.grid
        event.accept()
        if held & Qt.KeyboardModifier.ControlModifier or positions * times == 1:
            self._turned = 0.0
            if delta:
                self.zoom(ZOOM_STEP ** (delta / NOTCH), event.position())
            return
        in_time = times > 1 and bool(held & Qt.KeyboardModifier.ShiftModifier)
        steps = self._whole_steps(delta, event.phase() == Qt.ScrollPhase.ScrollBegin)
        if steps:
            (self.pane.step_time if in_time else self.pane.step_frame)(steps)

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
        if self._picture is None:
            return
        self._cancel_tool()
        press = Press(event.button(), event.modifiers(), self._space, self._picture.grey)
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


def _same(one: tuple[object, ...], other: tuple[object, ...] | None) -> bool:
    """Whether two keys hold the same objects; comparing analyses by value would compare their arrays."""
    if other is None:
        return False
    return all(a is b or (isinstance(a, tuple) and a == b) for a, b in zip(one, other, strict=True))
