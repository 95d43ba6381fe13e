"""The whole chain by its own commands, on a handful of pictures: train, export, calibrate, evaluate. Needs PyTorch."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: make train-setup")
pytest.importorskip("onnx", reason="onnx is not installed: make train-setup")
pytest.importorskip("matplotlib", reason="matplotlib is not installed: make train-setup")

from medview.core import resources
from medview.inference.registry import Model, Registry
from training import __main__ as commands
from training.data.layouts import CHEST_FOLDERS
from training.fit import train as loop
from training.ship import model_folder as folders

ROOT = Path(__file__).resolve().parents[2]
FILMS = ("chest-normal-adult", "chest-normal-child", "chest-emphysema-adult", "chest-pneumonia-child")
CONFIG = """
id = "tiny"
version = "1"
task = "classify"
data = "chest-six-folders"
labels = ["normal", "pneumonia_bacterial", "pneumonia_viral", "covid19", "tuberculosis", "emphysema"]
arch = "mobilenet_v2"
size = 64
colour = "grey"
intensity = "stretch"
batch = 8
mixup = 0.0
stages = [{ size = 32, epochs = 1 }, { size = 64, epochs = 1 }]
"""


def write_pictures(home: Path) -> None:
    """ChestX6 as it is downloaded, of crops of the bundled films: all classes alike, nothing can be learned."""
    rng = np.random.default_rng(0)
    films = [cv2.imread(str(resources.find("samples") / f"{name}.webp"), cv2.IMREAD_GRAYSCALE) for name in FILMS]
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        for label in sorted(set(CHEST_FOLDERS.values())):
            folder = home / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                top, left = rng.integers(0, 12, 2)
                crop = films[number % len(films)][top : top + 208, left : left + 208]
                cv2.imwrite(str(folder / f"{split}-{label}-{number}.png"), crop)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["training", *arguments])
    return commands.main()


def test_a_model_goes_from_pictures_to_its_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pictures(tmp_path / "data")
    (tmp_path / "tiny.toml").write_text(CONFIG)
    (tmp_path / "cards").mkdir()
    shutil.copy(ROOT / "training/cards/chest-six.toml", tmp_path / "cards/tiny.toml")
    shutil.copytree(ROOT / "models_onnx/image-kind", tmp_path / "models/image-kind")
    monkeypatch.setattr(folders, "CARDS", tmp_path / "cards")
    # Chance is a good enough start, and the ImageNet weights do not travel with the repository.
    monkeypatch.setattr(loop, "initialise", lambda *_: None)
    options = [str(tmp_path / "tiny.toml"), "--data", str(tmp_path / "data"), "--runs", str(tmp_path / "runs")]
    options += ["--models", str(tmp_path / "models"), "--threads", "1"]
    for command in ("train", "export", "calibrate", "evaluate"):
        assert run(monkeypatch, command, *options) == 0
    folder = tmp_path / "models/tiny"
    model = Registry(tmp_path / "models", "cpu").load("tiny")
    assert isinstance(model, Model), model
    figures = json.loads((folder / "evaluation.json").read_text())["splits"]["test"]
    assert figures["images"] == 6
    assert figures["accuracy"]["n"] == 6
    card = tomllib.loads((folder / "card.toml").read_text())
    assert card["about"]["metrics"]["test"]["accuracy"]["n"] == 6
    assert card["about"]["training"]["images"] == {"train": 18, "val": 12, "test": 6}
    assert "<svg" in (folder / "report.html").read_text()


def test_a_mistake_is_told_in_a_line_and_not_as_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "train", "no-such-model") == 1
    assert "known: " in capsys.readouterr().err
    assert run(monkeypatch, "export", "chest-six", "--data", str(tmp_path / "nowhere")) == 1
    assert "is not a folder" in capsys.readouterr().err
