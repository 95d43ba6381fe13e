"""Settings as declared data: one line a setting; the JSON file only holds what differs from the default.

A file that cannot be read is renamed away and never blocks the start; an unknown key or a value that does not fit is
dropped with a log line.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medview.core.files import make_private, write_atomic

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Setting:
    """One setting. A float is a share, 0-1; a whole number lies within `bounds`, both included. `text` says what it
    does, for the people who edit the file and for the settings page."""

    key: str
    type: type
    default: Any
    text: str
    bounds: tuple[int, int] | None = None


MIB = 1024 * 1024


SETTINGS = (
    Setting("notice_accepted", bool, False, "The notice 'not a medical device' was read and accepted."),
    Setting("auto_analyse", bool, True, "Analyse a picture as soon as it is opened."),
    Setting("recent_files", list, [], "Files opened last, newest first."),
    Setting("last_folder", str, "", "Folder the open dialog starts in."),
    Setting("save_folder", str, "", "Folder the save dialog starts in."),
    Setting("heatmap_on", bool, False, "Show the heatmap of the chosen label."),
    Setting("heatmap_opacity", float, 0.6, "Opacity of the heatmap, 0-1."),
    Setting("mask_on", bool, True, "Show the mask of a segmentation."),
    Setting("mask_opacity", float, 0.8, "Opacity of the mask, 0-1."),
    Setting("sides_on", bool, True, "Show which sides of the patient lie at the edges of the picture."),
    Setting("list_on", bool, True, "Show the list of series and files, where there are several."),
    Setting("panel_on", bool, True, "Show what the models found, beside the picture."),
    Setting("privacy", bool, False, "Hide everything that tells who a patient is: names, dates, file names."),
    Setting("models_folder", str, "", "Another folder of models; empty for medview's own."),
    Setting("device", str, "auto", "Where models run: auto, cpu or cuda."),
    Setting(
        "picture_bytes",
        int,
        256 * MIB,
        "Bytes of decoded pictures kept in memory, 32 MiB to 8 GiB.",
        (32 * MIB, 8192 * MIB),
    ),
    Setting("window_geometry", str, "", "Size and place of the main window (Qt, base64)."),
)


def _fits(setting: Setting, value: Any) -> bool:
    """Whether `value` may be stored for `setting`. JSON writes 1.0 as 1.0 but people write 1; a bool is no number."""
    if setting.type is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    if setting.type is list:
        return isinstance(value, list) and all(isinstance(item, str) and _can_be_a_name(item) for item in value)
    if setting.type is str:
        return isinstance(value, str) and _can_be_a_name(value)
    if setting.bounds is not None:
        return type(value) is int and setting.bounds[0] <= value <= setting.bounds[1]
    return type(value) is setting.type


def _can_be_a_name(text: str) -> bool:
    """Whether the system takes `text` as a file name. One that is no UTF-8 holds the surrogates of `os.fsdecode`; any
    other lone surrogate raises wherever the name is used."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


class Settings:
    """The settings in memory, read from and saved to one JSON file. `path` None keeps them in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._declared = {setting.key: setting for setting in SETTINGS}
        self._values: dict[str, Any] = {}
        if path is not None:
            self._load(path)

    def __getitem__(self, key: str) -> Any:
        """The value of a declared setting. Raises KeyError for any other key."""
        default = self._declared[key].default
        value = self._values.get(key, default)
        return list(value) if isinstance(value, list) else value

    def __setitem__(self, key: str, value: Any) -> None:
        """Change a setting in memory. Raises KeyError, or TypeError for a value of another type."""
        setting = self._declared[key]
        if not _fits(setting, value):
            raise TypeError(f"{key} takes {setting.type.__name__}, not {value!r}")
        self._values[key] = float(value) if setting.type is float else value

    def _load(self, path: Path) -> None:
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(raw, dict):
                raise ValueError("not a JSON object")
        except FileNotFoundError:
            return
        except (OSError, ValueError, RecursionError) as error:
            log.warning("settings cannot be read, starting with the defaults: %r", error)
            self._set_aside(path)
            return
        for key, value in raw.items():
            setting = self._declared.get(key)
            if setting is None or not _fits(setting, value):
                # Not the value itself: writing out one that is nested deeply would raise.
                log.warning("setting %r dropped: %s", key, "unknown" if setting is None else "its value does not fit")
                continue
            self[key] = value

    @staticmethod
    def _set_aside(path: Path) -> None:
        try:
            os.replace(path, path.with_name(path.name + ".broken"))
        except OSError as error:
            log.warning("the broken settings file stays: %r", error)

    def save(self) -> bool:
        """Write what differs from the defaults, atomically. False (and a log line) when that fails."""
        if self.path is None:
            return True
        changed = {k: v for k, v in self._values.items() if v != self._declared[k].default}
        try:
            make_private(self.path.parent)
            # As ASCII: a file name that is no UTF-8 holds surrogates, which only JSON's escapes can carry.
            write_atomic(self.path, json.dumps(changed, indent=1).encode("ascii"), private=True)
        except (OSError, ValueError) as error:
            log.warning("settings cannot be saved: %r", error)
            return False
        return True


def add_recent(recent: list[str], path: Path, limit: int = 12) -> list[str]:
    """`recent` with `path` first, each file once, at most `limit`."""
    text = str(path)
    return [text, *(item for item in recent if item != text)][:limit]
