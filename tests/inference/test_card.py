"""Cards: what is accepted, and that a damaged one is a failure and never an exception."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.core.failures import Code, Failure
from medview.inference.card import Band, NotJudged, PredictionSet, parse_card, read_card
from tests.inference.cards import raw_card

LUNGS = {"size": [4, 4], "colour": "grey", "intensity": "stretch", "region": "lungs"}


def test_a_card_is_read_with_its_labels_and_rule() -> None:
    card = parse_card(
        raw_card(
            temperature=1.5,
            operating_points={"a": {"threshold": 0.2, "sensitivity": 0.9, "specificity": 0.8, "ppv": 0.5}},
        )
    )
    assert [label.id for label in card.labels] == ["normal", "a", "b"]
    assert card.label("normal").normal
    assert card.preprocess.size == (4, 4)
    assert card.operating_points["a"].threshold == 0.2


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"id": "../evil"},
        {"task": "detect"},
        {"sha256": "xyz"},
        {"labels": []},
        {"labels": [{"id": "a", "name": "A"}, {"id": "a", "name": "B"}]},
        {"preprocess": {"size": [0, 4], "colour": "grey", "intensity": "stretch"}},
        {"preprocess": {"size": [4, 4], "colour": "grey", "intensity": "stretch", "spin": 1}},
        {"preprocess": LUNGS | {"region": "liver"}},
        {"preprocess": LUNGS, "task": "segment"},
        {"temperature": 0},
        {"prediction_set": {"coverage": 0.9}},
        {"prediction_set": {"coverage": 0.9, "bands": []}},
        {"prediction_set": {"coverage": 1.0, "bands": [{"up_to": 1, "threshold": 0.1}]}},
        {"prediction_set": {"coverage": 0.9, "bands": [{"up_to": 1, "threshold": 1.1}]}},
        {"prediction_set": {"coverage": 0.9, "bands": [{"up_to": 0.9, "threshold": 0.1}]}},
        {"prediction_set": {"coverage": 0.9, "bands": [{"up_to": 1, "threshold": 0}, {"up_to": 1, "threshold": 0}]}},
        {"prediction_set": {"coverage": 0.9, "bands": [{"up_to": 1, "threshold": 0.1}]}, "task": "multilabel"},
        {"labels": [{"id": "a", "name": "A"}, {"id": "b", "name": "B", "shown": False, "why_hidden": "weak"}]},
        {"labels": [{"id": "a", "name": "A"}, {"id": "b", "name": "B", "shown": False}], "task": "multilabel"},
        {"labels": [{"id": "a", "name": "A", "shown": False, "why_hidden": "weak"}], "task": "multilabel"},
        {"labels": [{"id": "a", "name": "A", "shown": 1}]},
        {"unavailable": [{"name": "Hernia"}]},
    ],
)
def test_a_wrong_field_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        parse_card(raw_card(**change))


def test_a_card_may_have_its_network_see_what_can_be_found_on_its_kind_alone() -> None:
    assert parse_card(raw_card(preprocess=LUNGS, kind="chest_xray")).preprocess.region == "lungs"
    with pytest.raises(ValueError, match="no region lungs to look at on brain_mr"):
        parse_card(raw_card(preprocess=LUNGS, kind="brain_mr"))
    field = LUNGS | {"region": "field"}
    assert parse_card(raw_card(preprocess=field, kind="skin_lesion")).preprocess.region == "field"
    with pytest.raises(ValueError, match="no region field to look at on chest_xray"):
        parse_card(raw_card(preprocess=field, kind="chest_xray"))
    assert parse_card(raw_card()).preprocess.region == "whole"


def test_a_card_without_the_newer_tables_stays_valid() -> None:
    card = parse_card(raw_card())
    assert (card.prediction_set, card.unavailable, card.not_judged) == (None, (), ())
    assert card.shown == card.labels


def test_what_is_not_judged_is_what_is_hidden_and_what_has_no_output() -> None:
    card = parse_card(
        raw_card(
            task="multilabel",
            labels=[{"id": "a", "name": "A"}, {"id": "b", "name": "B", "shown": False, "why_hidden": "weak"}],
            unavailable=[{"name": "Hernia", "why": "4 pictures"}],
            about={"baselines": {"border ring": {"auc": 0.6}, "free": ["text"]}},
        )
    )
    assert [label.id for label in card.shown] == ["a"]
    assert card.not_judged == (NotJudged("B", "weak"), NotJudged("Hernia", "4 pictures"))
    assert card.about["baselines"]["free"] == ["text"]


SHARE = st.floats(0, 1, exclude_min=True, exclude_max=True)
NAME = st.text(min_size=1, max_size=20)


@given(SHARE, SHARE, st.lists(st.fixed_dictionaries({"name": NAME, "why": NAME}), max_size=3))
def test_every_valid_set_and_list_is_read_as_it_stands(
    coverage: float, threshold: float, unavailable: list[dict[str, str]]
) -> None:
    table = {"coverage": coverage, "bands": [{"up_to": 0.5, "threshold": 0.1}, {"up_to": 1, "threshold": threshold}]}
    card = parse_card(raw_card(prediction_set=table, unavailable=unavailable))
    assert card.prediction_set == PredictionSet(coverage, (Band(0.5, 0.1), Band(1.0, threshold)))
    assert [(item.name, item.why) for item in card.not_judged] == [(u["name"], u["why"]) for u in unavailable]


@given(st.binary(max_size=300))
def test_any_bytes_as_a_card_give_a_failure(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("model")
    (folder / "card.toml").write_bytes(data)
    card = read_card(folder)
    assert isinstance(card, Failure)
    assert card.code is Code.MODEL_DAMAGED


def test_a_missing_card_names_the_model(tmp_path: Path) -> None:
    card = read_card(tmp_path / "chest-six")
    assert isinstance(card, Failure)
    assert "chest-six" in card.text


JUNK = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=3), st.just({})
)


NEWER = {"prediction_set": 0, "unavailable": 0, "task": 0}


@given(
    st.sampled_from(sorted(raw_card() | {"gate": 0, "operating_points": 0, "first_stage": 0, "about": 0} | NEWER)), JUNK
)
def test_any_junk_in_a_field_raises_only_what_read_card_catches(field: str, junk: Any) -> None:
    with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
        parse_card(raw_card(**{field: junk}))
