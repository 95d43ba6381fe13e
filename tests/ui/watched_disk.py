"""A disk that tells who touches it, and that can be made to sleep as a dead network drive does."""

from __future__ import annotations

import builtins
import io
import os
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Of `os`: whatever asks for a file or folder by its name. pathlib, os.path and shutil use these.
CALLS = (
    "stat", "lstat", "access", "open", "scandir", "listdir", "mkdir", "rename", "replace", "link", "unlink", "remove",
    "rmdir", "readlink", "chmod", "utime", "truncate",
)  # fmt: skip


class Disk:
    """What lies below some folders.

    Attributes:
        on_thread: calls that the thread of the window made, each with where it was made.
        slept: calls that have slept in other threads.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
        self._below = tuple(str(folder) for folder in folders)
        self._window = threading.get_ident()
        self._awake = threading.Event()
        self._awake.set()
        self._seconds = 0.0
        self.on_thread: list[str] = []
        self.slept = 0
        for name in CALLS:
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))
        opened = self._watched("open", io.open)
        monkeypatch.setattr(builtins, "open", opened)
        monkeypatch.setattr(io, "open", opened)

    def sleep(self, seconds: float) -> None:
        """Every call takes so long from now on."""
        self._seconds = seconds
        self._awake.clear()

    def wake(self) -> None:
        """Calls that sleep go on, and no other sleeps."""
        self._awake.set()

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(path: Any, *args: Any, **rest: Any) -> Any:
            if isinstance(path, str | os.PathLike) and str(os.fspath(path)).startswith(self._below):
                if threading.get_ident() == self._window:
                    self.on_thread.append(f"{name} {path}\n{''.join(traceback.format_stack(limit=8))}")
                elif not self._awake.is_set():
                    self.slept += 1
                    self._awake.wait(self._seconds)
            return call(path, *args, **rest)

        return watched
