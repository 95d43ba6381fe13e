"""Checkpoint to model folder: ONNX file, golden vector, calibration on val, card. Written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import platform
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from medview.inference.postprocess import sigmoid, softmax
from medview.inference.preprocess import to_input
from medview.inference.runtime import Network
from training.config import Config, load_config
from training.data.batches import Pool, class_mix
from training.data.samples import Sample
from training.fit.networks import Classifier
from training.fit.train import build, read_checkpoint
from training.ship.calibrate import calibrate_classes, calibrate_labels, calibrate_mask, platt_scaling
from training.ship.gate import fit_gate, fit_orientation, round_features, run_all
from training.ship.gate_lookalike import fit_lookalike
from training.ship.model_folder import card_tables, npz_bytes, read_folder, write_folder
from training.ship.onnx_files import OPSET, Member, Shipped, store_small, to_onnx, torch_outputs

log = logging.getLogger("training")
# How many val pictures the parity check and the speed comparison use.
PARITY_PICTURES = 64
SPEED_RUNS = 30


def tensor_of(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Network input (1, 3 or 2, rows, cols) of a canonical 8-bit picture, which is what the pools hold."""
    return to_input(image.astype(np.float32) / np.float32(255))


def parity(network: Network, reference: Shipped, pool: Pool, config: Config) -> dict[str, float]:
    """Largest difference in probability between PyTorch fp32 and the shipped file, and the time of both at batch 1."""
    rng = np.random.default_rng(config.seed)
    picks = rng.choice(len(pool.samples), min(PARITY_PICTURES, len(pool.samples)), replace=False)
    worst = 0.0
    squash = softmax if config.task == "classify" else sigmoid
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


