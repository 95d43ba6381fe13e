"""Checkpoint to model folder: ONNX file, golden vector, calibration on val, card. Written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import platform
import shutil
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tomli_w
import torch
from numpy.typing import NDArray

from medview.inference.card import FORMAT, parse_card
from medview.inference.postprocess import drop_small, sigmoid, softmax
from medview.inference.preprocess import to_input
from medview.inference.runtime import Network
from medview.report.export import write_atomic
from training.batches import Pool
from training.config import Config
from training.fit import build
from training.gate import fit_gate
from training.metrics import calibration_error, mean_dice, youden_point
from training.onnx_files import OPSET, Shipped, store_fp16, to_onnx, torch_outputs

log = logging.getLogger("training")
CARDS = Path(__file__).parent / "cards"
# How many val pictures the parity check and the speed comparison use.
PARITY_PICTURES = 64
SPEED_RUNS = 30
MASK_THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6)
MAX_FALSE_MARKS = 0.02
MIN_PIXELS = (0, 20, 40, 80, 120, 160, 200, 300)


def tensor_of(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Network input (1, 3, rows, cols) of a canonical 8-bit picture, which is what the pools hold."""
    return to_input(image.astype(np.float32) / np.float32(255))


def run_all(network: Network, pool: Pool) -> dict[str, NDArray[Any]]:
    """Every output of the network for every picture of the pool, stacked; class maps are left out."""
    rows = [network.run(tensor_of(image)) for image in pool.images]
    return {name: np.concatenate([r[name] for r in rows]) for name in network.outputs if name != "maps"}


def fit_temperature(logits: NDArray[Any], truth: NDArray[Any]) -> float:
    """The temperature with the lowest log loss (Guo et al. 2017, arXiv 1706.04599)."""
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        p = softmax(logits / np.exp(log_t))
        return float(-np.log(np.clip(p[np.arange(len(truth)), truth], 1e-12, 1)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))


def calibrate_classes(logits: NDArray[Any], pool: Pool, config: Config) -> dict[str, Any]:
    """Temperature and operating points from val; samples whose class is known only in part are left out."""
    known = pool.allowed.sum(axis=1) == 1
    truth, logits = pool.allowed[known].argmax(axis=1), logits[known]
    temperature = fit_temperature(logits, truth)
    before, after = softmax(logits), softmax(logits / temperature)
    points = {label: youden_point(truth == c, after[:, c]) for c, label in enumerate(config.labels)}
    return {
        "temperature": temperature,
        "operating_points": points,
        "val": {
            "images": len(truth),
            "ece_before": calibration_error(truth, before),
            "ece_after": calibration_error(truth, after),
        },
    }


def calibrate_mask(logits: NDArray[Any], pool: Pool) -> dict[str, Any]:
    """Mask threshold and smallest region from val: the pair with the best mean Dice over tumour slices among those that
    mark at most `MAX_FALSE_MARKS` of the tumour-free ones, or among all where none is so strict."""
    assert pool.masks is not None
    probabilities, references = sigmoid(logits[:, 0]), pool.masks > 127
    tumour = references.any(axis=(1, 2))

    def figures(threshold: float, smallest: int) -> tuple[float, float]:
        found = np.stack([drop_small(p >= threshold, smallest) for p in probabilities])
        return mean_dice(found[tumour], references[tumour]), float(found[~tumour].any(axis=(1, 2)).mean())

    table = {(t, m): figures(t, m) for t in MASK_THRESHOLDS for m in MIN_PIXELS}
    strict = [pair for pair, (_, marked) in table.items() if marked <= MAX_FALSE_MARKS] or list(table)
    threshold, smallest = max(strict, key=lambda pair: table[pair][0])
    dice, marked = table[threshold, smallest]
    return {
        "mask_threshold": threshold,
        "min_pixels": smallest,
        "val": {"images": len(references), "mean_slice_dice": dice, "tumour_free_marked": marked},
    }


def parity(network: Network, reference: Shipped, pool: Pool, config: Config) -> dict[str, float]:
    """Largest difference in probability between PyTorch fp32 and the shipped file, and the time of both at batch 1."""
    rng = np.random.default_rng(config.seed)
    picks = rng.choice(len(pool.samples), min(PARITY_PICTURES, len(pool.samples)), replace=False)
    worst = 0.0
    squash = sigmoid if config.task == "segment" else softmax
    tensors = [tensor_of(pool.images[i]) for i in picks]
    for tensor in tensors:
        theirs, ours = torch_outputs(reference, tensor)["logits"], network.run(tensor)["logits"]
        worst = max(worst, float(np.abs(squash(theirs) - squash(ours)).max()))
    ours_ms, theirs_ms = [], []
    for run in range(SPEED_RUNS):
        tensor = tensors[run % len(tensors)]
        started = time.perf_counter()
        network.run(tensor)
        middle = time.perf_counter()
        torch_outputs(reference, tensor)
        ours_ms.append((middle - started) * 1e3)
        theirs_ms.append((time.perf_counter() - middle) * 1e3)
    return {
        "max_probability_difference": worst,
        "onnxruntime_ms": float(np.median(ours_ms)),
        "pytorch_eager_ms": float(np.median(theirs_ms)),
    }


