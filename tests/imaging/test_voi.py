"""Display of DICOM grey as other programs write it: tone curves of the wrong sign or range, few bits, tables that are
empty, windows that the standard does not have, numbers that are none. Exact grey, and what is told of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medview.core.failures import Failure
from medview.imaging.open import open_path
from medview.imaging.window import Window
from tests.imaging.greys import BIG, EXPLICIT, IMPLICIT, RAMP, SYNTAXES, frame_of, grey_of, table
from tests.imaging.make import dicom

# Tone curves


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@pytest.mark.parametrize("vr", ["US", "SS"])
def test_a_curve_has_the_sign_of_the_modality_values(tmp_path: Path, syntax: str, vr: str) -> None:
    """Unsigned pixels, and values from -1024 on after the rescale: the curve begins at -1024, however it is written."""
    curve = table(64512 if vr == "US" else -1024, np.arange(4096), 12, vr)
    frame = frame_of(
        tmp_path,
        syntax=syntax,
        BitsStored=12,
        HighBit=11,
        RescaleSlope="1",
        RescaleIntercept="-1024",
        VOILUTSequence=curve,
    )
    assert frame.window is not None
    assert frame.window.curve is not None
    assert frame.window.curve.first == -1024
    assert grey_of(frame) == [0, 64, 128, 192, 248]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@pytest.mark.parametrize("vr", ["US", "SS"])
def test_a_curve_over_unsigned_values_of_signed_pixels(tmp_path: Path, syntax: str, vr: str) -> None:
    """Signed pixels, a modality LUT (whose output has no sign), and a curve that begins at 40000."""
    signed = np.tile((np.arange(64) * 1024 - 32768).astype(np.int16), (2, 1))
    modality = table(-32768, np.arange(65536), 16, "SS")
    curve = table(40000, np.arange(4096), 12, vr)
    frame = frame_of(tmp_path, signed, syntax, ModalityLUTSequence=modality, VOILUTSequence=curve)
    assert frame.window is not None
    assert frame.window.curve is not None
    assert frame.window.curve.first == 40000
    assert grey_of(frame) == [0, 0, 0, 255, 255]


@pytest.mark.parametrize(
    ("pixels", "intercept", "first", "count", "meant"),
    [
        # 16 bits and an intercept: on the side of the values that there are.
        (RAMP, -1024, 40000, 20000, 40000),
        (RAMP, -1024, 65036, 4096, -500),
        (RAMP, 0, 40000, 20000, 40000),
        (RAMP, 0, 33000, 65536, 33000),
        (RAMP.astype(np.int16) - 2000, 0, 63536, 4096, -2000),
        (RAMP.astype(np.int16) - 2000, 40000, 40000, 4096, 40000),
        # Values without a sign, and a curve that only meets them with one.
        (np.zeros((2, 64), np.uint8), 0, 65530, 300, -6),
    ],
)
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_of_two_signs_the_one_that_meets_the_values(
    tmp_path: Path, syntax: str, pixels: np.ndarray[Any, Any], intercept: int, first: int, count: int, meant: int
) -> None:
    curve = table(first, np.arange(count), 16, "US")
    frame = frame_of(tmp_path, pixels, syntax, RescaleSlope="1", RescaleIntercept=str(intercept), VOILUTSequence=curve)
    assert frame.window is not None
    assert frame.window.curve is not None
    assert frame.window.curve.first == meant


@pytest.mark.parametrize(("bits", "top"), [(16, 4095), (16, 1023), (14, 4095), (12, 255), (16, 2600)])
@SYNTAXES
def test_a_curve_that_uses_less_than_half_of_its_bits_is_shown_whole(
    tmp_path: Path, syntax: str, bits: int, top: int
) -> None:
    entries = np.floor(np.arange(4096) * (top + 1) / 4096)
    curve = table(0, entries, bits, "US", ">" if syntax == BIG else "<")
    frame = frame_of(tmp_path, syntax=syntax, VOILUTSequence=curve)
    assert grey_of(frame) == pytest.approx([0, 64, 128, 192, 248], abs=int(top == 2600))
    assert [note for note in frame.notes if "less than half" in note] == list(frame.notes)
    assert len(frame.notes) == 1


@pytest.mark.parametrize(
    ("first", "entries"),
    [(0, np.zeros(4096)), (0, np.full(4096, 100)), (0, [5]), (30000, np.arange(4096)), (40000, np.arange(4096))],
    ids=["black", "grey", "one entry", "above all values", "far above"],
)
def test_a_curve_that_shows_all_values_alike_is_left_out(tmp_path: Path, first: int, entries: Any) -> None:
    frame = frame_of(tmp_path, BitsStored=12, HighBit=11, VOILUTSequence=table(first, np.asarray(entries), 12, "US"))
    assert frame.window is None
    assert frame.notes == ("A tone curve (VOI LUT) of this file shows all values alike, and was left out.",)


@pytest.mark.parametrize(("bits", "top"), [(12, 65535), (8, 4095), (10, 1024), (8, 65535)])
@SYNTAXES
def test_a_curve_that_goes_beyond_its_bits_is_shown_whole(tmp_path: Path, syntax: str, bits: int, top: int) -> None:
    entries = np.floor(np.arange(4096) * (top + 1) / 4096)
    curve = table(0, entries, bits, "US", ">" if syntax == BIG else "<")
    frame = frame_of(tmp_path, syntax=syntax, VOILUTSequence=curve)
    assert grey_of(frame) == pytest.approx([0, 64, 128, 192, 248], abs=int(top == 1024))
    assert frame.notes == (
        "The tone curve (VOI LUT) goes beyond the grey it declares; it is shown from black to white.",
    )


@pytest.mark.parametrize(("bits", "top", "last"), [(12, 4095, 248), (12, 3000, 181), (16, 40000, 151), (8, 200, 194)])
def test_a_curve_that_uses_part_of_its_bits_stays_as_it_is(tmp_path: Path, bits: int, top: int, last: int) -> None:
    entries = np.floor(np.arange(4096) * (top + 1) / 4096)
    frame = frame_of(tmp_path, VOILUTSequence=table(0, entries, bits, "US"))
    assert grey_of(frame)[-1] == last
    assert frame.notes == ()


@SYNTAXES
def test_two_entries_of_eight_bits_share_a_word(tmp_path: Path, syntax: str) -> None:
    """The first in the low byte of the word, in whatever order the bytes of the file are."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [256, 0, 8])
    shades = 255 - np.arange(256, dtype=np.uint8)
    words = shades.view("<u2").astype(">u2" if syntax == BIG else "<u2")
    item.add_new("LUTData", "OW", words.tobytes())
    frame = frame_of(tmp_path, syntax=syntax, VOILUTSequence=Sequence([item]))
    assert frame.window is not None
    assert frame.window.curve is not None
    assert np.array_equal(frame.window.curve.entries, shades / 256)


