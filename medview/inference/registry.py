"""Model folders: found, checked, loaded once, self-tested; a bad one is switched off with its reason."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.inference.card import TASKS, Card, damaged, read_card
from medview.inference.preprocess import to_input
from medview.inference.quality import ORIENTATION_LIMITS, ORIENTATIONS
from medview.inference.runtime import Device, Network

log = logging.getLogger(__name__)

# Largest accepted difference of the self-test, relative to the largest golden value of an output. Other processors
# differ by 1e-4; a wrong or damaged model by far more.
SELF_TEST_TOLERANCE = 5e-3


def models_folder() -> Path:
    """Where the models are: $MEDVIEW_MODELS, the frozen program's own folder, or the source tree."""
    if override := os.environ.get("MEDVIEW_MODELS"):
        return Path(override)
    base = Path(getattr(sys, "_MEIPASS", Path(__file__).resolve().parents[2]))
    return base / "models_onnx"


@dataclass(frozen=True)
class Model:
    """A model that passed its checks.

    Attributes:
        gate: arrays of gate.npz, empty for all but the gate's model.
        load_ms, self_test_ms: time to make the session, and to run and compare the golden vector.
        self_test_difference: largest difference found, relative (see SELF_TEST_TOLERANCE).
    """

    card: Card
    network: Network
    gate: dict[str, NDArray[Any]]
    load_ms: float
    self_test_ms: float
    self_test_difference: float


@dataclass(frozen=True)
class ModelStatus:
    """One line of the list of models: `failure` is why it is switched off, or None."""

    folder: str
    card: Card | None
    failure: Failure | None
    self_test_ms: float | None = None
    self_test_difference: float | None = None


