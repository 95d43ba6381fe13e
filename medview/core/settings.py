"""Settings as declared data: one line a setting; the JSON file only holds what differs from the default.

A file that cannot be read is renamed away and never blocks the start. A value that does not fit is dropped with a log
line; a key that is not known here, such as one of a newer medview, is kept in the file.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medview.core.files import make_private, write_atomic
from medview.core.texts import Text

log = logging.getLogger(__name__)


Group = Literal["reading", "models", "storage", "privacy", "state"]


@dataclass(frozen=True)
class Setting:
    """One setting, for the program, for people who edit the file, and for a page that is made of the declarations.

    Attributes:
        type: bool, int, float, str, or list (of file names).
        group: what it is about. `state` is what the program remembers of itself, which nobody sets by hand.
        label: what it is called. text: what it does.
        choices: (value, what the value is called); empty where any value of the type will do.
        bounds: least and greatest number, both included; a number has them.
    """

    key: str
    type: type
    default: Any
    group: Group
    label: Text
    text: Text
    choices: tuple[tuple[str, Text], ...] = ()
    bounds: tuple[float, float] | None = None


MIB = 1024 * 1024
SHARE = (0, 1)
# So deep may an unknown key nest to be kept: Python reads JSON that is nested deeper than it can write.
UNKNOWN_LEVELS = 8
DEVICES = (
    ("auto", Text("Whatever is fastest")),
    ("cpu", Text("Processor")),
    ("cuda", Text("Graphics card (CUDA)")),
)

SETTINGS = (
    Setting(
        "notice_accepted", bool, False, "state",
        Text("Notice accepted"), Text("The notice 'not a medical device' was read and accepted."),
    ),
    Setting(
        "auto_analyse", bool, True, "models",
        Text("Analyse when a picture opens"), Text("Analyse a picture as soon as it is opened."),
    ),
    Setting(
        "recent_files", list, [], "state",
        Text("Recent files"), Text("Files opened last, newest first."),
    ),
    Setting(
        "last_folder", str, "", "state",
        Text("Folder of pictures"), Text("Folder the open dialog starts in."),
    ),
    Setting(
        "save_folder", str, "", "state",
        Text("Folder of results"), Text("Folder the save dialog starts in."),
    ),
    Setting(
        "heatmap_on", bool, False, "models",
        Text("Heatmap"), Text("Show the heatmap of the chosen label."),
    ),
    Setting(
        "heatmap_opacity", float, 0.6, "models",
        Text("Opacity of the heatmap"), Text("Opacity of the heatmap, 0-1."),
        bounds=SHARE,
    ),
    Setting(
        "mask_on", bool, True, "models",
        Text("Mask"), Text("Show the mask of a segmentation."),
    ),
    Setting(
        "mask_opacity", float, 0.8, "models",
        Text("Opacity of the mask"), Text("Opacity of the mask, 0-1."),
        bounds=SHARE,
    ),
    Setting(
        "sides_on", bool, True, "reading",
        Text("Orientation letters"), Text("Show which sides of the patient lie at the edges of the picture."),
    ),
    Setting(
        "list_on", bool, True, "reading",
        Text("List"), Text("Show the list of series and files, where there are several."),
    ),
    Setting(
        "panel_on", bool, True, "reading",
        Text("Second look"), Text("Show what the models found, beside the picture."),
    ),
    Setting(
        "privacy", bool, False, "privacy",
        Text("Privacy"), Text("Hide everything that tells who a patient is: names, dates, file names."),
    ),
    Setting(
        "models_folder", str, "", "models",
        Text("Folder of models"), Text("Another folder of models; empty for medview's own."),
    ),
    Setting(
        "device", str, "auto", "models",
        Text("Where models run"), Text("Where models run: auto, cpu or cuda."),
        choices=DEVICES,
    ),
    Setting(
        "picture_bytes", int, 256 * MIB, "storage",
        Text("Memory for pictures"), Text("Bytes of decoded pictures kept in memory, 32 MiB to 8 GiB."),
        bounds=(32 * MIB, 8192 * MIB),
    ),
    Setting(
        "window_geometry", str, "", "state",
        Text("Place of the window"), Text("Size and place of the main window (Qt, base64)."),
    ),
)  # fmt: skip


def _has_type(setting: Setting, value: Any) -> bool:
    """Whether `value` is of the setting's type. JSON writes 1.0 as 1.0 but people write 1; a bool is no number."""
    if setting.type is float:
        return type(value) in (int, float)
    if setting.type is list:
        return isinstance(value, list) and all(isinstance(item, str) and _can_be_a_name(item) for item in value)
    if setting.type is str:
        return isinstance(value, str) and _can_be_a_name(value)
    return type(value) is setting.type


