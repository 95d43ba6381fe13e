"""Leave one source out: train without a hospital, then measure on it. What is left is what the model learned of the
disease rather than of the place. Only train and val pictures are used; the test split stays for `evaluate`.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.files import write_atomic
from training.config import Config, load_config
from training.data.chest import left_with
from training.data.samples import HEALTHY, Sample
from training.fit.short_runs import answers, without
from training.measure.criterion import criterion, is_healthy, lines, measured, sick_odds
from training.measure.metrics import interval

log = logging.getLogger("training")
REPORTS = Path(__file__).parent.parent / "loso"
NOTE = (
    "Short runs from ImageNet that never saw the source, nor films of the same hospital or of the same journals, "
    "measured on its train and val pictures with the weights that the last epoch ends with; only classes that "
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


def leave_one_out(
    config: Config, samples: list[Sample], weights: Path, runs: Path, only: list[str], threads: int
) -> Path:
    """Train once per source and write training/loso/<id>.json after each. `only` names sources; empty means all, and
    then the criterion of docs/adr/0022 is written and printed as well.

    Finished runs are resumed, not repeated. Raises ValueError for a source that cannot be left out, or a model whose
    configuration plans no such runs.
    """
    if config.task != "classify" or not all(member.held_out_stages for member in members(config)):
        raise ValueError(f"{config.id}: the configuration has no held_out_stages; only classifiers leave sources out")
    path = Path()
    asked: list[Sample] = []
    scores: list[NDArray[np.float64]] = []
    for source, labels in chosen_sources(samples, only).items():
        own = [s for s in samples if s.source == source and s.split in ("train", "val") and (s.label or s.allowed)]
        logits = {}
        for member in members(config):
            run = without(member, left_with([source]), samples)
            logits[run] = answers(run, samples, own, weights, runs, threads)
        shares = region_shares(config)
        joint = np.sum([shares[run.region] * told for run, told in logits.items()], axis=0)
        known = [label for label in labels if label in run.labels]
        found = measure(own, known, called(run, joint))
        if len(logits) > 1:
            found["alone"] = {
                run.region: measure(own, known, called(run, told))["accuracy"] for run, told in logits.items()
            }
        log.info("%s without %s: %s", config.id, source, json.dumps(found["accuracy"]))
        path = write_held_out(config, NOTE, source, found)
        asked += own
        scores.append(sick_odds(joint, run.labels) if set(HEALTHY) & set(run.labels) else np.full(len(own), np.nan))
    if not only:
        path = write_criterion(config, asked, np.concatenate(scores))
    return path


def write_criterion(config: Config, samples: list[Sample], scores: NDArray[np.float64]) -> Path:
    """Add what `training.measure.criterion` finds of all left-out films to training/loso/<id>.json and print it;
    nothing where a set has no healthy class, or only one source of it."""
    path = REPORTS / f"{config.id}.json"
    chosen = {s.path for s in measured(samples, {s.source for s in samples})}
    rows = np.flatnonzero(np.isfinite(scores) & [s.path in chosen for s in samples])
    kept = [samples[i] for i in rows]
    if len({is_healthy(s) for s in kept}) == 2:
        found = criterion(kept, scores[rows])
        log.info("%s", "\n".join(lines(found)))
        report = json.loads(path.read_text(encoding="utf-8")) | {"criterion": found}
        write_json(path, report)
    return path


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Write a report whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    write_atomic(path, (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode())


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
    same = all(old.get(name) == value for name, value in {**made, "note": note}.items())
    earlier = old["held_out"] if same else {}
    report = {**made, "note": note, "held_out": earlier | {source: found}}
    write_json(path, report)
    return path
