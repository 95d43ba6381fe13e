"""Augmentation: masks move with their pictures, mirrored halves keep the truth, everything is repeatable."""

from __future__ import annotations

import numpy as np
import pytest

from training.config import Augment
from training.data.augment import augment, mirror_half, retone, round_field
from training.data.not_ours import MADE, make, scramble

STILL = Augment(rotate=0, scale=(1, 1), shift=0, crop=0, flip=False, exposure=0, degrade=0, erase=0)


def blob(side: int = 64) -> tuple[np.ndarray, np.ndarray]:
    image = np.full((side, side), 40, np.uint8)
    mask = np.zeros((side, side), np.uint8)
    image[10:30, 8:24] = 200
    mask[10:30, 8:24] = 255
    return image, mask


def test_the_mask_follows_the_picture() -> None:
    image, mask = blob()
    for seed in range(20):
        moved = Augment(exposure=0, degrade=0, erase=0, crop=0.1)
        out, found = augment(np.random.default_rng(seed), image, mask, 96, moved, full_frame=True)
        assert found is not None
        bright = out > 120
        marked = found > 127
        union = (bright | marked).sum()
        assert union == 0 or (bright & marked).sum() / union > 0.85


def test_another_tone_keeps_black_and_shapes_and_is_at_times_falling() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    curves = [retone(np.random.default_rng(seed), ramp) for seed in range(60)]
    falling = [bool((np.diff(curve[0].astype(int)) < 0).any()) for curve in curves]
    assert 5 < sum(falling) < 40
    for curve in curves:
        assert curve[0, 0] == 0
        assert curve.max() <= 255
        assert np.abs(np.diff(curve[0].astype(int))).max() < 20
        np.testing.assert_array_equal(curve[0], curve[3])


@pytest.mark.parametrize("shape", [(96, 96), (96, 96, 3)])
def test_a_round_field_keeps_the_middle_and_blackens_the_corners(shape: tuple[int, ...]) -> None:
    white = np.full(shape, 255, np.uint8)
    kept = []
    for seed in range(30):
        out = round_field(np.random.default_rng(seed), white)
        assert (out.shape, out.dtype) == (shape, np.uint8)
        assert out[30:66, 40:56].min() == 255
        corners = out[[0, 0, -1, -1], [0, -1, 0, -1]].reshape(4, -1).max(axis=1)
        assert (corners < 16).sum() >= 2
        kept.append((out > 127).mean())
    assert 0.45 < min(kept) < 0.65 < max(kept) < 1.0


def test_the_same_seed_gives_the_same_view() -> None:
    image, mask = blob()
    strong = Augment(letters=1.0, crop=0.2, invert=0.5, erase=1.0, degrade=1.0)
    first, _ = augment(np.random.default_rng(3), image, mask, 48, strong, True)
    second, _ = augment(np.random.default_rng(3), image, mask, 48, strong, True)
    np.testing.assert_array_equal(first, second)
    assert first.shape == (48, 48)
    assert first.dtype == np.uint8


def test_colour_pictures_stay_colour() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    out, _ = augment(np.random.default_rng(1), image, None, 32, Augment(colour=1.0, degrade=1.0, letters=1.0), True)
    assert out.shape == (32, 32, 3)


def test_a_mirrored_half_is_a_tumour_or_a_tumour_free_head_and_symmetric() -> None:
    image, mask = blob()
    seen = set()
    for seed in range(30):
        out, marked, tumour = mirror_half(np.random.default_rng(seed), image, mask)
        np.testing.assert_array_equal(out, out[:, ::-1])
        np.testing.assert_array_equal(marked, marked[:, ::-1])
        assert tumour == bool(marked.any())
        seen.add(tumour)
    assert seen == {True, False}


def test_a_half_that_cuts_the_tumour_is_left_alone() -> None:
    image, mask = blob()
    mask[:] = 0
    mask[20:30, 28:36] = 255
    out, marked, tumour = mirror_half(np.random.default_rng(0), image, mask)
    assert tumour is None
    np.testing.assert_array_equal(out, image)
    np.testing.assert_array_equal(marked, mask)


@pytest.mark.parametrize("number", range(len(MADE) * 3))
def test_made_pictures_are_fixed_and_well_formed(number: int) -> None:
    picture = make(number)
    assert picture.shape == (256, 256, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, make(number))


def test_scrambled_pictures_keep_their_shape_and_change() -> None:
    image = np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    for seed in range(6):
        out = scramble(np.random.default_rng(seed), image)
        assert out.shape == image.shape
        assert (out != image).any()
