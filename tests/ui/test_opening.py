"""Opening a file in the real window: what is said of it, also while it is read and when it cannot be."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from pytestqt.qtbot import QtBot

from medview.core.failures import Code
from medview.core.jobs import Step
from medview.core.samples import Sample
from medview.core.settings import Settings
from medview.ui import words
from medview.ui.window import MainWindow
from medview.workspace import Workspace
from tests.ui.conftest import MakeWindow, Opened
from tests.ui.fakes import FakeEngine
from tests.ui.operate import drop, press, texts


def test_opening_shows_name_findings_and_what_ran(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    assert window.windowTitle() == f"{grey.name} - medview"
    assert window.viewer.title.name.full_text() == grey.name
    shown = texts(window.findings)
    for expected in (
        "Skin lesion, seven kinds",
        "Worth a look: Melanoma",
        "skin-lesion 1.0.0 · 3fa9c1d2 · CPU · 12 ms",
    ):
        assert expected in shown
    assert "Kind of picture: a skin lesion (99 %)" in shown
    assert window.status.ran.full_text() == "skin-lesion on CPU in 12 ms; altogether 31 ms"


def test_drop_opens(qtbot: QtBot, make_window: MakeWindow, grey: Path) -> None:
    window = make_window()
    drop(window, grey)
    qtbot.waitUntil(lambda: window.workspace.active.picture is not None)
    assert window.workspace.active.study is not None
    assert window.workspace.active.study.path == grey


def test_recent_files_are_in_the_menu_and_on_the_first_page(
    qtbot: QtBot, opened: Opened, grey: Path, colour: Path
) -> None:
    window = opened(grey)
    window.open_paths([colour])
    qtbot.waitUntil(lambda: window.workspace.recent[0] == colour)
    assert window.workspace.recent == [colour, grey]
    assert [a.text() for a in window.recent_menu.actions()[:2]] == [colour.name, grey.name]
    window.action("close").trigger()
    assert window.middle.currentWidget() is window.empty
    assert grey.name in texts(window.empty)
    press(window.empty, grey.name)
    qtbot.waitUntil(lambda: window.workspace.active.picture is not None)
    assert window.workspace.active.study is not None
    assert window.workspace.active.study.path == grey


def test_samples_get_their_thumbnails_also_when_something_was_opened_before_they_came(
    qtbot: QtBot, make_window: MakeWindow, grey: Path, colour: Path
) -> None:
    window = make_window(samples=[Sample(colour, "A colour", "nowhere", "CC0", "other", "")], auto_analyse=False)
    ws, (box,) = window.workspace, window.empty.sample_buttons.values()
    window.open_paths([grey])
    qtbot.waitUntil(lambda: ws.active.picture is not None)
    # As on a slow machine: what was asked for first never came.
    box._thumbnail = QPixmap()
    ws.close_all()
    qtbot.waitUntil(lambda: not box.bare)


def test_samples_are_in_the_menu_and_on_the_first_page_with_a_thumbnail(
    qtbot: QtBot, make_window: MakeWindow, colour: Path
) -> None:
    sample = Sample(colour, "A sample", "nowhere", "CC0", "skin", "")
    window = make_window(samples=[sample])
    assert [a.text() for a in window.samples_menu.actions()] == ["A sample"]
    sample = window.empty.sample_buttons[colour]
    qtbot.waitUntil(lambda: not sample._thumbnail.isNull())
    assert sample._thumbnail.toImage().pixelColor(5, 5).getRgb()[:3] == (200, 0, 0)
    qtbot.mouseClick(sample, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.workspace.active.picture is not None)


def test_a_file_that_is_no_picture_says_so_in_its_place(
    qtbot: QtBot, opened: Opened, tmp_path: Path, grey: Path
) -> None:
    path = tmp_path / "letter é.txt"
    path.write_text("hello")
    window = opened(path)
    page = window.viewer.failure
    assert window.viewer.stack.currentWidget() is page
    assert page.message is not None
    failure = window.workspace.active.failure
    assert failure is not None
    shown = texts(page)
    for expected in (words.title(failure.code), failure.text, failure.hint, "Open another file…", "Try again"):
        assert expected in shown
    assert window.viewer.title.name.full_text() == path.name
    assert not window.action("analyse").isEnabled()
    # The file is repaired: the button opens it.
    path.write_bytes(grey.read_bytes())
    press(page, "Try again")
    qtbot.waitUntil(lambda: window.workspace.active.picture is not None)
    assert window.viewer.stack.currentWidget() is window.viewer.canvas


@pytest.mark.parametrize("code", list(Code))
def test_every_failure_has_a_title(code: Code) -> None:
    assert len(words.title(code)) > 8


def test_opening_another_file_never_shows_the_old_picture_under_the_new_name(
    qtbot: QtBot, grey: Path, colour: Path
) -> None:
    from medview.workspace import opening

    def slow(path: Path, step: Step):
        if path == colour:
            time.sleep(0.3)
        return opening.open_study(path, step)

    window = MainWindow(Workspace(Settings(), FakeEngine, opener=slow), [])
    qtbot.addWidget(window)
    window.accept_notice()
    window.open_paths([grey])
    qtbot.waitUntil(lambda: window.workspace.active.analysis is not None)
    window.open_paths([colour])
    qtbot.wait(100)
    assert window.viewer.title.name.full_text() == grey.name
    assert window.viewer.title.facts.full_text() == f"Opening {colour.name}…"
    assert window.viewer.title.stop.isVisibleTo(window)
    qtbot.waitUntil(lambda: window.viewer.title.name.full_text() == colour.name)
    window.close()


def test_cancelling_an_opening_keeps_what_was_shown(qtbot: QtBot, grey: Path, colour: Path) -> None:
    from medview.workspace import opening

    def slow(path: Path, step: Step):
        if path == colour:
            time.sleep(0.3)
        return opening.open_study(path, step)

    window = MainWindow(Workspace(Settings(), FakeEngine, opener=slow), [])
    qtbot.addWidget(window)
    window.accept_notice()
    window.open_paths([grey])
    qtbot.waitUntil(lambda: window.workspace.active.analysis is not None)
    window.open_paths([colour])
    press(window.viewer.title, "Cancel")
    qtbot.wait(400)
    assert window.workspace.active.study is not None
    assert window.workspace.active.study.path == grey
    assert window.viewer.title.facts.full_text() == window.workspace.active.study.description
    window.close()


def test_notes_on_how_the_picture_was_read_are_shown(qtbot: QtBot, grey: Path) -> None:
    from dataclasses import replace

    from medview.imaging.study import Series, Study
    from medview.workspace import opening

    def noted(path: Path, step: Step):
        study = opening.open_study(path, step)
        assert isinstance(study, Study)
        frame = replace(study.frames[0], notes=("Read with care.",))
        return replace(study, series=(Series("s", (frame,)),))

    window = MainWindow(Workspace(Settings(), FakeEngine, opener=noted), [])
    qtbot.addWidget(window)
    window.accept_notice()
    window.open_paths([grey])
    qtbot.waitUntil(lambda: window.workspace.active.analysis is not None)
    assert "Read with care." in texts(window.findings)
    window.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_a_name_with_a_line_break_stays_one_line(qtbot: QtBot, make_window: MakeWindow, grey: Path) -> None:
    odd = grey.with_name("a\nb\x1b\u202egnp.png")
    grey.rename(odd)
    window = make_window()
    window.open_paths([odd])
    qtbot.waitUntil(lambda: window.workspace.active.picture is not None)
    shown = "a\\nb\\x1b\\u202egnp.png"
    assert window.windowTitle() == f"{shown} - medview"
    assert window.files.model.index(0).data() == shown
    assert window.viewer.title.name.full_text() == shown
    assert window.recent_menu.actions()[0].text() == shown
    assert words.one_line("é ж 你 می\u200cخواهم.png") == "é ж 你 می\u200cخواهم.png"
