"""Colours of heatmaps and masks, to the pixel."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from medview.imaging.window import Window, to_8bit
from medview.inference.region import Region
from medview.report import overlay


def test_low_heat_is_transparent_and_high_heat_is_solid() -> None:
    heat = np.array([[0.0, 1.0]], np.float32)
    rgba = overlay.heatmap_rgba(heat, (20, 40))
    assert rgba.shape == (20, 40, 4)
    assert rgba.dtype == np.uint8
    assert (rgba[:, :10, 3] == 0).all()
    assert (rgba[:, -10:, 3] == 255).all()
    assert (rgba[:, -10:, :3] == overlay.heat_colours()[255]).all()


def test_heat_is_enlarged_smoothly() -> None:
    rgba = overlay.heatmap_rgba(np.array([[0.0, 1.0]], np.float32), (4, 200))
    steps = np.abs(np.diff(rgba[0, :, 3].astype(int)))
    assert steps.max() <= 8


def test_heat_stays_in_range_where_cubic_interpolation_overshoots() -> None:
    heat = np.zeros((7, 7), np.float32)
    heat[3, 3] = 1.0
    rgba = overlay.heatmap_rgba(heat, (70, 70))
    assert rgba[0, 0, 3] == 0
    assert rgba[35, 35, 3] == 255


def test_a_thin_frame_stands_around_the_part_the_model_saw() -> None:
    heat = np.zeros((8, 8), np.float32)
    rgba = overlay.heatmap_rgba(heat, (100, 200), Region(0.1, 0.25, 0.9, 0.75))
    framed = rgba[..., 3] > 0
    expected = np.zeros((100, 200), bool)
    expected[10:90, 50:150] = True
    expected[12:88, 52:148] = False
    np.testing.assert_array_equal(framed, expected)
    # Pale outside, dark inside, one pixel each.
    assert {tuple(rgba[row, 100]) for row in (10, 89)} == {overlay.FRAME_RGBA}
    assert {tuple(rgba[row, 100]) for row in (11, 88)} == {overlay.SHADE_RGBA}


def test_heat_colours_get_brighter_all_the_way() -> None:
    luma = overlay.heat_colours().astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luma) > -1).all()
    assert luma[-1] - luma[0] > 200


def test_a_mask_has_a_solid_outline_and_a_translucent_inside() -> None:
    mask = np.zeros((9, 9), np.uint8)
    mask[2:7, 2:7] = 1
    rgba = overlay.mask_rgba(mask)
    expected = np.zeros((9, 9), np.uint8)
    expected[2:7, 2:7] = 255
    expected[3:6, 3:6] = overlay.MASK_FILL_ALPHA
    assert (rgba[..., 3] == expected).all()
    assert (rgba[2:7, 2:7, :3] == overlay.MASK_RGB).all()


def test_the_outline_closes_at_the_edge_of_the_picture() -> None:
    rgba = overlay.mask_rgba(np.ones((5, 5), np.uint8))
    assert (rgba[0, :, 3] == 255).all()
    assert (rgba[:, -1, 3] == 255).all()
    assert rgba[2, 2, 3] == overlay.MASK_FILL_ALPHA


def test_an_empty_mask_is_all_transparent() -> None:
    assert not overlay.mask_rgba(np.zeros((5, 5), np.uint8)).any()


def test_burn_mixes_by_alpha_and_opacity() -> None:
    grey = np.full((1, 3), 100, np.uint8)
    rgba = np.array([[[200, 0, 50, 255], [200, 0, 50, 0], [200, 0, 50, 51]]], np.uint8)
    burned = overlay.burn(grey, rgba, 0.5)
    assert burned.tolist() == [[[150, 50, 75], [100, 100, 100], [110, 90, 95]]]


def test_burn_keeps_colour() -> None:
    rgb = np.array([[[1, 2, 3]]], np.uint8)
    assert overlay.burn(rgb, np.zeros((1, 1, 4), np.uint8), 1.0).tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("inverted", [False, True])
def test_to_8bit_of_grey_goes_through_the_window(inverted: bool) -> None:
    values = np.array([[0, 100, 200, 300]], np.int16)
    shown = to_8bit(values, Window.from_range(100, 200), inverted)  # the top ends just short of white, as in dcmtk
    assert shown.tolist() == ([[255, 255, 0, 0]] if inverted else [[0, 0, 254, 255]])


def test_to_8bit_of_colour() -> None:
    deep = np.array([[[0, 0x8000, 0xFFFF]]], np.uint16)
    assert to_8bit(deep).tolist() == [[[0, 128, 255]]]
    assert to_8bit(deep, inverted=True).tolist() == [[[255, 127, 0]]]


@pytest.mark.parametrize(
    "make",
    [
        lambda rgb: overlay.burn(rgb, np.zeros((*rgb.shape[:2], 4), np.uint8), 0.5),
        lambda rgb: overlay.heatmap_rgba(np.ones((8, 8), np.float32), rgb.shape[:2]),
        lambda rgb: to_8bit(rgb.astype(np.uint16)),
    ],
)
def test_a_large_picture_needs_little_memory_beside_it(make: Callable[[np.ndarray], np.ndarray]) -> None:
    rgb = np.zeros((1500, 1500, 3), np.uint8)
    tracemalloc.start()
    make(rgb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # What is given in or out, at most 9 bytes a pixel here; copies in float32 took 30 and more.
    assert peak < 12 * 1500 * 1500


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("shape", [(3, 70_000), (700, 300), (1, 1)])
def test_strips_cover_every_row(shape: tuple[int, int], inverted: bool) -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
    rgba = rng.integers(0, 256, (*shape, 4)).astype(np.uint8)
    alpha = np.rint(rgba[..., 3:] * 0.6) / 255
    exact = rgb * (1 - alpha) + rgba[..., :3] * alpha
    assert np.abs(overlay.burn(rgb, rgba, 0.6) - exact).max() <= 0.5 + 1e-6
    assert (to_8bit(rgb.astype(np.uint16) << 8, inverted=inverted) == (255 - rgb if inverted else rgb)).all()


def test_reduced_keeps_the_shape_and_what_is_small_enough() -> None:
    image = np.full((100, 300, 3), 7, np.uint8)
    assert overlay.reduced(image, 300) is image
    small = overlay.reduced(image, 30)
    assert small.shape == (10, 30, 3)
    assert (small == 7).all()
