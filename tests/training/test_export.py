"""A finished run becomes a folder that the program loads; anything else is refused. Needs PyTorch."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: make train-setup")
pytest.importorskip("onnx", reason="onnx is not installed: make train-setup")

import torch

from medview.inference import card
from medview.inference.gate import feature_distance
from medview.inference.registry import Model, Registry
from medview.inference.runtime import Network
from tests.training.toy import LABELS, toy_config, toy_pool
from training.config import Config
from training.fit import train as loop
from training.fit.networks import classifier
from training.ship import export as exporting
from training.ship import model_folder as folders
from training.ship.gate import principal
from training.ship.onnx_files import Member

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
    monkeypatch.setattr(folders, "CARDS", tmp_path / "cards")
    monkeypatch.setattr(loop, "initialise", lambda *_: None)
    loop.fit(toy_config(), toy_pool(), toy_pool(), tmp_path, tmp_path / "runs", threads=1)
    return tmp_path / "runs"


def belongs_to(runs: Path, config: Config) -> None:
    """Make the toy run one of this configuration."""
    for name in ("best.pt", "last.pt"):
        held = torch.load(runs / "toy" / name, weights_only=False)
        torch.save(held | {"digest": config.digest()}, runs / "toy" / name)


def export(config: Config, runs: Path, models: Path) -> Path:
    return exporting.export(config, toy_pool(2), toy_pool(), runs, models, {"m": "0"}, toy_pool().samples)


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
    folders.refresh_card(toy_config(), folder)
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


def test_a_new_calibration_of_the_same_file_changes_nothing(runs: Path, tmp_path: Path) -> None:
    folder = export(toy_config(), runs, tmp_path / "models")
    before = (folder / "card.toml").read_bytes()
    (folder / "evaluation.json").write_text("figures of the old choice")
    exporting.recalibrate(toy_config(), toy_pool(), tmp_path / "models")
    assert (folder / "card.toml").read_bytes() == before
    assert not (folder / "evaluation.json").exists()


def test_scale_and_offset_move_into_the_head_and_its_maps() -> None:
    network = classifier("mobilenet_v2", 2, 0.0).eval()
    tensor = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before = network(tensor)
        exporting.scale_head([Member(network, 32)], np.array([2.0, 0.5]), np.array([-1.0, 3.0]))
        logits, _, maps = network.explain(tensor)
    torch.testing.assert_close(logits, before * torch.tensor([2.0, 0.5]) + torch.tensor([-1.0, 3.0]))
    torch.testing.assert_close(maps.mean(dim=(2, 3)) + network.head.bias, logits, atol=1e-5, rtol=1e-4)


def test_even_classes_divide_out_how_often_the_training_drew_them(runs: Path, tmp_path: Path) -> None:
    # Three of four training pictures are dark.
    samples = [replace(s, label=LABELS[i % 4 == 0]) for i, s in enumerate(toy_pool().samples)]
    config = toy_config(class_power=0.0)
    belongs_to(runs, config)
    logits = {}
    for even in (False, True):
        made = replace(config, even_classes=even)
        folder = exporting.export(made, toy_pool(2), toy_pool(), runs, tmp_path / "models", {"m": "0"}, samples)
        logits[even] = np.load(folder / "golden.npz")["logits"][0].astype(float)
        assert tomllib.loads((folder / "card.toml").read_text())["about"]["training"]["even_classes"] is even
    assert logits[True] - logits[False] == pytest.approx([-np.log(1.5), np.log(2)], abs=2e-3)


def test_several_labels_a_picture_make_a_folder_that_loads(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The toy network has learned next to nothing; no label would be left.
    monkeypatch.setattr("training.ship.calibrate.LEAST_AUC", 0.0)
    config = toy_config(task="multilabel")
    belongs_to(runs, config)
    export(config, runs, tmp_path / "models")
    model = Registry(tmp_path / "models", "cpu").load("toy")
    assert isinstance(model, Model), model
    assert model.card.temperature == 1.0
    assert model.card.prediction_set is None
    assert set(model.card.operating_points) == {"dark", "bright"}


def test_averaged_weights_are_the_mean_of_each() -> None:
    first = {"w": torch.tensor([1.0, 3.0]), "n": torch.tensor(5)}
    second = {"w": torch.tensor([3.0, 9.0]), "n": torch.tensor(9)}
    mean = exporting.mean_weights([first, second])
    assert mean["w"].tolist() == [2.0, 6.0]
    assert mean["n"].item() == 5


@pytest.mark.parametrize(
    ("other", "how", "name"),
    [
        ({"size": 64}, "soup", "size"),
        ({"region": "lungs"}, "soup", "region"),
        ({"colour": "rgb"}, "ensemble", "colour"),
    ],
)
def test_members_that_do_not_go_together_are_not_averaged(
    runs: Path, monkeypatch: pytest.MonkeyPatch, other: dict[str, Any], how: str, name: str
) -> None:
    monkeypatch.setattr(exporting, "load_config", lambda _: toy_config(**other))
    monkeypatch.setattr(exporting, "load_best", lambda config, _: exporting.Run(config, {}, ""))
    with pytest.raises(ValueError, match=f"differ in {name}"):
        exporting.members_of(toy_config(**{how: ("other",)}), runs)


def test_a_region_of_the_shipped_network_alone_reaches_the_card_and_leaves_the_run_valid(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = toy_config(shipped_region="field")
    assert config.digest() == toy_config().digest()
    assert (config.preprocess.region, config.shipped.region) == ("whole", "field")
    monkeypatch.setitem(card.REGIONS, "chest_xray", ("field",))
    folder = export(config, runs, tmp_path / "models")
    assert tomllib.loads((folder / "card.toml").read_text())["preprocess"]["region"] == "field"
    monkeypatch.setattr("training.config.load_config", lambda _: toy_config(region="lungs"))
    with pytest.raises(ValueError, match="learned whole pictures"):
        _ = toy_config(shipped_region="field", ensemble=("other",)).shipped


def test_soup_and_ensemble_reach_the_card_with_their_hashes(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("training.ship.export", "training.config"):
        monkeypatch.setattr(f"{place}.load_config", lambda _: toy_config())
    folder = export(toy_config(soup=("toy",), ensemble=("toy",)), runs, tmp_path / "models")
    training = tomllib.loads((folder / "card.toml").read_text())["about"]["training"]
    digest = hashlib.sha256((runs / "toy" / "best.pt").read_bytes()).hexdigest()
    assert [run["weights_sha256"] for run in training["runs"]] == [digest] * 3
    single = export(toy_config(), runs, tmp_path / "single")
    both = [Network((f / "model.onnx").read_bytes(), "cpu") for f in (folder, single)]
    tensor = exporting.tensor_of(toy_pool().images[0])
    ours, alone = (network.run(tensor) for network in both)
    np.testing.assert_allclose(ours["logits"], alone["logits"], atol=1e-2)
    assert ours["features"].shape[1] == 2 * alone["features"].shape[1]


def test_the_card_names_the_shortcuts_and_the_best_classical_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def row(name: str, cv: float, value: float) -> dict[str, object]:
        figure = {"value": value, "low": 0.1, "high": 0.9}
        return {"name": name, "preprocessing": "none", "cv_balanced_accuracy": cv, "balanced_accuracy": figure}

    rows = [row("shortcut: border", 0.3, 0.31), row("xgboost", 0.5, 0.4), row("xgboost", 0.4, 0.6)]
    (tmp_path / "toy.json").write_text(json.dumps({"rows": rows}))
    monkeypatch.setattr(folders, "BASELINES", tmp_path)
    found = folders.baselines(toy_config())["baselines"]
    assert [(b["name"], b["value"]) for b in found] == [("shortcut: border", 0.31), ("xgboost", 0.4)]
    assert folders.baselines(toy_config(data="none")) == {}
