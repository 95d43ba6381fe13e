"""Values to grey: DICOM's own formula, and that the fast ways equal it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.imaging.window import Window, auto_window, full_window, ramp, render


def standard(x: float, centre: float, width: float) -> float:
    """PS3.3 C.11.2.1.2.1, written as it stands there."""
    if x <= centre - 0.5 - (width - 1) / 2:
        return 0.0
    if x > centre - 0.5 + (width - 1) / 2:
        return 255.0
    return ((x - (centre - 0.5)) / (width - 1) + 0.5) * 255.0


@given(st.floats(-3000, 3000), st.floats(-2000, 2000), st.floats(1, 5000))
def test_ramp_is_the_standard_formula(x: float, centre: float, width: float):
    got = float(ramp(np.array([[x]]), Window(centre, width))[0, 0])
    assert got == pytest.approx(standard(x, centre, width), abs=1e-6 * 255 + (255 if abs(width - 1) < 1e-9 else 0))


@pytest.mark.parametrize(
    ("x", "expected"), [(-1000, 0), (-161, 0), (-160, 0), (-159, 0.6391), (40, 127.8195), (239, 255), (240, 255)]
)
def test_soft_tissue_window_by_hand(x: int, expected: float):
    assert ramp(np.array([[x]]), Window(40, 400))[0, 0] == pytest.approx(expected, abs=1e-3)


def test_width_one_is_a_step():
    assert ramp(np.array([[9, 10, 11]]), Window(10.5, 1)).tolist() == [[0, 0, 255]]


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint16, np.int16, np.int32, np.float32])
@pytest.mark.parametrize("inverted", [False, True])
def test_render_equals_the_formula_for_every_type(kind: type, inverted: bool):
    low, high = (0, 255) if kind == np.float32 else (max(np.iinfo(kind).min, -40000), min(np.iinfo(kind).max, 70000))
    values = np.linspace(low, high, 3000).astype(kind).reshape(50, 60)
    window = Window((low + high) / 2 + 3, (high - low) / 3)
    assert np.array_equal(render(values, window, inverted), ramp(values, window, inverted).astype(np.uint8))


def test_grey_is_cut_off_and_inverted_before():
    values = np.array([[0, 1, 2, 3]], np.int16)
    window = Window.from_range(0, 3 * 255 / 256)  # 85.33 levels a step
    assert ramp(values, window)[0] == pytest.approx([0, 85.3333, 170.6667, 255], abs=1e-3)
    assert render(values, window).tolist() == [[0, 85, 170, 255]]
    assert render(values, window, inverted=True).tolist() == [[255, 169, 84, 0]]


def test_render_writes_into_out_and_takes_views():
    values = np.arange(-200, 200, dtype=np.int16).reshape(20, 20)
    out = np.zeros((20, 20), np.uint8)
    window = Window(0, 300)
    assert render(values, window, out=out) is out
    floats = np.zeros((20, 20), np.uint8)
    assert render(values.astype(np.float32), window, out=floats) is floats
    assert np.array_equal(out, floats)
    assert np.array_equal(render(values[:, ::2], window), out[:, ::2])


def test_windows_from_ranges_and_values():
    assert (Window.from_range(10, 20).low, Window.from_range(10, 20).high) == (10, 20)
    eight = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(render(eight, full_window(eight)), eight)
    values = np.full((100, 100), 500, np.int16)
    assert auto_window(values).width == 1
    values[:50] = -500
    assert (auto_window(values).low, auto_window(values).high) == (-500, 500)
