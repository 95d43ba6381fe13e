"""Figures of a shipped model, through `medview.inference` as the program runs it: gate, preprocessing, ONNX file."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.imaging.raster import decode_mask
from medview.inference.analysis import Analysis
from medview.inference.engine import AUTO, Engine
from medview.inference.gate import GATE_MODEL
from medview.report.export import write_atomic
from training.batches import frame_of
from training.config import Config
from training.metrics import (
    Figure,
    balanced_accuracy,
    calibration_error,
    confusion,
    dice,
    interval,
    macro_auc,
)
from training.samples import Sample

log = logging.getLogger("training")


def answers(engine: Engine, samples: list[Sample], model: str) -> list[Analysis]:
    """`medview analyze` of every sample, in order.

    Raises ValueError for a file that cannot be opened, and for any model that fails: half a program has no figures.
    """
    found = []
    for number, sample in enumerate(samples):
        analysis = engine.analyse(frame_of(sample), str(sample.path), model=model)
        for failure in (analysis.reason if analysis.status == "error" else None, *analysis.warnings):
            if failure:
                raise ValueError(f"{sample.path}: {failure.text} ({failure.detail})")
        found.append(analysis)
        if number % 500 == 499:
            log.info("%d of %d", number + 1, len(samples))
    return found


def per_group(
    samples: list[Sample], key: Callable[[Sample], str], figure: Callable[[NDArray[np.int64]], float]
) -> dict[str, Figure]:
    """A figure with its interval for every source, framing or type."""
    result = {}
    for name in sorted({key(s) for s in samples}):
        rows = np.array([i for i, s in enumerate(samples) if key(s) == name])
        groups = [samples[i].group for i in rows]
        counts = {"images": len(rows), "groups": len(set(groups))}
        result[name or "unknown"] = {**interval(groups, _on_rows(figure, rows)), **counts}
    return result


def _on_rows(
    figure: Callable[[NDArray[np.int64]], float], rows: NDArray[np.int64]
) -> Callable[[NDArray[np.int64]], float]:
    """`figure` over a part of the samples: its indices count within `rows`."""
    return lambda i: figure(rows[i])


def _recall(truth: NDArray[Any], guess: NDArray[Any], index: int) -> Callable[[NDArray[np.int64]], float]:
    def figure(i: NDArray[np.int64]) -> float:
        own = truth[i] == index
        return float((guess[i][own] == index).mean()) if own.any() else float("nan")

    return figure


def classifier_figures(samples: list[Sample], found: list[Analysis], labels: list[str], model: str) -> dict[str, Any]:
    """Accuracy and the rest. A refused picture counts as a wrong answer everywhere but in AUC and calibration, which
    are over the answered pictures."""
    kept = [(s, a) for s, a in zip(samples, found, strict=True) if s.label in labels]
    samples, found = [s for s, _ in kept], [a for _, a in kept]
    truth = np.array([labels.index(s.label) for s in samples])
    probability = np.full((len(samples), len(labels)), np.nan)
    for row, analysis in enumerate(found):
        for result in analysis.results:
            if result.card.id == model and result.probabilities:
                probability[row] = [result.probabilities[label] for label in labels]
    answered = np.isfinite(probability[:, 0])
    guess = np.where(answered, np.nan_to_num(probability).argmax(axis=1), len(labels))
    groups = [s.group for s in samples]

    def accuracy(i: NDArray[np.int64]) -> float:
        return float((guess[i] == truth[i]).mean())

    def over_answered(figure: Callable[..., float]) -> Callable[[NDArray[np.int64]], float]:
        return lambda i: figure(truth[i][answered[i]], probability[i][answered[i]])

    return {
        "images": len(samples),
        "groups": len(set(groups)),
        "refused": int((~answered).sum()),
        "accuracy": interval(groups, accuracy),
        "balanced_accuracy": interval(groups, lambda i: balanced_accuracy(truth[i], guess[i])),
        "macro_auc": interval(groups, over_answered(macro_auc)),
        "ece": interval(groups, over_answered(calibration_error)),
        "recall": {
            label: interval(groups, _recall(truth, guess, c)) for c, label in enumerate(labels) if (truth == c).any()
        },
        "confusion": {"labels": [*labels, "refused"], "rows": confusion(truth, guess, len(labels))},
        "accuracy_by_source": per_group(samples, lambda s: s.source, accuracy),
        "accuracy_by_framing": per_group(samples, lambda s: s.framing, accuracy) if samples[0].framing else {},
    }


def tumour_figures(samples: list[Sample], found: list[Analysis], model: str) -> dict[str, Any]:
    """Tumour against no tumour, for sets whose tumours have no type too: AUC of the answered slices, and accuracy, in
    which a refused slice counts as wrong."""
    score = np.full(len(samples), np.nan)
    for row, analysis in enumerate(found):
        for result in analysis.results:
            if result.card.id == model and result.probabilities:
                score[row] = 1.0 - result.probabilities["no_tumour"]
    truth = np.array([int(s.label != "no_tumour") for s in samples])
    answered = np.isfinite(score)
    right = answered & ((score >= 0.5) == truth)
    groups = [s.group for s in samples]

    def auc(i: NDArray[np.int64]) -> float:
        i = i[answered[i]]
        return macro_auc(truth[i], np.stack([1 - score[i], score[i]], axis=1))

    def accuracy(i: NDArray[np.int64]) -> float:
        return float(right[i].mean())

    return {
        "images": len(samples),
        "refused": int((~answered).sum()),
        "auc": interval(groups, auc),
        "accuracy": interval(groups, accuracy),
        "accuracy_by_source": per_group(samples, lambda s: s.source, accuracy),
    }


def mask_figures(samples: list[Sample], found: list[Analysis], model: str) -> dict[str, Any]:
    """Dice per patient (all slices of a patient pooled) and per slice, by tumour type; share of tumour-free slices on
    which anything is marked. A refused slice counts as marked empty."""
    counts = np.zeros((len(samples), 3))
    refused = 0
    for row, (sample, analysis) in enumerate(zip(samples, found, strict=True)):
        mask = next((r.mask for r in analysis.results if r.card.id == model), None)
        refused += mask is None
        frame = frame_of(sample)
        size = (frame.rows, frame.cols)
        marked = mask.pixels.astype(bool) if mask else np.zeros(size, bool)
        reference = decode_mask(sample.mask.read_bytes(), size).astype(bool) if sample.mask else np.zeros(size, bool)
        counts[row] = marked.sum(), reference.sum(), (marked & reference).sum()
    tumour = [i for i, s in enumerate(samples) if counts[i, 1] > 0 and s.source == "figshare"]
    free = [i for i, s in enumerate(samples) if s.tags == ("no_tumour",)]

    def patients(rows: list[int]) -> tuple[list[str], NDArray[np.float64]]:
        names = sorted({samples[i].group for i in rows})
        sums = [counts[[i for i in rows if samples[i].group == n]].sum(axis=0) for n in names]
        return names, np.array([dice(*s) for s in sums])

    def mean_dice(rows: list[int]) -> Figure:
        names, values = patients(rows)
        return {**interval(names, lambda i: float(values[i].mean())), "patients": len(names), "slices": len(rows)}

    slices = np.array([dice(*c) for c in counts])
    by_type = {
        t: mean_dice([i for i in tumour if samples[i].tags == (t,)]) for t in ("meningioma", "glioma", "pituitary")
    }
    marked_free = counts[free, 0] > 0
    return {
        "images": len(samples),
        "refused": refused,
        "dice_per_patient": mean_dice(tumour),
        "dice_per_patient_by_type": by_type,
        "dice_per_slice": interval(
            [samples[i].group for i in tumour], lambda i: float(slices[np.array(tumour)[i]].mean())
        ),
        "tumour_free_marked": interval([samples[i].group for i in free], lambda i: float(marked_free[i].mean())),
        "tumour_free_marked_by_source": per_group(
            [samples[i] for i in free], lambda s: s.source, lambda i: float(marked_free[i].mean())
        ),
    }


def gate_figures(samples: list[Sample], found: list[Analysis]) -> dict[str, Any]:
    """Share of in-domain pictures accepted as the right kind, and of others refused; by source, with the reasons."""
    right = np.array(
        [
            a.status == "refused" if s.label == "other" else a.status != "refused" and a.kind == s.label
            for s, a in zip(samples, found, strict=True)
        ]
    )
    groups = [s.group for s in samples]
    figures: dict[str, Any] = {
        "images": len(samples),
        "accuracy": interval(groups, lambda i: float(right[i].mean())),
        "by_kind": per_group(samples, lambda s: s.label, lambda i: float(right[i].mean())),
        "by_source": per_group(samples, lambda s: f"{s.label}: {s.source}", lambda i: float(right[i].mean())),
        "refusals": {},
    }
    for analysis in found:
        if analysis.reason:
            figures["refusals"][analysis.reason.code] = figures["refusals"].get(analysis.reason.code, 0) + 1
    return figures


def evaluate(config: Config, samples: list[Sample], folder: Path) -> dict[str, Any]:
    """All figures of a model on every evaluation split. `folder` is models_onnx."""
    engine = Engine(folder)
    splits = ["test", *sorted({s.split for s in samples} - {"train", "val", "test"})]
    cards = engine.registry.cards
    if config.id not in cards:
        raise ValueError(f"{folder} holds no model {config.id}: python -m training export {config.id}")
    stage = cards[config.id].first_stage
    others = [GATE_MODEL, *([stage.model] if stage else [])]
    report: dict[str, Any] = {
        "model": config.id,
        "sha256": cards[config.id].sha256,
        "together_with": {id: cards[id].sha256 for id in others if id in cards and id != config.id},
        "splits": {},
    }
    for split in splits:
        chosen = [s for s in samples if s.split == split]
        found = answers(engine, chosen, AUTO)
        figures = _figures(config, chosen, found)
        if config.task == "classify" and config.id != GATE_MODEL and "accuracy" in figures:
            alone = classifier_figures(
                chosen, without_gate(engine, chosen, found, config.id), [*config.labels], config.id
            )
            figures["without_gate"] = {name: alone[name] for name in ("accuracy", "balanced_accuracy", "macro_auc")}
        report["splits"][split] = figures
    return report


def without_gate(engine: Engine, samples: list[Sample], found: list[Analysis], model: str) -> list[Analysis]:
    """The analyses with every refused picture forced, for figures of the model alone."""
    return [
        engine.analyse(frame_of(s), str(s.path), model=model, force=True) if a.status == "refused" else a
        for s, a in zip(samples, found, strict=True)
    ]


def _figures(config: Config, samples: list[Sample], found: list[Analysis]) -> dict[str, Any]:
    if config.id == GATE_MODEL:
        return gate_figures(samples, found)
    if config.task == "segment":
        return mask_figures(samples, found, config.id)
    figures: dict[str, Any] = {}
    if {s.label for s in samples} & set(config.labels) - {"no_tumour"}:
        figures = classifier_figures(samples, found, list(config.labels), config.id)
    if "no_tumour" in config.labels:
        figures["tumour"] = tumour_figures(samples, found, config.id)
    return figures


def write_report(report: dict[str, Any], folder: Path) -> None:
    """Write evaluation.json into the model's folder."""
    text = json.dumps(_rounded(report), indent=1, ensure_ascii=False) + "\n"
    write_atomic(folder / report["model"] / "evaluation.json", text.encode())


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return value
