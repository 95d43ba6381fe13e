"""One TOML file per model says everything a training run needs; nothing else decides."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from medview.inference.preprocess import Preprocess
from training.data.manifests import Sample

CONFIGS = Path(__file__).parent / "configs"
# Settings that leave the trained weights as they are.
EXPORT_ONLY = (
    "version",
    "views",
    "zoom",
    "shipped_region",
    "soup",
    "ensemble",
    "shares",
    "sensitivity",
    "even_classes",
    "held_out_stages",
    "held_out_drawn",
    "held_out_frozen",
    "int8_weights",
)


@dataclass(frozen=True)
class Stage:
    """A stretch of epochs at one input size (pixels a side); small first is cheaper and no worse."""

    size: int
    epochs: int


@dataclass(frozen=True)
class Augment:
    """Strengths of the augmentation; probabilities 0-1, see `training.data.augment`.

    gamma, contrast and brightness are the widths of what `exposure` draws: gamma e^(-g..g), 1-c..1+c and -b..b of the
    grey range. exposure_of_source is the chance that a film takes the exposure of another one of its own source,
    whatever that shows (`training.data.exposure`).
    """

    rotate: float = 15.0
    scale: tuple[float, float] = (0.85, 1.15)
    shift: float = 0.06
    crop: float = 0.0
    flip: bool = True
    flip_vertical: bool = False
    quarter_turns: bool = False
    exposure: float = 0.8
    gamma: float = 0.5
    contrast: float = 0.3
    brightness: float = 0.15
    exposure_of_source: float = 0.0
    colour: float = 0.0
    degrade: float = 0.35
    erase: float = 0.25
    letters: float = 0.0
    bias_field: float = 0.0
    mirror_half: float = 0.0
    invert: float = 0.0
    scramble: float = 0.0
    tone: float = 0.0
    round_field: float = 0.0


@dataclass(frozen=True)
class Config:
    """A training run.

    Attributes:
        size, colour, intensity, region: become the card's preprocessing.
        smoothing, mixup, dropout, ema, warm_up: the usual regularisation; ema is the decay per step.
        class_power, source_power, both_sides: see `training.data.batches.sampling_weights`.
        encoder_from: id of the run that is the start instead of ImageNet: its encoder, or all of an equal network.
        frozen_layers: so many layers of the encoder, from the input on, stay as they are; 19 is all of MobileNetV2.
        views: flipped views that the shipped network averages: 1, 2 (left-right) or 4 (up-down as well).
        zoom: below 1, the shipped network averages as many views again of the middle alone, this share of the sides;
            for classifiers.
        shipped_region: the part that the shipped network sees of a picture, `field` or `head`, where the training
            pictures hardly have what is cut away; all of it if empty.
        soup: runs whose best weights are averaged with this one's for the export (Wortsman et al. 2022,
            arXiv 2203.05482); all of one start and one architecture.
        ensemble: runs whose outputs are averaged with this one's in the exported graph.
        shares: what each counts in that mean, this run first; they sum to 1. Empty for equal shares.
        sensitivity: what the operating point of a class reaches on val, at the least.
        even_classes: the exported network tells equally common classes apart: the shares in which the training drew
            them are divided out (Menon et al. 2021, arXiv 2007.07314); for one of n.
        held_out_stages: epochs of the short runs of `training.measure.held_out`, which leave one source out; empty for
            none.
        held_out_drawn, held_out_frozen: `drawn` and `frozen_layers` of those.
        leave_out: sources that the run does not train on.
        partly_known: whether pictures whose class is known only in part are trained on.
        drawn: pictures drawn an epoch; 0 for as many as there are.
        average_last: over this share of the steps, the last ones, the mean of all weights is taken instead of the
            moving average (Cha et al. 2021, arXiv 2102.08604, without its search for the stretch).
        exposure_map: how far (0-1) every film's exposure is moved to the mean one of the training pictures; only in
            trials, the program has no such rule.
        int8_weights: the large weights of the exported file are rounded to 8 bits instead of 16 (docs/adr/0006).
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
    region: str = "whole"
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
    both_sides: float = 1.0
    seed: int = 20261120
    encoder_from: str = ""
    frozen_layers: int = 0
    views: int = 1
    zoom: float = 1.0
    shipped_region: str = ""
    soup: tuple[str, ...] = ()
    ensemble: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    sensitivity: float = 0.9
    even_classes: bool = False
    held_out_stages: tuple[Stage, ...] = ()
    held_out_drawn: int = 0
    held_out_frozen: int = 0
    leave_out: tuple[str, ...] = ()
    partly_known: bool = True
    drawn: int = 0
    average_last: float = 0.0
    exposure_map: float = 0.0
    int8_weights: bool = False
    gate_data: bool = False
    augment: Augment = field(default_factory=Augment)

    @property
    def preprocess(self) -> Preprocess:
        """How the program makes the network's input of a picture."""
        return Preprocess((self.size, self.size), self.colour, self.intensity, region=self.region)

    @property
    def shipped(self) -> Preprocess:
        """The input of the exported graph: where the networks it averages see different regions, both of them."""
        if self.exposure_map:
            raise ValueError(f"{self.id}: exposure_map is for trials; the program maps no exposure")
        regions = {self.region, *(load_config(id).region for id in self.ensemble)}
        if self.shipped_region:
            if regions != {"whole"}:
                raise ValueError(f"{self.id}: shipped_region is for networks that learned whole pictures")
            return replace(self.preprocess, region=self.shipped_region)
        return replace(self.preprocess, region="both") if len(regions) > 1 else self.preprocess

    @property
    def share_of(self) -> dict[str, float]:
        """What each run counts in the mean of the exported graph, by its id."""
        ids = (self.id, *self.ensemble)
        return dict(zip(ids, self.shares or (1 / len(ids),) * len(ids), strict=True))

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

    def trains_on(self, sample: Sample) -> bool:
        """Whether the run learns from a picture, or chooses its epoch by it."""
        return sample.source not in self.leave_out and (self.partly_known or bool(sample.label))

    def digest(self) -> str:
        """Hash of the training's settings; a checkpoint of another configuration is neither resumed nor exported.

        Settings at their default are left out, so that a setting added later leaves earlier runs valid; a changed
        default needs a new seed. What concerns the export alone does not count.
        """
        told = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        told["augment"] = {
            f.name: getattr(self.augment, f.name) for f in fields(Augment) if getattr(self.augment, f.name) != f.default
        }
        settings = {k: v for k, v in told.items() if k not in EXPORT_ONLY}
        return hashlib.sha256(repr(sorted(settings.items())).encode()).hexdigest()


