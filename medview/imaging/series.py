"""Files to patients, studies and series: frames grouped by what DICOM says, ordered by where they lie in the patient.

Order within a series: position along the slice normal, then time, then instance number. A series is split where one
order would mix what does not belong together: other orientations, echoes, sizes or kinds, and repeated acquisitions
that do not cover the same positions. Frames of a dynamic series stay together, all times of a position side by side.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter
from collections.abc import Callable, Container, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from medview.core.failures import Failure
from medview.imaging.dates import date_text
from medview.imaging.geometry import Plane, dot
from medview.imaging.open import open_path
from medview.imaging.study import Frame, Origin, Place, Series, Study

# Positions closer than this are the same: DICOM writes them with a few digits.
SAME_MM = 0.01
# Distances of slices may differ by this part of their median, or by SAME_MM, and count as equal.
EQUAL = 0.02
# From this part of the median distance on, a slice is missing rather than displaced.
GAP = 1.5
# Slices displaced sideways by more than this angle make an oblique volume.
TILT_DEGREES = 0.5


@dataclass(frozen=True)
class Patient:
    """One patient of a folder. Name and id as in the files; both empty for pictures that name nobody."""

    name: str
    id: str
    studies: tuple[Study, ...]


@dataclass(frozen=True)
class Folder:
    """What was found in a folder: series of DICOM and picture files, and the files that are neither."""

    series: tuple[Series, ...]
    refused: dict[Path, Failure]


def read_folder(
    paths: Iterable[Path], step: Callable[[Path], None] = lambda path: None, follow: Container[Path] = ()
) -> Folder:
    """Read the headers of files and arrange them; no pixels are decoded. `step` hears of each file and may raise.

    `follow`: archives and DICOMDIRs to open; not those inside a folder, since the files of a DICOMDIR lie beside it.
    """
    frames: list[Frame] = []
    refused: dict[Path, Failure] = {}
    for path in paths:
        step(path)
        study = open_path(path, examine=False, follow=path in follow)
        if isinstance(study, Failure):
            refused[path] = study
        else:
            frames.extend(study.frames)
    return Folder(arrange(frames), refused)


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
    return Study(path, title, tuple(group))


def arrange(frames: Iterable[Frame]) -> tuple[Series, ...]:
    """Frames of any files as series, by patient, study date, series number; each picture file is one, at the end."""
    groups: dict[Hashable, list[Frame]] = {}
    for frame in frames:
        origin = frame.place.origin if frame.place else None
        key = (origin.patient_id, origin.study_uid, origin.series_uid) if origin and origin.series_uid else frame.path
        groups.setdefault(key, []).append(frame)
    found = [series for group in groups.values() for series in _arrange_group(group)]
    return tuple(sorted(found, key=_rank))


def _rank(series: Series) -> tuple[bool, str, str, str, int, str]:
    origin = series.origin or Origin()
    number = origin.series_number if origin.series_number is not None else 1 << 31
    return (
        series.origin is None, origin.patient_name, origin.study_date, origin.study_uid, number, origin.series_uid,
    )  # fmt: skip


def _arrange_group(group: list[Frame]) -> Iterator[Series]:
    if group[0].place is None:
        yield Series(group[0].path.name, tuple(group))
        return
    frames, copies = _without_copies(group)
    parts = _split(frames)
    for part in parts:
        notes = [f"Copies of other frames, left out: {copies}."] if copies else []
        if len(parts) > 1:
            notes.append(f"The series was split into {len(parts)}: its pictures differ in orientation, kind or size.")
        yield _ordered(part, notes)


def _place(frame: Frame) -> Place:
    assert frame.place is not None
    return frame.place


def _without_copies(group: list[Frame]) -> tuple[list[Frame], int]:
    """The frames without those of files that were copied, by SOP Instance UID; the first path in order is kept."""
    kept: dict[tuple[str, int], Frame] = {}
    for frame in sorted(group, key=lambda frame: (str(frame.path), frame.index)):
        uid = _place(frame).uid or str(frame.path)
        kept.setdefault((uid, frame.index), frame)
    return list(kept.values()), len(group) - len(kept)


def _split(frames: list[Frame]) -> list[list[Frame]]:
    """Frames that can share one order."""
    planes: list[Plane] = []
    groups: dict[Hashable, list[Frame]] = {}
    for frame in frames:
        place = _place(frame)
        groups.setdefault((frame.rows, frame.cols, _orientation(place.plane, planes), place.echo), []).append(frame)
    parts = []
    for group in groups.values():
        parts.extend(_split_repeated(group))
    return parts


def _orientation(plane: Plane | None, known: list[Plane]) -> int:
    """Number of the orientation of a plane among those `known`, which grows; -1 without a plane."""
    if plane is None:
        return -1
    for number, other in enumerate(known):
        if plane.parallel(other):
            return number
    known.append(plane)
    return len(known) - 1


def _split_repeated(group: list[Frame]) -> list[list[Frame]]:
    """Frames at the same positions, apart by kind or acquisition where that leaves every position once."""
    if any(_place(frame).plane is None for frame in group) or _times(group) == 1:
        return [group]
    keys: list[tuple[Callable[[Frame], Hashable], bool]] = [
        (lambda frame: _place(frame).kind, True),
        (lambda frame: _place(frame).acquisition, False),
        (lambda frame: _place(frame).time, False),
    ]
    for key, also_even in keys:
        parts: dict[Hashable, list[Frame]] = {}
        for frame in group:
            parts.setdefault(key(frame), []).append(frame)
        single = all(_times(part) == 1 and len(part) > 1 for part in parts.values())
        if len(parts) > 1 and single and (also_even or _times(group) is None):
            return list(parts.values())
    return [group]


def _times(group: list[Frame]) -> int | None:
    """How many frames each position has; None when the numbers differ."""
    counts = {len(cluster) for cluster in _positions(group)}
    return counts.pop() if len(counts) == 1 else None


def _positions(group: list[Frame]) -> list[list[Frame]]:
    """Frames with planes by position along the normal, those within SAME_MM of each other together."""
    # One normal for all: the cosines of slices differ in their last digits.
    normal = _plane(group[0]).normal
    placed = sorted(((dot(_plane(frame).position, normal), n) for n, frame in enumerate(group)))
    clusters: list[list[Frame]] = []
    last = -math.inf
    for offset, n in placed:
        if offset - last > SAME_MM:
            clusters.append([])
            last = offset
        clusters[-1].append(group[n])
    return clusters


def _plane(frame: Frame) -> Plane:
    plane = _place(frame).plane
    assert plane is not None
    return plane


def _moment(frame: Frame) -> tuple[tuple[float, ...], int, str, int]:
    place = _place(frame)
    number = place.number if place.number is not None else 1 << 31
    return (place.time, number, str(frame.path), frame.index)


def _ordered(part: list[Frame], notes: list[str]) -> Series:
    origin = _place(part[0]).origin
    title = origin.series_title or origin.modality or part[0].path.name
    if any(_place(frame).plane is None for frame in part):
        return Series(title, tuple(sorted(part, key=_moment)), origin, tuple(notes))
    clusters = _positions(part)
    frames = tuple(frame for cluster in clusters for frame in sorted(cluster, key=_moment))
    series = Series(title, frames, origin)
    if len(clusters) == 1:
        return replace(series, notes=tuple(notes), time_points=len(part))
    firsts = [_plane(cluster[0]) for cluster in clusters]
    step, more = _spacing_notes([dot(plane.position, firsts[0].normal) for plane in firsts])
    tilt = _tilt(firsts[0], firsts[-1])
    if tilt > TILT_DEGREES:
        more.append(f"The slices are displaced sideways: the gantry was tilted by {tilt:.1f} degrees.")
    times = Counter(len(cluster) for cluster in clusters)
    usual = times.most_common(1)[0][0]
    if len(times) > 1:
        few = sum(count for length, count in times.items() if length != usual)
        more.append(f"Positions that do not have {usual} pictures as the others have: {few} of {len(clusters)}.")
    return replace(series, notes=(*notes, *more), step_mm=step, time_points=usual)


def _spacing_notes(offsets: list[float]) -> tuple[float | None, list[str]]:
    """The distance of neighbouring slices (mm), None when it is not the same all along; and what is odd about it."""
    steps = [after - before for before, after in itertools.pairwise(offsets)]
    usual = statistics.median(steps)
    gaps = [(at, step) for at, step in zip(offsets, steps, strict=False) if step >= GAP * usual]
    notes = [
        f"Missing slices after {at:.2f} mm: {max(1, round(step / usual) - 1)}, for the next one is {step:.2f} mm away."
        for at, step in gaps[:5]
    ]
    if len(gaps) > 5:
        notes.append(f"More such gaps: {len(gaps) - 5}.")
    rest = [step for step in steps if step < GAP * usual]
    uneven = max(rest) - min(rest) > max(2 * SAME_MM, EQUAL * usual)
    if uneven:
        notes.append(f"The distance of slices is not the same everywhere: {min(rest):.2f} to {max(rest):.2f} mm.")
    return (None if gaps or uneven else (offsets[-1] - offsets[0]) / len(steps)), notes


def _tilt(first: Plane, last: Plane) -> float:
    """Angle in degrees between the slice normal and the way from the first slice to the last."""
    way = tuple(b - a for a, b in zip(first.position, last.position, strict=True))
    length = math.sqrt(sum(v * v for v in way))
    along = dot((way[0], way[1], way[2]), first.normal)
    return math.degrees(math.acos(min(1.0, along / length))) if length else 0.0


def series_of(
    path: Path, candidates: Iterable[Path], step: Callable[[Path], None] = lambda path: None
) -> tuple[Series, int] | None:
    """The series that a file belongs to, made from `candidates` (its neighbours), and the number of its first frame.

    None when the file is no DICOM picture or stands alone. `step` hears of each file and may raise.
    """
    study = open_path(path, examine=False, follow=False)
    if isinstance(study, Failure) or study.frames[0].place is None:
        return None
    uid = study.frames[0].place.origin.series_uid
    for series in read_folder(dict.fromkeys((path, *candidates)), step).series:
        if uid and series.origin and series.origin.series_uid == uid and path in series.paths:
            number = next(n for n, frame in enumerate(series.frames) if frame.path == path)
            return (series, number) if len(series.paths) > 1 else None
    return None
