"""Where the results of one run go: names that no other picture, run or program has, for their owner's eyes only."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from pathlib import Path
from typing import Any

from medview.core.failures import Code, Failure
from medview.core.files import make_private, write_atomic
from medview.core.texts import Text, to_json

# Longest stem of a result file, in bytes of UTF-8. With the number of a frame and of a copy, a model's and a label's
# id of 64 characters each and what stands between them it still fits into the 255 of a file name.
STEM_BYTES = 100
# What some file systems take for something else than a letter.
_NOT_IN_NAMES = frozenset('<>:"/\\|?*')
BETWEEN = "__"


def safe_stem(name: str) -> str:
    """A file's name without its suffix, as every file system can hold it, cut between two characters."""
    plain = "".join("_" if c in _NOT_IN_NAMES or not (c.isprintable() or c.isalnum()) else c for c in Path(name).stem)
    cut = plain.encode("utf-8", "ignore")[:STEM_BYTES].decode("utf-8", "ignore")
    return cut.strip(". ") or "picture"


def same_name(name: str) -> str:
    """The same text for two names that a file system may take for one: some ignore case, some how accents are coded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


class ResultFolder:
    """A folder that results of one run are written into. Make one for each run, and `open` it before anything else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Stems that are taken, by this run or another, as `same_name` has them.
        self._taken: set[str] = set()
        self._lines: int | None = None
        self._number = 1

    def open(self) -> Failure | None:
        """Make the folder where it is missing, and see which names are taken in it."""
        try:
            make_private(self.path)
            self.look_again()
        except OSError as error:
            return write_failure(self.path, error)
        return None

    def look_again(self) -> None:
        """See which names are taken by now. Raises OSError."""
        for name in os.listdir(self.path):
            parts = same_name(name).split(BETWEEN)
            self._taken.update(BETWEEN.join(parts[:count]) for count in range(1, len(parts)))

    def stem(self, path: Path, frame: int, many: bool) -> str:
        """A stem for the results of a frame that no other frame, of this run or an earlier one, has."""
        base = f"{safe_stem(path.name)}-frame{frame}" if many else safe_stem(path.name)
        name, number = base, 2
        while same_name(name) in self._taken:
            name, number = f"{base}-{number}", number + 1
        self._taken.add(same_name(name))
        return name

    @property
    def list_name(self) -> str:
        """Name of the list of this run's results: `results.json`, or with a number where an earlier run has that."""
        return f"results{self._ending}.json"

    @property
    def _ending(self) -> str:
        return f"-{self._number}" if self._number > 1 else ""

    def start_list(self) -> Failure | None:
        """Begin the list of this run: the first number that no other run has, taken by making its file of lines."""
        while True:
            path = self.path / f"results{self._ending}.jsonl"
            try:
                if os.path.lexists(self.path / self.list_name):
                    raise FileExistsError
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
                self._lines = os.open(path, flags, 0o600)
                return None
            except FileExistsError:
                self._number += 1
            except OSError as error:
                return write_failure(path, error)

    def add_line(self, row: dict[str, Any]) -> Failure | None:
        """Append one result: whatever ends the program afterwards, it is there. After a power cut the last ones may
        be missing, since not every line waits for the disk."""
        if self._lines is None:
            return None
        data = to_json(row).encode("ascii") + b"\n"
        try:
            if os.write(self._lines, data) < len(data):
                raise OSError(28, "No space left on device")
        except OSError as error:
            self._close_lines()
            return write_failure(self.path / f"results{self._ending}.jsonl", error)
        return None

    def end_list(self, rows: list[dict[str, Any]]) -> Failure | None:
        """Close the file of lines and write all results of the run as one list beside it."""
        self._close_lines()
        data = json_bytes(rows)
        while True:
            path = self.path / self.list_name
            try:
                write_atomic(path, data, private=True, replace=False)
                return None
            except FileExistsError:  # by a program that knows nothing of our file of lines
                self._number += 1
            except OSError as error:
                return write_failure(path, error)

    def _close_lines(self) -> None:
        handle, self._lines = self._lines, None
        if handle is not None:
            with contextlib.suppress(OSError):
                os.close(handle)


def json_bytes(data: Any) -> bytes:
    """Readable JSON in UTF-8. A byte of a file name that is no UTF-8 is a lone surrogate here; it becomes JSON's own
    escape."""
    return (to_json(data, indent=1, ascii_only=False) + "\n").encode("utf-8", "backslashreplace")


def write_failure(path: Path, error: OSError) -> Failure:
    """The failure of a file that could not be written."""
    return Failure(
        Code.WRITE_ERROR,
        Text("{name} could not be written: {reason}.", name=path.name, reason=error.strerror or str(error)),
        Text("Choose another folder, or make room on the disk."),
        repr(error),
    )
