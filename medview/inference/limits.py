"""What an answer must not be taken for: what the panel and the table leave out, by the same rules."""

from __future__ import annotations

from collections.abc import Sequence

from medview.core.failures import Code
from medview.inference.analysis import Analysis, Result
from medview.inference.card import NotJudged

# Refusals of what is none of our kinds, or not surely: no correction and no insisting makes one of it.
KIND_REFUSED = frozenset((Code.OTHER_KIND, Code.UNFAMILIAR, Code.OTHER_MODALITY))
# With those of a picture that shows nothing or no examination: a kind, however probable among the others, says nothing.
NO_KIND = KIND_REFUSED | {Code.BLANK, Code.TOO_SMALL, Code.WRONG_SHAPE}


def not_judged(result: Result, analysis: Analysis) -> tuple[NotJudged, ...]:
    """What the model of a result says nothing about, without what another result of the same analysis judges."""
    others = [other.card for other in analysis.results if other.card.id != result.card.id]
    judged = {label.id for card in others for label in card.shown}
    elsewhere = {label.name for label in result.card.labels if not label.shown and label.id in judged}
    return tuple(item for item in result.card.not_judged if item.name not in elsewhere)


def strongest_first(results: Sequence[Result]) -> list[Result]:
    """Results as they are read: those with a likely finding, then those with one that is worth a look, then the rest,
    each in the order of the registry."""
    return sorted(results, key=lambda result: 0 if result.likely else 1 if result.findings else 2)


def flagged_first(result: Result) -> list[str]:
    """Labels as they are read: findings, then the others, the most probable first."""
    probabilities = result.probabilities or {}
    return sorted(probabilities, key=lambda label: (label not in result.findings, -probabilities[label]))


def kind(analysis: Analysis) -> str:
    """What the gate takes the picture for; empty where that means nothing."""
    return "" if analysis.reason and analysis.reason.code in NO_KIND else analysis.kind


def first_label(analysis: Analysis) -> tuple[str, str] | None:
    """(model, label) whose heatmap is offered first: the first finding of the strongest result, else its most probable
    label."""
    for result in strongest_first(analysis.results):
        if result.heatmaps and result.probabilities:
            probabilities = result.probabilities
            top = max(probabilities, key=lambda label: probabilities[label])
            return result.card.id, (*result.findings, top)[0]
    return None
