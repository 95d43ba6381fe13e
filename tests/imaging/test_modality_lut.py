"""Stored values to modality values: whole numbers are exact, whatever overflows on the way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.imaging.modality_lut import Rescale, apply_rescale, interleaved

KINDS = [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32]


@given(st.sampled_from(KINDS), st.integers(-70_000, 70_000), st.integers(-100_000, 100_000), st.data())
def test_whole_numbers(kind: type, slope: int, intercept: int, data: st.DataObject):
    limits = np.iinfo(kind)
    numbers = data.draw(st.lists(st.integers(int(limits.min), int(limits.max)), min_size=1, max_size=6))
    stored = np.array([numbers], kind)
    values = apply_rescale(stored, Rescale(slope or 1, intercept))
    expected = [n * (slope or 1) + intercept for n in numbers]
    if values.dtype.kind in "iu":
        assert values[0].tolist() == expected
    else:
        assert values[0].tolist() == pytest.approx(expected, rel=1e-6)
        assert min(expected) < -(2**31) or max(expected) >= 2**31 or (slope or 1, intercept) == (1, 0)


def test_a_slope_of_nonsense_over_nothing():
    values = apply_rescale(np.zeros((2, 2), np.int16), Rescale(1e300, 5))
    assert (values == 5).all()


@pytest.mark.parametrize("kind", ["u1", "<u2", ">u2", "u4", "f4"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 1, 5), (3, 5, 1)])
def test_planes_interleaved(kind: str, shape: tuple[int, int, int]):
    planes = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    mixed = interleaved(planes)
    assert mixed.dtype == planes.dtype
    assert np.array_equal(mixed, planes.transpose(1, 2, 0))
    assert mixed.flags.c_contiguous
