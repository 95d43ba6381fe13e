"""Values to network input: exact numbers for every rule a card can name."""

from __future__ import annotations

import numpy as np
import pytest

from medview.inference.preprocess import Preprocess, preprocess, to_canonical, to_unit
from medview.inference.resample import resize_squash, stretch

GREY = Preprocess((4, 4), "grey", "stretch")
RGB = Preprocess((2, 2), "rgb", "range")


def test_range_rule_divides_8_bit_by_255_and_scales_to_minus_one_to_one() -> None:
    values = np.array([[[0, 51, 255]] * 2] * 2, np.uint8)
    tensor = preprocess(values, RGB)
    assert tensor.shape == (1, 3, 2, 2)
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(tensor[0, :, 0, 0], [-1.0, -0.6, 1.0], atol=1e-6)


def test_stretch_maps_the_robust_range_to_0_1_and_clips_outliers() -> None:
    values = np.linspace(100, 300, 1001, dtype=np.float32).reshape(-1, 1)
    values[0, 0], values[-1, 0] = -30000, 30000
    unit = stretch(values)
    assert unit.min() == 0.0
    assert unit.max() == 1.0
    assert unit[500, 0] == pytest.approx(0.5, abs=1e-3)


def test_a_constant_picture_becomes_black_instead_of_noise() -> None:
    assert not stretch(np.full((8, 8), 1234, np.uint16)).any()


def test_deep_values_are_stretched_even_under_the_range_rule() -> None:
    values = np.array([[1000, 1000], [3000, 3000]], np.uint16)
    unit = to_unit(values, "range")
    np.testing.assert_allclose(unit, [[0, 0], [1, 1]], atol=1e-6)


def test_grey_is_bt601_luma() -> None:
    values = np.zeros((4, 4, 3), np.uint8)
    values[:2] = (200, 100, 50)
    unit = to_canonical(values, Preprocess((4, 4), "grey", "range"))
    expected = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255
    np.testing.assert_allclose(unit[0], expected, atol=1e-6)


def test_polarity_is_undone_for_the_model() -> None:
    values = np.arange(16, dtype=np.uint16).reshape(4, 4) * 100
    np.testing.assert_allclose(to_canonical(values, GREY, inverted=True), 1 - to_canonical(values, GREY), atol=1e-6)


def test_grey_is_repeated_on_three_channels() -> None:
    tensor = preprocess(np.arange(16, dtype=np.uint8).reshape(4, 4), GREY)
    np.testing.assert_array_equal(tensor[0, 0], tensor[0, 1])
    np.testing.assert_array_equal(tensor[0, 0], tensor[0, 2])


def test_shrinking_averages_areas_and_keeps_the_type() -> None:
    values = np.array([[0, 100, 10, 20], [100, 200, 30, 40]], np.uint16)
    small = resize_squash(values, (1, 2))
    assert small.dtype == np.uint16
    np.testing.assert_array_equal(small, [[100, 25]])


def test_both_sides_are_squashed_without_keeping_the_aspect() -> None:
    assert resize_squash(np.zeros((10, 400), np.uint8), (4, 4)).shape == (4, 4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 5), (64, 64), (7, 5, 3)])
def test_every_type_and_shape_gives_a_finite_input(dtype: type, shape: tuple[int, ...]) -> None:
    values = (np.arange(np.prod(shape)) % 200).reshape(shape).astype(dtype)
    for rule in (GREY, RGB):
        tensor = preprocess(values, rule)
        assert tensor.shape == (1, 3, *rule.size)
        assert np.isfinite(tensor).all()
        assert tensor.min() >= -1.0
        assert tensor.max() <= 1.0


@pytest.mark.parametrize(
    "rule", [{"scaling": "imagenet"}, {"colour": "gray"}, {"intensity": "strech"}, {"resize": "letterbox"}]
)
def test_an_unknown_rule_is_an_error(rule: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(rule.values()))):
        Preprocess(**({"size": (4, 4), "colour": "grey", "intensity": "stretch"} | rule))
