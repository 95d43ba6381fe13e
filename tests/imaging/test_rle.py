"""RLE (PS3.5 G) against a decoder written as the standard reads, on whole and on random segments."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.core.failures import Failure
from medview.imaging.dicom_codecs import RLE, decode_frame
from medview.imaging.dicom_layout import Layout

ROWS, COLS = 5, 7


def unpacked(data: bytes) -> bytes:
    """PackBits, byte by byte (PS3.5 G.3.2)."""
    out, at = bytearray(), 0
    while at < len(data):
        count, at = data[at], at + 1
        if count < 128:
            out += data[at : at + count + 1]
            at += count + 1
        elif count > 128 and at < len(data):
            out += bytes([data[at]]) * (257 - count)
            at += 1
    return bytes(out)


def layout(samples: int, size: int) -> Layout:
    colour = "RGB" if samples == 3 else "MONOCHROME2"
    return Layout(ROWS, COLS, samples, 1, 8 * size, 8 * size, 8 * size - 1, False, False, colour)


def frame(segments: list[bytes], count: int | None = None) -> bytes:
    starts, at = [], 64
    for segment in segments:
        starts.append(at)
        at += len(segment)
    numbers = [len(segments) if count is None else count, *starts, *[0] * (15 - len(starts))]
    return struct.pack("<16I", *numbers) + b"".join(segments)


def literal(data: bytes) -> bytes:
    return bytes([len(data) - 1]) + data


@pytest.mark.parametrize(("samples", "size"), [(1, 1), (1, 2), (1, 4), (3, 1), (3, 2)])
def test_bytes_go_where_they_belong(samples: int, size: int):
    values = np.random.default_rng(1).integers(0, 1 << (8 * size), (ROWS, COLS, samples), dtype=np.uint64)
    segments = [
        literal(((values[:, :, sample] >> (8 * byte)) & 255).astype(np.uint8).tobytes())
        for sample in range(samples)
        for byte in reversed(range(size))
    ]
    found = decode_frame(frame(segments), RLE, layout(samples, size))
    assert not isinstance(found, Failure)
    assert found.dtype == np.dtype(f"u{size}")
    assert np.array_equal(found, values if samples == 3 else values[:, :, 0])


@given(st.data())
def test_every_way_to_pack_is_read(data: st.DataObject):
    packed, left = bytearray(), ROWS * COLS
    while left:
        run = data.draw(st.integers(1, left))
        if run > 1 and data.draw(st.booleans()):
            packed += bytes([257 - run, data.draw(st.integers(0, 255))])
        else:
            packed += literal(data.draw(st.binary(min_size=run, max_size=run)))
        packed += b"\x80" * data.draw(st.integers(0, 1))  # says nothing
        left -= run
    found = decode_frame(frame([bytes(packed)]), RLE, layout(1, 1))
    assert not isinstance(found, Failure)
    assert found.tobytes() == unpacked(bytes(packed))


@given(st.binary(max_size=60))
def test_random_segments_are_as_the_standard_reads_or_refused(packed: bytes):
    expected = unpacked(packed)
    found = decode_frame(frame([packed]), RLE, layout(1, 1))
    if isinstance(found, Failure):
        # A run that is cut, or too few bytes, or more than the two that writers pad with.
        return
    assert found.tobytes() == expected[: ROWS * COLS]


@given(st.binary(max_size=200), st.integers(1, 3), st.sampled_from([1, 2, 4]), st.integers(0, 2**32 - 1))
def test_any_bytes_give_a_picture_or_a_failure(data: bytes, samples: int, size: int, count: int):
    samples = 3 if samples == 3 else 1
    for whole in (data, struct.pack("<16I", count, *[64] * 15) + data, frame([data] * (samples * size))):
        found = decode_frame(whole, RLE, layout(samples, size))
        assert isinstance(found, Failure) or found.shape[:2] == (ROWS, COLS)
