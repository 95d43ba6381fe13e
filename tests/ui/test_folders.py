"""Folders and multi-frame files: what is listed, and how keys, clicks and the slider step through it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medview.core.failures import Code
from medview.core.settings import Settings
from medview.ui.window import MainWindow
from medview.workspace import Workspace
from tests.ui.conftest import MakeWindow, Opened, write_png
from tests.ui.fakes import FakeEngine
from tests.ui.operate import drop


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files; the first cannot be read."""
    made = tmp_path / "folder é ж 你"
    made.mkdir()
    (made / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    for name in ("b.png", "c.png"):
        write_png(made / name, np.full((60, 60), ord(name[0]), np.uint8))
    return made


def test_a_folder_is_listed_and_its_first_readable_file_opens(
    qtbot: QtBot, make_window: MakeWindow, folder: Path
) -> None:
    window = make_window()
    ws = window.workspace
    drop(window, folder)
    qtbot.waitUntil(lambda: ws.active.analysis is not None and ws.busy("scan") is None)
    assert [entry.path.name for entry in ws.listing.entries] == ["a.png", "b.png", "c.png"]
    assert ws.active.study is not None
    assert ws.active.study.path.name == "b.png"
    assert window.files.isVisible()
    model = window.files.model
    assert model.rowCount() == 3
    assert model.data(model.index(0), Qt.ItemDataRole.FontRole).italic()
    current = window.files.view.currentIndex().data()
    assert current == ws.active.study.path.name


def test_keys_step_through_the_files(qtbot: QtBot, make_window: MakeWindow, folder: Path) -> None:
    window = make_window()
    ws = window.workspace
    window.open_paths([folder / "b.png", folder / "c.png"])
    qtbot.waitUntil(lambda: ws.active.picture is not None and ws.busy("scan") is None)
    window.activateWindow()
    window.viewer.canvas.setFocus()
    qtbot.keyClick(window.viewer.canvas, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: ws.active.study is not None and ws.active.study.path.name == "c.png")
    qtbot.keyClick(window.viewer.canvas, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: ws.active.study is not None and ws.active.study.path.name == "b.png")


def test_keys_step_past_files_that_cannot_be_read(qtbot: QtBot, make_window: MakeWindow, folder: Path) -> None:
    (folder / "a2.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    window = make_window()
    ws = window.workspace
    window.open_paths([folder / name for name in ("b.png", "a.png", "a2.png", "c.png")])
    qtbot.waitUntil(lambda: ws.active.picture is not None and ws.busy("scan") is None)

    def press_and_see(key: Qt.Key, *names: str) -> None:
        for name in names:
            focus = QApplication.focusWidget()
            assert focus is not None
            qtbot.keyClick(focus, key)
            qtbot.waitUntil(lambda name=name: ws.active.busy("open") is None and ws.active.title == name)
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    press_and_see(Qt.Key.Key_Right, "a.png", "a2.png", "c.png")
    assert ws.active.picture is not None
    press_and_see(Qt.Key.Key_Left, "a2.png", "a.png", "b.png")


def test_a_click_in_the_list_opens(qtbot: QtBot, make_window: MakeWindow, folder: Path) -> None:
    window = make_window()
    ws = window.workspace
    window.open_paths([folder / "b.png", folder / "c.png"])
    qtbot.waitUntil(lambda: ws.active.picture is not None and ws.busy("scan") is None)
    window.files.view.setCurrentIndex(window.files.model.index(1))
    qtbot.waitUntil(lambda: ws.active.study is not None and ws.active.study.path.name == "c.png")


def test_a_folder_without_pictures_says_so(qtbot: QtBot, make_window: MakeWindow, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    window = make_window()
    window.open_paths([empty])
    qtbot.waitUntil(lambda: window.workspace.active.failure is not None)
    assert window.workspace.active.failure is not None
    assert window.workspace.active.failure.code == Code.NO_IMAGES


def test_ten_thousand_files_are_no_problem(qtbot: QtBot, grey: Path, tmp_path: Path) -> None:
    names = [tmp_path / f"{number:05}.png" for number in range(10_000)]
    names[0].write_bytes(grey.read_bytes())
    workspace = Workspace(Settings(), FakeEngine, finder=lambda path: iter(names))
    window = MainWindow(workspace, [])
    qtbot.addWidget(window)
    window.accept_notice()
    window.show()
    window.open_paths([tmp_path])
    qtbot.waitUntil(lambda: workspace.active.picture is not None and workspace.busy("scan") is None, timeout=10_000)
    # One picture, and 9,999 that are not there, under their heading.
    assert window.files.model.rowCount() == 10_001
    assert "10000 files" in window.files.heading.full_text()
    window.close()


def test_a_stack_opens_at_its_first_frame_and_is_stepped_through(qtbot: QtBot, opened: Opened, stack: Path) -> None:
    engine = FakeEngine()
    window = opened(stack, engine)
    ws = window.workspace
    assert window.viewer.frames.isVisible()
    assert window.viewer.frames.position.text.text() == "Frame 1 of 6"
    ws.active.set_view(scale=2.0, centre=(10.0, 10.0))
    ws.active._settle.setInterval(600)
    for index in (1, 2, 3, 4):
        qtbot.keyClick(window.viewer.canvas, Qt.Key.Key_Down)
        qtbot.waitUntil(lambda index=index: ws.active.picture is not None and ws.active.picture.frame.index == index)
    assert (ws.active.picture.values == 100).all()  # type: ignore[union-attr]
    assert ws.active.view.scale == 2.0
    assert window.viewer.frames.position.slider.value() == 4
    # Only where the user stopped is analysed.
    qtbot.waitUntil(lambda: len(engine.requests) == 2)
    assert [asked.frame.index for asked in engine.requests] == [0, 4]
    window.viewer.frames.position.slider.setValue(0)
    qtbot.waitUntil(lambda: ws.active.picture is not None and ws.active.picture.frame.index == 0)


def test_a_single_picture_has_no_slider(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    assert not window.viewer.frames.isVisible()
    assert not window.action("next_frame").isEnabled()
