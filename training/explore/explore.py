"""The exploratory report of a set: what is in it, and what gives a class away that is not the disease.

One HTML file that opens without a network. It holds thumbnails of the pictures, so it must stay where they may be.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from medview.inference.preprocess import to_unit
from medview.inference.resample import resize_squash, to_grey
from training.data.batches import read_values
from training.data.duplicates import Pair, near_duplicates
from training.data.manifests import Sample
from training.data.samples import MADE

log = logging.getLogger(__name__)

THUMBNAIL = 56
BINS = 32
# Cosine from which two pictures are called nearly the same, found by looking at pairs of the chest and brain sets.
ALIKE = 0.95
# More classes or sources than this are put together: nobody tells more colours apart.
MOST_CLASSES, MOST_SOURCES = 12, 20
FURTHER, NO_CLASS = "(further)", "(none)"
FEATURES = (
    "rows",
    "cols",
    "aspect",
    "file size (kB)",
    "mean",
    "standard deviation",
    "dark share",
    "bright share",
    "entropy (bits)",
    "sharpness (log)",
    "border mean",
    "border deviation",
    "left-right difference",
    "saturation",
)


@dataclass
class Facts:
    """What the report is made of, one entry per readable picture.

    Attributes:
        samples: the pictures; `names` their paths below the data folder.
        classes, sources: shortened to the most frequent ones.
        features: (n, len(FEATURES)) float32, grey values in 0-1.
        histograms: (n, 32) float32, shares of grey levels 0-1.
        thumbnails: (n, 56, 56, 3) RGB uint8, black for one that may not be shown; `small` (n, 32, 32) grey uint8.
        unreadable: why other pictures could not be read.
    """

    samples: list[Sample]
    names: list[str]
    classes: list[str]
    sources: list[str]
    features: NDArray[np.float32]
    histograms: NDArray[np.float32]
    thumbnails: NDArray[np.uint8]
    small: NDArray[np.uint8]
    unreadable: list[str]

    @property
    def splits(self) -> list[str]:
        return [s.split for s in self.samples]

    @property
    def pairs(self) -> list[Pair]:
        """Near-duplicates across splits."""
        return near_duplicates(self.small, self.splits, ALIKE)


def gather(samples: list[Sample], data: Path) -> Facts:
    """Read every picture once; about 15 kB each are kept. Raises ValueError when none can be read."""
    rows, unreadable, kept = [], [], []
    for number, sample in enumerate(samples, 1):
        try:
            values, inverted = read_values(sample)
        except ValueError as error:
            unreadable.append(f"{_name(sample, data)}: {error}")
            continue
        unit = to_unit(values, "range")
        kept.append(sample)
        rows.append(_look(np.float32(1) - unit if inverted else unit, sample))
        if number % 1000 == 0:
            log.info("read %d of %d pictures", number, len(samples))
    if not rows:
        raise ValueError("none of the pictures can be read:\n" + "\n".join(unreadable[:10]))
    features, histograms, thumbnails, small = (np.stack(column) for column in zip(*rows, strict=True))
    return Facts(
        kept,
        [_name(s, data) for s in kept],
        shortened([s.label or " | ".join(s.allowed) or NO_CLASS for s in kept], MOST_CLASSES),
        shortened([s.source for s in kept], MOST_SOURCES),
        features,
        histograms,
        thumbnails,
        small,
        unreadable,
    )


def _name(sample: Sample, data: Path) -> str:
    inside = sample.path.is_relative_to(data)
    return sample.path.relative_to(data).as_posix() if inside else sample.path.as_posix()


def shortened(names: list[str], most: int) -> list[str]:
    """The names, those beyond the `most` frequent ones put together."""
    counts = Counter(names)
    if len(counts) <= most:
        return names
    kept = {name for name, _ in counts.most_common(most - 1)}
    return [name if name in kept else FURTHER for name in names]


def _look(unit: NDArray[np.float32], sample: Sample) -> tuple[NDArray[Any], ...]:
    """Features, histogram, thumbnail and small grey picture of 0-1 values (rows, cols[, 3])."""
    rows, cols = unit.shape[:2]
    grey = to_grey(unit)
    middle = resize_squash(grey, (128, 128))
    levels = np.clip((grey * BINS).astype(np.int64), 0, BINS - 1)
    histogram = np.bincount(levels.ravel(), minlength=BINS) / grey.size
    filled = histogram[histogram > 0]
    ring = np.ones(middle.shape, np.bool_)
    ring[6:-6, 6:-6] = False
    features = (
        rows,
        cols,
        cols / rows,
        0 if sample.source == MADE else sample.path.stat().st_size / 1000,
        grey.mean(),
        grey.std(),
        (grey < 0.05).mean(),
        (grey > 0.95).mean(),
        -(filled * np.log2(filled)).sum(),
        np.log10(cv2.Laplacian(middle, cv2.CV_32F).var() + 1e-6),
        middle[ring].mean(),
        middle[ring].std(),
        np.abs(middle - middle[:, ::-1]).mean(),
        (unit.max(axis=2) - unit.min(axis=2)).mean() if unit.ndim == 3 else 0,
    )
    thumbnail = np.rint(resize_squash(unit, (THUMBNAIL, THUMBNAIL)) * 255).astype(np.uint8)
    if thumbnail.ndim == 2:
        thumbnail = np.repeat(thumbnail[:, :, None], 3, axis=2)
    if not sample.shown:
        thumbnail[:] = 0
    small = np.rint(resize_squash(grey, (32, 32)) * 255).astype(np.uint8)
    return np.array(features, np.float32), histogram.astype(np.float32), thumbnail, small


def explained(values: NDArray[np.float32], names: list[str]) -> NDArray[np.float64]:
    """Share of each feature's variance that the names explain (correlation ratio eta squared, 0-1): `values`
    (n, features) to (features,); 0 for a feature that never changes."""
    x = values.astype(np.float64)
    codes = np.unique(np.array(names), return_inverse=True)[1]
    total = ((x - x.mean(axis=0)) ** 2).sum(axis=0)
    between = np.zeros(x.shape[1])
    for code in range(codes.max() + 1):
        here = x[codes == code]
        between += len(here) * (here.mean(axis=0) - x.mean(axis=0)) ** 2
    return np.divide(between, total, out=np.zeros_like(between), where=total > 1e-12)


def association(first: list[str], second: list[str]) -> float:
    """Cramér's V of two ways to sort the same pictures: 0 independent, 1 one tells the other."""
    table = crossed(first, second)[2].astype(np.float64)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    smaller = min(table.shape) - 1
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / (table.sum() * smaller))) if smaller else 0.0


def crossed(first: list[str], second: list[str]) -> tuple[list[str], list[str], NDArray[np.int64]]:
    """Names of the rows, of the columns, and how many pictures are in each cell."""
    rows, cols = sorted(set(first)), sorted(set(second))
    counts = Counter(zip(first, second, strict=True))
    return rows, cols, np.array([[counts[r, c] for c in cols] for r in rows])


def projection(small: NDArray[np.uint8]) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """Two principal components of the standardised small pictures, (n, 2), and the share of variance of each."""
    from sklearn.decomposition import PCA

    x = small.reshape(len(small), -1).astype(np.float32)
    x = (x - x.mean(axis=1, keepdims=True)) / np.maximum(x.std(axis=1, keepdims=True), 1)
    if len(x) < 2:
        return np.zeros((len(x), 2), np.float32), (0.0, 0.0)
    found = PCA(2, svd_solver="randomized", random_state=1)
    points = found.fit_transform(x).astype(np.float32)
    share = [float(v) for v in np.nan_to_num(found.explained_variance_ratio_)]
    return points, (share[0], share[1])
