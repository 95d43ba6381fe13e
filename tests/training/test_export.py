"""A finished run becomes a folder that the program loads; anything else is refused. Needs PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: make train-setup")
pytest.importorskip("onnx", reason="onnx is not installed: make train-setup")

from medview.inference.gate import feature_distance
from medview.inference.registry import Model, Registry
from tests.training.toy import toy_config, toy_pool
from training import export as exporting
from training import fit as loop
from training.config import Config
from training.gate import principal

CARD = """
name = "Toy"
kind = "chest_xray"
[[labels]]
id = "dark"
name = "Dark"
[[labels]]
id = "bright"
name = "Bright"
[about]
data = ["noise"]
licence = "none"
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished toy run."""
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "toy.toml").write_text(CARD)
    monkeypatch.setattr(exporting, "CARDS", tmp_path / "cards")
    monkeypatch.setattr(loop, "initialise", lambda *_: None)
    loop.fit(toy_config(), toy_pool(), toy_pool(), tmp_path, tmp_path / "runs", threads=1)
    return tmp_path / "runs"


def export(config: Config, runs: Path, models: Path) -> Path:
    return exporting.export(config, toy_pool(2), toy_pool(), runs, models, {"m": "0"}, {"train": 32})


def test_the_exported_folder_loads_passes_its_self_test_and_tells_its_training(runs: Path, tmp_path: Path) -> None:
    folder = export(toy_config(views=2), runs, tmp_path / "models")
    (folder / "evaluation.json").write_text("figures of this model")
    model = Registry(tmp_path / "models", "cpu").load("toy")
    assert isinstance(model, Model), model
    assert model.self_test_difference < 2e-3
    training = model.card.about["training"]
    assert training["configuration_sha256"] == toy_config().digest()
    assert (training["epochs"], training["averaged_views"], training["images"]) == (2, 2, {"train": 32})
    assert set(model.card.operating_points) == {"dark", "bright"}
    assert 0.1 < model.card.temperature < 10
    export(toy_config(), runs, tmp_path / "models")
    assert not (folder / "evaluation.json").exists()


def test_new_texts_reach_the_card_and_leave_its_figures(runs: Path, tmp_path: Path) -> None:
    folder = export(toy_config(), runs, tmp_path / "models")
    before = Registry(tmp_path / "models", "cpu").cards["toy"]
    (tmp_path / "cards" / "toy.toml").write_text(CARD.replace('name = "Bright"', 'name = "Brighter"'))
    exporting.refresh_card(toy_config(), folder)
    after = Registry(tmp_path / "models", "cpu").cards["toy"]
    assert after.label("bright").name == "Brighter"
    assert (after.sha256, after.temperature, after.operating_points) == (
        before.sha256,
        before.temperature,
        before.operating_points,
    )
    assert after.about["training"] == before.about["training"]


def test_a_run_of_another_configuration_is_not_exported(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another configuration"):
        export(toy_config(lr=1e-5), runs, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_an_unfinished_or_missing_run_is_not_exported(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no finished run"):
        export(toy_config(), tmp_path / "elsewhere", tmp_path / "models")
    (runs / "toy" / "best.pt").unlink()
    with pytest.raises(ValueError, match="no finished run"):
        export(toy_config(), runs, tmp_path / "models")


def test_the_distance_is_1_for_usual_features_and_grows_with_strangeness() -> None:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(40, 40))
    features = rng.normal(size=(4000, 40)) @ mixing + 3
    arrays = {f"{name}_x": value for name, value in principal(features).items()}
    own = [feature_distance(f, arrays, "x") for f in features[:300]]
    assert np.mean(np.square(own)) == pytest.approx(1.0, abs=0.1)
    assert feature_distance(features[0] + 20 * mixing[0], arrays, "x") > 2 * max(own)
