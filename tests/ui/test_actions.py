"""Actions and the pages made from them: menus, keys, help, about, models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QSignalSpy
from pytestqt.qtbot import QtBot

from medview.core.failures import Code, Failure
from medview.core.settings import SETTINGS
from medview.ui import identity
from medview.ui.actions import table, when
from medview.ui.actions.context import Context
from medview.ui.kinds import KindMenu
from medview.ui.menus import RecentMenu
from medview.ui.status import StatusLine
from medview.ui.window import MainWindow
from medview.ui.window_menu import WindowMenu
from medview.workspace import windows
from tests.ui.conftest import MakeWindow, Opened
from tests.ui.fakes import FakeEngine, mri_analysis


def test_every_action_is_in_one_menu_and_has_a_help_line(make_window: MakeWindow) -> None:
    window = make_window()
    listed = [action for menu in window.menus.values() for action in menu.actions()]
    for spec in table.ACTIONS:
        assert listed.count(window.action(spec.id)) == 1, spec.id
        assert spec.about, spec.id


def test_no_key_is_given_twice() -> None:
    keys = [key for spec in table.ACTIONS for key in spec.keys]
    assert len(keys) == len(set(keys))


def test_help_is_made_from_the_table_of_actions(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert window.stack.currentWidget() is window.page
    text = window.page.browser.toPlainText()
    for spec in table.ACTIONS:
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
    enabled = {spec.id for spec in table.ACTIONS if window.action(spec.id).isEnabled()}
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


# ---- refreshed by what changed ----


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the actions whose conditions are asked, each time."""
    ids: list[str] = []

    def noted(id: str, ask: Callable[[Context], bool], context: Context) -> bool:
        ids.append(id)
        return ask(context)

    for spec in table.ACTIONS:
        for name in ("enabled", "checked"):
            if condition := getattr(spec, name):
                monkeypatch.setitem(vars(spec), name, replace(condition, ask=partial(noted, spec.id, condition.ask)))
    return ids


def test_a_drag_of_the_window_asks_nothing_that_does_not_follow_the_view(
    qtbot: QtBot, opened: Opened, grey: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    window = opened(grey)
    made: list[str] = []
    for owner, name in (
        (MainWindow, "setWindowTitle"), (MainWindow, "_follow"), (RecentMenu, "refresh"), (StatusLine, "refresh"),
        (KindMenu, "refresh"), (WindowMenu, "_build"), (identity, "window_title"), (windows, "offers"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, name, lambda *_, name=name: made.append(name))
    changed, canvas = QSignalSpy(window.workspace.viewChanged), window.viewer.canvas
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    asked.clear()
    for step in range(1, 101):
        qtbot.mouseMove(canvas, QPoint(100 + step, 100 + step % 7))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(200, 100))
    assert changed.count() == 100
    assert made == []
    assert set(asked) == {"invert"} == {spec.id for spec in table.ACTIONS if "view" in spec.follows}


@pytest.mark.parametrize("topic", [*when.TOPICS, when.setting_topic("privacy"), when.setting_topic("mask_opacity")])
def test_a_change_asks_those_that_follow_it_and_no_others(
    make_window: MakeWindow, topic: str, asked: list[str]
) -> None:
    window = make_window()
    asked.clear()
    window.action_set.refresh(topic)
    assert set(asked) == {spec.id for spec in table.ACTIONS if topic in spec.follows}


def test_every_topic_is_told_by_somebody() -> None:
    followed = frozenset[str]().union(*(spec.follows for spec in table.ACTIONS))
    assert set(when.TOPICS) <= followed <= {*when.TOPICS, *(when.setting_topic(setting.key) for setting in SETTINGS)}


LANES = ("open", "scan", "plane", "analyse", "stability", "save")


def stale(window: MainWindow) -> list[str]:
    """Actions that do not show what their conditions answer now."""
    context, found = window.action_set.context, []
    for spec in table.ACTIONS:
        action = window.action(spec.id)
        enabled = (spec.anywhere or when.in_sight(context)) and spec.enabled(context)
        checked = spec.checked is not None and spec.checked(context)
        if (action.isEnabled(), action.isChecked()) != (enabled, checked):
            found.append(spec.id)
    return found


def test_no_action_is_ever_stale(
    qtbot: QtBot, make_window: MakeWindow, stack: Path, grey: Path, tmp_path: Path
) -> None:
    """Whatever is done: each action is as if all were asked each time."""
    window = make_window(FakeEngine(mri_analysis), notice_accepted=False)
    ws = window.workspace
    (tmp_path / "bad.dcm").write_bytes(b"x" * 900)

    def step(do: Callable[[], object]) -> None:
        do()
        assert stale(window) == []
        for _ in range(200):
            qtbot.wait(1)
            assert stale(window) == []
            if not any(lane.busy(name) for lane in (ws, ws.active) for name in LANES):
                break

    step(window.accept_notice)
    for paths in ([stack], [grey, tmp_path / "bad.dcm"], [stack]):
        step(lambda paths=paths: window.open_paths(paths))
        for id in (
            "next_frame", "heatmap", "mask", "invert", "help", "privacy", "auto", "next_file", "plane_coronal",
            "plane_coronal", "plane_acquired", "last_frame", "auto", "privacy", "analyse", "cancel", "reset", "zoom_in",
            "orientation", "panel", "list", "full_screen", "full_screen",
        ):  # fmt: skip
            step(window.action(id).trigger)
            step(window.leave_page)
    step(lambda: ws.save_results(tmp_path / "out"))
    step(lambda: ws.active.set_layers(mask_on=not ws.active.layers.mask_on))
    step(lambda: ws.activate(ws.add_viewport()))
    step(lambda: ws.activate(ws.viewports[0]))
    step(window.action("close").trigger)
