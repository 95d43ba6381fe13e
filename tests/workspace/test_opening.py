"""The work of opening: the first file that can be read, the frame in its middle, the window it begins with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.core.jobs import Cancelled, Token
from medview.imaging.study import Frame, Series, Study
from medview.imaging.window import Window
from medview.workspace import opening
from medview.workspace.listing import Entry


def study(path: Path, *values: np.ndarray | Failure) -> Study:
    frames = tuple(
        Frame(path, number, 2, 2, "", lambda value=value: value)  # type: ignore[misc]
        for number, value in enumerate(values)
    )
    return Study(path, "", (Series("", frames),))


def test_the_first_readable_file_opens_at_its_middle() -> None:
    bad = Failure(Code.CORRUPT, "t", "h")
    grey = np.arange(4, dtype=np.uint8).reshape(2, 2)
    studies = {
        Path("broken"): bad,
        Path("no pixels"): study(Path("no pixels"), bad),
        Path("good"): study(Path("good"), grey, grey + 1, grey + 2),
    }
    token, told = Token(), []
    token.take = told.append
    opened = opening.open_first([Entry(path, path) for path in studies], lambda path, step: studies[path], token)
    assert isinstance(opened, opening.Opened)
    assert opened.picture.frame.index == 1
    assert opened.picture.values[0, 0] == 1
    assert told == [(Path("broken"), bad), (Path("no pixels"), bad)]


def test_a_stack_whose_middle_is_damaged_opens_beside_it() -> None:
    bad = Failure(Code.CORRUPT, "t", "h")
    grey = np.zeros((2, 2), np.uint8)
    made = study(Path("f"), grey, bad, bad, grey + 3, bad)
    opened = opening.open_entry(Entry(Path("f"), Path("f")), lambda path, step: made, lambda: None)
    assert isinstance(opened, opening.Opened)
    assert opened.picture.frame.index == 3


def test_opening_stops_when_cancelled() -> None:
    token = Token()
    token.cancel()
    with pytest.raises(Cancelled):
        opening.open_first([Entry(1, Path("a"))], lambda path, step: pytest.fail("opened"), token)


def test_what_no_file_opens_with_is_what_the_last_one_said() -> None:
    last = Failure(Code.TRUNCATED, "t", "h")
    assert opening.open_first([Entry(1, Path("a"))], lambda path, step: last, Token()) is last
    assert opening.open_first([], lambda path, step: last, Token()) is opening.NO_PICTURES


@pytest.mark.parametrize(
    ("values", "window"),
    [
        (np.array([[10, 20], [30, 40]], np.uint8), Window.from_range(0, 255)),
        (np.array([[0, 0], [1000, 1000]], np.uint16), Window.from_range(0, 1000)),
        (np.zeros((2, 2, 3), np.uint16), Window.from_range(0, 0)),
        (np.array([[[1, 2, 3]]], np.uint8), None),
    ],
)
def test_the_first_window(values: np.ndarray, window: Window | None) -> None:
    picture = opening.decode(study(Path("f"), values).frames[0])
    assert not isinstance(picture, Failure)
    assert picture.window == window
    assert picture.values is values
    assert (picture.shown.ndim == 2) == (window is not None)
