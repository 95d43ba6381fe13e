"""Short runs from ImageNet that never saw some sources, and what they say of the films of those. `loso` and the
ablation are made of them; a run that two of them need is trained once."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.config import Config
from training.data.batches import Pool
from training.data.exposure import Exposures, mapped
from training.data.manifests import few_of_each
from training.data.prepared import Pictures
from training.data.samples import Sample
from training.fit.train import build, fit, predict, read_checkpoint

# Val pictures of a source and class that a short run is watched by; no epoch is chosen by them.
WATCHED = 60


def without(config: Config, left: Iterable[str], samples: list[Sample]) -> Config:
    """The short run that never sees the sources `left`: from ImageNet, for every other start may have seen them.
    Classes that only these sources hold are none of the run's labels. Its id is the hash of all its settings, so that
    the same run is found again whoever asks for it."""
    stages = config.held_out_stages
    run = replace(
        config,
        id="",
        leave_out=tuple(sorted({*config.leave_out, *left})),
        size=stages[-1].size,
        stages=stages,
        drawn=config.held_out_drawn,
        encoder_from="",
        frozen_layers=config.held_out_frozen,
    )
    seen = {name for s in samples if s.split == "train" and run.trains_on(s) for name in (s.label, *s.allowed)}
    run = replace(run, labels=tuple(label for label in config.labels if label in seen))
    return replace(run, id=f"short-{hashlib.sha256(run.digest().encode()).hexdigest()[:12]}")


def watched(samples: list[Sample]) -> list[Sample]:
    """At most `WATCHED` of each source and class, in the order of the hash of their names."""
    return few_of_each(samples, lambda s: (s.source, s.label), WATCHED)


def answers(
    run: Config, samples: list[Sample], own: list[Sample], weights: Path, runs: Path, threads: int
) -> NDArray[Any]:
    """The logits (n, labels of the run) for the films `own`, of the weights that its last epoch ends with; trained
    first, or further, where it is not finished."""
    kept = runs / run.id / "answers.npz"
    told: dict[str, NDArray[Any]] = {}
    if kept.exists():
        with np.load(kept) as file:
            told = dict(zip(file["names"].tolist(), file["logits"], strict=True))
    if missing := [s for s in own if s.path.as_posix() not in told]:
        logits = _train_and_ask(run, samples, missing, weights, runs, threads)
        told |= {s.path.as_posix(): row for s, row in zip(missing, logits, strict=True)}
        np.savez_compressed(kept, names=np.array(list(told)), logits=np.stack(list(told.values())))
    return np.stack([told[s.path.as_posix()] for s in own])


def _train_and_ask(
    run: Config, samples: list[Sample], own: list[Sample], weights: Path, runs: Path, threads: int
) -> NDArray[Any]:
    pictures = Pictures(runs / "pictures")
    train = pictures.pool([s for s in samples if s.split == "train" and run.trains_on(s)], run)
    val = pictures.pool(watched([s for s in samples if s.split == "val" and s.label and run.trains_on(s)]), run)
    # What is cut away before the shipped network is cut away here as well.
    rule = run.shipped if run.shipped_region else None
    asked = pictures.pool(own, run, rule)
    if run.exposure_map:
        reference = Exposures.of(train.images, [s.source for s in train.samples]).mean
        train, val, asked = (_mapped(pool, reference, run.exposure_map) for pool in (train, val, asked))
    fit(run, train, val, weights, runs, threads)
    network = build(run)
    network.load_state_dict(read_checkpoint(runs / run.id / "last.pt", torch.device("cpu"))["average"])
    logits: NDArray[Any] = predict(network.eval().to(memory_format=torch.channels_last), asked, run)
    return logits


def _mapped(pool: Pool, reference: NDArray[np.float32], strength: float) -> Pool:
    return replace(pool, images=mapped(pool.images, reference, strength))


def val_figure(run: Config, runs: Path) -> float:
    """Balanced accuracy of a finished run on the watched val pictures of the sources that it knows."""
    with (runs / run.id / "log.csv").open(newline="") as file:
        return float(list(csv.reader(file))[-1][3])
