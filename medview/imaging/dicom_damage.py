"""Whether the compressed data of a DICOM frame is damaged where its decoder says nothing."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.imaging.dicom_codecs import JPEG, RLE
from medview.imaging.dicom_layout import Layout
from medview.imaging.dicom_streams import whole_stream
from medview.imaging.jpeg import parse_jpeg
from medview.imaging.jpeg_damage import DECODE_ERRORS, jpeg_damage

# Pixels that one byte of RLE can set. Where more have such values, the header is wrong, or the bits are something else.
_RUN = 128


def frame_damage(data: bytes, syntax: str, layout: Layout) -> str:
    """What is wrong with a frame, for the log; empty where nothing is found or for a syntax that cannot be examined.

    CharLS refuses JPEG-LS data that is not used up exactly, so nothing is left to be found in it.
    """
    try:
        if syntax in JPEG:
            stream = whole_stream(data, _as_coded)
            return jpeg_damage(stream, _as_coded) if stream else ""
        return _rle_damage(data, layout) if syntax == RLE else ""
    except DECODE_ERRORS as error:
        return repr(error)


def _as_coded(data: bytes) -> NDArray[Any]:
    """A JPEG without any conversion of its colours."""
    import imagecodecs

    info = parse_jpeg(data, header_only=True)
    space = "RGB" if info and info.components == 3 else None
    decoded: NDArray[Any] = imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace=space)
    return decoded


def _rle_damage(data: bytes, layout: Layout) -> str:
    """Every segment holds one byte of each pixel (PS3.5 G.3.1), the most significant first, within the stored bits."""
    import imagecodecs

    count, *offsets = struct.unpack_from("<16I", data)
    for number, (start, end) in enumerate(zip(offsets[:count], [*offsets[1:count], len(data)], strict=True)):
        segment = imagecodecs.packbits_decode(data[start:end])
        if len(segment) - layout.rows * layout.cols not in (0, 1):
            return f"an RLE segment holds {len(segment)} bytes"
        if layout.allocated == 16 and number % 2 == 0 and 0 < _too_large(segment, layout) <= _RUN:
            return "a few values of more bits than the header gives"
    return ""


def _too_large(segment: bytes, layout: Layout) -> int:
    """How many of the upper bytes of values have bits that are not stored."""
    bits = layout.stored - 8
    if not 0 < bits < 8 or layout.high != layout.stored - 1:
        return 0
    upper = np.frombuffer(segment, np.uint8)
    # The bits above those of a signed value repeat its sign.
    return int(np.count_nonzero((upper.view(np.int8) >> (bits - 1)) + 1 >> 1 if layout.signed else upper >> bits))
