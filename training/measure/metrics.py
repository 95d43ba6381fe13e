"""Figures of an evaluation, each with a 95 % interval over patients. scikit-learn and MONAI do the arithmetic, numpy
that of a thousand resamples at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

RESAMPLES = 1000
BINS = 15
# Where curves are kept: finer at the start, where a false alarm rate is one that somebody would accept.
FALSE_RATES = np.round(np.concatenate([np.linspace(0, 0.1, 21), np.linspace(0.15, 1, 18)]), 3)
RECALLS = np.round(np.linspace(0.025, 1, 40), 3)

Figure = dict[str, float]


class Bootstrap:
    """Resamples of whole groups, drawn once for all figures of some samples.

    Attributes:
        weights: (RESAMPLES, n) float64, how often each of the n samples is in each resample.
        membership: (n,) number of each sample's group.
    """

    def __init__(self, groups: Sequence[str], seed: int = 1) -> None:
        names, self.membership = np.unique(np.asarray(groups), return_inverse=True)
        picked = np.random.default_rng(seed).integers(0, len(names), (RESAMPLES, len(names)))
        counts = np.stack([np.bincount(row, minlength=len(names)) for row in picked])
        self.weights = counts[:, self.membership].astype(np.float64)

    def figure(self, value: float, draws: NDArray[Any], used: NDArray[np.bool_] | None = None) -> Figure:
        """A value with the 2.5-97.5 percentiles of its draws, the samples it is of (`n`) and their `groups`.

        Draws where the figure is undefined (a class is missing) are left out. Where every draw is 0 or every draw is 1,
        the percentiles say nothing; then the open end is the exact one of Clopper and Pearson for that many groups. Any
        other figure of a single group has no interval: NaN.
        """
        used = np.ones(len(self.membership), np.bool_) if used is None else used
        groups = len(np.unique(self.membership[used]))
        draws = draws[np.isfinite(draws)]
        low, high = np.percentile(draws, (2.5, 97.5)) if len(draws) else (np.nan, np.nan)
        if low == high == 1.0:
            low = 0.025 ** (1 / groups)
        elif low == high == 0.0:
            high = 1 - 0.025 ** (1 / groups)
        elif groups < 2:
            low = high = np.nan
        return {"value": float(value), "low": float(low), "high": float(high), "n": int(used.sum()), "groups": groups}

    def of(self, figure: Callable[[NDArray[np.int64]], float]) -> Figure:
        """`figure(indices)` of all samples, with its interval: any figure, one resample after the other."""
        every = np.arange(len(self.membership))
        draws = [figure(np.repeat(every, row.astype(int))) for row in self.weights]
        return self.figure(figure(every), np.array(draws))

    def ratio(self, part: NDArray[Any], whole: NDArray[Any] | None = None) -> Figure:
        """Sum of `part` (n,) over the sum of `whole` (n,); without `whole`, the mean of `part`."""
        whole = np.ones(len(self.membership)) if whole is None else np.asarray(whole, np.float64)
        part = np.asarray(part, np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.figure(part.sum() / whole.sum(), (self.weights @ part) / (self.weights @ whole), whole > 0)

    def recalls(self, truth: NDArray[Any], guess: NDArray[Any]) -> Figure:
        """`balanced_accuracy` with its interval."""
        draws = []
        for c in np.unique(truth):
            own = self.weights[:, truth == c]
            with np.errstate(invalid="ignore", divide="ignore"):
                draws.append((own @ (guess[truth == c] == c)) / own.sum(axis=1))
        return self.figure(balanced_accuracy(truth, guess), mean_defined(np.stack(draws)))

    def auc(self, truth: NDArray[np.bool_], score: NDArray[np.float64], used: NDArray[np.bool_]) -> Figure:
        """Area under the ROC curve of the `used` samples; NaN where only one side occurs."""
        value, draws = self.auc_draws(truth, score, used)
        return self.figure(value, draws, used)

    def mean_auc(self, truth: NDArray[np.bool_], score: NDArray[np.float64], used: NDArray[np.bool_]) -> Figure:
        """Mean of the labels' AUC, over those for which it is defined; `truth` and `score` are (n, labels)."""
        pairs = [self.auc_draws(truth[:, c], score[:, c], used) for c in range(truth.shape[1])]
        value = mean_defined(np.array([[v] for v, _ in pairs]))[0]
        return self.figure(value, mean_defined(np.stack([d for _, d in pairs])), used)

    def auc_draws(
        self, truth: NDArray[np.bool_], score: NDArray[np.float64], used: NDArray[np.bool_]
    ) -> tuple[float, NDArray[np.float64]]:
        """AUC of everything and of every resample (RESAMPLES,): the share of pairs in the right order, ties half."""
        rows = np.flatnonzero(used)
        rows = rows[np.argsort(score[rows], kind="stable")]
        if not len(rows):
            return float("nan"), np.full(RESAMPLES, np.nan)
        starts = np.flatnonzero(np.diff(score[rows], prepend=-np.inf))
        weights = np.concatenate([np.ones((1, len(rows))), self.weights[:, rows]])
        positive = np.add.reduceat(weights * truth[rows], starts, axis=1)
        negative = np.add.reduceat(weights * ~truth[rows], starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            areas = (positive * below).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1))
        return float(areas[0]), areas[1:]


