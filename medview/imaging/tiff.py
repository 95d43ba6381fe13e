"""TIFF 6.0 and BigTIFF: the directories (pages), checked, and what their decoded samples mean.

libtiff (through imagecodecs) unpacks the samples; what they stand for (palette, white is zero, planes, ink) is applied
here, because the decoders disagree about it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.imaging.modality_lut import spread

MAX_PAGES = 10_000
_MAX_TAGS = 4096
# TIFF 6.0 section 2 and BigTIFF: bytes and struct code of every integer field type.
_TYPES = {
    1: (1, "B"),
    3: (2, "H"),
    4: (4, "I"),
    6: (1, "b"),
    8: (2, "h"),
    7: (1, "B"),
    9: (4, "i"),
    13: (4, "I"),
    16: (8, "Q"),
}
_WANTED = frozenset(
    (254, 256, 257, 258, 259, 262, 273, 274, 277, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339, 347)
)
WHITE_IS_ZERO, PALETTE, CMYK, CIELAB = 0, 3, 5, 8
# ExtraSamples: the first further sample is alpha, of colours multiplied by it or not.
ALPHA = (1, 2)


@dataclass(frozen=True)
class TiffPage:
    """One directory of a TIFF file.

    Attributes:
        index: its number in the chain, from 0, which is how libtiff asks for it.
        tags: values of the integer tags that matter here, by tag number.
    """

    index: int
    tags: dict[int, tuple[int, ...]] = field(repr=False)

    def tag(self, number: int, default: int = 0) -> int:
        """First value of a tag."""
        values = self.tags.get(number)
        return values[0] if values else default

    @property
    def rows(self) -> int:
        """ImageLength."""
        return self.tag(257)

    @property
    def cols(self) -> int:
        """ImageWidth."""
        return self.tag(256)

    @property
    def orientation(self) -> int:
        """1-8, as in EXIF; 1 for nonsense."""
        value = self.tag(274, 1)
        return value if 1 <= value <= 8 else 1

    @property
    def pixel_bytes(self) -> int:
        """Bytes of one decoded pixel; a palette becomes three, or four with alpha."""
        samples = self.tag(277, 1)
        bits = max(self.tags.get(258, (1,)), default=1)
        return max(samples * max(1, (bits + 7) // 8), 4 if self.tag(262) in (PALETTE, CMYK) else 1)

    @property
    def reduced(self) -> bool:
        """Whether this is a smaller copy (thumbnail, pyramid) or a mask of another page (NewSubfileType)."""
        return bool(self.tag(254) & 0b101)

    def missing(self, size: int) -> bool:
        """Whether strips or tiles lie outside the file of `size` bytes."""
        starts = self.tags.get(324) or self.tags.get(273) or ()
        lengths = self.tags.get(325) or self.tags.get(279) or ()
        if not starts:
            return True
        return any(start + length > size for start, length in zip(starts, lengths, strict=False)) or max(starts) > size

    @property
    def tile_bytes(self) -> int:
        """Bytes that one decoded tile takes; libtiff reserves them whatever the size of the picture."""
        return self.tag(322) * self.tag(323) * self.pixel_bytes


def read_pages(data: bytes) -> list[TiffPage] | None:
    """All directories in the order of the chain; a loop or an offset outside ends it. None for a broken first one."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    if big and struct.unpack_from(order + "HH", data, 4) != (8, 0):
        return None
    (offset,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    pages: list[TiffPage] = []
    seen: set[int] = set()
    while offset and offset not in seen and len(pages) < MAX_PAGES:
        seen.add(offset)
        try:
            tags, offset = _directory(data, offset, order, big)
        except struct.error:
            break
        pages.append(TiffPage(len(pages), tags))
    return pages or None


def _directory(data: bytes, offset: int, order: str, big: bool) -> tuple[dict[int, tuple[int, ...]], int]:
    """The wanted tags of one directory and the offset of the next. Raises struct.error when it leaves the file."""
    if offset >= len(data):
        raise struct.error("a directory outside the file")
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, offset)
    if count > _MAX_TAGS:
        raise struct.error("too many tags")
    entry, form, inline = (20, "HHQ", 8) if big else (12, "HHI", 4)
    first = offset + (8 if big else 2)
    tags: dict[int, tuple[int, ...]] = {}
    for at in range(first, first + entry * count, entry):
        number, kind, items = struct.unpack_from(order + form, data, at)
        if number not in _WANTED or kind not in _TYPES:
            continue
        size, code = _TYPES[kind]
        position = at + entry - inline
        if size * items > inline:
            (position,) = struct.unpack_from(order + ("Q" if big else "I"), data, position)
        if size * items > len(data) or position >= len(data):
            raise struct.error("a tag outside the file")
        tags[number] = struct.unpack_from(f"{order}{items}{code}", data, position)
    (following,) = struct.unpack_from(order + ("Q" if big else "I"), data, first + entry * count)
    return tags, following


