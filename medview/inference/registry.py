"""Model folders: found, checked, loaded once, self-tested; a bad one is switched off with its reason."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core import resources
from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.inference.card import TASKS, Card, damaged
from medview.inference.card_reading import CARD_BYTES, LONGEST_DETAIL, read_card
from medview.inference.model_files import ARRAYS_BYTES, MODEL_BYTES, check_self_contained, read_arrays, read_inside
from medview.inference.preprocess import to_input
from medview.inference.quality import ORIENTATION_LIMITS, ORIENTATIONS
from medview.inference.runtime import OTHERS, BadAnswer, Device, Network
from medview.inference.trial import off, tried

log = logging.getLogger(__name__)

# Largest accepted difference of the self-test, relative to the largest golden value of an output. Other processors
# differ by 1e-4; a wrong or damaged model by far more.
SELF_TEST_TOLERANCE = 5e-3
# Values of a network for one picture, all outputs together.
LARGEST_ANSWER = 64_000_000
# Of the gate's arrays: beyond them its distances would be no numbers.
LARGEST_GATE_VALUE, LEAST_VARIANCE = 1e6, 1e-12


def is_shipped(folder: Path) -> bool:
    """Whether a model folder, wherever it lies, has the card of a model that came with medview, and with it the hash of
    every file."""
    try:
        shipped = resources.shipped("models") / folder.name
        own, other = (read_inside(place, "card.toml", CARD_BYTES) for place in (shipped, folder))
    except (OSError, ValueError):
        return False
    return own == other


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
    rule, image = card.preprocess, golden["image"]
    planes = {"both": (2,)}.get(rule.region, (3,) if rule.colour == "rgb" else ())
    if image.shape != (*rule.size, *planes) or image.dtype != np.uint8:
        raise ValueError(
            f"golden.npz: a picture of {image.dtype} {image.shape}, by the card uint8 {(*rule.size, *planes)}"
        )


def check_outputs(card: Card, outputs: dict[str, NDArray[Any]], gate: dict[str, NDArray[Any]]) -> None:
    """Raise ValueError or KeyError when the network does not answer what its card promises, or gate.npz is amiss."""
    logits, count = outputs["logits"], len(card.labels)
    if sum(value.size for value in outputs.values()) > LARGEST_ANSWER or not all(v.size for v in outputs.values()):
        raise ValueError("the outputs are empty, or larger than any picture needs")
    if card.task == "segment":
        if logits.ndim != 4 or logits.shape[:2] != (1, count):
            raise ValueError(f"mask logits of shape {logits.shape} for {count} labels")
        return
    if logits.shape != (1, count):
        raise ValueError(f"logits of shape {logits.shape} for {count} labels")
    both = card.preprocess.region == "both"
    if ("lung_maps" in outputs) != both:
        raise ValueError(f"region {card.preprocess.region!r}, and the network {'has no' if both else 'has'} lung_maps")
    for name in ("maps", "lung_maps") if both else ("maps",):
        if outputs[name].ndim != 4 or outputs[name].shape[:2] != (1, count):
            raise ValueError(f"{name} of shape {outputs[name].shape} for {count} labels")
    features = outputs["features"]
    if features.ndim != 2 or len(features) != 1:
        raise ValueError(f"features of shape {features.shape}")
    check_gate(card, gate, features.shape[1])


def check_gate(card: Card, gate: dict[str, NDArray[Any]], length: int) -> None:
    """Raise ValueError or KeyError when gate.npz does not fit the card's limits and features of that length."""
    for limit in (name for name in card.gate if name.startswith("max_distance_")):
        kind = limit.removeprefix("max_distance_")
        count = len(gate[f"variances_{kind}"])
        shapes = {"mean": (length,), "directions": (count, length), "variances": (count,), "residual": ()}
        for name, shape in shapes.items():
            _check(gate, f"{name}_{kind}", shape)
        for name in ("variances", "residual"):
            if not (gate[f"{name}_{kind}"] >= LEAST_VARIANCE).all():
                raise ValueError(f"gate.npz: {name}_{kind} is not above 0")
    for name in (name for name in gate if name.startswith("orientation_weights_")):
        _check(gate, name, (len(ORIENTATIONS), length))
        if missing := set(ORIENTATION_LIMITS) - set(card.gate):
            raise ValueError(f"the card's gate limits miss {', '.join(sorted(missing))}")
        _check(gate, name.replace("weights", "bias"), (len(ORIENTATIONS),))

    for name in (name for name in gate if name.startswith("lookalike_weights_")):
        _check(gate, name, (length,))
        _check(gate, name.replace("weights", "bias"), ())
        if (limit := name.replace("lookalike_weights", "max_lookalike")) not in card.gate:
            raise ValueError(f"the card's gate limits miss {limit}")


