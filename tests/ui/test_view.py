"""The values the workspace holds, and the work it hands out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medview.core.cache import Kept
from medview.core.failures import Code, Failure
from medview.core.jobs import Cancelled, Token
from medview.core.settings import add_recent
from medview.imaging.study import Frame, Series, Study
from medview.imaging.window import Window
from medview.workspace import opening
from medview.workspace.analyses import LazyEngine
from medview.workspace.listing import Entry


def test_kept_is_bounded_in_bytes_and_forgets_the_oldest() -> None:
    kept: Kept[str, str] = Kept(100)
    kept.put("a", "A", 40)
    kept.put("b", "B", 40)
    assert kept.get("a") == "A"  # now newer than b
    kept.put("c", "C", 40)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == ("A", None, "C")
    assert kept.used_bytes == 80
    kept.put("a", "A2", 10)
    assert kept.used_bytes == 50
    kept.put("huge", "H", 1000)
    assert (len(kept), kept.get("huge")) == (1, "H")


def test_recent_files_are_unique_newest_first_and_few() -> None:
    recent: list[str] = []
    for name in ("a", "b", "a", *map(str, range(20))):
        recent = add_recent(recent, Path(name))
    assert recent[0] == "19"
    assert len(recent) == len(set(recent)) == 12
    assert add_recent(["a", "b"], Path("b")) == ["b", "a"]


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
    opened = opening.open_first([Entry(path, path) for path in studies], studies.__getitem__, token)
    assert isinstance(opened, opening.Opened)
    assert opened.picture.frame.index == 1
    assert opened.picture.values[0, 0] == 1
    assert told == [(Path("broken"), bad), (Path("no pixels"), bad)]


def test_a_stack_whose_middle_is_damaged_opens_beside_it() -> None:
    bad = Failure(Code.CORRUPT, "t", "h")
    grey = np.zeros((2, 2), np.uint8)
    made = study(Path("f"), grey, bad, bad, grey + 3, bad)
    opened = opening.open_entry(Entry(Path("f"), Path("f")), lambda path: made)
    assert isinstance(opened, opening.Opened)
    assert opened.picture.frame.index == 3


def test_opening_stops_when_cancelled() -> None:
    token = Token()
    token.cancel()
    with pytest.raises(Cancelled):
        opening.open_first([Entry(1, Path("a"))], lambda path: pytest.fail("opened"), token)


def test_what_no_file_opens_with_is_what_the_last_one_said() -> None:
    last = Failure(Code.TRUNCATED, "t", "h")
    assert opening.open_first([Entry(1, Path("a"))], lambda path: last, Token()) is last
    assert opening.open_first([], lambda path: last, Token()) is opening.NO_PICTURES


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


def test_an_engine_is_made_once_and_a_failed_making_is_tried_again() -> None:
    made: list[object] = []

    def factory() -> object:
        made.append(object())
        if len(made) == 1:
            raise OSError("not yet")
        return made[-1]

    engine = LazyEngine(factory)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="not yet"):
        engine.get()
    assert engine.get() is engine.get()
    assert len(made) == 2
