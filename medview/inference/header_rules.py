"""What a DICOM header rules out before any network looks, by the rules in the cards of the models (`accepts`).

A header can only rule out. What it leaves open (no header, no body part, a secondary capture that says nothing) the
gate's network judges.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.dicom_terms import MODALITIES, PART_NAMES, body_parts, coded_parts, modality_of_class
from medview.imaging.study import Frame, HeaderFacts
from medview.inference.card import Accepts, Card
from medview.inference.quality import QualityNote

HINT = Text("If its header is wrong, say what the picture is, and it is judged as that; the result then tells so.")


class Step(IntEnum):
    """How far a header got with a kind before it was ruled out: the further, the closer it came."""

    MODALITY = 1
    BODY_PART = 2
    VIEW = 3
    IMAGE_TYPE = 4


@dataclass(frozen=True)
class Ruling:
    """Why a header does not go with a model: at which step, and by which word, as a text for people shows it."""

    step: Step
    word: str


def ruled_out(accepts: Accepts, frame: Frame) -> Ruling | None:
    """The first rule of a card that a frame's header breaks, or None."""
    header = frame.header
    if header is None:
        return None
    for modality in _modalities(frame):
        if modality in MODALITIES and modality not in accepts.modalities:
            return Ruling(Step.MODALITY, modality)
    for parts in (body_parts(header.body_part), coded_parts(header.regions)):
        if accepts.body_parts and parts and not parts.intersection(accepts.body_parts):
            return Ruling(Step.BODY_PART, _named(parts))
    view = frame.view.upper()
    if {view, *re.split("[^A-Z]+", view)}.intersection(accepts.not_views):
        return Ruling(Step.VIEW, view)
    computed = next((one for one in header.image_type if _written(one).intersection(accepts.not_image_types)), None)
    return Ruling(Step.IMAGE_TYPE, computed) if computed else None


def _modalities(frame: Frame) -> tuple[str, ...]:
    """The modality a header names, and the one that its class of object is for."""
    header = frame.header or HeaderFacts()
    return header.modality, modality_of_class(header.sop_class)


def _written(image_type: str) -> set[str]:
    """A value of Image Type as makers write it: `ADC_MAP` and `ADC MAP` are one, and an `ADC`. A single letter means
    something only by itself."""
    words = re.split("[ _]+", image_type)
    return {image_type, " ".join(words), *(word for word in words if len(word) > 1)}


def _named(parts: Iterable[str]) -> Text:
    first, *more = sorted(PART_NAMES[part] for part in parts)
    for part in more:
        first = Text("{one} and {other}", one=first, other=part)
    return first


@dataclass(frozen=True)
class HeaderVerdict:
    """What a header leaves open.

    Attributes:
        closed: the kinds that every model for them rules out, with what the picture is by its header (`a mammogram`).
        reason: the refusal, where every kind is closed.
    """

    closed: dict[str, Text] = field(default_factory=dict)
    reason: Failure | None = None


def ask_header(cards: Iterable[Card], frame: Frame) -> HeaderVerdict:
    """Ask a frame's header about every kind that the models judge. A card without rules leaves the word to the others
    of its kind."""
    kinds: dict[str, list[Ruling | None]] = {}
    accepted: set[str] = set()
    for card in cards:
        rulings = kinds.setdefault(card.kind, [])
        if card.accepts:
            rulings.append(ruled_out(card.accepts, frame))
            accepted.update(card.accepts.modalities)
    broken = {kind: [r for r in rulings if r] for kind, rulings in kinds.items() if rulings and all(rulings)}
    closest = {kind: max(rulings, key=lambda r: r.step) for kind, rulings in broken.items()}
    closed = {kind: _what(ruling, frame, accepted) for kind, ruling in closest.items()}
    if not closed or len(closed) < len(kinds):
        return HeaderVerdict(closed)
    what = _what(max(closest.values(), key=lambda r: r.step), frame, accepted)
    return HeaderVerdict(
        closed, Failure(Code.OTHER_MODALITY, Text("This is {what}; medview has no model for it.", what=what), HINT)
    )


def contradicted(kind_name: str, what: Text) -> Failure:
    """The refusal of a picture that looks like a kind while its header says that it is something else."""
    return Failure(
        Code.OTHER_MODALITY,
        Text("This looks like {kind}, but by its header it is {what}.", kind=kind_name, what=what),
        HINT,
    )


def doubted(kind_name: str, what: Text) -> QualityNote:
    """The note about a picture that the user calls of a kind while its header says that it is something else; its
    measure is 1 for yes, with the limit 0."""
    text = Text("You say that this is {kind}; by its header it is {what}.", kind=kind_name, what=what)
    return QualityNote(
        Code.AGAINST_HEADER, 1.0, 0.0, text, Text("If the header is right, none of the numbers means anything.")
    )


def _what(ruling: Ruling, frame: Frame, accepted: set[str]) -> Text:
    """What a picture is by its header, in plain English; its modality first where no model `accepted` that one."""
    words = [m for m in _modalities(frame) if m in MODALITIES]
    words = [m for m in words if m not in accepted] or words
    names = list(dict.fromkeys(MODALITIES[m] for m in words)) or [Text("a picture")]
    picture, *others = names
    if ruling.step is Step.MODALITY:
        # A class for one modality and the name of another one: no model is for both.
        return Text("{one} and also {other}", one=picture, other=others[0]) if others else picture
    if ruling.step is Step.BODY_PART:
        return Text("{picture} of {part}", picture=picture, part=ruling.word)
    if ruling.step is Step.VIEW:
        return Text("{picture} in the view {view}", picture=picture, view=ruling.word)
    return Text("{picture} ({word})", picture=picture, word=ruling.word)
