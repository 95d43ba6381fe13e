"""The outcome of looking at one frame: the value that the panel, the command line and every export read.

Nothing below computes; `medview.inference.engine` makes these, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medview import __version__
from medview.core.failures import Failure
from medview.core.texts import Text
from medview.inference.card import Card
from medview.inference.corrections import Correction
from medview.inference.quality import QualityNote
from medview.inference.region import WHOLE, Region

SCHEMA = 1
# From this probability on a finding is called likely.
LIKELY = 0.5
Status = Literal["ok", "refused", "error"]


@dataclass(frozen=True)
class Mask:
    """A segmentation in the space of the source image.

    Attributes:
        pixels: (rows, cols) uint8, 0 or 1, at the size of the frame.
        count: marked pixels. fraction: marked share of the frame, 0-1.
        area_mm2: marked area, None when the file gives no pixel spacing.
    """

    pixels: NDArray[np.uint8] = field(repr=False, compare=False)
    count: int = 0
    fraction: float = 0.0
    area_mm2: float | None = None


@dataclass(frozen=True)
class Result:
    """What one model said about one frame.

    Attributes:
        card: the model's card; id, version and hash trace every number.
        provider: ONNX Runtime provider that really ran (`CPUExecutionProvider`, `CUDAExecutionProvider`).
        ms: preprocessing, network and postprocessing, milliseconds.
        probabilities: calibrated, by label, 0-1; None for a segmentation.
        findings: labels other than the normal one at or above their operating point, most probable first.
        mask: None for a classifier; a segmentation that finds nothing has a mask of 0 pixels.
        skipped_by: id of the first stage that ruled this second stage out, so that its network did not run; or empty.
        prediction_set: labels of the card's conformal set, most probable first, empty where none is likely
            enough; None where the card has no set.
        stability: by label, the lowest and highest probability over small changes of the picture and the picture
            itself (`medview.inference.stability`); None where it was not computed.
        unstable: labels whose standing changed with them: one of n that became the most probable, or an independent
            label that crossed its operating point.
        heatmaps: by label, (h, w) float32 0-1 on a coarse grid that covers the whole frame; None for a segmentation.
        region: what a network saw of the frame alone, by the card: the lungs, the head, or what lies within black
            surroundings.
    """

    card: Card
    provider: str
    ms: float
    probabilities: dict[str, float] | None
    findings: tuple[str, ...]
    mask: Mask | None = None
    heatmaps: dict[str, NDArray[np.float32]] | None = field(default=None, repr=False, compare=False)
    skipped_by: str = ""
    prediction_set: tuple[str, ...] | None = None
    stability: dict[str, tuple[float, float]] | None = None
    unstable: tuple[str, ...] = ()
    region: Region = WHOLE

    @property
    def likely(self) -> tuple[str, ...]:
        """The findings that are rather present than absent. The others are worth a look: rare labels above all, whose
        operating point may lie at a few per cent."""
        return tuple(label for label in self.findings if (self.probabilities or {}).get(label, 1.0) >= LIKELY)


@dataclass(frozen=True)
class ResultFiles:
    """Paths of the files written of one result, None or empty for what was not.

    Attributes:
        mask: its pixels. overlay: the picture with the mask over it. heatmaps: the picture with the heatmap of a label
            over it, by label.
    """

    mask: str | None = None
    overlay: str | None = None
    heatmaps: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Analysis:
    """One frame, looked at by the gate and by every model that fits.

    Attributes:
        file: the path as the user gave it. frame: its number in the file, from 0.
        status: ok; refused (the gate says no model may judge this picture); error (it could not be read or run).
        reason: why not ok; for a forced analysis, what the gate said; else None.
        kind: what the picture is by the gate, or by the user; empty when it never got that far, or the header rules out
            every kind.
        kind_scores: the gate's probability of every kind.
        results: one per model that ran, in the order of the registry.
        kind_by_user: True when the user said the kind; the gate had no say in it.
        forced: True when the gate refused and the user ran a model all the same: the results are not valid.
        quality: what is wrong with the picture, the worst first; a note that refuses is also the `reason`.
        corrected: what the user had corrected before; masks and heatmaps are of the picture after that.
        warnings: failures of single models while others answered.
        contradictions: where two answers cannot both be right (`medview.inference.agreement`).
        validity: what the answer is limited to, a few plain words each, the most important first
            (`medview.inference.validity`).
        notes: what the user should know about how the picture was read, such as that it is the first of several.
        gate: the card of the model that said which kind of picture it is; None when it never got that far.
        total_ms: everything from decoding on, milliseconds.
    """

    file: str
    frame: int
    status: Status
    reason: Failure | None = None
    kind: str = ""
    kind_scores: dict[str, float] = field(default_factory=dict)
    results: tuple[Result, ...] = ()
    kind_by_user: bool = False
    forced: bool = False
    quality: tuple[QualityNote, ...] = ()
    corrected: tuple[Correction, ...] = ()
    warnings: tuple[Failure, ...] = ()
    contradictions: tuple[Failure, ...] = ()
    validity: tuple[str, ...] = ()
    notes: tuple[Text, ...] = ()
    gate: Card | None = None
    total_ms: float = 0.0

    def to_dict(self, files: Mapping[str, ResultFiles] | None = None) -> dict[str, Any]:
        """The JSON object of this analysis (schema 1). `files`: those that were written, by model."""
        files = files or {}
        return {
            "schema": SCHEMA,
            "medview": __version__,
            "file": self.file,
            "frame": self.frame,
            "status": self.status,
            "reason": self.reason and _failure_dict(self.reason),
            "gate": self.gate and _made_by(self.gate),
            "kind": self.kind,
            "kind_scores": {k: round(v, 6) for k, v in self.kind_scores.items()},
            "results": [_result_dict(r, files.get(r.card.id, ResultFiles())) for r in self.results],
            "kind_by_user": self.kind_by_user,
            "forced": self.forced,
            "quality": [_note_dict(note) for note in self.quality],
            "corrected": list(self.corrected),
            "warnings": [_failure_dict(warning) for warning in self.warnings],
            "contradictions": [_failure_dict(found) for found in self.contradictions],
            "validity": list(self.validity),
            "notes": list(self.notes),
            "total_ms": round(self.total_ms, 3),
        }


def _failure_dict(failure: Failure) -> dict[str, str]:
    return {"code": failure.code, "text": failure.text, "hint": failure.hint}


def _made_by(card: Card) -> dict[str, str]:
    return {"model": card.id, "version": card.version, "sha256": card.sha256}


def _note_dict(note: QualityNote) -> dict[str, Any]:
    row = asdict(note)
    del row["correction"]  # in JSON it is "fix" since the first version
    return row | {
        "measured": round(note.measured, 6),
        "limit": round(note.limit, 6),
        "fix": note.correction or None,
    }


def _result_dict(result: Result, files: ResultFiles) -> dict[str, Any]:
    card, mask = result.card, result.mask
    return {
        **_made_by(card),
        "provider": result.provider,
        "ms": round(result.ms, 3),
        "task": card.task,
        "probabilities": result.probabilities and {k: round(v, 6) for k, v in result.probabilities.items()},
        "findings": list(result.findings),
        "likely": list(result.likely),
        "thresholds": {k: round(point.threshold, 6) for k, point in card.operating_points.items()} or None,
        "prediction_set": None if result.prediction_set is None else list(result.prediction_set),
        "stability": result.stability
        and {k: [round(low, 6), round(high, 6)] for k, (low, high) in result.stability.items()},
        "unstable": list(result.unstable),
        "not_judged": [asdict(item) for item in card.not_judged],
        "mask": mask
        and {
            "path": files.mask,
            "overlay": files.overlay,
            "pixels": mask.count,
            "fraction": mask.fraction,
            "area_mm2": mask.area_mm2,
        },
        "region": {k: round(v, 4) for k, v in asdict(result.region).items()},
        "heatmaps": files.heatmaps or None,
        "skipped_by": result.skipped_by or None,
    }


def analysis_bytes(analysis: Analysis) -> int:
    """Bytes of the arrays of an analysis, plus something for the rest."""
    total = 4096
    for result in analysis.results:
        total += result.mask.pixels.nbytes if result.mask else 0
        total += sum(heat.nbytes for heat in (result.heatmaps or {}).values())
    return total


def heatmap_of(analysis: Analysis | None, label: tuple[str, str] | None) -> tuple[NDArray[np.float32], Region] | None:
    """The heatmap (h, w) 0-1 of (model, label) and the region of its result, or None."""
    results = analysis.results if analysis and label else ()
    model, name = label or ("", "")
    for result in results:
        if result.card.id == model and result.heatmaps and name in result.heatmaps:
            return result.heatmaps[name], result.region
    return None


def mask_of(analysis: Analysis | None) -> Mask | None:
    """The mask of an analysis, or None when no model marks."""
    return next((r.mask for r in analysis.results if r.mask is not None), None) if analysis else None
