"""What was opened together, as a list: the series of DICOM by patient and study, picture files, what cannot be shown.

Made from headers: of a DICOM file all but its pixels is read, of any other only what it begins with.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

from medview.core.failures import Code, Failure
from medview.core.jobs import Token, one_of_many
from medview.core.texts import Text
from medview.imaging.study import Frame, Origin, Series, Study

MAX_FILES = 100_000
# The list is handed over again and again while it grows: not more often, nor for more than this part of the time.
LEAST_SECONDS = 0.15
SHARE = 0.2

Finder = Callable[[Path], Iterable[Path]]


@dataclass(frozen=True)
class Entry:
    """One thing of the list that can be opened.

    Attributes:
        key: tells it from the others, also when the list has grown: a path, or (series UID, number).
        path: its file; of a series the first one, or the archive that it is in.
        series: None for a file of which nothing but its kind is known yet.
        failure: why it cannot be shown; None where nothing speaks against it so far.
    """

    key: Hashable
    path: Path
    series: Series | None = None
    failure: Failure | None = None

    @property
    def title(self) -> str:
        """Its name."""
        return self.series.title if self.series else self.path.name


class Group(StrEnum):
    """What stands together under one heading."""

    STUDY = "study"
    ARCHIVE = "archive"
    FILES = "files"
    SEGMENTATIONS = "segmentations"
    REFUSED = "refused"


@dataclass(frozen=True)
class Heading:
    """A row above entries. `origin`: the patient and study of a `STUDY`; `name`: of an `ARCHIVE`; `count`: entries."""

    group: Group
    count: int
    origin: Origin | None = None
    name: str = ""


Row = Heading | Entry


def rows_of(frames: Iterable[Frame], files: Iterable[Path], refused: dict[Path, Failure]) -> tuple[Row, ...]:
    """Everything in display order. A list of nothing but files has no heading, since there is nothing to tell apart."""
    from medview.imaging.series import arrange, patients

    rows: list[Row] = []
    seen: Counter[Hashable] = Counter()
    for patient in patients(arrange(frames)):
        for study in patient.studies:
            rows.append(Heading(Group.STUDY, len(study.series), study.series[0].origin))
            rows.extend(_entry(series, series.frames[0].path, seen) for series in study.series)
    known = [Entry(path, path) for path in files]
    if rows and known:
        rows.append(Heading(Group.FILES, len(known)))
    rows.extend(known)
    masks = [Entry(path, path, failure=why) for path, why in refused.items() if why.code is Code.SEGMENTATION]
    others = [Entry(path, path, failure=why) for path, why in refused.items() if why.code is not Code.SEGMENTATION]
    for group, entries in ((Group.SEGMENTATIONS, masks), (Group.REFUSED, others)):
        if entries and rows:
            rows.append(Heading(group, len(entries)))
        rows.extend(entries)
    return tuple(rows)


def rows_of_archive(study: Study) -> tuple[Row, ...]:
    """The series of one file that holds several."""
    seen: Counter[Hashable] = Counter()
    heading = Heading(Group.ARCHIVE, len(study.series), name=study.path.name)
    return (heading, *(_entry(series, study.path, seen) for series in study.series))


def _entry(series: Series, path: Path, seen: Counter[Hashable]) -> Entry:
    uid = (series.origin.series_uid if series.origin else "") or str(series.frames[0].path)
    seen[uid] += 1
    return Entry((uid, seen[uid]), path, series)


@dataclass
class Listing:
    """The list as it stands.

    Attributes:
        rows: headings and entries, as they are shown. entries: the entries alone, each key once.
        tried: what came of opening entries, by key: why it could not be done, or None.
    """

    rows: tuple[Row, ...] = ()
    entries: list[Entry] = field(default_factory=list)
    tried: dict[Hashable, Failure | None] = field(default_factory=dict)
    _places: dict[Hashable, int] = field(default_factory=dict)
    _archives: dict[Hashable, tuple[Row, ...]] = field(default_factory=dict)

    def take(self, rows: Iterable[Row]) -> None:
        """Become a list of these rows; what was said of entries stays."""
        shown: list[Row] = []
        for row in rows:
            shown.extend(self._archives.get(row.key, (row,)) if isinstance(row, Entry) else (row,))
        self.rows = tuple(shown)
        self.entries = [row for row in shown if isinstance(row, Entry)]
        self._places = {entry.key: place for place, entry in enumerate(self.entries)}

    def expand(self, entry: Entry, study: Study) -> Entry:
        """Show the series of a file that holds several in its place; the first of them."""
        made = self._archives[entry.key] = rows_of_archive(study)
        self.take(self.rows)
        return next(row for row in made if isinstance(row, Entry))

    def place(self, key: Hashable) -> int | None:
        """Where an entry stands, or None."""
        return self._places.get(key)

    @property
    def series(self) -> list[Series]:
        """The series of the entries that are known to be one."""
        return [entry.series for entry in self.entries if entry.series]

    def failure(self, entry: Entry) -> Failure | None:
        """Why an entry cannot be shown, as far as is known."""
        return self.tried.get(entry.key, entry.failure)


def find_pictures(path: Path) -> Iterable[Path]:
    """Files below a folder that may be pictures."""
    from medview.imaging.open import find_files

    return find_files(path)


def scan(paths: Sequence[Path], finder: Finder, token: Token) -> tuple[Row, ...]:
    """Look into files and folders; what is found so far is delivered through the token. All of it."""
    frames: list[Frame] = []
    files: dict[Path, None] = {}
    refused: dict[Path, Failure] = {}
    due = time.monotonic()
    for number, path in enumerate(_walk(paths, finder), start=1):
        token.check()
        if number > MAX_FILES:
            text = Text("The list ends after {most:,} files; what comes after them was left out.", most=MAX_FILES)
            refused[path] = Failure(Code.TOO_LARGE, text, Text("Open fewer folders at a time."))
            break
        found = one_of_many(partial(look, path, paths))
        if isinstance(found, Failure):
            refused[path] = found
        elif found is None:
            files[path] = None
        else:
            frames.extend(found.frames)
        started = time.monotonic()
        if started >= due:
            token.deliver(rows_of(frames, files, refused))
            taken = time.monotonic() - started
            due = time.monotonic() + max(LEAST_SECONDS, taken / SHARE)
    return rows_of(frames, files, refused)


def _walk(paths: Sequence[Path], finder: Finder) -> Iterator[Path]:
    """Every file once, at most one more than `MAX_FILES`."""
    seen: set[Path] = set()
    for path in paths:
        # Path.is_dir raises for a name that is too long
        for file in finder(path) if os.path.isdir(path) else (path,):
            if file not in seen:
                seen.add(file)
                yield file
            if len(seen) > MAX_FILES:
                return


def look(path: Path, follow: Container[Path] = ()) -> Study | Failure | None:
    """What a DICOM file holds, by its header; None for a file of another kind, of which only that is known.

    `follow`: tables of contents of discs that are opened; of a folder none is, since its files are in the list.
    """
    from medview.imaging.open import open_path
    from medview.imaging.open_file import recognise

    known = recognise(path)
    if isinstance(known, Failure):
        return known
    if known[0] not in ("", "dicom", "gzip", "voxels"):
        return None
    study = open_path(path, examine=False, follow=path in follow)
    # What gzip packed may be a picture file like others.
    return None if known[0] == "gzip" and isinstance(study, Study) and study.frames[0].place is None else study
