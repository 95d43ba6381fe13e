"""The whole of `evaluate`, from samples to the files in the model's folder, on a made-up engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: make train-setup")
pytest.importorskip("matplotlib", reason="matplotlib is not installed: make train-setup")
pytest.importorskip("tomli_w", reason="tomli-w is not installed: make train-setup")

import tomli_w

import training.measure.evaluate
from tests.inference.cards import raw_card
from tests.training.fakes import Brightness, picture
from tests.training.toy import toy_config
from training.data.samples import Sample
from training.ship.models_table import rows

LABELS = [{"id": "dark", "name": "Dark"}, {"id": "bright", "name": "Bright"}]
BASELINE = {"rows": [{"name": "border ring", "accuracy": 0.5}], "note": "one row"}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder with the card of a toy model, whose engine is made up, and one measured baseline."""
    home = tmp_path / "models/toy"
    home.mkdir(parents=True)
    (home / "card.toml").write_text(tomli_w.dumps(raw_card(labels=LABELS)), encoding="utf-8")
    (tmp_path / "toy.json").write_text(json.dumps(BASELINE), encoding="utf-8")
    monkeypatch.setattr(training.measure.evaluate, "Engine", lambda folder: Brightness())
    monkeypatch.setattr(training.measure.evaluate, "BASELINES", tmp_path)
    monkeypatch.setattr(training.measure.evaluate, "HELD_OUT", tmp_path / "none")
    return home.parent


def test_samples_become_figures_a_page_and_a_row(models: Path) -> None:
    shades = [(230, "bright"), (200, "bright"), (90, "dark"), (40, "bright")]
    samples = [
        Sample(picture(models, f"{split}{n}.png", level), label, split, f"{split}{n}", "s")
        for split in ("train", "test", "far")
        for n, (level, label) in enumerate(shades)
    ]
    report = training.measure.evaluate.evaluate(toy_config(), samples, models)
    assert [*report["splits"]] == ["test", "far"]
    assert report["splits"]["test"]["accuracy"]["value"] == 0.75
    assert report["splits"]["test"]["recall"]["bright"]["value"] == pytest.approx(2 / 3)
    assert report["splits"]["test"]["without_gate"]["accuracy"]["value"] == 0.75
    assert report["robustness"]["unchanged"]["value"] == 0.75
    assert report["stability"]["mean_band"]["n"] == 4
    assert (report["pointing"], report["baselines"]) == ({}, BASELINE)
    assert "held_out_sources" not in report
    training.measure.evaluate.write_report(report, models)
    assert json.loads((models / "toy/evaluation.json").read_text(encoding="utf-8"))["splits"]["far"]["images"] == 4
    assert "border ring" in (models / "toy/report.html").read_text(encoding="utf-8")
    assert [row.split("|")[3].strip() for row in rows(models)] == ["test, 4 pictures", "far, 4 pictures"]


def test_a_model_that_is_not_there_is_told_with_the_command_that_makes_it(models: Path) -> None:
    with pytest.raises(ValueError, match="python -m training export absent"):
        training.measure.evaluate.evaluate(toy_config(id="absent"), [], models)
