"""Features that need no network: shape, texture and grey levels of a picture, and what a shortcut would look at.

Pictures come prepared as a model's card declares (`medview.inference.preprocess`), as uint8 (rows, cols) or
(rows, cols, 3) RGB of `SIDE` pixels a side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from medview.inference.preprocess import to_unit

SIDE = 128
THUMBNAIL = {"grey": 32, "rgb": 12}
RING = 2
GREY_BINS, COLOUR_BINS = 32, 16
LEVELS, DISTANCES = 16, (1, 4)
LBP_GRID = 4
# Steps (rows, cols) to the eight neighbours, in order around the pixel.
AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))

Picture = NDArray[np.uint8]
Vector = NDArray[np.float32]


def normalise(picture: Picture) -> Picture:
    """Mean 128 and standard deviation 48, channel by channel."""
    x = picture.astype(np.float32)
    mean, std = x.mean(axis=(0, 1)), x.std(axis=(0, 1))
    return np.clip((x - mean) / np.maximum(std, 1e-3) * 48 + 128, 0, 255).astype(np.uint8)


def denoise(picture: Picture) -> Picture:
    """Bilateral filter (Tomasi and Manduchi 1998): smooths noise, keeps edges."""
    return cv2.bilateralFilter(picture, 5, 30, 3)


def clahe(picture: Picture) -> Picture:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld 1994); of colours, the lightness only."""
    equaliser = cv2.createCLAHE(2.0, (8, 8))
    if picture.ndim == 2:
        return equaliser.apply(picture)
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    lab[..., 0] = equaliser.apply(np.ascontiguousarray(lab[..., 0]))
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


PREPROCESSING: dict[str, Callable[[Picture], Picture]] = {
    "none": lambda picture: picture,
    "normalisation": normalise,
    "denoising": denoise,
    "CLAHE": clahe,
}


def describe(picture: Picture) -> Vector:
    """All classical features of a picture, one vector of a fixed length for a kind of colour."""
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    parts = [oriented_gradients(grey), local_patterns(grey), co_occurrence(grey), grey_levels(grey)]
    if picture.ndim == 3:
        parts.append(colours(picture))
    return np.concatenate(parts).astype(np.float32)


