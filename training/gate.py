"""Feature statistics of the gate: what `medview.inference.gate.feature_distance` measures against."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.inference.gate import OTHER, feature_distance
from medview.inference.postprocess import softmax
from training.batches import Pool
from training.config import Config

log = logging.getLogger("training")

# Directions of the features that are kept apart; the rest is pooled into one residual (probabilistic PCA).
DIRECTIONS = 160
# Shares of val pictures of a kind that the limits let through. Those for `other` and for the share of the kind are
# never stricter than a plain majority needs, and the distance limit is drawn wider, since pictures of unseen hospitals
# lie further out than val does.
ACCEPT, ACCEPT_OTHER = 0.995, 0.99
LEAST_OTHER, MOST_SHARE = 0.5, 0.75
SLACK = 1.15


def principal(features: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
    """Mean, principal directions and variances of features (n, d), as in Tipping and Bishop 1999: `mean` (d,),
    `directions` (k, d), `variances` (k,), `residual` () variance per left-out dimension."""
    x = np.asarray(features, np.float64)
    mean = x.mean(axis=0)
    _, singular, directions = np.linalg.svd(x - mean, full_matrices=False)
    variances = singular**2 / max(1, len(x) - 1)
    k = min(DIRECTIONS, len(x) // 4, x.shape[1] - 1)
    residual = variances[k:].sum() / (x.shape[1] - k)
    return {
        "mean": mean.astype(np.float32),
        "directions": directions[:k].astype(np.float32),
        "variances": variances[:k].astype(np.float32),
        "residual": np.float32(max(residual, 1e-8)),
    }


def fit_gate(
    pool_train: tuple[NDArray[Any], NDArray[Any]],
    pool: Pool,
    outputs: dict[str, NDArray[Any]],
    temperature: float,
    config: Config,
) -> tuple[dict[str, NDArray[Any]], dict[str, float]]:
    """Statistics per kind from the training features, limits from val.

    `pool_train` is (features (n, d), class index (n,)). Returns the arrays of gate.npz and the card's gate limits; see
    `medview.inference.gate` for what they mean.
    """
    features, classes = pool_train
    arrays: dict[str, NDArray[Any]] = {}
    limits: dict[str, float] = {}
    truth = pool.allowed.argmax(axis=1)
    probability = softmax(outputs["logits"] / temperature)
    other = config.labels.index(OTHER)
    ours = np.delete(probability, other, axis=1).sum(axis=1)
    for index, kind in enumerate(config.labels):
        if kind == OTHER:
            continue
        own = truth == index
        arrays |= {f"{name}_{kind}": value for name, value in principal(features[classes == index]).items()}
        distance = np.array([feature_distance(f, arrays, kind) for f in outputs["features"][own]])
        share = probability[own, index] / ours[own]
        limits[f"max_other_{kind}"] = max(LEAST_OTHER, float(np.quantile(probability[own, other], ACCEPT_OTHER)))
        limits[f"min_share_{kind}"] = min(MOST_SHARE, float(np.quantile(share, 1 - ACCEPT)))
        limits[f"max_distance_{kind}"] = float(np.quantile(distance, ACCEPT) * SLACK)
    for name, limit in limits.items():
        log.info("%s: %.3f", name, limit)
    return arrays, limits
