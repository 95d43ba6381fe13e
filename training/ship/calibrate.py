"""What is chosen on the val split after training: temperature, operating points, prediction sets, mask threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_curve

from medview.inference.postprocess import drop_small, sigmoid, softmax
from training.config import Config
from training.data.batches import Pool
from training.measure.metrics import Bootstrap, calibration_error

MASK_THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6)
MAX_FALSE_MARKS = 0.02
MIN_PIXELS = (0, 20, 40, 80, 120, 160, 200, 300)
# Shares of the picture under which a mask is taken for a speck, and what the largest of them may cost in mean Dice.
MIN_AREAS = (0.0, 0.0002, 0.0003, 0.0005, 0.0007, 0.001, 0.0015, 0.002, 0.003)
AREA_COST = 0.001
COVERAGE = 0.9
# Ends of the bands of the highest probability, and the pictures of val that a band needs.
BAND_ENDS = (0.6, 0.9, 1.0)
LEAST_IN_BAND = 30
# A label of one-of-n that is more probable than all others together is a finding, however easy its sensitivity is.
HIGHEST_THRESHOLD = 0.5
LEAST_SPECIFICITY = 0.7
# A label whose AUC may be as low as this says too little to be shown.
LEAST_AUC = 0.65


def fit_temperature(logits: NDArray[Any], truth: NDArray[Any]) -> float:
    """The temperature with the lowest log loss (Guo et al. 2017, arXiv 1706.04599)."""
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        p = softmax(logits / np.exp(log_t))
        return float(-np.log(np.clip(p[np.arange(len(truth)), truth], 1e-12, 1)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))


def platt_scaling(logits: NDArray[Any], truth: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scale and offset per label, (labels,) each, so that sigmoid(scale * logit + offset) is calibrated (Platt 1999).

    `logits` and `truth` (n, labels). A scale is never negative: a label that was learned the wrong way round gets none.
    """
    scales, offsets = np.ones(logits.shape[1]), np.zeros(logits.shape[1])
    for label in range(logits.shape[1]):
        fitted = LogisticRegression(C=100.0).fit(logits[:, label : label + 1], truth[:, label])
        scales[label], offsets[label] = max(0.0, float(fitted.coef_[0, 0])), float(fitted.intercept_[0])
    return scales, offsets


def sensitivity_point(
    truth: NDArray[np.bool_], probability: NDArray[np.float64], sensitivity: float
) -> dict[str, float]:
    """The highest threshold, `HIGHEST_THRESHOLD` at most, that reaches `sensitivity`, with what it reaches of both.

    Where that would leave a specificity under `LEAST_SPECIFICITY`, a finding would mean little; then it is the point
    with the largest sum of both (Youden 1950).
    """
    false_rate, true_rate, thresholds = roc_curve(truth, probability, drop_intermediate=False)
    at = int(np.argmax(true_rate >= sensitivity))
    if 1 - false_rate[at] < LEAST_SPECIFICITY:
        at = int(np.argmax(true_rate - false_rate))
    reached = thresholds[at]
    threshold = float(np.clip(reached, 0.005, HIGHEST_THRESHOLD))
    found = probability >= threshold
    return {
        "threshold": threshold,
        "sensitivity": float(found[truth].mean()),
        "specificity": float((~found[~truth]).mean()),
        "ppv": float(truth[found].mean()) if found.any() else 0.0,
    }


def conformal_threshold(true_probability: NDArray[np.float64], coverage: float = COVERAGE) -> float:
    """The probability from which a label belongs to the prediction set, so that the set holds the true label in
    `coverage` of new pictures of the same sources: split conformal prediction, least ambiguous sets (Sadinle, Lei and
    Wasserman 2019, arXiv 1609.00451). `true_probability` (n,): what each val picture's true label was given."""
    n = len(true_probability)
    rank = int(np.floor((n + 1) * (1 - coverage)))
    return float(np.sort(true_probability)[rank - 1]) if rank >= 1 else 0.0


def conformal_bands(probability: NDArray[np.float64], true_probability: NDArray[np.float64]) -> list[dict[str, float]]:
    """A threshold for every band of the highest probability; see `medview.inference.card.PredictionSet`.

    `probability` (n, classes). One threshold for all keeps the promise on average only: easy pictures fulfil it, and of
    the answers under 0.6 hardly more than half of the sets held the truth. A band of few pictures joins the next. The
    set of an answer always holds its most probable label, but in the lowest band, where it may be too little of it.
    """
    top = probability.max(axis=1)
    bands: list[dict[str, float]] = []
    low = 0.0
    for end in BAND_ENDS:
        own = (top > low) & (top <= end)
        rest = top > end
        if end < 1 and (own.sum() < LEAST_IN_BAND or rest.sum() < LEAST_IN_BAND):
            continue
        threshold = conformal_threshold(true_probability[own])
        bands.append({"up_to": end, "threshold": min(threshold, low) if low else threshold})
        low = end
    return bands


