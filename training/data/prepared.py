"""Prepared pictures kept on disk, so that the many short runs of a trial decode every file once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medview.inference.preprocess import Preprocess
from training.config import Config
from training.data.batches import Pool, allowed_classes, load_pool
from training.data.samples import Sample

CHUNK = 500


class Pictures:
    """Grey pictures as a network's rule prepares them, (n, rows, cols) uint8 in one memory-mapped file a rule. One
    process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def pool(self, samples: list[Sample], config: Config, rule: Preprocess | None = None) -> Pool:
        """As `training.data.batches.load_pool`, from the kept pictures where there are. Pictures in colour, of two
        planes or with masks are read anew each time. Raises ValueError as `load_pool` does."""
        rule = rule or config.preprocess
        if rule.colour != "grey" or rule.region == "both" or any(s.mask for s in samples):
            return load_pool(samples, config, rule)
        return Pool(samples, self._images(samples, config, rule), None, allowed_classes(samples, config.labels))

    def _images(self, samples: list[Sample], config: Config, rule: Preprocess) -> NDArray[np.uint8]:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(repr(rule).encode()).hexdigest()[:16]
        data, index = self.folder / f"{name}.u8", self.folder / f"{name}.txt"
        known = {key: row for row, key in enumerate(index.read_text().splitlines())} if index.exists() else {}
        area = rule.size[0] * rule.size[1]
        missing = [s for s in samples if _key(s) not in known]
        for start in range(0, len(missing), CHUNK):
            chunk = missing[start : start + CHUNK]
            images = load_pool(chunk, config, rule).images
            with data.open("r+b" if data.exists() else "w+b") as file:
                # A stop between the two writes leaves pictures that the index does not name; they are overwritten.
                file.seek(len(known) * area)
                file.write(images.tobytes())
            with index.open("a") as file:
                file.writelines(f"{_key(s)}\n" for s in chunk)
            known |= {_key(s): len(known) + i for i, s in enumerate(chunk)}
        kept = np.memmap(data, np.uint8, "r", shape=(len(known), *rule.size))
        return np.asarray(kept[[known[_key(s)] for s in samples]])


def _key(sample: Sample) -> str:
    return f"{sample.path} {sample.path.stat().st_size} {sample.cut}"
