"""Headers that pydicom alone would misread: meta information twice, and sequences of unknown VR in big endian."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate

from medview.core.failures import Failure
from medview.imaging.dicom_dataset import text
from medview.imaging.dicom_header import read_dicom_header
from medview.imaging.dicom_repair import closed_sequences, first_syntax
from medview.imaging.open import open_path
from tests.imaging.make import dicom

EXPLICIT, BIG, LOSSLESS = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.70"
GREY = np.arange(120, dtype=np.uint16).reshape(10, 12) * 30
IMAGE = {
    "Rows": 10, "Columns": 12, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16,
    "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 0,
}  # fmt: skip


def opened(tmp_path: Path, data: bytes) -> np.ndarray:
    """The values of the one frame of a file."""
    path = tmp_path / "a.dcm"
    path.write_bytes(data)
    study = open_path(path)
    assert not isinstance(study, Failure), study
    values = study.frames[0].modality_values()
    assert not isinstance(values, Failure), values
    return values


def meta_end(data: bytes) -> int:
    """Where the meta information of a file ends that has its group length."""
    return 144 + struct.unpack_from("<I", data, 140)[0]


def with_length(data: bytes) -> bytes:
    """A file whose meta information tells its length, which `dicom` leaves out."""
    end = data.index(b"\x08\x00\x16\x00UI")
    assert data[132:136] != b"\2\0\0\0"
    return data[:132] + b"\2\0\0\0UL\4\0" + struct.pack("<I", end - 132) + data[132:]


def meta(syntax: str) -> bytes:
    """Meta information of nothing but a transfer syntax."""
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    element = b"\2\0\x10\0UI" + struct.pack("<H", len(uid)) + uid
    return b"\2\0\0\0UL\4\0" + struct.pack("<I", len(element)) + element


@pytest.mark.parametrize("second", [EXPLICIT, "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2"])
def test_of_two_meta_informations_the_first_counts(tmp_path: Path, second: str) -> None:
    compressed = dicom(encapsulate([imagecodecs.jpeg8_encode(GREY, lossless=True)]), LOSSLESS, **IMAGE)
    compressed = with_length(compressed)
    for data in (compressed, with_length(dicom(GREY))):
        end = meta_end(data)
        twice = data[:end] + meta(second) + data[end:]
        assert np.array_equal(opened(tmp_path, twice), GREY)
        assert first_syntax(data) == ""
    assert first_syntax(compressed[: meta_end(compressed)] + meta(second)) == LOSSLESS


@pytest.mark.parametrize("wrong", [0, 4, 1000])
def test_a_wrong_group_length_alone_does_no_harm(tmp_path: Path, wrong: int) -> None:
    data = bytearray(with_length(dicom(GREY)))
    struct.pack_into("<I", data, 140, wrong)
    assert np.array_equal(opened(tmp_path, bytes(data)), GREY)


def little(tag: int, value: bytes | None) -> bytes:
    """An element in implicit VR little endian; None begins one of undefined length."""
    length = 0xFFFFFFFF if value is None else len(value)
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length) + (value or b"")


ITEM, ITEM_END, END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
CONTENT = {
    "item with a length": little(ITEM, little(0x00211002, b"ab") + little(0x00211003, b"cdef")) + little(END, b""),
    "item without": little(ITEM, None) + little(0x00211002, b"ab") + little(ITEM_END, b"") + little(END, b""),
    "no item": little(END, b""),
    "two, one nested": (
        little(ITEM, None) + little(0x00211002, None) + little(ITEM, b"") + little(END, b"") + little(ITEM_END, b"")
        + little(ITEM, little(0x00211004, b"xy")) + little(END, b"")
    ),
}  # fmt: skip


def unknown(content: bytes, tag: int = 0x00211001) -> bytes:
    """A big endian element of VR UN and undefined length."""
    return struct.pack(">I2sHI", tag, b"UN", 0, 0xFFFFFFFF) + content


def before_the_image(data: bytes, more: bytes) -> bytes:
    """A big endian file with more elements before group 0028."""
    at = data.index(b"\x00\x28\x00\x02US")
    return data[:at] + more + data[at:]


@pytest.mark.parametrize("content", CONTENT)
def test_a_sequence_of_unknown_vr_in_big_endian(tmp_path: Path, content: str) -> None:
    data = before_the_image(dicom(GREY.astype(">u2"), BIG, StudyDescription="Knee"), unknown(CONTENT[content]))
    assert np.array_equal(opened(tmp_path, data), GREY)
    header = read_dicom_header(tmp_path / "a.dcm")
    assert not isinstance(header, Failure)
    assert text(header.dataset, "StudyDescription") == "Knee"


def test_one_inside_of_a_big_endian_sequence(tmp_path: Path) -> None:
    inside = unknown(CONTENT["item without"])
    item = struct.pack(">II", ITEM, 0xFFFFFFFF) + inside + struct.pack(">II", ITEM_END, 0)
    sequence = struct.pack(">I2sHI", 0x00211001, b"SQ", 0, 0xFFFFFFFF) + item + struct.pack(">II", END, 0)
    assert np.array_equal(opened(tmp_path, before_the_image(dicom(GREY.astype(">u2"), BIG), sequence)), GREY)


def test_other_big_endian_files_stay_as_they_are() -> None:
    data = dicom(GREY.astype(">u2"), BIG)
    assert closed_sequences(data) == data


@given(st.integers(0, 700), st.binary(max_size=40))
def test_damage_ends_the_walk(at: int, junk: bytes) -> None:
    data = before_the_image(dicom(GREY.astype(">u2"), BIG), unknown(CONTENT["two, one nested"]))
    changed = data[:at] + junk + data[at + len(junk) :]
    assert len(closed_sequences(changed)) == len(changed)
    first_syntax(data[:at] + junk)
