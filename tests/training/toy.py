"""A toy set, its configuration and its pool, for the tests of the loop and the export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from training.config import Augment, Config, Stage
from training.data.batches import Pool
from training.data.samples import Sample

LABELS = ("dark", "bright")


def toy_config(**changes: Any) -> Config:
    """A tiny classifier of 32 pixels, two epochs."""
    values: dict[str, Any] = {
        "id": "toy",
        "version": "1",
        "task": "classify",
        "data": "toy",
        "labels": LABELS,
        "arch": "mobilenet_v2",
        "size": 32,
        "colour": "grey",
        "intensity": "range",
        "stages": (Stage(32, 2),),
        "batch": 8,
        "augment": Augment(exposure=0, degrade=0),
    }
    return Config(**(values | changes))


def toy_pool(count: int = 32, side: int = 32) -> Pool:
    """Dark and bright noise, alternating."""
    rng = np.random.default_rng(0)
    samples = [Sample(Path(str(i)), LABELS[i % 2], "train", str(i), "s") for i in range(count)]
    images = np.stack([rng.integers(0, 60, (side, side)) + 150 * (i % 2) for i in range(count)]).astype(np.uint8)
    allowed = np.array([[i % 2 == 0, i % 2 == 1] for i in range(count)])
    return Pool(samples, images, None, allowed)