def facts(config: Config, runs: list[Run], hashes: dict[str, str], counts: dict[str, int]) -> dict[str, Any]:
    """How the model was made: commands, configurations, data hashes, environment."""
    best = runs[0].best
    return {
        "command": f"python -m training train {config.id}",
        "export": f"python -m training export {config.id}",
        "architecture": config.arch,
        "seed": config.seed,
        "epochs": config.epochs,
        "averaged_views": config.views,
        "zoomed_views": config.zoom,
        "weights": "int8" if config.int8_weights else "fp16",
        "averaged_weights": list(config.soup),
        "averaged_outputs": list(config.ensemble),
        "shares": list(config.share_of.values()),
        "even_classes": config.even_classes,
        "configuration_sha256": config.digest(),
        "best_epoch": int(best["epoch"]) + 1,
        "val_score": round(float(best["val"]), 4),
        "runs": [
            {
                "id": run.config.id,
                "configuration_sha256": run.config.digest(),
                "weights_sha256": run.sha256,
                "val_score": round(float(run.best["val"]), 4),
            }
            for run in runs
        ],
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


@dataclass(frozen=True)
class Run:
    """A finished training: its configuration, the checkpoint of its best epoch, and that file's hash."""

    config: Config
    best: dict[str, Any]
    sha256: str


def load_best(config: Config, runs: Path) -> Run:
    """The best checkpoint of a finished run. Raises ValueError when there is none of this configuration."""
    folder = runs / config.id
    if not (folder / "best.pt").exists():
        raise ValueError(f"no finished run of {config.id} in {runs}: python -m training train {config.id}")
    data = (folder / "best.pt").read_bytes()
    best: dict[str, Any] = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    done = read_checkpoint(folder / "last.pt", torch.device("cpu"))["progress"].epoch
    if best["digest"] != config.digest():
        raise ValueError(f"the run of {config.id} belongs to another configuration; train it anew")
    if done < config.epochs:
        raise ValueError(f"the run of {config.id} stopped after {done} of {config.epochs} epochs; train it to the end")
    return Run(config, best, hashlib.sha256(data).hexdigest())


def mean_weights(states: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean of equal networks, weight by weight; counters are the first one's."""
    return {
        name: torch.stack([s[name] for s in states]).mean(0) if value.dtype.is_floating_point else value
        for name, value in states[0].items()
    }


def members_of(config: Config, runs: Path) -> tuple[list[Member], list[Run]]:
    """The networks whose outputs the exported graph averages, and every run that they were made of, own first.

    Raises ValueError when a run is missing, unfinished or of another configuration, or judges something else.
    """
    own = load_best(config, runs)
    soup = [load_best(load_config(id), runs) for id in config.soup]
    others = [load_best(load_config(id), runs) for id in config.ensemble]
    same: tuple[str, ...] = ("task", "labels", "colour", "intensity")
    alike: tuple[str, ...] = (*same, "size", "region")
    # Outputs of another region have a plane of their own, and so may come from another size.
    apart = same if config.task != "segment" else alike
    checks = [(run, alike) for run in soup]
    checks += [(run, alike if run.config.region == config.region else apart) for run in others]
    for run, names in checks:
        for name in names:
            if getattr(run.config, name) != getattr(config, name):
                raise ValueError(f"{run.config.id} and {config.id} differ in {name}; they cannot be averaged")
    members = []
    for member, state in (
        (config, mean_weights([own.best["model"], *(r.best["model"] for r in soup)])),
        *((r.config, r.best["model"]) for r in others),
    ):
        network = build(member)
        network.load_state_dict(state)
        members.append(Member(network, member.size, member.region == "lungs", config.share_of[member.id]))
    return members, [own, *soup, *others]


def scale_head(members: list[Member], scales: NDArray[Any], offsets: NDArray[Any]) -> None:
    """Fold a scale and an offset per label into linear heads, so that logits, maps and ONNX file agree."""
    for network in (member.network for member in members):
        assert isinstance(network, Classifier)
        scale, offset = torch.from_numpy(scales).float(), torch.from_numpy(offsets).float()
        with torch.no_grad():
            network.head.weight.mul_(scale[:, None])
            network.head.bias.mul_(scale).add_(offset)


def export(
    config: Config,
    train: Pool,
    pool: Pool,
    runs: Path,
    models: Path,
    hashes: dict[str, str],
    samples: list[Sample],
) -> Path:
    """Make the model folder from the best checkpoints. `pool` is the val split; of `train` only the gate needs the
    pictures; `samples` are those of all splits. Returns the folder. Raises ValueError when a run is missing, unfinished
    or of another configuration."""
    members, made_of = members_of(config, runs)
    if config.even_classes:
        mix = class_mix([s for s in samples if s.split == "train"], config)
        scale_head(members, np.ones(len(mix)), -np.log(mix * len(mix)))
    module = Shipped(members, config.views, config.zoom)
    shipped, data = ship(module, config)
    outputs = run_all(shipped, pool)
    if config.task == "multilabel":
        scale_head(members, *platt_scaling(outputs["logits"], pool.allowed))
        shipped, data = ship(module, config)
        outputs = run_all(shipped, pool)
    calibration = calibrate(config, outputs, pool)
    arrays = {"golden.npz": golden(shipped, pool.images[0])}
    if config.gate_data:
        round_fields, index = round_features(shipped, train, config)
        features = np.concatenate([run_all(shipped, train)["features"], round_fields])
        classes = train.allowed.argmax(axis=1)
        known = features, np.concatenate([classes, classes[index]])
        statistics, limits = fit_gate(known, pool, outputs, calibration["temperature"], config)
        turned, turned_limits = fit_orientation(shipped, train, pool, config)
        parted, parted_limits = fit_lookalike(shipped, samples, config)
        arrays["gate.npz"] = statistics | turned | parted
        calibration["gate"] = limits | turned_limits | parted_limits
        # The gate names one kind; a threshold per kind would mean nothing.
        calibration.pop("operating_points")
        calibration.pop("prediction_set")
    files = {name: npz_bytes(values) for name, values in arrays.items()} | {"model.onnx": data}
    raw = card_tables(config, calibration, files)
    raw["about"]["training"] = facts(config, made_of, hashes, dict(Counter(s.split for s in samples)))
    raw["about"]["parity"] = parity(shipped, module, pool, config)
    write_folder(models / config.id, raw, files)
    log.info("exported %s: %s", config.id, json.dumps(raw["about"]["parity"]))
    return models / config.id


def ship(module: Shipped, config: Config) -> tuple[Network, bytes]:
    """The ONNX file of a network, and the session that runs it."""
    data = store_small(to_onnx(module, config.size), config.int8_weights).SerializeToString()
    return Network(data, "cpu"), data


def calibrate(config: Config, outputs: dict[str, NDArray[Any]], pool: Pool) -> dict[str, Any]:
    """The tables of the card that the val split decides."""
    if config.task == "segment":
        return calibrate_mask(outputs["logits"], pool)
    if config.task == "multilabel":
        return calibrate_labels(outputs["logits"], pool, config)
    return calibrate_classes(outputs["logits"], pool, config)


def golden(network: Network, image: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """One canonical picture and what the shipped network answers to it."""
    outputs = {name: value.astype(np.float16) for name, value in network.run(tensor_of(image)).items()}
    return {"image": image, **outputs}


def recalibrate(config: Config, pool: Pool, models: Path) -> Path:
    """Choose anew on val what `export` chose, for the network as it lies in the model folder; its figures go, for they
    were measured with the old choice. Raises ValueError for the gate, whose limits belong to its export."""
    if config.gate_data:
        raise ValueError(f"{config.id} is the gate; export it anew instead")
    old, files = read_folder(models / config.id)
    outputs = run_all(Network(files["model.onnx"], "cpu"), pool)
    raw = card_tables(config, calibrate(config, outputs, pool), files)
    for name in ("training", "parity"):
        raw["about"][name] = old["about"][name]
    write_folder(models / config.id, raw, files)
    return models / config.id
