"""Where the lungs are found, what is cut out, and where a heatmap of it belongs on the film."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from medview.core import resources
from medview.inference import lungs
from medview.inference.lungs import FINE, LIKE_LUNGS, MARGIN, TEMPLATES, find_lungs
from medview.inference.preprocess import Preprocess, preprocess, region_of, to_canonical
from medview.inference.region import WHOLE, Region

LUNGS = Preprocess((64, 64), "grey", "stretch", region="lungs")
# (top, left, bottom, right) of made films, within the sizes that are looked for.
PLACES = [(0.1, 0.15, 0.9, 0.85), (0.05, 0.1, 0.65, 0.75), (0.3, 0.25, 0.95, 0.95)]


def film(place: tuple[float, float, float, float], side: int = 400) -> NDArray[np.uint8]:
    """A grey film with one of the mean pictures of lungs at a place."""
    row = cv2.imread(str(resources.shipped("templates") / TEMPLATES), cv2.IMREAD_GRAYSCALE)
    top, left, bottom, right = (round(p * side) for p in place)
    picture = np.full((side, side), int(row.mean()), np.uint8)
    picture[top:bottom, left:right] = cv2.resize(row[:, :FINE], (right - left, bottom - top))
    return picture


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("inverted", [False, True])
def test_lungs_are_found_where_they_are_in_either_polarity(
    place: tuple[float, float, float, float], inverted: bool
) -> None:
    picture = film(place)
    found = find_lungs(255 - picture if inverted else picture, inverted)
    top, left, bottom, right = place
    wide, high = MARGIN * (right - left), MARGIN * (bottom - top)
    expected = [max(0, top - high), max(0, left - wide), min(1, bottom + high), min(1, right + wide)]
    np.testing.assert_allclose([found.top, found.left, found.bottom, found.right], expected, atol=0.05)
    assert found.likeness > 0.8


@pytest.mark.parametrize("widths", [1.5, 2.0])
@pytest.mark.parametrize("place", PLACES)
def test_a_wide_film_does_not_cut_the_lungs(place: tuple[float, float, float, float], widths: float) -> None:
    picture = film(place)
    edge = int(picture.shape[1] * (widths - 1) / 2)
    found = find_lungs(cv2.copyMakeBorder(picture, 0, 0, edge, edge, cv2.BORDER_CONSTANT, value=0))
    top, _, bottom, _ = place
    high = MARGIN * (bottom - top)
    np.testing.assert_allclose([found.top, found.bottom], [max(0, top - high), min(1, bottom + high)], atol=0.06)


@pytest.mark.parametrize("place", PLACES)
def test_the_margin_is_added_on_every_side_within_the_film(
    place: tuple[float, float, float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_lungs(film(place))
    monkeypatch.setattr(lungs, "MARGIN", 0.0)
    bare = find_lungs(film(place))
    high, wide = MARGIN * (bare.bottom - bare.top), MARGIN * (bare.right - bare.left)
    sides = [max(0, bare.top - high), max(0, bare.left - wide), min(1, bare.bottom + high), min(1, bare.right + wide)]
    assert [found.top, found.left, found.bottom, found.right] == pytest.approx(sides)
    assert high > 0.01


def test_a_small_picture_of_lungs_on_a_page_is_not_taken_for_the_film() -> None:
    found = find_lungs(film((0.1, 0.1, 0.4, 0.4)))
    assert found == WHOLE or min(found.bottom - found.top, found.right - found.left) >= 0.5


def test_a_strip_has_no_lungs() -> None:
    assert find_lungs(np.tile(np.arange(256, dtype=np.uint8), (20, 4))) == WHOLE


def test_depth_and_colour_do_not_move_the_lungs() -> None:
    picture = film(PLACES[0])
    deep = picture.astype(np.uint16) * 16 + 1000
    colour = np.repeat(picture[:, :, None], 3, axis=2)
    box = find_lungs(picture)
    for other in (find_lungs(deep), find_lungs(colour)):
        assert (other.top, other.left, other.bottom, other.right) == (box.top, box.left, box.bottom, box.right)


@pytest.mark.parametrize(
    "nothing",
    [np.zeros((300, 300), np.uint8), np.random.default_rng(0).integers(0, 256, (300, 300)).astype(np.uint8)],
    ids=["black", "noise"],
)
def test_where_nothing_looks_like_lungs_the_whole_film_is_seen(nothing: NDArray[np.uint8]) -> None:
    assert find_lungs(nothing) == WHOLE


@settings(max_examples=40, deadline=None)
@given(
    values=st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
        lambda shape: arrays(np.uint8, shape) | arrays(np.float32, shape, elements=st.floats(-1e4, 1e4, width=32))
    )
)
def test_any_picture_gives_a_region_inside_it(values: NDArray[np.generic]) -> None:
    found = find_lungs(values)
    assert 0 <= found.top < found.bottom <= 1
    assert 0 <= found.left < found.right <= 1
    assert found == WHOLE or found.likeness >= LIKE_LUNGS
    assert found.cut(values).size > 0


def test_a_region_is_cut_in_whole_pixels_and_never_empty() -> None:
    values = np.arange(100).reshape(10, 10)
    np.testing.assert_array_equal(Region(0.2, 0.5, 0.4, 0.9).cut(values), values[2:4, 5:9])
    assert Region(0.99, 0.99, 1.0, 1.0).cut(values[:1, :1]).shape == (1, 1)
    np.testing.assert_array_equal(WHOLE.cut(values), values)


def test_the_network_sees_the_lungs_and_nothing_else() -> None:
    picture = film(PLACES[0])
    region = region_of(picture, LUNGS)
    assert region == find_lungs(picture)
    whole = Preprocess(LUNGS.size, LUNGS.colour, LUNGS.intensity)
    assert region_of(picture, whole) == WHOLE
    np.testing.assert_array_equal(to_canonical(picture, LUNGS), to_canonical(region.cut(picture), whole))
    np.testing.assert_array_equal(preprocess(picture, LUNGS), preprocess(picture, LUNGS, region=region))


def test_a_network_may_see_the_film_and_its_lungs_as_two_planes() -> None:
    picture = film(PLACES[0])
    both = Preprocess(LUNGS.size, "grey", "stretch", region="both")
    seen = to_canonical(picture, both)
    assert seen.shape == (64, 64, 2)
    np.testing.assert_array_equal(seen[..., 0], to_canonical(picture, Preprocess(LUNGS.size, "grey", "stretch")))
    np.testing.assert_array_equal(seen[..., 1], to_canonical(picture, LUNGS))
    tensor = preprocess(picture, both)
    assert tensor.shape == (1, 2, 64, 64)
    np.testing.assert_array_equal(tensor[0, 1], seen[..., 1] * 2 - 1)
    with pytest.raises(ValueError, match="both"):
        Preprocess((64, 64), "rgb", "stretch", region="both")


def test_a_plane_of_the_region_lands_where_the_region_is() -> None:
    region = Region(0.25, 0.5, 0.75, 1.0)
    placed = region.place(np.ones((6, 6), np.float32))
    assert placed.shape == (48, 48)  # 4 cells of the film's grid to one of the region's
    expected = np.zeros((48, 48), np.float32)
    expected[12:36, 24:] = 1
    np.testing.assert_array_equal(placed, expected)


def test_a_cell_of_the_region_keeps_its_middle() -> None:
    region = Region(0.25, 0.5, 0.75, 1.0)
    plane = np.zeros((6, 6), np.float32)
    plane[1, 4] = 1
    placed = region.place(plane)
    rows, cols = np.indices(placed.shape) + 0.5
    # The middle of cell (1, 4): 1.5 and 4.5 sixths into the region.
    assert (placed * rows).sum() / placed.sum() / 48 == pytest.approx(0.25 + 0.5 * 1.5 / 6, abs=1e-3)
    assert (placed * cols).sum() / placed.sum() / 48 == pytest.approx(0.5 + 0.5 * 4.5 / 6, abs=1e-3)


def test_a_plane_over_the_whole_picture_stays_as_it_is() -> None:
    plane = np.arange(4, dtype=np.float32).reshape(2, 2)
    assert WHOLE.place(plane) is plane
