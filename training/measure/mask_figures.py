"""Figures of the segmentations: overlap and border distance per patient or lesion, by type and source, and what is
marked where there is nothing to mark. A refused picture counts as marked empty."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.imaging.raster import decode_mask
from medview.inference.analysis import Analysis
from training.data.batches import frame_of
from training.data.samples import Sample
from training.measure.class_figures import mean_by, per_group, unit_of
from training.measure.metrics import Bootstrap, Figure, dice, overlap, surface_distance

# Outlined by another rule than the rest (the core of the tumour by the BraTS challenge's definition): reported alone.
OTHER_OUTLINES = ("brats13",)


def reference_mask(sample: Sample, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The reference of a sample at `size` (rows, cols); empty where it has none. Raises ValueError if damaged."""
    return decode_mask(sample.mask.read_bytes(), size).astype(bool) if sample.mask else np.zeros(size, bool)


def mask_figures(samples: list[Sample], found: list[Analysis], model: str) -> dict[str, Any]:
    """All figures of a segmentation. Overlap per patient is that of all its slices pooled; border distances are means
    over a patient's slices on which something is marked."""
    counts, distance = np.zeros((len(samples), 3)), np.full(len(samples), np.nan)
    area, ruled_out = np.zeros(len(samples)), np.zeros(len(samples), bool)
    refused, kind = 0, ""
    for row, (sample, analysis) in enumerate(zip(samples, found, strict=True)):
        result = next((r for r in analysis.results if r.card.id == model and r.mask), None)
        frame = frame_of(sample)
        marked = np.zeros((frame.rows, frame.cols), bool)
        if result is None or result.mask is None:
            refused += 1
        else:
            marked, kind = result.mask.pixels.astype(bool), result.card.kind
            ruled_out[row] = bool(result.skipped_by)
        reference = reference_mask(sample, marked.shape)
        counts[row] = marked.sum(), reference.sum(), (marked & reference).sum()
        distance[row] = surface_distance(marked, reference)
        area[row] = marked.mean()
    filled = counts[:, 1] > 0
    unit = unit_of(kind)
    figures: dict[str, Any] = {
        "images": len(samples),
        "groups": len({s.group for s in samples}),
        "unit": unit,
        "refused": refused,
        **_overlap_figures(samples, counts, distance, filled, unit),
        **_free_figures(samples, area, ~filled),
    }
    if filled.any():
        figures["ruled_out"] = Bootstrap([s.group for s in samples]).ratio(ruled_out & filled, filled)
    return figures


def _overlap_figures(
    samples: list[Sample],
    counts: NDArray[np.float64],
    distance: NDArray[np.float64],
    filled: NDArray[np.bool_],
    unit: str,
) -> dict[str, Any]:
    """Dice, IoU and HD95 where the reference is not empty."""
    usual = np.flatnonzero(filled & np.array([s.source not in OTHER_OUTLINES for s in samples]))
    dices = np.array([dice(*c) for c in counts])

    def pooled(measure: Any, rows: NDArray[np.int64]) -> Figure:
        parts = _by_group(samples, rows)
        values = np.array([measure(*counts[part].sum(axis=0)) for part in parts.values()])
        return {**Bootstrap([*parts]).ratio(values), "slices": len(rows)}

    def distances(rows: NDArray[np.int64]) -> Figure:
        rows = rows[np.isfinite(distance[rows])]
        parts = _by_group(samples, rows)
        return Bootstrap([*parts]).ratio(np.array([distance[part].mean() for part in parts.values()]))

    def by(key: Any, figure: Any, rows: NDArray[np.int64]) -> dict[str, Figure]:
        return per_group([samples[i] for i in rows], key, lambda part: figure(rows[part]))

    every = np.flatnonzero(filled)
    figures: dict[str, Any] = {}
    if len(usual):
        groups = [samples[i].group for i in usual]
        figures = {
            f"dice_per_{unit}": pooled(dice, usual),
            f"iou_per_{unit}": pooled(overlap, usual),
            f"hd95_pixels_per_{unit}": distances(usual),
            f"dice_per_{unit}_by_type": by(_type, lambda r: pooled(dice, r), usual),
            f"iou_per_{unit}_by_type": by(_type, lambda r: pooled(overlap, r), usual),
            f"hd95_pixels_per_{unit}_by_type": by(_type, distances, usual),
            "dice_per_slice": Bootstrap(groups).ratio(dices[usual]),
            "missed": Bootstrap(groups).ratio(counts[usual, 0] == 0),
        }
    return figures | {f"dice_per_{unit}_by_source": by(lambda s: s.source, lambda r: pooled(dice, r), every)}


def _type(sample: Sample) -> str:
    return sample.tags[0] if sample.tags else ""


def _by_group(samples: list[Sample], rows: NDArray[np.int64]) -> dict[str, list[int]]:
    parts: dict[str, list[int]] = {}
    for i in rows:
        parts.setdefault(samples[i].group, []).append(int(i))
    return parts


def _free_figures(samples: list[Sample], area: NDArray[np.float64], free: NDArray[np.bool_]) -> dict[str, Any]:
    """How often, and how much of the picture, is marked where the reference is empty."""
    chosen, part = [s for s, kept in zip(samples, free, strict=True) if kept], area[free]
    if not chosen:
        return {}
    boot = Bootstrap([s.group for s in chosen])
    return {
        "tumour_free_marked": boot.ratio(part > 0),
        "tumour_free_marked_by_source": mean_by(chosen, lambda s: s.source, part > 0),
        "tumour_free_marked_percent": boot.ratio(100 * part),
        "tumour_free_marked_percent_where_any": boot.ratio(100 * part, part > 0),
    }
