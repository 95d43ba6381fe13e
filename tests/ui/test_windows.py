"""The windows that are offered: of the file, by convention, automatic, full range; which is ticked; the button."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from medview.imaging.window import Window, auto_window
from medview.ui.actions import table
from medview.ui.window import MainWindow
from medview.workspace import windows
from tests.imaging.make import dicom
from tests.ui.conftest import Opened


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    """A ramp of -1000 to 1999 HU with two windows of its own."""
    values = np.arange(3000, dtype=np.uint16).reshape(50, 60)
    path = tmp_path / "ct.dcm"
    path.write_bytes(
        dicom(
            values,
            Modality="CT",
            RescaleIntercept=-1000,
            RescaleSlope=1,
            WindowCenter=[30, 500],
            WindowWidth=[300, 2000],
            WindowCenterWidthExplanation=["Liver & spleen", "WIDE"],
        )
    )
    return path


def menu(window: MainWindow) -> list[tuple[str, bool]]:
    """The entries of the menu, and whether they are ticked."""
    return [(a.text(), a.isChecked()) for a in window.viewer.facts.window_menu.actions() if not a.isSeparator()]


def choose(window: MainWindow, start: str) -> None:
    (found,) = [a for a in window.viewer.facts.window_menu.actions() if a.text().startswith(start)]
    found.trigger()


def test_the_windows_of_a_ct_slice(opened: Opened, ct: Path) -> None:
    window = opened(ct, auto_analyse=False)
    names = [text.split(" (")[0] for text, _ in menu(window)]
    assert names == [
        "Liver && spleen", "WIDE", "Soft tissue", "Lung", "Bone", "Brain", "Mediastinum", "Abdomen", "Automatic",
        "Full range",
    ]  # fmt: skip
    assert [ticked for _, ticked in menu(window)].index(True) == 0
    assert menu(window)[3] == ("Lung (C -600, W 1500)", False)
    assert window.viewer.facts.window_button.text() == "Liver && spleen   C 30  W 300"
    assert window.menus["view"].actions().count(window.viewer.facts.window_menu.menuAction()) == 1


def test_a_choice_is_shown_and_ticked(opened: Opened, ct: Path) -> None:
    window = opened(ct, auto_analyse=False)
    ws = window.workspace
    assert ws.active.picture is not None
    for start, expected in (
        ("Lung", Window(-600, 1500)),
        ("WIDE", Window(500, 2000)),
        ("Automatic", auto_window(ws.active.picture.shown)),
        ("Full range", Window.from_range(-1000, 1999)),
    ):
        choose(window, start)
        assert ws.active.view.window == expected
        assert window.workspace.active.view.window_of(window.workspace.active.picture) == expected
        assert next(text for text, ticked in menu(window) if ticked).startswith(start)
        assert window.viewer.facts.window_button.text().startswith(start)
    choose(window, "Liver")
    assert ws.active.view.window is None


def test_choosing_what_is_ticked_keeps_it(opened: Opened, ct: Path) -> None:
    window = opened(ct, auto_analyse=False)
    for _ in range(2):
        choose(window, "Lung")
        assert window.workspace.active.view.window == Window(-600, 1500)
        assert sum(ticked for _, ticked in menu(window)) == 1


def test_a_drag_leaves_the_preset(qtbot: QtBot, opened: Opened, ct: Path) -> None:
    window = opened(ct, auto_analyse=False)
    choose(window, "Bone")
    canvas = window.viewer.canvas
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    qtbot.mouseMove(canvas, QPoint(140, 100))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(140, 100))
    now = window.workspace.active.view.window
    assert now == Window(400, 1980)
    assert not any(ticked for _, ticked in menu(window))
    assert window.viewer.facts.window_button.text() == "C 400  W 1980"
    window.action("reset").trigger()
    assert menu(window)[0][1]


def test_keys_choose_in_the_order_of_the_menu(qtbot: QtBot, opened: Opened, ct: Path) -> None:
    window = opened(ct, auto_analyse=False)
    qtbot.keyClick(window.viewer.canvas, Qt.Key.Key_4)
    assert window.workspace.active.view.window == Window(-600, 1500)
    window.action("about").trigger()
    qtbot.keyClick(window, Qt.Key.Key_5)
    assert window.workspace.active.view.window == Window(-600, 1500)
    window.leave_page()
    qtbot.keyClick(window.viewer.canvas, Qt.Key.Key_0)
    assert window.workspace.active.view.preset == windows.AUTO
    keys = {key for spec in table.ACTIONS for key in spec.keys}
    assert not keys & {*table.WINDOW_KEYS, table.AUTO_KEY}


def test_windows_without_a_name_are_the_files(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "mr.dcm"
    values = np.arange(3000, dtype=np.uint16).reshape(50, 60)
    named = {"WindowCenterWidthExplanation": ["", "BRAIN"]}
    path.write_bytes(dicom(values, WindowCenter=[844, 40, 400], WindowWidth=[2677, 80, 900], **named))
    window = opened(path, auto_analyse=False)
    assert [text for text, _ in menu(window)] == [
        "File window 1 (C 844, W 2677)", "BRAIN (C 40, W 80)", "File window 3 (C 400, W 900)", "Automatic",
        "Full range",
    ]  # fmt: skip
    assert window.viewer.facts.window_button.text() == "File window 1   C 844  W 2677"


def test_a_picture_of_8_bits_is_shown_in_full_and_has_no_conventions(opened: Opened, grey: Path) -> None:
    window = opened(grey, auto_analyse=False)
    assert menu(window) == [("Automatic", False), ("Full range", True)]
    choose(window, "Automatic")
    assert menu(window) == [("Automatic", True), ("Full range", False)]


def test_16_bits_without_a_window_are_automatic(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "mr.dcm"
    path.write_bytes(dicom(np.arange(3000, dtype=np.uint16).reshape(50, 60)))
    assert menu(opened(path, auto_analyse=False)) == [("Automatic", True), ("Full range", False)]


def test_a_colour_picture_has_no_window(opened: Opened, colour: Path, grey: Path, qtbot: QtBot) -> None:
    window = opened(colour, auto_analyse=False)
    assert windows.offers(window.workspace.active.picture) == windows.offers(None) == ()
    assert not window.viewer.facts.window_menu.isEnabled()
    assert not window.viewer.facts.window_button.isVisible()
    window.open_paths([grey])
    qtbot.waitUntil(lambda: window.viewer.facts.window_button.isVisible())
    assert window.viewer.facts.window_menu.isEnabled()
