"""What is corrected before a picture is judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.imaging.geometry import Orientation, Plane
from medview.imaging.study import Frame, Origin, Place
from medview.inference.corrections import Correction, combined, corrected, corrected_frame, in_words, quarter_turns

EVERY: tuple[Correction, ...] = ("invert", "rotate_90", "rotate_180", "rotate_270")
VALUES = np.arange(6, dtype=np.uint16).reshape(2, 3)


@pytest.mark.parametrize(
    ("correction", "expected"),
    [
        ("rotate_90", [[3, 0], [4, 1], [5, 2]]),
        ("rotate_180", [[5, 4, 3], [2, 1, 0]]),
        ("rotate_270", [[2, 5], [1, 4], [0, 3]]),
    ],
)
def test_values_are_turned_clockwise(correction: Correction, expected: list[list[int]]) -> None:
    assert corrected(VALUES, (correction,)).tolist() == expected
    colour = np.stack([VALUES, VALUES + 10, VALUES], axis=2)
    assert corrected(colour, (correction,))[..., 1].tolist() == (np.array(expected) + 10).tolist()


def test_inverting_leaves_the_values_alone_and_changes_the_polarity() -> None:
    frame = Frame(Path("x"), 0, 2, 3, "", lambda: VALUES, spacing_mm=(0.1, 0.2))
    assert corrected(VALUES, ("invert",)) is VALUES
    assert corrected_frame(frame, ("invert",)).inverted
    assert corrected_frame(frame, ()) == frame
    turned = corrected_frame(frame, ("invert", "rotate_90"))
    assert (turned.inverted, turned.rows, turned.cols, turned.spacing_mm) == (True, 3, 2, (0.2, 0.1))
    assert corrected_frame(frame, ("rotate_180",)).spacing_mm == (0.1, 0.2)


def test_the_sides_of_the_patient_turn_with_the_picture_of_a_plane_or_of_a_film() -> None:
    plane = Plane((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 1.0))
    slice_ = Frame(Path("x"), 0, 2, 3, "MR", lambda: VALUES, place=Place(Origin(), plane=plane))
    film = Frame(Path("x"), 0, 2, 3, "DX", lambda: VALUES, said_orientation=Orientation("R", "A", "L", "P"))
    for frame in (slice_, film):
        assert corrected_frame(frame, ("invert",)).orientation == Orientation("R", "A", "L", "P")
        assert corrected_frame(frame, ("rotate_90",)).orientation == Orientation("P", "R", "A", "L")
    unknown = Frame(Path("x"), 0, 2, 3, "", lambda: VALUES)
    assert corrected_frame(unknown, ("rotate_90",)).orientation is None


@given(st.lists(st.sampled_from(EVERY), max_size=6), st.sampled_from(EVERY))
def test_fixes_combine_to_the_fewest_that_do_the_same(corrections: list[Correction], more: Correction) -> None:
    short = combined(corrections, more)
    assert len(short) <= 2
    assert quarter_turns(short) == quarter_turns([*corrections, more])
    assert ("invert" in short) == ([*corrections, more].count("invert") % 2 == 1)
    assert (corrected(VALUES, short) == corrected(VALUES, [*corrections, more])).all()


def test_fixes_in_words() -> None:
    assert in_words(()) == ""
    assert in_words(("invert", "rotate_90")) == "inverted, rotated by 90° clockwise"
    assert in_words(("rotate_270",)) == "rotated by 270° clockwise"
