"""How much an answer depends on what should not matter: each probability's range over small changes of the picture.

The changes are made to the canonical picture, which is what the network sees, and so cost no decoding. They are fixed,
not drawn: the same picture always has the same band. Where the lungs were found is not varied: a box in the wrong place
may give a narrow band.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medview.core.jobs import Token
from medview.inference.analysis import Result
from medview.inference.postprocess import class_probabilities
from medview.inference.preprocess import to_input
from medview.inference.registry import Model

# Shares of the side, factors of the size, exponents of the exposure.
SHIFT, SCALE, GAMMAS = 0.02, 0.03, (0.9, 1.1)


def _moved(unit: NDArray[np.float32], zoom: float, right: float, down: float) -> NDArray[np.float32]:
    """`unit` (rows, cols[, 3]) enlarged about its middle and moved by shares of its sides; the edge is continued."""
    import cv2

    rows, cols = unit.shape[:2]
    matrix = np.array(
        [[zoom, 0, (1 - zoom) * (cols - 1) / 2 + right * cols], [0, zoom, (1 - zoom) * (rows - 1) / 2 + down * rows]]
    )
    moved = cv2.warpAffine(unit, matrix, (cols, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def variations(unit: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Seven small changes of a canonical picture (rows, cols[, planes]) of 0-1: moved right and down, smaller and
    larger, lighter and darker, mirrored."""
    yield _moved(unit, 1.0, SHIFT, 0.0)
    yield _moved(unit, 1.0, 0.0, SHIFT)
    yield _moved(unit, 1.0 - SCALE, 0.0, 0.0)
    yield _moved(unit, 1.0 + SCALE, 0.0, 0.0)
    for gamma in GAMMAS:
        yield np.power(unit, np.float32(gamma))
    yield np.ascontiguousarray(unit[:, ::-1])


def with_stability(model: Model, result: Result, unit: NDArray[np.float32], token: Token) -> Result:
    """`result` of a classifier with the band of each probability over `variations` and over the picture itself, and the
    labels whose standing changes. `unit` is the canonical picture the result came from. Raises `Cancelled`."""
    card, stated = model.card, result.probabilities
    if stated is None:
        return result
    seen = [stated]
    for changed in variations(unit):
        token.check()
        seen.append(class_probabilities(card, model.network.run(to_input(changed))["logits"][0]))
    bands = {label: (min(p[label] for p in seen), max(p[label] for p in seen)) for label in stated}
    if card.task == "classify":
        tops = {max(p, key=lambda k: p[k]) for p in seen}
        changing = [label for label in stated if label in tops and label != max(stated, key=lambda k: stated[k])]
    else:
        points = card.operating_points
        changing = [k for k, (low, high) in bands.items() if k in points and low < points[k].threshold <= high]
    return replace(result, stability=bands, unstable=tuple(changing))
