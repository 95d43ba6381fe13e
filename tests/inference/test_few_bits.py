"""Grey of fewer than 8 bits reaches the networks over the whole range, as the eye sees it."""

from __future__ import annotations

import numpy as np
import pytest

from medview.inference.quality import measure
from medview.inference.resample import as_8_bit


@pytest.mark.parametrize(
    ("values", "ends", "seen"),
    [
        (np.array([[0, 4, 8, 12, 15]], np.uint8), (0, 15), [[0, 68, 136, 204, 255]]),
        (np.array([[0, 1]], np.uint8), (0, 1), [[0, 255]]),
        (np.array([[-8, 0, 7]], np.int16), (-8, 7), [[0, 136, 255]]),
        (np.array([[-50.0, 100.0]], np.float32), (-50, 100), [[0, 255]]),
    ],
)
def test_few_bits_become_eight(values: np.ndarray, ends: tuple[float, float], seen: list[list[int]]) -> None:
    found = as_8_bit(values, ends)
    assert found.dtype == np.uint8
    assert found.tolist() == seen


def test_all_others_stay_as_they_are() -> None:
    values = np.array([[0, 4]], np.uint8)
    assert as_8_bit(values, None) is values
    assert as_8_bit(values, (3, 3)) is values
    colour = np.zeros((2, 2, 3), np.uint8)
    assert as_8_bit(colour, (0, 15)) is colour


def test_a_film_of_16_shades_is_not_of_low_contrast() -> None:
    shades = np.tile(np.arange(256, dtype=np.uint8) // 16, (256, 1))
    assert measure(shades).contrast < 0.1
    assert measure(as_8_bit(shades, (0, 15))).contrast == pytest.approx(1.0)
