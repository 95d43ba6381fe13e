"""What a JPEG 2000 codestream (ISO/IEC 15444-1 Annex A) says of itself: its size, and whether its tiles are all there.

Decoders give a picture with black holes for a stream whose tiles are missing, at the full price in time and memory: so
it is looked at before.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_SOC_SIZ, _SOT, _EOC = b"\xff\x4f\xff\x51", b"\xff\x90", b"\xff\xd9"
# Some writers put a whole JP2 file into the fragment; the codestream is inside.
_SEARCHED = 4096


@dataclass(frozen=True)
class Codestream:
    """The SIZ segment (A.5.1), and where the stream begins. `tiles`: how many it must have. `bits`: of a sample of the
    first component."""

    start: int
    rows: int
    cols: int
    components: int
    tiles: int
    bits: int = 0


def read_codestream(data: bytes) -> Codestream | None:
    """What the stream in `data` declares, None where there is none or its sizes are impossible."""
    start = data.find(_SOC_SIZ, 0, _SEARCHED)
    if start < 0 or len(data) < start + 42:
        return None
    width, height, left, top, tile_width, tile_height, tile_left, tile_top = struct.unpack_from(">8I", data, start + 8)
    if width <= left or height <= top or not tile_width or not tile_height or tile_left > left or tile_top > top:
        return None
    tiles = -(-(width - tile_left) // tile_width) * -(-(height - tile_top) // tile_height)
    (components,) = struct.unpack_from(">H", data, start + 40)
    bits = (data[start + 42] & 0x7F) + 1 if len(data) > start + 42 else 0
    return Codestream(start, height - top, width - left, components, tiles, bits)


def has_every_tile(data: bytes, stream: Codestream) -> bool:
    """Whether each tile has a tile-part (A.4.2) that lies within `data`."""
    return _walked(data, stream)[0]


def end_of_tiles(data: bytes, stream: Codestream) -> int:
    """Where the last tile-part ends; 0 where it does not tell its length, and goes on to the end of the stream."""
    return _walked(data, stream)[1]


def _walked(data: bytes, stream: Codestream) -> tuple[bool, int]:
    """Whether each tile has a tile-part within `data`, and where the last one ends (0: not known)."""
    at = _first_tile_part(data, stream.start)
    found: set[int] = set()
    while data[at : at + 2] == _SOT and at + 12 <= len(data):
        tile, length = struct.unpack_from(">HI", data, at + 4)
        if tile >= stream.tiles:
            return False, 0
        found.add(tile)
        if length == 0:  # it goes on to the end of the stream
            return len(found) == stream.tiles, 0
        if length < 14 or at + length > len(data):
            return False, 0
        at += length
    return len(found) == stream.tiles, at


def _first_tile_part(data: bytes, start: int) -> int:
    """Where the main header ends."""
    at = start + 2
    while at + 4 <= len(data) and data[at : at + 2] not in (_SOT, _EOC):
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at
