"""Exposures as grey curves: what share of a film is how bright, and films given another film's curve.

A class whose films are all brighter than those of another class in the same hospital is learned by its brightness; to
be shown with each other's exposures takes that away.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

POINTS = 33


def curve(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The grey levels (POINTS,) that the evenly spaced quantiles of a grey picture (rows, cols) have, 0-255."""
    shares = np.cumsum(np.bincount(image.ravel(), minlength=256)) / image.size
    wanted = np.linspace(0, 1, POINTS).clip(0.5 / image.size, 1 - 0.5 / image.size)
    return np.searchsorted(shares, wanted).astype(np.float32)


def moved(
    image: NDArray[np.uint8], own: NDArray[np.float32], other: NDArray[np.float32], strength: float
) -> NDArray[np.uint8]:
    """The picture with its curve `own` moved towards `other`: `strength` 0 leaves it, 1 gives it the other curve."""
    levels = np.arange(256, dtype=np.float32)
    # A level that fills the picture has many quantiles; the middle one of them stands for it.
    rising, first, counts = np.unique(own, return_index=True, return_counts=True)
    targets = np.array([other[i : i + n].mean() for i, n in zip(first, counts, strict=True)])
    table = levels + strength * (np.interp(levels, rising, targets) - levels)
    return cv2.LUT(image, np.rint(np.clip(table, 0, 255)).astype(np.uint8))


@dataclass(frozen=True)
class Exposures:
    """The curves of a pool (n, POINTS) and, of each picture, the numbers of all pictures of its source."""

    curves: NDArray[np.float32]
    beside: list[NDArray[np.int64]]

    @staticmethod
    def of(images: NDArray[np.uint8], sources: list[str]) -> Exposures:
        """Of grey pictures (n, rows, cols) and their sources."""
        names = np.array(sources)
        members = {name: np.flatnonzero(names == name) for name in np.unique(names)}
        return Exposures(np.stack([curve(image) for image in images]), [members[name] for name in sources])

    @property
    def mean(self) -> NDArray[np.float32]:
        """The mean curve (POINTS,)."""
        return self.curves.mean(axis=0)

    def borrow(self, rng: Generator, image: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """Picture `index` with the exposure of a random one of its source."""
        other = int(rng.choice(self.beside[index]))
        return moved(image, self.curves[index], self.curves[other], 1.0)


def mapped(images: NDArray[np.uint8], reference: NDArray[np.float32], strength: float) -> NDArray[np.uint8]:
    """All pictures (n, rows, cols) with their curves moved towards `reference` (see `moved`)."""
    return np.stack([moved(image, curve(image), reference, strength) for image in images])
