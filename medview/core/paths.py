"""Where medview keeps its own files, per platform; `$MEDVIEW_HOME` puts all into one folder (tests, USB stick)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

NAME = "medview"


def _base(xdg: str, fallback: str, windows: str) -> Path:
    """The user's folder of one kind: `$xdg` or `~/fallback`; on Windows `%windows%` or its usual place."""
    if sys.platform == "win32":
        usual = "AppData/Roaming" if windows == "APPDATA" else "AppData/Local"
        return Path(os.environ.get(windows) or Path.home() / usual)
    value = os.environ.get(xdg, "")
    # The XDG specification: a relative path is invalid and must be ignored.
    return Path(value) if value.startswith("/") else Path.home() / fallback


def _folder(sub: str, xdg: str, fallback: str, windows: str) -> Path:
    if home := os.environ.get("MEDVIEW_HOME"):
        return Path(home) / sub
    return _base(xdg, fallback, windows) / NAME


def config_dir() -> Path:
    """Folder of settings.json. Not created here: who writes creates."""
    return _folder("config", "XDG_CONFIG_HOME", ".config", "APPDATA")


def data_dir() -> Path:
    """Folder of what the user made and must survive."""
    return _folder("data", "XDG_DATA_HOME", ".local/share", "LOCALAPPDATA")


def log_dir() -> Path:
    """Folder of the log files."""
    folder = _folder("state", "XDG_STATE_HOME", ".local/state", "LOCALAPPDATA")
    return folder / "log"


def cache_dir() -> Path:
    """Folder of what can be made again."""
    folder = _folder("cache", "XDG_CACHE_HOME", ".cache", "LOCALAPPDATA")
    return folder / "cache" if sys.platform == "win32" else folder
