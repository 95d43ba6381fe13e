"""Model folders: every way one can be damaged switches it off with a reason; the shipped ones pass."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.inference.registry import Model, Registry, models_folder

SHIPPED = sorted(p.parent.name for p in models_folder().glob("*/card.toml"))
VICTIM = "image-kind"


def test_the_five_models_are_shipped() -> None:
    assert SHIPPED == ["brain-tumour", "brain-tumour-mask", "chest-six", "image-kind", "skin-lesion"]


@pytest.mark.parametrize("id", SHIPPED)
def test_a_shipped_model_passes_its_self_test(id: str) -> None:
    model = Registry(device="cpu").load(id)
    assert isinstance(model, Model), model
    assert model.self_test_difference < 2e-3
    assert model.network.provider == "CPUExecutionProvider"


def test_all_models_together_stay_under_40_mib() -> None:
    assert sum(f.stat().st_size for f in models_folder().rglob("*") if f.is_file()) < 40 * 2**20


@pytest.mark.parametrize("id", [i for i in SHIPPED if i != "brain-tumour-mask"])
def test_class_maps_average_to_the_logits(id: str) -> None:
    """What makes the heatmap exact: logit = mean of the map + bias, and the bias is the same for every input."""
    model = Registry(device="cpu").load(id)
    assert isinstance(model, Model)
    rng = np.random.default_rng(0)
    size = model.card.preprocess.size
    biases = []
    for _ in range(2):
        out = model.network.run(rng.uniform(-1, 1, (1, 3, *size)).astype(np.float32))
        assert out["features"].shape == (1, 1280)
        biases.append(out["logits"][0] - out["maps"][0].mean(axis=(1, 2)))
    np.testing.assert_allclose(biases[0], biases[1], atol=2e-3)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(models_folder() / VICTIM, tmp_path / VICTIM)
    return tmp_path


def flip_a_weight(folder: Path) -> None:
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (folder / "model.onnx").write_bytes(data)


def change_golden(folder: Path) -> None:
    with np.load(folder / "golden.npz") as file:
        arrays = dict(file)
    arrays["logits"] = arrays["logits"] + np.float16(1)
    np.savez(folder / "golden.npz", **arrays)


def resign(folder: Path) -> None:
    """Another network under a card that was changed to match: only the self-test can notice."""
    import hashlib

    other = (models_folder() / "chest-six" / "model.onnx").read_bytes()
    old = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    (folder / "model.onnx").write_bytes(other)
    card = (folder / "card.toml").read_text(encoding="utf-8")
    (folder / "card.toml").write_text(card.replace(old, hashlib.sha256(other).hexdigest()), encoding="utf-8")


@pytest.mark.expected_logs
@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (flip_a_weight, Code.MODEL_DAMAGED),
        (lambda f: (f / "model.onnx").unlink(), Code.MODEL_DAMAGED),
        (lambda f: (f / "model.onnx").write_bytes(b""), Code.MODEL_DAMAGED),
        (lambda f: (f / "golden.npz").write_bytes(b"no archive"), Code.MODEL_DAMAGED),
        (lambda f: (f / "card.toml").write_text("format = 1"), Code.MODEL_DAMAGED),
        (lambda f: f.rename(f.with_name("renamed")), Code.MODEL_DAMAGED),
        (change_golden, Code.MODEL_SELF_TEST),
        (resign, Code.MODEL_DAMAGED),
    ],
)
def test_a_damaged_model_is_switched_off_with_a_reason(
    copy: Path, damage: Callable[[Path], object], code: Code
) -> None:
    damage(copy / VICTIM)
    rows = Registry(copy, "cpu").statuses()
    assert len(rows) == 1
    assert rows[0].failure is not None
    assert rows[0].failure.code is code
    assert rows[0].failure.hint


def test_a_model_that_does_not_exist_is_answered_with_those_that_do(copy: Path) -> None:
    failure = Registry(copy, "cpu").load("heart")
    assert isinstance(failure, Failure)
    assert failure.code is Code.NO_MODEL
    assert VICTIM in failure.hint


def test_an_empty_folder_is_no_error(tmp_path: Path) -> None:
    assert Registry(tmp_path, "cpu").statuses() == []
