"""The JPEG 2000 codestream: its size, its tiles, and refusals before anything is decoded."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.core.failures import Code, Failure
from medview.imaging.jpeg2000 import has_every_tile, read_codestream
from medview.imaging.open import open_path
from tests.imaging.seeds import GREY12, UID, packed

STREAM = imagecodecs.jpeg2k_encode(GREY12, codecformat="j2k", reversible=True)


def resized(rows: int, cols: int, tile: tuple[int, int] | None = None) -> bytes:
    """The stream, declaring another size (and size of its tiles)."""
    data = bytearray(STREAM)
    struct.pack_into(">II", data, 8, cols, rows)
    if tile:
        struct.pack_into(">II", data, 24, tile[1], tile[0])
    return bytes(data)


@pytest.mark.parametrize("prefix", [b"", b"\0\0\0\x0cjP  box"])
def test_size_and_tiles(prefix: bytes):
    stream = read_codestream(prefix + STREAM)
    assert stream is not None
    assert (stream.start, stream.rows, stream.cols) == (len(prefix), *GREY12.shape)
    assert (stream.components, stream.tiles) == (1, 1)
    assert has_every_tile(prefix + STREAM, stream)


def test_several_tiles():
    rows, cols = GREY12.shape
    head = bytearray(resized(rows, 2 * cols, (rows, cols))[: STREAM.index(b"\xff\x90\x00\x0a")])
    first = STREAM[len(head) : -2]
    assert struct.unpack_from(">I", first, 6) == (len(first),)
    second = bytearray(first)
    second[5] = 1
    both = bytes(head) + first + bytes(second) + b"\xff\xd9"
    stream = read_codestream(both)
    assert stream is not None
    assert (stream.rows, stream.cols, stream.tiles) == (rows, 2 * cols, 2)
    assert has_every_tile(both, stream)
    assert np.array_equal(imagecodecs.jpeg2k_decode(both), np.hstack([GREY12, GREY12]))
    for missing in (first, first + first, first + bytes(second)[:-5], first[:5] + b"\2" + first[6:] + bytes(second)):
        assert not has_every_tile(bytes(head) + missing + b"\xff\xd9", stream)


@pytest.mark.parametrize(
    "data", [b"", STREAM[:20], resized(0, 20), resized(24, 20, (0, 0)), b"no stream at all" * 9], ids=len
)
def test_no_stream(data: bytes):
    assert read_codestream(data) is None


def test_a_stream_without_most_of_its_tiles_is_refused(tmp_path: Path):
    path = tmp_path / "lie.dcm"
    path.write_bytes(packed([resized(480, 400, GREY12.shape)], f"{UID}.4.90", GREY12, Rows=480, Columns=400))
    study = open_path(path)
    assert not isinstance(study, Failure)
    values = study.frames[0].modality_values()
    assert isinstance(values, Failure)
    assert values.code is Code.TRUNCATED


def test_a_stream_with_more_components_than_the_header_is_refused_before_it_is_decoded(tmp_path: Path):
    data = bytearray(STREAM)
    struct.pack_into(">H", data, 40, 16384)
    path = tmp_path / "lie.dcm"
    path.write_bytes(packed([bytes(data)], f"{UID}.4.90", GREY12))
    study = open_path(path)
    assert not isinstance(study, Failure)
    values = study.frames[0].modality_values()
    assert isinstance(values, Failure)
    assert "(24, 20, 16384)" in values.detail


@pytest.mark.parametrize(("megabytes", "opens"), [(1, False), (9, True)])
def test_a_huge_picture_must_hold_something(tmp_path: Path, megabytes: int, opens: bool):
    path = tmp_path / "huge.dcm"
    stream = resized(9000, 9000) + bytes(megabytes * 1_000_000) + b"\xff\xd9"
    path.write_bytes(packed([stream], f"{UID}.4.90", GREY12, Rows=9000, Columns=9000))
    study = open_path(path)
    if opens:  # that is, its header
        assert not isinstance(study, Failure)
    else:
        assert isinstance(study, Failure)
        assert study.code is Code.CORRUPT


@given(st.data())
def test_any_bytes(data: st.DataObject):
    changed = bytearray(STREAM)
    for _ in range(data.draw(st.integers(1, 5))):
        changed[data.draw(st.integers(0, min(200, len(changed) - 1)))] = data.draw(st.integers(0, 255))
    stream = read_codestream(bytes(changed))
    if stream is not None:
        assert stream.rows > 0
        assert stream.tiles > 0
        assert has_every_tile(bytes(changed), stream) in (True, False)
