"""The mean pictures of lungs that `medview.inference.lungs` compares films with.

`python -m training.fit.lungs` makes them anew from the chest set's train pictures that upstream cut to the lungs
already (NIH and Kermany), so that nobody had to draw a box: four groups by k-means on pictures of even contrast, and
the mean of each. Then it tells how much of the radiologists' opacity boxes on val lies inside the regions found with
them.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from medview.core import resources
from medview.inference.lungs import FINE, LIKE_LUNGS, TEMPLATES, even_contrast, find_lungs
from training.data.batches import read_values
from training.data.samples import Sample, load_set
from training.measure.pointing import boxes_file, read_boxes

log = logging.getLogger("training")
SOURCES = ("NIH ChestX-ray14", "Kermany paediatric CXR")
GROUPS = 4
SEED = 20261121


def templates(crops: list[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """The means of `GROUPS` groups of pictures (side, side), side by side, as 8-bit greys: (side, GROUPS * side)."""
    flat = np.stack([crop.ravel() - crop.mean() for crop in crops])
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    cv2.setRNGSeed(SEED)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-4)
    _, group, _ = cv2.kmeans(flat.astype(np.float32), GROUPS, None, stop, 5, cv2.KMEANS_PP_CENTERS)
    means = [np.mean([c for c, g in zip(crops, group.ravel(), strict=True) if g == k], axis=0) for k in range(GROUPS)]
    row = np.concatenate(means, axis=1)
    return np.rint((row - row.min()) / (row.max() - row.min()) * 255).astype(np.uint8)


def covered_by(samples: list[Sample]) -> tuple[float, int]:
    """Mean share of the radiologists' opacity boxes on val that lies inside the lungs found, and how many boxes."""
    path = boxes_file(samples)
    val = {s.path for s in samples if s.split == "val"}
    shares = []
    for (picture, finding), boxes in read_boxes(path).items() if path else ():
        if finding == "lung_opacity" and picture in val:
            region = find_lungs(*read_values(Sample(picture, "", "", "", "")))
            for left, top, right, bottom in boxes:
                width = max(0.0, min(right, region.right) - max(left, region.left))
                height = max(0.0, min(bottom, region.bottom) - max(top, region.top))
                shares.append(width * height / ((right - left) * (bottom - top)))
    return float(np.mean(shares)), len(shares)


def main() -> None:
    """Make the mean pictures of lungs anew and tell how well the lungs of val are found with them."""
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog="python -m training.fit.lungs", description=main.__doc__)
    parser.add_argument("--data", type=Path, default=root.parent / "shared/data", help="folder of the data")
    data = parser.parse_args().data
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    samples = load_set("chest-findings", data)
    samples += [s for s in load_set("chest-six", data) if s.source not in {t.source for t in samples}]
    own = [s for s in samples if s.split == "train" and s.framing == "lung-crop" and s.source in SOURCES]
    row = templates([even_contrast(read_values(s)[0]) for s in own])
    resources.shipped("templates").joinpath(TEMPLATES).write_bytes(cv2.imencode(".png", row)[1].tobytes())
    log.info("%s from %d pictures, %d x %d pixels each", TEMPLATES, len(own), FINE, FINE)
    val = [find_lungs(*read_values(s)) for s in samples if s.split == "val"]
    log.info("val films where nothing looks like lungs: %.4f", np.mean([r.likeness < LIKE_LUNGS for r in val]))
    log.info("opacity boxes of val inside the lungs: %.3f of %d", *covered_by(samples))


if __name__ == "__main__":
    main()
