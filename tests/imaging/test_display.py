"""What a DICOM file says about showing its values: windows, curves, padding, overlays, spacing, pixel shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medview.core.failures import Failure
from medview.imaging.open import open_path
from medview.imaging.study import Frame
from medview.imaging.window import CT_PRESETS, Curve, Window, auto_window, presets_of, ramp, render
from tests.imaging.make import dicom

GREY = np.arange(-60, 60, dtype=np.int16).reshape(10, 12)


def frame_of(tmp_path: Path, pixels: np.ndarray = GREY, **elements: Any) -> Frame:
    path = tmp_path / "file.dcm"
    path.write_bytes(dicom(pixels, **elements))
    study = open_path(path)
    assert not isinstance(study, Failure), study
    return study.frames[0]


def lut(first: int, entries: list[int], bits: int = 16, **elements: Any) -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries), first, bits])
    item.add_new("LUTData", "US", entries)
    for name, value in elements.items():
        setattr(item, name, value)
    return Sequence([item])


def test_the_three_functions_by_their_formulas():
    """PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2, written out."""
    values = np.arange(-300, 300)
    c, w = 40.0, 200.0
    linear = np.where(
        values <= c - 0.5 - (w - 1) / 2,
        0,
        np.where(values > c - 0.5 + (w - 1) / 2, 255, ((values - (c - 0.5)) / (w - 1) + 0.5) * 255),
    )
    exact = np.where(values <= c - w / 2, 0, np.where(values > c + w / 2, 255, ((values - c) / w + 0.5) * 255))
    sigmoid = 255 / (1 + np.exp(-4 * (values - c) / w))
    assert np.allclose(ramp(values, Window(c, w)), linear, atol=1e-9)
    assert np.allclose(ramp(values, Window.exact(c, w)), exact, atol=1e-9)
    assert np.allclose(ramp(values, Window(c, w, sigmoid=True)), sigmoid, atol=1e-9)
    narrow = Window(0, 1e-6, sigmoid=True)
    assert np.array_equal(ramp(np.array([-9, 9]), narrow).round(6), [0, 255])


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32])
@pytest.mark.parametrize(
    "window",
    [Window(60, 80), Window.exact(60, 33.3), Window(60, 50, sigmoid=True),
     Window.of_curve(Curve(40, np.array([0.0, 0.5, 0.25, 1.0])))],
)  # fmt: skip
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("padding", [None, (30.0, 41.0)])
def test_render_is_the_reference(kind: type, window: Window, inverted: bool, padding: tuple[float, float] | None):
    values = np.arange(0, 120).astype(kind).reshape(10, 12)
    expected = ramp(values, window, inverted).astype(np.uint8)
    if padding:
        expected[(values >= 30) & (values <= 41)] = 0
    assert np.array_equal(render(values, window, inverted, padding=padding), expected)


def test_functions_and_presets_of_a_file(tmp_path: Path):
    frame = frame_of(
        tmp_path, WindowCenter=["40", "-600", "9"], WindowWidth=["400", "1500", "0"],
        WindowCenterWidthExplanation=["SOFT", "LUNG"],
    )  # fmt: skip
    assert [(p.name, p.window) for p in frame.presets] == [("SOFT", Window(40, 400)), ("LUNG", Window(-600, 1500))]
    assert frame.window == Window(40, 400)
    sigmoid = frame_of(tmp_path, WindowCenter="4", WindowWidth="9", VOILUTFunction="SIGMOID")
    assert sigmoid.window == Window(4, 9, sigmoid=True)
    assert sigmoid.notes == ()
    exact = frame_of(tmp_path, WindowCenter="100", WindowWidth="0.5", VOILUTFunction="LINEAR_EXACT")
    assert exact.window == Window.exact(100, 0.5)
    assert frame_of(tmp_path, WindowCenter="1", WindowWidth="0.5").window is None
    assert presets_of("CT") == CT_PRESETS
    assert presets_of("MR") == ()


def test_a_tone_curve_is_used_exactly(tmp_path: Path):
    entries = [0, 100, 4000, 4095]
    frame = frame_of(tmp_path, VOILUTSequence=lut(-2, entries, 12, LUTExplanation="FILM"))
    assert [p.name for p in frame.presets] == ["FILM"]
    assert frame.window is not None
    assert frame.window.curve is not None
    shown = render(np.array([[-50, -2, -1], [0, 1, 50]], np.int16), frame.window)
    assert np.array_equal(shown, np.array([[0, 0, 100], [4000, 4095, 4095]]) // 16)
    both = frame_of(tmp_path, VOILUTSequence=lut(0, entries, 12), WindowCenter="1", WindowWidth="2")
    assert [p.name for p in both.presets] == ["", ""]


@pytest.mark.parametrize(("entries", "bits"), [([1, 2, 3], 0), ([1, 2, 3], 17)])
def test_a_damaged_curve_is_left_out(tmp_path: Path, entries: list[int], bits: int):
    assert frame_of(tmp_path, VOILUTSequence=lut(0, entries, bits)).presets == ()


def test_half_a_curve_is_left_out(tmp_path: Path):
    """1,000 entries of 12 bits are declared and 500 are there, as bytes: they are not 1,000 entries of 8 bits."""
    curves = lut(0, [0] * 1000, 12)
    curves[0].add_new("LUTData", "OW", np.arange(500, dtype="<u2").tobytes())
    assert frame_of(tmp_path, VOILUTSequence=curves).presets == ()


def test_padding_is_in_modality_values_and_black(tmp_path: Path):
    frame = frame_of(
        tmp_path, PixelPaddingValue=-60, PixelPaddingRangeLimit=-50, RescaleSlope="2", RescaleIntercept="-10",
        PhotometricInterpretation="MONOCHROME1",
    )  # fmt: skip
    assert frame.padding == (-130, -110)
    values = frame.modality_values()
    assert not isinstance(values, Failure)
    shown = render(values, Window(0, 100), frame.inverted, padding=frame.padding)
    assert (shown.ravel()[:11] == 0).all()
    assert shown.ravel()[11] == 255
    wrapped = frame_of(tmp_path, PixelPaddingValue=-60)
    assert wrapped.padding == (-60, -60)
    assert frame_of(tmp_path).padding is None


def test_the_automatic_window_looks_past_padding():
    values = np.full((100, 100), -2000, np.int16)
    values[40:60, 40:60] = np.arange(400).reshape(20, 20)
    assert auto_window(values).low == -2000
    assert auto_window(values, (-2000, -2000)).low == pytest.approx(2, abs=1)
    assert auto_window(values, (-3000, 3000)) == Window.from_range(-2000, 399)


def overlay(bits: np.ndarray, origin: tuple[int, int] = (1, 1)) -> dict[str, Any]:
    return {"rows": bits.shape[0], "cols": bits.shape[1], "origin": list(origin), "bits": bits}


def with_overlay(tmp_path: Path, pixels: np.ndarray, planes: dict[int, dict[str, Any]], **elements: Any) -> Frame:
    path = tmp_path / "file.dcm"
    import io

    from pydicom import dcmread

    ds = dcmread(io.BytesIO(dicom(pixels, **elements)))
    for group, plane in planes.items():
        ds.add_new((group, 0x10), "US", plane["rows"])
        ds.add_new((group, 0x11), "US", plane["cols"])
        ds.add_new((group, 0x22), "LO", "Arrow")
        ds.add_new((group, 0x50), "SS", plane["origin"])
        ds.add_new((group, 0x100), "US", plane.get("allocated", 1))
        ds.add_new((group, 0x102), "US", plane.get("bit", 0))
        if "frames" in plane:
            ds.add_new((group, 0x15), "IS", plane["frames"])
        if "bits" in plane:
            packed = np.packbits(plane["bits"].ravel(), bitorder="little").tobytes()
            ds.add_new((group, 0x3000), "OW", packed + b"\0" * (len(packed) % 2))
    ds.save_as(path)
    study = open_path(path)
    assert not isinstance(study, Failure), study
    return study.frames[-1]


def test_overlays_lie_where_they_belong(tmp_path: Path):
    bits = (np.arange(15).reshape(3, 5) % 4 == 0).astype(np.uint8)
    frame = with_overlay(tmp_path, GREY, {0x6000: overlay(bits, (9, 0)), 0x6002: overlay(bits, (2, 3))})
    assert [plane.title for plane in frame.overlays] == ["Arrow", "Arrow"]
    inside = np.zeros((10, 12), bool)
    inside[1:4, 2:7] = bits
    assert np.array_equal(frame.overlays[1].marked(), inside)
    cut = np.zeros((10, 12), bool)
    cut[8:10, 0:4] = bits[:2, 1:]
    assert np.array_equal(frame.overlays[0].marked(), cut)


def test_overlays_in_unused_bits_and_by_frame(tmp_path: Path):
    drawn = GREY % 3 == 0
    pixels = (np.arange(120).reshape(10, 12) | (drawn.astype(int) << 12)).astype(np.uint16)
    plane = {"rows": 10, "cols": 12, "origin": [1, 1], "allocated": 16, "bit": 12}
    frame = with_overlay(tmp_path, pixels, {0x6000: plane}, BitsStored=12, HighBit=11)
    assert np.array_equal(frame.overlays[0].marked(), drawn)
    assert np.array_equal(frame.modality_values(), np.arange(120).reshape(10, 12))
    frames = (np.arange(240).reshape(2, 10, 12) % 7 == 0).astype(np.uint8)
    several = {"rows": 10, "cols": 12, "origin": [1, 1], "frames": 2, "bits": frames}
    last = with_overlay(tmp_path, np.stack([GREY, GREY]), {0x6000: several})
    assert np.array_equal(last.overlays[0].marked(), frames[1].astype(bool))
    short = {**several, "bits": frames[:1]}
    assert with_overlay(tmp_path, np.stack([GREY, GREY]), {0x6000: short}).overlays == ()


@pytest.mark.parametrize(
    ("elements", "spacing", "words"),
    [
        ({"PixelSpacing": ["0.5", "0.25"]}, (0.5, 0.25), ""),
        ({"ImagerPixelSpacing": ["0.2", "0.2"]}, (0.2, 0.2), "at the detector"),
        ({"PixelSpacing": ["0.2", "0.2"], "ImagerPixelSpacing": ["0.2", "0.2"]}, (0.2, 0.2), "at the detector"),
        (
            {"ImagerPixelSpacing": ["0.3", "0.3"], "EstimatedRadiographicMagnificationFactor": "1.5"},
            (0.2, 0.2),
            "magnification of 1.5",
        ),
        ({"NominalScannedPixelSpacing": ["0.1", "0.1"]}, (0.1, 0.1), "scanned film"),
        ({}, None, ""),
    ],
)
def test_the_spacing_that_applies(tmp_path: Path, elements: dict[str, Any], spacing: Any, words: str):
    frame = frame_of(tmp_path, **elements)
    assert frame.spacing_mm == pytest.approx(spacing) if spacing else frame.spacing_mm is None
    assert words in "".join(frame.notes)
    assert bool(frame.notes) == bool(words)


def test_the_shape_of_pixels(tmp_path: Path):
    assert frame_of(tmp_path).aspect == 1
    assert frame_of(tmp_path, PixelAspectRatio=["2", "1"]).aspect == 2
    assert frame_of(tmp_path, PixelSpacing=["1", "0.25"], PixelAspectRatio=["2", "1"]).aspect == 4


@pytest.mark.data
@pytest.mark.parametrize("name", ["voi-lut/vlut_04.dcm", "modality-lut/mlut_18.dcm", "window-edge/window_sigmoid.dcm"])
def test_the_display_of_corpus_files_is_pydicoms(data_dir: Path, name: str):
    from pydicom import dcmread
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    path = data_dir / "dicom" / name
    study = open_path(path)
    assert not isinstance(study, Failure)
    frame = study.frames[0]
    values = frame.modality_values()
    assert not isinstance(values, Failure)
    ds = dcmread(path)
    modality = apply_modality_lut(ds.pixel_array, ds)
    assert np.array_equal(values, modality)
    if frame.window is None:
        return
    expected = apply_voi_lut(modality.astype(np.int32), ds, prefer_lut=False).astype(np.float64)
    curve = frame.window.curve
    if curve is not None:
        levels = 1 << ds.VOILUTSequence[0].LUTDescriptor[2]
        assert np.array_equal(ramp(values, frame.window), np.floor(expected * 256 / levels))
    else:
        low, high = expected.min(), expected.max()
        mine = ramp(values, frame.window)
        assert np.allclose((mine - mine.min()) / np.ptp(mine), (expected - low) / (high - low), atol=1e-3)


@pytest.mark.data
@pytest.mark.parametrize(("name", "counts"), [("examples_overlay.dcm", 1), ("MR-SIEMENS-DICOM-WithOverlays.dcm", 1)])
def test_the_overlays_of_corpus_files_are_pydicoms(data_dir: Path, name: str, counts: int):
    from pydicom import dcmread

    path = data_dir / "dicom" / "overlay-60xx" / name
    study = open_path(path)
    assert not isinstance(study, Failure)
    overlays = study.frames[0].overlays
    assert len(overlays) == counts
    assert np.array_equal(overlays[0].marked(), dcmread(path).overlay_array(0x6000).astype(bool))
