"""What fits into the window, and that everything in it that takes the focus has a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from medview.ui.results import ResultBox
from medview.ui.title import NAME_STEP
from tests.ui.conftest import MakeWindow, Opened, shown_of


def test_everything_that_takes_the_focus_has_a_name(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    nameless = [
        widget
        for widget in window.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.isVisible()
        and not (widget.accessibleName() or getattr(widget, "text", lambda: "")())
    ]
    assert nameless == []


def test_a_long_name_does_not_widen_the_window(qtbot: QtBot, make_window: MakeWindow, grey: Path) -> None:
    long = grey.with_name("x" * 200 + ".png")
    grey.rename(long)
    window = make_window()
    window.resize(1000, 700)
    window.open_paths([long])
    qtbot.waitUntil(lambda: window.workspace.active.picture is not None)
    assert window.width() == 1000
    assert window.minimumSizeHint().width() < 1000
    assert "…" in window.viewer.title.name.text()
    assert shown_of(window.viewer.title.name.toolTip()) == str(long)


@pytest.mark.parametrize("size", [(1024, 700), (1440, 900)])
def test_cards_fit_into_the_panel(opened: Opened, grey: Path, size: tuple[int, int]) -> None:
    window = opened(grey)
    window.resize(*size)
    QApplication.sendPostedEvents()
    (box,) = window.findings.findChildren(ResultBox)
    assert box.width() <= window.findings.area.viewport().width()
    assert box.minimumSizeHint().width() <= window.findings.area.viewport().width()


@pytest.mark.parametrize("busy", [False, True])
def test_the_title_line_gives_the_facts_what_the_name_leaves(opened: Opened, grey: Path, busy: bool) -> None:
    row = opened(grey, auto_analyse=False).viewer.title
    row.stop.setVisible(busy)
    name, facts = row.name, row.facts
    for long, short in ((name, facts), (facts, name)):
        short.set_text("CT")
        long.set_text("x" * 30)
        beside = 48 + NAME_STEP + busy * (row.stop.sizeHint().width() + 16)
        row.resize(short.sizeHint().width() + long.sizeHint().width() + beside, 44)
        QApplication.processEvents()
        assert (short.text(), long.text()) == ("CT", "x" * 30)
    name.set_text("y" * 300)
    facts.set_text("x" * 300)
    row.resize(560, 44)
    QApplication.processEvents()
    assert 0.38 < facts.width() / (name.width() + facts.width()) < 0.42
