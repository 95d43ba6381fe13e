"""DICOM files made here: exact values, and every refusal by the name of what the file is."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from medview.core.failures import Code, Failure
from medview.imaging.dicom_codecs import DEFLATED_FRAMES, PLAIN_FRAMES
from medview.imaging.dicom_header import MAX_ITEMS, Header, read_dicom_header, value
from medview.imaging.dicom_objects import NOT_PICTURES
from medview.imaging.open import open_path
from medview.imaging.study import Frame, Study
from medview.imaging.window import Window
from tests.imaging.make import dicom, photo, ramp_picture

GREY16 = (np.arange(120, dtype=np.int16).reshape(10, 12) * 37 - 1500).astype(np.int16)
RGB = ramp_picture(10, 12)
RGB_ELEMENTS = {
    "Rows": 10, "Columns": 12, "SamplesPerPixel": 3, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
    "PixelRepresentation": 0, "PhotometricInterpretation": "RGB",
}  # fmt: skip
ODD_422 = {**RGB_ELEMENTS, "PhotometricInterpretation": "YBR_FULL_422"}
del ODD_422["Rows"], ODD_422["Columns"]
JPEG, LOSSLESS, JLS, J2K, RLE = (
    "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.5",
)  # fmt: skip


def opened(tmp_path: Path, data: bytes) -> Study:
    path = tmp_path / "file.dcm"
    path.write_bytes(data)
    study = open_path(path)
    assert isinstance(study, Study), study
    return study


def first(tmp_path: Path, data: bytes) -> tuple[Frame, Any]:
    frame = opened(tmp_path, data).frames[0]
    values = frame.modality_values()
    assert not isinstance(values, Failure), values
    assert values.shape[:2] == (frame.rows, frame.cols)
    return frame, values


def refused(tmp_path: Path, data: bytes) -> Failure:
    path = tmp_path / "file.dcm"
    path.write_bytes(data)
    result = open_path(path)
    if isinstance(result, Study):
        result = result.frames[0].modality_values()
    assert isinstance(result, Failure), result
    return result


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


def compressed(frames: list[bytes], syntax: str, like: np.ndarray, **elements: Any) -> bytes:
    count = {"NumberOfFrames": len(frames)} if len(frames) > 1 else {}
    ds: dict[str, Any] = dict(
        Rows=like.shape[0], Columns=like.shape[1], SamplesPerPixel=3 if like.ndim == 3 else 1,
        PhotometricInterpretation="RGB" if like.ndim == 3 else "MONOCHROME2", BitsAllocated=like.itemsize * 8,
        BitsStored=like.itemsize * 8, HighBit=like.itemsize * 8 - 1, PixelRepresentation=int(like.dtype.kind == "i"),
    )  # fmt: skip
    if like.ndim == 3:
        ds["PlanarConfiguration"] = 0
    return dicom(encapsulate(frames), syntax, **{**ds, **count, **elements})


@pytest.mark.parametrize(("syntax", "name"), [(JPEG, "jpeg8"), (LOSSLESS, "ljpeg"), (JLS, "jpegls"), (J2K, "jpeg2k")])
def test_frames_filled_up_with_zeros(tmp_path: Path, syntax: str, name: str):
    """Some writers give every frame the same room; a frame of which a part is missing is refused all the same."""
    grey = RGB[..., 0].copy()
    encoded, decode = getattr(imagecodecs, f"{name}_encode")(grey), getattr(imagecodecs, f"{name}_decode")
    frame = opened(tmp_path, compressed([encoded + b"\0" * 5000], syntax, grey)).frames[0]
    assert np.array_equal(frame.stored_values(), decode(encoded))
    assert refused(tmp_path, compressed([encoded[:-9] + b"\0" * 5000], syntax, grey)).code is Code.TRUNCATED


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        (LOSSLESS, lambda v: imagecodecs.jpeg8_encode(v, lossless=True, predictor=1)),
        (JLS, imagecodecs.jpegls_encode),
        (J2K, lambda v: imagecodecs.jpeg2k_encode(v, codecformat="j2k", reversible=True)),
    ],
    ids=["jpeg lossless", "jpeg-ls", "jpeg 2000"],
)
def test_lossless_codecs_are_exact(tmp_path: Path, syntax: str, encode: Any):
    for stored in (GREY16, GREY16.view(np.uint16), (GREY16 & 255).astype(np.uint8)):
        data = encode(stored.view(f"u{stored.itemsize}"))
        _, values = first(tmp_path, compressed([data], syntax, stored))
        assert values.dtype == stored.dtype
        assert np.array_equal(values, stored)


def test_rle_is_exact(tmp_path: Path):
    from pydicom.pixels.encoders import RLELosslessEncoder

    for stored, photometric in ((GREY16, "MONOCHROME2"), (RGB, "RGB")):
        data = RLELosslessEncoder.encode(
            stored.tobytes(), rows=10, columns=12, number_of_frames=1, samples_per_pixel=stored.size // 120,
            bits_allocated=stored.itemsize * 8, bits_stored=stored.itemsize * 8, planar_configuration=0,
            photometric_interpretation=photometric, pixel_representation=0,
        )  # fmt: skip
        _, values = first(tmp_path, compressed([data], RLE, stored))
        assert np.array_equal(values, stored)


def test_damaged_rle_is_refused_and_ends_nothing(tmp_path: Path):
    from pydicom.pixels.encoders import RLELosslessEncoder

    good = RLELosslessEncoder.encode(
        GREY16.tobytes(), rows=10, columns=12, number_of_frames=1, samples_per_pixel=1, bits_allocated=16,
        bits_stored=16, photometric_interpretation="MONOCHROME2", pixel_representation=1,
    )  # fmt: skip
    for at in range(0, len(good), 4):
        for word in (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\0\0\0"):
            data = compressed([good[:at] + word + good[at + 4 :]], RLE, GREY16)
            values = opened(tmp_path, data).frames[0].modality_values()
            assert isinstance(values, Failure) or values.shape == GREY16.shape
    short = opened(tmp_path, compressed([good[:-20]], RLE, GREY16)).frames[0].modality_values()
    assert isinstance(short, Failure)
    assert short.code is Code.CORRUPT


def test_jpeg_colour_comes_out_as_libjpeg_gives_it(tmp_path: Path):
    bgr = photo(32, 48)
    data = imagecodecs.jpeg8_encode(bgr, level=95, subsampling="444")
    expected = imagecodecs.jpeg8_decode(data)
    for photometric in ("YBR_FULL_422", "YBR_FULL", "RGB"):
        _, values = first(tmp_path, compressed([data], JPEG, bgr, PhotometricInterpretation=photometric))
        assert np.abs(values.astype(int) - expected).max() <= 2, photometric


def test_damaged_htj2k_is_refused_without_a_word(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    stored = photo(64, 64)[:, :, 0].copy()
    good = imagecodecs.htj2k_encode(stored, reversible=True)
    syntax = "1.2.840.10008.1.2.4.201"
    assert np.array_equal(first(tmp_path, compressed([good], syntax, stored))[1], stored)
    for start in range(len(good) // 2, len(good) - 40, 200):
        study = opened(tmp_path, compressed([good[:start]], syntax, stored))
        assert isinstance(study.frames[0].modality_values(), Failure), start
    for start in range(len(good) // 3, len(good) - 40, 50):
        data = compressed([good[:start] + bytes(30) + good[start + 30 :]], syntax, stored)
        opened(tmp_path, data).frames[0].modality_values()
    assert capfd.readouterr() == ("", "")


def test_damaged_compressed_frames_fail_alone(tmp_path: Path):
    good = imagecodecs.jpegls_encode(GREY16.view(np.uint16))
    study = opened(tmp_path, compressed([good, good[:30] + bytes(len(good) - 30), good], JLS, GREY16))
    results = [frame.modality_values() for frame in study.frames]
    assert [isinstance(r, Failure) for r in results] == [False, True, False]
    assert results[1].code is Code.CORRUPT  # type: ignore[union-attr]


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


def test_uncompressed_and_deflated_frames_in_fragments(tmp_path: Path):
    import zlib

    packer = zlib.compressobj(wbits=-15)
    deflated = packer.compress(GREY16.tobytes()) + packer.flush()
    for syntax, data in ((PLAIN_FRAMES, GREY16.tobytes()), (DEFLATED_FRAMES, deflated)):
        assert np.array_equal(first(tmp_path, encapsulated([data], syntax, GREY16))[1], GREY16)
        values = opened(tmp_path, encapsulated([data[:40]], syntax, GREY16)).frames[0].modality_values()
        assert isinstance(values, Failure)


def encapsulated(frames: list[bytes], syntax: str, like: np.ndarray) -> bytes:
    return compressed(frames, J2K, like).replace(J2K.encode(), syntax.encode().ljust(len(J2K), b"\0"))


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
