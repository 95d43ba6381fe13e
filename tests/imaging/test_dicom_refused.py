"""DICOM files that are no picture, or that nothing here reads: refused by the name of what the file is."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.imaging.dicom_dataset import value
from medview.imaging.dicom_header import MAX_ITEMS, Header, read_dicom_header
from medview.imaging.dicom_objects import NOT_PICTURES
from medview.imaging.open import open_path
from medview.imaging.study import Study
from tests.imaging.dicoms import GREY16, J2K, JLS, ODD_422, RGB, compressed, refused
from tests.imaging.make import dicom


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (dicom(None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Modality="SR"), Code.NO_PIXELS),
        (dicom(GREY16, SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4", Modality="SEG"), Code.SEGMENTATION),
        (dicom(None, SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1", Modality="DOC"), Code.NO_PIXELS),
        (dicom(None), Code.NO_PIXELS),
        (dicom(GREY16)[:-1], Code.TRUNCATED),
        (dicom(None, PatientComments="x" * 200)[:-20], Code.TRUNCATED),
        (dicom(None)[:200], Code.CORRUPT),
        (dicom(GREY16, Rows=0), Code.CORRUPT),
        (dicom(GREY16, Rows=11), Code.TRUNCATED),
        (dicom(GREY16, Rows=65535, Columns=65535), Code.CORRUPT),
        (dicom(GREY16, NumberOfFrames=2147483647), Code.CORRUPT),
        (dicom(GREY16, BitsAllocated=13), Code.CORRUPT),
        (dicom(GREY16, SamplesPerPixel=3), Code.CORRUPT),
        (dicom(GREY16, PhotometricInterpretation="HSV"), Code.UNSUPPORTED),
        (compressed([b"\0" * 64], "1.2.840.10008.1.2.4.102", GREY16), Code.UNSUPPORTED),
        (compressed([b"\0" * 64], "1.2.840.10008.1.2.4.94", GREY16), Code.UNSUPPORTED),
        (compressed([b"\0" * 64], J2K, GREY16), Code.CORRUPT),
        (compressed([imagecodecs.jpeg2k_encode(np.zeros((999, 999), np.uint8))], J2K, GREY16), Code.CORRUPT),
        (dicom(bytes(20), Rows=2, Columns=5, **ODD_422), Code.CORRUPT),
        (compressed([imagecodecs.jpegls_encode(RGB[:5, :, 0].copy())], JLS, RGB[:, :, 0]), Code.CORRUPT),
    ],
    ids=lambda v: str(v)[-24:],
)
def test_refusals(tmp_path: Path, data: bytes, code: Code):
    failure = refused(tmp_path, data)
    assert failure.code is code
    assert failure.text
    assert failure.hint


@pytest.mark.parametrize(
    ("syntax", "words"),
    [
        ("1.2.840.10008.1.2.4.53", "retired kind of JPEG"),
        ("1.2.840.10008.1.2.4.94", "JPIP"), ("1.2.840.10008.1.2.4.102", "a video"),
        ("1.2.840.10008.1.2.4.204", "JPIP"), ("1.2.840.10008.1.2.7.1", "live stream"),
        ("1.2.3.4", "does not know"),
    ],
)  # fmt: skip
def test_transfer_syntaxes_are_refused_by_name(tmp_path: Path, syntax: str, words: str):
    known = "1.2.840.10008.1.2.4.201"
    data = compressed([b"\0" * 64], known, GREY16).replace(known.encode(), syntax.encode().ljust(len(known), b"\0"))
    failure = refused(tmp_path, data)
    assert failure.code is Code.UNSUPPORTED
    assert words in failure.text


@pytest.mark.parametrize(
    ("sop", "modality", "words"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.11", "SR", "structured report"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", "radiotherapy contours"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "PR", "presentation state"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "DOC", "PDF"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "ECG", "ECG"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "SEG", "segmentation"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "RTPLAN", "radiotherapy plan"),
        ("1.2.840.10008.5.1.4.1.1.4.2", "MR", "spectrum"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "KO", "key images"),
        ("1.2.840.10008.5.1.4.1.1.66", "MR", "raw data"),
        ("1.2.840.10008.5.1.4.1.1.66.5", "SEG", "by surfaces"),
        ("1.2.840.10008.5.1.4.1.1.67", "RWV", "values"),
        ("1.2.840.10008.5.1.4.1.1.78.3", "KER", "eye"),
        ("1.2.840.10008.5.1.4.1.1.481.9", "RTRECORD", "treatment record"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(tmp_path: Path, sop: str, modality: str, words: str):
    failure = refused(tmp_path, dicom(None, SOPClassUID=sop, Modality=modality))
    assert failure.code is (Code.SEGMENTATION if sop.endswith(".66.4") else Code.NO_PIXELS)
    assert words in failure.text


def test_deep_nesting_is_refused(tmp_path: Path):
    body = b""
    for _ in range(3000):
        body = b"\x08\0\x15\x11\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + body
    data = dicom(GREY16, "1.2.840.10008.1.2")
    assert refused(tmp_path, data[: data.index(b"\x28\0\x02\0")] + body).code in (Code.CORRUPT, Code.NO_PIXELS)


def test_no_sop_class_of_images_is_taken_for_something_else():
    from pydicom.uid import UID_dictionary

    named = [uid for uid, (name, *_) in UID_dictionary.items() if "Image Storage" in name]
    assert len(named) > 50
    assert [uid for uid in named if any(f"{uid}.".startswith(f"{start}.") for start, _ in NOT_PICTURES)] == []


@pytest.mark.parametrize(
    ("sop", "name"),
    [
        ("481.2", "dose"),
        ("481.18", "treatment record"),
        ("481.25", "plan"),
        ("88.67", "report"),
        ("66.4", "segmentation"),
    ],
)
def test_what_is_no_picture_is_named_by_its_whole_sop_class(tmp_path: Path, sop: str, name: str):
    path = tmp_path / "x.dcm"
    path.write_bytes(dicom(GREY16, SOPClassUID=f"1.2.840.10008.5.1.4.1.1.{sop}"))
    found = open_path(path)
    assert isinstance(found, Failure)
    assert name in found.text


def test_a_header_of_too_many_items_is_refused_and_never_read_in_part(tmp_path: Path):
    items = b"\xfe\xff\x00\xe0\0\0\0\0" * (MAX_ITEMS + 1)
    data = dicom(GREY16)
    at = data.index(b"\xe0\x7f\x10\x00")
    path = tmp_path / "file.dcm"
    path.write_bytes(data[:at] + b"\x00\x52\x30\x92SQ\0\0" + struct.pack("<I", len(items)) + items + data[at:])
    for found in (read_dicom_header(path), open_path(path)):
        assert isinstance(found, Failure)
        assert found.code is Code.TOO_LARGE
    path.write_bytes(data[:at] + b"\x00\x52\x30\x92SQ\0\0" + struct.pack("<I", len(items) - 8) + items[8:] + data[at:])
    header = read_dicom_header(path)
    assert isinstance(header, Header)
    assert len(value(header.dataset, "PerFrameFunctionalGroupsSequence")) == MAX_ITEMS


def test_nothing_is_printed_and_no_warning_leaks(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    data = dicom(GREY16, "1.2.840.10008.1.2.1", StudyDate="20260101", PatientBirthDate="19000101")
    for start in range(140, len(data), 9):
        path = tmp_path / "file.dcm"
        path.write_bytes(data[:start] + b"\xff\x01" + data[start + 2 :])
        study = open_path(path)
        if isinstance(study, Study):
            study.frames[0].modality_values()
    assert capfd.readouterr() == ("", "")
