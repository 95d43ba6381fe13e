"""PNG (PNG 1.2): only what makes the picture is handed to libpng, and only after its checksums were compared.

libpng prints about chunks that do not matter here (colour profiles, dates, animation) straight to stderr.
"""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ESSENTIAL = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def essential_chunks(data: bytes) -> bytes:
    """The file without its extra chunks. Raises ValueError where a checksum is wrong or a chunk leaves the file."""
    parts = [SIGNATURE]
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            raise ValueError(f"chunk {kind!r} leaves the file")
        if kind in _ESSENTIAL:
            if zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
                raise ValueError(f"checksum of chunk {kind!r}")
            parts.append(data[position:end])
        elif not kind[0] & 0x20:
            # An upper-case first letter says that the picture cannot be shown without this chunk.
            raise ValueError(f"unknown chunk {kind!r}")
        position = end
        if kind == b"IEND":
            break
    return b"".join(parts)
