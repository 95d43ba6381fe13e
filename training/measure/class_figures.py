"""Figures of the classifiers, one-of-n and multilabel, from the analyses of a split.

A refused picture counts as a wrong answer everywhere but in AUC, curves, calibration and prediction sets, which are
over the answered pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.inference.analysis import Analysis, Result
from medview.inference.card import Card
from training.data.samples import Sample
from training.measure.metrics import (
    Bootstrap,
    Figure,
    confusion,
    curves,
    reliability,
    reliability_error,
    sensitivity_at,
    uncalibrated,
)
from training.measure.subgroups import age_group, sex
from training.ship.calibrate import BAND_ENDS

# A source says how well two labels are told apart only if it has this many pictures of each.
FEWEST_WITHIN_SOURCE = 10
MELANOMA, MELANOMA_SPECIFICITY = "mel", 0.8


@dataclass(frozen=True)
class Scores:
    """What a model said about some samples.

    Attributes:
        probability: (n, labels), NaN in the rows of refused pictures.
        truth: (n, labels) bool; one True in every row for one-of-n, any number for multilabel.
        results: what the model said of each sample, None where it was refused.
    """

    samples: list[Sample]
    labels: list[str]
    probability: NDArray[np.float64]
    truth: NDArray[np.bool_]
    results: list[Result | None]

    @cached_property
    def card(self) -> Card | None:
        """The model's card; None when it never answered."""
        return next((r.card for r in self.results if r), None)

    @cached_property
    def answered(self) -> NDArray[np.bool_]:
        return np.isfinite(self.probability[:, 0])

    @cached_property
    def boot(self) -> Bootstrap:
        return Bootstrap([s.group for s in self.samples])

    @property
    def kind(self) -> str:
        return self.card.kind if self.card else ""

    @property
    def unit(self) -> str:
        """What a group is."""
        return unit_of(self.kind)

    def guess(self) -> NDArray[np.int64]:
        """Number of the most probable label (n,); the count of labels for a refused picture."""
        return np.where(self.answered, np.nan_to_num(self.probability).argmax(axis=1), len(self.labels))


def unit_of(kind: str) -> str:
    """What the groups of a kind of picture are."""
    return "lesion" if kind == "skin_lesion" else "patient"


def scores_of(samples: list[Sample], found: list[Analysis], labels: list[str], model: str) -> Scores:
    """The model's probabilities of `labels` beside the truth: the sample's label, or all that it allows."""
    results = [next((r for r in a.results if r.card.id == model and r.probabilities), None) for a in found]
    probability = np.full((len(samples), len(labels)), np.nan)
    for row, result in enumerate(results):
        if result and result.probabilities:
            probability[row] = [result.probabilities[label] for label in labels]
    truth = np.array([[label == s.label or label in s.allowed for label in labels] for s in samples], np.bool_)
    return Scores(samples, labels, probability, truth, results)


def per_group(
    samples: list[Sample], key: Callable[[Sample], str], figure: Callable[[NDArray[np.int64]], Figure]
) -> dict[str, Figure]:
    """`figure(rows)` for every source, framing or type; nothing where no sample has one."""
    names = sorted({key(s) for s in samples})
    if names in ([], [""]):
        return {}
    parts = {name: np.array([i for i, s in enumerate(samples) if key(s) == name]) for name in names}
    return {name or "unknown": {**figure(rows), "images": len(rows)} for name, rows in parts.items()}


def mean_by(samples: list[Sample], key: Callable[[Sample], str], values: NDArray[Any]) -> dict[str, Figure]:
    """Mean of `values` (n,) for every source, framing or type, with its interval over groups."""
    return per_group(samples, key, lambda rows: Bootstrap([samples[i].group for i in rows]).ratio(values[rows]))


def head_figures(scores: Scores) -> dict[str, Any]:
    """Accuracy, balanced accuracy and macro AUC of a one-of-n classifier."""
    truth = scores.truth.argmax(axis=1)
    return {
        "accuracy": scores.boot.ratio(scores.guess() == truth),
        "balanced_accuracy": scores.boot.recalls(truth, scores.guess()),
        "macro_auc": scores.boot.mean_auc(scores.truth, scores.probability, scores.answered),
    }


def classifier_figures(samples: list[Sample], found: list[Analysis], labels: list[str], model: str) -> dict[str, Any]:
    """All figures of a one-of-n classifier."""
    kept = [(s, a) for s, a in zip(samples, found, strict=True) if s.label in labels]
    scores = scores_of([s for s, _ in kept], [a for _, a in kept], labels, model)
    samples, boot = scores.samples, scores.boot
    truth, guess = scores.truth.argmax(axis=1), scores.guess()
    right = guess == truth
    figures = {
        **_counts(scores),
        **head_figures(scores),
        **calibration_figures(scores, one_of_n=True),
        "recall": {
            label: boot.ratio(right & own, own) for label, own in zip(labels, scores.truth.T, strict=True) if own.any()
        },
        "confusion": {"labels": [*labels, "refused"], "rows": confusion(truth, guess, len(labels))},
        "accuracy_by_source": mean_by(samples, lambda s: s.source, right),
        "accuracy_by_framing": mean_by(samples, lambda s: s.framing, right),
        "accuracy_by_age": mean_by(samples, lambda s: age_group(s, scores.kind), right),
        "accuracy_by_sex": mean_by(samples, sex, right),
        "recall_by_source": _recall_by_source(scores, right),
        "within_source": _within_source(scores),
        "per_label": label_figures(scores),
        "curves": label_curves(scores),
        **_patient_accuracy(scores),
        **_set_figures(scores),
    }
    if MELANOMA in labels:
        figures["melanoma_sensitivity_at_80_specificity"] = _melanoma(scores)
    return figures


