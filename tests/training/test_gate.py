"""The head that tells how a film lies, and the damage the quality gate is tried on. Needs PyTorch's environment."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from medview.core import resources

pytest.importorskip("sklearn", reason="scikit-learn is not installed: make train-setup")
pytest.importorskip("tomli_w", reason="tomli-w is not installed: make train-setup")

from medview.inference.gate import Verdict, orientation
from medview.inference.quality import BORDER, ORIENTATION_LIMITS, QualityNote, measure
from medview.inference.registry import Model, Registry
from medview.inference.runtime import Network
from tests.training.toy import toy_config
from training.data.batches import Pool
from training.data.samples import Sample
from training.ship import gate as gates
from training.ship.quality import DAMAGE, outcome

SIDE = 128


class Corners:
    """Features that tell everything: the mean of each quarter of the picture."""

    def run(self, tensor: NDArray[Any]) -> dict[str, NDArray[Any]]:
        half = tensor.shape[2] // 2
        quarters = [tensor[0, 0, r : r + half, c : c + half].mean() for r in (0, half) for c in (0, half)]
        return {"features": np.array([quarters], np.float32)}


class Halves:
    """Features from which each state can be told by a plane: the mean, and how upper and lower half differ."""

    def run(self, tensor: NDArray[Any]) -> dict[str, NDArray[Any]]:
        half = tensor.shape[2] // 2
        mean, step = tensor.mean(), tensor[..., :half, :].mean() - tensor[..., half:, :].mean()
        return {"features": np.array([[mean, step, step**2, mean * step]], np.float32)}


def films(count: int, side: int = 32) -> Pool:
    """Bright below, dark above: there is one right way up."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (count, side, side)).astype(np.uint8)
    images[:, side // 2 :] += 120
    samples = [Sample(Path(str(i)), "chest_xray", "train", str(i), "s") for i in range(count)]
    return Pool(samples, images, None, np.tile([True, False], (count, 1)))


def test_every_picture_is_shown_in_eight_ways() -> None:
    network = cast(Network, Corners())
    features, states = gates.turned_features(network, films(1), vary=False, seed=0)
    assert features.shape == (8, 4)
    assert states.tolist() == [0, 1, 2, 1, 3, 4, 5, 4]
    top_left, top_right, low_left, low_right = features[0]
    assert features[2] == pytest.approx([low_right, low_left, top_right, top_left], abs=1e-6)
    assert features[1] == pytest.approx([top_right, low_right, top_left, low_left], abs=1e-6)
    assert features[4] == pytest.approx(-features[0], abs=1e-6)


def test_the_head_tells_the_states_apart_and_its_arrays_are_what_the_program_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Four features and sixty plain films need neither a strong penalty nor variety.
    monkeypatch.setattr(gates, "PENALTY", 10.0)
    monkeypatch.setattr(gates, "VARIED", 0.0)
    config = toy_config(labels=("chest_xray", "other"))
    network = cast(Network, Halves())
    arrays, limits = gates.fit_orientation(network, films(60), films(6), config)
    assert tuple(limits) == ORIENTATION_LIMITS
    assert limits["warn_orientation"] < limits["refuse_orientation"] < 1
    features, states = gates.turned_features(network, films(3), vary=False, seed=1)
    for row, state in zip(features, states, strict=True):
        found = orientation(row, arrays, "chest_xray")
        ways = {"upright": 1 - found["sideways"] - found["upside_down"], **found}
        inverted = ways.pop("inverted")
        assert max(ways, key=lambda way: ways[way]) == ("upright", "sideways", "upside_down")[state % 3]
        assert (inverted > 0.5) == (state >= 3)


def test_a_refreshed_gate_loads_and_keeps_what_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "image-kind"
    shutil.copytree(resources.find("models") / "image-kind", folder)
    pool = films(4, SIDE)
    monkeypatch.setattr(gates, "load_set", lambda name, data: pool.samples)
    monkeypatch.setattr(gates, "load_pool", lambda samples, config: Pool(pool.samples, pool.images, None, ours(config)))

    def ours(config: Any) -> NDArray[np.bool_]:
        return np.tile([label == "chest_xray" for label in config.labels], (len(pool.samples), 1))

    colour = np.repeat(pool.images[..., None], 3, axis=3)
    pool = Pool(pool.samples, colour, None, pool.allowed)
    before = Registry(tmp_path, "cpu").load("image-kind")
    gates.refresh(folder, tmp_path, ["orientation"])
    after = Registry(tmp_path, "cpu").load("image-kind")
    assert isinstance(before, Model)
    assert isinstance(after, Model), after
    assert after.gate["orientation_weights_chest_xray"].shape == (6, 1280)
    assert (after.gate["orientation_weights_chest_xray"] != before.gate["orientation_weights_chest_xray"]).any()
    assert (after.gate["mean_brain_mr"] == before.gate["mean_brain_mr"]).all()
    assert after.card.gate == pytest.approx(before.card.gate)
    assert after.card.sha256 == before.card.sha256


@pytest.mark.parametrize(
    ("damage", "field", "expected"),
    [("dark", "brightness", 100 * 0.15 / 255), ("bright", "brightness", 224 / 255), ("flat", "contrast", 0.0)],
)
def test_damage_is_what_it_says(damage: str, field: str, expected: float) -> None:
    plain = np.full((224, 224), 100, np.uint8)
    seen = measure(DAMAGE[damage](plain, np.random.default_rng(0)))
    assert getattr(seen, field) == pytest.approx(expected, abs=0.005)


def test_a_made_photo_has_a_skew_sheet_and_a_colour_cast() -> None:
    plain = np.random.default_rng(0).integers(60, 200, (224, 224)).astype(np.uint8)
    for seed in range(5):
        seen = measure(DAMAGE["photo"](plain, np.random.default_rng(seed)))
        assert seen.chroma > 0.02
        assert seen.skew > 0
    assert BORDER < 224 * 0.03


def test_outcomes_name_what_refused() -> None:
    from medview.core.failures import Code

    note = QualityNote(Code.INVERTED, 0.99, 0.95, "", "", "invert", "refuse")
    assert outcome(Verdict("k", {}, None, note.failure(), (note,))) == ["refuse inverted invert", "refused by quality"]
    soft = QualityNote(Code.BLURRED, 0.05, 0.07, "", "")
    assert outcome(Verdict("k", {}, None, None, (soft,))) == ["warn blurred"]
    assert outcome(Verdict("k", {}, None, soft.failure(), ())) == ["refused as blurred"]
    assert outcome(Verdict("k", {}, None, None, ())) == ["nothing noted"]
