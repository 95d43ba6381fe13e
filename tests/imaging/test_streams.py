"""Compressed frames as other programs write them: bytes behind the end, no end, colours, fragments, false headers."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from medview.core.failures import Code, Failure
from medview.imaging.dicom_streams import stream_notes, whole_stream
from medview.imaging.jpegxl import jpegxl_size
from medview.imaging.open import open_path
from medview.imaging.study import Frame
from tests.imaging.make import dicom
from tests.imaging.streams import (
    BASELINE,
    DEEP,
    END,
    EVERY,
    GREY,
    JPEG,
    JPEG_2000,
    JPEG_LS,
    NO_END,
    RLE,
    STREAMS,
    frame_of,
    header_of,
    refused,
    values_of,
)

# Where streams end


@EVERY
@pytest.mark.parametrize("more", [b"\xff" * 200, b"\x12\x34" * 100, b"\xff\x00" * 90, bytes(500), b"junk" + bytes(300)])
def test_bytes_behind_the_end_do_not_matter(tmp_path: Path, kind: str, more: bytes) -> None:
    syntax, values, stream = STREAMS[kind]
    frame = frame_of(tmp_path, stream + more, syntax, values)
    assert np.array_equal(values_of(frame), values)
    assert isinstance(frame, Frame)
    assert frame.notes == ()


@EVERY
@pytest.mark.parametrize("length", [60, 200, None])
def test_another_stream_behind_the_end_does_not_matter(tmp_path: Path, kind: str, length: int | None) -> None:
    syntax, values, stream = STREAMS[kind]
    frame = frame_of(tmp_path, stream + stream[:length], syntax, values)
    assert np.array_equal(values_of(frame), values)


def test_the_end_is_seen_before_many_other_bytes(tmp_path: Path) -> None:
    syntax, values, stream = STREAMS["jpeg-ls"]
    frame = frame_of(tmp_path, stream + bytes(100_000), syntax, values)
    assert isinstance(frame, Frame)
    assert frame.notes == ()


@EVERY
def test_without_the_end_marker_but_whole(tmp_path: Path, kind: str) -> None:
    syntax, values, stream = STREAMS[kind]
    assert stream.endswith(END)
    for padding in (b"", bytes(2), bytes(200)):
        frame = frame_of(tmp_path, stream[:-2] + padding, syntax, values)
        assert np.array_equal(values_of(frame), values)
        assert isinstance(frame, Frame)
        assert frame.notes == (NO_END,)


@EVERY
@pytest.mark.parametrize("cut", [3, 8, 40, 200])
@pytest.mark.parametrize("more", [b"", END, bytes(100)], ids=["cut", "end put on", "filled up"])
def test_a_part_of_the_picture_missing(tmp_path: Path, kind: str, cut: int, more: bytes) -> None:
    """With an end marker put on, Huffman-coded JPEG does not tell by its markers: that is looked for elsewhere."""
    syntax, values, stream = STREAMS[kind]
    if more != END or kind.startswith("jpeg"):
        frame = frame_of(tmp_path, stream[: -2 - cut] + more, syntax, values)
        assert refused(frame).code in (Code.TRUNCATED, Code.CORRUPT)


@example(2)
@example(1400)
@given(st.integers(1, 2000))
def test_what_is_cut_is_not_taken_for_whole(cut: int) -> None:
    stream = STREAMS["baseline"][2]
    data = stream[: max(4, len(stream) - 2 - cut)]
    try:
        found = whole_stream(data, imagecodecs.jpeg8_decode)
    except struct.error:  # cut within a marker of its head
        return
    # A byte or two may be no more than the bits that fill the last one.
    assert found is None or (cut <= 2 and (imagecodecs.jpeg8_decode(found) != STREAMS["baseline"][1]).sum() <= 64)


def test_an_end_marker_in_the_head_is_no_end(tmp_path: Path) -> None:
    syntax, values, stream = STREAMS["baseline"]
    comment = b"\xff\xfe\x00\x06" + END * 2
    assert np.array_equal(values_of(frame_of(tmp_path, stream[:2] + comment + stream[2:], syntax, values)), values)
    cut = stream[:2] + comment + stream[2:-200]
    assert refused(frame_of(tmp_path, cut, syntax, values)).code is Code.TRUNCATED


def test_whole_streams_have_nothing_to_tell(tmp_path: Path) -> None:
    for syntax, values, stream in STREAMS.values():
        frame = frame_of(tmp_path, stream, syntax, values)
        assert isinstance(frame, Frame)
        assert frame.notes == ()


@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(1, 16))
def test_any_bytes_are_told_of(head: bytes, tail: bytes, stored: int) -> None:
    for start in (b"", b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\xff\x0a"):
        assert isinstance(stream_notes(start + head, tail, stored, 16), tuple)
        jpegxl_size(start + head)


# Headers that lie


@pytest.mark.parametrize("kind", ["lossless", "jpeg-ls", "jpeg-2000"])
@pytest.mark.parametrize("stored", [7, 8, 10])
def test_a_header_with_fewer_bits_than_the_stream(tmp_path: Path, kind: str, stored: int) -> None:
    syntax, values, stream = STREAMS[kind]
    frame = frame_of(tmp_path, stream, syntax, values, BitsStored=stored, HighBit=stored - 1)
    assert np.array_equal(values_of(frame), values)
    assert isinstance(frame, Frame)
    bits = 12 if kind == "lossless" else 16
    # Whole words coded for 10 bits are nothing to tell of.
    told = (f"The header gives {stored} bits for a value, the compressed picture {bits}.",)
    assert frame.notes == (() if bits == 16 and stored == 10 else told)


def test_signed_values_in_a_wider_stream_keep_their_sign(tmp_path: Path) -> None:
    """12 bits in two's complement, and the same with the sign carried on to 16, both in a stream of 16."""
    signed = (DEEP.astype(np.int32) - 1900).astype(np.int16)
    for patterns in (signed.view(np.uint16) & 0x0FFF, signed.view(np.uint16)):
        stream = imagecodecs.jpegls_encode(np.ascontiguousarray(patterns | 0)) if patterns.max() > 4095 else None
        wide = stream or imagecodecs.jpeg2k_encode(patterns, codecformat="j2k", reversible=True, bitspersample=16)
        syntax = JPEG_LS if stream else JPEG_2000
        assert np.array_equal(values_of(frame_of(tmp_path, wide, syntax, DEEP, PixelRepresentation=1)), signed)


