"""Messages float over the picture: nothing moves, none is lost unread, and each can be closed."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from medview.core.failures import Code, Failure
from medview.ui.window import MainWindow
from tests.ui.conftest import Opened

LOST = Failure(Code.WRITE_ERROR, "The result could not be written.", "Choose another folder.")


def place(widget: QWidget, window: MainWindow) -> QRect:
    QApplication.processEvents()
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


@pytest.mark.parametrize("size", [(1024, 700), (1440, 900)])
def test_the_picture_stays_where_it_is(opened: Opened, grey: Path, size: tuple[int, int]) -> None:
    window = opened(grey)
    window.resize(*size)
    before = [place(widget, window) for widget in (window.viewer.canvas, window.viewer.title, window.viewer.facts)]
    window.workspace.actionFailed.emit(LOST)
    assert window.bar.isVisible()
    after = [place(widget, window) for widget in (window.viewer.canvas, window.viewer.title, window.viewer.facts)]
    assert after == before
    assert before[0].contains(place(window.bar, window))


def test_a_long_message_has_the_room_its_words_need(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    window.bar.say("7 files were saved.", "/a long folder name" * 20, choices=())
    QApplication.processEvents()
    hint = window.bar.hint
    assert hint.height() >= hint.heightForWidth(hint.width())
    tall = window.bar.height()
    window.bar.say("7 files were saved.")
    assert window.bar.height() < tall


def test_it_follows_the_picture_when_the_window_becomes_smaller(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    window.workspace.actionFailed.emit(LOST)
    window.resize(820, 600)
    assert place(window.viewer.stack, window).contains(place(window.bar, window))
    window.workspace.close_all()
    assert place(window.empty, window).contains(place(window.bar, window))


def test_a_failure_that_another_message_covers_comes_back(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey)
    bar = window.bar
    window.workspace.actionFailed.emit(LOST)
    window.workspace.actionFailed.emit(LOST)
    assert not bar.more.isVisible()
    bar.say("2 files were saved.", "/a")
    assert bar.text.text() == "2 files were saved."
    assert bar.more.text() == "1 more message behind this one"
    bar.say("3 files were saved.", "/b")
    assert bar.more.text() == "1 more message behind this one"
    qtbot.mouseClick(bar.close_button, Qt.MouseButton.LeftButton)
    assert (bar.text.text(), bar.hint.text()) == (LOST.text, LOST.hint)
    assert not bar.more.isVisible()
    qtbot.keyClick(bar, Qt.Key.Key_Escape)
    assert not bar.isVisible()


def test_many_failures_do_not_pile_up(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    for number in range(9):
        window.bar.say(f"{number} could not be written.", tone="alarm")
    QApplication.processEvents()
    assert window.bar.height() < 120
    seen = []
    while window.bar.isVisible():
        seen.append(window.bar.text.text()[0])
        window.bar.next()
    assert seen == ["8", "7", "6", "5", "4"]