def jpeg_streams(data: bytes, page: TiffPage) -> Iterator[bytes]:
    """The JPEG streams that a page is packed in (Compression 7), whole with their tables; none for other packings."""
    if page.tag(259) != 7:
        return
    tables = bytes(page.tags.get(347, ()))[2:-2]
    starts = page.tags.get(324) or page.tags.get(273) or ()
    lengths = page.tags.get(325) or page.tags.get(279) or ()
    for start, length in zip(starts, lengths, strict=False):
        yield data[start : start + 2] + tables + data[start + 2 : start + length]


def decode_page(data: bytes, page: TiffPage) -> NDArray[Any]:
    """Samples of a page as grey or RGB(A): (rows, cols), (rows, cols, 2), (rows, cols, 3) or (rows, cols, 4).

    Any numeric type comes out. Raises RuntimeError or ValueError for what libtiff refuses.
    """
    import imagecodecs

    values: NDArray[Any] = imagecodecs.tiff_decode(data, index=page.index)
    samples, photometric, bits = page.tag(277, 1), page.tag(262), page.tag(258, 1)
    if values.dtype == bool:
        values = values.astype(np.uint8)
    if values.ndim == 3 and page.tag(284, 1) == 2 and values.shape[0] == samples:
        values = np.moveaxis(values, 0, -1)
    if values.ndim > 3 or values.shape[:2] != (page.rows, page.cols):
        raise ValueError(f"samples of shape {values.shape} for {page.rows} x {page.cols}")
    if photometric == PALETTE:
        return _coloured(values, page)
    if photometric == WHITE_IS_ZERO:
        # Alpha, if there is any, is no shade.
        shades = values if values.ndim == 2 else values[:, :, 0]
        shades[...] = _inverted(shades, bits)
    if values.dtype.kind == "u":
        values = spread(values, bits)
    if values.ndim == 3 and values.shape[2] > 4:
        raise ValueError(f"{values.shape[2]} samples per pixel")
    return values


def _inverted(shades: NDArray[Any], bits: int) -> NDArray[Any]:
    """Shades of which 0 is white, so that 0 is black: over the range of up to 16 bits, else over that of the values."""
    if shades.dtype.kind == "u" and bits <= 16:
        return shades.dtype.type((1 << bits) - 1) - shades
    wide = shades.astype(np.float64)
    known = wide[np.isfinite(wide)]
    ends = float(known.min() + known.max()) if known.size else 0.0
    inverted: NDArray[Any] = (ends - wide).astype(shades.dtype)
    return inverted


def _coloured(values: NDArray[Any], page: TiffPage) -> NDArray[np.uint8]:
    """Palette numbers to RGB uint8, RGBA where a sample is said to be alpha.

    ColorMap holds all reds, then greens, then blues, 16 bits each.
    """
    numbers = values if values.ndim == 2 else values[:, :, 0]
    entries = np.array(page.tags.get(320, ()), np.uint32).reshape(3, -1).T
    if entries.shape[0] == 0 or int(numbers.max()) >= entries.shape[0]:
        raise ValueError("palette too short")
    # Some writers store 8-bit colours unscaled.
    table = (entries >> 8 if entries.max() > 255 else entries).astype(np.uint8)
    coloured: NDArray[np.uint8] = table[numbers]
    if values.ndim == 3 and page.tag(338) in ALPHA:
        bits = page.tag(258, 1)
        alpha = spread(values[:, :, 1], bits)
        coloured = np.dstack([coloured, (alpha >> max(0, bits - 8)).astype(np.uint8)])
    return coloured
