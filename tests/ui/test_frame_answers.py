"""The panel while stepping from frame to frame: the last answer stays, dimmed and named, and nothing jumps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from tests.ui.conftest import Opened
from tests.ui.fakes import FakeEngine, dark, numbered
from tests.ui.operate import dimmed, messages, press, result_boxes, steady, texts


def test_while_stepping_the_last_answer_stays_dimmed_and_named(qtbot: QtBot, opened: Opened, stack: Path) -> None:
    engine = FakeEngine(numbered)
    window = opened(stack, engine)
    ws, panel = window.workspace, window.findings
    ws.active.step_frame(2)
    qtbot.waitUntil(lambda: ws.active.busy("open") is None and steady(window))
    assert panel.slice.full_text() == "Frame 3"
    before, empty = panel.widgets, []
    for signal in (ws.analysisChanged, ws.busyChanged, ws.pictureChanged, ws.layersChanged):
        signal.connect(lambda: empty.append(len(result_boxes(window)) != 2))
    engine.delay_s = 0.2
    ws.active.step_frame(1)
    ws.active.step_frame(1)
    qtbot.waitUntil(lambda: ws.active.busy("analyse") is not None)
    assert panel.widgets is before
    assert dimmed(window)
    assert panel.slice.full_text() == "Frame 3; frame 5 follows"
    assert window.action("heatmap").isEnabled()
    assert panel.switches.heat_switch.isEnabled()
    qtbot.waitUntil(lambda: ws.active.analysis is not None)
    assert not dimmed(window)
    assert panel.slice.full_text() == "Frame 5"
    assert result_boxes(window)[0].rows["effusion"].probability == pytest.approx(0.84)
    ws.active.step_frame(-2)
    assert not dimmed(window)
    assert panel.slice.full_text() == "Frame 3"
    assert not any(empty)


def test_a_dimmed_answer_cannot_be_acted_on(qtbot: QtBot, opened: Opened, stack: Path) -> None:
    engine = FakeEngine(lambda frame, force: dark(frame, force) if frame.index == 0 else numbered(frame))
    window = opened(stack, engine)
    ws = window.workspace
    assert messages(window)
    engine.delay_s = 0.3
    ws.active.step_frame(1)
    qtbot.waitUntil(lambda: dimmed(window))
    press(window.findings, "Analyse all the same")
    qtbot.waitUntil(lambda: ws.active.analysis is not None)
    assert [(asked.frame.index, asked.force) for asked in engine.requests] == [(0, False), (1, False)]
    ws.active.step_frame(1)
    qtbot.waitUntil(lambda: dimmed(window))
    row = result_boxes(window)[0].rows["atelectasis"]
    row.click()
    assert not window.findings.popover.isVisible()
    assert not row.isChecked()
    assert ws.active.layers.label == ("chest-findings", "effusion")


def test_place_focus_and_chosen_heatmap_stay_from_slice_to_slice(qtbot: QtBot, opened: Opened, stack: Path) -> None:
    def answer(frame: Frame, force: bool) -> Analysis:
        return replace(numbered(frame), total_ms=float(len(engine.requests)))

    engine = FakeEngine(answer)
    window = opened(stack, engine)
    window.resize(1000, 560)
    ws, bar = window.workspace, window.findings.area.verticalScrollBar()
    QApplication.processEvents()
    result_boxes(window)[1].rows["bacterial"].click()
    bar.setValue(120)
    for again in (lambda: ws.active.step_frame(1), ws.active.analyse):
        old = result_boxes(window)[1]
        old.rows["bacterial"].setFocus()
        again()
        qtbot.waitUntil(lambda: ws.active.analysis is not None)
        assert result_boxes(window)[1] is not old
        assert bar.value() == 120
        assert ws.active.layers.label == ("chest-six", "bacterial")
        assert result_boxes(window)[1].rows["bacterial"].isChecked()
    # Another picture takes the keys to itself; one that is looked at again leaves them where they are.
    assert result_boxes(window)[1].rows["bacterial"].hasFocus()


def test_another_file_never_shows_the_answer_of_the_one_before(
    qtbot: QtBot, opened: Opened, stack: Path, grey: Path
) -> None:
    engine = FakeEngine(numbered)
    window = opened(stack, engine)
    ws = window.workspace
    engine.delay_s = 0.3
    window.open_paths([grey])
    qtbot.waitUntil(lambda: ws.active.title == grey.name)
    assert ws.active.analysis is None
    assert ws.active.answer is None
    assert result_boxes(window) == []
    assert not window.findings.slice.isVisible()
    qtbot.waitUntil(lambda: bool(result_boxes(window)))


def test_without_automatic_analysis_a_frame_says_that_it_is_not_analysed(
    qtbot: QtBot, opened: Opened, stack: Path
) -> None:
    window = opened(stack, FakeEngine(numbered))
    ws = window.workspace
    ws.set_setting("auto_analyse", False)
    ws.active.step_frame(1)
    qtbot.waitUntil(lambda: ws.active.busy("open") is None)
    assert "Not analysed yet." in texts(window.findings)
    assert result_boxes(window) == []


def test_a_cancelled_slice_says_so(qtbot: QtBot, opened: Opened, stack: Path) -> None:
    engine = FakeEngine(numbered)
    window = opened(stack, engine)
    engine.delay_s = 5
    window.workspace.active.step_frame(1)
    qtbot.waitUntil(lambda: window.workspace.active.busy("analyse") is not None)
    window.action("cancel").trigger()
    assert "The analysis was cancelled." in texts(window.findings)
    assert result_boxes(window) == []
