"""Requests to the engine: what makes two of them the same, so that a queue and a store can ask."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.core.samples import samples
from medview.imaging.open import open_path
from medview.imaging.study import Frame, Study
from medview.inference.analysis import Analysis
from medview.inference.engine import Engine
from medview.inference.request import AUTO, AnalysisRequest

VALUES = np.zeros((4, 6), np.uint16)
FRAME = Frame(Path("a.dcm"), 3, 4, 6, "MR", lambda: VALUES)
REQUEST = AnalysisRequest(FRAME, "a.dcm")
OTHERS = {
    "frame": replace(FRAME, index=4),
    "file": "b.dcm",
    "model": "chest-six",
    "corrections": ("invert",),
    "kind": "chest_xray",
    "force": True,
    "stability": True,
}


def test_nothing_is_asked_for_but_the_gates_own_choice() -> None:
    assert (REQUEST.model, REQUEST.corrections, REQUEST.kind, REQUEST.force, REQUEST.stability, REQUEST.values) == (
        AUTO, (), "", False, False, None,
    )  # fmt: skip
    with pytest.raises(FrozenInstanceError):
        REQUEST.force = True  # type: ignore[misc]


def test_values_that_are_given_make_no_other_request() -> None:
    given = replace(REQUEST, values=VALUES)
    assert given == REQUEST
    assert given == replace(REQUEST, values=VALUES + 1)
    assert len({given, REQUEST}) == 1
    assert "values" not in repr(given)


@pytest.mark.parametrize(("name", "value"), OTHERS.items())
def test_all_else_does(name: str, value: Any) -> None:
    assert len({replace(REQUEST, **{name: value}), REQUEST}) == 2


def test_every_field_is_in_these_tests() -> None:
    assert {field.name for field in fields(AnalysisRequest)} == {*OTHERS, "values"}


def test_what_is_asked_twice_of_a_file_is_the_same_request() -> None:
    for sample in samples():
        studies = [open_path(sample.path) for _ in range(2)]
        requests = {AnalysisRequest(s.frames[0], str(sample.path)) for s in studies if isinstance(s, Study)}
        assert len(requests) == 1


def test_the_stability_of_a_picture_that_is_gone_is_a_warning(tmp_path: Path) -> None:
    gone = Failure(Code.CORRUPT, "It is gone.", "Open it again.")
    done = Analysis("a.dcm", 3, "ok")
    request = replace(REQUEST, frame=replace(FRAME, decode=lambda: gone))
    assert Engine(tmp_path, "cpu").add_stability(done, request) == replace(done, warnings=(gone,))
