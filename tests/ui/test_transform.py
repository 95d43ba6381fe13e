"""Where image points lie on the canvas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.ui.canvas.picture_layers import level_for
from medview.ui.canvas.transform import MAX_SCALE, Transform

sizes = st.integers(1, 5000)
points = st.floats(0, 1000)


@given(sizes, sizes, sizes, sizes)
def test_fit_shows_all_and_touches(width: int, height: int, cols: int, rows: int) -> None:
    port = Transform.fitted(width, height, cols, rows)
    assert port.left + port.cols * port.scale / 2 == pytest.approx(width / 2)
    assert port.top + port.rows * port.scale / 2 == pytest.approx(height / 2)
    if min(width / cols, height / rows) > 0.01:
        assert max(cols * port.scale / width, rows * port.scale / height) == pytest.approx(1)


@given(points, points, st.floats(0.2, 5))
def test_zoom_keeps_the_point_under_the_cursor(x: float, y: float, factor: float) -> None:
    port = Transform(1000, 1000, 4000, 4000, 0.5, 2000, 2000)
    before = port.to_image(x, y)
    # Unless the middle of the canvas would leave the picture, which `held` forbids.
    after = port.zoomed(factor, x, y)
    if 0 < after.x < 4000 and 0 < after.y < 4000:
        assert after.to_image(x, y) == pytest.approx(before, abs=1e-6)


def test_pan_moves_by_screen_pixels() -> None:
    port = Transform(100, 100, 100, 100, 2.0, 50, 50)
    assert port.panned(10, -4).left == port.left + 10
    assert port.panned(10, -4).top == port.top - 4


def test_tall_pixels_stretch_downwards() -> None:
    port = Transform.fitted(200, 100, 100, 10, aspect=5)
    assert port.scale == 2
    assert (port.left, port.top) == (0, 0)
    assert port.to_image(50, 50) == (25, 5)
    assert port.panned(0, 10).top == port.top + 10
    assert port.zoomed(2, 60, 20).to_image(60, 20) == pytest.approx(port.to_image(60, 20))


def test_the_picture_cannot_be_lost() -> None:
    port = Transform(100, 100, 40, 30, 2.0, 20, 15).panned(10_000, -10_000)
    assert (port.x, port.y) == (0, 30)
    assert port.zoomed(1e9, 50, 50).scale == MAX_SCALE


def test_pixels_are_squares_from_corner_to_corner() -> None:
    port = Transform(80, 60, 80, 60, 1.0, 40, 30)
    assert port.pixel(0, 0) == (0, 0)
    assert port.pixel(79.9, 0.5) == (0, 79)
    assert port.pixel(3.99, 59.99) == (59, 3)
    assert port.pixel(80, 0) is None
    assert port.pixel(0, -0.1) is None


@pytest.mark.parametrize(
    ("scale", "level"), [(8, 0), (1, 0), (0.51, 0), (0.5, 1), (0.26, 1), (0.25, 2), (0.001, 6), (0, 6)]
)
def test_level_never_gives_fewer_pixels_than_the_screen(scale: float, level: int) -> None:
    assert level_for(scale) == level