def oriented_gradients(grey: Picture) -> Vector:
    """Histograms of oriented gradients (Dalal and Triggs 2005) of the picture at 64 pixels: 8 x 8 cells of nine
    unsigned directions, normalised in blocks of 2 x 2 cells that do not overlap; 576 numbers. OpenCV 5 has none."""
    small = cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    across, down = (cv2.Sobel(small, cv2.CV_32F, *order, ksize=1) for order in ((1, 0), (0, 1)))
    strength, angle = cv2.cartToPolar(across, down, angleInDegrees=True)
    direction = np.minimum(((angle % 180) / 20).astype(np.int64), 8)
    cell = (np.arange(64) // 8)[:, None] * 8 + np.arange(64) // 8
    cells = np.bincount((cell * 9 + direction).ravel(), strength.ravel(), 576).reshape(4, 2, 4, 2, 9)
    blocks = cells.transpose(0, 2, 1, 3, 4).reshape(16, 36)
    return (blocks / (np.linalg.norm(blocks, axis=1, keepdims=True) + 1)).ravel().astype(np.float32)


def _uniform_classes() -> NDArray[np.int64]:
    """Class of each 8-bit pattern: its number of ones (0-8) where it changes at most twice around, else 9."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(axis=1)
    return np.where(changes <= 2, bits.sum(axis=1), 9)


UNIFORM = _uniform_classes()


def local_patterns(grey: Picture) -> Vector:
    """Rotation-invariant uniform local binary patterns (Ojala et al. 2002), shares of the ten in each of 16 tiles."""
    centre = grey[1:-1, 1:-1]
    code = np.zeros(centre.shape, np.int64)
    for bit, (row, col) in enumerate(AROUND):
        neighbour = grey[1 + row : grey.shape[0] - 1 + row, 1 + col : grey.shape[1] - 1 + col]
        code |= (neighbour >= centre).astype(np.int64) << bit
    classes = UNIFORM[code]
    tiles = [tile for band in np.array_split(classes, LBP_GRID) for tile in np.array_split(band, LBP_GRID, axis=1)]
    return np.concatenate([np.bincount(tile.ravel(), minlength=10) / tile.size for tile in tiles]).astype(np.float32)


def co_occurrence(grey: Picture) -> Vector:
    """Contrast, homogeneity, energy and correlation of grey-level co-occurrence (Haralick et al. 1973), 16 levels, two
    distances, four directions."""
    levels = (grey >> 4).astype(np.int64)
    i, j = np.meshgrid(np.arange(LEVELS), np.arange(LEVELS), indexing="ij")
    found = []
    for step in DISTANCES:
        for row, col in ((0, step), (step, 0), (step, step), (step, -step)):
            first = levels[: levels.shape[0] - row, max(0, -col) : levels.shape[1] - max(0, col)]
            second = levels[row:, max(0, col) : levels.shape[1] + min(0, col)]
            p = np.bincount((first * LEVELS + second).ravel(), minlength=LEVELS**2).reshape(LEVELS, LEVELS) / first.size
            mean_i, mean_j = (p * i).sum(), (p * j).sum()
            spread = np.sqrt((p * (i - mean_i) ** 2).sum() * (p * (j - mean_j) ** 2).sum())
            covariance = (p * (i - mean_i) * (j - mean_j)).sum()
            found += [(p * (i - j) ** 2).sum(), (p / (1 + np.abs(i - j))).sum(), (p**2).sum()]
            found.append(covariance / spread if spread > 0 else 1.0)
    return np.array(found, np.float32)


def grey_levels(grey: Picture) -> Vector:
    """Histogram of 32 bins, mean, standard deviation, skewness, kurtosis, entropy and five percentiles, in 0-1 grey."""
    shares = np.bincount(grey.ravel(), minlength=256) / grey.size
    levels = np.arange(256) / 255
    histogram = shares.reshape(GREY_BINS, -1).sum(axis=1)
    mean = shares @ levels
    std = np.sqrt(shares @ (levels - mean) ** 2)
    z = (levels - mean) / max(float(std), 1e-3)
    filled = histogram[histogram > 0]
    moments = [mean, std, shares @ z**3, shares @ z**4, -(filled * np.log2(filled)).sum()]
    # The level below which (and at which) so much of the picture lies; a hair less, for what rounding adds up.
    percentiles = levels[np.searchsorted(np.cumsum(shares), np.array((0.05, 0.25, 0.5, 0.75, 0.95)) - 1e-9)]
    return np.concatenate([histogram, moments, percentiles]).astype(np.float32)


def colours(picture: Picture) -> Vector:
    """Histograms of hue, saturation and value, 16 bins each, and mean and standard deviation of L*a*b*."""
    hsv, lab = (cv2.cvtColor(picture, code) for code in (cv2.COLOR_RGB2HSV_FULL, cv2.COLOR_RGB2LAB))
    size = picture.shape[0] * picture.shape[1]
    shares = [np.bincount(hsv[..., c].ravel() >> 4, minlength=COLOUR_BINS) / size for c in range(3)]
    return np.concatenate([*shares, lab.mean(axis=(0, 1)) / 255, lab.std(axis=(0, 1)) / 255]).astype(np.float32)


def thumbnail(picture: Picture) -> Vector:
    """The picture at 32 x 32 (grey) or 12 x 12 (colour, with its histograms): all but the coarse look is gone."""
    side = THUMBNAIL["grey" if picture.ndim == 2 else "rgb"]
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32).ravel() / 255
    return small if picture.ndim == 2 else np.concatenate([small, colours(picture)])


def border(values: NDArray[Any], picture: Picture) -> Vector:
    """What has nothing to do with the patient: the outermost two rings of the picture at 32 x 32, the size and aspect
    of the file, mean and standard deviation of its `values` (rows, cols[, 3])."""
    small = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA)
    ring = np.ones((32, 32), np.bool_)
    ring[RING:-RING, RING:-RING] = False
    rows, cols = values.shape[:2]
    unit = to_unit(values, "range")
    facts = [rows / 256, cols / 256, cols / rows, float(unit.mean()), float(unit.std())]
    return np.concatenate([small[ring].astype(np.float32).ravel() / 255, facts]).astype(np.float32)
