"""Files to patients, studies and series: frames grouped by what DICOM says, ordered by where they lie in the patient.

A series is split where one order would mix what does not belong together: other orientations, echoes, sizes or kinds,
and repeated acquisitions that do not cover the same positions. Frames of a dynamic series stay together, all times of a
position side by side. Order and what is odd: `medview.imaging.series_order`; copies: `medview.imaging.copies`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from medview.core.failures import Code, Failure
from medview.core.jobs import one_of_many
from medview.core.texts import Text, verbatim
from medview.imaging.copies import without_copies
from medview.imaging.dates import date_text
from medview.imaging.open_file import open_file
from medview.imaging.series_order import missing_parts, ordered, split
from medview.imaging.series_window import with_series_window
from medview.imaging.study import Frame, Origin, Series, Study

# What lies among pictures and is none: a text, or DICOM without pixels such as the DICOMDIR of a disc.
OTHER_FILES = (Code.UNKNOWN_FORMAT, Code.EMPTY_FILE, Code.NO_PIXELS, Code.SEGMENTATION)


@dataclass(frozen=True)
class Patient:
    """One patient of a folder. Name and id as in the files; both empty for pictures that name nobody."""

    name: str
    id: str
    studies: tuple[Study, ...]


@dataclass
class Contents:
    """What files turned out to hold, while they are being read.

    Attributes:
        frames: of all files that were read. pictures: files of which nothing but their kind was.
        refused: files that hold no picture, or cannot be read.
    """

    frames: list[Frame] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)
    refused: dict[Path, Failure] = field(default_factory=dict)

    def add(self, path: Path, what: Study | Failure | None) -> None:
        """Another file; None for a picture of which nothing but its kind was read."""
        if isinstance(what, Failure):
            self.refused[path] = what
        elif what is None:
            self.pictures.append(path)
        else:
            self.frames.extend(what.frames)

    def series(self, step: Callable[[Path], None] = lambda path: None) -> tuple[Series, ...]:
        """The frames so far as series; see `arrange`."""
        return arrange(self.frames, step)


@dataclass(frozen=True)
class Folder:
    """What was found in a folder: series of DICOM and picture files, and the files that are neither."""

    series: tuple[Series, ...]
    refused: dict[Path, Failure]


def open_header(path: Path) -> Study | Failure:
    """A file by its header alone. A DICOMDIR or archive is refused: its files lie beside it."""
    return open_file(path, examine=False)


def read_folder(paths: Iterable[Path], step: Callable[[Path], None] = lambda path: None) -> Folder:
    """Read the headers of files and arrange them; no pixels are decoded. `step` hears of each file and may raise."""
    contents = Contents()
    _read_headers(contents, paths, step)
    return Folder(contents.series(step), contents.refused)


def _read_headers(contents: Contents, paths: Iterable[Path], step: Callable[[Path], None]) -> None:
    for path in paths:
        step(path)
        contents.add(path, one_of_many(partial(open_header, path)))


def patients(series: Iterable[Series]) -> tuple[Patient, ...]:
    """Series by patient and study, patients by name, studies by date; series keep their order."""
    found: dict[tuple[str, str], dict[str, list[Series]]] = {}
    for one in series:
        origin = one.origin or Origin()
        studies = found.setdefault((origin.patient_name, origin.patient_id), {})
        studies.setdefault(origin.study_uid, []).append(one)
    made = []
    for (name, id), studies in sorted(found.items()):
        ordered = sorted(studies.values(), key=lambda group: (group[0].origin or Origin()).study_date)
        made.append(Patient(name, id, tuple(_study(group) for group in ordered)))
    return tuple(made)


def _study(group: list[Series]) -> Study:
    origin = group[0].origin or Origin()
    path = group[0].frames[0].path.parent
    title = " ".join(filter(None, (date_text(origin.study_date), origin.study_title))) or path.name
    return Study(path, verbatim(title), tuple(group))


def arrange(frames: Iterable[Frame], step: Callable[[Path], None] = lambda path: None) -> tuple[Series, ...]:
    """Frames of any files as series, by patient, study date, series number; each picture file is one, at the end.
    `step` hears of each file whose pixels are compared with a copy's, and may raise."""
    groups: dict[Hashable, list[Frame]] = {}
    for frame in frames:
        origin = frame.place.origin if frame.place else None
        # Without patient ids, careless anonymisers leave two patients with the same UIDs.
        who = origin and (origin.patient_id or origin.patient_name)
        key = (who, origin.study_uid, origin.series_uid) if origin and origin.series_uid else frame.path
        groups.setdefault(key, []).append(frame)
    found = [series for group in groups.values() for series in _arrange_group(group, step)]
    return tuple(sorted(found, key=_rank))


def _rank(series: Series) -> tuple[bool, str, str, str, int, str]:
    origin = series.origin or Origin()
    number = origin.series_number if origin.series_number is not None else 1 << 31
    return (
        series.origin is None, origin.patient_name, origin.study_date, origin.study_uid, number, origin.series_uid,
    )  # fmt: skip


def _arrange_group(group: list[Frame], step: Callable[[Path], None]) -> Iterator[Series]:
    if group[0].place is None:
        yield Series(group[0].path.name, tuple(group))
        return
    frames, notes = without_copies(group, step)
    notes += missing_parts(frames)
    parts = split(frames)
    if len(parts) > 1:
        notes.append(
            Text(
                "The series was split into {count}: its pictures differ in orientation, kind or size.", count=len(parts)
            )
        )
    for part in parts:
        yield with_series_window(ordered(part, notes))


def series_of(
    path: Path, candidates: Iterable[Path], step: Callable[[Path], None] = lambda path: None
) -> tuple[Series, int] | None:
    """The series that a file belongs to, made from `candidates` (the files beside it), and the number of its
    first frame.

    None when the file is no DICOM picture or stands alone. `step` hears of each file and may raise.
    """
    study = open_header(path)
    if isinstance(study, Failure) or study.frames[0].place is None:
        return None
    uid = study.frames[0].place.origin.series_uid
    contents = Contents(list(study.frames))
    _read_headers(contents, (other for other in candidates if other != path), step)
    for series in contents.series(step):
        if uid and series.origin and series.origin.series_uid == uid and path in series.paths:
            number = next(n for n, frame in enumerate(series.frames) if frame.path == path)
            return (series, number) if len(series.paths) > 1 else None
    return None
