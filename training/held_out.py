"""Leave one source out: train without a hospital, then measure on it. What is left is what the model learned of the
disease rather than of the place. Only train and val pictures are used; the test split stays for `evaluate`.
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medview.core.files import write_atomic
from training.batches import load_pool
from training.config import Config, load_config
from training.fit import build, fit, predict
from training.metrics import interval
from training.samples import Sample

log = logging.getLogger("training")
REPORTS = Path(__file__).parent / "loso"
NOTE = (
    "Short runs from ImageNet that never saw the source, measured on its train and val pictures; only classes that "
    "another source holds as well. Of a model of several regions the mean of one run for each, by their shares."
)


def shared_sources(samples: list[Sample]) -> dict[str, list[str]]:
    """Sources that can be left out, with the classes that another source holds as well; of the train split."""
    homes: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        if sample.split == "train" and sample.label:
            homes[sample.label].add(sample.source)
    sources = sorted({source for found in homes.values() for source in found})
    shared = {source: [k for k in sorted(homes) if source in homes[k] and len(homes[k]) > 1] for source in sources}
    return {source: labels for source, labels in shared.items() if labels}


def slug(text: str) -> str:
    """A source's name as part of a folder's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]


def without(config: Config, source: str, samples: list[Sample]) -> Config:
    """The short run that never sees a source: from ImageNet, for every other start may have seen it. Classes that only
    this source holds are none of the run's labels."""
    stages = config.held_out_stages
    left = {name for s in samples if s.split == "train" and s.source != source for name in (s.label, *s.allowed)}
    return replace(
        config,
        id=f"{config.id}-without-{slug(source)}",
        labels=tuple(label for label in config.labels if label in left),
        size=stages[-1].size,
        stages=stages,
        encoder_from="",
        frozen_layers=0,
    )


def chosen_sources(samples: list[Sample], only: list[str]) -> dict[str, list[str]]:
    """Those of `shared_sources` that are named, or all. Raises ValueError for a source that cannot be left out."""
    sources = shared_sources(samples)
    if unknown := set(only) - set(sources):
        raise ValueError(f"{', '.join(sorted(unknown))} cannot be left out; sources: {', '.join(sources)}")
    return {source: sources[source] for source in only or sources}


def measure(samples: list[Sample], labels: list[str], guess: NDArray[np.str_]) -> dict[str, Any]:
    """Recall of every shared class on the source that was left out, with 95 % intervals over patients.
    `guess` (n,) is what each of `samples` was called."""
    groups = [s.group for s in samples]
    truth = np.array([s.label for s in samples])

    def right(rows: NDArray[np.int64]) -> dict[str, float]:
        own = [groups[i] for i in rows]
        return interval(own, lambda i: float((guess[rows[i]] == truth[rows[i]]).mean()))

    def recall(label: str) -> dict[str, Any]:
        rows = np.flatnonzero(truth == label)
        figure = right(rows)
        called = {str(k): int(n) for k, n in zip(*np.unique(guess[rows], return_counts=True), strict=True)}
        return {
            "recall": figure["value"],
            "low": figure["low"],
            "high": figure["high"],
            "n": len(rows),
            "called": called,
        }

    rows = np.flatnonzero(np.isin(truth, labels))
    return {
        "images": len(rows),
        "accuracy": right(rows)["value"],
        "classes": {label: recall(label) for label in labels},
    }


def members(config: Config) -> list[Config]:
    """The runs that stand for a model: its own and, where the model averages networks that see different regions, one
    for each of these."""
    chosen = {config.region: config}
    for other in map(load_config, config.ensemble):
        chosen.setdefault(other.region, other)
    return list(chosen.values())


def region_shares(config: Config) -> dict[str, float]:
    """What all runs of a region together count in the mean of the exported graph."""
    shares: dict[str, float] = defaultdict(float)
    shares[config.region] += config.share_of[config.id]
    for other in config.ensemble:
        shares[load_config(other).region] += config.share_of[other]
    return shares


def short_run(
    run: Config, samples: list[Sample], source: str, own: list[Sample], weights: Path, runs: Path, threads: int
) -> NDArray[Any]:
    """Train without a source and give the logits (n, classes) for its pictures `own`."""
    pools = [
        load_pool([s for s in samples if s.split == split and s.source != source], run) for split in ("train", "val")
    ]
    best = fit(run, pools[0], pools[1], weights, runs, threads)
    network = build(run)
    network.load_state_dict(torch.load(best, weights_only=True, map_location="cpu")["model"])
    # What is cut away before the shipped network is cut away here as well.
    rule = run.shipped if run.shipped_region else None
    told: NDArray[Any] = predict(network.eval(), load_pool(own, run, rule), run)
    return told


def leave_one_out(
    config: Config, samples: list[Sample], weights: Path, runs: Path, only: list[str], threads: int
) -> Path:
    """Train once per source and write training/loso/<id>.json after each. `only` names sources; empty means all.

    Finished runs are resumed, not repeated. Raises ValueError for a source that cannot be left out, or a model whose
    configuration plans no such runs.
    """
    if config.task != "classify" or not all(member.held_out_stages for member in members(config)):
        raise ValueError(f"{config.id}: the configuration has no held_out_stages; only classifiers leave sources out")
    path = Path()
    for source, labels in chosen_sources(samples, only).items():
        own = [s for s in samples if s.source == source and s.split in ("train", "val") and s.label]
        logits = {}
        for member in members(config):
            run = without(member, source, samples)
            logits[run] = short_run(run, samples, source, own, weights, runs, threads)
        shares = region_shares(config)
        joint = np.sum([shares[run.region] * told for run, told in logits.items()], axis=0)
        found = measure(own, labels, called(run, joint))
        if len(logits) > 1:
            found["alone"] = {
                run.region: measure(own, labels, called(run, told))["accuracy"] for run, told in logits.items()
            }
        log.info("%s without %s: %s", config.id, source, json.dumps(found["accuracy"]))
        path = write_held_out(config, NOTE, source, found)
    return path


def called(config: Config, logits: NDArray[Any]) -> NDArray[np.str_]:
    """The label of the largest of the logits (n, classes), (n,)."""
    return np.array(config.labels)[logits.argmax(axis=1)]


def write_held_out(config: Config, note: str, source: str, found: dict[str, Any]) -> Path:
    """Put what `measure` found of a source into training/loso/<id>.json, beside those measured before in the same way;
    figures of other runs, other shares or another shipped region go."""
    path = REPORTS / f"{config.id}.json"
    old: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    made: dict[str, Any] = {
        "id": config.id,
        "configurations_sha256": [member.digest() for member in members(config)],
        "shares": dict(region_shares(config)),
        "stages": [{"size": s.size, "epochs": s.epochs} for s in config.held_out_stages],
    }
    if config.shipped_region:
        made["shipped_region"] = config.shipped_region
    same = all(old.get(name) == value for name, value in made.items())
    earlier = old["held_out"] if same else {}
    report = {**made, "note": note, "held_out": earlier | {source: found}}
    path.parent.mkdir(exist_ok=True)
    write_atomic(path, (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode())
    return path