def _check(gate: dict[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> None:
    values = gate[name]
    if values.shape != shape or not (np.abs(values.astype(np.float64)) <= LARGEST_GATE_VALUE).all():
        raise ValueError(f"gate.npz: {name} has shape {values.shape}, {shape} expected, or values that are no numbers")


def _read(folder: Path, name: str, sha256: str, most: int) -> bytes:
    data = read_inside(folder, name, most)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"sha256 of {name} is not the card's")
    return data


@dataclass(frozen=True)
class Parts:
    """The files of a model folder that are not its card, read and checked as far as that goes without running it."""

    network: bytes
    golden: dict[str, NDArray[Any]]
    gate: dict[str, NDArray[Any]]


def read_parts(folder: Path, card: Card, shipped: bool) -> Parts:
    """Read the files that the card names. Raises OSError, KeyError and ValueError where one is not as it should be."""
    arrays = {name: read_arrays(_read(folder, name, sha256, ARRAYS_BYTES)) for name, sha256 in card.files.items()}
    golden = arrays["golden.npz"]
    check_golden(card, golden)
    network = _read(folder, "model.onnx", card.sha256, MODEL_BYTES)
    if not shipped:
        check_self_contained(network)
    return Parts(network, golden, arrays.get("gate.npz", {}))


def load_model(folder: Path, card: Card, device: Device, shipped: bool = False) -> Model | Failure:
    """Check the hashes, make the session, run the self-test. One that is not `shipped` with medview runs within limits
    from then on."""
    started = time.perf_counter()
    try:
        parts = read_parts(folder, card, shipped)
        network = Network(parts.network, device, None if shipped else OTHERS)
        loaded = time.perf_counter()
        outputs = network.run(to_input(parts.golden["image"].astype(np.float32) / np.float32(255)))
        check_outputs(card, outputs, parts.gate)
        network.shapes = {name: value.shape for name, value in outputs.items()}
        difference = self_test(outputs, parts.golden)
    except BadAnswer as error:
        return off(card.id, error.why)
    except Exception as error:  # noqa: BLE001 - the border to ONNX Runtime, whose errors share no base class
        return damaged(folder, repr(error)[:LONGEST_DETAIL])
    done = time.perf_counter()
    if not difference <= SELF_TEST_TOLERANCE:
        return Failure(
            Code.MODEL_SELF_TEST,
            Text("The model {id} gives wrong answers on its own test picture and was switched off.", id=card.id),
            Text("Install medview again; if it stays, run on the CPU (--device cpu) and report it."),
            f"difference {difference:.4g}, allowed {SELF_TEST_TOLERANCE}",
        )
    return Model(card, network, parts.gate, (loaded - started) * 1e3, (done - loaded) * 1e3, difference)


def load_tried(folder: Path, card: Card, device: Device, again: bool = False) -> Model | Failure:
    """`load_model`, for a model that did not come with medview only after a child process could load it. `again`: try
    also what failed before."""
    shipped = is_shipped(folder)
    if not shipped:
        try:
            read_parts(folder, card, shipped)
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no need to try such a model
            return damaged(folder, repr(error)[:LONGEST_DETAIL])
        if failure := tried(folder, card, again):
            return failure
    return load_model(folder, card, device, shipped)


class Registry:
    """The models of one folder. Cards are read at once, networks when first needed. Safe from any thread.

    Attributes:
        again: whether models that failed when they were tried are tried once more.
    """

    def __init__(self, folder: Path | None = None, device: Device = "auto") -> None:
        self.folder = folder or resources.find("models")
        self.device = device
        self.again = False
        self._lock = threading.RLock()
        self._loaded: dict[str, Model | Failure] = {}
        self.cards: dict[str, Card] = {}
        self.broken: dict[str, Failure] = {}
        for path in sorted(p for p in self.folder.glob("*/") if not p.name.startswith(".")):
            card = read_card(path)
            if not isinstance(card, Failure) and card.id != path.name:
                card = damaged(path, f"card id {card.id!r} is not the folder's name")
            self._add(path.name, card)
        for id, card in list(self.cards.items()):
            if failure := self._stray(card):
                del self.cards[id]
                self._add(id, failure)

    def _add(self, name: str, card: Card | Failure) -> None:
        if isinstance(card, Failure):
            self.broken[name] = card
            log.error("%s: %s", name, card.detail)
        else:
            self.cards[name] = card

    def _stray(self, card: Card) -> Failure | None:
        """Why a second stage cannot follow the first stage that its card names, or None; one that is not installed, or
        switched off, is told when a picture is judged."""
        stage = card.first_stage
        first = self.cards.get(stage.model) if stage else None
        if stage is None or first is None:
            return None
        known = first.task != "segment" and stage.unless in {label.id for label in first.shown}
        if known and first.kind == card.kind and first.first_stage is None:
            return None
        return damaged(self.folder / card.id, f"first_stage: {stage.model} has no say about it by {stage.unless}")

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
                Text("There is no model {id!r}.", id=id),
                Text("Models installed: {known}. If some are missing, install medview again.", known=known),
                f"looked in {self.folder}",
            )
        model = load_tried(self.folder / id, card, self.device, self.again)
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
