"""A series, a segmentation of it elsewhere, and a window with the series open."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from medview.ui.window import MainWindow
from tests.imaging.segs import slices
from tests.ui.conftest import Opened
from tests.ui.segmentations.marked import COUNT, SIZE, two_segments


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    slices(tmp_path, COUNT, SIZE)
    return tmp_path


@pytest.fixture
def marks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The segmentation in a folder of its own."""
    path = tmp_path_factory.mktemp("elsewhere") / "marks é 你.dcm"
    path.write_bytes(two_segments())
    return path


@pytest.fixture
def series(opened: Opened, folder: Path, qtbot: QtBot) -> MainWindow:
    """A window with the series open, at slice 5."""
    window = opened(folder / "slice5.dcm", auto_analyse=False)
    ws = window.workspace
    qtbot.waitUntil(lambda: ws.active.study is not None and len(ws.active.study.frames) == COUNT)
    return window
