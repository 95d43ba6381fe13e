"""JPEG files (ITU-T T.81): the markers, and whether the picture data between them is whole.

libjpeg decodes damaged data to grey or shifted blocks and only prints a remark. Here its remark is found out without a
word: a decoder that reaches the end of the picture before the end of the data, or the other way round, has lost its
place. So the data is decoded again with bytes added before each end (a whole picture does not change) and with the last
bytes altered (a whole picture does change).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# T.81 table B.1: start-of-frame markers; C4, C8 and CC are tables and extensions. F7 is the one of JPEG-LS (T.87).
_SOF = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset((*range(0xD0, 0xD8), 0x01))
# A progressive picture has about ten scans; each costs a pass over all pixels, so a file of thousands is an attack.
MAX_SCANS = 128
# Grey levels by which the last block of 8 x 8 pixels must differ for the second test to be trusted.
_FLAT = 8
# Bytes that decode to something in every code, and to another thing than the zeros a decoder goes on with at the end.
FILLER = bytes((0x5A, 0x36, 0xC9, 0x2D, 0x93, 0x6C, 0x1B, 0xE4)) * 8
# Bytes at the end of the data that are altered: fewer, and over a dark edge a whole picture may rightly not change.
_TAIL = 6
_TAILS = tuple(pattern * (_TAIL // 3) for pattern in (b"UUU", b"\xaa\xaa\xaa", b"\0\0\0", b"\xf0\x0f<", b"\xc3\x96i"))


@dataclass
class JpegInfo:
    """What the markers of a JPEG say.

    Attributes:
        rows, cols, components, precision: from the frame header; 0 when there is none.
        process: low nibble of the SOF marker (0 baseline, 1 extended, 2 progressive, 3 lossless; 7 also JPEG-LS).
        exif: the EXIF block (TIFF structure) or empty.
        jfif: whether a JFIF marker is there. adobe: colour transform of the Adobe marker, -1 when there is none.
        ids: component identifiers. sampling: of each component, how finely it is sampled across and down (4 bits each).
        intervals: (start, end) of every run of entropy-coded data between markers; `scan_ends`: indices of those
            that end a scan.
        segments: (marker, start, end) of the body of every segment.
        stray: whether bytes lie between segments that belong to none.
        order: False when a restart marker is missing or out of order.
        complete: whether the end marker was reached.
    """

    rows: int = 0
    cols: int = 0
    components: int = 0
    precision: int = 0
    process: int = -1
    exif: bytes = b""
    jfif: bool = False
    adobe: int = -1
    ids: bytes = b""
    sampling: bytes = b""
    intervals: list[tuple[int, int]] = field(default_factory=list)
    scan_ends: list[int] = field(default_factory=list)
    segments: list[tuple[int, int, int]] = field(default_factory=list)
    stray: bool = False
    order: bool = True
    complete: bool = False


def parse_jpeg(data: bytes, header_only: bool = False) -> JpegInfo | None:
    """Walk the markers; None when there is no frame header or a segment makes no sense. May raise struct.error.

    Args:
        data: bytes that begin with FF D8.
        header_only: stop at the first scan.
    """
    info, position = JpegInfo(), 2
    while position + 2 <= len(data):
        if data[position] != 0xFF:
            # Stray bytes between segments: libjpeg skips them too.
            info.stray = True
            position = data.find(b"\xff", position)
            if position < 0:
                break
            continue
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker == 0xD9:
            info.complete = True
            break
        elif marker in _STANDALONE or marker == 0:
            position += 2
        else:
            (length,) = struct.unpack_from(">H", data, position + 2)
            info.segments.append((marker, position + 4, position + 2 + length))
            _segment(info, marker, data[position + 4 : position + 2 + length])
            position += 2 + length
            if marker == 0xDA:
                if header_only:
                    break
                position = _scan(info, data, position)
    return info if info.process >= 0 else None


def _segment(info: JpegInfo, marker: int, body: bytes) -> None:
    if marker in _SOF and info.process < 0:
        info.precision, info.rows, info.cols, info.components = struct.unpack_from(">BHHB", body)
        info.ids, info.sampling = (body[at : at + 3 * info.components : 3] for at in (6, 7))
        info.process = marker & 15
    elif marker == 0xE0 and body.startswith(b"JFIF\0"):
        info.jfif = True
    elif marker == 0xE1 and body.startswith(b"Exif\0\0") and not info.exif:
        info.exif = body[6:]
    elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
        info.adobe = body[11]


def _scan(info: JpegInfo, data: bytes, position: int) -> int:
    """Note the intervals of a scan that begins at `position`; returns where the next segment begins."""
    start, restarts = position, 0
    while True:
        position = data.find(b"\xff", position)
        if position < 0 or position + 1 >= len(data):
            info.intervals.append((start, len(data)))
            position = len(data)
            break
        marker = data[position + 1]
        if marker in (0, 0xFF):
            position += 2 if marker == 0 else 1
            continue
        info.intervals.append((start, position))
        if not 0xD0 <= marker <= 0xD7:
            break
        info.order = info.order and marker == 0xD0 + restarts % 8
        restarts += 1
        position = start = position + 2
    info.scan_ends.append(len(info.intervals) - 1)
    return position


def stored_as_ybr(info: JpegInfo) -> bool:
    """Whether three components are luma and chroma, by libjpeg's rule (Adobe marker, JFIF, component names)."""
    if info.jfif:
        return True
    if info.adobe >= 0:
        return info.adobe == 1
    return info.ids != b"RGB"


