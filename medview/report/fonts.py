"""The font that comes with the program, so that every machine shows and saves the same. Needs a QGuiApplication."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

from PySide6.QtCore import QByteArray
from PySide6.QtGui import QFontDatabase

from medview.core import resources

log = logging.getLogger(__name__)

FILES = ("medview-sans-regular.otf", "medview-sans-semibold.otf")


def load(folder: Path | None = None) -> str:
    """Make the font known to Qt and give its family; empty where it cannot be read, and the system's font serves.

    What it has no letters for (Chinese, Arabic ...) Qt takes from the fonts of the system.
    """
    folder = folder or resources.find("fonts")
    families = [_load_file(folder / name) for name in FILES]
    return families[0]


@cache
def _load_file(path: Path) -> str:
    """The family of one file, read once. In Python: Qt cannot open every path that Python can on Windows."""
    try:
        data = path.read_bytes()
    except OSError as error:
        log.warning("a font that belongs to the program cannot be read: %r", error)
        return ""
    families = QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFontFromData(QByteArray(data)))
    if not families:
        log.warning("a font that belongs to the program is damaged: %s", path.name)
    return families[0] if families else ""
