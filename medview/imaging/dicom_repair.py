"""Headers that pydicom reads wrongly or not at all, repaired in their bytes, lengths and offsets unchanged."""

from __future__ import annotations

import contextlib
import struct

# Where the meta information begins, behind the preamble and DICM.
_META_AT = 132
_SYNTAX = b"\x02\x00\x10\x00UI"
# VRs whose length has four bytes, with two reserved ones before them (PS3.5 7.1.2).
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_UNDEFINED = 0xFFFFFFFF
_ITEM, _END_OF_ITEM, _END_OF_SEQUENCE = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DEPTH = 16


def first_syntax(head: bytes) -> str:
    """The transfer syntax of meta information that is there twice: that of the first, which ends where its group length
    says (PS3.10 7.1); empty for any other file."""
    if head.count(_SYNTAX, _META_AT, _META_AT + 4096) < 2 or head[_META_AT : _META_AT + 4] != b"\x02\0\0\0":
        return ""
    (length,) = struct.unpack_from("<I", head, _META_AT + 8)
    first = head[: _META_AT + 12 + length]
    at = first.find(_SYNTAX, _META_AT)
    if at < 0:
        return ""
    value = first[at + 8 : at + 8 + int.from_bytes(first[at + 6 : at + 8], "little")]
    return value.rstrip(b"\0 ").decode("ascii", "replace")


def closed_sequences(data: bytes) -> bytes:
    """A big endian file with a length for each sequence whose VR its writer did not know (UN): these are in implicit
    VR little endian, whatever the file is in (PS3.5 6.2.2), and pydicom would read them in the order of the file."""
    patched = bytearray(data)
    at = _META_AT
    while data[at : at + 2] == b"\x02\0" and at + 12 <= len(data):
        long_form = data[at + 4 : at + 6] in _LONG
        (length,) = struct.unpack_from("<I" if long_form else "<H", data, at + (8 if long_form else 6))
        at += (12 if long_form else 8) + length
    # The end of what is there ends the walk; what was found up to it is repaired.
    with contextlib.suppress(struct.error):
        _walk(patched, at, 0)
    return bytes(patched)


def _walk(data: bytearray, at: int, depth: int) -> int:
    """Go through big endian elements from `at` to the end of their item, and give every UN sequence its length; where
    the item ends. Raises struct.error at the end of the data."""
    while True:
        tag, vr = struct.unpack_from(">I2s", data, at)
        if tag >> 16 == 0x7FE0:
            raise struct.error("the pixels")
        if tag in (_END_OF_ITEM, _END_OF_SEQUENCE):
            return at + 8
        long_form = vr in _LONG
        (length,) = struct.unpack_from(">I" if long_form else ">H", data, at + (8 if long_form else 6))
        value = at + (12 if long_form else 8)
        if length != _UNDEFINED:
            at = value + length
        elif vr == b"UN":
            at = _end_of_sequence(data, value, depth)
            struct.pack_into(">I", data, value - 4, at - value)
        else:
            at = _walk_items(data, value, depth + 1)


def _walk_items(data: bytearray, at: int, depth: int) -> int:
    """The end of a big endian sequence of undefined length that begins at `at`."""
    if depth > _DEPTH:
        raise struct.error("too deep")
    while True:
        tag, length = struct.unpack_from(">II", data, at)
        if tag != _ITEM:
            return at + 8
        at = at + 8 + length if length != _UNDEFINED else _walk(data, at + 8, depth)


def _end_of_sequence(data: bytearray, at: int, depth: int) -> int:
    """The end of a sequence of undefined length in implicit VR little endian that begins at `at`."""
    if depth > _DEPTH:
        raise struct.error("too deep")
    inside = False
    while True:
        group, element, length = struct.unpack_from("<HHI", data, at)
        tag = group << 16 | element
        at += 8
        if tag == _END_OF_SEQUENCE:
            return at
        if tag == _ITEM:
            inside = length == _UNDEFINED
            at += 0 if inside else length
        elif tag == _END_OF_ITEM:
            inside = False
        elif length == _UNDEFINED:
            at = _end_of_sequence(data, at, depth + 1)
        elif inside:
            at += length
        else:
            raise struct.error("no item")
