"""The values of a parsed DICOM header: asked for one at a time, because a value is only converted (and only fails) when
it is asked for."""

from __future__ import annotations

import math
import re
import threading
import weakref
from functools import cache
from typing import TYPE_CHECKING, Any

from medview.imaging.dicom_elements import UNREAD, is_oversized, lenient_numbers, plain_value
from medview.imaging.dicom_errors import parse_errors

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

# Switches of character set (ISO 2022), which pydicom leaves in a text for some sets.
_ESCAPE = re.compile("\x1b[ -/]+[0-~]")
# Value representations of bytes (PS3.5 6.2).
_BYTES = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))


@cache
def _tag(keyword: str) -> BaseTag:
    from pydicom.datadict import tag_for_keyword
    from pydicom.tag import Tag

    number = tag_for_keyword(keyword)
    assert number is not None
    return Tag(number)


def value(dataset: Dataset, keyword: str) -> Any:
    """The value of an element, None when it is missing, empty or cannot be read."""
    # Straight from pydicom's dictionary: a header is asked for some 70 values, and `get_item` takes longest of all.
    tag = _tag(keyword)
    element: Any = dataset._dict.get(tag)
    if element is None:
        return None
    try:
        if element.is_raw:
            vr = element.VR or _vr(tag)
            if is_oversized(element, vr):
                return None
            # Left raw where it is plain, so each time anew: still faster than an object.
            found = plain_value(element, vr)
            if found is UNREAD:
                found = dataset[tag].value
                found = None if _other_kind(found, tag) else found
        else:
            found = None if _other_kind(element.value, tag) else element.value
    except parse_errors():
        return None
    return None if found is None or (isinstance(found, str) and not found) else found


@cache
def _sequence() -> Any:
    from pydicom.sequence import Sequence

    return Sequence


def _other_kind(found: Any, tag: BaseTag) -> bool:
    """Whether a file gives a sequence, or bytes, for an element that the standard has as text or numbers."""
    if isinstance(found, _sequence()):
        return _vr(tag) != "SQ"
    return isinstance(found, bytes) and not _BYTES.intersection(_vr(tag).split(" or "))


@cache
def _vr(tag: BaseTag) -> str:
    """The VR of an element in a file that does not tell it."""
    from pydicom.datadict import dictionary_VR

    return dictionary_VR(tag)


def whole(dataset: Dataset, keyword: str, default: int | None = None) -> int | None:
    """A whole number, `default` when missing, empty or of another kind, None when it is no whole number."""
    found = value(dataset, keyword)
    try:
        return default if found is None else int(found)
    except (TypeError, ValueError, OverflowError):
        several = readable_numbers(dataset, keyword)
        first = several[0] if several else None
        return int(first) if first is not None and first == int(first) else None


def text(dataset: Dataset, keyword: str, length: int = 120) -> str:
    """A value as one line of printable text, at most `length` characters; empty when there is none."""
    found = value(dataset, keyword)
    return as_line(str(found), length) if found is not None else ""


def as_line(said: str, length: int = 120) -> str:
    """What a file says as one line of printable text, at most `length` characters."""
    line = " ".join(_ESCAPE.sub("", said).split())
    return line[:length] if line.isprintable() else "".join(c for c in line if c.isprintable())[:length]


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Finite numbers of an element, in order; empty when any of them cannot be read."""
    found = readable_numbers(dataset, keyword)
    return () if None in found else found  # type: ignore[return-value]


def readable_numbers(dataset: Dataset, keyword: str) -> tuple[float | None, ...]:
    """The numbers of an element in their places, None for one that cannot be read or is not finite; empty values at
    the end are left out."""
    tag = _tag(keyword)
    element: Any = dataset._dict.get(tag)
    if element is None:
        return ()
    vr = element.VR or _vr(tag)
    if element.is_raw and isinstance(element.value, bytes) and vr in ("DS", "IS"):
        if is_oversized(element, vr):
            return ()
        return tuple(map(_finite, lenient_numbers(element.value)))
    found = value(dataset, keyword)
    if found is None:
        return ()
    several = not isinstance(found, str) and hasattr(found, "__iter__")
    return tuple(map(_finite, found if several else (found,)))


def _finite(found: Any) -> float | None:
    try:
        number = float(found)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def item(dataset: Dataset, keyword: str, index: int = 0) -> Dataset | None:
    """One item of a sequence, or None."""
    sequence = value(dataset, keyword)
    if not isinstance(sequence, _sequence()):
        return None
    try:
        return sequence[index] if 0 <= index < len(sequence) else None
    except parse_errors():
        return None


def group(dataset: Dataset, keyword: str, frame: int) -> Dataset:
    """The functional group `keyword` of a frame (PS3.3 C.7.6.16): its own, the shared one, or the dataset itself."""
    for groups in _groups_of(dataset, frame):
        found = item(groups, keyword)
        if found is not None:
            return found
    return dataset


class _LastGroups(threading.local):
    """The functional groups that were asked for last in a thread: of one frame a dozen are, one after the other."""

    asked: tuple[weakref.ref[Any], int] | None = None
    found: tuple[Any, ...] = ()


_LAST = _LastGroups()


def _groups_of(dataset: Dataset, frame: int) -> tuple[Dataset, ...]:
    """The items with the functional groups of a frame: its own, then the shared ones."""
    if _LAST.asked is not None and _LAST.asked[1] == frame and _LAST.asked[0]() is dataset:
        return tuple(found for ref in _LAST.found if (found := ref()) is not None)
    own = item(dataset, "PerFrameFunctionalGroupsSequence", frame)
    shared = item(dataset, "SharedFunctionalGroupsSequence")
    groups = tuple(found for found in (own, shared) if found is not None)
    _LAST.asked, _LAST.found = (weakref.ref(dataset), frame), tuple(map(weakref.ref, groups))
    return groups
