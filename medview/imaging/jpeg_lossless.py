"""Lossless JPEG (ITU-T T.81 annex H): how many bits a picture takes in it, which is what its data must hold.

Every sample is coded as its difference from a prediction, so the decoded picture tells which codes were read. Where
damage has made the decoder lose its place, they do not add up to the length of the data.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.imaging.jpeg import JpegInfo
from medview.imaging.jpeg_entropy import read_codes

# The scale of difference categories (T.81 table H.2): 0 for 0, then one more for every bit; 16 is 32768 alone.
_CATEGORY = np.concatenate([[0], np.repeat(np.arange(1, 17), 2 ** np.arange(16))]).astype(np.uint8)
_SPARE = 7
# Rows at a time: so little takes no memory to speak of, and stays near the processor.
_BAND = 64


def lossless_damage(data: bytes, info: JpegInfo, values: NDArray[Any]) -> str:
    """Why `values` cannot be what the data holds; empty where they can be, or where it cannot be told.

    Args:
        data: the stream. info: its markers.
        values: what it was decoded to, (rows, cols) or (rows, cols, components), without any conversion of colours.
    """
    codes: dict[int, tuple[bytes, bytes]] = {}
    scan, restart = b"", 0
    for marker, start, end in info.segments:
        if marker == 0xC4:
            codes |= read_codes(data[start:end])
        elif marker == 0xDD:
            (restart,) = struct.unpack_from(">H", data, start)
        elif marker == 0xDA:
            scan = scan or data[start:end]
        elif marker == 0xC3 and any(sampling != 0x11 for sampling in data[start + 7 : end : 3]):
            return ""
    count = scan[0]
    predictor, shift = scan[1 + 2 * count], scan[3 + 2 * count] & 15
    samples = values.reshape(*values.shape[:2], -1)
    if len(info.scan_ends) != 1 or shift or count != samples.shape[2] or not 1 <= predictor <= 7:
        return ""
    if restart and (restart % info.cols or len(info.intervals) != -(-info.rows * info.cols // restart)):
        return "restart intervals"
    if not restart and len(info.intervals) != 1:
        return "restart intervals"
    # What a restart interval of whole lines takes, by lines.
    lines = restart // info.cols if restart else info.rows
    lengths = [_lengths(*codes[scan[2 + 2 * n] >> 4]) for n in range(count)]
    for number, (start, end) in enumerate(info.intervals):
        part = data[start:end].rstrip(b"\xff").replace(b"\xff\0", b"\xff")
        block = samples[number * lines : (number + 1) * lines]
        taken = [_bits(block[:, :, n], predictor, info.precision, lengths[n]) for n in range(count)]
        rest = 8 * len(part) - sum(taken)
        if min(taken) < 0 or not 0 <= rest <= _SPARE:
            return "data is left over, or missing, at the end"
        filling = part[-1] & (1 << rest) - 1 if part else 0
        if filling != (1 << rest) - 1:
            return "the bits after the last sample are no filling"
    return ""


def _lengths(counts: bytes, symbols: bytes) -> NDArray[np.int64]:
    """(17,) bits of a difference of each category, code and number together; far below 0 for one without a code."""
    lengths = np.full(17, -(1 << 40), np.int64)
    of_codes = [length for length, count in enumerate(counts, 1) for _ in range(count)]
    for symbol, length in zip(symbols, of_codes, strict=False):
        if symbol <= 16:
            lengths[symbol] = length + symbol % 16
    return lengths


def _bits(samples: NDArray[Any], predictor: int, precision: int, lengths: NDArray[np.int64]) -> int:
    """Bits that the differences of a component take; below 0 where one has no code."""
    categories = np.zeros(17, np.int64)
    for first in range(0, samples.shape[0], _BAND):
        # With the row above it, of which the first band has none.
        above = min(first, 1)
        values = samples[first - above : first + _BAND].astype(np.int32)
        differences = (values - _expected(values, predictor, precision))[above:]
        # They are taken modulo 65536 (T.81 H.1.2.1), as numbers from -32767 to 32768.
        far = np.minimum(differences & 0xFFFF, -differences & 0xFFFF)
        categories += np.bincount(_CATEGORY[far].ravel(), minlength=17)
    return int((categories * lengths).sum())


def _expected(values: NDArray[np.int32], predictor: int, precision: int) -> NDArray[np.int32]:
    """What is predicted for each value (T.81 H.1.2.1), as if the first row were that of the picture."""
    left, above, corner = values[1:, :-1], values[:-1, 1:], values[:-1, :-1]
    expected = np.empty_like(values)
    expected[0, 0] = 1 << (precision - 1)
    expected[0, 1:], expected[1:, 0] = values[0, :-1], values[:-1, 0]
    inner = expected[1:, 1:]
    if predictor == 1:
        inner[:] = left
    elif predictor == 2:
        inner[:] = above
    elif predictor == 3:
        inner[:] = corner
    elif predictor == 4:
        inner[:] = left + above - corner
    elif predictor == 5:
        inner[:] = left + ((above - corner) >> 1)
    elif predictor == 6:
        inner[:] = above + ((left - corner) >> 1)
    else:
        inner[:] = (left + above) >> 1
    return expected
