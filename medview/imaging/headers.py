"""What a picture file says of itself, read from its first bytes, before anything is decoded or allocated.

Sizes come from here so that a file that declares 30000 x 30000 pixels is refused at no cost, and completeness is
checked here because decoders return a grey-filled picture for a file that was cut off.
Sources: PNG 1.2 and APNG, ITU-T T.81, TIFF 6.0, RIFF WebP container, GIF89a, BITMAPFILEHEADER.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from medview.imaging import jpegxl
from medview.imaging.boxes import J2K_SIGNATURE, JP2_SIGNATURE, NO_RGB, is_avif, read_avif, read_jp2
from medview.imaging.jpeg import MAX_SCANS, parse_jpeg
from medview.imaging.png import SIGNATURE
from medview.imaging.tiff import TiffPage, read_pages

DICOM_PREFIX_AT = 128


@dataclass(frozen=True)
class Header:
    """Declared facts of a picture file.

    Attributes:
        format: one of those that `sniff` gives.
        rows, cols: declared size (of the first page) before any EXIF rotation.
        complete: False when the file ends before its format says it should.
        orientation: EXIF orientation 1-8.
        pixel_bytes: bytes of one decoded pixel.
        pictures: how many of an animation, to be shown in time, 0 where that is not known; only the first is read.
        bits: of a sample, where decoders do not spread them over the whole range.
        pages: directories of a TIFF that are pictures of their own; empty for other formats.
    """

    format: str
    rows: int
    cols: int
    complete: bool = True
    orientation: int = 1
    pixel_bytes: int = 3
    pictures: int = 1
    bits: int = 8
    pages: tuple[TiffPage, ...] = ()


def sniff(data: bytes) -> str:
    """Format by magic number: png, jpeg, tiff, bmp, webp, gif, avif, jp2, jxl, dicom, or empty when none is known."""
    head = data[:16]
    # First, because the 128 bytes before may be anything: dual-purpose files begin as a TIFF (PS3.10 7.1).
    if data[DICOM_PREFIX_AT : DICOM_PREFIX_AT + 4] == b"DICM":
        return "dicom"
    if head.startswith(SIGNATURE):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head.startswith((JP2_SIGNATURE, J2K_SIGNATURE)):
        return "jp2"
    if head.startswith((jpegxl.SIGNATURE, jpegxl.CONTAINER)):
        return "jxl"
    if is_avif(data):
        return "avif"
    # Two letters are little evidence; the size of the second header says more (Windows 12-124, OS/2 16-64).
    if head.startswith(b"BM") and len(data) >= 26 and 12 <= int.from_bytes(data[14:18], "little") <= 124:
        return "bmp"
    return ""


def looks_like_dicom(head: bytes, size: int) -> bool:
    """Whether a file without the DICM prefix may be DICOM: its first elements must make sense (PS3.5 7.1).

    Args:
        head: first bytes of the file, a few hundred or more.
        size: length of the whole file in bytes.

    Tags must rise from group 0002 or 0008 and lengths must stay inside the file, in explicit or implicit VR.
    """
    layouts = (("<", True), ("<", False), (">", True))
    return any(_plausible(head, size, order, explicit) for order, explicit in layouts)


def _plausible(head: bytes, size: int, order: str, explicit: bool) -> bool:
    position, last, seen = 0, 0, 0
    while position + 12 <= len(head) and seen < 3:
        group, element = struct.unpack_from(order + "HH", head, position)
        tag = group << 16 | element
        if tag <= last or (seen == 0 and group not in (0x0002, 0x0008)) or group > 0x0020:
            return False
        vr = head[position + 4 : position + 6]
        if explicit and not (vr.isalpha() and vr.isupper()):
            return False
        long_form = explicit and vr in (b"OB", b"OW", b"OF", b"SQ", b"UN", b"UT")
        at = position + (8 if long_form else 6 if explicit else 4)
        (length,) = struct.unpack_from(order + ("H" if explicit and not long_form else "I"), head, at)
        if length == 0xFFFFFFFF:
            return seen > 0
        last, seen, position = tag, seen + 1, position + (12 if long_form else 8) + length
        if position > size:
            return False
    return seen >= 2


def read_header(data: bytes) -> Header | None:
    """The header of a picture in one of the formats of `sniff` (DICOM excepted), or None when it is damaged."""
    readers = {"png": _png, "jpeg": _jpeg, "tiff": _tiff, "bmp": _bmp, "webp": _webp, "gif": _gif}
    readers |= {"avif": _avif, "jp2": _jp2, "jxl": _jxl}
    reader = readers.get(sniff(data))
    if reader is None:
        return None
    try:
        header = reader(data)
    except (struct.error, IndexError):
        return None
    return header if header and header.rows > 0 and header.cols > 0 else None


def _png(data: bytes) -> Header | None:
    if data[12:16] != b"IHDR":
        return None
    cols, rows, bits, colour = struct.unpack_from(">IIBB", data, 16)
    samples = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colour, 4)
    position, complete, orientation, pictures = 8, False, 1, 1
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"eXIf":
            orientation = exif_orientation(data[position + 8 : position + 8 + length])
        elif kind == b"tRNS":
            # A transparent colour becomes a channel.
            samples = 2 if samples == 1 else 4
        elif kind == b"acTL" and length >= 4:
            pictures = max(1, int.from_bytes(data[position + 8 : position + 12], "big"))
        position += 12 + length
        if kind == b"IEND":
            complete = position <= len(data)
            break
    return Header("png", rows, cols, complete, orientation, samples * (2 if bits == 16 else 1), pictures)


def _jpeg(data: bytes) -> Header | None:
    info = parse_jpeg(data)
    if info is None or len(info.scan_ends) > MAX_SCANS:
        return None
    orientation = exif_orientation(info.exif) if info.exif else 1
    depth = 1 if info.precision <= 8 else 2
    return Header("jpeg", info.rows, info.cols, info.complete, orientation, max(1, info.components) * depth)


def exif_orientation(block: bytes) -> int:
    """Orientation 1-8 of an EXIF block (tag 0x0112); 1 where there is none or the block is damaged."""
    if block.startswith(b"Exif\0\0"):
        block = block[6:]
    if block[:4] not in (b"II*\0", b"MM\0*"):
        return 1
    try:
        pages = read_pages(block)
    except struct.error:
        return 1
    return pages[0].orientation if pages else 1


def _tiff(data: bytes) -> Header | None:
    pages = read_pages(data)
    if not pages:
        return None
    offered = tuple(page for page in pages if not page.reduced) or tuple(pages)
    first = offered[0]
    return Header("tiff", first.rows, first.cols, True, first.orientation, first.pixel_bytes, pages=offered)


def _bmp(data: bytes) -> Header | None:
    (header_size,) = struct.unpack_from("<I", data, 14)
    if header_size == 12:
        cols, rows, _, bits = struct.unpack_from("<HHHH", data, 18)
        packed = 0
    else:
        cols, rows, _, bits, packed = struct.unpack_from("<iiHHI", data, 18)
    if bits not in (1, 2, 4, 8, 16, 24, 32) or cols <= 0 or packed > 6:
        return None
    # The declared file size is often wrong; what counts is where the pixels end.
    (start,) = struct.unpack_from("<I", data, 10)
    needed = start + (cols * bits + 31) // 32 * 4 * abs(rows) if packed in (0, 3, 6) else start + 1
    return Header("bmp", abs(rows), cols, len(data) >= needed, pixel_bytes=4 if bits == 32 else 3)


def _webp(data: bytes) -> Header | None:
    (declared,) = struct.unpack_from("<I", data, 4)
    complete = len(data) >= declared + 8
    kind = data[12:16]
    orientation, pictures = 1, 1
    if kind == b"VP8X":
        cols = 1 + int.from_bytes(data[24:27], "little")
        rows = 1 + int.from_bytes(data[27:30], "little")
        if data[20] & 0x0A:  # says that it has EXIF or is animated
            orientation, pictures = _webp_extras(data)
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        cols, rows = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        cols, rows = (v & 0x3FFF for v in struct.unpack_from("<HH", data, 26))
    else:
        return None
    return Header("webp", rows, cols, complete, orientation, 4, pictures)


def _webp_extras(data: bytes) -> tuple[int, int]:
    """EXIF orientation and number of pictures, from the chunks of an extended file."""
    position, orientation, pictures = 12, 1, 0
    while position + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        if kind == b"EXIF":
            orientation = exif_orientation(data[position + 8 : position + 8 + length])
        pictures += kind == b"ANMF"
        position += 8 + length + length % 2
    return orientation, max(1, pictures)


def _avif(data: bytes) -> Header | None:
    found = read_avif(data)
    if found is None:
        return None
    depth = 1 if found.bits == 8 else 2
    # What is missing at the end the decoder notices.
    return Header(
        "avif", found.rows, found.cols, True, found.orientation, 3 * depth, found.pictures, found.bits
    )  # fmt: skip


def _jp2(data: bytes) -> Header | None:
    found = read_jp2(data)
    if found is None or found.colours in NO_RGB or not 1 <= found.stream.components <= 4:
        return None
    stream = found.stream
    return Header(
        "jp2", stream.rows, stream.cols, found.complete, pixel_bytes=stream.components * (1 if stream.bits <= 8 else 2),
        bits=stream.bits,
    )  # fmt: skip


def _jxl(data: bytes) -> Header | None:
    found = jpegxl.read_jpegxl(data)
    if found is None:
        return None
    depth = 1 if found.bits <= 8 else 2 if found.bits <= 16 else 4
    return Header(
        "jxl", found.rows, found.cols, True, found.orientation, 3 * depth, 0 if found.moving else 1, found.bits
    )  # fmt: skip


def _gif(data: bytes) -> Header | None:
    cols, rows, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    pictures, complete = 0, False
    while position < len(data):
        kind = data[position]
        if kind == 0x3B:
            break
        if kind == 0x21:
            position = _sub_blocks(data, position + 2)
        elif kind == 0x2C:
            (packed,) = struct.unpack_from("<B", data, position + 9)
            position = _sub_blocks(data, position + 11 + (3 << (packed & 7) + 1 if packed & 0x80 else 0))
            # The first picture is whole when its blocks end inside the file; what follows is not shown.
            complete = complete or position <= len(data)
            pictures += 1
        elif kind == 0:
            position += 1
        else:
            break
    return Header("gif", rows, cols, complete and pictures > 0, pixel_bytes=4, pictures=max(1, pictures))


def _sub_blocks(data: bytes, position: int) -> int:
    """The position after a chain of sub-blocks; beyond the end of `data` when the chain is cut."""
    while position < len(data):
        length = data[position]
        position += 1 + length
        if length == 0:
            return position
    return len(data) + 1
