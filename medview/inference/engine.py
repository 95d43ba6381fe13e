"""One frame in, one `Analysis` out: decode, gate, models, in this order."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.jobs import Cancelled, Token
from medview.imaging.study import Frame
from medview.inference import gate
from medview.inference.analysis import Analysis, Result
from medview.inference.card import Card
from medview.inference.postprocess import ADAPTERS, mask_reading
from medview.inference.preprocess import preprocess
from medview.inference.registry import Model, ModelStatus, Registry
from medview.inference.runtime import Device

log = logging.getLogger(__name__)

AUTO = "auto"


class Engine:
    """Everything that judges pictures. Holds the loaded models; `analyse` may be called from any thread."""

    def __init__(self, folder: Path | None = None, device: Device = "auto") -> None:
        self.registry = Registry(folder, device)

    def statuses(self) -> list[ModelStatus]:
        """Every model with the outcome of its self-test."""
        return self.registry.statuses()

    def kind_names(self) -> dict[str, str]:
        """What people call the kinds of picture, by id, from the gate's card; loads no model."""
        card = self.registry.cards.get(gate.GATE_MODEL)
        return {label.id: label.name for label in card.labels} if card else {}

    def model_ids(self) -> list[str]:
        """Ids of the models a user may ask for by name."""
        return [id for id in self.registry.cards if id != gate.GATE_MODEL]

    def analyse(
        self,
        frame: Frame,
        file: str,
        model: str = AUTO,
        force: bool = False,
        token: Token | None = None,
        values: NDArray[Any] | None = None,
    ) -> Analysis:
        """Judge one frame with the models of its kind, or with `model` alone.

        `force` runs the models although the gate refuses; the analysis records it. `values` saves decoding again what
        the caller has. Raises `Cancelled` when the token says so, nothing else.
        """
        started = time.perf_counter()
        token = token or Token()
        token.progress(0.0, "reading")
        if values is None:
            decoded = frame.modality_values()
            if isinstance(decoded, Failure):
                return Analysis(file, frame.index, "error", decoded)
            values = decoded
        token.progress(0.1, "checking the picture")
        gatekeeper = self.registry.load(gate.GATE_MODEL)
        if isinstance(gatekeeper, Failure):
            return Analysis(file, frame.index, "error", gatekeeper)
        verdict = gate.judge(gatekeeper, values, frame.inverted)
        reason = verdict.reason or self._mismatch(model, verdict.kind)
        if reason and (not force or not verdict.scores):
            return Analysis(
                file,
                frame.index,
                "refused",
                reason,
                verdict.kind,
                verdict.scores,
                total_ms=(time.perf_counter() - started) * 1e3,
            )
        cards = self._choose(model, verdict, refused=reason is not None)
        results, failures = self._run(cards, values, frame, token)
        return Analysis(
            file,
            frame.index,
            "ok" if results else "error",
            reason if results else _none_ran(failures),
            verdict.kind,
            verdict.scores,
            tuple(results),
            forced=reason is not None,
            warnings=tuple(failures),
            total_ms=(time.perf_counter() - started) * 1e3,
        )

    def _mismatch(self, model: str, kind: str) -> Failure | None:
        """Why the model asked for by name must not judge a picture of this kind, or None."""
        card = self.registry.cards.get(model)
        if model == AUTO or card is None or card.kind == kind:
            return None
        names = self.kind_names()
        return Failure(
            Code.WRONG_MODEL,
            f"The model {model} judges {names.get(card.kind, card.kind)}; this looks like {names.get(kind, kind)}.",
            "Let medview choose the model, or open the right picture.",
        )

    def _choose(self, model: str, verdict: gate.Verdict, refused: bool) -> list[Card]:
        """Cards to run: the model asked for, or those of the picture's kind. For a picture that was refused and forced,
        those of the most probable kind that has any."""
        if model != AUTO:
            return [self.registry.cards[model]] if model in self.registry.cards else []
        likely = sorted(verdict.scores, key=lambda kind: -verdict.scores[kind]) if refused else []
        return next((cards for kind in (verdict.kind, *likely) if (cards := self.registry.for_kind(kind))), [])

    def _run(
        self, cards: list[Card], values: NDArray[Any], frame: Frame, token: Token
    ) -> tuple[list[Result], list[Failure]]:
        results: list[Result] = []
        failures: list[Failure] = []
        for number, card in enumerate(cards):
            token.progress(0.2 + 0.8 * number / len(cards), card.name)
            model = self.registry.load(card.id)
            if isinstance(model, Failure):
                failures.append(model)
                continue
            token.check()
            try:
                results.append(run_model(model, values, frame, results))
            except Cancelled:
                raise
            except Exception as error:  # the border to ONNX Runtime, whose errors share no base class
                log.exception("%s failed", card.id)
                failures.append(
                    Failure(
                        Code.MODEL_FAILED,
                        f"The model {card.id} could not judge this picture.",
                        "Try the CPU (--device cpu); if it stays, report it with the log.",
                        repr(error),
                    )
                )
        return results, failures


def run_model(model: Model, values: NDArray[Any], frame: Frame, earlier: list[Result]) -> Result:
    """One model on one picture. A second stage marks nothing when the first says there is nothing to mark."""
    card = model.card
    started = time.perf_counter()
    size = (values.shape[0], values.shape[1])
    if _ruled_out(card, earlier):
        reading = mask_reading(card, np.zeros(size, np.uint8), frame.spacing_mm)
    else:
        outputs = model.network.run(preprocess(values, card.preprocess, frame.inverted))
        reading = ADAPTERS[card.task](card, outputs, size, frame.spacing_mm)
    return Result(
        card=card,
        provider=model.network.provider,
        ms=(time.perf_counter() - started) * 1e3,
        probabilities=reading.probabilities,
        findings=reading.findings,
        mask=reading.mask,
        heatmaps=reading.heatmaps,
    )


def _ruled_out(card: Card, earlier: list[Result]) -> bool:
    """Whether the first stage answered `card.unless` with at least the probability the card asks for."""
    limit = card.gate.get("unless_probability", 0.5)
    return any(
        result.card.id == card.after and result.probabilities and result.probabilities.get(card.unless, 0.0) >= limit
        for result in earlier
    )


def _none_ran(failures: list[Failure]) -> Failure:
    if failures:
        return failures[0]
    return Failure(
        Code.NO_MODEL, "No model is installed for this kind of picture.", "Install medview again, with its models."
    )
