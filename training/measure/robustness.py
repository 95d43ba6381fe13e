"""How the figures fall when pictures get worse: turned, badly exposed, windowed otherwise, blurred, noisy, compressed,
small, inverted, or seen through a round opening; and how the answers move along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.inference.analysis import Analysis
from medview.inference.engine import Engine
from medview.inference.gate import GATE_MODEL
from medview.inference.request import AUTO, AnalysisRequest
from medview.inference.resample import stretch
from training.config import Config
from training.data.batches import frame_of
from training.data.samples import Sample
from training.measure.mask_figures import reference_mask
from training.measure.metrics import Bootstrap, Figure, dice

# Segmentation networks and the gate's set, which runs every model, cost several times as much a picture.
PICTURES = {"classify": 200, "multilabel": 200, "segment": 30}
GATE_PICTURES = 100
SEED = 20261120

Values = NDArray[np.uint8]


@dataclass(frozen=True)
class Change:
    """One way to make a picture worse, at its levels from mild to strong."""

    unit: str
    levels: tuple[float, ...]
    apply: Callable[[Values, float], Values]


def _turn(values: Values, degrees: float) -> Values:
    rows, cols = values.shape[:2]
    matrix = cv2.getRotationMatrix2D(((cols - 1) / 2, (rows - 1) / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(values, matrix, (cols, rows), flags=cv2.INTER_LINEAR))


def _expose(values: Values, gamma: float) -> Values:
    table = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return table[values]


def _window(values: Values, width: float) -> Values:
    """The picture in a window of a width in percent of its grey range, about the middle of that: a narrower one loses
    the darkest and the brightest, a wider one leaves less contrast."""
    low, high = float(values.min()), float(values.max())
    middle, half = (low + high) / 2, max(high - low, 1) / 2
    shown = 127.5 + 127.5 * (np.arange(256) - middle) / (half * width / 100)
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)[values]


def _blur(values: Values, share: float) -> Values:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), share / 100 * min(values.shape[:2])))


def _noise(values: Values, sigma: float) -> Values:
    noise = np.random.default_rng(SEED).normal(0.0, sigma, values.shape)
    return np.clip(np.rint(values + noise), 0, 255).astype(np.uint8)


def _compress(values: Values, quality: float) -> Values:
    coded = cv2.imencode(".jpg", values, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE if values.ndim == 2 else cv2.IMREAD_COLOR))


def _shrink(values: Values, side: float) -> Values:
    """Down to `side` pixels on the shorter side and back, so that outlines stay comparable."""
    rows, cols = values.shape[:2]
    factor = min(1.0, side / min(rows, cols))
    small = cv2.resize(values, (round(cols * factor), round(rows * factor)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (cols, rows), interpolation=cv2.INTER_LINEAR))


def _invert(values: Values, _: float) -> Values:
    return 255 - values


def _round(values: Values, radius: float) -> Values:
    """Black but for a circle in the middle, of a radius in percent of the width."""
    rows, cols = values.shape[:2]
    across, down = np.meshgrid(np.arange(cols) - (cols - 1) / 2, np.arange(rows) - (rows - 1) / 2)
    out = values.copy()
    out[np.hypot(across, down) > radius / 100 * cols] = 0
    return out


CHANGES = {
    "rotation": Change("degrees", (5, 10, 20, 45), _turn),
    "exposure, too bright": Change("gamma", (0.8, 0.6, 0.4), _expose),
    "exposure, too dark": Change("gamma", (1.25, 1.7, 2.5), _expose),
    "narrower window": Change("% of the grey range", (80, 60, 40), _window),
    "wider window": Change("% of the grey range", (125, 170, 250), _window),
    "blur": Change("sigma, % of the shorter side", (0.5, 1, 2), _blur),
    "noise": Change("standard deviation, of 255 grey levels", (5, 15, 30), _noise),
    "JPEG": Change("quality", (50, 25, 10), _compress),
    "resolution": Change("pixels on the shorter side", (112, 80, 56), _shrink),
    "inverted polarity": Change("inverted", (1,), _invert),
    "round field": Change("radius, % of the width", (55, 48, 42), _round),
}


def as_8bit(values: NDArray[Any]) -> Values:
    """Values as the changes take them: uint8, deeper ones stretched as the models do."""
    return values if values.dtype == np.uint8 else np.rint(255 * stretch(values)).astype(np.uint8)


@dataclass(frozen=True)
class Outcome:
    """What came of one picture at one level: Dice, right or wrong (0, 1), or probabilities by label; and whether the
    gate would have refused it."""

    score: float
    refused: bool
    probabilities: dict[str, float]


def robustness(engine: Engine, samples: list[Sample], config: Config) -> dict[str, Any]:
    """One curve per change, over a fixed random part of the samples. The model answers even where the gate would
    refuse, and the share of refusals is told beside it."""
    chosen = choose(samples, config)
    if not chosen:
        return {}
    none: tuple[str, float] = ("", 0.0)
    found: dict[tuple[str, float], list[Outcome]] = {none: []}
    for sample in chosen:
        values = frame_of(sample).modality_values()
        if isinstance(values, Failure):
            raise ValueError(f"{sample.path}: {values.text}")
        picture = as_8bit(values)
        found[none].append(_outcome(engine, config, sample, picture, None))
        for name, change in CHANGES.items():
            for level in change.levels:
                changed = change.apply(picture, level)
                turned = level if name == "rotation" else None
                found.setdefault((name, level), []).append(_outcome(engine, config, sample, changed, turned))
    groups = [s.group for s in chosen]
    points = {key: _point(config, chosen, groups, outcomes) for key, outcomes in found.items()}
    return {
        "figure": FIGURES[config.task] if config.id != GATE_MODEL else "accuracy",
        "pictures": len(chosen),
        "unchanged": points[none],
        "changes": {
            name: {
                "unit": change.unit,
                "levels": [{"level": level, **points[name, level]} for level in change.levels],
            }
            for name, change in CHANGES.items()
        },
    }


def stability(engine: Engine, samples: list[Sample], config: Config) -> dict[str, Any]:
    """How wide the band is that the program shows beside a probability, over the small changes of
    `medview.inference.stability`, and how often the answer changes with them; of the most probable label, or of several
    labels a picture their mean. Over the same part of the samples as `robustness`; nothing for masks and the gate."""
    if config.task == "segment" or config.id == GATE_MODEL:
        return {}
    rows = []
    for sample in choose(samples, config):
        frame = frame_of(sample)
        analysis = engine.analyse(AnalysisRequest(frame, str(sample.path), model=config.id, force=True, stability=True))
        for result in analysis.results:
            if result.stability and result.probabilities:
                told = result.probabilities
                asked = [max(told, key=told.__getitem__)] if config.task == "classify" else [*told]
                width = float(np.mean([result.stability[k][1] - result.stability[k][0] for k in asked]))
                rows.append((sample.group, width, bool(result.unstable)))
    if not rows:
        return {}
    groups, widths, changed = zip(*rows, strict=True)
    boot = Bootstrap(groups)
    return {"mean_band": boot.ratio(np.array(widths)), "answer_changes": boot.ratio(np.array(changed))}


FIGURES = {"classify": "accuracy", "multilabel": "mean AUC", "segment": "mean Dice"}


def choose(samples: list[Sample], config: Config) -> list[Sample]:
    """The fixed random part: of samples whose truth is known, for a segmentation those with something to outline."""
    if config.task == "segment":
        known = [s for s in samples if s.mask]
    elif config.task == "multilabel":
        known = samples
    else:
        known = [s for s in samples if s.label in config.labels]
    count = GATE_PICTURES if config.id == GATE_MODEL else PICTURES[config.task]
    rng = np.random.default_rng(SEED)
    return [known[i] for i in sorted(rng.choice(len(known), min(count, len(known)), replace=False))]


def _outcome(engine: Engine, config: Config, sample: Sample, picture: Values, turned: float | None) -> Outcome:
    gate = config.id == GATE_MODEL
    frame = frame_of(sample)
    analysis = engine.analyse(
        AnalysisRequest(frame, str(sample.path), picture, AUTO if gate else config.id, force=not gate)
    )
    if analysis.status == "error" and analysis.reason:
        raise ValueError(f"{sample.path}: {analysis.reason.text} ({analysis.reason.detail})")
    refused = analysis.reason is not None
    if gate:
        return Outcome(float(accepted_rightly(sample, analysis)), refused, {})
    result = analysis.results[0]
    if result.mask is not None:
        reference = reference_mask(sample, picture.shape[:2])
        if turned is not None:
            reference = _turn(reference.astype(np.uint8) * np.uint8(255), turned) > 127
        marked = result.mask.pixels.astype(bool)
        counts = int(marked.sum()), int(reference.sum()), int((marked & reference).sum())
        return Outcome(dice(*counts), refused, {})
    probabilities = result.probabilities or {}
    top = max(probabilities, key=lambda label: probabilities[label])
    return Outcome(float(top == sample.label), refused, probabilities)


def _called(config: Config, outcomes: list[Outcome]) -> dict[str, dict[str, float]]:
    """The share of pictures with each label as the answer, of a one-of-n model."""
    tops = [max(o.probabilities, key=o.probabilities.__getitem__) for o in outcomes if o.probabilities]
    if config.task != "classify" or not tops:
        return {}
    return {"called": {label: tops.count(label) / len(tops) for label in config.labels}}


def accepted_rightly(sample: Sample, analysis: Analysis) -> bool:
    """Whether the gate took a picture of ours for what it is, or refused one that is none."""
    if sample.label == "other":
        return analysis.status == "refused"
    return analysis.status != "refused" and analysis.kind == sample.label


def _point(config: Config, samples: list[Sample], groups: list[str], outcomes: list[Outcome]) -> dict[str, Any]:
    boot = Bootstrap(groups)
    refused = {"refused": float(np.mean([o.refused for o in outcomes]))}
    if config.task != "multilabel":
        return {**boot.ratio(np.array([o.score for o in outcomes])), **refused, **_called(config, outcomes)}
    shown = list(outcomes[0].probabilities)
    truth = np.array([[label in s.allowed for label in shown] for s in samples])
    score = np.array([[o.probabilities[label] for label in shown] for o in outcomes])
    figure: Figure = boot.mean_auc(truth, score, np.ones(len(samples), np.bool_))
    return {**figure, **refused}
