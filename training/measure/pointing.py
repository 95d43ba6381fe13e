"""The pointing game: does the strongest point of a heatmap lie where a radiologist drew a box (Zhang et al. 2018,
arXiv 1608.00507)?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.inference.engine import Engine
from medview.inference.request import AnalysisRequest
from training.data.batches import frame_of
from training.data.samples import Sample, read_manifest
from training.measure.metrics import Bootstrap

# Boxes are in pixels of the original films, which were square.
BOX_SIDE = 1024.0
OPACITIES = ("pneumonia_bacterial", "pneumonia_viral", "covid19", "tuberculosis")
FINDINGS = ("pneumonia", "infiltration", "consolidation")
# Labels that show as what the box was drawn around; of several that the model has, the most probable one is compared.
# Any other finding is compared with the label of its own name.
COMPARED = {"lung_opacity": OPACITIES + FINDINGS, "pneumonia": OPACITIES + FINDINGS}
ASKED = ("val", "test")

Box = tuple[float, float, float, float]


def boxes_file(samples: list[Sample]) -> Path | None:
    """bbox.csv beside the folder that the pictures are in, or None."""
    folders = {s.path.parent.parent for s in samples}
    return next((f / "bbox.csv" for f in sorted(folders) if (f / "bbox.csv").is_file()), None)


def read_boxes(path: Path) -> dict[tuple[Path, str], list[Box]]:
    """Boxes of val and test pictures by (picture, finding): left, top, right, bottom, in shares of the picture."""
    found: dict[tuple[Path, str], list[Box]] = {}
    for r in read_manifest(path, ("file", "finding", "x", "y", "w", "h", "split")):
        if r["split"] in ASKED:
            x, y, w, h = (float(r[k]) / BOX_SIDE for k in ("x", "y", "w", "h"))
            key = path.parent / "images" / r["file"], r["finding"].lower()
            found.setdefault(key, []).append((x, y, x + w, y + h))
    return found


def hit(heatmap: NDArray[Any], boxes: list[Box]) -> bool:
    """Whether the middle of the strongest cell (h, w) lies in a box; a heatmap without any evidence hits nothing."""
    row, col = np.unravel_index(int(np.argmax(heatmap)), heatmap.shape)
    x, y = (col + 0.5) / heatmap.shape[1], (row + 0.5) / heatmap.shape[0]
    return bool(heatmap[row, col] > 0) and any(a <= x <= c and b <= y <= d for a, b, c, d in boxes)


def covered(boxes: list[Box], grid: int = 256) -> float:
    """Share of the picture inside the boxes: how often a blind guess hits."""
    inside = np.zeros((grid, grid), bool)
    for a, b, c, d in boxes:
        inside[int(b * grid) : int(np.ceil(d * grid)), int(a * grid) : int(np.ceil(c * grid))] = True
    return float(inside.mean())


def pointing_figures(engine: Engine, samples: list[Sample], model: str) -> dict[str, Any]:
    """Hit rate by finding of the boxes, with the labels it was compared with; empty where nothing can be compared.

    The model is asked alone and without the gate, since a heatmap is judged here, not an answer.
    """
    path = boxes_file(samples)
    if path is None:
        return {}
    known = {label.id for label in engine.registry.cards[model].labels}
    rows: dict[str, list[tuple[str, bool, float, str]]] = {}
    for (picture, finding), boxes in read_boxes(path).items():
        names = [n for n in COMPARED.get(finding, (finding,)) if n in known]
        sample = Sample(picture, "", "", picture.stem.rsplit("_", 1)[0], "")
        request = AnalysisRequest(frame_of(sample), str(picture), model=model, force=True)
        result = engine.analyse(request).results if names else ()
        shown = [
            n for n in names if result and n in (result[0].heatmaps or {}) and n in (result[0].probabilities or {})
        ]
        if shown:
            label = max(shown, key=lambda n: (result[0].probabilities or {})[n])
            heatmap = (result[0].heatmaps or {})[label]
            rows.setdefault(finding, []).append((sample.group, hit(heatmap, boxes), covered(boxes), label))
    return {finding: _figures(found) for finding, found in sorted(rows.items())}


def _figures(rows: list[tuple[str, bool, float, str]]) -> dict[str, Any]:
    groups, hits, chance, labels = zip(*rows, strict=True)
    boot = Bootstrap(groups)
    return {
        "hit_rate": boot.ratio(np.array(hits)),
        "blind_guess": boot.ratio(np.array(chance)),
        "labels": {label: labels.count(label) for label in sorted(set(labels))},
    }
