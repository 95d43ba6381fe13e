"""What a JPEG XL stream (ISO/IEC 18181-1 and -2) says of its size, before it is decoded and memory is taken for it."""

from __future__ import annotations

SIGNATURE, CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
# Boxes before the picture; files have a handful.
_MAX_BOXES = 64
# Width to height by the code in the size header (18181-1, table of the aspect ratios).
_RATIOS = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def jpegxl_size(data: bytes) -> tuple[int, int] | None:
    """(rows, cols) as stored, before any orientation; None where there is no such stream."""
    start = _codestream(data)
    if start is None or data[start : start + 2] != SIGNATURE or len(data) < start + 4:
        return None
    # Numbers begin at the lowest bit of the first byte; no size takes more than 10 bytes.
    bits, used = int.from_bytes(data[start + 2 : start + 12], "little"), 0

    def take(count: int) -> int:
        nonlocal used
        used += count
        return bits >> used - count & (1 << count) - 1

    def side(small: int) -> int:
        return (take(5) + 1) * 8 if small else take((9, 13, 18, 30)[take(2)]) + 1

    small = take(1)
    rows = side(small)
    ratio = _RATIOS[take(3)]
    return rows, rows * ratio[0] // ratio[1] if ratio[0] else side(small)


def _codestream(data: bytes) -> int | None:
    """Where the codestream begins: at once, or in a box of the container."""
    if data.startswith(SIGNATURE):
        return 0
    if not data.startswith(CONTAINER):
        return None
    at = len(CONTAINER)
    for _ in range(_MAX_BOXES):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = at + (16 if length == 1 else 8)
        if kind in (b"jxlc", b"jxlp"):
            # A part begins with its number.
            return body + (4 if kind == b"jxlp" else 0)
        length = int.from_bytes(data[at + 8 : at + 16], "big") if length == 1 else length
        if length < 8:
            return None
        at += length
    return None
