"""PNG (PNG 1.2): a file is taken apart, checked and put together anew before libpng gets it.

libpng prints about everything odd straight to the terminal: extra chunks, a transparency that does not fit, bytes
behind the picture, interlacing. What it gets here has nothing odd in it, and costs it little: it is not packed.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE = 0, 2, 3
_SAMPLES = {GREY: 1, RGB: 3, PALETTE: 1, 4: 2, 6: 4}
# (first, step) of the rows and of the columns of each pass: all of them, or the seven of an interlaced picture.
_STRAIGHT = (((0, 1), (0, 1)),)
_ADAM7 = (
    ((0, 8), (0, 8)), ((0, 8), (4, 8)), ((4, 8), (0, 4)), ((0, 4), (2, 4)), ((2, 4), (0, 2)), ((0, 2), (1, 2)),
    ((1, 2), (0, 1)),
)  # fmt: skip
# The longest block of a stream that is not packed.
_BLOCK = 0xFFFF


def decode_png(data: bytes) -> NDArray[Any]:
    """Samples (rows, cols) or (rows, cols, 2 to 4). Raises ValueError or RuntimeError where the file is damaged."""
    import imagecodecs

    head, palette, transparent, packed = _chunks(data)
    if len(head) != 13:
        raise ValueError("no header")
    cols, rows, bits, colour, *method, interlaced = struct.unpack(">IIBBBBB", head)
    if colour not in _SAMPLES or bits not in (1, 2, 4, 8, 16) or any(method) or interlaced > 1:
        raise ValueError("an impossible header")
    extra = _colours(colour, bits, palette, transparent)
    passes = []
    for (top, down), (left, across) in _ADAM7 if interlaced else _STRAIGHT:
        size = (max(0, -(-(rows - top) // down)), max(0, -(-(cols - left) // across)))
        if all(size):
            passes.append((slice(top, None, down), slice(left, None, across), size))
    # Each row has the number of its filter in front.
    lengths = [height * (1 + (width * _SAMPLES[colour] * bits + 7) // 8) for _, _, (height, width) in passes]
    filtered = memoryview(_unpacked(packed, sum(lengths)))
    values: NDArray[Any] | None = None
    start = 0
    for (down_, across_, (height, width)), length in zip(passes, lengths, strict=True):
        part = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
        body = _stream(filtered[start : start + length])
        picture = b"".join((SIGNATURE, *_chunk(b"IHDR", part), extra, *_chunk(b"IDAT", *body), *_chunk(b"IEND")))
        decoded: NDArray[Any] = imagecodecs.png_decode(picture)
        if not interlaced:
            return decoded
        if values is None:
            values = np.empty((rows, cols, *decoded.shape[2:]), decoded.dtype)
        values[down_, across_] = decoded
        start += length
    if values is None:
        raise ValueError("no picture")
    return values


def _colours(colour: int, bits: int, palette: bytes, transparent: bytes) -> bytes:
    """The chunks of a palette and of what is transparent, as far as they fit. Raises ValueError without a palette."""
    if colour == PALETTE:
        entries = min(len(palette) // 3, 1 << bits)
        if not entries or len(palette) % 3:
            raise ValueError("no palette")
        made, transparent = b"".join(_chunk(b"PLTE", palette[: 3 * entries])), transparent[:entries]
    else:
        made, transparent = b"", transparent if _fits(transparent, colour, bits) else b""
    return made + (b"".join(_chunk(b"tRNS", transparent)) if transparent else b"")


def _chunk(kind: bytes, *parts: bytes | memoryview) -> list[bytes | memoryview]:
    """A chunk in pieces, to be joined once: a copy of a large picture costs as much as its checksum."""
    import imagecodecs

    checksum = 0
    for part in (kind, *parts):
        checksum = imagecodecs.deflate_crc32(part, checksum)  # ten times as fast as zlib
    return [struct.pack(">I", sum(map(len, parts))), kind, *parts, struct.pack(">I", checksum)]


def _chunks(data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Header, palette, transparency and the picture data; of the first three only what stands before the
    last. Raises ValueError where a checksum is wrong or a chunk leaves the file."""
    import imagecodecs

    found: dict[bytes, bytes] = {}
    pieces: list[bytes | memoryview] = []
    position, whole = len(SIGNATURE), memoryview(data)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            raise ValueError(f"chunk {kind!r} leaves the file")
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            if imagecodecs.deflate_crc32(whole[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
                raise ValueError(f"checksum of chunk {kind!r}")
            if kind == b"IDAT":
                pieces.append(whole[position + 8 : end - 4])
            elif not pieces:
                found.setdefault(kind, data[position + 8 : end - 4])
        elif not kind[0] & 0x20:
            # An upper-case first letter says that the picture cannot be shown without this chunk.
            raise ValueError(f"unknown chunk {kind!r}")
        position = end
        if kind == b"IEND":
            break
    return found.get(b"IHDR", b""), found.get(b"PLTE", b""), found.get(b"tRNS", b""), b"".join(pieces)


def _fits(transparent: bytes, colour: int, bits: int) -> bool:
    """Whether a transparent colour is one that pixels of this kind can have."""
    if len(transparent) != {GREY: 2, RGB: 6}.get(colour):
        return False
    return all(value >> bits == 0 for value in struct.unpack(f">{len(transparent) // 2}H", transparent))


def _unpacked(packed: bytes, size: int) -> bytes:
    """The first `size` bytes that the stream `packed` holds. Raises ValueError for too few and for damage."""
    import imagecodecs

    try:
        found: bytes = imagecodecs.deflate_decode(packed, out=size)  # twice as fast as zlib
    except RuntimeError:
        # It holds more than the picture, or is damaged.
        stream = zlib.decompressobj()
        try:
            found = stream.decompress(packed, size)
            stream.decompress(stream.unconsumed_tail, 1)
        except zlib.error as error:
            raise ValueError(str(error)) from None
    if len(found) < size:
        raise ValueError(f"{len(found)} of {size} bytes of the picture")
    return found


def _stream(data: memoryview) -> list[bytes | memoryview]:
    """A zlib stream that stores `data` as it is (RFC 1950, RFC 1951), in pieces: in blocks, each with its length
    twice."""
    import imagecodecs

    parts: list[bytes | memoryview] = [b"\x78\x01"]
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        parts += [struct.pack("<BHH", start + _BLOCK >= len(data), len(block), len(block) ^ 0xFFFF), block]
    return [*parts, struct.pack(">I", imagecodecs.deflate_adler32(data))]