def calibrate_classes(logits: NDArray[Any], pool: Pool, config: Config) -> dict[str, Any]:
    """Temperature, operating points and prediction set; samples whose class is known only in part are left out."""
    known = pool.allowed.sum(axis=1) == 1
    truth, logits = pool.allowed[known].argmax(axis=1), logits[known]
    temperature = fit_temperature(logits, truth)
    before, after = softmax(logits), softmax(logits / temperature)
    return {
        "temperature": temperature,
        "operating_points": {
            label: sensitivity_point(truth == c, after[:, c], config.sensitivity)
            for c, label in enumerate(config.labels)
        },
        "prediction_set": {
            "coverage": COVERAGE,
            "bands": conformal_bands(after, after[np.arange(len(truth)), truth]),
        },
        "val": {
            "images": len(truth),
            "ece_before": calibration_error(truth, before),
            "ece_after": calibration_error(truth, after),
        },
    }


def best_measured(pool: Pool, column: int) -> NDArray[np.bool_]:
    """The val pictures of the one framing that offers the most pairs of a picture with the label and one without, (n,).

    Where one framing comes with nearly every picture of a label, an AUC over all framings measures the framing.
    """
    framings = np.array([s.framing for s in pool.samples])
    truth = pool.allowed[:, column]
    pairs = {f: int(truth[framings == f].sum()) * int((~truth[framings == f]).sum()) for f in sorted(set(framings))}
    return np.asarray(framings == max(pairs, key=lambda f: pairs[f]))


def calibrate_labels(logits: NDArray[Any], pool: Pool, config: Config) -> dict[str, Any]:
    """Operating points of several labels a picture, whose logits are scaled already, and which of them are too weak to
    be shown: those whose AUC within one framing may be under `LEAST_AUC` (95 % interval over patients)."""
    probability = sigmoid(logits)
    draws = Bootstrap([s.group for s in pool.samples])
    used = [best_measured(pool, c) for c in range(len(config.labels))]
    aucs = {
        label: draws.auc(pool.allowed[:, c], probability[:, c], used[c])
        | {"framing": pool.samples[used[c].argmax()].framing}
        for c, label in enumerate(config.labels)
    }
    return {
        "operating_points": {
            label: sensitivity_point(pool.allowed[:, c], probability[:, c], config.sensitivity)
            for c, label in enumerate(config.labels)
        },
        "val": {
            "images": len(pool.samples),
            "auc_within_one_framing": aucs,
            "hidden": [label for label, auc in aucs.items() if not float(auc["low"]) >= LEAST_AUC],
        },
    }


def calibrate_mask(logits: NDArray[Any], pool: Pool) -> dict[str, Any]:
    """Mask threshold and smallest region: the pair with the best mean Dice per patient or lesion (all its pictures that
    have a reference pooled), among those that mark at most `MAX_FALSE_MARKS` of the empty pictures, or among all where
    none is so strict. Then, where there are empty pictures, the largest `min_area` that costs at most `AREA_COST`."""
    assert pool.masks is not None
    probabilities, references = sigmoid(logits[:, 0]), pool.masks > 127
    marked = references.any(axis=(1, 2))
    names = np.array([s.group for s in pool.samples])[marked]
    group = np.unique(names, return_inverse=True)[1]

    def marks(threshold: float, smallest: int) -> NDArray[np.bool_]:
        return np.stack([drop_small(p >= threshold, smallest) for p in probabilities])

    def figures(found: NDArray[np.bool_]) -> tuple[float, float]:
        own, reference = found[marked], references[marked]
        both = np.bincount(group, (own & reference).sum(axis=(1, 2)))
        total = np.bincount(group, own.sum(axis=(1, 2)) + reference.sum(axis=(1, 2)))
        free = float(found[~marked].any(axis=(1, 2)).mean()) if not marked.all() else 0.0
        return float((2 * both / total).mean()), free

    table = {(t, m): figures(marks(t, m)) for t in MASK_THRESHOLDS for m in MIN_PIXELS}
    strict = [pair for pair, (_, free) in table.items() if free <= MAX_FALSE_MARKS] or list(table)
    threshold, smallest = max(strict, key=lambda pair: table[pair][0])
    dice, free = table[threshold, smallest]
    found = marks(threshold, smallest)
    share = found.mean(axis=(1, 2))
    by_area = {a: figures(found & (share >= a)[:, None, None]) for a in MIN_AREAS if a == 0 or not marked.all()}
    min_area = max(a for a, (less, _) in by_area.items() if less >= dice - AREA_COST)
    return {
        "mask_threshold": threshold,
        "min_pixels": smallest,
        "min_area": min_area,
        "val": {
            "images": len(references),
            "mean_dice_per_group": by_area[min_area][0],
            "mean_dice_without_min_area": dice,
            "empty_marked": by_area[min_area][1],
            "empty_marked_without_min_area": free,
        },
    }
