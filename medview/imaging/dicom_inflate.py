"""Deflated DICOM files, inflated within limits."""

from __future__ import annotations

import io
import struct
import zlib

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.dicom_errors import damaged
from medview.imaging.files import Clipped

DEFLATED = "1.2.840.10008.1.2.1.99"
# A deflated file is inflated in memory; real ones are headers or single slices.
MAX_INFLATED = 256 * 1024 * 1024
# Pictures pack 2:1 to 10:1, a blank one more; zeros 1000:1. Small files may be anything.
MAX_INFLATE_RATIO, LEAST_INFLATED = 100, 32 * 1024 * 1024
_PIECE = 1024 * 1024
# Where the meta information of a file with the DICM prefix ends at the latest.
META_BYTES = 132 + 4096


def inflate(source: Clipped) -> io.BytesIO | Failure | None:
    """A deflated file as if it were written in explicit VR little endian, or None when the file is not deflated.

    pydicom would inflate without a limit; a few MB can hold gigabytes of zeros.
    """
    head = source.read(META_BYTES)
    source.seek(0)
    if head[128:132] != b"DICM" or DEFLATED.encode() not in head:
        return None
    position = 132
    meta = bytearray(head[:132])
    while position + 8 <= len(head) and head[position : position + 2] == b"\x02\x00":
        long_form = head[position + 4 : position + 6] in (b"OB", b"OW", b"UN", b"SQ", b"UT")
        (length,) = struct.unpack_from("<I" if long_form else "<H", head, position + (8 if long_form else 6))
        end = position + (12 if long_form else 8) + length
        element = head[position:end]
        if head[position : position + 4] == b"\x02\x00\x10\x00":
            if element[8:].rstrip(b"\0 ") != DEFLATED.encode():
                return None
            element = element[:6] + b"\x14\x00" + b"1.2.840.10008.1.2.1\0"
        if head[position : position + 4] != b"\x02\x00\x00\x00":
            meta += element
        position = end
    source.seek(position)
    room = min(MAX_INFLATED, max(LEAST_INFLATED, MAX_INFLATE_RATIO * source.size))
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = io.BytesIO()
    plain.write(meta)
    packed = source.read()
    # Piece by piece: the whole twice in memory would be half a gigabyte.
    while packed and not unpacker.eof:
        plain.write(unpacker.decompress(packed, _PIECE))
        packed = unpacker.unconsumed_tail
        if plain.tell() > room:
            text = Text("This compressed DICOM file is larger than medview opens.")
            return Failure(Code.TOO_LARGE, text, Text("Export it uncompressed."))
    plain.write(unpacker.flush())
    if not unpacker.eof:
        return damaged(Text("This compressed DICOM file ends too early."), "deflate stream", Code.TRUNCATED)
    plain.seek(0)
    return plain
