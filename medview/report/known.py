"""What is known of a sample, against what was said of it: a student must learn that a model can be wrong."""

from __future__ import annotations

from dataclasses import dataclass

from medview.core.samples import Sample
from medview.inference.analysis import Analysis
from medview.inference.gate import OTHER


@dataclass(frozen=True)
class Mistake:
    """One thing that an analysis says wrongly of a sample.

    Attributes:
        model, label: their names for people; both empty where the gate was wrong.
        flagged: it was flagged (of the gate: judged) and should not have been; False: the other way round.
    """

    model: str
    label: str
    flagged: bool


def mistakes(sample: Sample, analysis: Analysis) -> tuple[Mistake, ...]:
    """Where an analysis contradicts what is known of its sample, in the order of its results. Labels of which the
    sample's source does not say whether they are there are left out; a model that could not run says nothing."""
    if analysis.status == "error" or analysis.forced:
        return ()
    if bool(analysis.results) == (sample.kind == OTHER):
        return (Mistake("", "", flagged=sample.kind == OTHER),)
    found = []
    for result in analysis.results:
        card = result.card
        if card.id not in sample.truth:
            continue
        true, unsure = set(sample.truth[card.id]), set(sample.unsure.get(card.id, ()))
        # What a model does not show, or what is no finding, it cannot flag.
        for label in card.shown:
            flagged, there = label.id in result.findings, label.id in true
            if label.id not in unsure and not label.normal and flagged != there:
                found.append(Mistake(card.name, label.name, flagged))
    return tuple(found)
