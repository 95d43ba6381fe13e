"""Figures of the test split, each with a 95 % interval over patients. scikit-learn and MONAI do the arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

RESAMPLES = 1000
BINS = 15

Figure = dict[str, float]


def interval(groups: list[str], figure: Callable[[NDArray[np.int64]], float], seed: int = 1) -> Figure:
    """`figure(indices)` over everything, and the 2.5-97.5 percentiles over bootstrap samples of whole groups.

    Samples where the figure is undefined (a class is missing) are left out of the percentiles. Where every sample
    gives 0 or every sample gives 1, the percentiles say nothing; then the open end is the exact one of Clopper and
    Pearson for that many groups.
    """
    names, membership = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(membership == g) for g in range(len(names))]
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(RESAMPLES):
        picked = rng.integers(0, len(members), len(members))
        value = figure(np.concatenate([members[g] for g in picked]))
        if np.isfinite(value):
            draws.append(value)
    low, high = np.percentile(draws, (2.5, 97.5)) if draws else (np.nan, np.nan)
    if low == high == 1.0:
        low = 0.025 ** (1 / len(names))
    elif low == high == 0.0:
        high = 1 - 0.025 ** (1 / len(names))
    return {"value": figure(np.arange(len(groups))), "low": float(low), "high": float(high)}


def balanced_accuracy(truth: NDArray[Any], guess: NDArray[Any]) -> float:
    """Mean recall over the classes that occur in `truth`."""
    return float(np.mean([(guess[truth == c] == c).mean() for c in np.unique(truth)]))


def macro_auc(truth: NDArray[Any], probability: NDArray[np.float64]) -> float:
    """Mean one-against-rest AUC over the classes that occur; NaN when there is only one. `probability` (n, classes)."""
    present = np.unique(truth)
    if len(present) < 2:
        return float("nan")
    return float(np.mean([roc_auc_score(truth == c, probability[:, c]) for c in present]))


def calibration_error(truth: NDArray[Any], probability: NDArray[np.float64]) -> float:
    """Expected calibration error of the most probable class, 15 equal bins (Guo et al. 2017, arXiv 1706.04599)."""
    confidence, hit = probability.max(axis=1), probability.argmax(axis=1) == truth
    edges = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return float(
        sum(
            abs(hit[edges == b].mean() - confidence[edges == b].mean()) * (edges == b).mean()
            for b in range(BINS)
            if (edges == b).any()
        )
    )


def youden_point(truth: NDArray[np.bool_], probability: NDArray[np.float64]) -> Figure:
    """The threshold with the largest sensitivity + specificity - 1 (Youden 1950), with both."""
    false_rate, true_rate, thresholds = roc_curve(truth, probability)
    best = 1 + int(np.argmax((true_rate - false_rate)[1:]))
    return {
        "threshold": float(np.clip(thresholds[best], 0.01, 0.99)),
        "sensitivity": float(true_rate[best]),
        "specificity": float(1 - false_rate[best]),
    }


def confusion(truth: NDArray[Any], guess: NDArray[Any], classes: int) -> list[list[int]]:
    """Rows are the truth, columns the answer; a refusal is column `classes`."""
    table = confusion_matrix(truth, guess, labels=range(classes + 1))
    return [[int(v) for v in row] for row in table[:classes]]


def mean_dice(found: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """Mean Dice over slices (n, rows, cols); an empty mask on an empty reference counts as 1."""
    return float(
        np.mean([dice(int(f.sum()), int(r.sum()), int((f & r).sum())) for f, r in zip(found, reference, strict=True)])
    )


def dice(found: int, reference: int, both: int) -> float:
    """2 |A and B| / (|A| + |B|) from pixel counts; 1 when both are empty."""
    return 2 * both / (found + reference) if found + reference else 1.0
