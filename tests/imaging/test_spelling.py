"""Numbers and values of DICOM elements as other programs write them, and values that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medview.core.failures import Code, Failure
from medview.imaging.dicom_elements import lenient_numbers
from medview.imaging.open import open_path
from medview.imaging.window import Window
from tests.imaging.greys import BIG, EXPLICIT, RAMP, SECONDARY_CAPTURE, SYNTAXES, frame_of
from tests.imaging.make import dicom

# Numbers


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (b"1.5\\2", (1.5, 2)), (b"1,5\\2", (1.5, 2)), (b"-1,5e2", (-150,)), (b"1.5\\2\\", (1.5, 2)),
        (b"1\\2\\\\ ", (1, 2)),
        (b" 1.5 \\ 2 ", (1.5, 2)), (b"1.5mm\\2 mm", (1.5, 2)), (b"400HU", (400,)), (b"40\\x", (40, None)),
        (b"\\40", (None, 40)), (b"1,500.0", (None,)), (b"1.2.3", (None,)), (b"2 cm", (None,)), (b"", ()), (b"\0\0", ()),
        (b"+.5", (0.5,)), (b"5.", (5,)), (b"1_0", (None,)), (b"nan", (None,)), (b"1e999\\2", (float("inf"), 2)),
        (b"0x10", (None,)), (b"1 2", (None,)), ("١".encode(), (None,)), (b"1\\\\2", (1, None, 2)),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(written: bytes, found: tuple[float | None, ...]) -> None:
    assert lenient_numbers(written) == found


@given(st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=6))
def test_what_pydicom_reads_is_read_the_same(several: list[float]) -> None:
    assert lenient_numbers("\\".join(map(repr, several)).encode()) == tuple(several)


@given(st.binary(max_size=30))
def test_any_bytes_are_answered(data: bytes) -> None:
    assert all(number is None or isinstance(number, float) for number in lenient_numbers(data))


def patched(keyword_of: dict[str, str], syntax: str = EXPLICIT, **elements: Any) -> bytes:
    """A DICOM file whose numbers (DS, IS) are written as given, which pydicom would not do."""
    marks = {key: str(n) * (len(text) + len(text) % 2) for n, (key, text) in enumerate(keyword_of.items(), 1)}
    data = dicom(RAMP.astype(">u2") if syntax == BIG else RAMP, syntax, **elements, **marks)
    for keyword, text in keyword_of.items():
        assert data.count(marks[keyword].encode()) == 1, keyword
        data = data.replace(marks[keyword].encode(), text.encode().ljust(len(marks[keyword])))
    return data


def test_one_bad_window_does_not_cost_the_others(tmp_path: Path) -> None:
    data = patched({"WindowCenter": "broken\\40,5\\100\\", "WindowWidth": "400\\400,5\\20\\"})
    assert [preset.window for preset in frame_of(tmp_path, data).presets] == [Window(40.5, 400.5), Window(100, 20)]


@pytest.mark.parametrize(
    "spacing", ["0,50000\\0,25000", "0.50000\\0.25000\\", "0.5 mm  \\0.25 mm", " 0.5000 \\ 0.2500 "]
)
@SYNTAXES
def test_spacing_and_plane_survive_other_spellings(tmp_path: Path, syntax: str, spacing: str) -> None:
    data = patched(
        {
            "PixelSpacing": spacing, "ImagePositionPatient": "-10,500000\\20,2500\\30,0000",
            "ImageOrientationPatient": "1,00000\\0\\0\\0\\1,00000\\0\\",
        },
        syntax,
    )  # fmt: skip
    frame = frame_of(tmp_path, data)
    assert frame.spacing_mm == (0.5, 0.25)
    assert frame.place is not None
    assert frame.place.plane is not None
    assert frame.place.plane.position == (-10.5, 20.25, 30)
    assert frame.place.plane.across == (1, 0, 0)


@pytest.mark.parametrize(
    "spacing", ["0.50000\\broken0", "\\\\0.5000\\0.250", "0.500\\\\0.2500", "0.5 cm\\0.25 cm", "-0.5000\\0.2500"]
)
def test_a_spacing_that_cannot_be_told_is_none(tmp_path: Path, spacing: str) -> None:
    assert frame_of(tmp_path, patched({"PixelSpacing": spacing})).spacing_mm is None


def test_rescale_and_echo_with_a_comma(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, patched({"RescaleSlope": "0,5000", "RescaleIntercept": "-10,50"}))
    values = frame.modality_values()
    assert not isinstance(values, Failure)
    assert values[0, :3].tolist() == [-10.5, 21.5, 53.5]


@pytest.mark.parametrize("spacing", [["1e-300", "1e300"], ["1e9", "1e9"]])
def test_a_spacing_of_no_picture_counts_as_absent(tmp_path: Path, spacing: list[str]) -> None:
    frame = frame_of(tmp_path, PixelSpacing=spacing)
    assert (frame.spacing_mm, frame.aspect) == (None, 1.0)


# Values that are none


@pytest.mark.parametrize(
    ("slope", "intercept"), [("1e308", "0"), ("1", "1e308"), ("1e39", "0"), ("-1e30", "5"), ("1", "-1e31")]
)
@pytest.mark.parametrize("pixels", [RAMP, RAMP.astype(np.uint8), RAMP.astype(np.int16)])
def test_values_that_no_measurement_has_are_refused(
    tmp_path: Path, pixels: np.ndarray[Any, Any], slope: str, intercept: str
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(dicom(pixels, RescaleSlope=slope, RescaleIntercept=intercept))
    study = open_path(path)
    assert isinstance(study, Failure)
    assert study.code is Code.CORRUPT


def test_large_values_stay_finite(tmp_path: Path) -> None:
    values = frame_of(tmp_path, RescaleSlope="1e24", RescaleIntercept="0").modality_values()
    assert not isinstance(values, Failure)
    assert np.isfinite(values).all()


@pytest.mark.parametrize(
    "keyword",
    ["StudyDescription", "SeriesDescription", "PatientName", "Modality", "StudyDate", "WindowCenter", "PixelSpacing",
     "ImagePositionPatient", "RescaleSlope", "PhotometricInterpretation", "ViewPosition", "PatientOrientation",
     "AcquisitionTime", "InstanceNumber", "WindowCenterWidthExplanation", "VOILUTFunction", "ImageType", "EchoTime"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["SQ", "OB"])
def test_a_value_of_another_kind_counts_as_absent(tmp_path: Path, kind: str, keyword: str) -> None:
    from pydicom import dcmread
    from pydicom.datadict import tag_for_keyword

    path = tmp_path / "a.dcm"
    path.write_bytes(dicom(RAMP))
    ds = dcmread(path)
    inner = Dataset()
    inner.add_new(0x00080104, "LO", "text")
    tag = tag_for_keyword(keyword)
    assert tag is not None
    if tag in ds:
        del ds[tag]
    ds.add_new(tag, kind, Sequence([inner]) if kind == "SQ" else b"1\\2\\3\\4")
    ds.save_as(path)
    frame = frame_of(tmp_path, path.read_bytes())
    assert (frame.window, frame.spacing_mm, frame.presets, frame.view) == (None, None, (), "")
    assert np.array_equal(frame.modality_values(), RAMP)
    assert frame.place is not None
    assert (frame.place.origin.study_title, frame.place.origin.patient_name, frame.place.plane) == ("", "", None)


# What an object is


@pytest.mark.parametrize(
    "modality", ["ECG", "DOC", "SR", "KO", "PR", "SEG", "REG", "AU", "ANN", "RTPLAN", "RTDOSE", "RTSTRUCT", "OT", ""]
)
def test_the_sop_class_decides_what_an_object_is(tmp_path: Path, modality: str) -> None:
    pixels = (RAMP // 16).astype(np.uint8)
    frame = frame_of(tmp_path, pixels, SOPClassUID=SECONDARY_CAPTURE, Modality=modality)
    assert np.array_equal(frame.modality_values(), pixels)
    assert frame.modality == modality
    # A class that medview does not know, of a vendor's own.
    assert frame_of(tmp_path, pixels, SOPClassUID="1.3.12.2.1107.5.9.1", Modality=modality).modality == modality


@pytest.mark.parametrize(
    ("sop", "modality", "words"),
    [
        ("1.2.840.10008.5.1.4.1.1.481.2", "OT", "a radiotherapy dose"),
        ("1.2.840.10008.5.1.4.1.1.481.2", "RTDOSE", "dose"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "MR", "a segmentation"), ("", "RTDOSE", "a radiotherapy dose"),
    ],
)  # fmt: skip
def test_what_is_none_stays_none(tmp_path: Path, sop: str, modality: str, words: str) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(dicom(RAMP, SOPClassUID=sop, Modality=modality))
    study = open_path(path)
    assert isinstance(study, Failure)
    assert words in study.text


def test_frames_without_a_group_of_their_own_say_what_the_file_says(tmp_path: Path) -> None:
    """What one frame says of itself is not taken over by the next."""
    timed = Dataset()
    timed.EffectiveEchoTime = 90.0
    first, second = Dataset(), Dataset()
    first.MREchoSequence = Sequence([timed])
    pixels = np.zeros((2, 4, 4), np.uint8)
    path = tmp_path / "a.dcm"
    path.write_bytes(dicom(pixels, PerFrameFunctionalGroupsSequence=Sequence([first, second]), EchoTime="10"))
    study = open_path(path)
    assert not isinstance(study, Failure)
    assert [frame.place.echo for frame in study.frames if frame.place] == ["90", "10"]