def is_damaged(data: bytes, info: JpegInfo, values: NDArray[Any], decode: Callable[[bytes], NDArray[Any]]) -> bool:
    """Whether the decoder lost its place in the picture data; see the module's text for how this is known.

    Args:
        values: what `decode` made of `data`.
        decode: the decoder; raises RuntimeError on data it refuses.
    """
    if not info.order:
        return True
    if info.process > 2 or info.precision != 8:
        return False
    edits = [(end, end, FILLER) for start, end in info.intervals if end > start]
    if _changes(data, edits, values, decode):
        return True
    if info.process == 2:
        # The last bits of a progressive scan may rightly change nothing (a run of ends over blocks that have ended).
        return False
    corner = values[(info.rows - 1) // 8 * 8 :, (info.cols - 1) // 8 * 8 :]
    if int(np.ptp(corner, axis=(0, 1)).max()) <= _FLAT:
        # Over a white or black end of the picture other bits can decode to the same colour.
        return False
    return any(_has_rest(data, info.intervals[index], values, decode) for index in info.scan_ends[-4:])


def _has_rest(
    data: bytes, interval: tuple[int, int], values: NDArray[Any], decode: Callable[[bytes], NDArray[Any]]
) -> bool:
    """Whether the last bytes of a scan have no influence on the picture: then they were never reached."""
    start, end = interval
    first = end - _TAIL
    # FF 00 is one byte of data and must not be torn apart.
    if first > 0 and data[first - 1] == 0xFF and data[first] == 0:
        first -= 1
    if first < start:
        return False
    return not any(_changes(data, [(first, end, tail)], values, decode) for tail in _TAILS)


def _changes(
    data: bytes,
    edits: list[tuple[int, int, bytes]],
    values: NDArray[Any],
    decode: Callable[[bytes], NDArray[Any]],
) -> bool:
    """Whether the picture differs after replacing data[start:end] by other bytes, for every (start, end, bytes)."""
    parts, position = [], 0
    for start, end, replacement in edits:
        parts += [data[position:start], replacement]
        position = end
    try:
        other = decode(b"".join((*parts, data[position:])))
    except RuntimeError:
        return True
    return other.shape != values.shape or not np.array_equal(other, values)
