"""Where the lit field of a picture on black lies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from medview.inference.field import ALLOWED, SIDE, find_field
from medview.inference.preprocess import Preprocess, preprocess, region_of, to_canonical
from medview.inference.region import WHOLE


def circle(rows: int, cols: int, radius: float, right: int = 0) -> NDArray[np.uint8]:
    """Skin in a circle of a radius in pixels, its middle so many to the right; black around it."""
    down, across = np.indices((rows, cols))
    inside = (down - rows / 2 + 0.5) ** 2 + (across - cols / 2 - right + 0.5) ** 2 < radius**2
    return np.where(inside[:, :, None], (200, 150, 120), (4, 2, 9)).astype(np.uint8)


def test_a_full_frame_is_looked_at_as_it_is() -> None:
    assert find_field(np.full((90, 120, 3), 150, np.uint8)) == WHOLE
    assert find_field(np.full((90, 120), 150, np.uint8)) == WHOLE


@pytest.mark.parametrize(
    ("rows", "cols", "radius", "right"), [(224, 224, 100, 0), (300, 400, 150, 0), (300, 400, 140, 30)]
)
def test_of_a_circle_the_box_inside_it(rows: int, cols: int, radius: int, right: int) -> None:
    values = circle(rows, cols, radius, right)
    field = find_field(values)
    inside = field.cut(values)
    assert (inside.max(axis=2) < 100).mean() <= ALLOWED + 0.01
    # The square inside a circle has 64 % of its area; a few dark pixels in the corners allow for a little more.
    lit = (values.max(axis=2) > 100).sum()
    assert 0.62 < inside.shape[0] * inside.shape[1] / lit < 0.85
    assert (field.left + field.right) / 2 == pytest.approx(0.5 + right / cols, abs=1.5 / SIDE)
    assert (field.top + field.bottom) / 2 == pytest.approx(0.5, abs=1.5 / SIDE)


def test_a_dark_lesion_within_the_picture_is_no_surroundings() -> None:
    values = 255 - circle(200, 200, 60)
    values[circle(200, 200, 60).max(axis=2) > 100] = 10
    assert find_field(values) == WHOLE


def test_a_shadow_in_one_corner_is_left_alone_and_so_is_a_picture_nearly_all_black() -> None:
    values = np.full((224, 224, 3), 150, np.uint8)
    values[:20, :20] = 0
    assert find_field(values) == WHOLE
    assert find_field(circle(224, 224, 40)) == WHOLE


def test_black_is_not_known_of_deep_values() -> None:
    assert find_field(circle(224, 224, 100).astype(np.uint16)) == WHOLE


@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)),
        elements=st.sampled_from([0, 35, 36, 255]),
    )
)
def test_whatever_the_picture_the_region_lies_within_it(values: NDArray[np.uint8]) -> None:
    field = find_field(values)
    assert 0 <= field.top < field.bottom <= 1
    assert 0 <= field.left < field.right <= 1
    assert min(field.cut(values).shape[:2]) >= 1


def test_a_card_of_the_field_sees_the_box_alone() -> None:
    values = circle(224, 224, 100)
    rule = Preprocess((32, 32), "rgb", "range", region="field")
    field = region_of(values, rule)
    assert field == find_field(values) != WHOLE
    whole = Preprocess((32, 32), "rgb", "range")
    np.testing.assert_array_equal(to_canonical(values, rule), to_canonical(field.cut(values), whole))
    assert (preprocess(values, rule) < -0.9).mean() < 0.04 < 0.3 < (preprocess(values, whole) < -0.9).mean()