def load_config(model: str, arch: str = "") -> Config:
    """The configuration of a model id, or of a TOML file's path; with another architecture it is another run, whose id
    says so. Raises ValueError naming what is wrong."""
    path = Path(model) if model.endswith(".toml") else CONFIGS / f"{model}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
        raise ValueError(f"no configuration {model!r}; known: {known}")
    raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        raw["stages"] = tuple(Stage(**stage) for stage in raw["stages"])
        raw["held_out_stages"] = tuple(Stage(**stage) for stage in raw.get("held_out_stages", ()))
        augment = raw.pop("augment", {})
        if "scale" in augment:
            augment["scale"] = tuple(augment["scale"])
        for name in ("labels", "soup", "ensemble", "shares", "leave_out"):
            raw[name] = tuple(raw.get(name, ()))
        if arch and arch != raw["arch"]:
            raw |= {
                "id": f"{raw['id']}-{arch.replace('_', '-')}",
                "arch": arch,
                "soup": (),
                "ensemble": (),
                "shares": (),
            }
            raw |= {"encoder_from": "", "frozen_layers": 0}
        config = Config(**raw, augment=Augment(**augment))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path.name}: {error}") from error
    if config.region not in ("whole", "lungs"):
        raise ValueError(f"{path.name}: a network sees the region `whole` or `lungs`, not {config.region!r}")
    if config.shares and (len(config.shares) != 1 + len(config.ensemble) or abs(sum(config.shares) - 1) > 1e-6):
        raise ValueError(f"{path.name}: shares need one number for each averaged run, summing to 1")
    if not 0.5 <= config.zoom <= 1 or (config.zoom < 1 and config.task == "segment"):
        raise ValueError(f"{path.name}: zoom {config.zoom} of a {config.task} model; 0.5 to 1, and 1 for masks")
    if config.even_classes and config.task != "classify":
        raise ValueError(f"{path.name}: even_classes is for a model of one of n, not for {config.task}")
    return config


def chain(config: Config) -> list[Config]:
    """The runs that a model is made of, in an order in which they can be trained: what its own run starts from, its own
    run, and what is averaged with it for the export.

    Raises ValueError when one of them has no configuration, or when they start from each other.
    """
    order: dict[str, Config] = {}

    def add(one: Config, waiting: tuple[str, ...]) -> None:
        if one.id in order:
            return
        if one.id in waiting:
            raise ValueError(f"{' -> '.join((*waiting, one.id))}: a run cannot start from itself")
        if one.encoder_from:
            add(load_config(one.encoder_from), (*waiting, one.id))
        order[one.id] = one

    add(config, ())
    for id in (*config.soup, *config.ensemble):
        add(load_config(id), ())
    return list(order.values())
