"""The user's language: Qt's own texts and medview's, where there is a file of it."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import QLibraryInfo, QLocale, QObject, QTranslator

from medview.core import resources

log = logging.getLogger(__name__)


class Language(QTranslator):
    """The texts of one file of medview's. Read by Python: Qt cannot open every path that Python can on Windows."""

    def __init__(self, path: Path, parent: QObject) -> None:
        super().__init__(parent)
        # Kept: Qt reads the texts from where these bytes lie.
        self._data = path.read_bytes()
        self.whole = self.load(self._data)


def translators(locale: QLocale, parent: QObject) -> list[QTranslator]:
    """What translates into the language of `locale`, to be installed in this order; nothing for English."""
    found: list[QTranslator] = []
    qt = QTranslator(parent)
    if qt.load(locale, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        found.append(qt)
    path = own_file(locale.uiLanguages(), resources.find("languages"))
    if path is not None:
        try:
            own = Language(path, parent)
        except OSError as error:
            log.warning("a language that belongs to the program cannot be read: %r", error)
            return found
        if own.whole:
            found.append(own)
        else:
            log.warning("a language that belongs to the program is damaged: %s", path.name)
    return found


def own_file(wanted: list[str], folder: Path) -> Path | None:
    """`medview_pt_BR.qm` or `medview_pt.qm` for the first of the `wanted` languages (`pt-BR`, `pt`, ...) that is there;
    None where that is English, in which the texts are written."""
    for name in wanted:
        if name.split("-")[0] == "en":
            return None
        path = folder / f"medview_{name.replace('-', '_')}.qm"
        if path.is_file():
            return path
    return None
