"""Figures of a shipped model, through `medview.inference` as the program runs it: gate, preprocessing, ONNX file."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np

from medview.core.failures import Failure
from medview.core.files import write_atomic
from medview.core.jobs import Token
from medview.inference.analysis import Analysis, Result
from medview.inference.card import Card
from medview.inference.engine import Engine, Sight
from medview.inference.gate import GATE_MODEL
from medview.inference.request import AUTO, AnalysisRequest
from training.config import Config
from training.data.batches import frame_of
from training.data.samples import Sample
from training.measure.class_figures import (
    classifier_figures,
    head_figures,
    mean_by,
    multilabel_figures,
    scores_of,
    tumour_figures,
)
from training.measure.mask_figures import mask_figures
from training.measure.metrics import Bootstrap
from training.measure.pointing import pointing_figures
from training.measure.report import write_page
from training.measure.robustness import accepted_rightly, robustness, stability
from training.ship.model_folder import BASELINES

log = logging.getLogger("training")
# What other commands of the package measured, by the model's id and by the set's name.
HELD_OUT = Path(__file__).parent.parent / "loso"


class GateOnly(Engine):
    """An engine whose gate judges and whose models are taken as read: for the figures of the gate, which need none."""

    def _run(self, cards: list[Card], sight: Sight, token: Token, alone: bool) -> tuple[list[Result], list[Failure]]:
        return [Result(card, "", 0.0, None, ()) for card in cards], []


def answers(engine: Engine, samples: list[Sample], model: str) -> list[Analysis]:
    """`medview analyze` of every sample, in order.

    Raises ValueError for a file that cannot be opened, and for any model that fails: half a program has no figures.
    """
    found = []
    for number, sample in enumerate(samples):
        analysis = engine.analyse(AnalysisRequest(frame_of(sample), str(sample.path), model=model))
        for failure in (analysis.reason if analysis.status == "error" else None, *analysis.warnings):
            if failure:
                raise ValueError(f"{sample.path}: {failure.text} ({failure.detail})")
        found.append(analysis)
        if number % 500 == 499:
            log.info("%d of %d", number + 1, len(samples))
    return found


def gate_figures(samples: list[Sample], found: list[Analysis]) -> dict[str, Any]:
    """Share of in-domain pictures accepted as the right kind, and of others refused; by source, with the reasons."""
    right = np.array([accepted_rightly(s, a) for s, a in zip(samples, found, strict=True)])
    figures: dict[str, Any] = {
        "images": len(samples),
        "groups": len({s.group for s in samples}),
        "unit": "group",
        "accuracy": Bootstrap([s.group for s in samples]).ratio(right),
        "by_kind": mean_by(samples, lambda s: s.label, right),
        "by_source": mean_by(samples, lambda s: f"{s.label}: {s.source}", right),
        "refusals": {},
    }
    for analysis in found:
        if analysis.reason:
            figures["refusals"][analysis.reason.code] = figures["refusals"].get(analysis.reason.code, 0) + 1
    return figures


def evaluate(config: Config, samples: list[Sample], folder: Path) -> dict[str, Any]:
    """All figures of a model on every evaluation split. `folder` is models_onnx."""
    engine = GateOnly(folder) if config.id == GATE_MODEL else Engine(folder)
    splits = ["test", *sorted({s.split for s in samples} - {"train", "val", "test"})]
    cards = engine.registry.cards
    if config.id not in cards:
        raise ValueError(f"{folder} holds no model {config.id}: python -m training export {config.id}")
    stage = cards[config.id].first_stage
    others = [GATE_MODEL, *([stage.model] if stage else [])]
    report: dict[str, Any] = {
        "model": config.id,
        "sha256": cards[config.id].sha256,
        "together_with": {id: cards[id].sha256 for id in others if id in cards and id != config.id},
        "splits": {},
    }
    for split in splits:
        chosen = [s for s in samples if s.split == split]
        found = answers(engine, chosen, AUTO)
        log.info("%s: %d pictures answered", split, len(chosen))
        figures = _figures(config, chosen, found)
        if config.task == "classify" and config.id != GATE_MODEL and "accuracy" in figures:
            forced = without_gate(engine, chosen, found, config.id)
            known = [(s, a) for s, a in zip(chosen, forced, strict=True) if s.label in config.labels]
            kept, alone = [s for s, _ in known], [a for _, a in known]
            figures["without_gate"] = head_figures(scores_of(kept, alone, list(config.labels), config.id))
        report["splits"][split] = figures
    log.info("robustness")
    test = [s for s in samples if s.split == "test"]
    report["robustness"] = robustness(engine, test, config)
    report["stability"] = stability(engine, test, config)
    if config.task != "segment":
        report["pointing"] = pointing_figures(engine, samples, config.id)
    for name, path in (
        ("held_out_sources", HELD_OUT / f"{config.id}.json"),
        ("baselines", BASELINES / f"{config.data}.json"),
    ):
        if path.is_file():
            report[name] = json.loads(path.read_text(encoding="utf-8"))
    return report


def without_gate(engine: Engine, samples: list[Sample], found: list[Analysis], model: str) -> list[Analysis]:
    """The analyses with every refused picture forced, for figures of the model alone."""
    return [
        engine.analyse(AnalysisRequest(frame_of(s), str(s.path), model=model, force=True))
        if a.status == "refused"
        else a
        for s, a in zip(samples, found, strict=True)
    ]


def _figures(config: Config, samples: list[Sample], found: list[Analysis]) -> dict[str, Any]:
    labels = list(config.labels)
    if config.id == GATE_MODEL:
        return gate_figures(samples, found)
    if config.task == "segment":
        return mask_figures(samples, found, config.id)
    if config.task == "multilabel":
        return multilabel_figures(samples, found, labels, config.id)
    figures: dict[str, Any] = {}
    if {s.label for s in samples} & set(labels) - {"no_tumour"}:
        figures = classifier_figures(samples, found, labels, config.id)
    if "no_tumour" in labels:
        figures["tumour"] = tumour_figures(samples, found, config.id)
    return figures


def write_report(report: dict[str, Any], folder: Path) -> None:
    """Write report.html and evaluation.json into the model's folder, each whole or not at all."""
    report = _rounded(report)
    home = folder / report["model"]
    write_page(home, report)
    write_atomic(home / "evaluation.json", to_json(report).encode())


def to_json(report: dict[str, Any]) -> str:
    """Readable JSON, with every list of numbers on one line."""
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    return re.sub(r"\[\s+((?:[-+.\de]+|null)(?:,\s+(?:[-+.\de]+|null))*)\s+\]", _one_line, text)


def _one_line(found: re.Match[str]) -> str:
    return f"[{' '.join(found[1].split())}]"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return value