def _npz(data: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def self_test(outputs: dict[str, NDArray[Any]], golden: dict[str, NDArray[Any]]) -> float:
    """The largest difference of any output from the golden one, relative to the largest golden value of that output.

    Infinite when an output is missing on either side, has another shape or is not finite.
    """
    expected = {name: value.astype(np.float32) for name, value in golden.items() if name != "image"}
    if set(expected) != set(outputs):
        return float("inf")
    worst = 0.0
    for name, value in expected.items():
        actual = outputs[name]
        if actual.shape != value.shape or not (np.isfinite(actual).all() and np.isfinite(value).all()):
            return float("inf")
        worst = max(worst, float(np.abs(actual - value).max()) / max(1.0, float(np.abs(value).max())))
    return worst


def check_golden(card: Card, golden: dict[str, NDArray[Any]]) -> None:
    """Raise ValueError when the self-test would not be on such a picture as the card's rule makes."""
    rule, shape = card.preprocess, golden["image"].shape
    planes = {"both": (2,)}.get(rule.region, (3,) if rule.colour == "rgb" else ())
    if shape != (*rule.size, *planes):
        raise ValueError(f"golden.npz: a picture of shape {shape}, by the card {(*rule.size, *planes)}")


def check_outputs(card: Card, outputs: dict[str, NDArray[Any]], gate: dict[str, NDArray[Any]]) -> None:
    """Raise ValueError or KeyError when the network does not answer what its card promises, or gate.npz is amiss."""
    logits = outputs["logits"]
    if card.task == "segment":
        if logits.ndim != 4 or logits.shape[:2] != (1, len(card.labels)):
            raise ValueError(f"mask logits of shape {logits.shape} for {len(card.labels)} labels")
        return
    both = card.preprocess.region == "both"
    if ("lung_maps" in outputs) != both:
        raise ValueError(f"region {card.preprocess.region!r}, and the network {'has no' if both else 'has'} lung_maps")
    for name in ("logits", "maps", "lung_maps") if both else ("logits", "maps"):
        if outputs[name].shape[:2] != (1, len(card.labels)):
            raise ValueError(f"{name} of shape {outputs[name].shape} for {len(card.labels)} labels")
    length = outputs["features"].shape[1]
    for limit in (name for name in card.gate if name.startswith("max_distance_")):
        kind = limit.removeprefix("max_distance_")
        count = len(gate[f"variances_{kind}"])
        shapes = {"mean": (length,), "directions": (count, length), "variances": (count,), "residual": ()}
        for name, shape in shapes.items():
            _check(gate, f"{name}_{kind}", shape)
    for name in (name for name in gate if name.startswith("orientation_weights_")):
        _check(gate, name, (len(ORIENTATIONS), length))
        if missing := set(ORIENTATION_LIMITS) - set(card.gate):
            raise ValueError(f"the card's gate limits miss {', '.join(sorted(missing))}")
        _check(gate, name.replace("weights", "bias"), (len(ORIENTATIONS),))


def _check(gate: dict[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> None:
    values = gate[name]
    if values.shape != shape or not np.isfinite(values).all():
        raise ValueError(f"gate.npz: {name} has shape {values.shape}, {shape} expected")


def _read(folder: Path, name: str, sha256: str) -> bytes:
    data = (folder / name).read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"sha256 of {name} is not the card's")
    return data


def load_model(folder: Path, card: Card, device: Device) -> Model | Failure:
    """Check the hashes, make the session, run the self-test."""
    started = time.perf_counter()
    try:
        arrays = {name: _npz(_read(folder, name, sha256)) for name, sha256 in card.files.items()}
        golden, gate = arrays["golden.npz"], arrays.get("gate.npz", {})
        check_golden(card, golden)
        network = Network(_read(folder, "model.onnx", card.sha256), device)
        loaded = time.perf_counter()
        outputs = network.run(to_input(golden["image"].astype(np.float32) / np.float32(255)))
        check_outputs(card, outputs, gate)
        difference = self_test(outputs, golden)
    except Exception as error:  # noqa: BLE001 - the border to ONNX Runtime, whose errors share no base class
        return damaged(folder, repr(error))
    done = time.perf_counter()
    if not difference <= SELF_TEST_TOLERANCE:
        return Failure(
            Code.MODEL_SELF_TEST,
            f"The model {card.id} gives wrong answers on its own test picture and was switched off.",
            "Install medview again; if it stays, run on the CPU (--device cpu) and report it.",
            f"difference {difference:.4g}, allowed {SELF_TEST_TOLERANCE}",
        )
    return Model(card, network, gate, (loaded - started) * 1e3, (done - loaded) * 1e3, difference)


class Registry:
    """The models of one folder. Cards are read at once, networks when first needed. Safe from any thread."""

    def __init__(self, folder: Path | None = None, device: Device = "auto") -> None:
        self.folder = folder or models_folder()
        self.device = device
        self._lock = threading.RLock()
        self._loaded: dict[str, Model | Failure] = {}
        self.cards: dict[str, Card] = {}
        self.broken: dict[str, Failure] = {}
        for path in sorted(p for p in self.folder.glob("*/") if not p.name.startswith(".")):
            card = read_card(path)
            if isinstance(card, Failure):
                self.broken[path.name] = card
                log.error("%s: %s", path.name, card.detail)
            elif card.id != path.name:
                self.broken[path.name] = damaged(path, f"card id {card.id!r} is not the folder's name")
            else:
                self.cards[card.id] = card

    def load(self, id: str) -> Model | Failure:
        """The model of that id, loaded and self-tested on first use."""
        with self._lock:
            if id not in self._loaded:
                self._loaded[id] = self._load(id)
            return self._loaded[id]

    def _load(self, id: str) -> Model | Failure:
        if id in self.broken:
            return self.broken[id]
        card = self.cards.get(id)
        if card is None:
            known = ", ".join(sorted(self.cards)) or "none"
            return Failure(
                Code.NO_MODEL,
                f"There is no model {id!r}.",
                f"Models installed: {known}. If some are missing, install medview again.",
                f"looked in {self.folder}",
            )
        model = load_model(self.folder / id, card, self.device)
        if isinstance(model, Failure):
            log.error("%s: %s (%s)", id, model.text, model.detail)
        return model

    def for_kind(self, kind: str) -> list[Card]:
        """Cards of the models that accept a kind of picture: a second stage comes after its first, and what names one
        class comes before what judges single findings, whose silence says less."""
        return sorted(
            (c for c in self.cards.values() if c.kind == kind),
            key=lambda c: (c.first_stage is not None, TASKS.index(c.task), c.id),
        )

    def statuses(self) -> list[ModelStatus]:
        """Every model folder with its state; loads and tests all that are not loaded yet."""
        rows = [ModelStatus(name, None, failure) for name, failure in self.broken.items()]
        for id, card in self.cards.items():
            model = self.load(id)
            if isinstance(model, Failure):
                rows.append(ModelStatus(id, card, model))
            else:
                rows.append(ModelStatus(id, card, None, model.self_test_ms, model.self_test_difference))
        return sorted(rows, key=lambda row: row.folder)
