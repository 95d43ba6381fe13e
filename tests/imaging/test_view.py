"""Which way the beam went, and which side of the patient is where: what files say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medview.core.failures import Failure
from medview.imaging.dicom_view import is_lateral
from medview.imaging.geometry import Orientation
from medview.imaging.open import open_path
from medview.imaging.study import Frame, HeaderFacts
from tests.imaging.make import dicom, png

AXIAL = {
    "ImagePositionPatient": [0, 0, 0],
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PixelSpacing": [1, 1],
}


def frame_of(folder: Path, **elements: Any) -> Frame:
    path = folder / "film.dcm"
    path.write_bytes(dicom(np.arange(6, dtype=np.uint8).reshape(2, 3), **{"Modality": "DX", **elements}))
    study = open_path(path)
    assert not isinstance(study, Failure)
    return study.frames[0]


def coded(meaning: str) -> Sequence:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "399173006", "SCT", meaning
    return Sequence([code])


@pytest.mark.parametrize(
    "view", ["LL", "RL", "LATERAL", "LAT", "LEFT LATERAL", "RIGHT LATERAL", "CHEST LAT", "LLAT", "LAT_ERECT"]
)
def test_lateral(view: str):
    assert is_lateral(view)


@pytest.mark.parametrize(
    "view", ["", "PA", "AP", "RLD", "LLD", "LLO", "RLO", "LEFT LATERAL DECUBITUS", "LATERAL OBLIQUE", "MLO", "PLATE"]
)
def test_not_lateral(view: str):
    assert not is_lateral(view)


@pytest.mark.parametrize(
    ("elements", "view", "lateral"),
    [
        ({}, "", False),
        ({"ViewPosition": "PA"}, "PA", False),
        ({"ViewPosition": "ll"}, "LL", True),
        ({"ViewPosition": "PA", "ViewCodeSequence": coded("lateral")}, "PA", False),
        ({"ViewCodeSequence": coded("left lateral")}, "LEFT LATERAL", True),
        ({"ViewCodeSequence": coded("postero-anterior")}, "POSTERO-ANTERIOR", False),
        ({"PatientOrientation": ["A", "F"]}, "LATERAL", True),
        ({"PatientOrientation": ["PR", "FR"]}, "LATERAL", True),
        ({"PatientOrientation": ["L", "F"]}, "", False),
        ({"PatientOrientation": "A"}, "", False),
        ({"PatientOrientation": ["P", "F"], "Modality": "MR"}, "", False),
        ({"PatientOrientation": ["A", "F"], "ViewPosition": "AP"}, "AP", False),
    ],
)
def test_what_a_file_says(tmp_path: Path, elements: dict[str, Any], view: str, lateral: bool):
    frame = frame_of(tmp_path, **elements)
    assert (frame.view, frame.lateral) == (view, lateral)
    assert frame.notes == ((f"A lateral view, as the file says ({view}).",) if lateral else ())


@pytest.mark.parametrize(
    ("elements", "sides"),
    [
        ({}, None),
        ({"PatientOrientation": ["L", "F"]}, Orientation("R", "H", "L", "F")),
        ({"PatientOrientation": ["A", "F"], "Modality": "MG"}, Orientation("P", "H", "A", "F")),
        ({"PatientOrientation": "L"}, None),
        ({"PatientOrientation": ["L", "R"]}, None),
        ({"PatientOrientation": ["L", "F", "H"]}, None),
        ({"PatientOrientation": ["L", "F"], "AnatomicalOrientationType": "QUADRUPED"}, None),
        ({"PatientOrientation": ["R", "F"], **AXIAL}, Orientation("R", "A", "L", "P")),
    ],
)
def test_the_sides_of_a_picture(tmp_path: Path, elements: dict[str, Any], sides: Orientation | None):
    assert frame_of(tmp_path, **elements).orientation == sides


@pytest.mark.parametrize(
    ("elements", "why"),
    [
        ({"Modality": "MR", "ScanningSequence": "SE", "EchoTime": "12"}, ""),
        ({"Modality": "MR", "ScanningSequence": "SE", "EchoTime": "59.9"}, ""),
        ({"Modality": "MR", "ScanningSequence": "SE", "EchoTime": "60"}, "an echo time of 60 ms"),
        ({"Modality": "MR", "ScanningSequence": ["EP", "GR"], "EchoTime": "30"}, "echo planar imaging"),
        ({"Modality": "MR", "ScanningSequence": "EP"}, "echo planar imaging"),
        ({"Modality": "MR", "ScanningSequence": ["SE", " EP "]}, "echo planar imaging"),
        ({"Modality": "MR", "ScanningSequence": "REPEAT"}, ""),
        ({"Modality": "MR", "ScanningSequence": "SE", "EchoTime": "1e300"}, ""),
        ({"Modality": "MR"}, ""),
        ({"Modality": "MR", "EchoTime": ""}, ""),
        ({"Modality": "CT", "EchoTime": "240"}, ""),
    ],
)
def test_an_mr_slice_that_cannot_be_t1_weighted(tmp_path: Path, elements: dict[str, Any], why: str):
    assert frame_of(tmp_path, **elements).not_t1 == (why or None)


def test_what_a_header_says_that_the_picture_shows(tmp_path: Path) -> None:
    region = Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "t-d3000", "SRT", "Chest"
    found = frame_of(
        tmp_path,
        Modality="dx ",
        BodyPartExamined="Thorax",
        ImageType=["DERIVED", "primary"],
        SOPClassUID="1.2.840.10008.5.1.4.1.1.1.1",
        AnatomicRegionSequence=Sequence([region]),
    )
    assert found.header == HeaderFacts(
        "DX", "1.2.840.10008.5.1.4.1.1.1.1", "THORAX", ("T-D3000",), ("DERIVED", "PRIMARY")
    )
    assert frame_of(tmp_path, Modality="", SOPClassUID="").header == HeaderFacts()


def test_the_region_of_an_enhanced_object_is_that_of_its_first_frame(tmp_path: Path) -> None:
    anatomy, shared = Dataset(), Dataset()
    anatomy.AnatomicRegionSequence = coded("Breast")
    shared.FrameAnatomySequence = Sequence([anatomy])
    found = frame_of(tmp_path, SharedFunctionalGroupsSequence=Sequence([shared])).header
    assert found is not None
    assert found.regions == ("399173006",)


def test_a_picture_file_has_no_header(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(png(np.arange(64, dtype=np.uint8).reshape(8, 8), 0))
    study = open_path(path)
    assert not isinstance(study, Failure)
    assert study.frames[0].header is None


@pytest.mark.parametrize(
    ("charset", "written"),
    [("ISO_IR 192", "КОЛЕНО".encode()), ("ISO_IR 144", "КОЛЕНО".encode("iso8859_5")), (None, "КОЛЕНО".encode()),
     ("GB18030", "КОЛЕНО".encode("gb18030"))],
)  # fmt: skip
def test_a_body_part_in_the_letters_of_the_clinic(tmp_path: Path, charset: str | None, written: bytes) -> None:
    said = {"SpecificCharacterSet": charset} if charset else {}
    data = dicom(np.zeros((2, 3), np.uint8), Modality="DX", BodyPartExamined="Q" * len(written), **said)
    (tmp_path / "x.dcm").write_bytes(data.replace(b"Q" * len(written), written))
    study = open_path(tmp_path / "x.dcm")
    assert not isinstance(study, Failure)
    assert study.frames[0].header is not None
    assert study.frames[0].header.body_part == "КОЛЕНО"


@pytest.mark.filterwarnings("ignore:Unknown encoding")
@pytest.mark.parametrize(("charset", "read"), [("ISO_IR 100", "HÜFTE"), (None, "HÜFTE"), ("ISO_IR 999", "HÜFTE")])
def test_a_body_part_in_latin_letters(tmp_path: Path, charset: str | None, read: str) -> None:
    said = {"SpecificCharacterSet": charset} if charset else {}
    data = dicom(np.zeros((2, 3), np.uint8), Modality="DX", BodyPartExamined="QQQQQ ", **said)
    (tmp_path / "x.dcm").write_bytes(data.replace(b"QQQQQ ", b"H\xdcFTE "))
    study = open_path(tmp_path / "x.dcm")
    assert not isinstance(study, Failure)
    assert study.frames[0].header is not None
    assert study.frames[0].header.body_part == read
