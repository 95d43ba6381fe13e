"""BMP files as other programs write them, put into the one form that the decoder reads."""

from __future__ import annotations

import struct

# The size of the second header of OS/2 and Windows 2, and of the one that all others begin with.
CORE, INFO = 12, 40


def plain_bmp(data: bytes) -> bytes:
    """A BMP that is not run-length coded, with a header of at least 40 bytes that says nothing impossible."""
    return with_true_sizes(_with_info_header(data) if data[14] == CORE else data)


def _with_info_header(data: bytes) -> bytes:
    """A file with the header of OS/2, which has small numbers and three bytes for a colour."""
    cols, rows, planes, bits = struct.unpack_from("<4H", data, 18)
    (start,) = struct.unpack_from("<I", data, 10)
    most = 3 << bits if bits <= 8 else 0
    begin = 14 + CORE
    stored = data[begin : max(begin, min(start, begin + most)) if start >= begin else begin + most]
    colours = b"".join(stored[at : at + 3] + b"\0" for at in range(0, len(stored) - 2, 3))
    pixels = data[start if start >= begin else begin + len(stored) :]
    head = data[:10] + struct.pack("<I", 14 + INFO + len(colours))
    info = struct.pack("<IiiHH6I", INFO, cols, rows, planes, bits, 0, 0, 0, 0, len(colours) // 4, 0)
    return head + info + colours + pixels


def with_true_sizes(data: bytes) -> bytes:
    """A BMP whose declared sizes (of the file, of the pixels, of the palette) and start of pixels are possible: many
    writers fill in anything, readers pass over it, but `bmp_decode` compares. 0 stands for as many pixels and colours
    as there are."""
    bits, colours = int.from_bytes(data[28:30], "little"), int.from_bytes(data[46:50], "little")
    colours = colours if colours <= 1 << bits <= 256 else 0
    (start, length) = struct.unpack_from("<II", data, 10)
    if start < 14 + length:
        # Within the header: then the pixels follow the palette.
        start = 14 + length + 4 * (colours or (1 << bits if bits <= 8 else 0))
    sizes = struct.pack("<III", len(data), 0, start)
    return data[:2] + sizes + data[14:34] + bytes(4) + data[38:46] + struct.pack("<I", colours) + data[50:]
