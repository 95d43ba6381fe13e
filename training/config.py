"""One TOML file per model says everything a training run needs; nothing else decides."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

CONFIGS = Path(__file__).parent / "configs"


@dataclass(frozen=True)
class Stage:
    """A stretch of epochs at one input size (pixels a side); small first is cheaper and no worse."""

    size: int
    epochs: int


@dataclass(frozen=True)
class Augment:
    """Strengths of the augmentation; probabilities 0-1, see `training.augment`."""

    rotate: float = 15.0
    scale: tuple[float, float] = (0.85, 1.15)
    shift: float = 0.06
    crop: float = 0.0
    flip: bool = True
    flip_vertical: bool = False
    quarter_turns: bool = False
    exposure: float = 0.8
    colour: float = 0.0
    degrade: float = 0.35
    erase: float = 0.25
    letters: float = 0.0
    bias_field: float = 0.0
    mirror_half: float = 0.0
    invert: float = 0.0
    scramble: float = 0.0


@dataclass(frozen=True)
class Config:
    """A training run.

    Attributes:
        size, colour, intensity: become the card's preprocessing.
        smoothing, mixup, dropout, ema, warm_up: the usual regularisation; ema is the decay per step.
        class_power, source_power: see `training.batches.sampling_weights`.
        encoder_from: id of the run that is the start instead of ImageNet: its encoder, or all of an equal network.
        views: flipped views that the shipped network averages: 1, 2 (left-right) or 4 (up-down as well).
        frozen: only the head is trained; the ImageNet features stay as they are.
        gate_data: the model is the gate, so its feature statistics are exported as well.
    """

    id: str
    version: str
    task: str
    data: str
    labels: tuple[str, ...]
    arch: str
    size: int
    colour: str
    intensity: str
    stages: tuple[Stage, ...]
    batch: int = 64
    lr: float = 4e-4
    weight_decay: float = 0.02
    warm_up: float = 0.05
    ema: float = 0.998
    smoothing: float = 0.05
    mixup: float = 0.1
    dropout: float = 0.2
    class_power: float = 0.6
    source_power: float = 0.0
    seed: int = 20261120
    encoder_from: str = ""
    views: int = 1
    frozen: bool = False
    gate_data: bool = False
    augment: Augment = field(default_factory=Augment)

    @property
    def epochs(self) -> int:
        return sum(stage.epochs for stage in self.stages)

    def size_at(self, epoch: int) -> int:
        """Input size of an epoch (0-based)."""
        for stage in self.stages:
            if epoch < stage.epochs:
                return stage.size
            epoch -= stage.epochs
        return self.stages[-1].size

    def digest(self) -> str:
        """Hash of every setting of the training; a checkpoint of another configuration is neither resumed nor exported.
        The version and the averaged views concern the export alone."""
        return hashlib.sha256(repr(replace(self, version="", views=1)).encode()).hexdigest()


def load_config(model: str) -> Config:
    """The configuration of a model id, or of a TOML file's path. Raises ValueError naming what is wrong."""
    path = Path(model) if model.endswith(".toml") else CONFIGS / f"{model}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
        raise ValueError(f"no configuration {model!r}; known: {known}")
    raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        raw["stages"] = tuple(Stage(**stage) for stage in raw.pop("stages"))
        augment = raw.pop("augment", {})
        if "scale" in augment:
            augment["scale"] = tuple(augment["scale"])
        raw["labels"] = tuple(raw["labels"])
        return Config(**raw, augment=Augment(**augment))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path.name}: {error}") from error