def multilabel_figures(samples: list[Sample], found: list[Analysis], labels: list[str], model: str) -> dict[str, Any]:
    """All figures of a model whose labels may be true together; the labels it hides are named and not measured."""
    told = {label for a in found for r in a.results if r.card.id == model for label in r.probabilities or ()}
    shown = [label for label in labels if label in told]
    scores = scores_of(samples, found, shown, model)

    def mean_auc(rows: NDArray[np.int64]) -> Figure:
        boot = Bootstrap([samples[i].group for i in rows])
        return boot.mean_auc(scores.truth[rows], scores.probability[rows], scores.answered[rows])

    return {
        **_counts(scores),
        "hidden": [label for label in labels if label not in shown],
        "mean_auc": mean_auc(np.arange(len(samples))),
        **calibration_figures(scores, one_of_n=False),
        "mean_auc_by_source": per_group(samples, lambda s: s.source, mean_auc),
        "mean_auc_by_framing": per_group(samples, lambda s: s.framing, mean_auc),
        "mean_auc_by_age": per_group(samples, lambda s: age_group(s, scores.kind), mean_auc),
        "per_label": label_figures(scores),
        "curves": label_curves(scores),
    }


def _counts(scores: Scores) -> dict[str, Any]:
    return {
        "images": len(scores.samples),
        "groups": len({s.group for s in scores.samples}),
        "unit": scores.unit,
        "refused": int((~scores.answered).sum()),
    }


def label_figures(scores: Scores) -> dict[str, Any]:
    """AUC of every label, and what its operating point means here. A refused picture is one that was missed, or not
    cleared."""
    figures: dict[str, Any] = {}
    for column, label in enumerate(scores.labels):
        own, score = scores.truth[:, column], scores.probability[:, column]
        point = scores.card.operating_points.get(label) if scores.card else None
        figures[label] = {"positives": int(own.sum()), "auc": scores.boot.auc(own, score, scores.answered)}
        if point:
            hit = scores.answered & (np.nan_to_num(score) >= point.threshold)
            cleared = scores.answered & ~hit
            figures[label] |= {
                "threshold": point.threshold,
                "sensitivity": scores.boot.ratio(hit & own, own),
                "specificity": scores.boot.ratio(cleared & ~own, ~own),
                "ppv": scores.boot.ratio(hit & own, hit),
                "npv": scores.boot.ratio(cleared & ~own, cleared),
                "f1": scores.boot.ratio(2.0 * (hit & own), 1.0 * hit + own),
            }
    return figures


def label_curves(scores: Scores) -> dict[str, Any]:
    """ROC and precision-recall curve of every label that has both."""
    kept = scores.answered
    every = {label: curves(scores.truth[kept, c], scores.probability[kept, c]) for c, label in enumerate(scores.labels)}
    return {label: curve for label, curve in every.items() if curve}


def calibration_figures(scores: Scores, one_of_n: bool) -> dict[str, Any]:
    """Calibration error and reliability diagram, as shipped and, where the card has a temperature, as without it.

    Of one-of-n the most probable label counts, of multilabel every label of every picture.
    """
    after, truth = scores.probability[scores.answered], scores.truth[scores.answered]
    temperature = scores.card.temperature if scores.card else 1.0
    groups = [s.group for s, kept in zip(scores.samples, scores.answered, strict=True) if kept]
    if not groups:
        return {}
    figures: dict[str, Any] = {"temperature": temperature, "reliability": {}}
    stages = {"ece": after}
    if temperature != 1.0:
        stages["ece_before"] = uncalibrated(after, temperature, one_of_n)
    for name, p in stages.items():
        if one_of_n:
            top = p.argmax(axis=1)
            claim, hit = p.max(axis=1)[:, None], truth[np.arange(len(p)), top][:, None]
        else:
            claim, hit = p, truth
        figures[name] = _calibration(groups, claim, hit)
        figures["reliability"]["after" if name == "ece" else "before"] = reliability(claim.ravel(), hit.ravel())
    return figures


def _calibration(groups: list[str], claim: NDArray[np.float64], hit: NDArray[np.bool_]) -> Figure:
    return Bootstrap(groups).of(lambda i: reliability_error(claim[i].ravel(), hit[i].ravel()))


