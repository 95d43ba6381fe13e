"""Exposures as grey curves."""

from __future__ import annotations

import numpy as np

from training.data.exposure import POINTS, Exposures, curve, mapped, moved


def ramp(low: int, high: int) -> np.ndarray:
    return np.tile(np.linspace(low, high, 64).round().astype(np.uint8), (64, 1))


def test_the_curve_holds_the_quantiles() -> None:
    found = curve(ramp(0, 252))
    assert found.shape == (POINTS,)
    assert (found[0], found[16], found[-1]) == (0, 124, 252)


def test_a_film_takes_another_ones_exposure_wholly_or_in_part() -> None:
    dark, bright = ramp(20, 100), ramp(120, 240)
    np.testing.assert_array_equal(moved(dark, curve(dark), curve(bright), 0.0), dark)
    assert np.abs(moved(dark, curve(dark), curve(bright), 1.0).astype(int) - bright).max() <= 2
    half = moved(dark, curve(dark), curve(bright), 0.5).astype(int)
    assert np.abs(half - (dark.astype(int) + bright) / 2).max() <= 2


def test_an_empty_film_stays_one_level() -> None:
    black = np.zeros((8, 8), np.uint8)
    out = moved(black, curve(black), curve(ramp(0, 200)), 1.0)
    assert len(np.unique(out)) == 1


def test_exposures_are_borrowed_inside_a_source_alone() -> None:
    images = np.stack([ramp(0, 50), ramp(0, 60), ramp(150, 250), ramp(160, 250)])
    exposures = Exposures.of(images, ["a", "a", "b", "b"])
    means = [exposures.borrow(np.random.default_rng(seed), images[0], 0).mean() for seed in range(20)]
    assert max(means) < 40
    assert len({round(m) for m in means}) == 2
    np.testing.assert_allclose(exposures.mean, np.mean([curve(i) for i in images], axis=0), rtol=1e-6)


def test_all_pictures_are_mapped_to_one_curve() -> None:
    images = np.stack([ramp(0, 50), ramp(150, 250)])
    out = mapped(images, curve(ramp(50, 150)), 1.0)
    np.testing.assert_allclose(out.mean(axis=(1, 2)), 100, atol=3)
