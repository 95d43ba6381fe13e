"""DICOM files made here: exact values, and every refusal by the name of what the file is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medview.core.failures import Code
from medview.imaging.window import Window
from tests.imaging.dicoms import GREY16, ODD_422, RGB, RGB_ELEMENTS, first, opened, refused
from tests.imaging.make import dicom


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
def test_uncompressed_values_are_exact(tmp_path: Path, syntax: str):
    pixels = GREY16.byteswap() if syntax.endswith("1.2.2") else GREY16
    _, values = first(tmp_path, dicom(pixels, syntax))
    assert values.dtype == np.int16
    assert np.array_equal(values, GREY16)


def test_deflated_and_its_limits(tmp_path: Path):
    data = dicom(GREY16, "1.2.840.10008.1.2.1.99")
    assert np.array_equal(first(tmp_path, data)[1], GREY16)
    assert refused(tmp_path, data[:-20]).code is Code.TRUNCATED


def test_without_preamble_or_meta(tmp_path: Path):
    assert np.array_equal(first(tmp_path, dicom(GREY16, preamble=False))[1], GREY16)
    data = dicom(GREY16, "1.2.840.10008.1.2")
    bare = data[data.index(b"\x08\0\x16\0") :]
    assert np.array_equal(first(tmp_path, bare)[1], GREY16)


@pytest.mark.parametrize(
    ("slope", "intercept", "kind"),
    [
        ("1", "0", np.int16),
        ("1", "-1024", np.int16),
        ("2", "40000", np.uint16),
        ("30", "0", np.int32),
        ("0.5", "1", np.float32),
    ],
)
def test_rescale(tmp_path: Path, slope: str, intercept: str, kind: type):
    _, values = first(tmp_path, dicom(GREY16, RescaleSlope=slope, RescaleIntercept=intercept))
    assert values.dtype == kind
    assert np.array_equal(values, GREY16.astype(np.float64) * float(slope) + float(intercept))


def test_unused_bits_are_no_picture(tmp_path: Path):
    stored = np.arange(120, dtype=np.uint16).reshape(10, 12) * 34
    junk = stored | 0xF000
    common = {"BitsStored": 12, "HighBit": 11}
    assert np.array_equal(first(tmp_path, dicom(junk, PixelRepresentation=0, **common))[1], stored)
    signed = first(tmp_path, dicom(junk, PixelRepresentation=1, **common))[1]
    assert np.array_equal(signed, np.where(stored > 2047, stored.astype(np.int32) - 4096, stored))
    high = dicom((stored << 4) | 5, BitsStored=12, HighBit=15, PixelRepresentation=0)
    assert np.array_equal(first(tmp_path, high)[1], stored)


def test_one_bit_frames_need_not_begin_at_a_byte(tmp_path: Path):
    frames = (np.arange(3 * 15) % 4 == 0).astype(np.uint8).reshape(3, 3, 5)
    data = dicom(
        np.packbits(frames.ravel(), bitorder="little").tobytes(), Rows=3, Columns=5, NumberOfFrames=3, BitsAllocated=1,
        BitsStored=1, HighBit=0, PixelRepresentation=0, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2",
    )  # fmt: skip
    study = opened(tmp_path, data)
    for frame, expected in zip(study.frames, frames, strict=True):
        assert np.array_equal(frame.modality_values(), expected)


def test_polarity_window_and_spacing(tmp_path: Path):
    frame, values = first(
        tmp_path,
        dicom(
            GREY16, PhotometricInterpretation="MONOCHROME1", WindowCenter=["40", "300"], WindowWidth=["400", "1500"],
            PixelSpacing=["0.5", "0.25"], ImagerPixelSpacing=["9", "9"],
        ),
    )  # fmt: skip
    assert np.array_equal(values, GREY16)
    assert frame.inverted
    assert frame.window == Window(40, 400)
    assert frame.spacing_mm == (0.5, 0.25)
    assert frame.notes == ()
    frame, _ = first(tmp_path, dicom(GREY16, ImagerPixelSpacing=["0.2", "0.2"], WindowCenter="5", WindowWidth="0"))
    assert (frame.inverted, frame.window, frame.spacing_mm) == (False, None, (0.2, 0.2))
    assert "at the detector" in frame.notes[0]
    exact, _ = first(tmp_path, dicom(GREY16, WindowCenter="100", WindowWidth="200", VOILUTFunction="LINEAR_EXACT"))
    assert exact.window is not None
    assert (exact.window.low, exact.window.high) == (0, 200)


@pytest.mark.parametrize("spacing", [["0", "1"], ["1"], ["-1", "-1"]])
def test_nonsense_in_optional_elements_is_ignored(tmp_path: Path, spacing: list[str]):
    data = dicom(GREY16, PixelSpacing=spacing, WindowWidth="5", WindowCenter="1")
    assert data.count(b"DS\x02\x005 ") == 1
    frame, _ = first(tmp_path, data.replace(b"DS\x02\x005 ", b"DS\x02\x00x "))
    assert frame.spacing_mm is None
    assert frame.window is None


def test_colour(tmp_path: Path):
    assert np.array_equal(first(tmp_path, dicom(RGB))[1], RGB)
    planar = dicom(RGB.transpose(2, 0, 1).tobytes(), PlanarConfiguration=1, **RGB_ELEMENTS)
    assert np.array_equal(first(tmp_path, planar)[1], RGB)
    deep = RGB.astype(np.uint16) * 257
    assert np.array_equal(first(tmp_path, dicom(deep))[1], deep)


def test_ybr_by_the_standard(tmp_path: Path):
    ybr = np.zeros((2, 4, 3), np.uint8)
    ybr[0] = (76, 85, 255)  # red
    ybr[1] = (150, 44, 21)  # green
    _, values = first(tmp_path, dicom(ybr, PhotometricInterpretation="YBR_FULL"))
    assert np.abs(values[0].astype(int) - (254, 0, 0)).max() <= 1
    assert np.abs(values[1].astype(int) - (0, 255, 1)).max() <= 2
    halved = np.concatenate([ybr[:, 0::2, :1], ybr[:, 1::2, :1], ybr[:, 0::2, 1:]], axis=2)
    elements = {"Rows": 2, "Columns": 4, "SamplesPerPixel": 3, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    data = dicom(
        halved.tobytes(), PhotometricInterpretation="YBR_FULL_422", PixelRepresentation=0, PlanarConfiguration=0,
        **elements,
    )  # fmt: skip
    assert np.array_equal(first(tmp_path, data)[1], values)


@pytest.mark.parametrize("cols", [4, 5])
@pytest.mark.parametrize("frames", [1, 2])
def test_shared_colour_in_the_header_only(tmp_path: Path, cols: int, frames: int):
    """YBR_FULL_422 over uncompressed pixels that have a colour each: the length tells, also for an odd width."""
    ybr = np.arange(frames * 3 * cols * 3, dtype=np.uint8).reshape(frames, 3, cols, 3)
    elements = {**ODD_422, "Rows": 3, "Columns": cols, "NumberOfFrames": frames, "PlanarConfiguration": 0}
    study = opened(tmp_path, dicom(ybr.tobytes() + b"\0" * (ybr.size % 2), **elements))
    for frame, expected in zip(study.frames, ybr, strict=True):
        assert np.array_equal(frame.stored_values(), expected)


def test_bytes_in_big_endian_words(tmp_path: Path):
    """8-bit values of VR OW in big endian: the bytes of each word are the other way round (PS3.5 annex A.3)."""
    frames = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)[:, :, :3].transpose(2, 0, 1)
    plain = np.ascontiguousarray(frames).tobytes() + b"\0"
    swapped = np.frombuffer(plain, np.uint8).reshape(-1, 2)[:, ::-1].tobytes()
    data = dicom(
        np.ascontiguousarray(frames).tobytes() + b"\0", "1.2.840.10008.1.2.2", Rows=3, Columns=3, SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2", NumberOfFrames=3, BitsAllocated=8, BitsStored=8, HighBit=7,
        PixelRepresentation=0,
    ).replace(plain, swapped).replace(b"\x7f\xe0\x00\x10OB", b"\x7f\xe0\x00\x10OW")  # fmt: skip
    for frame, expected in zip(opened(tmp_path, data).frames, frames, strict=True):
        assert np.array_equal(frame.modality_values(), expected)


def test_palette(tmp_path: Path):
    numbers = (np.arange(20) % 4).astype(np.uint8).reshape(4, 5)
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [9, 8, 7]], np.uint16)
    elements: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for column, name in enumerate(("Red", "Green", "Blue")):
        elements[f"{name}PaletteColorLookupTableDescriptor"] = [4, 0, 16]
        elements[f"{name}PaletteColorLookupTableData"] = (colours[:, column] * 257).tobytes()
    _, values = first(tmp_path, dicom(numbers, **elements))
    assert values.dtype == np.uint8
    assert np.array_equal(values, colours.astype(np.uint8)[numbers])


def test_frames_are_one_series_with_their_own_groups(tmp_path: Path):
    frames = np.stack([GREY16, GREY16 + 1, GREY16 + 2])
    groups = []
    for n in range(3):
        lut, rescale, group = Dataset(), Dataset(), Dataset()
        lut.WindowCenter, lut.WindowWidth = str(n), "10"
        rescale.RescaleSlope, rescale.RescaleIntercept = "1", str(100 * n)
        group.FrameVOILUTSequence, group.PixelValueTransformationSequence = Sequence([lut]), Sequence([rescale])
        groups.append(group)
    shared, measures = Dataset(), Dataset()
    measures.PixelSpacing = ["2", "3"]
    shared.PixelMeasuresSequence = Sequence([measures])
    study = opened(
        tmp_path,
        dicom(
            frames, PerFrameFunctionalGroupsSequence=Sequence(groups), SharedFunctionalGroupsSequence=Sequence([shared])
        ),
    )
    assert len(study.series) == 1
    assert study.middle == 1
    for n, frame in enumerate(study.frames):
        assert np.array_equal(frame.modality_values(), GREY16.astype(int) + n + 100 * n)
        assert frame.window == Window(n, 10)
        assert frame.spacing_mm == (2, 3)


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 192", "Hassan^Layla=حسن^ليلى"), ("ISO_IR 100", "Äneas^Rüdiger"), ("ISO_IR 144", "Иванова^Мария"),
        ("ISO_IR 126", "Διονυσιος"), ("ISO_IR 127", "قباني^لنزار"), ("ISO_IR 138", "שרון^דבורה"),
        ("ISO_IR 101", "Żółć^Łukasz"), ("ISO_IR 148", "Çavuşoğlu^İ"), ("ISO_IR 166", "ไทย"), ("GB18030", "王^小东"),
        ("GBK", "陈^静"), ("ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        ("ISO_IR 203", "Œuvre^Š"), (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        ("ISO_IR 192", "<b>Bold</b>^<i>It</i>"),
    ],
)  # fmt: skip
def test_names_in_every_character_set(tmp_path: Path, charset: Any, name: str):
    frame = opened(tmp_path, dicom(GREY16, SpecificCharacterSet=charset, PatientName=name)).frames[0]
    assert frame.place is not None
    assert frame.place.origin.patient_name == name


@pytest.mark.parametrize(
    ("charset", "written", "name"),
    [
        ("ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东"),
        ("ISO 2022 IR 144", b"Luke=\x1b-L\xbb\xee\xda", "Luke=Люк"),
        ("ISO 2022 IR 203", b"Oe=\x1b-b\xbcuvre", "Oe=Œuvre"),
    ],
)
def test_names_by_escape_sequences(tmp_path: Path, charset: str, written: bytes, name: str):
    """PS3.5 annex K."""
    filler = "X" * len(written)
    data = dicom(GREY16, SpecificCharacterSet=["", charset], PatientName=filler).replace(filler.encode(), written)
    frame = opened(tmp_path, data).frames[0]
    assert frame.place is not None
    assert frame.place.origin.patient_name == name
