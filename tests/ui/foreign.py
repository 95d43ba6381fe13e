"""Data in other letters, so that nothing of a file, a card or a sample is taken for a text of the program; and analyses
with everything that the program itself can say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medview.core.texts import Text
from medview.imaging.study import Frame
from medview.inference import agreement, header_rules, quality, validity
from medview.inference.analysis import Analysis
from medview.inference.card import Card, damaged
from medview.inference.corrections import INVERT
from medview.inference.region import WHOLE
from medview.inference.registry import ModelStatus
from tests.ui.fakes import SIX, FakeEngine, Make, chest_analysis, mri_analysis
from tests.ui.pseudo import PLAIN

FOREIGN = str.maketrans(PLAIN + PLAIN.upper(), "абвгдежзийклмнопрстуфхцчшщ" + "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩ")


def foreign(value: Any) -> Any:
    """Data in other letters."""
    if isinstance(value, str):
        return value.translate(FOREIGN)
    if isinstance(value, tuple | list):
        return type(value)(foreign(item) for item in value)
    if isinstance(value, dict):
        kept = ("value", "low", "high", "summary", "measured_for", "data", "cannot_see", "metrics", "licence")
        return {key if key in kept else foreign(key): foreign(item) for key, item in value.items()}
    return value


def foreign_card(card: Card) -> Card:
    labels = tuple(
        replace(one, name=foreign(one.name), about=foreign(one.about), why_hidden=foreign(one.why_hidden))
        for one in card.labels
    )
    left_out = tuple(replace(one, name=foreign(one.name), why=foreign(one.why)) for one in card.unavailable)
    return replace(
        card, id=foreign(card.id), name=foreign(card.name), task=card.task, labels=labels, unavailable=left_out,
        about=foreign(card.about),
    )  # fmt: skip


class ForeignEngine(FakeEngine):
    """An engine whose models tell of themselves in other letters."""

    def __init__(self, make: Make) -> None:
        super().__init__(make)
        self.said = dict.fromkeys(self.said, judged)

    def kind_names(self) -> dict[str, str]:
        return foreign_values(super().kind_names())

    def kinds(self) -> dict[str, str]:
        return foreign_values(super().kinds())

    def statuses(self) -> list[Any]:
        broken = damaged(Path(foreign("model")), "")
        return [ModelStatus("a", foreign_card(SIX), None, 3.0), ModelStatus(foreign("b"), None, broken)]


def foreign_values(names: dict[str, str]) -> dict[str, str]:
    return {key: foreign(name) for key, name in names.items()}


def foreign_results(analysis: Analysis) -> Analysis:
    return replace(analysis, results=tuple(replace(one, card=foreign_card(one.card)) for one in analysis.results))


def everything_noted() -> tuple[quality.QualityNote, ...]:
    """A note of every kind, each made where the program makes it."""
    measures = quality.measure(np.full((60, 300, 3), (200, 30, 30), np.uint8), False, WHOLE)
    found = [
        *quality.notes(measures, "chest_xray"),
        *quality.notes(replace(measures, brightness=0.99, side=5, sharpness=0.0, skew=9.0), "skin_lesion"),
        *quality.orientation_notes(0.9, (0.0, 0.0, 0.995), 0.8, 0.99),
        *quality.view_notes("chest_xray", lateral=True),
        *quality.sequence_notes("brain_mr", Text("an echo time of {ms:.0f} ms", ms=90)),
        *quality.lung_notes(replace(WHOLE, likeness=0.1)),
        header_rules.doubted(foreign("film"), Text("a mammogram")),
    ]
    for values in (np.zeros((9, 9), np.uint8), np.zeros((60, 999), np.uint8), np.zeros((99, 99), np.uint8)):
        note = quality.check_picture(values)
        assert note is not None
        found.append(note)
    return tuple(found)


def judged(frame: Frame, force: bool = False) -> Analysis:
    """An answer with everything that can be said of it."""
    done = chest_analysis(frame)
    calm = {"normal": 0.9, "viral": 0.1}
    six = replace(done.results[1], probabilities=calm, findings=(), prediction_set=())
    outlined = mri_analysis(frame).results[0]
    done = foreign_results(replace(done, results=(done.results[0], six, outlined)))
    notes = everything_noted()
    limits = validity.validity((), notes, forced=True, said_kind=foreign("film"))
    return replace(
        done, quality=notes, contradictions=agreement.contradictions(done.results), validity=limits,
        warnings=(damaged(Path(foreign("model")), ""),), corrected=(INVERT, "rotate_90"),
    )  # fmt: skip


def refused(frame: Frame, force: bool = False) -> Analysis:
    """The network is against it."""
    note = everything_noted()[0]
    if force:
        return replace(judged(frame), forced=True, reason=note.failure())
    return Analysis(
        str(frame.path), frame.index, "refused", note.failure(), "chest_xray", {"chest_xray": 0.9}, (), quality=(note,)
    )


def ruled_out(frame: Frame, force: bool = False) -> Analysis:
    """The header is against it."""
    reason = header_rules.contradicted(foreign("film"), Text("a mammogram"))
    return Analysis(str(frame.path), frame.index, "refused", reason)


def failed(frame: Frame, force: bool = False) -> Analysis:
    """No model runs."""
    return Analysis(str(frame.path), frame.index, "error", damaged(Path(foreign("model")), ""))
