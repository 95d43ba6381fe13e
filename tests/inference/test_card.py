"""Cards: what is accepted, and that a damaged one is a failure and never an exception."""

from __future__ import annotations

import contextlib
import math
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.core.failures import Code, Failure
from medview.inference.card import Band, NotJudged, PredictionSet
from medview.inference.card_reading import parse_card, read_card
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
    with pytest.raises(ValueError, match=r"."):
        parse_card(raw_card(**change))


POINT = {"threshold": 0.5, "sensitivity": 0.9, "specificity": 0.9, "ppv": 0.5}
RULE = {"size": [4, 4], "colour": "grey", "intensity": "stretch"}
TWO = [{"id": "a", "name": "A"}, {"id": "b", "name": "B"}]
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"operating_points": {"a": POINT | {"threshold": NAN}}}, "operating_points.a.threshold: is no number"),
        ({"operating_points": {"a": POINT | {"threshold": 7.0}}}, "operating_points.a.threshold: is no number"),
        ({"operating_points": {"a": POINT | {"threshold": 0}}}, "is not above 0 and below 1"),
        ({"operating_points": {"a": POINT | {"threshold": 1}}}, "is not above 0 and below 1"),
        ({"operating_points": {"a": POINT | {"ppv": NAN}}}, "operating_points.a.ppv"),
        ({"operating_points": {"a": POINT | {"sensitivity": 1.5}}}, "operating_points.a.sensitivity"),
        ({"operating_points": {"a": {"threshold": 0.5}}}, "operating_points.a.sensitivity: is missing"),
        ({"operating_points": {"a": POINT | {"treshold": 0.5}}}, "operating_points.a.treshold: is no field of a card"),
        ({"operating_points": {"ghost": POINT}}, "operating_points.ghost: is no label"),
        ({"operating_points": [POINT]}, "operating_points is no table"),
        ({"operating_point": {"a": POINT}}, "operating_point: is no field of a card"),
        ({"temperature": NAN}, "temperature: is no number from 0.01 to 100"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": 10**400}, "temperature"),
        ({"mask_threshold": NAN}, "mask_threshold"),
        ({"mask_threshold": 1.0}, "mask_threshold"),
        ({"min_pixels": -1}, "min_pixels"),
        ({"min_pixels": 1.5}, "min_pixels"),
        ({"gate": {"max_other_a": NAN}}, "gate.max_other_a"),
        ({"gate": {"max_distance_a": INF}}, "gate.max_distance_a"),
        ({"preprocess": RULE | {"size": [10**9, 4]}}, "preprocess.size"),
        ({"preprocess": RULE | {"size": [4]}}, "preprocess.size"),
        ({"preprocess": RULE | {"size": [4.0, 4]}}, "preprocess.size"),
        ({"preprocess": RULE | {"size": [True, 4]}}, "preprocess.size"),
        ({"preprocess": {"size": [4, 4], "colour": "grey"}}, "preprocess.intensity: is missing"),
        ({"preprocess": RULE | {"scaling": 1}}, "preprocess.scaling"),
        ({"labels": {"id": "a"}}, "labels: is no list"),
        ({"labels": ["a", "b"]}, "is no table"),
        ({"labels": TWO[:1]}, "labels: 1 of a classify model"),
        ({"labels": TWO, "task": "segment"}, "labels: 2 of a segment model"),
        ({"labels": [*TWO, {"id": "c", "name": "A"}]}, "a name is there twice"),
        ({"labels": [*TWO, {"id": "../../c", "name": "C"}]}, "is not made of a-z"),
        ({"labels": [*TWO, {"id": "c\n", "name": "C"}]}, "can be shown"),
        ({"labels": [*TWO, {"id": "C", "name": "C"}]}, "is not made of a-z"),
        ({"labels": [*TWO, {"id": "mask", "name": "C"}]}, "the files of a mask have this name"),
        ({"labels": [*TWO, {"id": "c", "name": "\x1b[31mC"}]}, "can be shown"),
        ({"labels": [*TWO, {"id": "c", "name": "C\u202e"}]}, "can be shown"),
        ({"labels": [*TWO, {"id": "c", "name": "C" * 201}]}, "at most 200 characters"),
        ({"labels": [*TWO, {"id": "c", "name": " "}]}, "name: is empty"),
        ({"labels": [*TWO, {"id": "c", "name": "C", "codes": {"SCT": 1}}]}, "codes"),
        ({"labels": [*TWO, {"id": "c", "name": "C", "normal": "no"}]}, "is neither true nor false"),
        ({"labels": [{"id": f"l{n}", "name": f"L{n}"} for n in range(300)]}, "at most 200 tables"),
        ({"name": 5}, "name: is no text"),
        ({"name": "Evil\x1b]0;x\x07"}, "name"),
        ({"version": 1}, "version"),
        ({"kind": "../x"}, "kind"),
        ({"kind": []}, "kind"),
        ({"format": True}, "format"),
        ({"files": {"golden.npz": "0" * 64, "../../etc/passwd": "0" * 64}}, "files"),
        ({"files": {"golden.npz": "0" * 64, "/etc/passwd": "0" * 64}}, "files"),
        ({"files": {"gate.npz": "0" * 64}}, "golden.npz is needed"),
        ({"files": {"golden.npz": 5}}, "files.golden.npz"),
        ({"first_stage": {"model": "toy", "unless": "a"}}, "first_stage.probability"),
        ({"first_stage": {"model": "toy", "unless": "a", "probability": NAN}}, "first_stage.probability"),
        ({"first_stage": {"model": "../toy", "unless": "a", "probability": 0.5}}, "first_stage.model"),
        ({"prediction_set": {"coverage": NAN, "bands": [{"up_to": 1, "threshold": 0.1}]}}, "prediction_set.coverage"),
        ({"prediction_set": {"coverage": 0.9, "bands": [{"up_to": 1, "threshold": NAN}]}}, "threshold"),
        ({"about": {"metrics": {"test": {"auc": {"value": "x", "low": 0, "high": 1}}}}}, "about.metrics.auc.value"),
        ({"about": []}, "about is no table"),
    ],
)
def test_a_field_of_a_wrong_type_or_range_is_refused_by_name(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        parse_card(raw_card(**change))
    assert told in str(error.value)


def test_a_card_of_tables_in_tables_is_refused(tmp_path: Path) -> None:
    deep: dict[str, Any] = {}
    for _ in range(10_000):
        deep = {"a": deep}
    with pytest.raises(ValueError, match="deeper than any card"):
        parse_card(raw_card(about=deep))
    for text in ("a=" + "[" * 100_000, "a" + ".a" * 100_000 + "=1", "a=" + "{a=" * 50_000):
        (tmp_path / "card.toml").write_text(text, encoding="utf-8")
        card = read_card(tmp_path)
        assert isinstance(card, Failure)
        assert card.code is Code.MODEL_DAMAGED


def test_a_card_of_megabytes_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_bytes(b"#" * 1_000_001)
    card = read_card(tmp_path)
    assert isinstance(card, Failure)
    assert "1000000 are allowed" in card.detail


def test_the_reason_is_short_whatever_the_card_holds(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text(f'format = 1\n"{"x" * 100_000}" = 1\n', encoding="utf-8")
    card = read_card(tmp_path)
    assert isinstance(card, Failure)
    assert len(card.detail) < 600


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
NAME = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and bool(text.strip()))


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
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=3),
    st.just({}),
    st.just([{}]),
    st.just(10**400),
)


