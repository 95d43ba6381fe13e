"""Tools: what a drag of the mouse over the canvas does, one object from press to release, and which press starts which.

A new tool is a new class and a row of the table; the canvas only hands the events on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from medview.imaging.window import Window
from medview.ui.canvas.transform import Transform
from medview.workspace.viewport import Viewport

# A drag across this many pixels changes width or centre by one whole width.
DRAG_SPAN = 400.0
# A drag across this many pixels doubles or halves the scale.
ZOOM_SPAN = 120.0


@dataclass(frozen=True)
class Context:
    """What a tool knows of the canvas it is used on.

    Attributes:
        viewport: the owner of picture and view, which the tool changes.
        transform: where the picture lies now; None without one.
        set_cursor: shows a cursor over the canvas until the tool ends.
        ask_menu: opens the menu of the picture at a point of the screen.
    """

    viewport: Viewport
    transform: Callable[[], Transform | None]
    set_cursor: Callable[[Qt.CursorShape], object]
    ask_menu: Callable[[QPoint], object]

    def show(self, transform: Transform) -> None:
        """Look at the picture through another transform."""
        self.viewport.set_view(scale=transform.scale, centre=(transform.x, transform.y))


class Tool:
    """One gesture: made at a press of a button, gone at its release. Points are logical pixels of the canvas.

    This one does nothing but show its cursor; others say what they do at which of the events.
    """

    cursor: ClassVar[Qt.CursorShape] = Qt.CursorShape.ArrowCursor

    def __init__(self, context: Context) -> None:
        self.context = context
        # Where the mouse was last.
        self.last = QPointF()

    def press(self, event: QMouseEvent) -> None:
        """The button is down."""
        self.last = event.position()
        self.context.set_cursor(self.cursor)

    def move(self, event: QMouseEvent) -> None:
        """The mouse has moved, with the button down."""
        by, self.last = event.position() - self.last, event.position()
        self.drag(by)

    def drag(self, by: QPointF) -> None:
        """Moved `by` so much, to `last`."""

    def release(self, event: QMouseEvent) -> None:
        """The button is up."""

    def cancel(self) -> None:
        """No release will come. What is half made is dropped; the view stays as far as it was dragged."""


class WindowTool(Tool):
    """Changes the window of a grey picture, as viewers do. Right: wider, which is less contrast; down: darker, by a
    higher centre or, inverted, a lower one."""

    cursor = Qt.CursorShape.SizeAllCursor

    def drag(self, by: QPointF) -> None:
        """Right and left: the width; down and up: the centre."""
        picture, view = self.context.viewport.picture, self.context.viewport.view
        now = view.window_of(picture) if picture else None
        if now is None or picture is None or picture.window is None:
            return
        step = max(now.width, picture.window.width / 20) / DRAG_SPAN
        least = 1.0 if picture.shown.dtype.kind in "iu" else 1e-6
        rise = -by.y() if view.inverts(picture) else by.y()
        self.context.viewport.set_view(window=Window(now.centre + rise * step, max(now.width + by.x() * step, least)))


class PanTool(Tool):
    """Moves the picture."""

    cursor = Qt.CursorShape.ClosedHandCursor

    def drag(self, by: QPointF) -> None:
        """The picture follows the mouse."""
        transform = self.context.transform()
        if transform:
            self.context.show(transform.panned(by.x(), by.y()))


class ZoomTool(Tool):
    """Zooms about the point where it began. A hand that shakes while it clicks does not zoom: it opens the menu."""

    cursor = Qt.CursorShape.SizeVerCursor

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._first = QPointF()
        self._zooming = False

    def press(self, event: QMouseEvent) -> None:
        """Nothing is seen of it before it is more than a click."""
        self._first = self.last = event.position()

    def drag(self, by: QPointF) -> None:
        """Up: larger."""
        way = self.last - self._first
        if not self._zooming:
            if abs(way.x()) + abs(way.y()) < QApplication.startDragDistance():
                return
            self._zooming, by = True, way
            self.context.set_cursor(self.cursor)
        transform = self.context.transform()
        if transform:
            self.context.show(transform.zoomed(2 ** (-by.y() / ZOOM_SPAN), self._first.x(), self._first.y()))

    def release(self, event: QMouseEvent) -> None:
        """What went nowhere was a click."""
        if not self._zooming:
            self.context.ask_menu(event.globalPosition().toPoint())


@dataclass(frozen=True)
class Press:
    """What is known when a button goes down over a picture. `space`: the space bar is held; `grey`: of the picture."""

    button: Qt.MouseButton
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    space: bool = False
    grey: bool = True


@dataclass(frozen=True)
class Binding:
    """A row of the table of tools: which presses start `tool`. None: any; `modifiers`: at least these are held."""

    tool: type[Tool]
    button: Qt.MouseButton | None = None
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    space: bool | None = None
    grey: bool | None = None

    def fits(self, press: Press) -> bool:
        """Whether a press starts this tool, unless a row before does."""
        return (
            self.button in (None, press.button)
            and press.modifiers & self.modifiers == self.modifiers
            and self.space in (None, press.space)
            and self.grey in (None, press.grey)
        )


# The first row that fits counts; the last one fits always.
BINDINGS = (
    Binding(ZoomTool, Qt.MouseButton.RightButton),
    Binding(PanTool, space=True),
    Binding(PanTool, modifiers=Qt.KeyboardModifier.ControlModifier),
    Binding(WindowTool, Qt.MouseButton.LeftButton, grey=True),
    Binding(PanTool),
)


def tool_for(press: Press, bindings: Sequence[Binding]) -> type[Tool]:
    """The tool that a press starts."""
    return next(binding.tool for binding in bindings if binding.fits(press))
