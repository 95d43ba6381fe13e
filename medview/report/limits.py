"""What an answer must not be taken for: what the panel and the table leave out, by the same rules."""

from __future__ import annotations

from medview.core.failures import Code
from medview.inference.analysis import Analysis, Result
from medview.inference.card import NotJudged

# Refusals of a picture that shows nothing or no examination: a kind, however probable among the others, says nothing.
NO_KIND = frozenset((Code.BLANK, Code.TOO_SMALL, Code.WRONG_SHAPE))


def not_judged(result: Result, analysis: Analysis) -> tuple[NotJudged, ...]:
    """What the model of a result says nothing about, without what another result of the same analysis judges."""
    others = [other.card for other in analysis.results if other.card.id != result.card.id]
    judged = {label.id for card in others for label in card.shown}
    elsewhere = {label.name for label in result.card.labels if not label.shown and label.id in judged}
    return tuple(item for item in result.card.not_judged if item.name not in elsewhere)


def kind(analysis: Analysis) -> str:
    """What the gate takes the picture for; empty where that means nothing."""
    return "" if analysis.reason and analysis.reason.code in NO_KIND else analysis.kind
