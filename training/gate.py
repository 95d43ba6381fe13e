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
# Share of val pictures of a kind that the limits let through, and how much wider the distance limit is drawn, since
# pictures of unseen hospitals lie further out than val does.
ACCEPT = 0.995
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

    `pool_train` is (features (n, d), class index (n,)). Returns the arrays of gate.npz and the card's gate limits.
    """
    features, classes = pool_train
    arrays: dict[str, NDArray[Any]] = {}
    limits: dict[str, float] = {}
    truth = pool.allowed.argmax(axis=1)
    probability = softmax(outputs["logits"] / temperature)
    right = truth == probability.argmax(axis=1)
    other = config.labels.index(OTHER)
    inside = right & (truth != other)
    limits["min_probability"] = float(np.quantile(probability.max(axis=1)[inside], 1 - ACCEPT))
    for index, kind in enumerate(config.labels):
        if kind == OTHER:
            continue
        arrays |= {f"{name}_{kind}": value for name, value in principal(features[classes == index]).items()}
        own = np.array([feature_distance(f, arrays, kind) for f in outputs["features"][truth == index]])
        far = np.array([feature_distance(f, arrays, kind) for f in outputs["features"][truth == other]])
        limits[f"max_distance_{kind}"] = float(np.quantile(own, ACCEPT) * SLACK)
        log.info(
            "%s: val distance median %.2f, limit %.2f; others refused by distance alone %.3f",
            kind,
            float(np.median(own)),
            limits[f"max_distance_{kind}"],
            float((far > limits[f"max_distance_{kind}"]).mean()),
        )
    return arrays, limits
