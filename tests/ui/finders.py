"""Folders that are found piece by piece: a finder that halts, and a window that uses it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from medview.core.settings import Settings
from medview.ui.window import MainWindow
from medview.workspace import Workspace
from tests.imaging.make import dicom
from tests.ui.fakes import FakeEngine


class Halting:
    """A finder that waits after some files until it is let go."""

    def __init__(self, paths: list[Path], after: int) -> None:
        self.paths, self.after, self.go = paths, after, threading.Event()

    def __call__(self, folder: Path) -> Iterator[Path]:
        yield from self.paths[: self.after]
        self.go.wait(20)
        yield from self.paths[self.after :]


def scanning(qtbot: QtBot, finder: Halting) -> MainWindow:
    settings = Settings()
    settings["notice_accepted"], settings["auto_analyse"] = True, False
    window = MainWindow(Workspace(settings, FakeEngine, finder=finder), [])
    qtbot.addWidget(window)
    window.show()
    return window


def slice_at(z: int, series: str = "1.2") -> bytes:
    return dicom(
        np.full((20, 30), z, np.uint8), SeriesInstanceUID=series, SOPInstanceUID=f"{series}.{z + 1}",
        PixelSpacing=[1, 1], ImagePositionPatient=[0, 0, z], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
    )  # fmt: skip
