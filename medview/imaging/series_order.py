"""Frames of one series in order: which of them belong together, in what order, and what is odd about it.

Order: position along the slice normal, then time, then instance number. Where the positions are not known, by what else
the file says (`unplaced_order`).
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from medview.core.texts import Text
from medview.imaging.geometry import Plane, dot
from medview.imaging.study import Frame, ObjectPart, Place, Series

# Positions closer than this are the same: DICOM writes them with a few digits.
SAME_MM = 0.01
# Distances of slices may differ by this part of their median, or by SAME_MM, and count as equal.
EQUAL = 0.02
# From this part of the expected distance on, a slice is missing rather than displaced.
GAP = 1.5
# A gap is a multiple of the usual distance to this part of it; beyond so many times, nothing else can be meant.
_NEARLY, _MANY = 0.15, 5.0
# Slices displaced sideways by more than this angle make an oblique volume.
TILT_DEGREES = 0.5
# Echo times that differ by this part are the same, measured anew from slice to slice.
SAME_ECHO = 0.02
# Orientations of one series that are told apart; a comparison with each costs time.
MAX_ORIENTATIONS = 2_000
_LAST = 1 << 31
_ONE_POSITION = Text(
    "All pictures give the same position, but different slice locations: they are in the order of these."
)


@dataclass(frozen=True)
class Part:
    """Frames that can share one order. `parallel`: they lie in parallel, or do not say how they lie."""

    frames: list[Frame]
    parallel: bool = True
    notes: tuple[Text, ...] = ()


def split(frames: list[Frame]) -> list[Part]:
    """Frames of a series in parts that can share one order each."""
    echoes = _echoes(frames)
    planes: list[Plane] = []
    groups: dict[Hashable, dict[int, list[Frame]]] = {}
    for frame in frames:
        place = _place(frame)
        ways = groups.setdefault((frame.rows, frame.cols, echoes[place.echo]), {})
        ways.setdefault(_orientation(place.plane, planes), []).append(frame)
    parts: list[Part] = []
    for ways in groups.values():
        group = [frame for way in ways.values() for frame in way]
        if len(ways) > 1 and len(group) < 2 * len(ways):
            # Around an axis (radial), or a picture of each plane: to be scrolled as one, and no volume.
            parts.append(
                Part(group, False, (Text("The pictures do not lie in parallel; they are in the order of numbers."),))
            )
        else:
            parts.extend(part for way in ways.values() for part in _split_echoes(way))
    return parts


def _echoes(frames: list[Frame]) -> dict[str, float]:
    """Every echo time of `frames`, as they write it, and the shortest that counts as the same. None written is that of
    the others, where they have one; else -1."""
    written = {_place(frame).echo for frame in frames}
    found: dict[str, float] = {}
    shortest = -math.inf
    for text in sorted(written, key=lambda text: float(text or -1)):
        time = float(text or -1)
        shortest = shortest if 0 < time <= shortest * (1 + SAME_ECHO) else time
        found[text] = shortest
    others = {time for text, time in found.items() if text}
    if "" in found and len(others) == 1:
        found[""] = others.pop()
    return found


def _split_echoes(group: list[Frame]) -> list[Part]:
    """Parallel frames of nearly one echo time; apart by it where positions repeat, since two echoes were meant."""
    times = sorted({float(_place(frame).echo) for frame in group if _place(frame).echo})
    if len(times) < 2:
        return [Part(part) for part in _split_repeated(group)]
    if _place(group[0]).plane is not None and _times(group) != 1:
        by_echo: dict[str, list[Frame]] = {}
        for frame in group:
            by_echo.setdefault(_place(frame).echo, []).append(frame)
        return [Part(part) for echo in by_echo.values() for part in _split_repeated(echo)]
    note = Text(
        "The echo time is not quite the same for all pictures: {least:g} to {most:g} ms.",
        least=times[0],
        most=times[-1],
    )
    return [Part(part, notes=(note,)) for part in _split_repeated(group)]


def _place(frame: Frame) -> Place:
    assert frame.place is not None
    return frame.place


def _orientation(plane: Plane | None, known: list[Plane]) -> int:
    """Number of the orientation of a plane among those `known`, which grows; -1 without a plane."""
    if plane is None:
        return -1
    for number, other in enumerate(known):
        if plane.parallel(other):
            return number
    if len(known) < MAX_ORIENTATIONS:
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
    """Frames with planes by position along the normal, those at the same position together."""
    # One normal for all: the cosines of slices differ in their last digits.
    normal = _plane(group[0]).normal
    placed = sorted(((dot(_plane(frame).position, normal), n) for n, frame in enumerate(group)))
    same = _same_mm([offset for offset, _ in placed])
    clusters: list[list[Frame]] = []
    last = -math.inf
    for offset, n in placed:
        if offset - last > same:
            clusters.append([])
            last = offset
        clusters[-1].append(group[n])
    return clusters


def _same_mm(offsets: list[float]) -> float:
    """How far apart (mm) positions may be written and still be one; `offsets` in ascending order.

    `SAME_MM`, but for slices that lie closer than that (microscopes): three or more positions with equally many
    pictures each, evenly apart. Digits that waver make no such steps.
    """
    counts = Counter(round(offset, 6) for offset in offsets)
    steps = [after - before for before, after in itertools.pairwise(sorted(counts))]
    usual = statistics.median(steps) if steps else 0.0
    even = sum(abs(step - usual) <= usual / 5 for step in steps) >= 0.8 * len(steps)
    if len(steps) < 2 or usual > SAME_MM or not even or len(set(counts.values())) > 1:
        return SAME_MM
    return usual / 10


def _plane(frame: Frame) -> Plane:
    plane = _place(frame).plane
    assert plane is not None
    return plane


def _moment(frame: Frame) -> tuple[tuple[float, ...], int, str, int]:
    place = _place(frame)
    number = place.number if place.number is not None else _LAST
    return (place.time, number, str(frame.path), frame.index)


def ordered(part: Part, notes: Sequence[Text]) -> Series:
    """The frames of a part as a series, with what is odd about it behind `notes`."""
    frames, notes = part.frames, (*notes, *part.notes)
    origin = _place(frames[0]).origin
    title = origin.series_title or origin.modality or frames[0].path.name
    if not part.parallel or any(_place(frame).plane is None for frame in frames):
        in_order = unplaced_order(frames) if part.parallel else sorted(frames, key=_numbered)
        return Series(title, tuple(in_order), origin, notes, start=_start(in_order))
    clusters = _positions(frames)
    if len(clusters) == 1 and _differ_in_location(frames):
        in_order = unplaced_order(frames)
        return Series(title, tuple(in_order), origin, (*notes, _ONE_POSITION), start=_start(in_order))
    in_order = [frame for cluster in clusters for frame in sorted(cluster, key=_moment)]
    series = Series(title, tuple(in_order), origin, start=_start(in_order))
    if len(clusters) == 1:
        return replace(series, notes=notes, time_points=len(frames))
    firsts = [cluster[0] for cluster in clusters]
    step, more = _spacing_notes(firsts)
    tilt = _tilt(_plane(firsts[0]), _plane(firsts[-1]))
    if tilt > TILT_DEGREES:
        more.append(Text("The slices are displaced sideways: the gantry was tilted by {tilt:.1f} degrees.", tilt=tilt))
    times = Counter(len(cluster) for cluster in clusters)
    usual = times.most_common(1)[0][0]
    if len(times) > 1:
        few = sum(count for length, count in times.items() if length != usual)
        more.append(
            Text(
                "Positions that do not have {usual} pictures as the others have: {few} of {count}.",
                usual=usual,
                few=few,
                count=len(clusters),
            )
        )
    return replace(series, notes=(*notes, *more), step_mm=step, time_points=usual)


def _differ_in_location(frames: list[Frame]) -> bool:
    """Whether pictures that give the same position each have another slice location."""
    locations = {_place(frame).location for frame in frames}
    return len(frames) > 1 and None not in locations and len(locations) == len(frames)


def _start(frames: list[Frame]) -> int | None:
    """Where a series opens that is all of one file, by what the file says; None for others."""
    first = next((n for n, frame in enumerate(frames) if frame.index == _place(frame).representative), None)
    return first if all(frame.path == frames[0].path for frame in frames) else None


def _numbered(frame: Frame) -> tuple[Any, ...]:
    place = _place(frame)
    number = place.number if place.number is not None else _LAST
    # The parts of a concatenation share one number, as the standard wants it.
    part = place.part
    at = (part.uid, part.number or 0, part.first or 0) if part else ("", 0, 0)
    return (number, *at, place.time, str(frame.path), frame.index)


def unplaced_order(frames: list[Frame]) -> list[Frame]:
    """Frames whose planes are not known, by the first of these that all of them have and that tells them apart: their
    place in the object that was cut into parts, dimension index, position in the stack, slice location, position; then
    by instance number."""
    several = len({frame.path for frame in frames}) > 1 and any(frame.index for frame in frames)

    def within(frame: Frame) -> Hashable:
        # Dimension indices and stack positions count anew in every object.
        return (_numbered(frame)[0], str(frame.path)) if several else ()

    axis = _main_axis(frames)
    keys: list[Callable[[Frame], Hashable]] = [
        lambda frame: _place(frame).dimensions or None,
        lambda frame: _place(frame).in_stack,
        lambda frame: _place(frame).location,
        lambda frame: position[axis] if (position := _place(frame).position) else None,
    ]
    if all(_place(frame).part for frame in frames):
        order = _by_parts(frames)
        if order:
            return order
    for number, key in enumerate(keys):
        found = [key(frame) for frame in frames]
        if None in found or len(set(found)) < 2:
            continue
        inside = [within(frame) if number < 2 else () for frame in frames]
        order_of = sorted(range(len(frames)), key=lambda n: (inside[n], found[n], _numbered(frames[n])))
        return [frames[n] for n in order_of]
    return sorted(frames, key=_numbered)


def _by_parts(frames: list[Frame]) -> list[Frame] | None:
    """Frames of objects that were cut into parts: object after object, by dimension index or stack where these count
    through all parts, else by the number of the part, or of the frame. None where none of these tells them apart."""
    numbers: dict[str, int] = {}
    for frame in frames:
        uid, number = _part(frame).uid, _numbered(frame)[0]
        numbers[uid] = min(number, numbers.get(uid, number))

    def whole(frame: Frame) -> Hashable:
        return (numbers[_part(frame).uid], _part(frame).uid)

    keys: list[Callable[[Frame], Any]] = [
        lambda frame: _place(frame).dimensions or None,
        lambda frame: _place(frame).in_stack,
        lambda frame: None if _part(frame).number is None else (_part(frame).number, frame.index),
        lambda frame: None if (first := _part(frame).first) is None else first + frame.index,
    ]
    # Where each part of one object was given a UID of its own, the frames are told apart without it.
    scopes: tuple[Callable[[Frame], Hashable], ...] = (lambda frame: (), whole)
    for scope, key in itertools.product(scopes, keys):
        found: list[Any] = [(scope(frame), key(frame)) for frame in frames]
        if len(set(found)) == len(frames) and all(value is not None for _, value in found):
            return [frames[n] for n in sorted(range(len(frames)), key=found.__getitem__)]
    return None


def missing_parts(frames: Sequence[Frame]) -> list[Text]:
    """What to tell of objects that were cut into parts and are not here whole."""
    found: dict[str, set[int]] = {}
    count: Counter[str] = Counter()
    for frame in frames:
        part = _place(frame).part
        if part and part.number is not None:
            found.setdefault(part.uid, set()).add(part.number)
            count[part.uid] = max(count.get(part.uid, 0), part.count or 0, part.number)
    missing = sum(count[uid] - len(numbers) for uid, numbers in found.items() if min(numbers) > 0)
    if not missing:
        return []
    return [Text("Parts of this series that are missing: {missing} of {all}.", missing=missing, all=count.total())]


def _part(frame: Frame) -> ObjectPart:
    part = _place(frame).part
    assert part is not None
    return part


def _main_axis(frames: list[Frame]) -> int:
    """The patient axis (0 to 2) along which the positions of frames spread most."""
    positions = [position for frame in frames if (position := _place(frame).position)]
    spread = [max(axis) - min(axis) for axis in zip(*positions, strict=True)] or [0.0]
    return spread.index(max(spread))


def _spacing_notes(slices: list[Frame]) -> tuple[float | None, list[Text]]:
    """The distance of neighbouring slices (mm), None when it is not the same all along; and what is odd about it."""
    normal = _plane(slices[0]).normal
    offsets = [dot(_plane(frame).position, normal) for frame in slices]
    steps = [after - before for before, after in itertools.pairwise(offsets)]
    wanted = _expected(slices, steps)
    usual = statistics.median_low(steps)
    missing = [_is_gap(step, want, usual) for step, want in zip(steps, wanted, strict=True)]
    gaps = [(at, step, want) for at, step, want, gap in zip(offsets, steps, wanted, missing, strict=False) if gap]
    notes = [
        Text(
            "Missing slices after {at:.2f} mm: {missing}, for the next one is {step:.2f} mm away.",
            at=at,
            missing=max(1, round(step / want) - 1),
            step=step,
        )
        for at, step, want in gaps[:5]
    ]
    if len(gaps) > 5:
        notes.append(Text("More such gaps: {count}.", count=len(gaps) - 5))
    rest = [step for step, gap in zip(steps, missing, strict=True) if not gap] or steps
    uneven = max(rest) - min(rest) > max(2 * min(SAME_MM, usual / 10), EQUAL * usual)
    if uneven:
        notes.append(
            Text(
                "The distance of slices is not the same everywhere: {least:.2f} to {most:.2f} mm.",
                least=min(rest),
                most=max(rest),
            )
        )
    return (None if gaps or uneven else (offsets[-1] - offsets[0]) / len(steps)), notes


def _is_gap(step: float, wanted: float, usual: float) -> bool:
    """Whether slices are missing between two that are `step` apart, where `wanted` was expected; `usual`: the distance
    of most slices of the series.

    Where that is what is expected, the step must be a multiple of it: another distance from some slice on is none.
    """
    if step < GAP * wanted or abs(step - usual) <= EQUAL * usual:
        return False
    times = step / wanted
    return wanted != usual or times > _MANY or abs(times - round(times)) <= _NEARLY


def _expected(slices: list[Frame], steps: list[float]) -> list[float]:
    """How far apart neighbouring slices should be (mm): the usual distance, or where they are not equally thick, the
    usual share of their thickness."""
    thick = [_place(frame).thickness for frame in slices]
    if not all(thick) or len(set(thick)) == 1:
        return [statistics.median_low(steps)] * len(steps)
    mean = [(one + other) / 2 for one, other in itertools.pairwise(thick) if one and other]
    share = statistics.median_low(step / thickness for step, thickness in zip(steps, mean, strict=True))
    return [share * thickness for thickness in mean]


def _tilt(first: Plane, last: Plane) -> float:
    """Angle in degrees between the slice normal and the way from the first slice to the last."""
    way = tuple(b - a for a, b in zip(first.position, last.position, strict=True))
    length = math.sqrt(sum(v * v for v in way))
    along = dot((way[0], way[1], way[2]), first.normal)
    return math.degrees(math.acos(min(1.0, along / length))) if length else 0.0
