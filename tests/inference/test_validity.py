"""What an answer is limited to."""

from __future__ import annotations

from medview.core.failures import Code
from medview.inference.quality import QualityNote
from medview.inference.validity import one_line, validity
from tests.inference.cards import card

SLICE, ADULTS = card(valid_for=["this slice only"]), card(valid_for=["adults only", "this slice only"])


def note(code: Code) -> QualityNote:
    return QualityNote(code, 1.0, 0.0, "It is so.", "Do this.")


def test_limits_come_from_the_cards_and_the_picture_each_once() -> None:
    assert validity([SLICE, ADULTS], ()) == ("this slice only", "adults only")
    found = validity([SLICE], (note(Code.PHOTO), note(Code.BLURRED), note(Code.OTHER_SEQUENCE), note(Code.PHOTO)))
    assert found == ("a photo of a film", "another sequence than the models learned", "this slice only")
    assert validity([card()], ()) == ()


def test_the_word_of_the_user_and_force_come_first() -> None:
    found = validity([SLICE], (note(Code.PHOTO),), forced=True, said_kind="a slice of a brain MR")
    assert found[:2] == ("not valid here: the picture was refused", "judged as a slice of a brain MR, as you said")


def test_one_line() -> None:
    assert one_line(("this slice only", "a photo of a film")) == "This slice only; a photo of a film"
    assert one_line(()) == ""
