"""Actions and the pages made from them: menus, keys, help, about, models."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medview.core.failures import Code, Failure
from medview.ui.actions import table
from tests.ui.conftest import MakeWindow, Opened
from tests.ui.fakes import FakeEngine


def test_every_action_is_in_one_menu_and_has_a_help_line(make_window: MakeWindow) -> None:
    window = make_window()
    listed = [action for menu in window.menus.values() for action in menu.actions()]
    for spec in table.specs():
        assert listed.count(window.action(spec.id)) == 1, spec.id
        assert spec.about, spec.id


def test_no_key_is_given_twice() -> None:
    keys = [key for spec in table.specs() for key in spec.keys]
    assert len(keys) == len(set(keys))


def test_help_is_made_from_the_table_of_actions(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert window.stack.currentWidget() is window.page
    text = window.page.browser.toPlainText()
    for spec in table.specs():
        assert spec.text in text
        assert spec.about in text
    for code in Code:
        assert code.value in text
    qtbot.keyClick(window.page.browser, Qt.Key.Key_Escape)
    assert window.stack.currentWidget() is window.splitter


def test_nothing_acts_on_a_picture_hidden_by_a_page(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey)
    window.action("help").trigger()
    qtbot.keyClick(window, Qt.Key.Key_I)
    assert not window.workspace.active.view.inverted
    enabled = {spec.id for spec in table.specs() if window.action(spec.id).isEnabled()}
    assert enabled == {"open", "open_folder", "quit", "full_screen", "privacy", "auto", "help", "models", "about"}
    window.leave_page()
    qtbot.keyClick(window, Qt.Key.Key_I)
    assert window.workspace.active.view.inverted


def test_about_names_the_licences(make_window: MakeWindow) -> None:
    window = make_window()
    window.action("about").trigger()
    text = window.page.browser.toPlainText()
    for expected in ("Apache License 2.0", "Qt, PySide6", "LGPL-3.0", "Models, samples", "NOTICE.md"):
        assert expected in text


def test_about_names_the_version(make_window: MakeWindow) -> None:
    from medview import __version__

    window = make_window()
    window.action("about").trigger()
    assert __version__ in window.page.browser.toPlainText()


def test_the_models_page_lists_good_and_bad_ones(qtbot: QtBot, make_window: MakeWindow) -> None:
    from medview.inference.registry import ModelStatus
    from tests.ui.fakes import SKIN

    engine = FakeEngine()
    bad = Failure(Code.MODEL_DAMAGED, "The model x is damaged <b>.", "Install again.")
    engine.statuses = lambda: [ModelStatus("skin-lesion", SKIN, None, 3.0), ModelStatus("x", None, bad)]  # type: ignore[method-assign]
    window = make_window(engine)
    window.action("models").trigger()
    qtbot.waitUntil(lambda: "Self-test passed" in window.page.browser.toPlainText())
    text = window.page.browser.toPlainText()
    assert SKIN.sha256 in text
    assert "Switched off: The model x is damaged <b>. Install again." in text
