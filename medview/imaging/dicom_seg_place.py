"""A segmentation laid on pictures: which of its frames belongs to which of them, and the mask in the grid of each.

A frame of the segmentation that lies pixel for pixel on a picture is taken as it is. Any other one is resampled
through the patient, the nearest pixel of it for each pixel of the picture. What neither lies in the same coordinates
nor names a picture is not laid on it: a mask in a wrong place is worse than none.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.dicom_seg import ALL_FRAMES, Part, Segmentation, plausible
from medview.imaging.geometry import Plane, Vector, dot
from medview.imaging.study import Frame, Series

FrameKey = tuple[Path, int]
Masks = dict[int, NDArray[np.uint8]]
# Part of a pixel by which two grids may lie apart and still be the same one: files write mm with few digits.
SAME_PIXEL = 0.1
# Cosines of frames that are cut out together may differ by this much.
SAME_COSINE = 1e-3
# Closer than this, frames lie at one position, mm.
SAME_MM = 0.001
# Rounding of mm, in pixels or in mm: decides where a point lies exactly between two pixels or two frames.
ROUNDING = 1e-6
_HINT = Text("Open the pictures it was made from, then this file again.")


@dataclass(frozen=True)
class _Stack:
    """Frames of one segment (or of a label map) that lie parallel, by position along their normal.

    Attributes:
        offsets: (n,) positions along `normal`, mm, growing. half: (n,) how far each reaches to either side, mm.
        exact: the same towards pictures that are parallel: a frame that lies on one reaches no other.
    """

    parts: tuple[Part, ...]
    normal: Vector
    reference: str
    offsets: NDArray[np.float64]
    half: NDArray[np.float64]
    exact: NDArray[np.float64]

    @property
    def doubled(self) -> bool:
        """Whether two of its frames lie at one position."""
        return len(self.offsets) > 1 and float(np.diff(self.offsets).min()) <= SAME_MM

    def nearest(self, offsets: NDArray[np.float64], parallel: bool) -> NDArray[np.intp]:
        """Number of the frame that each offset (mm) lies in, -1 for none."""
        between = (self.offsets[1:] + self.offsets[:-1]) / 2
        number = np.searchsorted(between, offsets + ROUNDING, side="right")
        away = offsets - self.offsets[number]
        half = (self.exact if parallel else self.half)[number]
        return np.where((away >= -half - ROUNDING) & (away < half - ROUNDING), number, -1)


@dataclass(frozen=True)
class Laid:
    """A segmentation on the pictures it belongs to.

    Attributes:
        frames: pictures that it may mark, in the order they were given.
        own: whether it was made from these pictures; otherwise it only shares their place in the patient.
        left_out: how many of its frames lie on none of the pictures.
    """

    segmentation: Segmentation
    frames: tuple[Frame, ...] = field(repr=False)
    own: bool
    left_out: int
    _exact: dict[FrameKey, tuple[Part, ...]] = field(repr=False)
    _stacks: tuple[_Stack, ...] = field(repr=False)

    def masks(self, frame: Frame) -> Masks | Failure:
        """By number of the segment, the mask of a picture: (rows, cols) of 0 and 1; without empty ones."""
        found: Masks = {}
        for part in self._exact.get(_key(frame), ()):
            marked = self.segmentation.marked(part)
            if isinstance(marked, Failure):
                return marked
            _join(found, marked)
        for stack in self._stacks:
            sampled = _sample(stack, frame, self.segmentation)
            if isinstance(sampled, Failure):
                return sampled
            _join(found, sampled)
        return found

    def first_marked(
        self, start: Frame | None = None, step: Callable[[], None] = lambda: None, segment: int | None = None
    ) -> Frame | Failure | None:
        """`start` if it is marked, else a marked picture from the middle of those that may be; None when none is.

        `step` is called before every picture and may raise. `segment`: its number, where only one counts.
        """
        frames = [frame for frame in self.frames if self._may_mark(frame, segment)]
        middle, first = len(frames) // 2, start and _key(start)
        for number in sorted(range(len(frames)), key=lambda n: (_key(frames[n]) != first, abs(n - middle))):
            step()
            masks = self.masks(frames[number])
            if isinstance(masks, Failure):
                return masks
            if masks if segment is None else segment in masks:
                return frames[number]
        return None

    def _may_mark(self, frame: Frame, segment: int | None) -> bool:
        """Whether a segment (any for None) may be marked in a picture, as far as is known without decoding it."""
        wanted = (segment, None)
        exact = any(part.segment in wanted for part in self._exact.get(_key(frame), ()))
        return segment is None or exact or any(stack.parts[0].segment in wanted for stack in self._stacks)


def _key(frame: Frame) -> FrameKey:
    return frame.path, frame.index


def _plane(frame: Frame) -> Plane | None:
    plane = frame.place.plane if frame.place else None
    return plane if plane and plausible(plane) else None


def _must(plane: Plane | None) -> Plane:
    assert plane is not None
    return plane


def _join(found: Masks, more: Masks) -> None:
    for number, mask in more.items():
        found[number] = np.maximum(found[number], mask) if number in found else mask


def lay_on_series(segmentation: Segmentation, series: Sequence[Series]) -> Laid | Failure:
    """Lay a segmentation on the series it was made from; where none of them is that, on all that share its place."""
    tried = [(one.frames, lay(segmentation, one.frames)) for one in series]
    fitting = [(frames, laid) for frames, laid in tried if isinstance(laid, Laid)]
    own = [(frames, laid) for frames, laid in fitting if laid.own]
    chosen = own or fitting
    if len(chosen) > 1:
        return lay(segmentation, [frame for frames, _ in chosen for frame in frames])
    return (chosen or tried)[0][1]


def lay(segmentation: Segmentation, frames: Sequence[Frame]) -> Laid | Failure:
    """Lay a segmentation on the frames of a series, or say why it does not belong there. Decodes nothing."""
    named = _named(segmentation, frames)
    grid = _Grid(segmentation, frames)
    exact: dict[int, list[Part]] = {}
    loose: list[Part] = []
    for part in segmentation.parts:
        found = grid.places(part, named.get(part.index, ()))
        for number in found:
            exact.setdefault(number, []).append(part)
        if not found and part.plane is not None and part.plane.reference in grid.references:
            loose.append(part)
    stacks = tuple(_stacks(loose, frames))
    reached = [_reached(stack, frames) for stack in stacks]
    touched = set(exact).union(*({number for number, _ in pairs} for pairs in reached))
    if not touched:
        return _nowhere(segmentation, bool(named), bool(loose))
    doubled = any(len({part.segment for part in parts}) < len(parts) for parts in exact.values())
    if doubled or any(stack.doubled for stack in stacks):
        return Failure(
            Code.UNSUPPORTED,
            Text(
                "{name} marks the same place more than once, as at several times, and does not "
                "say which mask belongs to these pictures.",
                name=segmentation.path.name,
            ),
            _HINT,
        )
    used = {part.index for parts in exact.values() for part in parts}
    used |= {stack.parts[place].index for stack, pairs in zip(stacks, reached, strict=True) for _, place in pairs}
    series = {frame.place.origin.series_uid for frame in frames if frame.place}
    return Laid(
        segmentation,
        tuple(frame for number, frame in enumerate(frames) if number in touched),
        bool(named) or bool(series & segmentation.series),
        len(segmentation.parts) - len(used),
        {_key(frames[number]): tuple(parts) for number, parts in exact.items()},
        stacks,
    )


def _nowhere(segmentation: Segmentation, named: bool, near: bool) -> Failure:
    name = segmentation.path.name
    if near:
        return Failure(
            Code.OTHER_PICTURES,
            Text("{name} marks another part of the patient than these pictures show.", name=name),
            _HINT,
        )
    if named:
        return Failure(
            Code.OTHER_PICTURES,
            Text(
                "{name} names these pictures, but its masks do not fit them: they have another size or lie elsewhere.",
                name=name,
            ),
            Text("Ask for a segmentation that was made on these very pictures."),
        )
    return Failure(
        Code.OTHER_PICTURES,
        Text("{name} was made on other pictures: it neither names these nor lies in the same coordinates.", name=name),
        _HINT,
        f"frame of reference {segmentation.parts[0].plane.reference if segmentation.parts[0].plane else 'none'}",
    )


def _named(segmentation: Segmentation, frames: Sequence[Frame]) -> dict[int, list[int]]:
    """By index of a part, the numbers of the frames that it names as its source."""
    by_name: dict[tuple[str, int], list[int]] = {}
    for number, frame in enumerate(frames):
        uid = frame.place.uid if frame.place else ""
        if uid:
            by_name.setdefault((uid, frame.index), []).append(number)
            by_name.setdefault((uid, ALL_FRAMES), []).append(number)
    found = {}
    for part in segmentation.parts:
        numbers = [number for source in part.sources for number in by_name.get(source, ())]
        if numbers:
            found[part.index] = numbers
    return found


class _Grid:
    """The pictures, to find those that a part lies on pixel for pixel."""

    def __init__(self, segmentation: Segmentation, frames: Sequence[Frame]) -> None:
        self._size, self._frames = segmentation.size, frames
        placed = [(n, plane) for n, frame in enumerate(frames) if (plane := _plane(frame))]
        same_size = [(n, p) for n, p in placed if (frames[n].rows, frames[n].cols) == self._size]
        self._numbers = np.array([n for n, _ in same_size], int)
        self._corners = np.array([_corners(plane, self._size) for _, plane in same_size]).reshape(-1, 9)
        self.references = {plane.reference for _, plane in placed if plane.reference}

    def places(self, part: Part, named: Sequence[int]) -> list[int]:
        """Numbers of the frames that a part lies on; of several times at one place, those it names."""
        if part.plane is None:
            return self._by_name(named)
        away = np.abs(self._corners - np.array(_corners(part.plane, self._size))).max(axis=1, initial=0.0)
        there = self._numbers[away <= SAME_PIXEL * min(part.plane.spacing)].tolist()
        if both := [number for number in there if number in named]:
            return both
        # Coordinates are the same only within a frame of reference that both name.
        reference = part.plane.reference
        there = [n for n in there if reference and (plane := _plane(self._frames[n])) and plane.reference == reference]
        return there or self._by_name([n for n in named if _plane(self._frames[n]) is None])

    def _by_name(self, named: Sequence[int]) -> list[int]:
        return [n for n in named if (self._frames[n].rows, self._frames[n].cols) == self._size]


def _corners(plane: Plane, size: tuple[int, int]) -> tuple[float, ...]:
    """Patient coordinates of three corners: equal corners are equal grids."""
    rows, cols = size
    return (*plane.position, *plane.to_patient(rows - 1, 0), *plane.to_patient(0, cols - 1))


def _stacks(loose: list[Part], frames: Sequence[Frame]) -> Iterator[_Stack]:
    """Parts that are to be resampled, by orientation and segment."""
    directions: list[tuple[Plane, list[Part]]] = []
    for part in loose:
        own = _must(part.plane)
        alike = (g for p, g in directions if p.parallel(own, SAME_COSINE) and p.reference == own.reference)
        known = next(alike, None)
        if known is None:
            known = []
            directions.append((own, known))
        known.append(part)
    for plane, parts in directions:
        parallel = (p for frame in frames if (p := _plane(frame)) and _is_parallel(p, plane.normal, frame))
        offsets = np.array(sorted(dot(other.position, plane.normal) for other in parallel))
        every = sorted({_offset(part, plane.normal) for part in parts})
        apart = [b - a for a, b in itertools.pairwise(every) if b - a > SAME_PIXEL * min(plane.spacing)]
        for segment in dict.fromkeys(part.segment for part in parts):
            mine = sorted((_offset(p, plane.normal), p.index, p) for p in parts if p.segment == segment)
            yield _stack([p for _, _, p in mine], plane, offsets, min(apart, default=None))


def _stack(parts: list[Part], plane: Plane, pictures: NDArray[np.float64], apart: float | None) -> _Stack:
    """`pictures`: offsets of the parallel ones. `apart`: least distance of two frames, if there are two."""
    thin = SAME_PIXEL * min(plane.spacing)
    offsets = np.array([_offset(part, plane.normal) for part in parts])
    # Where frames without a mark are left out, the distance of those that remain says nothing about their depth.
    half = np.array([thin if p.depth_mm is None else min(p.depth_mm, apart or p.depth_mm) / 2 for p in parts])
    on = np.array([bool(len(pictures)) and bool(np.abs(pictures - offset).min() <= thin) for offset in offsets])
    return _Stack(tuple(parts), plane.normal, plane.reference, offsets, half, np.where(on, thin, half))


def _offset(part: Part, normal: Vector) -> float:
    return dot(_must(part.plane).position, normal)


def _is_parallel(plane: Plane, normal: Vector, frame: Frame) -> bool:
    """Whether a picture, all of it, lies at one position along a normal."""
    rise = abs(dot(plane.down, normal)) * plane.spacing[0] * frame.rows
    rise += abs(dot(plane.across, normal)) * plane.spacing[1] * frame.cols
    return rise <= SAME_PIXEL * min(plane.spacing)


def _reached(stack: _Stack, frames: Sequence[Frame]) -> list[tuple[int, int]]:
    """(number of the picture, number of the part in the stack) for parts that may mark a picture."""
    found: list[tuple[int, int]] = []
    parallel: list[int] = []
    for number, frame in enumerate(frames):
        plane = _plane(frame)
        if plane is None or plane.reference != stack.reference:
            continue
        if _is_parallel(plane, stack.normal, frame):
            parallel.append(number)
            continue
        last = plane.to_patient(frame.rows - 1, frame.cols - 1)
        corners = np.array((*_corners(plane, (frame.rows, frame.cols)), *last)).reshape(4, 3) @ np.array(stack.normal)
        inside = (stack.offsets + stack.half >= corners.min()) & (stack.offsets - stack.half <= corners.max())
        found += [(number, int(place)) for place in np.flatnonzero(inside)]
    places = stack.nearest(np.array([dot(_must(_plane(frames[n])).position, stack.normal) for n in parallel]), True)
    return found + [(number, int(place)) for number, place in zip(parallel, places, strict=True) if place >= 0]


def _sample(stack: _Stack, frame: Frame, segmentation: Segmentation) -> Masks | Failure:
    """The masks of a picture from the nearest pixels of a stack."""
    plane = _plane(frame)
    if plane is None or plane.reference != stack.reference:
        return {}
    if _is_parallel(plane, stack.normal, frame):
        number = stack.nearest(np.array([dot(plane.position, stack.normal)]), True)
        numbers = np.broadcast_to(number[:, None], (frame.rows, frame.cols))
    else:
        down = np.arange(frame.rows) * plane.spacing[0] * dot(plane.down, stack.normal)
        across = np.arange(frame.cols) * plane.spacing[1] * dot(plane.across, stack.normal)
        numbers = stack.nearest(dot(plane.position, stack.normal) + down[:, None] + across, False)
    found: Masks = {}
    for number in np.unique(numbers[numbers >= 0]):
        part = stack.parts[number]
        marked = segmentation.marked(part)
        if isinstance(marked, Failure):
            return marked
        if not marked:
            continue
        # Only the pixels that lie in this part: pictures across a stack touch all of its parts.
        here = np.nonzero(numbers == number)
        row, col = _nearest_pixels(_must(part.plane), plane, *here)
        inside = (row >= 0) & (row < segmentation.size[0]) & (col >= 0) & (col < segmentation.size[1])
        seen, there = (here[0][inside], here[1][inside]), (row[inside], col[inside])
        for segment, mask in marked.items():
            picked = mask[there]
            if picked.any():
                found.setdefault(segment, np.zeros((frame.rows, frame.cols), np.uint8))[seen] = picked
    return found


def _nearest_pixels(
    part: Plane, plane: Plane, row: NDArray[np.intp], col: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column in one plane of pixels of another; they may lie outside of it."""
    found = []
    for way, spacing in ((part.down, part.spacing[0]), (part.across, part.spacing[1])):
        start = dot(plane.position, way) - dot(part.position, way)
        steps = plane.spacing[0] * dot(plane.down, way), plane.spacing[1] * dot(plane.across, way)
        at = (start + row * steps[0] + col * steps[1]) / spacing
        found.append(np.floor(at + 0.5 + ROUNDING).astype(np.intp))
    return found[0], found[1]