def _is_offered(setting: Setting, value: Any) -> bool:
    """Whether a `value` of its type is among the choices and within the bounds of the setting."""
    if setting.choices and value not in [choice for choice, _ in setting.choices]:
        return False
    return setting.bounds is None or bool(setting.bounds[0] <= value <= setting.bounds[1])


def _is_flat(value: Any, levels: int = UNKNOWN_LEVELS) -> bool:
    """Whether a value of JSON nests no deeper than `levels`."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_flat(item, levels - 1) for item in inner)


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
        self._unknown: dict[str, Any] = {}
        if path is not None:
            self._load(path)

    def __getitem__(self, key: str) -> Any:
        """The value of a declared setting. Raises KeyError for any other key."""
        default = self._declared[key].default
        value = self._values.get(key, default)
        return list(value) if isinstance(value, list) else value

    def __setitem__(self, key: str, value: Any) -> None:
        """Change a setting in memory.

        Raises KeyError for one that is not declared, TypeError for a value of another type, ValueError for one that is
        not offered.
        """
        setting = self._declared[key]
        if not _has_type(setting, value):
            raise TypeError(f"{key} takes {setting.type.__name__}, not {value!r}")
        if not _is_offered(setting, value):
            raise ValueError(f"{key} is not offered as {value!r}")
        self._values[key] = float(value) if setting.type is float else value

    def _load(self, path: Path) -> None:
        try:
            raw = json.loads(path.read_text(encoding="utf-8-sig"))  # an editor may have put a mark in front
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
            if setting is None and _is_flat(value):
                self._unknown[key] = value
            elif setting is None or not (_has_type(setting, value) and _is_offered(setting, value)):
                # Not the value itself: writing out one that is nested deeply would raise.
                log.warning("setting %r dropped: its value does not fit", key)
            else:
                self[key] = value

    @staticmethod
    def _set_aside(path: Path) -> None:
        try:
            os.replace(path, path.with_name(path.name + ".broken"))
        except OSError as error:
            log.warning("the broken settings file stays: %r", error)

    def save(self) -> bool:
        """Write what differs from the defaults, and what is not known here, atomically. False (and a log line) when
        that fails."""
        return self.writing()()

    def writing(self) -> Callable[[], bool]:
        """`save` of the settings as they are now, to be called in any thread."""
        path = self.path
        changed = self._unknown | {k: v for k, v in self._values.items() if v != self._declared[k].default}

        def write() -> bool:
            if path is None:
                return True
            try:
                make_private(path.parent)
                # As ASCII: a file name that is no UTF-8 holds surrogates, which only JSON's escapes can carry.
                write_atomic(path, json.dumps(changed, indent=1).encode("ascii"), private=True)
            except (OSError, ValueError) as error:
                log.warning("settings cannot be saved: %r", error)
                return False
            return True

        return write


def add_recent(recent: list[str], path: Path, limit: int = 12) -> list[str]:
    """`recent` with `path` first, each file once, at most `limit`."""
    text = str(path)
    return [text, *(item for item in recent if item != text)][:limit]
