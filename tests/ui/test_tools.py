"""Tools: which press starts which, what each does alone, and with the mouse in the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medview.imaging.study import Frame
from medview.imaging.window import Window
from medview.ui.canvas.canvas import Canvas
from medview.ui.canvas.tools import BINDINGS, Binding, Context, PanTool, Press, Tool, WindowTool, ZoomTool, tool_for
from medview.ui.canvas.transform import Transform
from medview.ui.window import MainWindow
from medview.workspace.view import Picture, ViewState
from tests.ui.test_canvas import pixels, window_now

Opened = Callable[..., MainWindow]
LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
BACK = Qt.MouseButton.BackButton
NO, CTRL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
Cursor = Qt.CursorShape


# ---- which press starts which ----


@pytest.mark.parametrize(
    ("press", "tool"),
    [
        (Press(LEFT), WindowTool),
        (Press(LEFT, SHIFT), WindowTool),
        (Press(LEFT, grey=False), PanTool),
        (Press(LEFT, CTRL), PanTool),
        (Press(LEFT, CTRL | SHIFT), PanTool),
        (Press(LEFT, space=True), PanTool),
        (Press(MIDDLE), PanTool),
        (Press(BACK), PanTool),
        (Press(RIGHT), ZoomTool),
        (Press(RIGHT, CTRL, space=True, grey=False), ZoomTool),
    ],
)
def test_the_table(press: Press, tool: type[Tool]) -> None:
    assert tool_for(press, BINDINGS) is tool


def test_the_first_row_that_fits_counts() -> None:
    rows = (Binding(ZoomTool, LEFT, CTRL | SHIFT), Binding(WindowTool, LEFT, CTRL), Binding(PanTool))
    found = [tool_for(Press(LEFT, held), rows) for held in (CTRL | SHIFT, CTRL, SHIFT)]
    assert found == [ZoomTool, WindowTool, PanTool]


# ---- each alone ----


class FakeViewport:
    """What a tool changes: a picture of the values 0 to 99, 100 x 100, and its view."""

    def __init__(self, values: np.ndarray | None = None, inverted: bool = False) -> None:
        values = np.arange(10000, dtype=np.int16).reshape(100, 100) // 100 if values is None else values
        frame = Frame(Path("a.dcm"), 0, 100, 100, "CR", lambda: values, inverted=inverted)
        self.picture: Picture | None = Picture(frame, values, values, Window(50, 100) if values.ndim == 2 else None)
        self.view = ViewState(scale=2.0, centre=(50.0, 50.0))

    def set_view(self, **changes: Any) -> None:
        self.view = replace(self.view, **changes)


class Hand:
    """Moves a made-up mouse over a canvas of 200 x 200 with one tool."""

    def __init__(self, tool: type[Tool], viewport: FakeViewport | None = None) -> None:
        self.viewport = viewport or FakeViewport()
        self.cursors: list[Qt.CursorShape] = []
        self.asked: list[QPoint] = []
        context = Context(self.viewport, self.transform, self.cursors.append, self.asked.append)  # type: ignore[arg-type]
        self.tool = tool(context)

    def transform(self) -> Transform | None:
        view = self.viewport.view
        return Transform.of(200, 200, 100, 100, view.scale, view.centre) if self.viewport.picture else None

    def go(self, *places: tuple[float, float]) -> None:
        """Press at the first place, move over the others, let go at the last."""
        self.tool.press(self.event(QEvent.Type.MouseButtonPress, *places[0]))
        for place in places[1:]:
            self.tool.move(self.event(QEvent.Type.MouseMove, *place))
        self.tool.release(self.event(QEvent.Type.MouseButtonRelease, *places[-1]))

    @staticmethod
    def event(kind: QEvent.Type, x: float, y: float) -> QMouseEvent:
        return QMouseEvent(kind, QPointF(x, y), QPointF(x + 1000, y + 500), LEFT, LEFT, NO)


def test_window_right_is_wider_and_down_is_darker() -> None:
    hand = Hand(WindowTool)
    hand.go((100, 100), (140, 100), (140, 120))
    # 40 of 400 pixels are a tenth of the width, 20 a twentieth of the new one.
    assert hand.viewport.view.window == Window(50 + 110 / 20, 110)
    assert hand.cursors == [Cursor.SizeAllCursor]
    assert hand.asked == []
    assert (hand.viewport.view.scale, hand.viewport.view.centre) == (2.0, (50.0, 50.0))


@pytest.mark.parametrize(("by_file", "by_user", "rise"), [(False, True, -1), (True, False, -1), (True, True, 1)])
def test_window_down_is_darker_however_it_is_inverted(by_file: bool, by_user: bool, rise: int) -> None:
    hand = Hand(WindowTool, FakeViewport(inverted=by_file))
    hand.viewport.set_view(inverted=by_user)
    hand.go((100, 100), (100, 120))
    assert hand.viewport.view.window == Window(50 + rise * 5, 100)


def test_window_never_vanishes_and_comes_back() -> None:
    whole = Hand(WindowTool)
    whole.go((1000, 100), (0, 100))
    assert whole.viewport.view.window == Window(50, 1)
    # A step is never less than that of a twentieth of the first width.
    whole.go((0, 100), (400, 100))
    assert whole.viewport.view.window == Window(50, 6)
    shares = Hand(WindowTool, FakeViewport(np.zeros((100, 100), np.float32)))
    shares.go((1000, 100), (0, 100))
    assert shares.viewport.view.window == Window(50, 1e-6)


def test_a_colour_picture_has_no_window_to_change() -> None:
    hand = Hand(WindowTool, FakeViewport(np.zeros((100, 100, 3), np.uint8)))
    before = hand.viewport.view
    hand.go((100, 100), (140, 120))
    assert hand.viewport.view == before


def test_pan_follows_the_mouse() -> None:
    hand = Hand(PanTool)
    hand.go((100, 100), (110, 100), (110, 80))
    assert hand.viewport.view == ViewState(scale=2.0, centre=(45.0, 60.0))
    assert hand.cursors == [Cursor.ClosedHandCursor]
    assert hand.asked == []


def test_zoom_keeps_the_point_where_it_began() -> None:
    hand = Hand(ZoomTool)
    before = hand.transform()
    hand.go((60, 80), (60, 40), (70, -40))
    after = hand.transform()
    assert before is not None
    assert after is not None
    assert after.scale == pytest.approx(4.0)
    assert after.to_image(60, 80) == pytest.approx(before.to_image(60, 80))
    assert hand.cursors == [Cursor.SizeVerCursor]
    assert hand.asked == []


def test_a_shaking_hand_clicks(qapp: object) -> None:
    hand, near = Hand(ZoomTool), QApplication.startDragDistance() - 1
    hand.go((60, 80), (60, 80 + near), (60 - near, 80))
    assert hand.viewport.view == ViewState(scale=2.0, centre=(50.0, 50.0))
    assert hand.asked == [QPoint(1060 - near, 580)]
    assert hand.cursors == []


def test_a_zoom_counts_the_way_to_its_beginning(qapp: object) -> None:
    hand, far = Hand(ZoomTool), QApplication.startDragDistance()
    hand.go((60, 80), (60, 80 - far + 1), (60, 80 - far), (60, 80))
    assert hand.viewport.view.scale == pytest.approx(2.0)
    assert hand.asked == []


@pytest.mark.parametrize("tool", [WindowTool, PanTool, ZoomTool])
def test_a_picture_that_goes_during_a_drag(tool: type[Tool]) -> None:
    hand = Hand(tool)
    hand.viewport.picture, before = None, hand.viewport.view
    hand.go((100, 100), (100, 40))
    assert hand.viewport.view == before


# ---- with the mouse in the window ----


def drag(qtbot: QtBot, canvas: Canvas, button: Qt.MouseButton, dx: int, dy: int, key: object = None) -> None:
    start = QPoint(canvas.width() // 2, canvas.height() // 2)
    modifier = key or NO
    qtbot.mousePress(canvas, button, modifier, start)  # type: ignore[arg-type]
    qtbot.mouseMove(canvas, start + QPoint(dx, dy))
    qtbot.mouseRelease(canvas, button, modifier, start + QPoint(dx, dy))  # type: ignore[arg-type]


def test_left_drag_changes_the_window(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey)
    before = window_now(window)
    drag(qtbot, window.viewer.canvas, LEFT, 100, 40)
    after = window_now(window)
    assert before is not None
    assert after is not None
    assert after.width == pytest.approx(before.width * 1.25)
    assert after.centre == pytest.approx(before.centre + before.width * 0.1)


def test_dragging_down_darkens_an_inverted_picture_too(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey)
    canvas = window.viewer.canvas
    for _ in range(2):
        before = pixels(canvas).mean()
        drag(qtbot, canvas, LEFT, 0, 40)
        assert pixels(canvas).mean() < before
        window.action("reset").trigger()
        window.action("invert").trigger()


@pytest.mark.parametrize(("button", "key"), [(MIDDLE, None), (LEFT, CTRL)])
def test_other_drags_move_the_picture(
    qtbot: QtBot, opened: Opened, grey: Path, button: Qt.MouseButton, key: object
) -> None:
    window = opened(grey)
    canvas = window.viewer.canvas
    before, seen = canvas.transform(), window_now(window)
    drag(qtbot, canvas, button, 33, -21, key)
    after = canvas.transform()
    assert before is not None
    assert after is not None
    assert (after.left - before.left, after.top - before.top) == pytest.approx((33, -21))
    assert window_now(window) == seen


def test_space_makes_the_left_button_a_hand(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey)
    canvas = window.viewer.canvas
    before, seen = canvas.transform(), window_now(window)
    qtbot.keyPress(canvas, Qt.Key.Key_Space)
    assert canvas.cursor().shape() == Cursor.OpenHandCursor
    drag(qtbot, canvas, LEFT, 10, 10)
    assert canvas.cursor().shape() == Cursor.OpenHandCursor
    qtbot.keyRelease(canvas, Qt.Key.Key_Space)
    assert canvas.cursor().shape() == Cursor.ArrowCursor
    assert canvas.transform() != before
    assert window_now(window) == seen


def test_left_drag_moves_a_colour_picture(qtbot: QtBot, opened: Opened, colour: Path) -> None:
    canvas = opened(colour).viewer.canvas
    before = canvas.transform()
    drag(qtbot, canvas, LEFT, 10, 0)
    after = canvas.transform()
    assert before is not None
    assert after is not None
    assert after.left == pytest.approx(before.left + 10)


def test_the_pixel_under_a_hand_that_moves_the_picture_stays(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    canvas, seen = opened(grey).viewer.canvas, []
    canvas.pointed.connect(seen.append)
    drag(qtbot, canvas, MIDDLE, 33, -21)
    assert canvas.transform() is not None
    assert set(seen) == {(30, 40)}


@pytest.mark.parametrize(("button", "shape"), [(LEFT, Cursor.SizeAllCursor), (MIDDLE, Cursor.ClosedHandCursor)])
def test_a_drag_shows_its_cursor(
    qtbot: QtBot, opened: Opened, grey: Path, button: Qt.MouseButton, shape: Qt.CursorShape
) -> None:
    canvas = opened(grey, auto_analyse=False).viewer.canvas
    qtbot.mousePress(canvas, button, NO, QPoint(100, 100))
    assert canvas.cursor().shape() == shape
    qtbot.mouseRelease(canvas, button, NO, QPoint(100, 100))
    assert canvas.cursor().shape() == Cursor.ArrowCursor


def test_a_drag_in_one_canvas_leaves_another_as_it_is(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey, auto_analyse=False)
    ws, canvas = window.workspace, window.viewer.canvas
    other = Canvas(ws.add_viewport())
    qtbot.addWidget(other)
    other.resize(300, 200)
    other.show()
    ws.select_entry(0, other.viewport)
    qtbot.waitUntil(lambda: other.viewport.picture is not None)
    for here, there in ((canvas, other), (other, canvas)):
        before = pixels(there)
        own = pixels(here)
        for button in (LEFT, MIDDLE, RIGHT):
            drag(qtbot, here, button, 40, -30)
        assert (pixels(there) == before).all()
        assert (pixels(here) != own).any()


class Pen(Tool):
    """A made-up tool that notes what happens to it."""

    cursor = Cursor.CrossCursor
    said: list[object]

    def press(self, event: QMouseEvent) -> None:
        super().press(event)
        Pen.said = ["press"]

    def drag(self, by: QPointF) -> None:
        self.said.append((by.toTuple(), self.last.toTuple()))

    def release(self, event: QMouseEvent) -> None:
        self.said.append("release")

    def cancel(self) -> None:
        self.said.append("cancel")


@pytest.fixture
def pen(monkeypatch: pytest.MonkeyPatch, opened: Opened, grey: Path) -> SimpleNamespace:
    """A window in which the left button draws with a pen."""
    window = opened(grey, auto_analyse=False)
    monkeypatch.setattr(window.viewer.canvas, "bindings", (Binding(Pen, LEFT), *BINDINGS))
    return SimpleNamespace(window=window, canvas=window.viewer.canvas)


def test_a_new_tool_is_a_row_of_the_table(pen: SimpleNamespace, qtbot: QtBot) -> None:
    qtbot.mousePress(pen.canvas, LEFT, NO, QPoint(100, 100))
    assert pen.canvas.cursor().shape() == Cursor.CrossCursor
    qtbot.mouseMove(pen.canvas, QPoint(103, 98))
    qtbot.mouseRelease(pen.canvas, LEFT, NO, QPoint(103, 98))
    qtbot.mouseMove(pen.canvas, QPoint(120, 120))
    assert Pen.said == ["press", ((3.0, -2.0), (103.0, 98.0)), "release"]
    assert pen.canvas.cursor().shape() == Cursor.ArrowCursor


def test_a_tool_ends_where_another_button_begins_one(pen: SimpleNamespace, qtbot: QtBot) -> None:
    before = pen.canvas.transform()
    qtbot.mousePress(pen.canvas, LEFT, NO, QPoint(100, 100))
    qtbot.mousePress(pen.canvas, MIDDLE, NO, QPoint(100, 100))
    assert Pen.said == ["press", "cancel"]
    assert pen.canvas.cursor().shape() == Cursor.ClosedHandCursor
    qtbot.mousePress(pen.canvas, RIGHT, NO, QPoint(100, 100))
    assert pen.canvas.cursor().shape() == Cursor.ArrowCursor
    qtbot.mousePress(pen.canvas, MIDDLE, NO, QPoint(100, 100))
    qtbot.mouseMove(pen.canvas, QPoint(110, 100))
    qtbot.mouseRelease(pen.canvas, MIDDLE, NO, QPoint(110, 100))
    assert pen.canvas.transform().left == before.left + 10
    assert Pen.said == ["press", "cancel"]


def test_a_tool_ends_where_the_canvas_goes(pen: SimpleNamespace, qtbot: QtBot) -> None:
    qtbot.mousePress(pen.canvas, LEFT, NO, QPoint(100, 100))
    pen.window.workspace.close_all()
    qtbot.waitUntil(lambda: not pen.canvas.isVisible())
    assert Pen.said == ["press", "cancel"]
    assert pen.canvas.cursor().shape() == Cursor.ArrowCursor
