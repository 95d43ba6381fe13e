"""Files made of boxes (ISO/IEC 14496-12): what AVIF and JP2 pictures say of themselves before they are decoded.

AVIF: AV1 Image File Format 1.1 over HEIF (ISO/IEC 23008-12). JP2: ISO/IEC 15444-1 Annex I.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from medview.imaging.jpeg2000 import Codestream, has_every_tile, read_codestream

JP2_SIGNATURE, J2K_SIGNATURE, J2K_END = b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51", b"\xff\xd9"
_STILL, _MOVING = b"avif", b"avis"
# A file has some dozen; those of thousands are attacks.
_MAX_BOXES = 1000
# EXIF orientation of a picture turned anticlockwise by quarters (irot) and then mirrored (imir: 0 top to bottom, 1 left
# to right, -1 not at all).
_ORIENTATION = {
    (0, -1): 1, (0, 1): 2, (2, -1): 3, (0, 0): 4, (1, 0): 5, (3, -1): 6, (3, 0): 7, (1, -1): 8, (2, 0): 2, (2, 1): 4,
    (1, 1): 7, (3, 1): 5,
}  # fmt: skip
# EnumCS of a colr box (15444-1 table I.10, 15444-2 table M.25): printing colours and CIELAB, which decode to no RGB.
NO_RGB = frozenset((12, 13, 14))


@dataclass(frozen=True)
class Avif:
    """The picture of an AVIF file: size as stored, orientation as in EXIF, bits of a sample, number of pictures (0 for
    a film of unknown length)."""

    rows: int
    cols: int
    orientation: int
    bits: int
    pictures: int


@dataclass(frozen=True)
class Jp2:
    """A JPEG 2000 picture, alone or in a JP2 file: what its stream says, whether it is all there, and its EnumCS."""

    stream: Codestream
    complete: bool
    colours: int


def is_avif(head: bytes) -> bool:
    """Whether a file begins as an AVIF picture does; one that is HEIC at first may be both."""
    size = int.from_bytes(head[:4], "big")
    if head[4:8] != b"ftyp" or not 16 <= size <= 1024:
        return False
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(size, len(head)) - 3, 4))}
    return bool(brands & {_STILL, _MOVING})


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of what is in each box that begins between `start` and `end`; a box that leaves ends it."""
    end = len(data) if end is None else end
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        size, kind, body = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8], start + 8
        if size == 1:
            size, body = int.from_bytes(data[start + 8 : start + 16], "big"), start + 16
        last = end if size == 0 else start + size
        if last < body or last > end:
            return
        yield kind, body, last
        start = last


def find(data: bytes, *path: bytes, start: int = 0, end: int | None = None) -> tuple[int, int] | None:
    """(start, end) of what is in the first box at `path`, a name and the names within; None where there is none."""
    for kind, first, last in boxes(data, start, end):
        if kind == path[0]:
            # A meta box begins with a version and flags.
            inner = first + 4 if kind == b"meta" else first
            return (first, last) if len(path) == 1 else find(data, *path[1:], start=inner, end=last)
    return None


def read_avif(data: bytes) -> Avif | None:
    """What an AVIF file declares; None where it is damaged or holds nothing but a film. May raise struct.error."""
    properties = _properties(data)
    size = next((data[at + 4 : at + 12] for kind, at, _ in properties if kind == b"ispe"), b"")
    if len(size) < 8:
        return None
    cols, rows = struct.unpack(">II", size)
    turns, mirror, bits = 0, -1, 8
    for kind, at, _ in properties:
        if kind == b"irot":
            turns = data[at] & 3
        elif kind == b"imir":
            mirror = data[at] & 1
        elif kind == b"av1C":
            bits = 8 if not data[at + 2] & 0x40 else 12 if data[at + 2] & 0x20 else 10
    pictures = 1
    if data[8:12] == _MOVING:
        table = find(data, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsz")
        pictures = int.from_bytes(data[table[0] + 8 : table[0] + 12], "big") if table else 0
    return Avif(rows, cols, _ORIENTATION[turns, mirror], bits, pictures)


def _properties(data: bytes) -> list[tuple[bytes, int, int]]:
    """The properties of the primary picture, as `boxes` gives them."""
    primary, table = find(data, b"meta", b"pitm"), find(data, b"meta", b"iprp", b"ipco")
    links = find(data, b"meta", b"iprp", b"ipma")
    if primary is None or table is None or links is None:
        return []
    wide_item = data[primary[0]]
    item = int.from_bytes(data[primary[0] + 4 : primary[0] + (8 if wide_item else 6)], "big")
    known = list(boxes(data, *table))
    at, wide_id, wide_index = links[0] + 8, data[links[0]] > 0, data[links[0] + 3] & 1
    for _ in range(min(int.from_bytes(data[links[0] + 4 : links[0] + 8], "big"), _MAX_BOXES)):
        number = int.from_bytes(data[at : at + (4 if wide_id else 2)], "big")
        at += 4 if wide_id else 2
        count, at = data[at], at + 1
        width = 2 if wide_index else 1
        if number == item:
            mask = 0x7FFF if wide_index else 0x7F
            found = [int.from_bytes(data[at + n * width : at + (n + 1) * width], "big") & mask for n in range(count)]
            return [known[index - 1] for index in found if 0 < index <= len(known)]
        at += count * width
    return []


def still_of(data: bytes) -> bytes:
    """An AVIF file without its film: `imagecodecs.avif_decode` (2026.3.6) ends the process on films, and what is shown
    is the still picture anyway."""
    size = int.from_bytes(data[:4], "big")
    made = bytearray(data)
    made[8:size] = _STILL + data[12:size].replace(_MOVING, _STILL)
    for kind, first, _ in boxes(data):
        if kind == b"moov":
            at = data.rindex(b"moov", 0, first)
            made[at : at + 4] = b"free"
    return bytes(made)


def read_jp2(data: bytes) -> Jp2 | None:
    """What a JPEG 2000 picture declares; None where it is damaged. May raise struct.error."""
    colours = 0
    if data.startswith(J2K_SIGNATURE):
        stream_data = data
    else:
        place = find(data, b"jp2c")
        if place is None:
            # The stream is the last box: of a file that was cut off it leaves the file.
            start = data.find(b"jp2c")
            place = (start + 4, len(data)) if start > 0 else (0, 0)
        stream_data = data[place[0] : place[1]]
        colour = find(data, b"jp2h", b"colr")
        if colour and data[colour[0]] == 1:
            colours = int.from_bytes(data[colour[0] + 3 : colour[0] + 7], "big")
    stream = read_codestream(stream_data)
    if stream is None:
        return None
    return Jp2(stream, has_every_tile(stream_data, stream), colours)
