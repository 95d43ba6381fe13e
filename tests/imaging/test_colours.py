"""Colours of segments: the encoding of the standard, and colours that can be told apart."""

from __future__ import annotations

import itertools
import math

import pytest

from medview.imaging.colours import APART, LIGHT_ENOUGH, PALETTE, distinct, lab_of_dicom, lab_to_rgb, rgb_to_lab


@pytest.mark.parametrize(
    ("values", "rgb"),
    [
        ((0, 32896, 32896), (0, 0, 0)),
        ((65535, 32896, 32896), (255, 255, 255)),
        ((41661, 41167, 40792), (221, 130, 101)),  # what 3D Slicer calls liver, as dcmqi writes it
        ((34885, 53484, 50170), (255, 0, 0)),
    ],
)
def test_dicom_cielab(values: tuple[int, int, int], rgb: tuple[int, int, int]):
    lab = lab_of_dicom(values)
    assert lab is not None
    assert lab_to_rgb(lab) == rgb


@pytest.mark.parametrize("values", [(), (1, 2), (1, 2, 3, 4), (-1, 0, 0), (0, 0, 65536)])
def test_what_is_no_colour(values: tuple[int, ...]):
    assert lab_of_dicom(values) is None


def test_there_and_back():
    for rgb in itertools.product((0, 17, 128, 255), repeat=3):
        assert lab_to_rgb(rgb_to_lab(rgb)) == rgb  # type: ignore[arg-type]


def test_colours_of_the_file_stay_where_they_can_be_told_apart():
    assert distinct([(255, 0, 0), (0, 255, 0)], []) == [(255, 0, 0), (0, 255, 0)]


def test_the_same_dark_or_missing_colour_is_replaced():
    taken = (0, 214, 255)
    found = distinct([(255, 0, 0), (250, 5, 5), (10, 10, 30), None, (0, 210, 250)], [taken])
    assert found[0] == (255, 0, 0)
    assert set(found[1:]) <= set(PALETTE)
    for one, other in itertools.combinations([taken, *found], 2):
        assert math.dist(rgb_to_lab(one), rgb_to_lab(other)) >= APART


def test_a_dozen_without_a_colour_are_all_different():
    found = distinct([None] * len(PALETTE), [])
    assert sorted(found) == sorted(PALETTE)
    assert all(rgb_to_lab(colour)[0] >= LIGHT_ENOUGH for colour in found)
