"""The head that tells dermatoscopic pictures from what looks like them as a whole: photos of a rash, of a face, of a
flower. It looks at parts of the picture; see `medview.inference.gate.lookalike`.

As a whole, a photo of close skin is like dermatoscopy in nearly every feature, in its parts less so. Of 24 clinical
photos, each judged by a head fitted without it (six folds of train and val), the parts refuse 21 where the whole
picture refuses 17, at half a per cent of the skin of val.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from medview.inference.field import find_field
from medview.inference.gate import OTHER, lookalike, parts_of
from medview.inference.preprocess import to_canonical, to_input
from medview.inference.runtime import Network
from training.config import Augment, Config
from training.data.augment import augment, round_field
from training.data.batches import read_values
from training.data.samples import Sample

log = logging.getLogger("training")

KIND = "skin_lesion"
# Real photos are few: so many random parts of each are learned from, varied as a camera and a hand vary them.
PHOTOS, VIEWS = "ood", 48
VARY = Augment(rotate=20.0, scale=(0.9, 1.1), shift=0.03, exposure=0.8, colour=0.3, degrade=0.3, flip=True)
# What the three groups weigh together, ours as one; strength of the L2 penalty, as the inverse scikit-learn takes.
WEIGHT_PHOTOS, WEIGHT_OTHERS = 1.5, 0.5
PENALTY = 1e-3
# Share of the skin of val that the limit lets through.
ACCEPT = 0.995
# One in so many pictures is seen through a round opening as well, whatever it shows.
ROUND_EVERY = 3


def _features(network: Network, values: NDArray[Any], inverted: bool, config: Config) -> NDArray[np.float32]:
    """Features (parts, d) of the parts that the gate looks at."""
    tensors = [to_input(to_canonical(part, config.shipped, inverted)) for part in parts_of(values, find_field(values))]
    return np.concatenate([network.run(tensor)["features"] for tensor in tensors])


def random_part(rng: Generator, values: NDArray[Any]) -> NDArray[Any]:
    """A random part of a picture (rows, cols[, 3]), half of each side at least, turned by quarters."""
    rows, cols = values.shape[:2]
    share = rng.uniform(0.5, 1.0) if rng.random() < 0.7 else 1.0
    height, width = (max(1, int(side * share * rng.uniform(0.85, 1.0))) for side in (rows, cols))
    top, left = rng.integers(0, rows - height + 1), rng.integers(0, cols - width + 1)
    part = values[top : top + height, left : left + width]
    return np.ascontiguousarray(np.rot90(part, int(rng.integers(4))))


def _varied(rng: Generator, network: Network, values: NDArray[Any], inverted: bool, config: Config) -> NDArray[Any]:
    """Features (1, d) of a random part, varied."""
    unit = to_canonical(random_part(rng, values), config.shipped, inverted)
    image, _ = augment(rng, np.rint(unit * 255).astype(np.uint8), None, config.size, VARY, False)
    return network.run(to_input(image.astype(np.float32) / np.float32(255)))["features"]


def part_features(
    network: Network, samples: list[Sample], config: Config, views: int = 0
) -> tuple[list[NDArray[np.float32]], NDArray[np.intp]]:
    """Features of every sample: of its parts, of those of every third seen through a round opening as well, and of
    `views` random parts of a photo; and which of the samples each row of them belongs to."""
    rows, owners = [], []
    for index, sample in enumerate(samples):
        values, inverted = read_values(sample)
        rng = np.random.default_rng((config.seed, index))
        found = [_features(network, values, inverted, config)]
        if views and index % ROUND_EVERY == 0 and values.dtype == np.uint8:
            image = values if values.ndim == 3 else np.repeat(values[:, :, None], 3, axis=2)
            side = min(image.shape[:2])
            found.append(_features(network, round_field(rng, image[:side, :side]), inverted, config))
        if sample.source.startswith(PHOTOS):
            found += [_varied(rng, network, values, inverted, config) for _ in range(views)]
        rows.append(np.concatenate(found))
        owners += [index] * len(rows[-1])
    return rows, np.array(owners)


def fit_lookalike(
    network: Network, samples: list[Sample], config: Config
) -> tuple[dict[str, NDArray[Any]], dict[str, float]]:
    """The arrays that gate.npz needs for `medview.inference.gate.lookalike`, fitted on train, and the card's limit,
    chosen on val. Raises ValueError for a picture that cannot be read."""
    train = [s for s in samples if s.split == "train" and s.label in (KIND, OTHER)]
    rows, owners = part_features(network, train, config, VIEWS)
    x = np.concatenate(rows)
    ours = np.array([s.label == KIND for s in train])[owners]
    photos = np.array([s.source.startswith(PHOTOS) for s in train])[owners]
    weights = np.where(ours, 1.0 / ours.sum(), np.where(photos, WEIGHT_PHOTOS, WEIGHT_OTHERS))
    for group in (photos, ~ours & ~photos):
        weights[group] /= max(1, group.sum())
    mean, spread = x[ours].mean(axis=0), x[ours].std(axis=0) + 1e-6
    model = LogisticRegression(C=PENALTY, max_iter=200, tol=1e-3)
    model.fit((x - mean) / spread, ~ours, sample_weight=weights * len(x) / weights.sum())
    head = (model.coef_[0] / spread).astype(np.float32)
    bias = np.float32(model.intercept_[0] - head @ mean)
    arrays: dict[str, NDArray[Any]] = {f"lookalike_weights_{KIND}": head, f"lookalike_bias_{KIND}": np.array(bias)}
    val = [s for s in samples if s.split == "val" and s.label in (KIND, OTHER)]
    found = np.array([lookalike(f, arrays, KIND) for f in part_features(network, val, config)[0]])
    own = np.array([s.label == KIND for s in val])
    limit = float(np.quantile(found[own], ACCEPT))
    for source in sorted({s.source for s in val}):
        mine = np.array([s.source == source for s in val])
        log.info("%s (n %d): %.4f over %.3f", source, mine.sum(), (found[mine] > limit).mean(), limit)
    return arrays, {f"max_lookalike_{KIND}": limit}
