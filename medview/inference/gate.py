"""The gate: is this a picture medview may judge, and of which kind? It answers before any model does.

Three questions, cheapest first: is there a picture at all (size, contrast); which kind does the small `image-kind`
network take it for, and how surely; and do its features lie where those of the training pictures lay (Mahalanobis
distance, Lee et al. 2018, arXiv 1807.03888), since a softmax is sure of itself on pictures it never saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.inference.card import Card
from medview.inference.postprocess import softmax
from medview.inference.preprocess import preprocess
from medview.inference.registry import Model

GATE_MODEL = "image-kind"
OTHER = "other"
MIN_SIDE = 48
# Largest accepted ratio of the sides; a strip of pixels is no picture of a chest.
MAX_ASPECT = 4.0


@dataclass(frozen=True)
class Verdict:
    """What the gate says: the kind, every kind's probability, the feature distance, and why not (or None)."""

    kind: str
    scores: dict[str, float]
    distance: float | None
    reason: Failure | None


def check_picture(values: NDArray[Any]) -> Failure | None:
    """Refuse what is no picture: too small, a strip, or without contrast. `values` (rows, cols[, 3])."""
    rows, cols = values.shape[:2]
    if min(rows, cols) < MIN_SIDE:
        return Failure(
            Code.TOO_SMALL,
            f"The picture is {cols} x {rows} pixels; medview needs at least {MIN_SIDE} on each side.",
            "Open the original picture instead of a thumbnail.",
        )
    if max(rows, cols) > MAX_ASPECT * min(rows, cols):
        return Failure(
            Code.OTHER_KIND,
            f"The picture is a strip of {cols} x {rows} pixels, not a whole examination.",
            "Open the whole picture.",
        )
    sample = values[:: max(1, rows // 512), :: max(1, cols // 512)]
    low, high = np.percentile(sample, (1, 99))
    if not high > low:
        return Failure(
            Code.BLANK,
            "The picture is blank: nearly all of its pixels have one value.",
            "Check that the right file was exported, then open it again.",
            f"1st and 99th percentile are both {low:g}",
        )
    return None


def feature_distance(features: NDArray[Any], gate: dict[str, NDArray[Any]], kind: str) -> float:
    """How far pooled features (d,) lie from the training pictures of a kind: the Mahalanobis distance of a
    probabilistic PCA (Tipping and Bishop 1999), divided by the square root of d, so that 1 is usual.

    `gate` holds mean_<kind> (d,), directions_<kind> (k, d), variances_<kind> (k,) and residual_<kind> ().
    """
    x = np.asarray(features, np.float64) - gate[f"mean_{kind}"]
    along = gate[f"directions_{kind}"].astype(np.float64) @ x
    rest = max(float(x @ x - along @ along), 0.0)
    total = float(np.sum(along**2 / gate[f"variances_{kind}"])) + rest / float(gate[f"residual_{kind}"])
    return float(np.sqrt(total / len(x)))


def judge(model: Model, values: NDArray[Any], inverted: bool) -> Verdict:
    """Run the gate on a picture's values, (rows, cols) or (rows, cols, 3). Kind and scores are there even where the
    picture is refused as none, for those who force an analysis."""
    card = model.card
    outputs = model.network.run(preprocess(values, card.preprocess, inverted))
    probabilities = softmax(outputs["logits"][0].astype(np.float64) / card.temperature)
    scores = dict(zip((label.id for label in card.labels), (float(p) for p in probabilities), strict=True))
    kind = max((k for k in scores if k != OTHER), key=lambda k: scores[k])
    distance = feature_distance(outputs["features"][0], model.gate, kind) if f"mean_{kind}" in model.gate else None
    reason = (
        _not_ours(card, kind, scores) or _unfamiliar(card, kind, scores, distance) or _colourless(card, kind, values)
    )
    if reason and reason.code is Code.OTHER_KIND:
        kind = OTHER
    return Verdict(kind, scores, distance, check_picture(values) or reason)


def _names(card: Card) -> dict[str, str]:
    return {label.id: label.name for label in card.labels if label.id != OTHER}


def _hint(card: Card) -> str:
    *first, last = _names(card).values()
    return f"medview judges {', '.join(first)} or {last}; open such a picture."


def _not_ours(card: Card, kind: str, scores: dict[str, float]) -> Failure | None:
    """Refuse when `other` is as probable as for hardly any picture of the kind it is closest to."""
    if scores.get(OTHER, 0.0) < card.gate.get(f"max_other_{kind}", 0.5):
        return None
    return Failure(
        Code.OTHER_KIND,
        "This looks like none of the pictures medview can judge.",
        _hint(card),
        f"{OTHER} {scores[OTHER]:.3f}",
    )


def _unfamiliar(card: Card, kind: str, scores: dict[str, float], distance: float | None) -> Failure | None:
    """Refuse when two of our kinds are alike probable, or the features lie too far from those of the training."""
    share = scores[kind] / max(sum(p for k, p in scores.items() if k != OTHER), 1e-9)
    name = _names(card)[kind]
    if share < card.gate.get(f"min_share_{kind}", 0.0):
        return Failure(
            Code.UNFAMILIAR, f"medview is not sure what this picture shows; it is most like {name}.", _hint(card)
        )
    limit = card.gate.get(f"max_distance_{kind}", float("inf"))
    if distance is not None and distance > limit:
        return Failure(
            Code.UNFAMILIAR,
            f"This looks like {name}, but unlike those that the models learned from.",
            "Check that it is whole, upright and well exposed; without such a picture, trust no model here.",
            f"feature distance {distance:.2f}, limit {limit:.2f}",
        )
    return None


def _colourless(card: Card, kind: str, values: NDArray[Any]) -> Failure | None:
    """Refuse a grey picture of a kind that only exists in colour."""
    if values.ndim == 3 or not card.gate.get(f"needs_colour_{kind}"):
        return None
    return Failure(
        Code.OTHER_KIND,
        f"This picture has no colours, and so it is not {_names(card)[kind]}.",
        "Open the picture in colour, as the camera took it.",
    )
