"""Short runs without some sources, the pictures they share, and the ablation made of them. Needs PyTorch."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: make train-setup")

import torch

from tests.training.toy import toy_config, toy_pool
from training.config import Augment, Config, Stage
from training.data import prepared
from training.data.batches import batches, load_pool
from training.data.prepared import Pictures
from training.data.samples import SETS, Sample
from training.fit import short_runs
from training.fit import train as loop
from training.fit.short_runs import answers, val_figure, watched, without
from training.fit.train import Average
from training.measure import ablation

STAGES = (Stage(32, 1),)


def film(folder: Path, name: str, label: str, source: str, split: str = "train", bright: bool = False) -> Sample:
    path = folder / f"{name}.png"
    level = 150 if bright else 0
    noise = np.random.default_rng(len(name) * 7 + ord(name[-1])).integers(0, 90, (40, 40))
    cv2.imwrite(str(path), (noise + level).astype(np.uint8))
    return Sample(path, label, split, name, source)


def films(folder: Path) -> list[Sample]:
    """Normals and sick films of two hospitals; `a` is a third with one film of each."""
    made = [
        film(folder, f"{s}{k}{i}", k, s, "val" if i > 5 else "train", k == "covid19")
        for s in ("b", "c")
        for k in ("normal", "covid19")
        for i in range(8)
    ]
    return [*made, film(folder, "a0", "normal", "a"), film(folder, "a1", "covid19", "a", bright=True)]


def config(**changes: Any) -> Config:
    return toy_config(labels=("normal", "covid19"), held_out_stages=STAGES, held_out_drawn=16, **changes)


def test_a_short_run_starts_from_imagenet_without_the_sources_and_their_classes() -> None:
    samples = [
        Sample(Path("1"), "normal", "train", "1", "a"),
        Sample(Path("2"), "covid19", "train", "2", "b"),
        Sample(Path("3"), "normal", "train", "3", "b"),
    ]
    planned = config(encoder_from="other", frozen_layers=4, held_out_frozen=2, leave_out=("c",))
    run = without(planned, ["b"], samples)
    assert (run.labels, run.leave_out, run.encoder_from, run.frozen_layers) == (("normal",), ("b", "c"), "", 2)
    assert (run.stages, run.size, run.drawn) == (STAGES, 32, 16)
    assert without(planned, ["a"], samples).labels == ("normal", "covid19")


def test_the_same_run_has_the_same_name_whoever_asks() -> None:
    samples = [Sample(Path("1"), k, "train", k, "x") for k in ("normal", "covid19")]
    first = without(config(leave_out=("a",)), ["b"], samples)
    assert without(config(leave_out=("b",), version="9", id="else"), ["a", "b"], samples) == replace(first, version="9")
    assert without(config(leave_out=("a",), seed=1), ["b"], samples).id != first.id


def test_partly_known_pictures_are_trained_on_or_not() -> None:
    told = Sample(Path("1"), "", "train", "1", "a", allowed=("covid19",))
    assert config().trains_on(told)
    assert not config(partly_known=False).trains_on(told)
    assert not config(leave_out=("a",)).trains_on(replace(told, label="covid19"))
    assert without(config(partly_known=False), [], [told, Sample(Path("2"), "normal", "train", "2", "a")]).labels == (
        "normal",
    )


def test_few_of_each_source_and_class_are_watched() -> None:
    samples = [Sample(Path(str(i)), "ab"[i % 2], "val", str(i), "s") for i in range(200)]
    found = watched(samples)
    assert len(found) == 2 * short_runs.WATCHED
    assert watched(samples[::-1]) == found


def test_answers_are_kept_and_only_new_films_are_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "initialise", lambda *_: None)
    samples = films(tmp_path)
    run = without(config(), ["a"], samples)
    runs = tmp_path / "runs"
    own = [s for s in samples if s.source == "a"]
    told = answers(run, samples, own[:1], tmp_path, runs, 1)
    assert told.shape == (1, 2)
    assert 0.0 <= val_figure(run, runs) <= 1.0
    asked: list[int] = []
    predict = short_runs.predict
    monkeypatch.setattr(
        short_runs, "predict", lambda n, pool, c: asked.append(len(pool.samples)) or predict(n, pool, c)
    )
    both = answers(run, samples, own, tmp_path, runs, 1)
    np.testing.assert_array_equal(both[:1], told)
    answers(run, samples, own[::-1], tmp_path, runs, 1)
    assert asked == [1]


def test_a_part_of_the_exposure_is_mapped_in_training_and_in_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spread: list[float] = []

    def fit(run: Config, train: Any, *_: Any) -> None:
        spread.append(float(train.images.mean(axis=(1, 2)).std()))
        (tmp_path / run.id).mkdir()
        torch.save({"average": loop.build(run).state_dict()}, tmp_path / run.id / "last.pt")

    monkeypatch.setattr(short_runs, "fit", fit)
    samples = films(tmp_path)
    for strength in (0.0, 1.0):
        run = without(config(exposure_map=strength), ["a"], samples)
        answers(run, samples, [s for s in samples if s.source == "a"], tmp_path, tmp_path, 1)
    assert spread[0] > 50
    assert spread[1] < 5
    with pytest.raises(ValueError, match="program maps no exposure"):
        _ = run.shipped


def test_every_picture_is_read_once_and_a_broken_end_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = films(tmp_path)[:4]
    planned = config()
    plain = load_pool(samples, planned).images
    read: list[int] = []
    monkeypatch.setattr(prepared, "load_pool", lambda s, c, r: read.append(len(s)) or load_pool(s, c, r))
    kept = Pictures(tmp_path / "kept")
    np.testing.assert_array_equal(kept.pool(samples[:2], planned).images, plain[:2])
    data = next((tmp_path / "kept").glob("*.u8"))
    data.write_bytes(data.read_bytes() + b"half a picture")
    pool = kept.pool(samples[::-1], planned)
    np.testing.assert_array_equal(pool.images, plain[::-1])
    np.testing.assert_array_equal(pool.allowed, load_pool(samples[::-1], planned).allowed)
    assert read == [2, 2]
    assert kept.pool(samples, replace(planned, colour="rgb")).images.shape == (4, 32, 32, 3)


def test_so_many_pictures_are_drawn_as_are_asked_for() -> None:
    assert len(list(batches(toy_pool(32), toy_config(drawn=64), 0))) == 8
    assert len(list(batches(toy_pool(32), toy_config(), 0))) == 4


def test_the_exposure_is_borrowed_where_the_configuration_says_so() -> None:
    pool = toy_pool(32)
    still = Augment(rotate=0, scale=(1, 1), shift=0, flip=False, exposure=0, degrade=0, erase=0)
    plain = next(batches(pool, toy_config(batch=32, augment=still), 0))
    lent = next(batches(pool, toy_config(batch=32, augment=replace(still, exposure_of_source=1.0)), 0))
    bright = plain[2][:, 1]
    assert plain[0][bright].mean() > 150 > 60 > plain[0][~bright].mean()
    means = lent[0][bright].mean(axis=(1, 2))
    assert means.min() < 60
    assert means.max() > 150


def test_the_mean_of_the_last_weights_is_even() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    average = Average(network, 0.5, even_from=2)
    for value in (100.0, 100.0, 1.0, 2.0, 6.0):
        torch.nn.init.constant_(network.weight, value)
        average.update(network)
    assert average.network.weight.item() == pytest.approx(3.0)


LIST = """
base = "chest-plain"
[[recipe]]
name = "plain"
[[recipe]]
name = "wide"
set = { seed = 5, augment = { gamma = 0.5 }, held_out_stages = [{ size = 64, epochs = 2 }] }
[[recipe]]
name = "both"
mean_of = { "plain" = 0.25, "wide" = 0.75 }
"""


def test_a_list_names_its_recipes_and_what_they_change(tmp_path: Path) -> None:
    path = tmp_path / "list.toml"
    path.write_text(LIST)
    plain, wide, both = ablation.read_recipes(path)
    changed = wide.parts[0][0]
    assert (changed.seed, changed.augment.gamma, changed.held_out_stages) == (5, 0.5, (Stage(64, 2),))
    assert changed.augment.contrast == plain.parts[0][0].augment.contrast
    assert [share for _, share in both.parts] == [0.25, 0.75]
    assert len({r.digest for r in (plain, wide, both)}) == 3
    path.write_text(LIST.replace("seed = 5", "sede = 5"))
    with pytest.raises(ValueError, match=r"list\.toml, wide: .*sede"):
        ablation.read_recipes(path)


@pytest.mark.parametrize("path", sorted(ablation.LISTS.glob("*.toml")), ids=lambda p: p.stem)
def test_every_list_can_be_read_and_every_recipe_plans_short_runs(path: Path) -> None:
    recipes = ablation.read_recipes(path)
    assert len({r.digest for r in recipes}) == len({r.name for r in recipes}) == len(recipes)
    for config, _ in (part for recipe in recipes for part in recipe.parts):
        assert config.data in SETS
        assert config.held_out_drawn
        assert config.held_out_stages


def test_a_list_is_worked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, table = tmp_path / "list.toml", tmp_path / "out/table.csv"
    path.write_text(LIST)
    samples = [
        Sample(Path(f"{source}-{label}-{i}"), label, "train", f"{source}{i}", source)
        for source in ("a", "b")
        for label in ("normal", "covid19")
        for i in range(20)
    ]
    asked: list[tuple[str, ...]] = []

    def answer(run: Config, _: Any, own: list[Sample], *rest: Any) -> Any:
        asked.append(run.leave_out)
        sick = np.array([s.label != "normal" for s in own])
        # The second recipe is wrong about everything, three times as loudly.
        sure = np.where(sick, 1.0, -1.0) * (-3 if run.seed == 5 else 1)
        return np.stack([np.zeros(len(own)), sure], axis=1)

    monkeypatch.setattr(ablation, "answers", answer)
    monkeypatch.setattr(ablation, "val_figure", lambda *_: 0.5)
    monkeypatch.setattr(ablation, "ROUNDS", (("a",), ("b",)))
    ablation.run_list(path, samples, tmp_path, tmp_path, table, 1)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [(r["recipe"], r["flagged"], r["auc"], r["val"]) for r in rows] == [
        ("plain", "0.0000", "1.0000", "0.5000"),
        ("wide", "1.0000", "0.0000", "0.5000"),
        ("both", "1.0000", "0.0000", "0.5000"),
    ]
    assert {"a", "b"} == {name for left in asked for name in left} - set(
        ablation.read_recipes(path)[0].parts[0][0].leave_out
    )
    before = len(asked)
    ablation.run_list(path, samples, tmp_path, tmp_path, table, 1)
    assert len(asked) == before


def test_parts_that_know_other_classes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = [
        Sample(Path("1"), "normal", "train", "1", "a"),
        Sample(Path("2"), "covid19", "train", "2", "b"),
        Sample(Path("3"), "", "train", "3", "b", allowed=("tuberculosis",)),
    ]
    one = config()
    parts = [replace(one, labels=("normal", "covid19", "tuberculosis"), partly_known=known) for known in (True, False)]
    recipe = ablation.Recipe("odd", tuple((part, 0.5) for part in parts))
    monkeypatch.setattr(ablation, "ROUNDS", (("a",),))
    monkeypatch.setattr(ablation, "val_figure", lambda *_: 0.5)
    monkeypatch.setattr(ablation, "answers", lambda run, _, own, *__: np.zeros((len(own), len(run.labels))))
    with pytest.raises(ValueError, match="know different classes"):
        ablation.score(recipe, told, tmp_path, tmp_path, 1)