def whole_card() -> dict[str, Any]:
    """Tables of a card that has every field."""
    point = {"threshold": 0.4, "sensitivity": 0.9, "specificity": 0.8, "ppv": 0.5}
    return raw_card(
        temperature=1.5,
        operating_points={"a": dict(point), "b": dict(point)},
        gate={"max_other_a": 0.5},
        first_stage={"model": "other", "unless": "normal", "probability": 0.9},
        prediction_set={"coverage": 0.9, "bands": [{"up_to": 0.5, "threshold": 0.1}, {"up_to": 1, "threshold": 0.2}]},
        unavailable=[{"name": "Hernia", "why": "4 pictures"}],
        about={"metrics": {"test": {"auc": {"value": 0.9, "low": 0.8, "high": 1.0, "n": 5}}}},
        mask_threshold=0.5,
        min_pixels=3,
    )


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in nested tables and lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(place for key, v in inner for place in places(v, (*path, key)))]


@given(st.lists(st.tuples(st.sampled_from(places(whole_card())), JUNK, st.booleans()), min_size=1, max_size=3))
def test_a_mutated_card_is_refused_by_a_value_error_or_sound(changes: list[tuple[tuple[Any, ...], Any, bool]]) -> None:
    raw = whole_card()
    for path, junk, remove in changes:
        with contextlib.suppress(KeyError, IndexError, TypeError):  # an earlier change took the place away
            table = reduce(lambda value, key: value[key], path[:-1], raw)
            if remove:
                del table[path[-1]]
            else:
                table[path[-1]] = junk
    try:
        card = parse_card(raw)
    except ValueError:
        return
    assert all(0 < point.threshold < 1 for point in card.operating_points.values())
    assert card.operating_points.keys() <= {label.id for label in card.labels}
    assert all(label.name.isprintable() and label.id.isascii() for label in card.labels)
    assert 0.01 <= card.temperature <= 100
    assert all(math.isfinite(limit) for limit in card.gate.values())
    assert max(card.preprocess.size) <= 4096
