"""Stored values of a DICOM frame: where they lie in the file, how many bytes they must be, and what they decode to.

Nothing is allocated before rows * cols * samples * frames was compared with the file size and a limit.
Sources: PS3.3 C.7.6.3 (image pixel module), PS3.5 8 (encoding) and A.4 (encapsulation).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.dicom_codecs import HTJ2K, JPEG_2000, JPEG_XL, RLE, decode_frame, native_syntax, unsupported
from medview.imaging.dicom_damage import frame_damage
from medview.imaging.dicom_dataset import value
from medview.imaging.dicom_errors import damaged
from medview.imaging.dicom_header import Header
from medview.imaging.dicom_inflate import DEFLATED, inflate
from medview.imaging.dicom_layout import Layout, native, read_layout, truncated
from medview.imaging.dicom_streams import END, stream_notes
from medview.imaging.files import Clipped, open_source, os_failure

# One decoded frame: a 15,000 x 10,000 16-bit picture fits.
MAX_FRAME_BYTES = 300 * 1024 * 1024
MAX_FRAMES = 65_536
# Compressed pictures of medicine reach 100:1; a blank one of 1 bit per row of blocks more. Beyond, a header lies.
MAX_RATIO = 20_000
# Large blank pictures do not exist, and JPEG 2000 takes four bytes for every value before it sees that a file lies.
LARGE, MAX_LARGE_RATIO = 64 * 1024 * 1024, 200
# Such that it would take more than this must look real: no scan or film is so large, and photographs pack less.
HUGE, MAX_HUGE_RATIO = 400 * 1024 * 1024, 20


# Per frame the (offset, length) of its fragments in the file.
Spans = tuple[tuple[tuple[int, int], ...], ...]
# So much of a stream is looked at when a file is opened.
_HEAD, _TAIL = 4096, 128
# Where the end of a stream is looked for that is followed by other bytes.
_LONG_TAIL = 4 * 1024 * 1024


@dataclass(frozen=True)
class Pixels:
    """Where the frames of a file are.

    Attributes:
        path, layout: the file and what it declares.
        syntax, little, start, stamp, words: of the `Header`, which is not kept: a series has thousands of them.
        spans: for encapsulated data, per frame the (offset, length) of its fragments; empty for native data.
        notes: what to tell of them.
    """

    path: Path
    layout: Layout
    syntax: str
    little: bool
    start: int
    stamp: tuple[int, int]
    words: bool = False
    spans: Spans = field(default=(), repr=False)
    notes: tuple[Text, ...] = ()

    def stored(self, index: int) -> NDArray[Any] | Failure:
        """Stored values of a frame, colour as stored: (rows, cols) or (rows, cols, 3), unused bits cleared."""
        data = self.coded(index)
        if isinstance(data, Failure):
            return data
        if self.spans:
            return decode_frame(data.tobytes(), self.syntax, self.layout)
        return native(data, self.layout, self.little, index)

    def damage(self, index: int) -> str:
        """What is wrong with the compressed data of a frame, for the log; empty where nothing is found."""
        data = self.coded(index) if self.spans else None
        return (
            "" if data is None or isinstance(data, Failure) else frame_damage(data.tobytes(), self.syntax, self.layout)
        )

    def raw(self, index: int) -> NDArray[Any] | Failure:
        """Values of an uncompressed frame with the bits that are no picture left in: overlays may be there."""
        data = self.coded(index)
        if isinstance(data, Failure):
            return data
        every_bit = replace(self.layout, stored=self.layout.allocated, high=self.layout.allocated - 1, signed=False)
        return native(data, every_bit, self.little, index)

    def coded(self, index: int) -> NDArray[np.uint8] | Failure:
        """The bytes of a frame, in memory that the decoded frame may keep: a large one is copied nowhere."""
        source = open_source(self.path)
        if isinstance(source, Failure):
            return source
        try:
            with source:
                if source.stamp != self.stamp:
                    return Failure(
                        Code.READ_ERROR,
                        Text("{name} has changed since it was opened.", name=self.path.name),
                        Text("Open it again."),
                    )
                plain = inflate(source) if self.syntax == DEFLATED else None
                if isinstance(plain, Failure):
                    return plain
                stream: Any = plain or source
                spans = self._spans(index)
                data = np.empty(sum(length for _, length in spans), np.uint8)
                at = 0
                for start, length in spans:
                    stream.seek(start)
                    if stream.readinto(data[at : at + length].data) != length:
                        return truncated()
                    at += length
        except OSError as error:
            return os_failure(self.path, error)
        return self._unswapped(data, index) if self.words else data

    def _unswapped(self, data: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """The bytes of a frame out of the words that hold them."""
        first, length = self._bytes(index)
        plain = data[: len(data) // 2 * 2].reshape(-1, 2)[:, ::-1].reshape(-1)
        return np.ascontiguousarray(plain[first % 2 : first % 2 + length])

    def _spans(self, index: int) -> tuple[tuple[int, int], ...]:
        if self.spans:
            return self.spans[index]
        first, length = self._bytes(index)
        if self.words:
            length += first % 2
            first, length = first - first % 2, length + length % 2
        return ((self.start + first, length),)

    def _bytes(self, index: int) -> tuple[int, int]:
        """(offset in the value, length) of an uncompressed frame."""
        # Frames of 1-bit pictures need not begin at a byte (PS3.5 8.1.1); `native` drops the bits before.
        first = self.layout.frame_bits * index
        last = first + self.layout.frame_bits
        return first // 8, (last + 7) // 8 - first // 8


def locate(path: Path, header: Header, source: Clipped | None = None) -> Pixels | Failure:
    """Check what the header declares against what is there, and find the frames. `source`: the file, if it is open."""
    refused = unsupported(header.syntax)
    if refused:
        return refused
    layout = read_layout(header)
    if isinstance(layout, Failure):
        return layout
    if layout.frame_bytes > MAX_FRAME_BYTES or layout.frames > MAX_FRAMES:
        room = (header.size - header.start) * (1 if native_syntax(header.syntax) else MAX_RATIO)
        if layout.frame_bits * layout.frames // 8 > room:
            return damaged(Text("The header of this DICOM file declares far more pixels than the file can hold."))
        return Failure(
            Code.TOO_LARGE,
            Text(
                "The picture is {cols} x {rows} pixels in {frames} frames, more than medview opens.",
                cols=layout.cols,
                rows=layout.rows,
                frames=layout.frames,
            ),
            Text("Export a smaller version of it, and open that."),
        )
    if native_syntax(header.syntax):
        return _locate_native(path, header, layout)
    if header.length >= 0:
        return damaged(Text("This DICOM file calls its pixels compressed, but they are not stored that way."))
    found = _spans(path, header, layout, source)
    if isinstance(found, Failure):
        return found
    spans, notes = found
    if any(sum(n for _, n in frame) > 4 * layout.frame_bytes + 2**20 for frame in spans):
        return damaged(Text("The compressed pixels of this DICOM file are longer than the picture itself."))
    ratio = MAX_RATIO if layout.frame_bytes <= LARGE else MAX_LARGE_RATIO
    if (
        header.syntax in (*JPEG_2000, *HTJ2K)
        and 4 * layout.rows * layout.cols * layout.samples > HUGE - layout.frame_bytes
    ):
        ratio = MAX_HUGE_RATIO
    if layout.frame_bytes > ratio * max(1, min(sum(n for _, n in frame) for frame in spans)):
        return damaged(Text("This DICOM file declares far more pixels than it holds."))
    if header.syntax in JPEG_XL and layout.samples == 3:
        # Its decoder gives RGB, whatever the colours were stored as.
        layout = replace(layout, photometric="RGB")
    return replace(_pixels(path, header, layout), spans=spans, notes=notes)


def _pixels(path: Path, header: Header, layout: Layout) -> Pixels:
    words = header.words and layout.allocated <= 8
    return Pixels(path, layout, header.syntax, header.little, header.start, header.stamp, words)


def _locate_native(path: Path, header: Header, layout: Layout) -> Pixels | Failure:
    if header.length < 0:
        return damaged(Text("This DICOM file calls its pixels uncompressed, but they are stored compressed."))
    if layout.photometric == "YBR_FULL_422" and header.length - layout.frame_bytes * layout.frames in (0, 1):
        # Decompressed by a program that left the label as it was: there is a colour for every pixel.
        layout = replace(layout, photometric="YBR_FULL")
    if layout.photometric == "YBR_FULL_422" and layout.cols % 2:
        return damaged(Text("The header contradicts itself: colour shared between two pixels, and an odd width."))
    needed = (layout.frame_bits * layout.frames + 7) // 8
    needed += needed % 2 if header.words and layout.allocated <= 8 else 0
    if needed > header.size - header.start or needed > header.length:
        return truncated()
    return _pixels(path, header, layout)


def _spans(
    path: Path, header: Header, layout: Layout, source: Clipped | None
) -> tuple[Spans, tuple[Text, ...]] | Failure:
    if source is None:
        opened = open_source(path)
        if isinstance(opened, Failure):
            return opened
        with opened:
            return _spans(path, header, layout, opened)
    try:
        return find_spans(source, header, layout)
    except OSError as error:
        return os_failure(path, error)


def find_spans(source: Clipped, header: Header, layout: Layout) -> tuple[Spans, tuple[Text, ...]] | Failure:
    """Where the fragments of each frame are (PS3.5 A.4), and what to tell of the first one. Raises OSError."""
    items = _items(source, header.start)
    if isinstance(items, Failure):
        return items
    (table_at, table_length), *fragments = items
    source.seek(table_at)
    table = source.read(table_length)
    spans = _group(source, header, table, fragments, layout.frames)
    return spans if isinstance(spans, Failure) else (spans, _first_notes(source, spans[0], layout))


def _first_notes(source: Clipped, fragments: tuple[tuple[int, int], ...], layout: Layout) -> tuple[Text, ...]:
    """What to tell of a frame's stream, by its first and last bytes."""
    (start, length), (last, size) = fragments[0], fragments[-1]
    source.seek(start)
    head = source.read(min(length, _HEAD))
    ends = any(END in _last_bytes(source, last, size, most) for most in (_TAIL, _LONG_TAIL))
    return stream_notes(head, ends, layout.stored, layout.allocated)


