"""Leaving a source out. Needs PyTorch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: make train-setup")

from medview.inference.preprocess import Preprocess
from tests.training.toy import toy_config, toy_pool
from training.config import Config, Stage
from training.data.batches import Pool
from training.data.prepared import Pictures
from training.data.samples import Sample
from training.fit import train as loop
from training.measure import held_out


def sample(name: str, label: str, source: str, split: str = "train") -> Sample:
    return Sample(Path(name), label, split, name, source)


def test_only_classes_that_another_source_holds_too_can_be_measured() -> None:
    samples = [
        sample("1", "dark", "a"),
        sample("2", "dark", "b"),
        sample("3", "bright", "b"),
        sample("4", "bright", "c", "test"),
    ]
    assert held_out.shared_sources(samples) == {"a": ["dark"], "b": ["dark"]}


def test_recall_counts_the_shared_classes_of_the_source() -> None:
    samples = [sample("1", "dark", "a"), sample("2", "dark", "a"), sample("3", "bright", "a")]
    logits = np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    found = held_out.measure(samples, ["dark"], held_out.called(toy_config(), logits))
    assert found["images"] == 2
    assert found["accuracy"] == 0.5
    dark = found["classes"]["dark"]
    assert (dark["recall"], dark["n"], dark["called"]) == (0.5, 2, {"bright": 1, "dark": 1})


def test_a_source_is_left_out_of_training_and_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = toy_pool()
    for index, one in enumerate(pool.samples):
        object.__setattr__(one, "source", "left" if index < 8 else "kept")
        object.__setattr__(one, "split", "val" if index % 4 > 1 else "train")
        object.__setattr__(one, "path", tmp_path / str(index))
    seen: list[set[str]] = []
    regions: list[str] = []

    def prepared(_: Pictures, samples: list[Sample], config: Config, rule: Preprocess | None = None) -> Pool:
        rows = [pool.samples.index(s) for s in samples]
        seen.append({s.source for s in samples})
        regions.append(rule.region if rule else "as trained")
        return Pool(samples, pool.images[rows], None, pool.allowed[rows])

    monkeypatch.setattr(Pictures, "pool", prepared)
    monkeypatch.setattr(held_out, "REPORTS", tmp_path / "loso")
    monkeypatch.setattr(loop, "initialise", lambda *_: None)
    config = toy_config(held_out_stages=(Stage(32, 1),))
    path = held_out.leave_one_out(config, pool.samples, tmp_path, tmp_path / "runs", ["left"], 1)
    assert seen == [{"kept"}, {"kept"}, {"left"}]
    assert regions == ["as trained"] * 3
    assert json.loads(path.read_text())["held_out"]["left"]["images"] == 8
    cut = replace(config, shipped_region="field")
    path = held_out.leave_one_out(cut, pool.samples, tmp_path, tmp_path / "cut", ["left"], 1)
    assert regions[3:] == ["as trained", "as trained", "field"]
    assert json.loads(path.read_text())["shipped_region"] == "field"
    with pytest.raises(ValueError, match="cannot be left out"):
        held_out.leave_one_out(config, pool.samples, tmp_path, tmp_path / "runs", ["elsewhere"], 1)
    with pytest.raises(ValueError, match="no held_out_stages"):
        held_out.leave_one_out(toy_config(), pool.samples, tmp_path, tmp_path / "runs", [], 1)


def test_all_sources_left_out_give_the_criterion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [
        sample(f"{source}{label}{i}", label, source)
        for source in ("a", "b")
        for label in ("normal", "covid19")
        for i in range(20)
    ]
    known = toy_config(labels=("normal", "covid19"), held_out_stages=(Stage(32, 1),))

    def answer(run: Config, _: object, own: list[Sample], *rest: object) -> np.ndarray:
        sure = np.array([1.0 if s.label == "covid19" else -1.0 for s in own])
        odds = np.stack([np.zeros(len(own)), sure if own[0].source == "a" else sure + 3], axis=1)
        return odds[:, -len(run.labels) :]

    monkeypatch.setattr(held_out, "REPORTS", tmp_path)
    monkeypatch.setattr(held_out, "answers", answer)
    path = held_out.leave_one_out(known, samples, tmp_path, tmp_path, [], 1)
    found = json.loads(path.read_text())["criterion"]
    # Hospital b is scored three higher: its normals lie above the sick of a, so one threshold flags them all.
    assert (found["auc"], found["threshold"], found["flagged"]) == (1.0, 1.0, 0.5)
    assert found["joint_auc"] == pytest.approx(0.75)
    held_out.leave_one_out(known, samples, tmp_path, tmp_path, ["a"], 1)
    assert "criterion" not in json.loads(path.read_text())
    ill = [s for s in samples if s.label != "normal"]
    run = replace(known, labels=("covid19",))
    assert "criterion" not in json.loads(held_out.leave_one_out(run, ill, tmp_path, tmp_path, [], 1).read_text())


def test_a_model_of_two_regions_is_measured_as_the_mean_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = (Stage(32, 1),)
    other = toy_config(id="other", region="lungs", held_out_stages=stages)
    config = toy_config(ensemble=("other",), held_out_stages=stages)
    monkeypatch.setattr(held_out, "load_config", lambda _: other)
    monkeypatch.setattr(held_out, "REPORTS", tmp_path)
    labels = config.labels
    samples = [sample("1", labels[0], "a"), sample("2", labels[0], "b"), sample("3", labels[1], "b")]
    told = {"whole": np.array([[1.0, 0.0]]), "lungs": np.array([[0.0, 3.0]])}
    monkeypatch.setattr(held_out, "answers", lambda run, *_: told[run.region])
    assert [m.region for m in held_out.members(config)] == ["whole", "lungs"]
    path = held_out.leave_one_out(config, samples, tmp_path, tmp_path, ["a"], 1)
    found = json.loads(path.read_text())["held_out"]["a"]
    assert found["accuracy"] == 0.0
    held_out.write_held_out(config, held_out.NOTE, "b", {})
    assert set(json.loads(path.read_text())["held_out"]) == {"a", "b"}
    held_out.leave_one_out(replace(config, shares=(0.8, 0.2)), samples, tmp_path, tmp_path, ["a"], 1)
    other = json.loads(path.read_text())
    assert (set(other["held_out"]), other["shares"]) == ({"a"}, {"whole": 0.8, "lungs": 0.2})
    assert other["held_out"]["a"]["accuracy"] == 1.0  # 0.8 * 1 > 0.2 * 3
    assert found["alone"] == {"whole": 1.0, "lungs": 0.0}
    monkeypatch.setattr(held_out, "load_config", lambda _: toy_config(region="lungs"))
    with pytest.raises(ValueError, match="no held_out_stages"):
        held_out.leave_one_out(config, samples, tmp_path, tmp_path, ["a"], 1)
