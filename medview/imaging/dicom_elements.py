"""The plain majority of header elements read without pydicom: one short number, or text in ASCII.

pydicom makes an object with checks of every element it is asked for, which is most of the time that a small file takes.
What is not plain (other VRs, several binary numbers, other characters, damage) is left to it; for the rest the values
are equal to pydicom's (tests/imaging/test_dicom_elements.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pydicom.dataelem import RawDataElement

# Not plain: an escape to another character set, and where ISO_IR 13 has other characters than ASCII.
_SWITCHED = frozenset(b"\x1b\\~")
# Nor a UID with blanks elsewhere than at its end: pydicom takes them away.
_BLANK = re.compile(rb"[\s\x1c-\x1f]")
_TEXTS = frozenset(("LO", "SH"))
# A decimal number as people write it: with a comma, or with its unit behind it, where that is the one DICOM means.
_DECIMAL = re.compile(rb"([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?) *(?:mm|hu|ms)?", re.IGNORECASE)
_CODES = frozenset(("CS", "UI", "DA", "TM"))


class _Unread:
    """That an element is not plain."""


UNREAD: Final = _Unread()


# Bytes of one value that are read: texts and numbers as text have a few, lists of times of many frames some 100,000;
# tables of 65536 numbers take twice that.
_MOST_TEXT, _MOST_NUMBERS = 512 * 1024, 2 * 1024 * 1024
_NUMBERS = frozenset(("US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"))
_BYTES = frozenset(("OB", "OW", "OF", "OD", "OL", "OV", "UN", "SQ"))


def is_oversized(raw: RawDataElement, vr: str) -> bool:
    """Whether an element holds more text or numbers than any real one: converted they take ten times the bytes."""
    size = len(raw.value) if isinstance(raw.value, bytes) else 0
    if size <= _MOST_TEXT or vr in _BYTES:
        return False
    return size > _MOST_NUMBERS if vr[:2] in _NUMBERS else True


def plain_value(raw: RawDataElement, vr: str) -> Any:
    """The value of an element whose VR is `vr`: a number, a text, or a list of them; `UNREAD` when it is not plain."""
    data = raw.value
    if not data or not isinstance(data, bytes):
        return UNREAD
    if vr == "US":
        return int.from_bytes(data, "little" if raw.is_little_endian else "big") if len(data) == 2 else UNREAD
    if not data.isascii():
        return UNREAD
    if vr == "UI" and _BLANK.search(data.rstrip(b" \0")):
        return UNREAD
    if vr in _CODES:
        return _parts(data)
    if vr in _TEXTS:
        return UNREAD if _SWITCHED.intersection(data) else _parts(data)
    if vr in ("DS", "IS"):
        return _numbers(data, float if vr == "DS" else int)
    return UNREAD


def lenient_numbers(data: bytes) -> tuple[float | None, ...]:
    """The numbers of a decimal or integer string (VR DS, IS) in their places; None for one that cannot be read.

    What is wrong with one need not cost the others: a decimal comma is one (DICOM has no other use for it), a unit is
    left out, and so are empty values at the end.
    """
    parts = data.rstrip(b" \0").split(b"\\")
    while parts and not parts[-1].strip(b" \0"):
        parts.pop()
    return tuple(_lenient(part.strip(b" \0")) for part in parts)


def _lenient(part: bytes) -> float | None:
    found = _DECIMAL.fullmatch(part)
    return float(found[1].replace(b",", b".")) if found else None


def _parts(data: bytes) -> str | list[str]:
    parts = data.decode("ascii").rstrip(" \0").split("\\")
    return parts[0] if len(parts) == 1 else parts


def _numbers(data: bytes, kind: type[int] | type[float]) -> Any:
    # The underscore of Python's numbers is none of DICOM's.
    if b"_" in data:
        return UNREAD
    try:
        found = [kind(part) for part in data.rstrip(b" \0").split(b"\\")]
    except ValueError:
        return UNREAD
    return found[0] if len(found) == 1 else found
