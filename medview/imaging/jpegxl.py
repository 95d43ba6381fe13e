"""What a JPEG XL stream (ISO/IEC 18181-1 and -2) says of its size, before it is decoded and memory is taken for it."""

from __future__ import annotations

from dataclasses import dataclass

SIGNATURE, CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
# Boxes before the picture; files have a handful.
_MAX_BOXES = 64
# Bytes of a stream in which all of its header that is read here lies.
_HEADER = 64
# Width to height by the code in the size header (18181-1, table of the aspect ratios).
_RATIOS = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


@dataclass(frozen=True)
class JpegXl:
    """The picture of a stream: size as stored, orientation as in EXIF, bits of a sample, and whether it is a film."""

    rows: int
    cols: int
    orientation: int
    bits: int
    moving: bool


class _Bits:
    """Numbers of a stream, from the lowest bit of its first byte on; beyond its end there are zeros."""

    def __init__(self, data: bytes) -> None:
        self._value, self._used = int.from_bytes(data, "little"), 0

    def take(self, count: int) -> int:
        """The next `count` bits."""
        self._used += count
        return self._value >> self._used - count & (1 << count) - 1

    def choice(self, *ways: tuple[int, int]) -> int:
        """A number written in one of four ways: (bits, what is added to them)."""
        bits, more = ways[self.take(2)]
        return self.take(bits) + more

    def size(self) -> tuple[int, int]:
        """(rows, cols) of a size header."""
        small = self.take(1)
        rows = self._side(small)
        ratio = _RATIOS[self.take(3)]
        return rows, rows * ratio[0] // ratio[1] if ratio[0] else self._side(small)

    def _side(self, small: int) -> int:
        return (self.take(5) + 1) * 8 if small else self.choice((9, 1), (13, 1), (18, 1), (30, 1))

    def skip_preview(self) -> None:
        """The size of a small copy, which is written in a way of its own."""
        ways = ((0, 16), (0, 32), (5, 1), (9, 33)) if self.take(1) else ((6, 1), (8, 65), (10, 321), (12, 1345))
        self.choice(*ways)
        if self.take(3) == 0:
            self.choice(*ways)

    def skip_animation(self) -> None:
        """Ticks a second, as a fraction, and loops."""
        self.choice((0, 100), (0, 1000), (10, 1), (30, 1))
        self.choice((0, 1), (0, 1001), (8, 1), (10, 1))
        self.choice((0, 0), (3, 0), (16, 0), (32, 0))
        self.take(1)


def jpegxl_size(data: bytes) -> tuple[int, int] | None:
    """(rows, cols) as stored, before any orientation; None where there is no such stream."""
    header = read_jpegxl(data)
    return (header.rows, header.cols) if header else None


def read_jpegxl(data: bytes) -> JpegXl | None:
    """What a stream declares (18181-1, Annex D); None where there is none."""
    start = _codestream(data)
    if start is None or data[start : start + 2] != SIGNATURE or len(data) < start + 4:
        return None
    bits = _Bits(data[start + 2 : start + 2 + _HEADER])
    rows, cols = bits.size()
    orientation, moving, depth = 1, False, 8
    if not bits.take(1):  # not all as usual
        if bits.take(1):
            orientation = bits.take(3) + 1
            if bits.take(1):
                bits.size()
            if bits.take(1):
                bits.skip_preview()
            moving = bool(bits.take(1))
            if moving:
                bits.skip_animation()
        if bits.take(1):
            depth = bits.choice((0, 32), (0, 16), (0, 24), (6, 1))
        else:
            depth = bits.choice((0, 8), (0, 10), (0, 12), (6, 1))
    return JpegXl(rows, cols, orientation, depth, moving)


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
