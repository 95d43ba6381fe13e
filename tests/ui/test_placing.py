"""The window on small screens: all of it can be seen, whatever was saved on a larger one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QRect, QSize, Qt
from pytestqt.qtbot import QtBot

from medview.ui.placing import first_size, within
from medview.ui.window import LEAST
from tests.ui.conftest import MakeWindow


@pytest.mark.parametrize(
    ("available", "size"),
    [
        (QSize(1366, 728), QSize(1350, 688)),
        (QSize(960, 560), QSize(944, 520)),
        (QSize(1024, 700), QSize(1008, 660)),
        (QSize(2560, 1400), QSize(1440, 900)),
    ],
)
def test_the_first_size_is_what_is_wanted_but_no_more_than_the_screen_has(available: QSize, size: QSize) -> None:
    assert first_size(available, QSize(1440, 900)) == size


SIDE = st.integers(1, 5000)
AT = st.integers(-6000, 6000)
RECTS = st.builds(QRect, AT, AT, SIDE, SIDE)


@given(RECTS, RECTS)
def test_a_window_ends_inside_the_room_there_is(frame: QRect, available: QRect) -> None:
    placed = within(frame, available)
    assert available.contains(placed)
    assert placed.size() == frame.size().boundedTo(available.size())
    assert within(placed, available) == placed
    if available.contains(frame):
        assert placed == frame


# In a process of its own: the size of the screen is fixed when Qt starts.
PROGRAM = """
import json, sys
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget
from medview.core.settings import Settings
from medview.ui.app import make_app
from medview.ui.window import MainWindow
from medview.workspace import Workspace

app = make_app()
told = []
saved = sys.argv[1]
for geometry in ("", saved):
    settings = Settings()
    settings["notice_accepted"], settings["window_geometry"] = True, geometry
    window = MainWindow(Workspace(settings), [])
    window.show()
    window.findings.setVisible(True)
    window.middle.setCurrentWidget(window.viewer)
    app.processEvents()
    room, frame = window.screen().availableGeometry(), window.frameGeometry()
    viewer = window.viewer
    parts = (window.findings, viewer, viewer.canvas, viewer.facts, window.status.motto, window.toolbar)
    told.append({
        "screen": [room.width(), room.height()],
        "inside": room.contains(frame),
        "least": window.minimumSizeHint().toTuple(),
        "whole": [part.isVisible() and window.rect().contains(QRect(part.mapTo(window, part.rect().topLeft()),
            part.size())) for part in parts],
    })
    window.close()
print(json.dumps(told))
"""


def on_a_screen(tmp_path: Path, width: int, height: int, scale: str, geometry: str) -> list[dict]:
    """What a first window, and one with a saved geometry, are like on a screen of this size in device pixels."""
    config = tmp_path / "screens.json"
    screen = {"name": "small", "x": 0, "y": 0, "width": width, "height": height, "logicalDpi": 96, "dpr": 1}
    config.write_text(json.dumps({"screens": [screen]}))
    surroundings = {
        **os.environ, "QT_QPA_PLATFORM": f"offscreen:configfile={config}", "QT_SCALE_FACTOR": scale,
        "MEDVIEW_HOME": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, geometry], env=surroundings, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("width", "height", "scale", "screen"),
    [(1366, 768, "1", [1366, 768]), (1440, 900, "1.5", [960, 600]), (1024, 700, "1", [1024, 700])],
)
def test_a_window_on_a_small_screen_is_all_on_it(
    make_window: MakeWindow, tmp_path: Path, width: int, height: int, scale: str, screen: list[int]
) -> None:
    large = make_window()
    large.setGeometry(300, 200, 2300, 1200)
    geometry = bytes(large.saveGeometry().toBase64().data()).decode("ascii")
    for told in on_a_screen(tmp_path, width, height, scale, geometry):
        assert told["screen"] == screen
        assert told["inside"]
        # What is in it never needs more than the window can be made smaller to, nor that more than small screens have.
        assert told["least"][0] <= LEAST.width() <= 900
        assert told["least"][1] <= LEAST.height() <= 480
        assert told["whole"] == [True] * 6


def test_list_and_panel_can_be_put_away(qtbot: QtBot, make_window: MakeWindow, grey: Path, colour: Path) -> None:
    window = make_window()
    window.open_paths([grey, colour])
    qtbot.waitUntil(lambda: window.workspace.active.picture is not None)
    width = window.viewer.width()
    for part, key, name in ((window.files, Qt.Key.Key_F2, "list"), (window.findings, Qt.Key.Key_F3, "panel")):
        assert part.isVisible()
        qtbot.keyClick(window, key)
        assert not part.isVisible()
        assert not window.action(name).isChecked()
    assert window.workspace.settings["list_on"] is False
    qtbot.waitUntil(lambda: window.viewer.width() > width + 300)
    qtbot.keyClick(window, Qt.Key.Key_F2)
    assert window.files.isVisible()


def test_full_screen_and_back(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.isFullScreen()
    assert window.action("full_screen").isChecked()
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert not window.isFullScreen()
    # By the system, not by the key.
    window.showFullScreen()
    assert window.action("full_screen").isChecked()
