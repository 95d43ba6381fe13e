"""A real window on the offscreen platform, with a made-up engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PySide6.QtGui import Qt as TextQt
from PySide6.QtGui import QTextDocument
from pytestqt.qtbot import QtBot

from medview.core.samples import Sample
from medview.core.settings import Settings
from medview.ui import theme
from medview.ui.window import MainWindow
from medview.workspace import Workspace
from tests.imaging.make import tiff
from tests.ui.fakes import FakeEngine

MakeWindow = Callable[..., MainWindow]
Opened = Callable[..., MainWindow]


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["medview"]


@pytest.fixture(autouse=True)
def dressed(qapp: Any) -> None:
    """Once: to put on a style sheet takes as long as a small test."""
    if qapp.styleSheet() != theme.STYLE:
        theme.dress(qapp)


def write_png(path: Path, values: np.ndarray) -> Path:
    """A PNG of grey (rows, cols) or RGB (rows, cols, 3) values."""
    ok, data = cv2.imencode(".png", values if values.ndim == 2 else values[:, :, ::-1])
    assert ok
    path.write_bytes(data.tobytes())
    return path


def shown_of(text: str) -> str:
    """What Qt shows of a tooltip or of a label that decides by itself."""
    if not TextQt.mightBeRichText(text):
        return text
    document = QTextDocument()
    document.setHtml(text)
    assert "\ufffc" not in document.toPlainText(), f"a picture is fetched: {text}"
    return document.toPlainText()


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    """A grey ramp, 60 rows x 80 columns: the value of a pixel is row + column."""
    rows, cols = np.mgrid[0:60, 0:80]
    return write_png(tmp_path / "ramp é ж 你.png", (rows + cols).astype(np.uint8))


@pytest.fixture
def colour(tmp_path: Path) -> Path:
    """An RGB picture, 50 x 50: red."""
    values = np.zeros((50, 50, 3), np.uint8)
    values[..., 0] = 200
    return write_png(tmp_path / "red.png", values)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A TIFF of six pages of 60 x 80, each of one grey: 20 on the first, 20 more on each that follows."""
    path = tmp_path / "stack.tif"
    path.write_bytes(tiff([np.full((60, 80), 20 * number, np.uint8) for number in range(1, 7)]))
    return path


@pytest.fixture
def make_window(qtbot: QtBot) -> Iterator[MakeWindow]:
    """Windows of 1000 x 700 with a made-up engine; settings by keyword. Closed, and their threads waited for."""
    made: list[MainWindow] = []

    def make(engine: FakeEngine | None = None, samples: list[Sample] | None = None, **settings: Any) -> MainWindow:
        values = Settings()
        for key, value in {"notice_accepted": True, **settings}.items():
            values[key] = value
        answering = engine or FakeEngine()
        window = MainWindow(Workspace(values, lambda: answering), samples or [])
        qtbot.addWidget(window)
        window.show()
        # After it is shown: the screen that tests have is smaller, and a window begins inside of it.
        window.resize(1000, 700)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        made.append(window)
        return window

    yield make
    for window in made:
        window.close()
        window.workspace.close()


@pytest.fixture
def opened(make_window: MakeWindow, qtbot: QtBot) -> Opened:
    """A window with a file opened and, unless `auto_analyse` is off, analysed."""

    def make(path: Path, engine: FakeEngine | None = None, **settings: Any) -> MainWindow:
        window = make_window(engine, **settings)
        ws = window.workspace
        window.open_paths([path])
        qtbot.waitUntil(lambda: ws.active.picture is not None or ws.active.failure is not None)
        if ws.active.picture is not None and ws.settings["auto_analyse"]:
            qtbot.waitUntil(lambda: ws.active.analysis is not None)
        return window

    return make
