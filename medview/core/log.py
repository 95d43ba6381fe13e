"""The log file: rotating, small, in the user's own folder. It never leaves the machine."""

from __future__ import annotations

import copy
import logging
import os
import sys
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from medview.core.files import make_private
from medview.core.paths import log_dir
from medview.core.texts import printable

LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MAX_BYTES = 1_000_000
KEPT = 3


class _Plain(logging.Formatter):
    """Lines without anything that a terminal would take for a command: a name of a file or a card may hold it.

    Of an error its kind and the way to it are told, not its message: a library may quote what it read, such as the
    name of a patient.
    """

    def format(self, record: logging.LogRecord) -> str:
        plain = copy.copy(record)
        plain.exc_text = None  # another formatter's words
        return "\n".join(map(printable, super().format(plain).split("\n")))

    def formatException(self, ei: Any) -> str:
        kind, _, trace = ei
        return "".join((*traceback.format_tb(trace), kind.__name__ if kind else ""))


def to_terminal() -> None:
    """Warnings of a command go to stderr, plain, where nobody has set up another log."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Plain())


def _opened(path: str, flags: int) -> int:
    handle = os.open(path, flags, 0o600)
    if hasattr(os, "fchmod"):
        os.fchmod(handle, 0o600)  # one of an earlier version
    return handle


def _private_file(path: Path) -> logging.Handler:
    """A rotating log file that only its owner may read. Raises OSError."""
    from logging.handlers import RotatingFileHandler

    class PrivateFile(RotatingFileHandler):
        def _open(self) -> TextIOWrapper:
            return open(self.baseFilename, "a", encoding=self.encoding, opener=_opened)

    return PrivateFile(path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8")


def set_up(folder: Path | None = None, level: int = logging.INFO) -> Path | None:
    """Log into `folder` (the user's log folder by default) and warnings to stderr, when there is one.

    Returns the file, or None when it cannot be written: a full or read-only disk must not stop the program.
    """
    root = logging.getLogger()
    root.setLevel(level)
    path = (folder or log_dir()) / "medview.log"
    handlers: list[logging.Handler] = []
    try:
        make_private(path.parent)
        handlers.append(_private_file(path))
    except OSError:
        path = Path()
    # A windowed program on Windows has no stderr at all.
    if sys.stderr is not None:
        stream = logging.StreamHandler()
        stream.setLevel(logging.WARNING)
        handlers.append(stream)
    for handler in handlers:
        handler.setFormatter(_Plain(LINE))
        root.addHandler(handler)
    return path if path.name else None
