"""What an answer is limited to, in a few plain words each: from the cards of the models and from the picture."""

from __future__ import annotations

from collections.abc import Iterable

from medview.core.failures import Code
from medview.core.texts import Text
from medview.inference.card import Card
from medview.inference.quality import QualityNote

# What a note about the picture means for every answer on it.
OF_NOTES = {
    Code.AGAINST_HEADER: Text("its header says that it is something else"),
    Code.OTHER_SEQUENCE: Text("another sequence than the models learned"),
    Code.PHOTO: Text("a photo of a film"),
    Code.NO_LUNGS: Text("lungs not found"),
    Code.LATERAL: Text("a lateral view"),
}


def validity(
    cards: Iterable[Card], quality: Iterable[QualityNote], forced: bool = False, said_kind: str = ""
) -> tuple[str, ...]:
    """The limits of the answers of models with these `cards` on a picture with these notes, the most important first,
    each once. `said_kind`: the name of the kind where the user said it."""
    found: list[str] = [Text("not valid here: the picture was refused")] if forced else []
    found += [Text("judged as {kind}, as you said", kind=said_kind)] if said_kind else []
    found += [OF_NOTES[note.code] for note in quality if note.code in OF_NOTES]
    found += [limit for card in cards for limit in card.valid_for]
    return tuple(dict.fromkeys(found))


def one_line(limits: tuple[str, ...]) -> str:
    """Limits as one line, as it stands under a headline: `This slice only; a photo of a film`. Empty for none."""
    line = "; ".join(limits)
    return line[:1].upper() + line[1:]
