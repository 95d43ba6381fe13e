"""The gate: is this a picture medview may judge, and of which kind? It answers before any model does.

Four questions: is there a picture at all (size, contrast); which kind does the small `image-kind` network take it for,
and how surely; do its features lie where those of the training pictures lay (Mahalanobis distance, Lee et al. 2018,
arXiv 1807.03888), since a softmax is sure of itself on pictures it never saw; and is it good enough (exposure,
sharpness, and by the same features polarity and rotation: `medview.inference.quality`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.inference.card import Card
from medview.inference.corrections import INVERT, Correction, quarter_turns, rotation, undone
from medview.inference.field import find_field
from medview.inference.lungs import find_lungs
from medview.inference.postprocess import sigmoid, softmax
from medview.inference.preprocess import preprocess
from medview.inference.quality import (
    ORIENTATION_LIMITS,
    QualityNote,
    check_picture,
    lung_notes,
    measure,
    notes,
    orientation_notes,
    sequence_notes,
    view_notes,
    worst_first,
)
from medview.inference.region import WHOLE, Region
from medview.inference.registry import Model
from medview.inference.resample import shrunk

GATE_MODEL = "image-kind"
OTHER = "other"
# A third of the least mean difference of the colour channels in the skin pictures of val: what JPEG makes of grey.
LEAST_CHROMA = 0.01
# What is looked at by itself of a picture that may only look like one of ours as a whole: two corners and the middle.
PARTS = (Region(0.0, 0.0, 0.6, 0.6), Region(0.2, 0.2, 0.8, 0.8), Region(0.4, 0.4, 1.0, 1.0))


@dataclass(frozen=True)
class Verdict:
    """What the gate says.

    Attributes:
        kind: `other` where the picture is none of ours; empty where that is not sure.
        scores: every kind's probability. distance: of the features, see `feature_distance`.
        reason: why no model may judge it, or None.
        quality: what is wrong with it, refusals first.
        lungs: where they were found; None where nobody looked, for it is no chest film; all of a film that lies or is a
            negative, on which they would be found in a wrong place.
    """

    kind: str
    scores: dict[str, float]
    distance: float | None
    reason: Failure | None
    quality: tuple[QualityNote, ...] = ()
    lungs: Region | None = None


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


def orientation(features: NDArray[Any], gate: dict[str, NDArray[Any]], kind: str) -> dict[str, float]:
    """How probably a picture of a kind, by its pooled features (d,), is `inverted`, `sideways` or `upside_down`.

    `gate` holds orientation_weights_<kind> (6, d) and orientation_bias_<kind> (6,): the states of
    `medview.inference.quality.ORIENTATIONS`.
    """
    weights, bias = gate[f"orientation_weights_{kind}"], gate[f"orientation_bias_{kind}"]
    p = softmax(weights.astype(np.float64) @ np.asarray(features, np.float64) + bias)
    _, sideways, upside_down = p[:3] + p[3:]
    return {"inverted": float(p[3:].sum()), "sideways": float(sideways), "upside_down": float(upside_down)}


def parts_of(values: NDArray[Any], field: Region) -> list[NDArray[Any]]:
    """The parts of a picture (rows, cols[, 3]) that `lookalike` judges, of its lit `field`."""
    lit = field.cut(values)
    return [part.cut(lit) for part in PARTS]


def lookalike(features: NDArray[Any], gate: dict[str, NDArray[Any]], kind: str) -> float:
    """How probably a picture, by the features (n, d) of its parts, only looks like a kind as a whole.

    `gate` holds lookalike_weights_<kind> (d,) and lookalike_bias_<kind> ().
    """
    weights, bias = gate[f"lookalike_weights_{kind}"], gate[f"lookalike_bias_{kind}"]
    return float(sigmoid((np.asarray(features, np.float64) @ weights + bias).mean()))


@dataclass(frozen=True)
class Look:
    """One run of the gate's network: the most probable of our kinds, the scores of all, features and their distance."""

    kind: str
    scores: dict[str, float]
    features: NDArray[Any]
    distance: float | None

    @classmethod
    def of(cls, card: Card, logits: NDArray[Any], features: NDArray[Any], gate: dict[str, NDArray[Any]]) -> Look:
        """What logits (classes,) and features (d,) say; `gate` as in `feature_distance`."""
        probabilities = softmax(logits.astype(np.float64) / card.temperature)
        scores = dict(zip((label.id for label in card.labels), (float(p) for p in probabilities), strict=True))
        kind = max((k for k in scores if k != OTHER), key=lambda k: scores[k])
        distance = feature_distance(features, gate, kind) if f"mean_{kind}" in gate else None
        return cls(kind, scores, features, distance)


def _look(model: Model, tensor: NDArray[np.float32]) -> Look:
    outputs = model.network.run(tensor)
    return Look.of(model.card, outputs["logits"][0], outputs["features"][0], model.gate)


