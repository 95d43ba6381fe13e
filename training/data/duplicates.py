"""Pictures that are nearly the same: found by a small embedding, so that recompression, resizing and exposure do not
hide them. Splits are cut by patient, but two collections may hold the same film."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 32
# Coarser than this (in pixels of the small picture) is the look that all films of a kind share; it is taken away.
COARSE = 4.0
BLOCK = 512
MOST = 2000
# Below this spread (grey levels) a picture is empty; all empty pictures are alike, which says nothing.
EMPTY = 1.0


@dataclass(frozen=True)
class Pair:
    """Two pictures, by index, of different splits, with the cosine of their embeddings (1: the same)."""

    first: int
    second: int
    similarity: float


def embed(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 32, 32) grey to unit vectors (n, 1024) of their finer structure; zeros for an empty picture."""
    vectors = np.zeros((len(pictures), SIDE * SIDE), np.float32)
    for index, picture in enumerate(pictures):
        x = picture.astype(np.float32)
        fine = x - cv2.GaussianBlur(x, (0, 0), COARSE)
        fine -= fine.mean()
        if fine.std() >= EMPTY:
            vectors[index] = (fine / np.linalg.norm(fine)).ravel()
    return vectors


def near_duplicates(pictures: NDArray[np.uint8], splits: list[str], threshold: float) -> list[Pair]:
    """Pairs across splits at least `threshold` alike, most alike first, at most 2000. Memory is bounded by blocks."""
    vectors = embed(pictures)
    codes = np.unique(np.array(splits), return_inverse=True)[1]
    found: list[Pair] = []
    for start in range(0, len(vectors), BLOCK):
        here = slice(start, start + BLOCK)
        likeness = vectors[here] @ vectors.T
        likeness[codes[here][:, None] == codes] = 0
        rows, cols = np.nonzero(likeness >= threshold)
        once = rows + start < cols
        rows, cols = rows[once], cols[once]
        best = np.argsort(-likeness[rows, cols], kind="stable")[:MOST]
        found += [
            Pair(int(r) + start, int(c), float(likeness[r, c])) for r, c in zip(rows[best], cols[best], strict=True)
        ]
        found = sorted(found, key=lambda p: -p.similarity)[:MOST]
    return found
