"""Where the head lies on a brain MR slice: its bounding box with as much air around as the training pictures have.

How much air a slice holds is a matter of the scanner's field of view. A network that learned heads which fill most of
the picture knows them less well in a wide one (docs/adr/0014).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.inference.region import WHOLE, Region
from medview.inference.resample import resize_squash, to_grey

SIDE = 128
# Brighter than this share of the way from the 1st to the 99th percentile is tissue.
TISSUE = 0.12
# Air that stays on each side, as a share of the head's own: with less, val pictures as they are lose.
MARGIN = 0.2


def find_head(values: NDArray[Any], inverted: bool = False) -> Region:
    """The largest thing that is brighter than air on a slice (rows, cols[, 3]), with a margin, within the picture; all
    of it where there is none. `inverted` says that low values are bright."""
    import cv2

    small = to_grey(resize_squash(values, (SIDE, SIDE))).astype(np.float32)
    small = -small if inverted else small
    low, high = (float(v) for v in np.percentile(small, (1, 99)))
    tissue = (small > low + TISSUE * (high - low)).astype(np.uint8)
    tissue = cv2.morphologyEx(tissue, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, _, boxes, _ = cv2.connectedComponentsWithStats(tissue)
    if count < 2:
        return WHOLE
    left, top, width, height, _ = (int(v) for v in boxes[1 + boxes[1:, cv2.CC_STAT_AREA].argmax()])
    return Region(
        max(0.0, (top - MARGIN * height) / SIDE),
        max(0.0, (left - MARGIN * width) / SIDE),
        min(1.0, (top + (1 + MARGIN) * height) / SIDE),
        min(1.0, (left + (1 + MARGIN) * width) / SIDE),
    )
