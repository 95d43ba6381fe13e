"""The log file: rotating, small, in the user's own folder. It never leaves the machine."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from medview.core.paths import log_dir

LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MAX_BYTES = 1_000_000
KEPT = 3


def set_up(folder: Path | None = None, level: int = logging.INFO) -> Path | None:
    """Log into `folder` (the user's log folder by default) and warnings to stderr, when there is one.

    Returns the file, or None when it cannot be written: a full or read-only disk must not stop the program.
    """
    root = logging.getLogger()
    root.setLevel(level)
    path = (folder or log_dir()) / "medview.log"
    handlers: list[logging.Handler] = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8"))
    except OSError:
        path = Path()
    # A windowed program on Windows has no stderr at all.
    if sys.stderr is not None:
        stream = logging.StreamHandler()
        stream.setLevel(logging.WARNING)
        handlers.append(stream)
    for handler in handlers:
        handler.setFormatter(logging.Formatter(LINE))
        root.addHandler(handler)
    return path if path.name else None