def test_a_falling_curve(tmp_path: Path) -> None:
    falling = frame_of(tmp_path, VOILUTSequence=table(0, 4095 - np.arange(4096), 16, "US"))
    assert grey_of(falling) == [255, 191, 127, 63, 7]


def empty(described: Any, data: Any) -> Sequence:
    """A LUT sequence whose item lacks one of its elements (None), or has it empty."""
    item = Dataset()
    for keyword, vr, found in (("LUTDescriptor", "US", described), ("LUTData", "OW", data)):
        if found is not None:
            item.add_new(keyword, vr, found)
    return Sequence([item])


BROKEN = pytest.mark.parametrize(
    ("described", "data"),
    [([], b""), (None, None), ([4096, 0, 16], None), (None, b"\1\0" * 8), ([4096, 0, 16], b""), ([], b"\1\0" * 8)],
)


@BROKEN
@SYNTAXES
def test_an_empty_modality_lut_is_left_out(tmp_path: Path, syntax: str, described: Any, data: Any) -> None:
    grey = (RAMP // 16).astype(np.uint8)
    frame = frame_of(tmp_path, grey, syntax, ModalityLUTSequence=empty(described, data))
    assert np.array_equal(frame.modality_values(), grey)
    assert frame.notes == ("The value table (modality LUT) of this file is empty, and was left out.",)


@BROKEN
@SYNTAXES
def test_an_empty_tone_curve_is_left_out(tmp_path: Path, syntax: str, described: Any, data: Any) -> None:
    frame = frame_of(
        tmp_path, RAMP, syntax, VOILUTSequence=empty(described, data), WindowCenter="2048", WindowWidth="4096"
    )
    assert frame.window == Window(2048, 4096)
    assert frame.notes == ("A tone curve (VOI LUT) of this file is empty or damaged, and was left out.",)


def test_half_a_modality_lut_is_refused(tmp_path: Path) -> None:
    """Values that would be wrong are not shown."""
    path = tmp_path / "a.dcm"
    path.write_bytes(dicom(RAMP, ModalityLUTSequence=empty([4096, 0, 16], b"\1\0" * 8)))
    study = open_path(path)
    values = study if isinstance(study, Failure) else study.frames[0].modality_values()
    assert isinstance(values, Failure)


# Few bits


def shades(bits: int, kind: type, signed: bool = False) -> np.ndarray[Any, Any]:
    """Every value that so many bits can have, from left to right over 64 columns."""
    steps = np.arange(64) * (1 << bits) // 64
    return np.tile((steps - ((1 << bits) // 2 if signed else 0)).astype(kind), (2, 1))


@pytest.mark.parametrize(
    ("bits", "grey"),
    [
        (1, [0, 0, 255, 255, 255]), (2, [0, 85, 170, 255, 255]), (4, [0, 68, 136, 204, 255]),
        (5, [0, 65, 131, 197, 255]), (7, [0, 64, 128, 192, 248]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int8, np.int16])
@SYNTAXES
def test_few_bits_are_shown_from_black_to_white(
    tmp_path: Path, syntax: str, kind: type, bits: int, grey: list[int]
) -> None:
    pixels = shades(bits, kind, signed=np.dtype(kind).kind == "i")
    frame = frame_of(tmp_path, pixels, syntax, BitsStored=bits, HighBit=bits - 1)
    assert grey_of(frame) == pytest.approx(grey, abs=1)
    inverted = frame_of(
        tmp_path, pixels, syntax, BitsStored=bits, HighBit=bits - 1, PhotometricInterpretation="MONOCHROME1"
    )
    assert grey_of(inverted) == pytest.approx([255 - level for level in grey], abs=1)


def test_the_grey_of_few_bits_is_dcmtks(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, shades(4, np.uint8), BitsStored=4, HighBit=3)
    assert grey_of(frame) == [0, 68, 136, 204, 255]
    frame = frame_of(tmp_path, shades(4, np.uint8), BitsStored=4, HighBit=3, PhotometricInterpretation="MONOCHROME1")
    assert grey_of(frame) == [255, 187, 119, 51, 0]


def test_one_bit_a_pixel(tmp_path: Path) -> None:
    packed = np.packbits(shades(1, np.uint8), bitorder="little").tobytes()
    elements = {
        "Rows": 2, "Columns": 64, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 1,
        "BitsStored": 1, "HighBit": 0, "PixelRepresentation": 0,
    }  # fmt: skip
    data = dicom(packed, **elements)
    assert grey_of(frame_of(tmp_path, data)) == [0, 0, 255, 255, 255]


def test_a_window_of_the_file_and_a_rescale_count_for_few_bits_too(tmp_path: Path) -> None:
    pixels = shades(4, np.uint8)
    frame = frame_of(tmp_path, pixels, BitsStored=4, HighBit=3, WindowCenter="8", WindowWidth="9")
    assert frame.window == Window(8, 9)
    assert grey_of(frame) == [0, 15, 143, 255, 255]
    scaled = frame_of(tmp_path, pixels, BitsStored=4, HighBit=3, RescaleSlope="10", RescaleIntercept="-50")
    assert scaled.few_bits == (-50, 100)
    assert grey_of(scaled) == [0, 68, 136, 204, 255]
    dark = np.minimum(pixels, 4)
    assert grey_of(frame_of(tmp_path, dark, BitsStored=4, HighBit=3))[-1] == 68


def test_eight_bits_and_more_are_shown_as_before(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, (RAMP // 64).astype(np.uint8))
    assert (frame.few_bits, grey_of(frame)) == (None, [0, 16, 32, 48, 62])
    assert frame_of(tmp_path, BitsStored=12, HighBit=11).few_bits is None


# Windows and polarity


def test_a_window_below_one_of_fine_values(tmp_path: Path) -> None:
    """0.1 / 0.2 over values of 0.0001 a step: the ramp goes from 0 to 0.2."""
    frame = frame_of(
        tmp_path, RescaleSlope="0.0001", RescaleIntercept="0", WindowCenter=["0.1", "0.2"], WindowWidth=["0.2", "0.4"]
    )
    assert frame.window == Window.exact(0.1, 0.2)
    assert grey_of(frame) == [0, 130, 255, 255, 255]
    assert len(frame.presets) == 2
    assert frame.notes == (
        "The file gives a window less than 1 wide, which DICOM does not have; it is shown as wide as it says.",
    )


def test_a_window_of_one_has_greys_for_fine_values(tmp_path: Path) -> None:
    """A map from 0 to 1 shown over all of it: by the formula of LINEAR all of it would be white."""
    frame = frame_of(tmp_path, RescaleSlope=str(1 / 4096), RescaleIntercept="0", WindowCenter="0.5", WindowWidth="1")
    assert frame.window == Window.exact(0.5, 1)
    assert grey_of(frame) == [0, 63, 127, 191, 247]
    assert frame.notes == (
        "The file gives a window 1 wide for finer values, by DICOM two greys only; it is shown as wide as it says.",
    )
    plain = frame_of(tmp_path, WindowCenter="100", WindowWidth="1")
    assert (plain.window, plain.notes) == (Window(100, 1), ())


def test_a_window_narrower_than_a_step_is_left_out(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, WindowCenter="100", WindowWidth="0.5")
    assert frame.window is None
    assert len(frame.notes) == 1
    assert "left out" in frame.notes[0]
    assert frame_of(tmp_path, WindowCenter="100", WindowWidth="0").notes == ()


@pytest.mark.parametrize(
    ("photometric", "shape", "grey", "told"),
    [
        ("MONOCHROME2", "IDENTITY", [0, 64, 128, 192, 248], False),
        ("MONOCHROME1", "INVERSE", [255, 191, 127, 63, 7], False),
        ("MONOCHROME2", "INVERSE", [0, 64, 128, 192, 248], True),
        ("MONOCHROME1", "IDENTITY", [255, 191, 127, 63, 7], True),
    ],
)
def test_a_contradiction_about_polarity_is_told(
    tmp_path: Path, photometric: str, shape: str, grey: list[int], told: bool
) -> None:
    pixels = (RAMP // 16).astype(np.uint8)
    frame = frame_of(tmp_path, pixels, PhotometricInterpretation=photometric, PresentationLUTShape=shape)
    assert grey_of(frame) == grey
    note = f"The file contradicts itself on which values are dark ({photometric}, {shape}); the first is followed."
    assert frame.notes == ((note,) if told else ())
