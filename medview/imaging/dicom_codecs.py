"""One compressed DICOM frame to stored values, through imagecodecs (BSD).

Colour stays as it is stored (YBR stays YBR) except where the codec itself carries the transform (JPEG 2000's RCT/ICT).
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.dicom_errors import damaged
from medview.imaging.dicom_layout import Layout, native, truncated, unused_bits
from medview.imaging.dicom_streams import stream_bits, stream_size, whole_stream
from medview.imaging.jpeg import JpegInfo, parse_jpeg, stored_as_ybr
from medview.imaging.modality_lut import interleaved

NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
RLE = "1.2.840.10008.1.2.5"
# Frames in fragments, as they are (PS3.5 A.4.11) or each deflated (A.4.13).
PLAIN_FRAMES, DEFLATED_FRAMES = "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.8.1"
_JPEG = "1.2.840.10008.1.2.4."
JPEG = tuple(_JPEG + n for n in ("50", "51", "57", "70"))
JPEG_LS = (_JPEG + "80", _JPEG + "81")
JPEG_2000 = tuple(_JPEG + n for n in ("90", "91", "92", "93"))
JPEG_XL = tuple(_JPEG + n for n in ("110", "111", "112"))
HTJ2K = tuple(_JPEG + n for n in ("201", "202", "203"))
_REFUSED = (
    (
        tuple(_JPEG + n for n in ("94", "95", "204", "205")),
        Text("a stream from a server (JPIP), without the pixels"),
    ),
    (tuple(_JPEG + n for n in ("100", "101", "102", "103", "104", "105", "106", "107", "108")), Text("a video")),
    (tuple(_JPEG + str(n) for n in range(52, 67)), Text("compressed by a retired kind of JPEG")),
    (("1.2.840.10008.1.2.7.",), Text("a live stream of video (SMPTE ST 2110)")),
    (("1.2.840.10008.1.2.6.",), Text("packed in a retired way (MIME or XML)")),
    (("1.2.840.113619.5.2",), Text("in a private transfer syntax of GE")),
)
# Processes of JPEG that have no colour transform: lossless, with Huffman or arithmetic coding.
_LOSSLESS = (3, 7, 11, 15)


def native_syntax(syntax: str) -> bool:
    """Whether pixels in this transfer syntax are uncompressed (deflate packs the file, not the pixels)."""
    return syntax in NATIVE


def unsupported(syntax: str) -> Failure | None:
    """None for a transfer syntax that can be decoded, else the refusal, by the name of what it is."""
    if syntax in (*NATIVE, PLAIN_FRAMES, DEFLATED_FRAMES, RLE, *JPEG, *JPEG_LS, *JPEG_2000, *HTJ2K, *JPEG_XL):
        return None
    name = next((words for starts, words in _REFUSED if syntax.startswith(starts)), None)
    if name is None and re.fullmatch("[0-9.]{1,64}", syntax):
        name = Text("compressed in a way that medview does not know ({uid})", uid=syntax)
    name = name or Text("compressed in a way that medview does not know")
    return Failure(
        Code.UNSUPPORTED,
        Text("This DICOM file is {name}.", name=name),
        Text("Export it from the archive uncompressed, or as JPEG 2000 or JPEG-LS."),
        f"transfer syntax {syntax[:64]}",
    )


def decode_frame(data: bytes, syntax: str, layout: Layout) -> NDArray[Any] | Failure:
    """Stored values of one encapsulated frame: (rows, cols) or (rows, cols, 3)."""

    if syntax in (PLAIN_FRAMES, DEFLATED_FRAMES):
        return _plain_frame(data, syntax, layout)
    try:
        expected = (layout.rows, layout.cols, layout.samples)
        declared = expected if syntax == RLE else stream_size(data)
        if declared != expected and declared != (*expected[:2], 0):
            # Before decoding: a stream of another size than checked could take any amount of memory.
            return _other_size(declared, layout)
        if syntax != RLE and syntax not in JPEG_XL:
            # The decoders fill up what is missing with grey and say nothing.
            whole = whole_stream(data, partial(_decode, syntax=syntax, layout=layout))
            if whole is None:
                return damaged(Text("The compressed picture in this DICOM file ends too early."), code=Code.TRUNCATED)
            data = whole
        values = _decode(data, syntax, layout)
    except (struct.error, RuntimeError, ValueError, TypeError, IndexError, MemoryError, NotImplementedError) as error:
        # imagecodecs raises subclasses of RuntimeError, one per codec.
        return damaged(Text("The compressed pixels of this DICOM file are damaged."), repr(error)[:500])
    if values.shape != (expected[:2] if layout.samples == 1 else expected):
        return _other_size(values.shape, layout)
    return _as_stored(values, layout, 0 if syntax == RLE else stream_bits(data))


def _plain_frame(data: bytes, syntax: str, layout: Layout) -> NDArray[Any] | Failure:
    """An uncompressed frame that came in fragments. 1-bit frames begin at a byte here."""

    needed = (layout.frame_bits + 7) // 8
    if syntax == DEFLATED_FRAMES:
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, needed)
        except zlib.error as error:
            return damaged(Text("The compressed pixels of this DICOM file are damaged."), repr(error)[:500])
    return native(data[:needed], layout, True, 0) if len(data) >= needed else truncated()


def _other_size(found: tuple[int, ...] | None, layout: Layout) -> Failure:

    if found is None:
        return damaged(Text("The compressed pixels of this DICOM file are damaged."), "no size in the stream")
    return damaged(
        Text("The compressed picture in this DICOM file is of another size than its header says."),
        f"{found}, header {layout.rows} x {layout.cols} x {layout.samples}",
    )


def _decode(data: bytes, syntax: str, layout: Layout) -> NDArray[Any]:
    import imagecodecs

    if syntax == RLE:
        return _rle(data, layout)
    if syntax in JPEG:
        return _jpeg(data, layout)
    if syntax in JPEG_XL:
        return np.ascontiguousarray(imagecodecs.jpegxl_decode(data))
    # HTJ2K too: OpenJPEG reads it, while imagecodecs.htj2k_decode (OpenJPH) ends the process on damaged data.
    decode = imagecodecs.jpegls_decode if syntax in JPEG_LS else imagecodecs.jpeg2k_decode
    values: NDArray[Any] = decode(data)
    if values.ndim == 3 and values.shape[0] == layout.samples and values.shape[2] != layout.samples:
        values = np.moveaxis(values, 0, -1)
    return np.ascontiguousarray(values)


def _rle(data: bytes, layout: Layout) -> NDArray[Any]:
    """RLE (PS3.5 G): one segment of PackBits for each byte of each sample, the most significant byte first.

    Not imagecodecs.dicomrle_decode: it ends the process on damaged data (2026.3.6).
    """
    import imagecodecs

    count, *offsets = struct.unpack_from("<16I", data)
    size, pixels = max(1, layout.allocated // 8), layout.rows * layout.cols
    if count != layout.samples * size:
        raise ValueError(f"{count} RLE segments for {layout.samples} samples of {size} bytes")
    ends = [*offsets[1:count], len(data)]
    values = np.empty((layout.samples, pixels), f"u{size}")
    segment = np.empty(pixels + 2, np.uint8)  # some writers pad a segment with bytes that are decoded
    for number, (start, end) in enumerate(zip(offsets[:count], ends, strict=True)):
        if not 64 <= start < end <= len(data):
            raise ValueError(f"RLE segment {number} from {start} to {end}")
        decoded = imagecodecs.packbits_decode(data[start:end], out=segment)
        if len(decoded) < pixels:
            raise ValueError(f"RLE segment {number} holds {len(decoded)} of {pixels} bytes")
        sample = values[number // size]
        if number % size:
            sample <<= 8
            sample |= segment[:pixels]
        else:
            sample[:] = segment[:pixels]
    planes = values.reshape(layout.samples, layout.rows, layout.cols)
    return interleaved(planes) if layout.samples > 1 else planes[0]


def _jpeg(data: bytes, layout: Layout) -> NDArray[Any]:
    """JPEG of any process; three components are given out as stored, without libjpeg's guess at their colour."""
    import imagecodecs

    if layout.samples == 1:
        values: NDArray[Any] = imagecodecs.jpeg8_decode(data)
        return values
    info = parse_jpeg(data, header_only=True)
    if info is not None and info.process in _LOSSLESS:
        # No transform of colours goes with it, whatever its markers are taken for: the header says what they are.
        values = imagecodecs.jpeg8_decode(data, colorspace="RGB", outcolorspace="RGB")
        return values
    ybr = info is not None and stored_as_ybr(info)
    space = "YCBCR" if layout.photometric.startswith("YBR") else "RGB"
    # The header names the colour model; where the JPEG's own markers disagree (RGB labelled, YBR inside) they are
    # believed, since the encoder wrote them.
    if layout.photometric == "RGB" and info is not None and ybr and (info.adobe == 1 or _looks_ybr(info)):
        values = imagecodecs.jpeg8_decode(data, colorspace="YCBCR", outcolorspace="RGB")
    elif space == "YCBCR" and not ybr:
        import cv2

        rgb = imagecodecs.jpeg8_decode(data, colorspace="RGB", outcolorspace="RGB")
        values = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)[:, :, [0, 2, 1]]
    else:
        values = imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace=space)
    return values


