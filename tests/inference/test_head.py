"""Where the head lies on a slice of a brain MR."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from medview.inference.head import MARGIN, SIDE, find_head
from medview.inference.preprocess import Preprocess, region_of, to_canonical
from medview.inference.region import WHOLE, Region

CELL = 1 / SIDE


def slice_of(rows: int, cols: int, head: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """An ellipse of tissue in a box (top, left, bottom, right) of a dark, slightly noisy slice."""
    top, left, bottom, right = head
    down, across = np.indices((rows, cols)) + 0.5
    y, x = (down - (top + bottom) / 2) / (bottom - top), (across - (left + right) / 2) / (right - left)
    noise = np.random.default_rng(0).integers(0, 12, (rows, cols))
    return np.where(y**2 + x**2 < 0.25, 150, noise).astype(np.uint8)


def expected(rows: int, cols: int, head: tuple[int, int, int, int]) -> tuple[float, ...]:
    top, left, bottom, right = head
    high, wide = MARGIN * (bottom - top), MARGIN * (right - left)
    edges = ((top - high) / rows, (left - wide) / cols, (bottom + high) / rows, (right + wide) / cols)
    return tuple(min(1.0, max(0.0, edge)) for edge in edges)


HEADS = [(128, 128, (40, 44, 88, 84)), (256, 512, (64, 192, 192, 288)), (200, 160, (10, 60, 120, 130))]


@pytest.mark.parametrize(("rows", "cols", "head"), HEADS)
def test_the_head_with_its_margin(rows: int, cols: int, head: tuple[int, int, int, int]) -> None:
    found = find_head(slice_of(rows, cols, head))
    edges = (found.top, found.left, found.bottom, found.right)
    assert edges == pytest.approx(expected(rows, cols, head), abs=2 * CELL)


def test_a_head_that_fills_the_picture_is_seen_with_all_of_it() -> None:
    assert find_head(slice_of(200, 200, (20, 25, 180, 175))) == WHOLE


def test_letters_in_the_air_are_no_head_and_neither_is_nothing() -> None:
    values = slice_of(256, 256, (90, 90, 170, 170))
    alone = find_head(values)
    values[5:15, 5:60] = 255
    assert find_head(values) == alone != WHOLE
    assert find_head(np.zeros((90, 90), np.uint8)) == WHOLE


def test_a_negative_and_other_ranges_have_the_same_head() -> None:
    values = slice_of(256, 256, (90, 100, 170, 170))
    assert find_head(255 - values, inverted=True) == find_head(values)
    deep = find_head(values.astype(np.int16) * 11 - 900)
    assert (deep.top, deep.right) == pytest.approx((find_head(values).top, find_head(values).right), abs=2 * CELL)


@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.sampled_from([0, 40, 255])))
def test_whatever_the_picture_the_region_lies_within_it(values: NDArray[np.uint8]) -> None:
    head = find_head(values)
    assert 0 <= head.top < head.bottom <= 1
    assert 0 <= head.left < head.right <= 1
    assert min(head.cut(values).shape) >= 1


def test_a_card_of_the_head_sees_the_box_alone() -> None:
    values = slice_of(256, 256, (90, 100, 170, 170))
    rule = Preprocess((32, 32), "grey", "stretch", region="head")
    head = region_of(values, rule, lungs=Region(0.4, 0.4, 0.6, 0.6))
    assert head == find_head(values) != WHOLE
    whole = Preprocess((32, 32), "grey", "stretch")
    np.testing.assert_array_equal(to_canonical(values, rule), to_canonical(head.cut(values), whole))
