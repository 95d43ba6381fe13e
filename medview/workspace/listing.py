"""What was opened together, as a list: the series of DICOM by patient and study, picture files, what cannot be shown.

Made from headers: of a DICOM file all but its pixels is read, of any other only what it begins with.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from medview.core.failures import Code, Failure
from medview.core.jobs import Token
from medview.imaging.study import Frame, Origin, Series, Study
from medview.imaging.walk import Finder

MAX_FILES = 100_000
# The list is handed over again and again while it grows: not more often, nor for more than this part of the time.
LEAST_SECONDS = 0.15
SHARE = 0.2


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


def scan(paths: Sequence[Path], finder: Finder, token: Token) -> tuple[Row, ...]:
    """Look into files and folders; what is found so far is delivered through the token. All of it."""
    from medview.imaging import scan as scanner
    from medview.imaging.series import Contents

    contents, due = Contents(), time.monotonic()
    for found in scanner.scan(
        paths, scanner.read_kind, lambda path: token.check(), finder, once=True, most=MAX_FILES
    ):  # fmt: skip
        contents.add(found.path, found.what)
        started = time.monotonic()
        if started >= due:
            token.deliver(rows_of(contents.frames, contents.pictures, contents.refused))
            taken = time.monotonic() - started
            due = time.monotonic() + max(LEAST_SECONDS, taken / SHARE)
    return rows_of(contents.frames, contents.pictures, contents.refused)