def _looks_ybr(info: JpegInfo) -> bool:
    """Whether a JPEG says luma and chroma without Adobe's marker: by JFIF, or since it samples some components more
    coarsely, which nobody does to red, green or blue. Adobe's marker and the names of components are stronger."""
    return (info.jfif or len(set(info.sampling)) > 1) and info.adobe != 0 and info.ids != b"RGB"


def _as_stored(values: NDArray[Any], layout: Layout, bits: int) -> NDArray[Any]:
    """Decoded values in the type that the header declares; `bits` of a sample, as the stream says it (0: not at all).

    Codecs give unsigned bit patterns for signed pixels, and JPEG 2000 may carry its own sign: both end as declared.
    """

    if layout.stored < bits <= layout.allocated and _exceeds(values, layout, bits):
        # A header that gives fewer bits than are used would cut the values off (`stream_notes` tells of it).
        layout = replace(layout, stored=bits, high=bits - 1)
    size = max(1, layout.allocated // 8)
    if values.dtype.kind == "i" and layout.signed:
        return values.astype(f"i{size}", copy=False)
    if values.itemsize != size:
        values = values.astype(f"u{size}" if values.dtype.kind == "u" else f"i{size}")
    return unused_bits(np.ascontiguousarray(values), layout)


def _exceeds(values: NDArray[Any], layout: Layout, bits: int) -> bool:
    """Whether decoded values of so many `bits` do not fit those that the header declares; copies of a sign do."""

    patterns = values.view(f"u{values.itemsize}")
    if not (patterns >> patterns.dtype.type(layout.stored)).any():
        return False
    wide = replace(layout, stored=bits, high=bits - 1)
    return not layout.signed or not np.array_equal(unused_bits(patterns, layout), unused_bits(patterns, wide))