def judge(
    model: Model,
    values: NDArray[Any],
    inverted: bool,
    lateral: bool = False,
    not_t1: Text | None = None,
    small: NDArray[Any] | None = None,
    corrections: Sequence[Correction] = (),
    said: str = "",
) -> Verdict:
    """Run the gate on a picture's values, (rows, cols) or (rows, cols, 3), as they are after the `corrections`.

    A kind is accepted only where the picture is of it as it lies in the file and after the corrections: no correction
    makes one of ours of what is none. `said`: the kind by the user's word, which overrules the gate's; what the gate
    thinks of it is noted. `lateral`: its file calls it a lateral view; `not_t1`: why it says that an MR slice is not
    T1-weighted.
    `small` is what `shrunk` makes of the values, where the caller has it. Scores are there even where the picture is
    refused, for those who force an analysis.
    """
    card = model.card
    small = shrunk(values) if small is None else small
    tensor = preprocess(small, card.preprocess, inverted)
    look = _look(model, tensor)
    scores, distance = look.scores, look.distance
    unusable = check_picture(values)
    if unusable:
        return Verdict(said, scores, distance, unusable.failure(), (unusable,))
    filed = _look(model, _corrected_input(tensor, undone(corrections))) if corrections else look
    kind = said or look.kind
    # Black surroundings say nothing of how well the skin was taken.
    field = find_field(values) if "skin_lesion" in (kind, look.kind) else WHOLE
    measures = measure(values, inverted, field if kind == "skin_lesion" else WHOLE)
    reason = refusal(card, filed) or refusal(card, look) or _changed(card, filed, look)
    reason = reason or _colourless(card, look.kind, measures.chroma)
    reason = reason or _in_parts(model, look.kind, parts_of(small, field), inverted, corrections)
    measured = notes(measures, kind)
    told = (*view_notes(kind, lateral), *sequence_notes(kind, not_t1), *measured)
    coloured = next((note for note in measured if note.code is Code.OTHER_KIND), None)
    if coloured and not said:
        reason = reason or coloured.failure()
    if reason and not said:
        if reason.code is Code.OTHER_KIND:
            return Verdict(OTHER, scores, distance, reason)
        # What may be wrong with it is told, but not corrected: a correction is for what is ours already.
        quality = worst_first(tuple(note for note in told if not note.correction))
        unfit = next((note.failure() for note in quality if note.severity == "refuse"), None)
        return Verdict("", scores, distance, unfit or reason, quality)
    turned = _turned(model, tensor, look, kind)
    # On a film that lies or is a negative the lungs need not be found; the note about that is enough.
    chest = kind == "chest_xray"
    lungs = find_lungs(small, inverted) if chest and not turned else None
    quality = worst_first((*lung_notes(lungs), *turned, *told))
    if said:
        doubts = () if reason is None and look.kind == said else (_doubt(card, said, look, reason),)
        # The user knows better what it is; how good it is is measured all the same.
        quality = worst_first((*doubts, *(_softened(note) for note in quality)))
    unfit = next((note.failure() for note in quality if note.severity == "refuse"), None)
    return Verdict(kind, scores, distance, unfit, quality, WHOLE if chest and turned else lungs)


def _changed(card: Card, filed: Look, look: Look) -> Failure | None:
    """Refuse a picture that is of one kind as it lies in the file and of another one after the corrections."""
    if filed.kind == look.kind:
        return None
    names = _names(card)
    text = Text(
        "As it lies in the file this looks like {filed}, after the change like {changed}.",
        filed=names[filed.kind],
        changed=names[look.kind],
    )
    return Failure(Code.UNFAMILIAR, text, Text("Show it as it is in the file."))


def _doubt(card: Card, said: str, look: Look, reason: Failure | None) -> QualityNote:
    """The note about a picture that the user calls of a kind and the gate does not: the measure is the probability of
    that kind."""
    seen = OTHER if reason and reason.code is Code.OTHER_KIND else look.kind
    names = {label.id: label.name for label in card.labels}
    about = {"said": names.get(said, said), "seen": names[seen]}
    if seen != said:
        text = Text("You say that this is {said}; medview takes it for {seen}.", **about)
    else:
        text = Text("You say that this is {said}; medview finds it unlike those that the models learned from.", **about)
    return QualityNote(
        Code.UNFAMILIAR,
        look.scores.get(said, 0.0),
        card.gate.get(f"min_probability_{said}", 0.5),
        text,
        Text("If it is anything else, none of the numbers means anything."),
    )


def _softened(note: QualityNote) -> QualityNote:
    return replace(note, severity="warn") if note.code is Code.OTHER_KIND else note


def refusal(card: Card, look: Look) -> Failure | None:
    """Why the card's limits refuse a picture that looks so, or None."""
    return _not_ours(card, look.kind, look.scores) or _unfamiliar(card, look.kind, look.scores, look.distance)


