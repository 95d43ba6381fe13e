"""Planes in the patient and lengths: exact by construction."""

from __future__ import annotations

import math

import numpy as np
import pytest

from medview.imaging.geometry import (
    Length,
    Orientation,
    Plane,
    distance,
    letters,
    make_plane,
    named_orientation,
    opposite,
)

AXIAL = Plane((-100.0, -50.0, 30.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.5, 0.25))
SAGITTAL = Plane((10.0, -80.0, 90.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 2.0))


def test_pixels_to_the_patient_and_back():
    assert AXIAL.to_patient(0, 0) == (-100, -50, 30)
    assert AXIAL.to_patient(4, 8) == (-98, -48, 30)
    assert AXIAL.to_pixel((-98, -48, 37)) == (4, 8, 7)
    assert SAGITTAL.to_patient(3, 5) == (10, -70, 87)
    assert SAGITTAL.to_pixel((7.0, -70.0, 87.0)) == (3, 5, 3.0)


def test_normals_and_offsets():
    assert AXIAL.normal == (0, 0, 1)
    assert AXIAL.offset == 30
    assert SAGITTAL.normal == (-1, 0, 0)
    assert SAGITTAL.offset == -10


def test_the_affine_maps_as_the_plane_does():
    affine = AXIAL.affine((0.0, 0.0, 3.0))
    assert np.array_equal(affine @ (2, 4, 8, 1), (-98, -48, 36, 1))


def test_oblique_planes_go_there_and_back():
    a, b = math.radians(20), math.radians(35)
    across = (math.cos(a), math.sin(a), 0.0)
    down = (-math.sin(a) * math.cos(b), math.cos(a) * math.cos(b), math.sin(b))
    plane = make_plane((1.5, -2.5, 3.5), (*across, *down), (0.7, 0.3))
    assert plane is not None
    assert plane.to_pixel(plane.to_patient(12.5, 33.25)) == pytest.approx((12.5, 33.25, 0), abs=1e-9)
    assert plane.parallel(plane)
    assert not plane.parallel(AXIAL)


@pytest.mark.parametrize(
    ("position", "orientation", "spacing"),
    [
        ((0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), (1.0, 1.0)),
        ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0), (1.0, 1.0)),
        ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), (1.0, 1.0)),
        ((0.0, 0.0, 0.0), (2.0, 0.0, 0.0, 0.0, 1.0, 0.0), (1.0, 1.0)),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0, 0.0, 0.0), (1.0, 1.0)),
        ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), None),
    ],
)
def test_what_is_no_plane_is_none(position: tuple[float, ...], orientation: tuple[float, ...], spacing: None):
    assert make_plane(position, orientation, spacing) is None


def test_lengths_say_their_unit():
    assert distance((0, 0), (3, 4), (2.0, 1.0)) == Length(math.hypot(6, 4), "mm")
    assert distance((1, 1), (4, 5), None) == Length(5, "px")


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ((1, 0, 0), "L"), ((-1, 0, 0), "R"), ((0, 1, 0), "P"), ((0, -1, 0), "A"), ((0, 0, 1), "H"), ((0, 0, -1), "F"),
        ((0.8, -0.6, 0), "LA"), ((0.6, -0.8, 0), "AL"), ((0, 0.28, -0.96), "FP"), ((-0.6, 0, 0.8), "HR"),
        ((math.cos(math.radians(9.9)), math.sin(math.radians(9.9)), 0), "L"),
        ((math.cos(math.radians(10.1)), math.sin(math.radians(10.1)), 0), "LP"),
        # Never three, and the same order whatever the last digit says.
        ((-0.7, 0.6, 0.387), "RP"),
        ((math.sqrt(0.5), math.sqrt(0.5), 0), "LP"),
        ((math.sqrt(0.5), math.sqrt(0.5) + 1e-12, 0), "LP"),
    ],
)  # fmt: skip
def test_a_direction_is_named_by_the_sides_it_points_to(direction: tuple[float, float, float], expected: str):
    assert letters(direction) == expected
    x, y, z = direction
    assert letters((-x, -y, -z)) == opposite(expected)


def test_the_sides_of_a_plane():
    assert AXIAL.orientation == Orientation("R", "A", "L", "P")
    assert SAGITTAL.orientation == Orientation("A", "H", "P", "F")
    oblique = Plane((0.0, 0.0, 0.0), (0.8, -0.6, 0.0), (0.0, 0.0, -1.0), (1.0, 1.0))
    assert oblique.orientation == Orientation("RP", "H", "LA", "F")


def test_sides_turn_with_the_picture():
    upright = Orientation("R", "H", "L", "F")
    assert upright.turned(1) == Orientation("F", "R", "H", "L")
    assert upright.turned(2) == Orientation("L", "F", "R", "H")
    assert upright.turned(3) == Orientation("H", "L", "F", "R")
    assert upright.turned(0) == upright


@pytest.mark.parametrize(
    ("across", "down", "expected"),
    [
        ("L", "F", Orientation("R", "H", "L", "F")),
        ("PL", "FA", Orientation("AR", "HP", "PL", "FA")),
        ("L", "R", None), ("L", "LF", None), ("", "F", None), ("L", "", None), ("LE", "V", None), ("l", "F", None),
        ("LLLL", "F", None), ("L\nF", "F", None),
    ],
)  # fmt: skip
def test_sides_that_a_file_names(across: str, down: str, expected: Orientation | None):
    assert named_orientation(across, down) == expected
