"""Picture files to values (PNG, JPEG, TIFF, BMP, WebP, GIF, AVIF, JPEG 2000, JPEG XL), with their traps met.

imagecodecs decodes, because it raises where OpenCV prints to stderr and returns a half-grey picture; OpenCV is left
with GIF and run-length BMP, which it checks better or alone reads.
The embedded colour profile is ignored on purpose: models were trained without it and displays here are not calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.bmp import plain_bmp
from medview.imaging.boxes import J2K_END, still_of
from medview.imaging.headers import Header, read_header, sniff
from medview.imaging.jpeg import parse_jpeg
from medview.imaging.jpeg_damage import jpeg_damage
from medview.imaging.modality_lut import display_type, spread
from medview.imaging.png import decode_png
from medview.imaging.study import DAMAGED_PART
from medview.imaging.tiff import CIELAB, TiffPage, decode_page, jpeg_streams

# Decoded values of one picture may take this much: a 10,000 x 10,000 colour scan fits, a 30,000 x 30,000 one does not.
MAX_BYTES = 300 * 1024 * 1024
# Photographs pack 10:1, films 30:1. What is larger than this and packed further is blank, or an attack on the memory.
LARGE, MAX_RATIO = 96 * 1024 * 1024, 100
MODERN = ("avif", "jp2", "jxl")
# No picture of anything is packed so well; only a damaged header says so, and decoders take memory for what it says.
LEAST_PIXELS, PIXELS_A_BYTE = 16_000_000, 3000
# The longest side that libpng reads.
MAX_SIDE = 1_000_000
# Bytes in which the end marker of a JPEG 2000 stream is looked for: boxes or fill bytes may follow it.
_TRAILER = 4096
TRANSPARENT = Text(
    "Parts of this picture are transparent; they are shown in the colours that the file stores for them."
)
_AGAIN = Text("Copy the file again from where it came from, or export it anew.")


@dataclass(frozen=True)
class Raster:
    """One decoded picture.

    Attributes:
        values: (rows, cols) grey or (rows, cols, 3) RGB, uint8, uint16, int16, int32 or float32; RGB uint8 or uint16.
        pages: pictures in the file.
        notes: what was done that the user should know, one sentence each.
    """

    values: NDArray[Any]
    pages: int = 1
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Page:
    """One picture of a file, known from the header.

    Attributes:
        format: as `Header.format`.
        rows, cols: size after any EXIF rotation.
        notes: what can be said before decoding.
        pictures: how many of an animation, of which this is the first.
    """

    format: str
    rows: int
    cols: int
    notes: tuple[Text, ...] = ()
    pictures: int = 1


def check_header(data: bytes) -> Header | Failure:
    """The header of a picture file, or why the file must not be decoded (damaged, cut off, too large)."""
    header = read_header(data)
    kind = sniff(data).upper() or "picture"
    if header is None:
        return Failure(Code.CORRUPT, Text("The header of this {kind} file is damaged.", kind=kind), _AGAIN)
    if not header.complete:
        text = Text("This {kind} file ends too early; a part of the picture is missing.", kind=kind)
        return Failure(Code.TRUNCATED, text, _AGAIN)
    refused = check_size(header.rows, header.cols, header.pixel_bytes, len(data))
    pixels = header.rows * header.cols
    if not refused and header.format in MODERN and pixels > max(LEAST_PIXELS, PIXELS_A_BYTE * len(data)):
        return Failure(Code.CORRUPT, Text("This {kind} file declares far more than it can hold.", kind=kind), _AGAIN)
    return refused or header


def check_size(rows: int, cols: int, pixel_bytes: int, packed: int = 0) -> Failure | None:
    """The refusal of a picture that would not fit, or None. `packed`: bytes of its file, 0 where they do not matter."""
    decoded = rows * cols * max(3, pixel_bytes)
    if packed and decoded > max(LARGE, MAX_RATIO * packed):
        text = Text(
            "The picture is {cols} x {rows} pixels in {size:.1f} MB: no real picture is packed so far.",
            cols=cols,
            rows=rows,
            size=packed / 1e6,
        )
        return Failure(Code.TOO_LARGE, text, Text("Ask for the picture in its usual size."), f"{decoded} bytes decoded")
    if decoded <= MAX_BYTES and max(rows, cols) <= MAX_SIDE:
        return None
    return Failure(
        Code.TOO_LARGE,
        Text("The picture is {cols} x {rows} pixels, more than medview opens.", cols=cols, rows=rows),
        Text("Reduce it, or cut out the part of interest, and open that."),
        f"limit {MAX_BYTES} bytes decoded",
    )


def describe_raster(data: bytes, examine: bool = True) -> tuple[Page, ...] | Failure:
    """The pictures of a file, from its header; a page of a TIFF that cannot be opened is found when it is decoded.

    `examine`: decode a JPEG to see whether it is damaged.
    """
    header = check_header(data)
    if isinstance(header, Failure):
        return header
    notes = _animated(header)
    if header.format == "jpeg" and examine:
        # Damage shows only in decoding, and must be known before anybody trusts the picture.
        raster = read_raster(data)
        if isinstance(raster, Failure):
            return raster
        notes += raster.notes
    if not header.pages:
        page = _page(header.format, header.rows, header.cols, header.orientation, notes)
        return (replace(page, pictures=header.pictures),)
    first = _check_page(header.pages[0], len(data))
    if first:
        return first
    return tuple(
        _page("tiff", p.rows, p.cols, p.orientation, _which(n, len(header.pages)))
        for n, p in enumerate(header.pages, 1)
    )  # fmt: skip


def _animated(header: Header) -> tuple[Text, ...]:
    if header.pictures == 1:
        return ()
    if header.pictures == 0:
        return (Text("This file is animated; only the first of its pictures is read."),)
    count = header.pictures
    return (Text("This file is animated; only the first of its {pictures} pictures is read.", pictures=count),)


def _which(number: int, pictures: int) -> tuple[Text, ...]:
    if pictures == 1:
        return ()
    return (Text("Picture {number} of {pictures} in the file.", number=number, pictures=pictures),)


def _page(kind: str, rows: int, cols: int, orientation: int, notes: tuple[Text, ...]) -> Page:
    if orientation > 1:
        notes += (Text("Turned as the camera or scanner noted."),)
    return Page(kind, cols, rows, notes) if orientation >= 5 else Page(kind, rows, cols, notes)


def _check_page(page: TiffPage, size: int) -> Failure | None:
    """Why a page of a TIFF must not be decoded, or None."""
    if page.rows <= 0 or page.cols <= 0:
        return Failure(Code.CORRUPT, Text("The header of this TIFF file is damaged."), _AGAIN)
    if page.missing(size):
        return Failure(Code.TRUNCATED, Text("This TIFF file ends too early; a part of the picture is missing."), _AGAIN)
    if page.tag(262) == CIELAB:
        text = Text("The colours of this TIFF file are CIELAB.")
        return Failure(Code.UNSUPPORTED, text, Text("Save it as RGB and open that."))
    if page.tile_bytes > MAX_BYTES:
        return Failure(Code.CORRUPT, Text("The header of this TIFF file is damaged."), _AGAIN, "tile size")
    return check_size(page.rows, page.cols, page.pixel_bytes, size)


def read_raster(data: bytes, page: int = 0, examine: bool = True) -> Raster | Failure:
    """Decode page `page` (0-based) of a picture file held in memory. Never raises for what the bytes may hold.

    `examine` looks for damage in a JPEG, which costs some decodings more; see `medview.imaging.jpeg_damage`.
    """
    header = check_header(data)
    if isinstance(header, Failure):
        return header
    count = len(header.pages) or 1
    if not 0 <= page < count:
        text = Text("The file has {count} pictures; number {page} is not one of them.", count=count, page=page + 1)
        return Failure(Code.NO_SUCH_FRAME, text, Text("Choose another picture of the file."))
    directory = header.pages[page] if header.pages else None
    refused = _check_page(directory, len(data)) if directory else None
    if refused:
        return refused
    rows, cols = (directory.rows, directory.cols) if directory else (header.rows, header.cols)
    try:
        values, notes = _decode(data, header, directory, examine)
    except (RuntimeError, ValueError, TypeError, IndexError, OverflowError, MemoryError) as error:
        # imagecodecs raises a RuntimeError of its own per codec.
        return _damaged(header, repr(error)[:500])
    if values.shape[:2] != (rows, cols) or values.ndim > 3:
        return _damaged(header, f"decoded {values.shape}, declared {rows} x {cols}")
    values, more = _to_grey_or_rgb(_plain_type(values))
    notes += _animated(header)
    orientation = directory.orientation if directory else header.orientation
    return Raster(np.ascontiguousarray(orient(values, orientation)), count, notes + more)


def raster_damage(data: bytes, page: int = 0) -> str:
    """What is wrong with the JPEG data of a picture file or of a TIFF, for the log; empty where nothing is found.

    Other formats have sums that their decoders check (PNG), or nothing to tell damage by.
    """
    header = check_header(data)
    if isinstance(header, Failure):
        return ""
    if header.format == "jpeg":
        return jpeg_damage(data, imagecodecs_jpeg)
    streams = jpeg_streams(data, header.pages[page]) if header.format == "tiff" else ()
    return next(filter(None, (jpeg_damage(stream, imagecodecs_jpeg) for stream in streams)), "")


def imagecodecs_jpeg(data: bytes) -> NDArray[Any]:
    """A JPEG as libjpeg gives it out. Raises RuntimeError."""
    import imagecodecs

    decoded: NDArray[Any] = imagecodecs.jpeg8_decode(data)
    return decoded


def _damaged(header: Header, detail: str) -> Failure:
    if "not implemented" in detail or "not configured" in detail or "not supported" in detail:
        return Failure(
            Code.UNSUPPORTED,
            Text("This {kind} file is packed in a way that medview does not know.", kind=header.format.upper()),
            Text("Open it in another program and save it as PNG."),
            detail,
        )
    text = Text("This {kind} file is damaged and cannot be decoded.", kind=header.format.upper())
    return Failure(Code.CORRUPT, text, _AGAIN, detail)


def _decode(
    data: bytes, header: Header, directory: TiffPage | None, examine: bool
) -> tuple[NDArray[Any], tuple[Text, ...]]:
    """Samples in the order of the file: grey, grey and alpha, RGB or RGBA. Raises what the codecs raise."""
    import imagecodecs

    if directory:
        return decode_page(data, directory), ()
    if header.format == "jpeg":
        return _jpeg(data, examine)
    if header.format == "png":
        return decode_png(data), ()
    if header.format == "webp":
        return imagecodecs.webp_decode(data, 0), ()
    if header.format in MODERN:
        return _modern(data, header), ()
    if header.format == "bmp" and (data[14] == 12 or data[30] not in (1, 2)):
        return imagecodecs.bmp_decode(plain_bmp(data)), ()
    return _opencv(data), ()


def _modern(data: bytes, header: Header) -> NDArray[Any]:
    """AVIF, JPEG 2000 and JPEG XL as they are stored, before any turn; few bits are spread over the whole range."""
    import imagecodecs

    values: NDArray[Any]
    if header.format == "avif":
        values = imagecodecs.avif_decode(still_of(data), index=0)
    elif header.format == "jxl":
        values = imagecodecs.jpegxl_decode(data, index=0, keeporientation=True)
    else:
        # An end marker is easily lost, and all of the picture is there.
        values = imagecodecs.jpeg2k_decode(data if J2K_END in data[-_TRAILER:] else data.rstrip(b"\0") + J2K_END)
    return spread(values, header.bits) if values.dtype.kind == "u" else values


def _jpeg(data: bytes, examine: bool) -> tuple[NDArray[Any], tuple[Text, ...]]:
    import imagecodecs

    info = parse_jpeg(data)
    if info is None:
        raise ValueError("no frame header")
    ink = info.components == 4

    def decode(buffer: bytes) -> NDArray[Any]:
        decoded: NDArray[Any] = imagecodecs.jpeg8_decode(buffer, outcolorspace="CMYK" if ink else None)
        return decoded

    values = decode(data)
    notes = (DAMAGED_PART,) if examine and jpeg_damage(data, decode) else ()
    if ink:
        values = _ink_to_rgb(values, info.adobe >= 0)
        notes = (*notes, Text("Printing colours (CMYK) are shown as RGB."))
    return values, notes


def _ink_to_rgb(values: NDArray[Any], inverted: bool) -> NDArray[np.uint8]:
    """CMYK (rows, cols, 4) to RGB without a profile: each ink and black darken in turn. Adobe writes inks inverted."""
    light = values if inverted else 255 - values
    product = light[:, :, :3].astype(np.uint16) * light[:, :, 3:]
    rgb: NDArray[np.uint8] = ((product + 127) // 255).astype(np.uint8)
    return rgb


def _opencv(data: bytes) -> NDArray[Any]:
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        values: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ValueError(str(error)) from None
    if values is None or values.size == 0:
        raise ValueError("decoder returned nothing")
    if values.ndim == 3 and values.shape[2] >= 3:
        # OpenCV gives BGR.
        values = values[:, :, [2, 1, 0, 3][: values.shape[2]]]
    return values


def _plain_type(values: NDArray[Any]) -> NDArray[Any]:
    """Values in one of the types that `Raster` names; floats lose NaN and infinity (they become 0)."""
    if values.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            values = values.astype(np.float32)
        np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        return values
    return display_type(values)


def _to_grey_or_rgb(values: NDArray[Any]) -> tuple[NDArray[Any], tuple[Text, ...]]:
    """Transparency is left away, colour that is grey in every pixel becomes grey, deep colour 16-bit.

    A transparent pixel keeps the colour that is stored for it: laid over black or white, half of a film would be gone
    for the models and for the eye.
    """
    notes: tuple[Text, ...] = ()
    if values.ndim == 3 and values.shape[2] in (2, 4):
        alpha = values[:, :, -1]
        values = values[:, :, :-1]
        top = float(np.iinfo(values.dtype).max) if values.dtype.kind in "ui" else 1.0
        if alpha.min() < top:
            notes = (TRANSPARENT,)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim == 3 and _is_grey(values):
        values = values[:, :, 1]
    if values.ndim == 3 and values.dtype not in (np.uint8, np.uint16):
        low, high = float(values.min()), float(values.max())
        scale = 65535.0 / (high - low) if high > low else 0.0
        values = np.rint((values.astype(np.float64) - low) * scale).astype(np.uint16)
        notes += (Text("Colours were scaled to 16 bits."),)
    return values, notes


def _is_grey(values: NDArray[Any]) -> bool:
    """Whether the three channels are the same but for 1: libwebp gives neutral pixels a green that may be 1 off."""
    import cv2

    # In strips, and mostly done after the first: most colour pictures show it there.
    step = max(1, 1_000_000 // values.shape[1])
    for row in range(0, values.shape[0], step):
        red, green, blue = (np.ascontiguousarray(values[row : row + step, :, n]) for n in range(3))
        if values.dtype in (np.uint8, np.uint16):
            if max(int(cv2.absdiff(red, green).max()), int(cv2.absdiff(green, blue).max())) > 1:
                return False
        elif not (np.array_equal(red, green) and np.array_equal(green, blue)):
            return False
    return True


def orient(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Apply an EXIF orientation (1-8) so that row 0 is the top as the photographer saw it."""
    if orientation in (5, 6, 7, 8):
        values = np.swapaxes(values, 0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values


def decode_mask(data: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A mask file as (rows, cols) uint8 of 0 and 1 at `size`; a pixel is 1 where at least half of its area is marked.

    Raises ValueError when the file is no picture.
    """
    import cv2

    raster = read_raster(data)
    if isinstance(raster, Failure):
        raise ValueError(f"the mask is not a readable picture: {raster.text} {raster.detail}")
    values = raster.values
    if values.ndim == 3:
        values = cv2.cvtColor(values, cv2.COLOR_RGB2GRAY)
    middle = np.iinfo(values.dtype).max // 2 if values.dtype.kind in "ui" else 0.5
    marked: NDArray[Any] = (values > middle).astype(np.float32)
    if marked.shape != size:
        marked = cv2.resize(marked, size[::-1], interpolation=cv2.INTER_AREA)
    return (marked >= 0.5).astype(np.uint8)
