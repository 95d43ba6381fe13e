"""The gate fitted without a source. Needs PyTorch's environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from medview.core import resources

pytest.importorskip("torch", reason="PyTorch is not installed: make train-setup")

from medview.inference.gate import GATE_MODEL
from medview.inference.registry import Model, Registry
from medview.inference.runtime import Network
from tests.training.toy import toy_config
from training.config import Augment
from training.data.batches import Pool
from training.data.samples import Sample
from training.measure import gate_held_out, held_out
from training.ship import gate as gates

KINDS = ("chest_xray", "brain_mr", "skin_lesion", "other")
CONFIG = toy_config(
    id=GATE_MODEL, labels=KINDS, gate_data=True, augment=Augment(flip=False, rotate=0, shift=0, erase=0)
)


class Corners:
    """Features that tell everything: the mean of each quarter of the picture."""

    def run(self, tensor: NDArray[Any]) -> dict[str, NDArray[Any]]:
        quarters = [tensor[0, 0, r : r + 16, c : c + 16].mean() for r in (0, 16) for c in (0, 16)]
        return {"features": np.array([quarters], np.float32), "logits": np.zeros((1, 4), np.float32)}

    outputs = ("features", "logits")


def lit(quarter: int, brightness: int, seed: int) -> NDArray[np.uint8]:
    """A dark picture of 32 pixels a side with one bright quarter."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 30, (32, 32)) + rng.integers(0, 20)
    image[quarter // 2 * 16 :, quarter % 2 * 16 :][:16, :16] += brightness
    return image.astype(np.uint8)


def pictures() -> tuple[list[Sample], list[NDArray[np.uint8]]]:
    """Eighty pictures a kind, of two sources, one quarter bright; of chest films two sources more, one of which is
    much brighter there."""
    samples: list[Sample] = []
    images: list[NDArray[np.uint8]] = []
    for kind, label in enumerate(KINDS):
        for number in range(160 if label == "chest_xray" else 80):
            source = ("here", "there", "like them", "unlike")[number // 40]
            brightness = 200 if source == "unlike" else 120
            split = "val" if number % 4 == 3 else "train"
            name = f"{label}{number}"
            samples.append(Sample(Path(name), label, split, name, f"{source} {label}"))
            images.append(lit(kind, brightness, len(images)))
    return samples, images


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    samples, images = pictures()

    def load_pool(chosen: list[Sample], _: object) -> Pool:
        rows = [samples.index(s) for s in chosen]
        allowed = np.array([[s.label == kind for kind in KINDS] for s in chosen])
        return Pool(chosen, np.stack([images[i] for i in rows]), None, allowed)

    card = Registry(resources.find("models"), "cpu").cards[GATE_MODEL]
    model = Model(card, cast(Network, Corners()), {}, 0.0, 0.0, 0.0)
    monkeypatch.setattr(gate_held_out, "load_pool", load_pool)
    monkeypatch.setattr(Registry, "load", lambda *_: model)
    monkeypatch.setattr(held_out, "REPORTS", tmp_path)
    monkeypatch.setattr(gates, "PENALTY", 1.0)  # the shipped one is for a hundred times as many pictures
    path = gate_held_out.leave_one_out(CONFIG, samples, resources.find("models"), [])
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def test_what_the_statistics_are_made_of_holds_round_fields_of_skin_alone_and_nothing_of_a_source_left_out() -> None:
    samples, images = pictures()
    allowed = np.array([[s.label == kind for kind in KINDS] for s in samples])
    pool = Pool(samples, np.stack(images), None, allowed)
    seen = gate_held_out.look_at(cast(Network, Corners()), pool, CONFIG, 1)
    assert [samples[i].label for i in seen.round_of] == ["skin_lesion"] * 80
    left = seen.without("here skin_lesion")
    features, classes = left.known
    assert len(features) == len(classes) == 160 + 80 + 40 + 80 + 40
    assert (classes[-40:] == KINDS.index("skin_lesion")).all()
    assert {left.pool.samples[i].source for i in left.round_of} == {"there skin_lesion"}
    np.testing.assert_array_equal(left.round_fields, seen.round_fields[40:])
    # Black corners: every quarter of such a picture is darker than it was, or as dark.
    assert (left.round_fields.mean(axis=1) < left.features[left.round_of].mean(axis=1)).all()


def test_every_source_is_measured_by_a_gate_that_never_saw_it(found: dict[str, Any]) -> None:
    held = found["held_out"]
    assert len(held) == 10
    accepted = {source: told["accuracy"] for source, told in held.items()}
    assert accepted.pop("unlike chest_xray") == 0.0
    assert min(accepted.values()) > 0.9, {s: t["classes"] for s, t in held.items()}


def test_a_source_unlike_all_others_is_refused(found: dict[str, Any]) -> None:
    unlike = found["held_out"]["unlike chest_xray"]["classes"]["chest_xray"]
    assert (unlike["recall"], unlike["n"]) == (0.0, 40)


def test_all_views_of_a_source_go_with_it() -> None:
    samples, images = pictures()
    allowed = np.array([[s.label == kind for kind in KINDS] for s in samples])
    pool = Pool(samples, np.stack(images), None, allowed)
    seen = gate_held_out.look_at(cast(Network, Corners()), pool, CONFIG, 2)
    assert seen.views.shape == (2 * len(samples), 4)
    np.testing.assert_array_equal(seen.views[: len(samples)], seen.features)
    assert not np.array_equal(seen.views[len(samples) :], seen.features)
    rest = seen.without("unlike chest_xray")
    assert len(rest.features) == len(rest.pool.images) == len(samples) - 40
    assert len(rest.views) == len(rest.classes) == 2 * len(rest.features)
    assert (rest.classes == np.tile(rest.pool.allowed.argmax(axis=1), 2)).all()


def test_a_gate_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="image-kind"):
        gate_held_out.leave_one_out(CONFIG, pictures()[0], tmp_path, [])
    with pytest.raises(ValueError, match="cannot be left out"):
        gate_held_out.leave_one_out(CONFIG, pictures()[0], tmp_path, ["nowhere"])
