"""What is left out of an answer, because it would say too much or too little."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medview.core.failures import Code, Failure
from medview.inference.analysis import Analysis, Result
from medview.inference.card import Card, Label, NotJudged
from medview.inference.limits import flagged_first, kind, not_judged, strongest_first
from medview.inference.preprocess import Preprocess

WEAK = Label("emphysema", "Emphysema", shown=False, why_hidden="Too weak.")
OTHER = NotJudged("Hernia", "4 training pictures show one.")
FINDINGS = Card(
    "findings", "1", "Findings", "multilabel", "chest_xray", "0" * 64, (Label("effusion", "Effusion"), WEAK),
    Preprocess((4, 4), "grey", "stretch"), unavailable=(OTHER,),
)  # fmt: skip


def analysis(*labels: Label) -> Analysis:
    """The findings, and one more model with these labels."""
    cards = (FINDINGS, replace(FINDINGS, id="six", task="classify", labels=labels, unavailable=()))
    return Analysis("f", 0, "ok", None, "chest_xray", results=tuple(Result(card, "", 1.0, None, ()) for card in cards))


def test_a_label_that_another_model_shows_is_judged() -> None:
    weak = NotJudged("Emphysema", "Too weak.")
    seen = analysis(Label("emphysema", "Emphysema"))
    assert not_judged(seen.results[0], seen) == (OTHER,)
    assert not_judged(seen.results[1], seen) == ()
    # By its id, not its name; and a label that is hidden there as well is judged by none.
    for label in (Label("copd", "Emphysema"), WEAK):
        seen = analysis(label)
        assert not_judged(seen.results[0], seen) == (weak, OTHER)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (Code.BLANK, ""),
        (Code.TOO_SMALL, ""),
        (Code.WRONG_SHAPE, ""),
        (Code.OTHER_KIND, ""),
        (Code.TOO_DARK, "chest_xray"),
    ],
)
def test_nothing_has_no_kind(code: Code, shown: str) -> None:
    assert kind(replace(analysis(), reason=Failure(code, "It is so.", "Do this."))) == shown


def test_a_picture_that_was_judged_has_its_kind() -> None:
    assert kind(analysis()) == "chest_xray"


def test_the_strongest_result_is_read_first_and_the_others_stay_in_their_order() -> None:
    def result(id: str, *findings: str, probability: float = 0.9) -> Result:
        return Result(replace(FINDINGS, id=id), "", 1.0, {"effusion": probability}, findings)

    nothing, look, likely = result("a"), result("b", "effusion", probability=0.4), result("c", "effusion")
    other = result("d")
    outlined = replace(likely, card=replace(FINDINGS, id="e"), probabilities=None)
    read = strongest_first((nothing, look, other, outlined, likely))
    assert [one.card.id for one in read] == ["e", "c", "b", "a", "d"]


def test_flagged_labels_are_read_first_each_half_by_its_probability() -> None:
    shares = {"a": 0.1, "b": 0.8, "c": 0.3, "d": 0.5}
    assert flagged_first(Result(FINDINGS, "", 1.0, shares, ("a", "c"))) == ["c", "a", "b", "d"]
    assert flagged_first(Result(FINDINGS, "", 1.0, None, ())) == []
