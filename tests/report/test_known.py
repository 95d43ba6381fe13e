"""What is known of a sample against what was said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from medview.core.failures import Code, Failure
from medview.core.samples import Sample
from medview.inference.analysis import Analysis, Result
from medview.inference.card import Card, Label
from medview.inference.preprocess import Preprocess
from medview.report.known import Mistake, mistakes

CARD = Card(
    "six", "1", "Six classes", "multilabel", "chest_xray", "0" * 64,
    (Label("normal", "Normal", normal=True), Label("a", "A"), Label("b", "B"), Label("c", "C", shown=False)),
    Preprocess((4, 4), "grey", "stretch"),
)  # fmt: skip
SAMPLE = Sample(Path("a.png"), "A film with A", "nowhere", "CC0", "chest_xray", "", {"six": ("a",)})
REFUSED = Failure(Code.OTHER_KIND, "It is none of ours.", "")


def said(*findings: str) -> Analysis:
    return Analysis("a.png", 0, "ok", kind="chest_xray", results=(Result(CARD, "", 1.0, None, findings),))


@pytest.mark.parametrize(
    ("findings", "wrong"),
    [
        (("a",), ()),
        ((), (Mistake("Six classes", "A", flagged=False),)),
        (("a", "b"), (Mistake("Six classes", "B", flagged=True),)),
        # A label that is never shown and one that is no finding say nothing.
        (("a", "c", "normal"), ()),
    ],
)
def test_what_is_flagged_is_compared_with_the_truth(findings: tuple[str, ...], wrong: tuple[Mistake, ...]) -> None:
    assert mistakes(SAMPLE, said(*findings)) == wrong


def test_what_the_source_does_not_say_is_no_mistake() -> None:
    assert mistakes(replace(SAMPLE, unsure={"six": ("b",)}), said("a", "b")) == ()
    assert mistakes(replace(SAMPLE, truth={}), said("b")) == ()


def test_the_gate_can_be_wrong_either_way() -> None:
    refused = Analysis("a.png", 0, "refused", REFUSED)
    assert mistakes(SAMPLE, refused) == (Mistake("", "", flagged=False),)
    assert mistakes(replace(SAMPLE, kind="other"), refused) == ()
    assert mistakes(replace(SAMPLE, kind="other"), said()) == (Mistake("", "", flagged=True),)


def test_what_did_not_run_or_is_not_valid_is_no_mistake() -> None:
    assert mistakes(SAMPLE, Analysis("a.png", 0, "error", REFUSED)) == ()
    assert mistakes(SAMPLE, replace(said(), forced=True)) == ()
