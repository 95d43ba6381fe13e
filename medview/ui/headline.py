"""The one line over all models: what is flagged, what is worth a look, or that nothing is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QCoreApplication

from medview.inference.analysis import Analysis, Result
from medview.inference.limits import not_judged, strongest_first
from medview.ui import words

translate = QCoreApplication.translate
Tone = Literal["finding", "caution", "neutral"]


@dataclass(frozen=True)
class Headline:
    """The words, and how strongly they are said: never as an all-clear."""

    text: str
    tone: Tone


def headline(analysis: Analysis) -> Headline:
    """What an analysis with results says, in one line. Where it was forced, nothing of it is valid."""
    said = _said(analysis)
    likely = [text for sure, text in said.values() if sure]
    others = [text for sure, text in said.values() if not sure]
    told = []
    if likely:
        told.append(translate("headline", "Flagged: {0}").format(words.listed(likely)))
    if others:
        told.append(translate("headline", "Worth a look: {0}").format(words.listed(others)))
    text = ". ".join(told) or _nothing(analysis)
    if analysis.forced:
        return Headline(translate("headline", "Not valid here: {0}").format(words.small_start(text)), "caution")
    return Headline(text, "finding" if likely else "caution" if others else "neutral")


def _said(analysis: Analysis) -> dict[str, tuple[bool, str]]:
    """Whether it is likely, and its words, for the name of every finding of all models, the strongest model first."""
    said: dict[str, tuple[bool, str]] = {}
    for result in strongest_first(analysis.results):
        for label in result.findings:
            name, likely = result.card.label(label).name, label in result.likely
            if name not in said or (likely and not said[name][0]):
                said[name] = likely, _one(result, label, name)
    return said


def _one(result: Result, label: str, name: str) -> str:
    if result.probabilities is None:
        return translate("headline", "{0} (outlined)").format(name)
    return words.beside(name, words.percent(result.probabilities[label], 0))


def _nothing(analysis: Analysis) -> str:
    left = {item.name for result in analysis.results for item in not_judged(result, analysis)}
    if not left:
        return translate("headline", "Nothing flagged")
    if len(left) == 1:
        return translate("headline", "Nothing flagged; 1 finding not judged")
    return translate("headline", "Nothing flagged; %n findings not judged", None, len(left))