def mean_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the first axis of what is not NaN; NaN where nothing is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)


def interval(groups: Sequence[str], figure: Callable[[NDArray[np.int64]], float], seed: int = 1) -> Figure:
    """`figure(indices)` over everything, with its interval over bootstrap samples of whole groups."""
    return Bootstrap(groups, seed).of(figure)


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
    return reliability_error(probability.max(axis=1), probability.argmax(axis=1) == truth)


def reliability_error(confidence: NDArray[np.float64], hit: NDArray[np.bool_]) -> float:
    """Mean gap between what was claimed and what came true, over 15 equal bins of the claim; NaN for no answers."""
    if not len(hit):
        return float("nan")
    bins = _bins(confidence)
    gaps = np.bincount(bins, hit, BINS) - np.bincount(bins, confidence, BINS)
    return float(np.abs(gaps).sum() / len(hit))


def _bins(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def reliability(confidence: NDArray[np.float64], hit: NDArray[np.bool_]) -> dict[str, list[Any]]:
    """The reliability diagram: mean claim, share that came true and count of every bin that is not empty."""
    bins = _bins(confidence)
    count = np.bincount(bins, minlength=BINS)
    filled = count > 0
    return {
        "claimed": (np.bincount(bins, confidence, BINS)[filled] / count[filled]).tolist(),
        "true": (np.bincount(bins, hit, BINS)[filled] / count[filled]).tolist(),
        "n": count[filled].tolist(),
    }


def uncalibrated(probability: NDArray[np.float64], temperature: float, one_of_n: bool) -> NDArray[np.float64]:
    """The probabilities (n, labels) that the same logits give at temperature 1: softmax and sigmoid keep the logits up
    to what they ignore."""
    p = np.clip(probability, 1e-300, 1.0)
    if one_of_n:
        powered = np.exp(temperature * (np.log(p) - np.log(p).max(axis=1, keepdims=True)))
        return powered / powered.sum(axis=1, keepdims=True)
    logit = np.log(p) - np.log(np.clip(1 - probability, 1e-300, 1.0))
    return np.asarray(0.5 * (1 + np.tanh(0.5 * temperature * logit)))


def sensitivity_at(truth: NDArray[np.bool_], score: NDArray[np.float64], specificity: float) -> float:
    """The best sensitivity that keeps at least this specificity; NaN where only one side occurs."""
    if truth.all() or not truth.any():
        return float("nan")
    false_rate, true_rate, _ = roc_curve(truth, score, drop_intermediate=False)
    return float(true_rate[false_rate <= 1 - specificity + 1e-9].max())


def curves(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> dict[str, Any]:
    """ROC curve (sensitivity at `FALSE_RATES`) and precision-recall curve (precision at `RECALLS`); empty where only
    one side occurs."""
    if truth.all() or not truth.any():
        return {}
    false_rate, true_rate, _ = roc_curve(truth, score, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(truth, score)
    return {
        "sensitivity": [float(true_rate[false_rate <= rate + 1e-9].max()) for rate in FALSE_RATES],
        "precision": [float(precision[recall >= wanted - 1e-9].max()) for wanted in RECALLS],
        "average_precision": float(average_precision_score(truth, score)),
        "prevalence": float(truth.mean()),
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


def overlap(found: int, reference: int, both: int) -> float:
    """|A and B| / |A or B| from pixel counts (IoU, Jaccard); 1 when both are empty."""
    either = found + reference - both
    return both / either if either else 1.0


def surface_distance(found: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """95th percentile of the Hausdorff distance of two masks (rows, cols), in pixels (MONAI); NaN if one is empty."""
    if not (found.any() and reference.any()):
        return float("nan")
    import torch
    from monai.metrics import compute_hausdorff_distance

    masks = [torch.from_numpy(np.ascontiguousarray(m, np.float32))[None, None] for m in (found, reference)]
    return float(compute_hausdorff_distance(*masks, include_background=True, percentile=95)[0, 0])
