"""Leave one source out for the gate: would it let the pictures of a hospital pass that it never saw?

Its encoder stays as ImageNet left it, so no network is trained: only what was learned of our pictures is fitted anew
without the source, the head, the temperature, the statistics of the features and the limits.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.inference.card import Card
from medview.inference.gate import OTHER, Look, refusal
from medview.inference.registry import Registry
from medview.inference.runtime import Network
from training.config import Config
from training.data.batches import Pool, load_pool, sampling_weights, view
from training.data.samples import Sample
from training.measure.held_out import chosen_sources, measure, write_held_out
from training.ship.calibrate import fit_temperature
from training.ship.export import tensor_of
from training.ship.gate import fit_gate, fit_head, round_features, run_all

log = logging.getLogger("training")

# Views of every train picture that the head learns from: as it is, and augmented as in training.
VIEWS = 2
NOTE = (
    "Head, temperature, statistics and limits of the gate fitted anew without the source, on the same frozen features, "
    "by logistic regression; measured on its train and val pictures. A refused picture counts as `other`."
)


@dataclass(frozen=True)
class Seen:
    """What the frozen encoder makes of a pool.

    Attributes:
        features: (n, d) of the pictures as they are.
        views, classes: features of `VIEWS` views of each, (n * VIEWS, d), and their class indices (n * VIEWS,).
        round_fields, round_of: what `training.ship.gate.round_features` gives, (m, d) and (m,).
    """

    pool: Pool
    features: NDArray[np.float32]
    views: NDArray[np.float32]
    classes: NDArray[np.int64]
    round_fields: NDArray[np.float32]
    round_of: NDArray[np.intp]

    @property
    def known(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The features that the statistics are made of, (n + m, d), and their class indices (n + m,)."""
        own = self.pool.allowed.argmax(axis=1)
        return np.concatenate([self.features, self.round_fields]), np.concatenate([own, own[self.round_of]])

    def without(self, source: str) -> Seen:
        """All but the pictures of a source."""
        keep = np.array([s.source != source for s in self.pool.samples])
        kept = [s for s, own in zip(self.pool.samples, keep, strict=True) if own]
        pool = Pool(kept, self.pool.images[keep], None, self.pool.allowed[keep])
        wide = np.tile(keep, len(self.views) // len(keep))
        stays = keep[self.round_of]
        round_of = (np.cumsum(keep) - 1)[self.round_of[stays]]
        features = self.features[keep]
        return Seen(pool, features, self.views[wide], self.classes[wide], self.round_fields[stays], round_of)


def look_at(network: Network, pool: Pool, config: Config, views: int) -> Seen:
    """Run the encoder over a pool, and over as many `views` of each picture, of which the first is the picture."""
    plain = run_all(network, pool)["features"]
    rows, classes = [plain], [pool.allowed.argmax(axis=1)]
    for number in range(1, views):
        more = [view(pool, i, config, config.size, (config.seed, number, i)) for i in range(len(pool.samples))]
        rows.append(np.concatenate([network.run(tensor_of(image))["features"] for image, _, _ in more]))
        classes.append(np.array([allowed.argmax() for _, _, allowed in more]))
    return Seen(pool, plain, np.concatenate(rows), np.concatenate(classes), *round_features(network, pool, config))


@dataclass(frozen=True)
class Head:
    """The gate fitted without a source: linear head (classes, d) and (classes,), statistics, and a card with its
    temperature and limits."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    statistics: dict[str, NDArray[Any]]
    card: Card

    def answer(self, features: NDArray[np.float32]) -> str:
        """The kind of a picture with these features (d,) by the gate's own rules; `other` where it is refused."""
        logits = self.weights @ features + self.bias
        look = Look.of(self.card, logits, features, self.statistics)
        return OTHER if refusal(self.card, look) else look.kind


def fit_without(source: str, train: Seen, val: Seen, config: Config, card: Card) -> Head:
    """The gate as it would be without a source; `train` and `val` still hold it."""
    train, val = train.without(source), val.without(source)
    weights = np.tile(sampling_weights(train.pool.samples, config), VIEWS) / VIEWS
    drawn = np.random.default_rng(config.seed).choice(len(weights), len(weights), p=weights)
    head, bias = fit_head(train.views[drawn], train.classes[drawn])
    logits = val.features @ head.T + bias
    temperature = fit_temperature(logits, val.pool.allowed.argmax(axis=1))
    outputs = {"logits": logits, "features": val.features}
    statistics, limits = fit_gate(train.known, val.pool, outputs, temperature, config)
    return Head(head, bias, statistics, replace(card, temperature=temperature, gate=card.gate | limits))


def leave_one_out(config: Config, samples: list[Sample], models: Path, only: list[str]) -> Path:
    """Write training/loso/<id>.json, after each source anew. `only` names sources; empty means all. Raises ValueError
    for a source that cannot be left out, or a model folder that cannot be used."""
    sources = chosen_sources(samples, only)
    model = Registry(models, "cpu").load(config.id)
    if isinstance(model, Failure):
        raise ValueError(f"{model.text} {model.hint}")
    network, card = model.network, model.card
    pools = [load_pool([s for s in samples if s.split == split], config) for split in ("train", "val")]
    train, val = look_at(network, pools[0], config, VIEWS), look_at(network, pools[1], config, 1)
    path = Path()
    for source, labels in sources.items():
        head = fit_without(source, train, val, config, card)
        own = [(s, f) for seen in (train, val) for s, f in zip(seen.pool.samples, seen.features, strict=True)]
        own = [(s, f) for s, f in own if s.source == source and s.label]
        guess = np.array([head.answer(features) for _, features in own])
        found = measure([s for s, _ in own], labels, guess)
        log.info("%s without %s: %s", config.id, source, json.dumps(found["accuracy"]))
        path = write_held_out(config, NOTE, source, found)
    return path