# Fragments


def file_of(tmp_path: Path, items: list[bytes], frames: int, syntax: str, values: np.ndarray[Any, Any]) -> Path:
    """A file of several frames whose pixels are these items, the first the (empty) offset table."""
    written = b"".join(b"\xfe\xff\x00\xe0" + len(one).to_bytes(4, "little") + one for one in [b"", *items])
    path = tmp_path / "a.dcm"
    path.write_bytes(
        dicom(written + b"\xfe\xff\xdd\xe0" + bytes(4), syntax, **header_of(values), NumberOfFrames=frames)
    )
    return path


def rle(values: np.ndarray[Any, Any]) -> bytes:
    """A frame in RLE: literal runs only."""
    body = b""
    raw = values.tobytes()
    for at in range(0, len(raw), 128):
        part = raw[at : at + 128]
        body += bytes([len(part) - 1]) + part
    return (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + bytes(56) + body + b"\0" * (len(body) % 2)


@pytest.mark.parametrize("empty", [[], [0], [0, 3], [2]])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_rle_frames_in_fragments_without_a_table(tmp_path: Path, parts: int, empty: list[int]) -> None:
    pictures = [GREY, GREY[::-1].copy(), GREY.T.copy().reshape(GREY.shape)]
    items = []
    for picture in pictures:
        stream = rle(picture)
        size = -(-len(stream) // parts) // 2 * 2 + 2
        items.extend(stream[at : at + size] for at in range(0, len(stream), size))
    for at in empty:
        items.insert(at, b"")
    study = open_path(file_of(tmp_path, items, 3, RLE, GREY))
    assert not isinstance(study, Failure), study
    for frame, picture in zip(study.frames, pictures, strict=True):
        assert np.array_equal(values_of(frame), picture)


def test_an_empty_fragment_before_jpeg_frames(tmp_path: Path) -> None:
    _, values, stream = STREAMS["baseline"]
    half = len(stream) // 4 * 2
    items = [b"", stream[:half], stream[half:] + b"\0" * (len(stream) % 2), b"", stream + b"\0" * (len(stream) % 2)]
    study = open_path(file_of(tmp_path, items, 2, BASELINE, GREY))
    assert not isinstance(study, Failure), study
    assert all(np.array_equal(values_of(frame), values) for frame in study.frames)


@pytest.mark.parametrize(
    ("syntax", "words"),
    [
        (f"{JPEG}53", "retired kind of JPEG"),
        (f"{JPEG}102", "a video"),
        (f"{JPEG}94", "from a server"),
        ("1.2.3", "does not know (1.2.3)"),
    ],
)
def test_what_cannot_be_decoded_is_named(tmp_path: Path, syntax: str, words: str) -> None:
    failure = refused(frame_of(tmp_path, STREAMS["baseline"][2], syntax, GREY))
    assert failure.code is Code.UNSUPPORTED
    assert words in failure.text
