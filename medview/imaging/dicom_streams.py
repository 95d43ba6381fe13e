"""Compressed frames of a DICOM file as streams of bytes: where they end, and what they say of themselves.

A stream may be followed by anything (frames of one size, fill bytes), and its end marker may be missing although all of
the picture is there. What is missing is found out before anything is shown: decoders fill it up with grey.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.texts import Text
from medview.imaging.jpeg import FILLER, parse_jpeg
from medview.imaging.jpeg2000 import end_of_tiles, has_every_tile, read_codestream
from medview.imaging.jpeg_damage import DECODE_ERRORS
from medview.imaging.jpeg_entropy import read_components
from medview.imaging.jpegxl import jpegxl_size

_JPEG_START, END, _START_OF_SCAN = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
# Where the end marker is looked for first.
_TRAILER = 64
# What follows whole data does not change the picture.
_FILLERS = (FILLER, bytes(255 - byte for byte in FILLER))
# An end marker and a byte that makes the length even.
_PADDED = 3
# Zeros that coded data may end with.
_ZEROS = 2
# The low nibble of the frame marker of JPEG-LS.
_JPEG_LS = 7

Decoder = Callable[[bytes], NDArray[Any]]


def stream_size(data: bytes) -> tuple[int, int, int] | None:
    """(rows, cols, samples) that a stream of the JPEG family declares, None when it has no such header; 0 samples where
    only decoding tells (JPEG XL)."""
    if data.startswith(_JPEG_START):
        info = parse_jpeg(data, header_only=True)
        return (info.rows, info.cols, info.components) if info else None
    size = jpegxl_size(data)
    if size:
        return (*size, 0)
    stream = read_codestream(data)
    return (stream.rows, stream.cols, stream.components) if stream else None


def stream_bits(data: bytes) -> int:
    """Bits of a sample by the header of a JPEG, JPEG-LS or JPEG 2000 stream; 0 where it does not tell."""
    try:
        if data.startswith(_JPEG_START):
            info = parse_jpeg(data, header_only=True)
            return info.precision if info else 0
        stream = read_codestream(data)
    except struct.error:
        return 0
    return stream.bits if stream else 0


def whole_stream(data: bytes, decode: Decoder) -> bytes | None:
    """The stream in `data` with an end marker, None where a part of the picture is missing.

    `decode` is asked only where there is no end marker; it raises RuntimeError on what it cannot decode.
    """
    plain = data.rstrip(b"\0")
    stream = None if data.startswith(_JPEG_START) else read_codestream(data)
    if stream is not None and not has_every_tile(data, stream):
        return None
    end = end_of_tiles(data, stream) if stream is not None else 0
    if end and data[end : end + 2] == END:
        # OpenJPEG minds some of what may follow, as the beginning of another stream.
        return data if len(data) <= end + _PADDED else data[: end + 2]
    if has_end(data):
        return data
    if stream is not None:
        # Zeros at the end of the last tile are what a file was filled up with.
        return data[:end] + END if 0 < end <= len(plain) + _ZEROS else None
    padded = (plain + bytes(count) for count in range(_ZEROS + 1))
    return next((found for one in padded if (found := _ended(one, decode)) is not None), None)


def has_end(data: bytes) -> bool:
    """Whether a stream has its end marker, whatever follows."""
    if END in data.rstrip(b"\0")[-_TRAILER:]:
        return True
    # The marker cannot occur in coded data, but in what stands before it.
    first = data.find(_START_OF_SCAN if data.startswith(_JPEG_START) else b"\xff\x90")
    return first >= 0 and data.find(END, first) >= 0


def _ended(data: bytes, decode: Decoder) -> bytes | None:
    """JPEG data with an end marker put behind it, None where it is not all of the picture."""
    try:
        info = parse_jpeg(data, header_only=True)
    except struct.error:
        return None
    if info is None:
        return None
    if info.process == _JPEG_LS:
        return data + END if _is_exact(data, decode) else None
    values = _tried(data + END, decode)
    filled = [_tried(data + filler + END, decode) for filler in _FILLERS]
    # A decoder that lacks data goes on with what it gets: then the filler would be in the picture.
    same = values is not None and all(more is not None and np.array_equal(values, more) for more in filled)
    return data + END if same and not _is_cut(data + END) else None


def _is_cut(data: bytes) -> bool:
    """Whether the codes of sequential JPEG data do not fill its picture; False where that cannot be told."""
    try:
        info = parse_jpeg(data)
        if info is not None:
            read_components(data, info)
    except DECODE_ERRORS:
        return True
    return info is None


def _is_exact(data: bytes, decode: Decoder) -> bool:
    """Whether JPEG-LS data without an end marker is whole: its decoder minds bytes that are too many, and one byte
    more is not too many where one is missing."""
    values, padded = _tried(data + END, decode), _tried(data + b"\0" + END, decode)
    if values is None or any(_tried(data + more + END, decode) is not None for more in (b"\0\0", b"\x5a")):
        return False
    return padded is None or np.array_equal(values, padded)


def _tried(data: bytes, decode: Decoder) -> NDArray[Any] | None:
    try:
        return decode(data)
    except (RuntimeError, ValueError):
        return None


def stream_notes(head: bytes, ends: bool, stored: int, allocated: int) -> tuple[Text, ...]:
    """What to tell of a JPEG, JPEG-LS or JPEG 2000 stream, by its first bytes. `ends`: whether it has an end marker;
    `stored` and `allocated`: bits of a value by the header of the file."""
    notes = []
    bits = stream_bits(head)
    # Many programs code the whole words that hold 10, 12 or 14 bits.
    if bits > stored and not (bits == allocated and stored > 8):
        notes.append(
            Text("The header gives {stored} bits for a value, the compressed picture {bits}.", stored=stored, bits=bits)
        )
    if bits and not ends:
        notes.append(Text("The compressed picture does not end with its end marker; nothing else of it is missing."))
    return tuple(notes)
