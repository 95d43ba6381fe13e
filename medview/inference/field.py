"""The lit field of a picture through a round opening: what lies within its black surroundings.

Some dermatoscopes show a circle on black. Networks that learned full frames see the lesion too small there and count
the black; a box inside the circle gives them what they know, as the winners of ISIC 2019 did (Gessert et al., arXiv
1910.03910). docs/adr/0014 has the figures.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.inference.region import WHOLE, Region
from medview.inference.resample import resize_squash

SIDE = 112
# Surroundings: darker than this in every channel, 8 bit, and reaching the edge of the picture.
DARK = 36
# Less of the picture than this is a shadow in a corner, more leaves nothing to look at.
LEAST, MOST = 0.02, 0.8
# A row or column belongs to the circle from this share of lit pixels on.
LIT = 0.15
# The box shrinks towards the middle in these steps until so little of it is surroundings; the square inside a circle
# comes at 0.71.
STEP, SMALLEST, ALLOWED = 0.02, 0.6, 0.02


def find_field(values: NDArray[Any]) -> Region:
    """The box inside the lit field of an 8-bit picture (rows, cols[, 3]).

    All of the picture where nothing dark is around or nearly everything is, where the box would lose more of its sides,
    and where the values are deeper, since black is then not known. A lesion as dark that touches the black, or the
    edge, counts as surroundings.
    """
    if values.dtype != np.uint8:
        return WHOLE
    around = _surroundings(values)
    if not LEAST <= around.mean() <= MOST:
        return WHOLE
    rows, cols = (np.flatnonzero((~around).mean(axis=axis) > LIT) for axis in (1, 0))
    if not len(rows) or not len(cols):
        return WHOLE
    edges = np.array([[rows[0], cols[0]], [rows[-1] + 1, cols[-1] + 1]], float)
    middle, half = edges.mean(axis=0), (edges[1] - edges[0]) / 2
    for share in np.arange(1.0, SMALLEST, -STEP):
        (top, left), (bottom, right) = np.rint([middle - share * half, middle + share * half]).astype(int)
        if around[top:bottom, left:right].mean() <= ALLOWED:
            return Region(*(float(edge) / SIDE for edge in (top, left, bottom, right)))
    return WHOLE


def _surroundings(values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The dark parts that reach the edge, (`SIDE`, `SIDE`)."""
    import cv2

    small = resize_squash(values, (SIDE, SIDE))
    strongest = small if small.ndim == 2 else small.max(axis=2)
    _, parts = cv2.connectedComponents((strongest < DARK).astype(np.uint8))
    edge = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    return np.isin(parts, edge[edge > 0])
