"""From a network's outputs to what people read: probabilities, findings, heatmaps, masks. One adapter per task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.inference.analysis import Mask
from medview.inference.card import Card
from medview.inference.region import WHOLE, Region


@dataclass(frozen=True)
class Reading:
    """What an adapter makes of the outputs; `Result` without the facts of the run."""

    probabilities: dict[str, float] | None
    findings: tuple[str, ...]
    mask: Mask | None = None
    heatmaps: dict[str, NDArray[np.float32]] | None = None
    prediction_set: tuple[str, ...] | None = None


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Softmax over the last axis, in float64."""
    x = np.asarray(logits, np.float64)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def sigmoid(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Logistic function in float64, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(logits, np.float64))))


def class_heatmaps(maps: NDArray[Any], labels: list[str], one_of_n: bool) -> dict[str, NDArray[np.float32]]:
    """Class activation maps (classes, h, w) to heatmaps 0-1 on one common scale.

    For one-of-n only differences between classes count, so the mean over the classes is taken off first. Evidence
    against a class is not shown. All maps share one scale: a class without evidence stays dark instead of being blown
    up.
    """
    x = np.asarray(maps, np.float32)
    if one_of_n:
        x = x - x.mean(axis=0, keepdims=True)
    x = np.maximum(x, 0.0)
    top = float(x.max())
    x = x / np.float32(top) if top > 0 else x
    return {label: x[index] for index, label in enumerate(labels)}


def frame_maps(outputs: dict[str, NDArray[Any]], rule: str, region: Region) -> NDArray[np.float32]:
    """Class activation maps (classes, h, w) over the whole frame. `rule`: what the card says of the region.
    Maps of a part of the picture lie in `region`. Where another network saw all of it (`both`), they count as much
    there as spread over the frame: its mean stays the same but for the interpolation and for whole cells, a few per
    cent."""
    maps = np.asarray(outputs["maps"][0], np.float32)
    if rule != "both":
        return np.stack([region.place(plane) for plane in maps])
    import cv2

    share = np.float32((region.bottom - region.top) * (region.right - region.left))
    lungs = np.stack([region.place(np.asarray(plane, np.float32)) for plane in outputs["lung_maps"][0]]) / share
    size = (lungs.shape[2], lungs.shape[1])
    return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in maps]) + lungs


def findings(card: Card, probabilities: dict[str, float]) -> tuple[str, ...]:
    """Labels other than the normal one at or above their operating point, most probable first; where the card has no
    point for a label, the most probable one of n counts, and of independent labels none."""
    top = max(probabilities, key=lambda k: probabilities[k]) if card.task == "classify" else None
    found = []
    for label in card.shown:
        point = card.operating_points.get(label.id)
        hit = probabilities[label.id] >= point.threshold if point else label.id == top
        if hit and not label.normal:
            found.append(label.id)
    return tuple(sorted(found, key=lambda k: -probabilities[k]))


def prediction_set(card: Card, probabilities: dict[str, float]) -> tuple[str, ...] | None:
    """The labels of the card's conformal set, most probable first; empty where no label is likely enough, as it may be
    on a picture unlike those of val. None where the card has no set."""
    if card.prediction_set is None:
        return None
    least = card.prediction_set.threshold(max(probabilities.values()))
    likely = (k for k, p in probabilities.items() if p >= least)
    return tuple(sorted(likely, key=lambda k: -probabilities[k]))


def class_probabilities(card: Card, logits: NDArray[Any]) -> dict[str, float]:
    """Calibrated probabilities by label from logits (classes,): softmax for one of n, sigmoid for independent labels,
    of which those that are not shown are left out."""
    scaled = np.asarray(logits, np.float64) / card.temperature
    values = softmax(scaled) if card.task == "classify" else sigmoid(scaled)
    return {label.id: float(v) for label, v in zip(card.labels, values, strict=True) if label.shown}


def read_classes(
    card: Card,
    outputs: dict[str, NDArray[Any]],
    size: tuple[int, int],
    spacing: tuple[float, float] | None,
    region: Region = WHOLE,
) -> Reading:
    """Adapter of `classify` (softmax) and `multilabel` (sigmoid). `region` is what the network saw of the picture."""
    probabilities = class_probabilities(card, outputs["logits"][0])
    shown = [index for index, label in enumerate(card.labels) if label.shown]
    maps = None
    if "maps" in outputs:
        evidence = frame_maps(outputs, card.preprocess.region, region)[shown]
        maps = class_heatmaps(evidence, list(probabilities), card.task == "classify")
    found, likely = findings(card, probabilities), prediction_set(card, probabilities)
    return Reading(probabilities, found, heatmaps=maps, prediction_set=likely)


def drop_small(marked: NDArray[np.bool_], min_pixels: int) -> NDArray[np.bool_]:
    """Remove 8-connected regions of fewer than `min_pixels` pixels."""
    if min_pixels <= 1 or not marked.any():
        return marked
    import cv2

    count, regions, stats, _ = cv2.connectedComponentsWithStats(marked.astype(np.uint8), connectivity=8)
    keep = np.zeros(count, np.bool_)
    keep[1:] = stats[1:, cv2.CC_STAT_AREA] >= min_pixels
    return np.asarray(keep[regions])


def read_mask(
    card: Card,
    outputs: dict[str, NDArray[Any]],
    size: tuple[int, int],
    spacing: tuple[float, float] | None,
    region: Region = WHOLE,
) -> Reading:
    """Adapter of `segment`: logits (1, 1, h, w) to a mask of the frame's `size` (rows, cols). `region` is the whole
    frame, the card sees to that.

    Regions that are too small are removed on the network's grid, where their size means the same for every picture;
    the probability is then enlarged linearly, so that outlines are smooth, and cut at the threshold. What marks less of
    the picture than the card's smallest area marks nothing.
    """
    import cv2

    probability = sigmoid(outputs["logits"][0, 0] / card.temperature).astype(np.float32)
    marked = probability >= card.mask_threshold
    probability[marked & ~drop_small(marked, card.min_pixels)] = 0.0
    full = cv2.resize(probability, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    pixels = (full >= card.mask_threshold).astype(np.uint8)
    if np.count_nonzero(pixels) < card.min_area * pixels.size:
        pixels[:] = 0
    return mask_reading(card, pixels, spacing)


def mask_reading(card: Card, pixels: NDArray[np.uint8], spacing: tuple[float, float] | None) -> Reading:
    """A mask (rows, cols) of 0 and 1 with its measures; `spacing` is (row, column) in mm."""
    count = int(np.count_nonzero(pixels))
    area = count * spacing[0] * spacing[1] if spacing else None
    # The outline of something harmless, or of whatever the picture is about, is no finding.
    found = (card.labels[0].id,) if count and not card.labels[0].normal else ()
    return Reading(None, found, Mask(pixels, count, count / pixels.size, area))


ADAPTERS = {"classify": read_classes, "multilabel": read_classes, "segment": read_mask}
