"""Model folders: every way one can be damaged switches it off with a reason; the shipped ones pass."""

from __future__ import annotations

import hashlib
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medview.core import resources
from medview.core.failures import Code, Failure
from medview.inference import registry
from medview.inference.registry import Model, Registry

SHIPPED = sorted(p.parent.name for p in resources.find("models").glob("*/card.toml"))
VICTIM = "image-kind"


def test_the_seven_models_are_shipped() -> None:
    assert SHIPPED == [
        "brain-tumour",
        "brain-tumour-mask",
        "chest-findings",
        "chest-six",
        "image-kind",
        "skin-lesion",
        "skin-lesion-mask",
    ]


def test_first_what_names_one_class_then_single_findings_then_outlines() -> None:
    registry = Registry(device="cpu")
    assert [card.id for card in registry.for_kind("chest_xray")] == ["chest-six", "chest-findings"]
    assert [card.id for card in registry.for_kind("skin_lesion")] == ["skin-lesion", "skin-lesion-mask"]
    assert [card.id for card in registry.for_kind("brain_mr")] == ["brain-tumour", "brain-tumour-mask"]


@pytest.mark.parametrize("id", SHIPPED)
def test_a_shipped_model_passes_its_self_test(id: str) -> None:
    model = Registry(device="cpu").load(id)
    assert isinstance(model, Model), model
    assert model.self_test_difference < 2e-3
    assert model.network.provider == "CPUExecutionProvider"


def test_all_models_together_stay_under_45_mib() -> None:
    assert sum(f.stat().st_size for f in resources.find("models").rglob("*") if f.is_file()) < 45 * 2**20


@pytest.mark.parametrize("id", [i for i in SHIPPED if not i.endswith("-mask")])
def test_class_maps_average_to_the_logits(id: str) -> None:
    """What makes the heatmap exact: logit = mean of the map + bias, and the bias is the same for every input."""
    model = Registry(device="cpu").load(id)
    assert isinstance(model, Model)
    rng = np.random.default_rng(0)
    rule = model.card.preprocess
    planes, networks = (2, 2) if rule.region == "both" else (3, 1)
    biases = []
    for _ in range(2):
        out = model.network.run(rng.uniform(-1, 1, (1, planes, *rule.size)).astype(np.float32))
        assert out["features"].shape == (1, networks * 1280)
        maps = [value[0].mean(axis=(1, 2)) for name, value in out.items() if name.endswith("maps")]
        assert len(maps) == networks
        biases.append(out["logits"][0] - sum(maps))
    np.testing.assert_allclose(biases[0], biases[1], atol=2e-3)


@pytest.fixture(autouse=True)
def without_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed copies are loaded at once; tests/inference/test_hostile_models.py tries models in a child first."""
    monkeypatch.setattr(registry, "tried", lambda folder, card, again: None)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(resources.find("models") / VICTIM, tmp_path / VICTIM)
    return tmp_path


def flip_a_weight(folder: Path) -> None:
    data = bytearray((folder / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (folder / "model.onnx").write_bytes(data)


def sign(folder: Path) -> None:
    """Make the card agree with the files, as somebody who changes a model on purpose would."""
    raw = tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))
    text = (folder / "card.toml").read_text(encoding="utf-8")
    for name, old in {"model.onnx": raw["sha256"], **raw["files"]}.items():
        if (folder / name).exists():
            text = text.replace(old, hashlib.sha256((folder / name).read_bytes()).hexdigest())
    (folder / "card.toml").write_text(text, encoding="utf-8")


def change_npz(name: str, change: Callable[[dict[str, np.ndarray]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        with np.load(folder / name) as file:
            arrays = dict(file)
        change(arrays)
        np.savez(folder / name, **arrays)
        sign(folder)

    return damage


def another_network(folder: Path) -> None:
    (folder / "model.onnx").write_bytes((resources.find("models") / "chest-six" / "model.onnx").read_bytes())
    sign(folder)


def change_card(old: str, new: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        text = (folder / "card.toml").read_text(encoding="utf-8")
        assert old in text
        (folder / "card.toml").write_text(text.replace(old, new), encoding="utf-8")

    return damage


@pytest.mark.expected_logs
@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (flip_a_weight, Code.MODEL_DAMAGED),
        (lambda f: (f / "model.onnx").unlink(), Code.MODEL_DAMAGED),
        (lambda f: (f / "model.onnx").write_bytes(b""), Code.MODEL_DAMAGED),
        (lambda f: (f / "golden.npz").write_bytes(b"no archive"), Code.MODEL_DAMAGED),
        (lambda f: (f / "gate.npz").unlink(), Code.MODEL_DAMAGED),
        (lambda f: (f / "card.toml").write_text("format = 1"), Code.MODEL_DAMAGED),
        (lambda f: (f / "card.toml").unlink(), Code.MODEL_DAMAGED),
        (lambda f: f.rename(f.with_name("renamed")), Code.MODEL_DAMAGED),
        (change_card('intensity = "range"', 'intensity = "rnage"'), Code.MODEL_DAMAGED),
        (change_card('id = "skin_lesion"', 'id = "chest_xray"'), Code.MODEL_DAMAGED),
        (change_npz("gate.npz", lambda a: a.pop("directions_brain_mr")), Code.MODEL_DAMAGED),
        (change_npz("gate.npz", lambda a: a.update(mean_brain_mr=a["mean_brain_mr"][:5])), Code.MODEL_DAMAGED),
        (change_npz("golden.npz", lambda a: a.update(logits=a["logits"] + np.float16(1))), Code.MODEL_SELF_TEST),
        (change_npz("golden.npz", lambda a: a.update(logits=a["logits"] * np.float16(np.nan))), Code.MODEL_SELF_TEST),
        (change_npz("golden.npz", lambda a: a.pop("maps")), Code.MODEL_SELF_TEST),
        (another_network, Code.MODEL_DAMAGED),
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


LARGE, SMALL = ("\n".join((f"    {side},",) * 2) for side in (224, 192))


@pytest.mark.expected_logs
@pytest.mark.parametrize(
    ("old", "new"), [('region = "both"\n', ""), ('region = "both"', 'region = "lungs"'), (LARGE, SMALL)]
)
def test_a_card_with_another_rule_than_its_network_learned_is_refused(tmp_path: Path, old: str, new: str) -> None:
    shutil.copytree(resources.find("models") / "chest-six", tmp_path / "chest-six")
    change_card(old, new)(tmp_path / "chest-six")
    (row,) = Registry(tmp_path, "cpu").statuses()
    assert row.failure is not None
    assert row.failure.code is Code.MODEL_DAMAGED


def test_an_unchanged_copy_passes(copy: Path) -> None:
    sign(copy / VICTIM)
    assert Registry(copy, "cpu").statuses()[0].failure is None


def test_a_hidden_folder_is_no_model(copy: Path) -> None:
    (copy / ".image-kind.part").mkdir()
    assert len(Registry(copy, "cpu").statuses()) == 1


def test_a_model_that_does_not_exist_is_answered_with_those_that_do(copy: Path) -> None:
    failure = Registry(copy, "cpu").load("heart")
    assert isinstance(failure, Failure)
    assert failure.code is Code.NO_MODEL
    assert VICTIM in failure.hint


def test_an_empty_folder_is_no_error(tmp_path: Path) -> None:
    assert Registry(tmp_path, "cpu").statuses() == []