def _corrected_input(tensor: NDArray[np.float32], corrections: Sequence[Correction]) -> NDArray[np.float32]:
    """The network's input (1, 3, rows, cols) after the corrections; its scale is symmetric, so that a negative is the
    picture with the other sign."""
    turned = np.rot90(tensor, -quarter_turns(corrections), axes=(2, 3))
    return np.ascontiguousarray(-turned if INVERT in corrections else turned)


def _turned(model: Model, tensor: NDArray[np.float32], look: Look, kind: str) -> tuple[QualityNote, ...]:
    """Notes about polarity and rotation of a picture of a kind. To the features a picture that lies on its left side is
    nearly the mirror image of one on its right side, so a second run, after a quarter turn, tells which of the two it
    is."""
    gate = model.gate
    if f"orientation_weights_{kind}" not in gate:
        return ()
    found = orientation(look.features, gate, kind)
    limits = [model.card.gate[name] for name in ORIENTATION_LIMITS]
    turned = (0.0, found["upside_down"], 0.0)
    if found["sideways"] > found["upside_down"]:
        after = orientation(_look(model, _corrected_input(tensor, [rotation(1)])).features, gate, kind)
        wrong = after["upside_down"] > 1 - after["upside_down"] - after["sideways"]
        turned = (0.0, turned[1], found["sideways"]) if wrong else (found["sideways"], turned[1], 0.0)
    return orientation_notes(found["inverted"], turned, *limits)


def _names(card: Card) -> dict[str, str]:
    return {label.id: label.name for label in card.labels if label.id != OTHER}


def _hint(card: Card) -> Text:
    *first, last = _names(card).values()
    return Text("medview judges {kinds} or {last}; open such a picture.", kinds=", ".join(first), last=last)


def _not_ours(card: Card, kind: str, scores: dict[str, float]) -> Failure | None:
    """Refuse when `other` is as probable as for hardly any picture of the kind it is closest to, or that kind too
    little probable."""
    least = card.gate.get(f"min_probability_{kind}", 0.0)
    if scores.get(OTHER, 0.0) < card.gate.get(f"max_other_{kind}", 0.5) and scores[kind] >= least:
        return None
    return Failure(
        Code.OTHER_KIND,
        Text("This looks like none of the pictures medview can judge."),
        _hint(card),
        f"{OTHER} {scores.get(OTHER, 0.0):.3f}, {kind} {scores[kind]:.3f}, at least {least:.3f}",
    )


def _unfamiliar(card: Card, kind: str, scores: dict[str, float], distance: float | None) -> Failure | None:
    """Refuse when two of our kinds are alike probable, or the features lie too far from those of the training."""
    share = scores[kind] / max(sum(p for k, p in scores.items() if k != OTHER), 1e-9)
    name = _names(card)[kind]
    if share < card.gate.get(f"min_share_{kind}", 0.0):
        return Failure(
            Code.UNFAMILIAR,
            Text("medview is not sure what this picture shows; it is most like {kind}.", kind=name),
            _hint(card),
        )
    limit = card.gate.get(f"max_distance_{kind}", float("inf"))
    if distance is not None and distance > limit:
        return Failure(
            Code.UNFAMILIAR,
            Text("This looks like {kind}, but unlike those that the models learned from.", kind=name),
            Text("Check that it is whole, upright and well exposed; without such a picture, trust no model here."),
            f"feature distance {distance:.2f}, limit {limit:.2f}",
        )
    return None


def _in_parts(
    model: Model, kind: str, parts: list[NDArray[Any]], inverted: bool, corrections: Sequence[Correction]
) -> Failure | None:
    """Refuse a picture that is like a kind as a whole and not in its `parts`, as it lies in the file or after the
    corrections."""
    card, gate = model.card, model.gate
    if f"lookalike_weights_{kind}" not in gate:
        return None
    tensors = [preprocess(part, card.preprocess, inverted) for part in parts]
    views = [tensors] + ([[_corrected_input(tensor, undone(corrections)) for tensor in tensors]] if corrections else [])
    found = [lookalike(np.concatenate([model.network.run(t)["features"] for t in view]), gate, kind) for view in views]
    limit = card.gate[f"max_lookalike_{kind}"]
    if max(found) <= limit:
        return None
    return Failure(
        Code.OTHER_KIND,
        Text(
            "As a whole this looks like {kind}, but its parts do not; it is probably another photo.",
            kind=_names(card)[kind],
        ),
        _hint(card),
        f"lookalike {max(found):.3f}, limit {limit:.3f}",
    )


def _colourless(card: Card, kind: str, chroma: float) -> Failure | None:
    """Refuse a grey picture, however it is stored, of a kind that only exists in colour."""
    if chroma > LEAST_CHROMA or not card.gate.get(f"needs_colour_{kind}"):
        return None
    return Failure(
        Code.OTHER_KIND,
        Text("This picture has no colours, and so it is not {kind}.", kind=_names(card)[kind]),
        Text("Open the picture in colour, as the camera took it."),
    )