def _last_bytes(source: Clipped, start: int, length: int, most: int) -> bytes:
    """The last bytes, `most` of them at most, of a fragment."""
    source.seek(start + max(0, length - most))
    return source.read(min(length, most))


def _items(source: Clipped, start: int) -> list[tuple[int, int]] | Failure:
    """(offset, length) of the value of every item, the basic offset table first."""
    found: list[tuple[int, int]] = []
    position = start
    while len(found) <= 4 * MAX_FRAMES:
        source.seek(position)
        head = source.read(8)
        if len(head) < 8:
            return truncated()
        tag, length = struct.unpack("<4sI", head)
        if tag == b"\xfe\xff\xdd\xe0":
            break
        if tag != b"\xfe\xff\x00\xe0":
            return damaged(Text("The compressed pixels of this DICOM file are damaged."), f"item {tag!r} at {position}")
        if position + 8 + length > source.size:
            return truncated()
        found.append((position + 8, length))
        position += 8 + length
    if len(found) < 2:
        return Failure(
            Code.NO_PIXELS, Text("This DICOM file holds no picture."), Text("Choose another file of the examination.")
        )
    return found


def _group(
    source: Clipped, header: Header, table: bytes, fragments: list[tuple[int, int]], frames: int
) -> Spans | Failure:
    """Fragments to frames: by number, by the extended or basic offset table, or by where a picture begins."""
    filled = [fragment for fragment in fragments if fragment[1]]
    for several in (fragments, filled):
        # Some writers put an empty fragment before the first.
        if len(several) == frames and all(length for _, length in several):
            return tuple((fragment,) for fragment in several)
    if frames == 1:
        return (tuple(fragments),)
    extended = value(header.dataset, "ExtendedOffsetTable")
    form, raw = ("<Q", extended) if isinstance(extended, bytes) and extended else ("<I", table)
    raw = raw[: len(raw) // struct.calcsize(form) * struct.calcsize(form)]
    starts = {offset for (offset,) in struct.iter_unpack(form, raw)}
    first = fragments[0][0] - 8
    groups = _gathered(fragments, [offset - 8 - first in starts for offset, _ in fragments])
    if len(groups) != frames:  # there is no table, or it is wrong
        groups = _gathered(filled, [_begins(source, offset, header.syntax) for offset, _ in filled])
    if len(groups) != frames:
        return damaged(
            Text("This DICOM file declares {frames} frames but holds {count}.", frames=frames, count=len(groups))
        )
    return tuple(groups)


def _begins(source: Clipped, offset: int, syntax: str) -> bool:
    """Whether a picture begins in a fragment: a stream of the JPEG family, or the header of RLE, whose number of
    segments is small and whose first segment lies right behind it."""
    source.seek(offset)
    head = source.read(8)
    if syntax == RLE:
        return head[1:] == b"\0\0\0\x40\0\0\0" and 1 <= head[0] <= 15
    return head.startswith((b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP", b"\xff\x0a", b"\0\0\0\x0cJXL"))


def _gathered(fragments: list[tuple[int, int]], begins: list[bool]) -> list[tuple[tuple[int, int], ...]]:
    """Fragments in groups, each from one that begins a frame up to the next."""
    groups: list[list[tuple[int, int]]] = []
    for fragment, new in zip(fragments, begins, strict=True):
        if new or not groups:
            groups.append([])
        groups[-1].append(fragment)
    return [tuple(group) for group in groups]
