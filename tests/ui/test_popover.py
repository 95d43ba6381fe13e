"""What explains a row: where it lies, what closes it, and how it is read aloud."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from tests.ui.conftest import Opened
from tests.ui.fakes import MASKS, FakeEngine, chest_analysis, mri_analysis
from tests.ui.operate import result_boxes, steady, texts


def test_a_popover_lies_below_its_row_and_moves_nothing(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    qtbot.waitUntil(lambda: steady(window))
    row = result_boxes(window)[0].rows["effusion"]
    row.click()
    popover = window.findings.popover
    below = row.mapTo(window, QPoint(0, row.height()))
    assert popover.parentWidget() is window
    assert abs(popover.y() - below.y()) <= 3
    assert window.rect().contains(popover.geometry())
    assert popover.height() >= popover.text.heightForWidth(popover.text.width())
    assert (
        popover.facts.text()
        == "81.0\u00a0%, finding, threshold 30.0\u00a0%\nSmall changes of the picture: 72.9\u00a0% to 97.2\u00a0%"
        or (popover.facts.text() == "81.0\u00a0%, finding, threshold 30.0\u00a0%")
    )


def test_a_popover_at_the_end_of_the_window_lies_above(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    bar = window.findings.area.verticalScrollBar()
    for box in result_boxes(window):
        box.unfold()
    QApplication.processEvents()
    row = result_boxes(window)[1].rows["emphysema"]
    bar.setValue(bar.maximum())
    window.findings.area.ensureWidgetVisible(row)
    row.click()
    popover = window.findings.popover
    assert window.rect().contains(popover.geometry())
    assert not popover.geometry().intersects(window.statusBar().geometry())
    place = row.mapTo(window, QPoint(0, 0)).y()
    assert popover.geometry().bottom() <= place or popover.y() >= place + row.height()


@pytest.mark.parametrize("way", ["escape", "button", "click", "scroll", "another answer"])
def test_a_popover_closes(qtbot: QtBot, opened: Opened, grey: Path, way: str) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    qtbot.waitUntil(lambda: steady(window))
    window.resize(1000, 560)
    popover = window.findings.popover
    row = result_boxes(window)[0].rows["effusion"]
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Space)
    assert popover.isVisible()
    assert row.hasFocus()
    if way == "escape":
        popover.text.setFocus()
        qtbot.keyClick(popover.text, Qt.Key.Key_Escape)
        assert row.hasFocus()
    elif way == "button":
        qtbot.mouseClick(popover.close_button, Qt.MouseButton.LeftButton)
    elif way == "click":
        qtbot.mouseClick(window.viewer.canvas, Qt.MouseButton.LeftButton)
    elif way == "scroll":
        bar = window.findings.area.verticalScrollBar()
        bar.setValue(bar.value() + 10)
    else:
        window.workspace.active.analyse()
    assert not popover.isVisible()
    assert popover.anchor is None


def test_escape_closes_the_popover_and_not_what_runs(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    row = result_boxes(window)[0].rows["effusion"]
    row.click()
    stopped: list[bool] = []
    window.action("cancel").triggered.connect(lambda: stopped.append(True))
    window.action("cancel").setEnabled(True)
    qtbot.keyClick(window.viewer.canvas, Qt.Key.Key_Escape)
    assert not window.findings.popover.isVisible()
    assert stopped == []


def test_a_popover_is_read_with_its_row(opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    row = result_boxes(window)[0].rows["effusion"]
    assert "Fluid between lung and chest wall." in row.accessibleDescription()
    row.click()
    popover = window.findings.popover
    assert popover.accessibleName() == "Pleural effusion"
    assert "Fluid between lung and chest wall." in popover.accessibleDescription()
    assert row.nextInFocusChain() is popover.close_button


def test_a_row_without_a_heatmap_is_explained_all_the_same(opened: Opened, grey: Path) -> None:
    def answer(frame: Frame, force: bool) -> Analysis:
        done = chest_analysis(frame)
        return replace(done, results=(replace(done.results[0], heatmaps=None),))

    window = opened(grey, FakeEngine(answer), heatmap_on=False)
    row = result_boxes(window)[0].rows["effusion"]
    row.click()
    assert window.findings.popover.isVisible()
    assert not window.workspace.active.layers.heatmap_on
    assert not row.isChecked()
    row.click()
    assert not window.findings.popover.isVisible()


def test_a_mask_says_what_it_marks_without_being_asked(opened: Opened, grey: Path) -> None:
    assert MASKS.labels[0].about in texts(opened(grey, FakeEngine(mri_analysis)).findings)
