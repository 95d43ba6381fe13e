"""Where the lungs lie on a frontal chest film: the box that looks most like the lungs of other films.

Whole films tell a network which hospital they come from: collimation, letters, arms, how far the edge is from the
lungs. Cut to the lungs they tell less of it (docs/adr/0013 has the figures). The box is the best normalised
cross-correlation (OpenCV's TM_CCOEFF_NORMED) of the film, its local contrast evened out, with four mean pictures of
lungs (`lungs.png`, made by `training.fit.lungs`) over all plausible sizes and places: coarsely first, then around the
best.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core import resources
from medview.inference.region import WHOLE, Region
from medview.inference.resample import resize_squash, stretch, to_grey

TEMPLATES = "lungs.png"
# Pixels a side of a template, and of the film at the fine and the coarse search.
FINE, COARSE = 64, 32
# Sides of the box as shares of the film's, in steps of both searches.
SIZES = (0.2, 1.1)
COARSE_STEP, FINE_STEP = 0.1, 0.05
# Both sides reach over this share of the film's shorter side, and lungs much wider than high are none: both in the
# pixels of the film, for it may be wide (a screenshot, a child on an adult's plate).
LEAST = 0.5
ASPECTS = (0.65, 1.5)
# Lungs may be cut off by the edge of the film: it is continued by this share of its side.
PAD = 0.08
# So many of the coarse boxes are looked at finely.
KEPT = 4
# Local contrast: standard deviation of the neighbourhood as a share of the side, and the variance of mere noise.
NEIGHBOURHOOD, NOISE = 0.22, 0.003
# What is cut out is larger than the box by this share of its sides, so that the pleura is never at the very edge.
MARGIN = 0.03
# Below this correlation nothing on the picture looks like lungs: three films of a thousand of val.
LIKE_LUNGS = 0.55


def even_contrast(values: NDArray[Any], side: int = FINE) -> NDArray[np.float32]:
    """A picture (rows, cols[, 3]) at `side` x `side`, every neighbourhood with mean 0 and variance 1, so that neither
    exposure nor a white lung decides."""
    import cv2

    unit = stretch(to_grey(resize_squash(values, (side, side))))
    sigma = side * NEIGHBOURHOOD
    mean = cv2.GaussianBlur(unit, (0, 0), sigma)
    variance = cv2.GaussianBlur((unit - mean) ** 2, (0, 0), sigma)
    return np.asarray((unit - mean) / np.sqrt(variance + np.float32(NOISE)), np.float32)


def find_lungs(values: NDArray[Any], inverted: bool = False) -> Region:
    """The lungs on a film (rows, cols[, 3]) of any grey range, with a small margin, within the film; the whole film
    where nothing looks like lungs. `inverted` says that low values are bright."""
    import cv2

    sign = np.float32(-1 if inverted else 1)
    fine = even_contrast(values) * sign
    coarse = cv2.resize(fine, (COARSE, COARSE), interpolation=cv2.INTER_AREA)
    coarse_bank, fine_bank = _bank(COARSE, COARSE_STEP), _bank(FINE, FINE_STEP)
    picture, _ = _padded(coarse)
    shape = (values.shape[0], values.shape[1])
    tried = ((key, template) for key, template in coarse_bank.items() if _plausible(key, shape))
    likely = sorted((-_best(picture, template)[0], key) for key, template in tried)[:KEPT]
    near = {
        (round(width + right, 2), round(height + down, 2), number)
        for _, (width, height, number) in likely
        for right in (-FINE_STEP, 0.0, FINE_STEP)
        for down in (-FINE_STEP, 0.0, FINE_STEP)
    }
    picture, pad = _padded(fine)
    found = [
        (*_best(picture, fine_bank[key]), key) for key in sorted(near & fine_bank.keys()) if _plausible(key, shape)
    ]
    likeness, (x, y), (width, height, _) = max(found, default=(0.0, (0, 0), (1.0, 1.0, 0)))
    if likeness < LIKE_LUNGS:
        return replace(WHOLE, likeness=likeness)
    left, top = (x - pad) / FINE, (y - pad) / FINE
    return Region(
        max(0.0, top - MARGIN * height),
        max(0.0, left - MARGIN * width),
        min(1.0, top + (1 + MARGIN) * height),
        min(1.0, left + (1 + MARGIN) * width),
        likeness,
    )


def _best(picture: NDArray[np.float32], template: NDArray[np.float32]) -> tuple[float, tuple[int, int]]:
    """Highest correlation of a template, and the (x, y) of its top left corner."""
    import cv2

    _, value, _, place = cv2.minMaxLoc(cv2.matchTemplate(picture, template, cv2.TM_CCOEFF_NORMED))
    return float(value), (int(place[0]), int(place[1]))


def _padded(picture: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    import cv2

    pad = round(PAD * picture.shape[0])
    return np.asarray(cv2.copyMakeBorder(picture, pad, pad, pad, pad, cv2.BORDER_REPLICATE)), pad


def _plausible(key: tuple[float, float, int], shape: tuple[int, int]) -> bool:
    """Whether a box of these shares of a film of `shape` (rows, cols) may hold lungs."""
    width, height = key[0] * shape[1], key[1] * shape[0]
    return min(width, height) >= LEAST * min(shape) - 1e-6 and ASPECTS[0] < width / height < ASPECTS[1]


@cache
def _bank(side: int, step: float) -> dict[tuple[float, float, int], NDArray[np.float32]]:
    """Every template at every size for a film of `side` pixels, by (width, height, number)."""
    import cv2

    data = resources.find("templates").joinpath(TEMPLATES).read_bytes()
    row = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE).astype(np.float32)
    templates = np.split(row, row.shape[1] // FINE, axis=1)
    sizes = np.round(np.arange(SIZES[0], SIZES[1] + step / 2, step), 2).tolist()
    return {
        (width, height, number): cv2.resize(
            template, (round(width * side), round(height * side)), interpolation=cv2.INTER_AREA
        )
        for width in sizes
        for height in sizes
        for number, template in enumerate(templates)
    }