def _recall_by_source(scores: Scores, right: NDArray[np.bool_]) -> dict[str, Any]:
    """Recall of every label in every source that has it: class and source are confounded. Nothing for one source."""
    table: dict[str, Any] = {}
    if len({s.source for s in scores.samples}) < 2:
        return table
    for label in scores.labels:
        rows = np.array([i for i, s in enumerate(scores.samples) if s.label == label], np.int64)
        table[label] = mean_by([scores.samples[i] for i in rows], lambda s: s.source, right[rows])
    return {label: row for label, row in table.items() if row}


def _within_source(scores: Scores) -> dict[str, Any]:
    """How well the labels of one source are told apart, when only they may be the answer: no source can help there.
    Nothing for one source."""
    figures: dict[str, Any] = {}
    sources = sorted({s.source for s in scores.samples})
    for source in sources if len(sources) > 1 else []:
        here = np.array([s.source == source for s in scores.samples])
        columns = np.flatnonzero(scores.truth[here].sum(axis=0) >= FEWEST_WITHIN_SOURCE)
        rows = np.flatnonzero(here & scores.truth[:, columns].any(axis=1))
        if len(columns) < 2:
            continue
        part = np.nan_to_num(scores.probability[np.ix_(rows, columns)])
        guess = np.where(scores.answered[rows], part.argmax(axis=1), -1)
        truth = scores.truth[np.ix_(rows, columns)].argmax(axis=1)
        boot = Bootstrap([scores.samples[i].group for i in rows])
        figures[source] = {
            "labels": [scores.labels[c] for c in columns],
            "accuracy": boot.ratio(guess == truth),
            "balanced_accuracy": boot.recalls(truth, guess),
        }
    return figures


def _patient_accuracy(scores: Scores) -> dict[str, Any]:
    """Accuracy over patients or lesions: the mean probability of a group's pictures of one class decides. A group that
    was refused altogether is wrong."""
    pairs = sorted({(s.group, s.label) for s in scores.samples})
    right, sources = [], []
    for group, label in pairs:
        rows = [i for i, s in enumerate(scores.samples) if (s.group, s.label) == (group, label)]
        answered = [i for i in rows if scores.answered[i]]
        top = scores.probability[answered].mean(axis=0).argmax() if answered else -1
        right.append(top >= 0 and scores.labels[top] == label)
        sources.append(scores.samples[rows[0]])
    name = f"accuracy_per_{scores.unit}"
    return {
        name: Bootstrap([group for group, _ in pairs]).ratio(np.array(right)),
        f"{name}_by_source": mean_by(sources, lambda s: s.source, np.array(right)),
    }


def _melanoma(scores: Scores) -> Figure:
    """The sensitivity for melanoma that a specificity of 80 % leaves, over the answered pictures."""
    kept = np.flatnonzero(scores.answered)
    own, score = scores.truth[kept, scores.labels.index(MELANOMA)], scores.probability[kept]
    score = score[:, scores.labels.index(MELANOMA)]
    boot = Bootstrap([scores.samples[i].group for i in kept])
    return boot.of(lambda i: sensitivity_at(own[i], score[i], MELANOMA_SPECIFICITY))


def _set_figures(scores: Scores) -> dict[str, Any]:
    """How often the prediction set holds the truth, and how large it is; nothing where the card has none."""
    told = [(i, r.prediction_set) for i, r in enumerate(scores.results) if r and r.prediction_set is not None]
    if not told or not (scores.card and scores.card.prediction_set):
        return {}
    rows, sets = [i for i, _ in told], [inside for _, inside in told]
    boot = Bootstrap([scores.samples[i].group for i in rows])
    covered = np.array([scores.samples[i].label in inside for i, inside in zip(rows, sets, strict=True)])
    top = scores.probability[rows].max(axis=1)
    band = np.digitize(top, BAND_ENDS[:-1], right=True)
    sizes, truth = np.array([len(inside) for inside in sets]), scores.truth[rows]
    figures = {
        "promised": scores.card.prediction_set.coverage,
        "coverage": boot.ratio(covered),
        "mean_size": boot.ratio(sizes),
        "single": boot.ratio(sizes == 1),
        "coverage_by_label": {
            label: boot.ratio(covered & own, own)
            for label, own in zip(scores.labels, truth.T, strict=True)
            if own.any()
        },
        "coverage_by_probability": {
            f"up to {end}": boot.ratio(covered & (band == place), band == place)
            for place, end in enumerate(BAND_ENDS)
            if (band == place).any()
        },
    }
    return {"prediction_set": figures}


def tumour_figures(samples: list[Sample], found: list[Analysis], model: str) -> dict[str, Any]:
    """Tumour against no tumour, for sets whose tumours have no type too: AUC of the answered slices, and accuracy, in
    which a refused slice counts as wrong."""
    free = scores_of(samples, found, ["no_tumour"], model)
    score, answered, truth = 1.0 - free.probability[:, 0], free.answered, ~free.truth[:, 0]
    right = answered & ((np.nan_to_num(score) >= 0.5) == truth)
    return {
        **_counts(free),
        "auc": free.boot.auc(truth, score, answered),
        "accuracy": free.boot.ratio(right),
        "sensitivity": free.boot.ratio(right & truth, truth),
        "specificity": free.boot.ratio(right & ~truth, ~truth),
        "accuracy_by_source": mean_by(samples, lambda s: s.source, right),
    }
