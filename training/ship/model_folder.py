"""The folder of a model: card, data notice and files, written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from numpy.typing import NDArray

from medview.core.files import write_atomic
from medview.inference.card import FORMAT
from medview.inference.card_reading import parse_card
from training.config import Config

CARDS = Path(__file__).parent.parent / "cards"
BASELINES = Path(__file__).parent.parent / "baselines"
CLASSICAL = ("logistic regression", "xgboost")


def npz_bytes(arrays: dict[str, NDArray[Any]]) -> bytes:
    """A compressed .npz in memory."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def card_tables(config: Config, calibration: dict[str, Any], files: dict[str, bytes]) -> dict[str, Any]:
    """The tables of card.toml: the text of training/cards, what the configuration says, what val calibrated."""
    raw: dict[str, Any] = tomllib.loads((CARDS / f"{config.id}.toml").read_text(encoding="utf-8"))
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    raw["about"]["calibration_on_val"] = calibration.pop("val")
    raw["about"] |= baselines(config)
    hide_labels(raw)
    if "gate" in calibration:
        calibration["gate"] = raw.pop("gate", {}) | calibration["gate"]
    preprocess = {"size": [config.size, config.size], "colour": config.colour, "intensity": config.intensity}
    if config.shipped.region != "whole":
        preprocess["region"] = config.shipped.region
    return raw | {
        "format": FORMAT,
        "id": config.id,
        "version": config.version,
        "task": config.task,
        "sha256": hashes.pop("model.onnx"),
        "files": hashes,
        "preprocess": preprocess,
        **calibration,
    }


def baselines(config: Config) -> dict[str, Any]:
    """What a network has to beat, as the card's `baselines`: balanced accuracy on the test split of each shortcut, and
    of the classical model that cross-validation chose. Empty where `training.explore.baseline` has not run."""
    path = BASELINES / f"{config.data}.json"
    if not path.exists():
        return {}
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    classical = [row for row in rows if row["name"] in CLASSICAL]
    best = max(classical, key=lambda row: row["cv_balanced_accuracy"])
    shown = [row for row in rows if row not in classical] + [best]
    return {
        "baselines": [
            {"name": row["name"]} | {k: round(float(row["balanced_accuracy"][k]), 4) for k in ("value", "low", "high")}
            for row in shown
        ]
    }


def hide_labels(raw: dict[str, Any]) -> None:
    """Mark the labels that val found too weak to be shown, with the reason."""
    val = raw["about"]["calibration_on_val"]
    for label in raw["labels"]:
        if label["id"] in val.get("hidden", []):
            auc = val["auc_within_one_framing"][label["id"]]
            label["shown"] = False
            label["why_hidden"] = (
                f"AUC {auc['value']:.2f}, perhaps only {auc['low']:.2f}, among pictures cut alike: too weak to show"
            )


def notice(raw: dict[str, Any]) -> str:
    """The data notice of a model folder: what it was learned from, and on which terms."""
    lines = [f"# {raw['name']} ({raw['id']} {raw['version']})", "", raw["about"]["licence"], "", "Learned from:", ""]
    lines += [f"- {source}" for source in raw["about"]["data"]]
    start = "MobileNetV2 weights of google-coral/test_data (Apache License 2.0)"
    return "\n".join([*lines, f"- ImageNet, through the {start}", ""])


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The card's tables and the files it names. Raises OSError where one is missing."""
    raw: dict[str, Any] = tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))
    return raw, {name: (folder / name).read_bytes() for name in ("model.onnx", *raw["files"])}


def write_folder(folder: Path, raw: dict[str, Any], files: dict[str, bytes]) -> None:
    """Write a model folder beside the old one, then swap; a full disk leaves the old folder as it was.

    The figures of the old model go with it.
    """
    raw = rounded(raw)
    parse_card(raw)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for name, data in files.items():
        (part / name).write_bytes(data)
    (part / "card.toml").write_text(tomli_w.dumps(raw), encoding="utf-8")
    (part / "NOTICE.md").write_text(notice(raw), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def refresh_card(config: Config, folder: Path) -> None:
    """Bring the texts of training/cards into an exported card; what was trained, calibrated and measured stays."""
    path = folder / "card.toml"
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    text: dict[str, Any] = tomllib.loads((CARDS / f"{config.id}.toml").read_text(encoding="utf-8"))
    for table in ("about", "gate"):
        if table in text:
            text[table] = raw.get(table, {}) | text[table]
    raw |= text
    hide_labels(raw)
    raw["about"] |= baselines(config)
    parse_card(raw)
    write_atomic(path, tomli_w.dumps(raw).encode())
    write_atomic(folder / "NOTICE.md", notice(raw).encode())


def add_metrics(folder: Path, report: dict[str, Any]) -> None:
    """Put the headline figures of evaluation.json into the card."""
    path = folder / "card.toml"
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    raw["about"]["metrics"] = {
        split: {
            name: {k: round(float(figure[k]), 4) for k in ("value", "low", "high")} | {"n": int(figure["n"])}
            for name, figure in figures.items()
            if isinstance(figure, dict) and set(figure) >= {"value", "low", "high", "n"}
        }
        for split, figures in report["splits"].items()
    }
    write_atomic(path, tomli_w.dumps(raw).encode())


def rounded(value: Any) -> Any:
    """Floats to six significant digits, so that a card is readable and equal on every machine."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return value
