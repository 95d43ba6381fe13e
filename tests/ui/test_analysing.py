"""The course of an analysis: refused, forced, failed, cancelled, overtaken, kept, or not asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from medview.core.failures import Code
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from medview.ui.widgets import MessageBox
from tests.ui.conftest import MakeWindow, Opened
from tests.ui.fakes import REFUSAL, FakeEngine, dark, skin_analysis
from tests.ui.operate import press, texts


def test_a_refusal_for_quality_is_explained_and_can_be_overruled(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    engine = FakeEngine(dark)
    window = opened(grey, engine)
    (box,) = window.findings.findChildren(MessageBox)
    assert "Not analysed: the picture is too dark" in texts(box)
    assert "Export it again." in texts(box)
    press(box, "Analyse all the same")
    qtbot.waitUntil(lambda: window.workspace.active.analysis is not None and window.workspace.active.analysis.forced)
    assert [asked.force for asked in engine.requests] == [False, True]
    shown = texts(window.findings)
    assert "Analysed at your own request" in shown
    assert "Not valid here: worth a look: Melanoma" in shown


@pytest.mark.parametrize("code", [Code.BLANK, Code.TOO_SMALL])
def test_a_picture_with_nothing_in_it_cannot_be_forced(opened: Opened, grey: Path, code: Code) -> None:
    def refuse(frame: Frame, force: bool) -> Analysis:
        return replace(dark(frame, False), reason=replace(REFUSAL, code=code))

    shown = texts(opened(grey, FakeEngine(refuse)).findings)
    assert "Not analysed" in shown
    assert "Analyse all the same" not in shown


def test_an_engine_that_raises_is_a_message_with_a_way_on(
    qtbot: QtBot, opened: Opened, grey: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def boom(frame, force):
        raise RuntimeError("boom")

    engine = FakeEngine(boom)
    window = opened(grey, engine)
    assert "Something went wrong" in texts(window.findings)
    engine.make = skin_analysis
    press(window.findings, "Try again")
    qtbot.waitUntil(lambda: "Worth a look: Melanoma" in texts(window.findings))
    assert "boom" in caplog.text


def test_busy_can_be_cancelled_and_nothing_jumps(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(delay_s=5), auto_analyse=False)
    switches = window.findings.switches
    place = switches.mapTo(window, switches.rect().topLeft())
    assert "Not analysed yet." in texts(window.findings)
    window.action("analyse").trigger()
    qtbot.waitUntil(lambda: window.findings.busy.bar.value() > 0)
    assert window.findings.busy.text.full_text() == "Checking the picture…"
    assert switches.mapTo(window, switches.rect().topLeft()) == place
    window.action("cancel").trigger()
    assert window.workspace.active.busy("analyse") is None
    assert "The analysis was cancelled." in texts(window.findings)
    assert switches.mapTo(window, switches.rect().topLeft()) == place


def test_the_latest_analysis_wins(qtbot: QtBot, opened: Opened, grey: Path, colour: Path) -> None:
    engine = FakeEngine(delay_s=0.3)
    window = opened(grey, engine, auto_analyse=False)
    window.workspace.set_setting("auto_analyse", True)
    window.workspace.active.analyse()
    qtbot.wait(50)
    window.open_paths([colour])
    qtbot.waitUntil(lambda: window.workspace.active.analysis is not None)
    qtbot.wait(350)
    assert window.workspace.active.analysis is not None
    assert window.workspace.active.analysis.file == str(colour)


def test_an_analysis_is_kept_per_file(qtbot: QtBot, opened: Opened, grey: Path, colour: Path) -> None:
    engine = FakeEngine()
    window = opened(grey, engine)
    for path in (colour, grey):
        window.open_paths([path])
        qtbot.waitUntil(
            lambda path=path: (
                window.workspace.active.analysis is not None and window.workspace.active.analysis.file == str(path)
            )
        )
    assert len(engine.requests) == 2
    window.action("analyse").trigger()
    qtbot.waitUntil(lambda: len(engine.requests) == 3)


def test_analysing_on_opening_can_be_switched_off(qtbot: QtBot, make_window: MakeWindow, grey: Path) -> None:
    engine = FakeEngine()
    window = make_window(engine)
    window.action("auto").trigger()
    window.open_paths([grey])
    qtbot.waitUntil(lambda: window.workspace.active.picture is not None)
    qtbot.wait(50)
    assert engine.requests == []
