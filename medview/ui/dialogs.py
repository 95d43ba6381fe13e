"""The dialogs in which files and folders are chosen, and the folder that they start in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog, QWidget

from medview.workspace.runner import Job, Lanes

LANE = "folder"
# A folder that does not answer for so long lies on a drive that is gone: the dialog starts elsewhere.
ANSWER_MS = 500


class FileDialogs:
    """Opens them over a window. Qt asks the disk for the folder that a dialog starts in, on the thread of the window; a
    job asks before, so that a dead drive does not stop it."""

    def __init__(self, window: QWidget, lanes: Lanes) -> None:
        self._window, self._lanes = window, lanes

    def files(self, title: str, folder: str, chosen: Callable[[list[Path]], object]) -> None:
        """Let the user choose files; `chosen` is called unless they cancel."""

        def show(start: str) -> None:
            names, _kind = QFileDialog.getOpenFileNames(self._window, title, start)
            if names:
                chosen([Path(name) for name in names])

        self._start(folder, show)

    def folder(self, title: str, folder: str, chosen: Callable[[Path], object]) -> None:
        """Let the user choose a folder; `chosen` is called unless they cancel."""

        def show(start: str) -> None:
            name = QFileDialog.getExistingDirectory(self._window, title, start)
            if name:
                chosen(Path(name))

        self._start(folder, show)

    def _start(self, folder: str, show: Callable[[str], None]) -> None:
        """Call `show` with `folder` if it is one that answers, else with an empty text."""
        if self._lanes.busy(LANE):
            return
        work = Job(
            LANE, "", lambda token: folder if os.path.isdir(folder) else "", show, on_cancelled=lambda: show("")
        )  # fmt: skip
        self._lanes.start(work)
        QTimer.singleShot(ANSWER_MS, self._window, lambda: None if work.ended else self._lanes.cancel(LANE))
