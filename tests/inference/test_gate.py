"""The gate's limits on its network's answers, and what it looks at in parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.core.samples import samples
from medview.imaging.open import open_path
from medview.inference.field import find_field
from medview.inference.gate import GATE_MODEL, Look, judge, lookalike, parts_of, refusal
from medview.inference.region import WHOLE
from medview.inference.registry import Model, Registry, check_gate
from tests.inference.cards import card

LABELS = [
    {"id": "chest_xray", "name": "a film"},
    {"id": "skin_lesion", "name": "skin"},
    {"id": "other", "name": "else"},
]


@pytest.fixture(scope="module")
def gate() -> Model:
    model = Registry(device="cpu").load(GATE_MODEL)
    assert isinstance(model, Model)
    return model


def look(chest: float, skin: float) -> Look:
    scores = {"chest_xray": chest, "skin_lesion": skin, "other": 1 - chest - skin}
    kind = max(("chest_xray", "skin_lesion"), key=lambda k: scores[k])
    return Look(kind, scores, np.zeros(4, np.float32), None)


@pytest.mark.parametrize(
    ("chest", "skin", "code"),
    [
        (0.90, 0.05, None),
        (0.80, 0.05, None),
        (0.79, 0.05, Code.OTHER_KIND),
        (0.03, 0.29, Code.OTHER_KIND),  # a photo of eczema
        (0.03, 0.35, None),
    ],
)
def test_the_best_kind_must_be_probable_enough(chest: float, skin: float, code: Code | None) -> None:
    limits = {"min_probability_chest_xray": 0.8, "min_probability_skin_lesion": 0.34, "max_other_skin_lesion": 0.7}
    found = refusal(card(labels=LABELS, kind="any", gate=limits), look(chest, skin))
    assert (found.code if found else None) is code


def test_every_kind_of_the_shipped_gate_has_a_least_probability(gate: Model) -> None:
    least = {k: v for k, v in gate.card.gate.items() if k.startswith("min_probability_")}
    assert set(least) == {f"min_probability_{kind}" for kind in ("chest_xray", "brain_mr", "skin_lesion")}
    assert all(v > 0.29 for v in least.values())


def test_parts_are_two_corners_and_the_middle_of_what_is_lit() -> None:
    values = np.arange(100, dtype=np.uint16).reshape(10, 10)
    first, middle, last = parts_of(values, WHOLE)
    assert {part.shape for part in (first, middle, last)} == {(6, 6)}
    assert (first[0, 0], middle[0, 0], last[0, 0], last[-1, -1]) == (0, 22, 44, 99)
    lit = np.full((224, 224), 200, np.uint8)
    across, down = np.meshgrid(np.arange(224) - 111.5, np.arange(224) - 111.5)
    lit[np.hypot(across, down) > 90] = 0
    assert all((part > 0).mean() > 0.9 for part in parts_of(lit, find_field(lit)))


def test_what_the_parts_say_is_taken_together() -> None:
    arrays = {"lookalike_weights_skin_lesion": np.array([1.0, 0.0]), "lookalike_bias_skin_lesion": np.array(-1.0)}
    features = np.array([[1.0, 9.0], [3.0, 9.0]])
    assert lookalike(features, arrays, "skin_lesion") == pytest.approx(1 / (1 + np.exp(-1.0)))


def test_skin_that_is_none_in_its_parts_is_refused(gate: Model) -> None:
    path = next(s.path for s in samples() if s.kind == "skin_lesion")
    study = open_path(path)
    assert not isinstance(study, Failure)
    values = study.frames[0].modality_values()
    assert not isinstance(values, Failure)
    assert judge(gate, values, False).reason is None
    strict = replace(gate, card=replace(gate.card, gate=gate.card.gate | {"max_lookalike_skin_lesion": 0.0}))
    for corrections in ((), ("rotate_90",)):
        verdict = judge(strict, values, False, corrections=corrections)  # type: ignore[arg-type]
        assert verdict.reason is not None
        assert (verdict.kind, verdict.reason.code, verdict.quality) == ("other", Code.OTHER_KIND, ())
    assert judge(strict, values, False, said="skin_lesion").reason is None


@pytest.mark.parametrize(
    "change",
    [
        {"lookalike_weights_skin_lesion": np.zeros(7)},
        {"lookalike_bias_skin_lesion": np.zeros(2)},
        {"lookalike_bias_skin_lesion": np.array(np.nan)},
    ],
)
def test_a_head_that_does_not_fit_switches_the_gate_off(gate: Model, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="lookalike"):
        check_gate(gate.card, gate.gate | change, 1280)
    limits = {k: v for k, v in gate.card.gate.items() if k != "max_lookalike_skin_lesion"}
    with pytest.raises(ValueError, match="max_lookalike"):
        check_gate(replace(gate.card, gate=limits), gate.gate, 1280)
