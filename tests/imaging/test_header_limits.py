"""Headers that would cost seconds or hundreds of MB: what is too much is left alone or refused, the rest is read."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.imaging import dicom as reader
from medview.imaging import dicom_header
from medview.imaging.open import open_path
from medview.imaging.study import Study
from tests.imaging.make import dicom
from tests.imaging.seeds import GREY8, UID

PIXELS = struct.pack("<HH", 0x7FE0, 0x10)


def element(group: int, number: int, data: bytes) -> bytes:
    """In implicit VR, whose lengths have 32 bits."""
    return struct.pack("<HHI", group, number, len(data)) + data


def sequence(group: int, number: int, items: Iterable[bytes]) -> bytes:
    return element(group, number, b"".join(element(0xFFFE, 0xE000, item) for item in items))


def endless(group: int, number: int, items: Iterable[bytes]) -> bytes:
    """A sequence, and items, of undefined length."""
    undefined, end = struct.pack("<I", 0xFFFFFFFF), struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    body = b"".join(struct.pack("<HH", 0xFFFE, 0xE000) + undefined + item + end for item in items)
    return struct.pack("<HH", group, number) + undefined + body + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def opened(tmp_path: Path, extra: bytes, frames: int = 1) -> Study | Failure:
    data = dicom(GREY8 if frames == 1 else np.zeros((frames, 1, 1), np.uint8), UID)
    at = data.index(PIXELS)
    path = tmp_path / "file"
    path.write_bytes(data[:at] + extra + data[at:])
    return open_path(path)


def test_a_million_windows_are_no_window(tmp_path: Path) -> None:
    many = b"40\\" * 1_000_000 + b"40"
    study = opened(tmp_path, element(0x28, 0x1050, many) + element(0x28, 0x1051, many))
    assert isinstance(study, Study)
    assert (study.frames[0].presets, study.frames[0].window) == ((), None)


def test_windows_that_a_file_may_have_are_read(tmp_path: Path) -> None:
    many = b"40\\" * 99 + b"40 "
    study = opened(tmp_path, element(0x28, 0x1050, many) + element(0x28, 0x1051, many))
    assert isinstance(study, Study)
    assert study.frames[0].window is not None


@pytest.mark.parametrize(("group", "number"), [(0x10, 0x10), (0x8, 0x103E), (0x20, 0x37), (0x8, 0x8), (0x8, 0x18)])
def test_a_text_of_megabytes_counts_as_missing(tmp_path: Path, group: int, number: int) -> None:
    study = opened(tmp_path, element(group, number, b"1\\" * 500_000))
    assert isinstance(study, Study)
    assert study.frames[0].place is not None
    assert study.frames[0].place.plane is None
    assert study.series[0].origin is not None
    assert len(study.series[0].origin.patient_name) < 100


def groups(count: int) -> list[bytes]:
    return [sequence(0x20, 0x9113, [element(0x20, 0x32, b"0\\0\\%-4d" % n)]) for n in range(count)]


def test_frames_described_one_by_one_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_DESCRIBED", 5)
    assert isinstance(opened(tmp_path, sequence(0x5200, 0x9230, groups(5)), 5), Study)
    refused = opened(tmp_path, sequence(0x5200, 0x9230, groups(6)), 6)
    assert isinstance(refused, Failure)
    assert (refused.code, refused.text) == (
        Code.TOO_LARGE, "This DICOM file describes 6 frames one by one, more than medview reads."
    )  # fmt: skip
    # A file that has room for what it describes is a long series, no trick.
    monkeypatch.setattr(reader, "LEAST_FRAME", 10)
    assert isinstance(opened(tmp_path, sequence(0x5200, 0x9230, groups(6)), 6), Study)


def test_items_have_a_limit(tmp_path: Path) -> None:
    refused = opened(tmp_path, sequence(0x8, 0x1140, [b""] * (dicom_header.MAX_ITEMS + 1)))
    assert isinstance(refused, Failure)
    assert (refused.code, "60,000 items" in refused.text) == (Code.TOO_LARGE, True)


def test_items_without_a_length_have_one_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_header, "MAX_HEADER_BYTES", 2_000_000)
    assert isinstance(opened(tmp_path, endless(0x8, 0x1140, [b""] * 100)), Study)
    refused = opened(tmp_path, endless(0x8, 0x1140, [b""] * 10_000))
    assert isinstance(refused, Failure)
    assert refused.code is Code.CORRUPT


def test_sequences_within_sequences_have_an_end(tmp_path: Path) -> None:
    nested = b""
    for _ in range(2000):
        nested = endless(0x40, 0x275, [nested])
    refused = opened(tmp_path, nested)
    assert isinstance(refused, Failure)
    assert refused.text == "This DICOM file nests its elements deeper than any real one does."
