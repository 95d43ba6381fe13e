"""What headers rule out, by the rules of the shipped models' cards."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medview.core import resources
from medview.core.failures import Code
from medview.imaging.study import Frame, HeaderFacts
from medview.inference.card import Card
from medview.inference.header_rules import ask_header, contradicted, ruled_out
from medview.inference.registry import Registry
from tests.inference.cards import card

STORAGE = "1.2.840.10008.5.1.4.1.1."
SECONDARY = STORAGE + "7"


@pytest.fixture(scope="module")
def cards() -> list[Card]:
    return [card for card in Registry(resources.find("models"), "cpu").cards.values() if card.kind != "any"]


def frame(view: str = "", **facts: Any) -> Frame:
    values = np.zeros((8, 8), np.uint8)
    return Frame(Path("x.dcm"), 0, 8, 8, "", lambda: values, view=view, header=HeaderFacts(**facts))


def said(cards: list[Card], **facts: Any) -> str:
    reason = ask_header(cards, frame(**facts)).reason
    if reason is None:
        return ""
    assert reason.code is Code.OTHER_MODALITY
    assert reason.hint
    return reason.text.removeprefix("This is ").removesuffix("; medview has no model for it.")


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"modality": "MG", "body_part": "BREAST", "view": "MLO"}, "a mammogram"),
        ({"modality": "MG"}, "a mammogram"),
        ({"modality": "XA", "body_part": "HEART"}, "an angiogram"),
        ({"modality": "US"}, "an ultrasound picture"),
        ({"modality": "CT", "body_part": "CHEST"}, "a CT"),
        ({"modality": "CT", "body_part": "HEAD"}, "a CT"),
        ({"modality": "NM", "body_part": "WHOLE BODY", "sop_class": SECONDARY}, "a nuclear medicine picture"),
        ({"modality": "RF"}, "a fluoroscopy picture"),
        ({"modality": "ES"}, "an endoscopic picture"),
        ({"modality": "OP"}, "a photo of the eye"),
        ({"modality": "SM"}, "a microscope slide"),
        ({"modality": "IO"}, "a dental X-ray"),
        ({"modality": "ECG", "sop_class": SECONDARY}, "an electrocardiogram"),
        ({"modality": "DOC", "sop_class": SECONDARY}, "a document"),
        ({"modality": "SR", "sop_class": SECONDARY}, "a structured report"),
        ({"modality": "DX", "body_part": "HAND"}, "an X-ray of the hand"),
        ({"modality": "VF", "sop_class": SECONDARY}, "a fluoroscopy picture"),
        ({"modality": "XC", "body_part": "RETINA"}, "a photo of the eye"),
        ({"modality": "XC", "body_part": "TEETH"}, "a photo of the jaw"),
        ({"modality": "MR", "image_type": ("DERIVED", "PRIMARY", "ADC_MAP")}, "an MR (ADC_MAP)"),
        ({"modality": "CR", "body_part": "CSPINE", "view": "LL"}, "an X-ray of the spine"),
        ({"modality": "CR", "body_part": "SKULL"}, "an X-ray of the skull"),
        ({"modality": "CR", "body_part": "abdomen"}, "an X-ray of the abdomen"),
        ({"modality": "RG", "body_part": "BREAST", "sop_class": SECONDARY}, "an X-ray of the breast"),
        ({"modality": "DX", "regions": ("T-D9200",)}, "an X-ray of the knee"),
        ({"modality": "MR", "body_part": "KNEE"}, "an MR of the knee"),
        ({"modality": "MR", "regions": ("421060004",)}, "an MR of the spine"),
        ({"modality": "MR", "body_part": "CHESTABDOMEN"}, "an MR of the abdomen and the chest"),
        ({"modality": "CR", "view": "MLO"}, "an X-ray in the view MLO"),
        ({"modality": "DX", "view": "LEFT ANTERIOR OBLIQUE"}, "an X-ray in the view LEFT ANTERIOR OBLIQUE"),
        ({"modality": "MR", "image_type": ("DERIVED", "SECONDARY", "PROJECTION IMAGE")}, "an MR (PROJECTION IMAGE)"),
        ({"modality": "", "sop_class": STORAGE + "1.2"}, "a mammogram"),
        ({"modality": "CR", "sop_class": STORAGE + "12.1"}, "an angiogram"),
        ({"modality": "CR", "sop_class": STORAGE + "4"}, "an X-ray and also an MR"),
    ],
)
def test_a_header_that_no_model_is_for_is_refused_by_name(cards: list[Card], facts: dict[str, Any], name: str) -> None:
    assert said(cards, **facts) == name


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"modality": "CR"},
        {"modality": "DX", "body_part": "CHEST", "view": "PA"},
        {"modality": "DX", "body_part": "CHEST", "view": "LL"},  # said by its own note
        {"modality": "CR", "body_part": "chest pa", "sop_class": STORAGE + "1"},
        {"modality": "DR", "body_part": "LUNG"},
        {"modality": "CR", "body_part": "THORAX", "sop_class": SECONDARY},
        {"modality": "CR", "body_part": "REGION 7"},
        {"modality": "CR", "body_part": "CHESTABDOMEN"},
        {"modality": "CR", "regions": ("T-D3000",)},
        {"modality": "MR"},
        {"modality": "MR", "body_part": "SKULL"},
        {"modality": "MR", "body_part": "HEADNECK"},
        {"modality": "MR", "image_type": ("ORIGINAL", "PRIMARY", "M", "SE")},
        {"modality": "OT"},
        {"modality": "OT", "body_part": "HAND"},  # a lesion may lie there
        {"modality": "SC", "sop_class": SECONDARY},
        {"modality": "XC", "body_part": "HAND"},
        {"modality": "DMS"},
        {"modality": "WHATEVER"},
    ],
)
def test_what_a_header_leaves_open_is_not_refused(cards: list[Card], facts: dict[str, Any]) -> None:
    assert said(cards, **facts) == ""


def test_a_picture_without_a_header_is_open_for_every_kind(cards: list[Card]) -> None:
    plain = Frame(Path("x.png"), 0, 8, 8, "", lambda: np.zeros((8, 8), np.uint8))
    verdict = ask_header(cards, plain)
    assert (verdict.closed, verdict.reason) == ({}, None)


def test_what_is_open_for_one_kind_is_closed_for_the_others_by_name(cards: list[Card]) -> None:
    verdict = ask_header(cards, frame(modality="OT", body_part="BREAST"))
    what = "a picture of the breast"
    assert (verdict.closed, verdict.reason) == ({"chest_xray": what, "brain_mr": what}, None)
    failure = contradicted("a frontal chest X-ray", what)
    assert failure.text == "This looks like a frontal chest X-ray, but by its header it is a picture of the breast."
    assert ask_header(cards, frame(modality="MR", body_part="HEAD")).closed == {
        "chest_xray": "an MR",
        "skin_lesion": "an MR",
    }


def test_a_new_model_brings_its_own_rules(cards: list[Card]) -> None:
    hand = card(id="hand", kind="hand_xray", accepts={"modalities": ["DX"], "body_parts": ["hand"]})
    assert said([*cards, hand], modality="DX", body_part="HAND") == ""
    assert said([*cards, hand], modality="DX", body_part="FOOT") == "an X-ray of the foot"
    # One of an own kind without any rules opens nothing for the models of other kinds.
    loose = card(id="loose", kind="anything")
    verdict = ask_header([*cards, loose], frame(modality="MG"))
    assert (verdict.reason, set(verdict.closed)) == (None, {"chest_xray", "brain_mr", "skin_lesion"})
    # Beside models of its kind that have rules, theirs count.
    beside = card(id="beside", kind="chest_xray")
    assert said([*cards, beside], modality="MG") == "a mammogram"


def test_rules_hold_one_by_one() -> None:
    rules = card(accepts={"modalities": ["DX"], "body_parts": ["chest"]}).accepts
    assert rules is not None
    assert ruled_out(rules, frame(modality="DX", body_part="CHEST")) is None
    assert ruled_out(dataclasses.replace(rules, body_parts=()), frame(modality="DX", body_part="HAND")) is None


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"modalities": []},
        {"modalities": ["XRAY"]},
        {"modalities": ["DX"], "body_parts": ["torso"]},
        {"modalities": "DX"},
        {"modalities": [1]},
        {"modalities": ["DX"], "species": ["human"]},
    ],
)
def test_rules_that_would_rule_out_nothing_or_too_much_are_no_card(rules: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        card(accepts=rules)