def facts(config: Config, best: dict[str, Any], hashes: dict[str, str], counts: dict[str, int]) -> dict[str, Any]:
    """How the model was made: command, configuration, data hashes, environment. `best` is the checkpoint."""
    return {
        "command": f"python -m training train {config.id}",
        "export": f"python -m training export {config.id}",
        "configuration_sha256": config.digest(),
        "architecture": config.arch,
        "seed": config.seed,
        "epochs": config.epochs,
        "averaged_views": config.views,
        "best_epoch": int(best["epoch"]) + 1,
        "val_score": round(float(best["val"]), 4),
        "images": counts,
        "manifests_sha256": hashes,
        "environment": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
            "opset": OPSET,
        },
    }


def load_best(config: Config, runs: Path) -> dict[str, Any]:
    """The best checkpoint of a finished run. Raises ValueError when there is none of this configuration."""
    folder = runs / config.id
    if not (folder / "best.pt").exists():
        raise ValueError(f"no finished run of {config.id} in {runs}: python -m training train {config.id}")
    best: dict[str, Any] = torch.load(folder / "best.pt", weights_only=True)
    done = torch.load(folder / "last.pt", weights_only=False)["progress"].epoch
    if best["digest"] != config.digest():
        raise ValueError(f"the run of {config.id} belongs to another configuration; train it anew")
    if done < config.epochs:
        raise ValueError(f"the run of {config.id} stopped after {done} of {config.epochs} epochs; train it to the end")
    return best


def export(
    config: Config,
    train: Pool,
    pool: Pool,
    runs: Path,
    models: Path,
    hashes: dict[str, str],
    counts: dict[str, int],
) -> Path:
    """Make the model folder from the best checkpoint. `pool` is the val split; of `train` only the gate needs the
    pictures. Returns the folder. Raises ValueError when the run is missing, unfinished or of another configuration."""
    best = load_best(config, runs)
    network = build(config)
    network.load_state_dict(best["model"])
    module = Shipped(network, config.views)
    data = store_fp16(to_onnx(module, config.size)).SerializeToString()
    shipped = Network(data, "cpu")
    outputs = run_all(shipped, pool)
    calibration = (
        calibrate_mask(outputs["logits"], pool)
        if config.task == "segment"
        else calibrate_classes(outputs["logits"], pool, config)
    )
    arrays = {"golden.npz": golden(shipped, pool.images[0])}
    if config.gate_data:
        features = run_all(shipped, train)["features"], train.allowed.argmax(axis=1)
        arrays["gate.npz"], limits = fit_gate(features, pool, outputs, calibration["temperature"], config)
        calibration["gate"] = limits
        # The gate names one kind; a threshold per kind would mean nothing.
        calibration.pop("operating_points")
    files = {name: npz_bytes(values) for name, values in arrays.items()} | {"model.onnx": data}
    raw = card_tables(config, calibration, files)
    raw["about"]["training"] = facts(config, best, hashes, counts)
    raw["about"]["parity"] = parity(shipped, module, pool, config)
    write_folder(models / config.id, raw, files)
    log.info("exported %s: %s", config.id, json.dumps(raw["about"]["parity"]))
    return models / config.id


def golden(network: Network, image: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """One canonical picture and what the shipped network answers to it."""
    outputs = {name: value.astype(np.float16) for name, value in network.run(tensor_of(image)).items()}
    return {"image": image, **outputs}


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
    if "gate" in calibration:
        calibration["gate"] = raw.pop("gate", {}) | calibration["gate"]
    return raw | {
        "format": FORMAT,
        "id": config.id,
        "version": config.version,
        "task": config.task,
        "sha256": hashes.pop("model.onnx"),
        "files": hashes,
        "preprocess": {"size": [config.size, config.size], "colour": config.colour, "intensity": config.intensity},
        **calibration,
    }


def notice(raw: dict[str, Any]) -> str:
    """The data notice of a model folder: what it was learned from, and on which terms."""
    lines = [f"# {raw['name']} ({raw['id']} {raw['version']})", "", raw["about"]["licence"], "", "Learned from:", ""]
    lines += [f"- {source}" for source in raw["about"]["data"]]
    start = "MobileNetV2 weights of google-coral/test_data (Apache License 2.0)"
    return "\n".join([*lines, f"- ImageNet, through the {start}", ""])


def write_folder(folder: Path, raw: dict[str, Any], files: dict[str, bytes]) -> None:
    """Write a model folder beside the old one, then swap; a full disk leaves the old folder as it was.

    The figures of the old model go with it.
    """
    rounded = _rounded(raw)
    parse_card(rounded)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for name, data in files.items():
        (part / name).write_bytes(data)
    (part / "card.toml").write_text(tomli_w.dumps(rounded), encoding="utf-8")
    (part / "NOTICE.md").write_text(notice(rounded), encoding="utf-8")
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
    parse_card(raw)
    write_atomic(path, tomli_w.dumps(raw).encode())
    write_atomic(folder / "NOTICE.md", notice(raw).encode())


def add_metrics(folder: Path, report: dict[str, Any]) -> None:
    """Put the headline figures of evaluation.json into the card."""
    path = folder / "card.toml"
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    raw["about"]["metrics"] = {
        split: {
            name: {k: round(float(v), 4) for k, v in figure.items()}
            for name, figure in figures.items()
            if isinstance(figure, dict) and set(figure) >= {"value", "low", "high"}
        }
        for split, figures in report["splits"].items()
    }
    write_atomic(path, tomli_w.dumps(raw).encode())


def _rounded(value: Any) -> Any:
    """Floats to six significant digits, so that a card is readable and equal on every machine."""
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return value
