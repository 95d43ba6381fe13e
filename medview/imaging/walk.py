"""From what a user names to files, in order. Nothing is opened here, and no library is imported."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

Finder = Callable[[Path], Iterable[Path]]


def find_files(path: Path) -> Iterator[Path]:
    """The file itself, or every file below a folder: sorted by name, files of a folder before its sub-folders.

    Hidden names (leading dot) below `path` are skipped, and folders reached a second time (symbolic link loops). A
    folder that cannot be listed comes itself: whoever reads it as a file is told why, so that nothing is left out
    without a word.
    """
    if not os.path.isdir(path):  # Path.is_dir raises for a name that is too long
        yield path
        return
    seen: set[tuple[int, int]] = set()
    pending = [path]
    while pending:
        folder = pending.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen and status.st_ino:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                entries = sorted((e for e in listing if not e.name.startswith(".")), key=lambda e: e.name)
        except OSError:
            yield folder
            continue
        folders: list[Path] = []
        for entry in entries:
            try:
                is_folder = entry.is_dir()
            except OSError:
                is_folder = False  # reading it will tell more
            if is_folder:
                folders.append(Path(entry.path))
            else:
                yield Path(entry.path)
        pending.extend(reversed(folders))


class Place:
    """One of the paths that a user named: its files are gone through once.

    Attributes:
        path: as it was named. is_folder: whether it is a folder.
        repeated: whether a file of it was left out since it came before.
    """

    def __init__(self, path: Path, finder: Finder, seen: set[Path] | None) -> None:
        self.path, self._finder, self._seen = path, finder, seen
        self.is_folder = os.path.isdir(path)
        self.repeated = False

    def __iter__(self) -> Iterator[Path]:
        for file in self._finder(self.path) if self.is_folder else (self.path,):
            if self._seen is not None and file in self._seen:
                self.repeated = True
                continue
            if self._seen is not None:
                self._seen.add(file)
            yield file


def places(paths: Iterable[Path], finder: Finder = find_files, once: bool = False) -> Iterator[Place]:
    """Each of `paths`. `finder`: gives the files below a folder. `once`: leave out files of those before it."""
    seen: set[Path] | None = set() if once else None
    for path in paths:
        yield Place(path, finder, seen)


def walk(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file that `paths` name, or that lies below them; as often as it is named."""
    for place in places(paths):
        yield from place
