"""What a refusal of the header or of the network says and offers, and what the user can say instead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from medview.core.failures import Code
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from medview.inference.quality import QualityNote
from tests.ui.conftest import MakeWindow, Opened
from tests.ui.fakes import MAMMOGRAM, REFUSAL, FakeEngine, chest_analysis, refused, ruled_out
from tests.ui.operate import dimmed, messages, press, result_boxes, steady, texts

# ---- what the header rules out ----


def test_what_the_header_rules_out_is_one_muted_line(opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(ruled_out))
    (line,) = window.findings.widgets
    assert isinstance(line, QLabel)
    assert (line.text(), line.property("role")) == (MAMMOGRAM.text, "muted")
    assert messages(window) == []
    assert "Kind of picture" not in texts(window.findings)
    buttons = [made for made in ("Analyse all the same", "Say what it is", "Invert the picture")]
    assert not any(text in texts(window.findings) for text in buttons)


def test_scrolling_through_a_series_that_the_header_rules_out_changes_nothing(
    qtbot: QtBot, opened: Opened, stack: Path
) -> None:
    engine = FakeEngine(ruled_out)
    window = opened(stack, engine)
    ws = window.workspace
    seen: set[tuple[str, ...]] = set()

    def look() -> None:
        (line,) = window.findings.widgets
        assert isinstance(line, QLabel)
        seen.add((line.text(), str(dimmed(window))))

    for signal in (ws.analysisChanged, ws.busyChanged, ws.pictureChanged):
        signal.connect(look)
    for _ in range(3):
        calls = len(engine.requests)
        ws.active.step_frame(1)
        qtbot.waitUntil(lambda calls=calls: len(engine.requests) > calls and ws.active.analysis is not None)
    assert seen == {(MAMMOGRAM.text, "False")}
    assert not window.findings.slice.isVisible()


def test_what_the_header_rules_out_can_be_called_something_else_in_the_menu(
    qtbot: QtBot, opened: Opened, grey: Path
) -> None:
    engine = FakeEngine(ruled_out)
    window = opened(grey, engine)
    menu = window.kind_menu
    assert menu.menuAction() in window.menus["analysis"].actions()
    assert menu.isEnabled()
    menu.fill()
    chest, *_, back = (action for action in menu.actions() if not action.isSeparator())
    assert (chest.text(), chest.isChecked()) == ("This is a frontal chest X-ray", False)
    assert (back.text(), back.isEnabled()) == ("Take back", False)
    chest.trigger()
    qtbot.waitUntil(lambda: bool(result_boxes(window)))
    assert "You said this is a frontal chest X-ray" in texts(window.findings)
    menu.fill()
    chest, *_, back = (action for action in menu.actions() if not action.isSeparator())
    assert chest.isChecked()
    back.trigger()
    qtbot.waitUntil(lambda: steady(window) and result_boxes(window) == [])
    assert [asked.kind for asked in engine.requests] == ["", "chest_xray", ""]


def test_nothing_can_be_said_of_what_no_model_looks_at(make_window: MakeWindow) -> None:
    assert not make_window().kind_menu.isEnabled()


def test_what_is_over_in_a_moment_is_not_shown_as_going_on(qtbot: QtBot, opened: Opened, stack: Path) -> None:
    window = opened(stack, FakeEngine(ruled_out))
    said: set[tuple[str, bool]] = set()
    busy = window.findings.busy
    window.workspace.busyChanged.connect(lambda: said.add((busy.text.full_text(), busy.stop.isVisible())))
    window.workspace.active.step_frame(1)
    qtbot.waitUntil(lambda: steady(window))
    assert said == {("Second look", False)}


# ---- what the network refuses ----


def test_a_refused_kind_has_no_fix_and_cannot_be_forced(opened: Opened, grey: Path) -> None:
    def lying_other(frame: Frame, force: bool) -> Analysis:
        note = QualityNote(
            Code.ROTATED, 0.99, 0.95, "It lies.", "Rotate it.", correction="rotate_90", severity="refuse"
        )
        return replace(refused(frame), reason=REFUSAL, quality=(replace(note, correction=""),))

    window = opened(grey, FakeEngine(lying_other))
    refusal = messages(window)[0]
    assert [made.text() for made in refusal.buttons] == ["Say what it is"]
    assert "Kind of picture" not in texts(window.findings)
    menu = refusal.buttons[0].menu()
    assert [action.text() for action in menu.actions()] == [
        "This is a frontal chest X-ray",
        "This is a brain MR slice",
        "This is a skin lesion",
    ]


def test_the_user_says_what_a_picture_is_and_takes_it_back(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    engine = FakeEngine(refused)
    doubt = QualityNote(Code.UNFAMILIAR, 0.02, 0.5, "medview takes it for something else.", "Mind what it is.")
    engine.said["chest_xray"] = lambda frame: replace(chest_analysis(frame), quality=(doubt,))
    window = opened(grey, engine)
    messages(window)[0].buttons[0].menu().actions()[0].trigger()
    qtbot.waitUntil(lambda: bool(result_boxes(window)))
    assert [asked.kind for asked in engine.requests] == ["", "chest_xray"]
    assert window.workspace.active.kind == "chest_xray"
    (said,) = messages(window)
    assert "You said this is a frontal chest X-ray; medview did not recognise it" in texts(said)
    assert said.text.text() == "Mind what it is."
    first = window.findings.widgets.index(result_boxes(window)[0])
    assert window.findings.widgets.index(said) < first
    assert window.workspace.active.analysis is not None
    assert window.workspace.active.analysis.to_dict()["kind_by_user"] is True
    press(window.findings, "Take back")
    qtbot.waitUntil(lambda: [asked.kind for asked in engine.requests] == ["", "chest_xray", ""] and steady(window))
    assert result_boxes(window) == []
    assert window.workspace.active.kind == ""


def test_what_the_user_said_is_remembered_for_its_file(qtbot: QtBot, opened: Opened, grey: Path, colour: Path) -> None:
    engine = FakeEngine(refused)
    window = opened(grey, engine)
    ws = window.workspace
    ws.active.set_kind("skin")
    qtbot.waitUntil(lambda: steady(window))
    for path in (colour, grey):
        window.open_paths([path])
        qtbot.waitUntil(
            lambda path=path: ws.active.study is not None and ws.active.study.path == path and steady(window)
        )
        assert ws.active.kind == ("skin" if path == grey else "")
        assert ws.active.analysis is not None
        assert ws.active.analysis.kind_by_user is (path == grey)
    assert len(engine.requests) == 3
