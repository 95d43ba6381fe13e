"""Answers that cannot both be right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from medview.core.failures import Code
from medview.inference.agreement import DOUBT, HINT, contradictions
from medview.inference.analysis import Mask, Result
from medview.inference.card_reading import parse_card
from tests.inference.cards import raw_card


def answer(id: str, probabilities: dict[str, float] | None = None, **rest: Any) -> Result:
    """A result of a toy model that knows normal, a and b."""
    found, table = rest.pop("findings", ()), rest.pop("table", {})
    return Result(parse_card(raw_card(id=id, name=id, **table)), "CPU", 1.0, probabilities, found, **rest)


OUTLINE = {
    "task": "segment",
    "labels": [{"id": "x", "name": "Tumour"}],
    "first_stage": {"model": "types", "unless": "normal", "probability": 0.9},
}
CALM, ILL = {"normal": 0.7, "a": 0.2, "b": 0.1}, {"normal": 0.2, "a": 0.7, "b": 0.1}


def mask(pixels: int) -> Mask:
    return Mask(np.zeros((2, 2), np.uint8), pixels)


@pytest.mark.parametrize(
    ("first", "pixels", "said"),
    [(CALM, 0, ""), (CALM, 3, "Tumour is marked all the same"), (ILL, 0, "nothing is marked"), (ILL, 3, "")],
)
def test_an_outline_must_agree_with_its_first_stage(first: dict[str, float], pixels: int, said: str) -> None:
    results = [answer("types", first), answer("outline", table=OUTLINE, mask=mask(pixels))]
    found = contradictions(results)
    assert bool(found) == bool(said)
    for failure in found:
        assert failure.code is Code.CONTRADICTION
        assert said in failure.text
        assert failure.hint


def test_an_outline_that_was_not_run_says_nothing() -> None:
    skipped = answer("outline", table=OUTLINE, mask=mask(0), skipped_by="types")
    assert contradictions([answer("types", ILL), skipped]) == ()
    assert contradictions([skipped]) == ()


@pytest.mark.parametrize(
    ("probability", "said", "hint"), [(0.5, "findings: A.", HINT), (0.49, "findings: A (worth a look).", DOUBT)]
)
def test_normal_contradicts_a_finding_that_is_likely_or_worth_a_look(probability: float, said: str, hint: str) -> None:
    other = answer("findings", {"normal": 0.1, "a": probability}, findings=("a",), table={"task": "multilabel"})
    (found,) = contradictions([answer("types", CALM), other])
    assert (found.text, found.hint) == (f"types: Normal is most probable. {said}", hint)
    silent = answer("findings", {"normal": 0.1, "a": probability}, table={"task": "multilabel"})
    assert contradictions([answer("types", CALM), silent]) == ()
    assert contradictions([answer("types", ILL), other]) == ()
    assert contradictions([answer("types", CALM, findings=("b",)), other]) == ()
