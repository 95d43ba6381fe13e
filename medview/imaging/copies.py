"""Frames that are there twice: files that were copied, told from pictures that share a UID by mistake."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path

from medview.core.texts import Text
from medview.imaging.study import Frame


def without_copies(
    frames: list[Frame], step: Callable[[Path], None] = lambda path: None
) -> tuple[list[Frame], list[Text]]:
    """DICOM frames without those of copied files, of which the first path in order is kept; and what to tell.

    A SOP Instance UID is meant to name one object, but careless programs give one to many. So only frames with the same
    UID, number, position, time and echo are looked at, and those are copies whose pixels are the same. `step` hears of
    each file that is read for it, and may raise.
    """
    alike: dict[Hashable, list[Frame]] = {}
    objects: dict[tuple[str, int], set[Hashable]] = {}
    for frame in sorted(frames, key=lambda frame: (str(frame.path), frame.index)):
        key = _facts(frame)
        alike.setdefault(key, []).append(frame)
    kept: list[Frame] = []
    for key, group in alike.items():
        different = group if len(group) == 1 else _different(group, step)
        kept.extend(different)
        uid, number = key[:2]  # type: ignore[index]
        objects.setdefault((uid, number), set()).update((key, n) for n in range(len(different)))
    copies = len(frames) - len(kept)
    notes = [Text("Copies of other frames, left out: {copies}.", copies=copies)] if copies else []
    shared = sum(len(pictures) for pictures in objects.values() if len(pictures) > 1)
    if shared:
        notes.append(
            Text("Pictures that share one identifier (SOP Instance UID) although they differ: {shared}.", shared=shared)
        )
    return kept, notes


def _facts(frame: Frame) -> Hashable:
    """What frames must have in common to be copies of each other, as far as the header tells."""
    place = frame.place
    assert place is not None
    # Files without a UID are never copies.
    uid = place.uid or str(frame.path)
    where = (place.position, place.location, place.part, place.dimensions, place.in_stack)
    return (uid, frame.index, place.number, where, place.time, place.echo, frame.rows, frame.cols)


def _different(group: list[Frame], step: Callable[[Path], None]) -> list[Frame]:
    """Those of a group that do not repeat the pixels of an earlier one; what cannot be read is none's copy."""
    kept: dict[Hashable, Frame] = {}
    for frame in group:
        step(frame.path)
        kept.setdefault(frame.content or str(frame.path), frame)
    if len({frame.content and frame.content[0] for frame in kept.values()}) > 1:
        # Of other lengths: one picture may have been compressed in several ways.
        found: dict[Hashable, Frame] = {}
        for frame in kept.values():
            step(frame.path)
            found.setdefault(frame.decoded_content or str(frame.path), frame)
        kept = found
    return list(kept.values())
