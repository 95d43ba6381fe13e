"""One request in, one `Analysis` out: decode, correct what the user asked for, gate, models, in this order."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.jobs import Cancelled, Token
from medview.core.texts import Text
from medview.imaging.study import DAMAGED_PART, Frame
from medview.inference import gate, header_rules
from medview.inference.agreement import contradictions
from medview.inference.analysis import Analysis, Result
from medview.inference.card import Card
from medview.inference.corrections import Correction, corrected, corrected_frame
from medview.inference.postprocess import ADAPTERS, mask_reading
from medview.inference.preprocess import Preprocess, preprocess, region_of, to_canonical
from medview.inference.region import WHOLE, Region
from medview.inference.registry import Model, ModelStatus, Registry
from medview.inference.request import AUTO, AnalysisRequest
from medview.inference.resample import as_8_bit, shrunk
from medview.inference.runtime import BadAnswer, Device
from medview.inference.stability import with_stability
from medview.inference.validity import validity

log = logging.getLogger(__name__)


class Engine:
    """Everything that judges pictures. Holds the loaded models; `analyse` may be called from any thread."""

    def __init__(self, folder: Path | None = None, device: Device = "auto") -> None:
        self.registry = Registry(folder, device)

    def statuses(self) -> list[ModelStatus]:
        """Every model with the outcome of its self-test."""
        return self.registry.statuses()

    def kind_names(self) -> dict[str, str]:
        """The names of the kinds of picture, by id, from the gate's card; loads no model."""
        card = self.registry.cards.get(gate.GATE_MODEL)
        return {label.id: label.name for label in card.labels} if card else {}

    def kinds(self) -> dict[str, str]:
        """What a user may say that a picture is: the kinds that the gate knows and a model judges, with their names."""
        judged = {card.kind for card in self.registry.cards.values()}
        return {id: name for id, name in self.kind_names().items() if id in judged}

    def model_ids(self) -> list[str]:
        """Ids of the models a user may ask for by name; those switched off are among them, asking tells why."""
        return sorted({*self.registry.cards, *self.registry.broken} - {gate.GATE_MODEL})

    def analyse(self, request: AnalysisRequest, token: Token | None = None) -> Analysis:
        """Judge one frame as the request says. Raises `Cancelled` when the token says so, nothing else."""
        started = time.perf_counter()
        token = token or Token()
        frame, file, kind, corrections = request.frame, request.file, request.kind, request.corrections
        asked = self._ask_header(frame)
        header = header_rules.HeaderVerdict() if kind else asked
        if header.reason and not request.force:
            return self._ruled_out(request, header.reason, started)
        token.progress(0.0, Text("reading"))
        decoded = frame.modality_values() if request.values is None else request.values
        if isinstance(decoded, Failure):
            return Analysis(file, frame.index, "error", decoded)
        frame, decoded = corrected_frame(frame, corrections), corrected(decoded, corrections)
        token.progress(0.1, Text("checking the picture"))
        damaged = _damaged(frame)
        if damaged and DAMAGED_PART not in frame.notes:
            frame = replace(frame, notes=(*frame.notes, DAMAGED_PART))
        sight = Sight(as_8_bit(decoded, frame.few_bits), frame)
        verdict = self._judge(sight, corrections, kind)
        if isinstance(verdict, Failure):
            return Analysis(file, frame.index, "error", verdict)
        sight.lungs = verdict.lungs
        ruled_out = header.reason or self._contradicted(header, verdict)
        reason = ruled_out or damaged or verdict.reason or self._mismatch(request, verdict.kind, frame)
        seen = Analysis(file, frame.index, "refused", reason, verdict.kind, verdict.scores)
        gatekeeper = self.registry.cards.get(gate.GATE_MODEL)
        quality = verdict.quality
        if kind in asked.closed:
            quality = (header_rules.doubted(self.kind_names().get(kind, kind), asked.closed[kind]), *quality)
        seen = replace(seen, quality=quality, corrected=corrections, gate=gatekeeper, notes=frame.notes)
        if ruled_out:
            # What it looks like, and what could be corrected in it, would only suggest that it might be judged.
            seen = replace(seen, kind="", kind_scores={}, quality=())
        seen = replace(seen, kind_by_user=bool(kind))
        if reason is None or request.force:
            seen = self._answered(seen, request.model, verdict, sight, token)
        if request.stability:
            seen = self._steadied(seen, sight, token)
        return replace(seen, total_ms=(time.perf_counter() - started) * 1e3)

    def _answered(self, seen: Analysis, model: str, verdict: gate.Verdict, sight: Sight, token: Token) -> Analysis:
        """The analysis with what the models say; where it has a reason against that, they are forced."""
        reason = seen.reason
        cards = self._choose(model, verdict, sight.frame, refused=reason is not None)
        results, failures = self._run(cards, sight, token, alone=model != AUTO)
        said = self.kind_names().get(seen.kind, seen.kind) if seen.kind_by_user else ""
        return replace(
            seen,
            status="ok" if results else "error",
            reason=reason if results else self._none_ran(model, failures),
            results=tuple(results),
            forced=reason is not None,
            warnings=tuple(failures if results else failures[1:]),
            contradictions=contradictions(results),
            validity=validity([result.card for result in results], seen.quality, reason is not None, said),
        )

    def add_stability(self, analysis: Analysis, request: AnalysisRequest, token: Token | None = None) -> Analysis:
        """The analysis that answered a request, with the range of each probability over small changes of the picture.

        For what was asked for without `stability`, so that nobody has to wait for it. Raises `Cancelled`.
        """
        frame, corrections = request.frame, request.corrections
        values = frame.modality_values() if request.values is None else request.values
        if isinstance(values, Failure):
            return replace(analysis, warnings=(*analysis.warnings, values))
        sight = Sight(as_8_bit(corrected(values, corrections), frame.few_bits), corrected_frame(frame, corrections))
        return self._steadied(analysis, sight, token or Token())

    def _steadied(self, analysis: Analysis, sight: Sight, token: Token) -> Analysis:
        results, failures = [], []
        for result in analysis.results:
            model = self.registry.load(result.card.id)
            steady: Result | Failure = result
            if isinstance(model, Model) and result.probabilities:
                unit = to_canonical(sight.small, result.card.preprocess, sight.frame.inverted, result.region)
                steady = _guarded(model, partial(with_stability, model, result, unit, token))
            if isinstance(steady, Failure):
                failures.append(steady)
            results.append(result if isinstance(steady, Failure) else steady)
        return replace(analysis, results=tuple(results), warnings=(*analysis.warnings, *failures))

    def _ask_header(self, frame: Frame) -> header_rules.HeaderVerdict:
        cards = [card for card in self.registry.cards.values() if card.id != gate.GATE_MODEL]
        return header_rules.ask_header(cards, frame)

    def _contradicted(self, header: header_rules.HeaderVerdict, verdict: gate.Verdict) -> Failure | None:
        """Why a picture that looks like one of ours is none by its header, or None."""
        if verdict.kind not in header.closed:
            return None
        return header_rules.contradicted(self.kind_names()[verdict.kind], header.closed[verdict.kind])

    def _ruled_out(self, request: AnalysisRequest, reason: Failure, started: float) -> Analysis:
        """The analysis of a frame that its header rules out: nobody looked at the picture."""
        frame, ms = request.frame, (time.perf_counter() - started) * 1e3
        return Analysis(
            request.file,
            frame.index,
            "refused",
            reason,
            corrected=request.corrections,
            notes=frame.notes,
            total_ms=ms,
        )

    def _judge(self, sight: Sight, corrections: Sequence[Correction], said: str) -> gate.Verdict | Failure:
        gatekeeper = self.registry.load(gate.GATE_MODEL)
        if isinstance(gatekeeper, Failure):
            return gatekeeper
        frame = sight.frame
        told = frame.inverted, frame.lateral, frame.not_t1
        return _guarded(gatekeeper, lambda: gate.judge(gatekeeper, sight.values, *told, sight.small, corrections, said))

    def _mismatch(self, request: AnalysisRequest, kind: str, frame: Frame) -> Failure | None:
        """Why the model asked for by name must not judge a picture of this kind with this header, or None."""
        model = request.model
        card = self.registry.cards.get(model)
        if model == AUTO or card is None:
            return None
        if card.kind == kind:
            if request.kind or not self._not_for(card, frame):
                return None
            return Failure(
                Code.WRONG_MODEL,
                Text("The model {model} is not for such a file, by its header.", model=model),
                Text("Let medview choose the model."),
            )
        names = self.kind_names()
        return Failure(
            Code.WRONG_MODEL,
            Text(
                "The model {model} judges {kind}; this looks like {seen}.",
                model=model,
                kind=names.get(card.kind, card.kind),
                seen=names.get(kind, kind),
            ),
            Text("Let medview choose the model, or open the right picture."),
        )

    def _choose(self, model: str, verdict: gate.Verdict, frame: Frame, refused: bool) -> list[Card]:
        """Cards to run: the model asked for, or those of the picture's kind. For a picture that was refused and forced,
        those of the most probable kind that has any."""
        if model != AUTO:
            return [self.registry.cards[model]] if model in self.registry.cards else []
        likely = sorted(verdict.scores, key=lambda kind: -verdict.scores[kind]) if refused else []
        cards = next((found for kind in (verdict.kind, *likely) if (found := self.registry.for_kind(kind))), [])
        # Of the models of a kind each has its own rules; where the user overruled the header, none is left out.
        return [card for card in cards if not self._not_for(card, frame)] or cards

    def _not_for(self, card: Card, frame: Frame) -> bool:
        return card.accepts is not None and header_rules.ruled_out(card.accepts, frame) is not None

    def _answer(self, card: Card, sight: Sight, earlier: list[Result], alone: bool) -> Result | Failure:
        """What one model says. `alone`: the user asked for it by name, without its first stage."""
        if not alone and (silent := _first_is_silent(card, earlier)):
            return silent
        model = self.registry.load(card.id)
        return _guarded(model, partial(run_model, model, sight, earlier)) if isinstance(model, Model) else model

    def _run(self, cards: list[Card], sight: Sight, token: Token, alone: bool) -> tuple[list[Result], list[Failure]]:
        results: list[Result] = []
        failures: list[Failure] = []
        for number, card in enumerate(cards):
            token.progress(0.2 + 0.8 * number / len(cards), card.name)
            result = self._answer(card, sight, results, alone)
            if isinstance(result, Failure):
                failures.append(result)
            else:
                results.append(result)
            token.check()
        return results, failures

    def _none_ran(self, model: str, failures: list[Failure]) -> Failure:
        """Why no model answered: its failure, or that there is none, with those that are switched off named."""
        if model in self.registry.broken:
            return self.registry.broken[model]
        if failures:
            return failures[0]
        text = Text("No model is installed for this kind of picture.")
        if self.registry.broken:
            off = ", ".join(self.registry.broken)
            text = Text("No model is installed for this kind of picture. Switched off: {models}.", models=off)
        return Failure(Code.NO_MODEL, text, Text("Install medview again, with its models."))


def _damaged(frame: Frame) -> Failure | None:
    """The refusal of a picture whose data is known to be damaged: what a network says of invented pixels is nothing."""
    detail = "noted when it was opened" if DAMAGED_PART in frame.notes else frame.damage()
    if not detail:
        return None
    return Failure(
        Code.CORRUPT,
        Text("Part of this picture is damaged, and so no model judges it."),
        Text("Copy the file again from where it came from, or send it again from the archive."),
        detail,
    )


T = TypeVar("T")


def _guarded(model: Model, work: Callable[[], T]) -> T | Failure:
    """The border to ONNX Runtime and to what a model folder may still hold: whatever it raises becomes a failure."""
    try:
        return work()
    except Cancelled:
        raise
    except BadAnswer as error:
        log.error("%s: %s", model.card.id, error)
        return Failure(
            Code.MODEL_FAILED,
            Text(
                "The model {id} failed on this picture: {error}. It says nothing about it.",
                id=model.card.id,
                error=error.why,
            ),
            Text("Do without this model, and tell whoever made it."),
            str(error),
        )
    except Exception as error:
        log.exception("%s failed", model.card.id)
        return Failure(
            Code.MODEL_FAILED,
            Text("The model {id} could not judge this picture.", id=model.card.id),
            Text("Try the CPU (--device cpu); if it stays, report it with the log."),
            repr(error),
        )


@dataclass(eq=False)
class Sight:
    """One picture as the networks see it: what several of them want alike is made once.

    Attributes:
        values: those of `frame`, (rows, cols[, 3]).
        lungs: where the gate found them, None where it did not look.
    """

    values: NDArray[Any]
    frame: Frame
    lungs: Region | None = None
    _inputs: dict[Preprocess, tuple[NDArray[np.float32], Region]] = field(default_factory=dict)

    @cached_property
    def small(self) -> NDArray[Any]:
        """The values, of a large film `shrunk`: every network's input is made of these."""
        return shrunk(self.values)

    def input(self, rule: Preprocess) -> tuple[NDArray[np.float32], Region]:
        """The tensor by a card's rule (`medview.inference.preprocess.preprocess`) and the region it shows."""
        if rule not in self._inputs:
            region = region_of(self.small, rule, self.frame.inverted, self.lungs)
            self._inputs[rule] = preprocess(self.small, rule, self.frame.inverted, region), region
        return self._inputs[rule]


def run_model(model: Model, sight: Sight, earlier: list[Result]) -> Result:
    """One model on one picture. A second stage marks nothing when the first says there is nothing to mark."""
    card = model.card
    started = time.perf_counter()
    size, spacing = (sight.values.shape[0], sight.values.shape[1]), sight.frame.spacing_mm
    skipped_by = _ruled_out(card, earlier)
    region = WHOLE
    if skipped_by:
        reading = mask_reading(card, np.zeros(size, np.uint8), spacing)
    else:
        tensor, region = sight.input(card.preprocess)
        reading = ADAPTERS[card.task](card, model.network.run(tensor), size, spacing, region)
    return Result(
        card=card,
        provider=model.network.provider,
        ms=(time.perf_counter() - started) * 1e3,
        probabilities=reading.probabilities,
        findings=reading.findings,
        mask=reading.mask,
        heatmaps=reading.heatmaps,
        skipped_by=skipped_by,
        prediction_set=reading.prediction_set,
        region=region,
    )


def _first_is_silent(card: Card, earlier: list[Result]) -> Failure | None:
    """Why a second stage must not run: its first stage, which may rule it out, has failed or is not there."""
    stage = card.first_stage
    if stage is None or any(result.card.id == stage.model for result in earlier):
        return None
    return Failure(
        Code.MODEL_FAILED,
        Text(
            "The model {id} was not run, since {model}, which has to answer first, did not.",
            id=card.id,
            model=stage.model,
        ),
        Text("See what is wrong with {model}: `medview models`, or Help > Models.", model=stage.model),
        f"no result of {stage.model}",
    )


def _ruled_out(card: Card, earlier: list[Result]) -> str:
    """Id of the first stage that says surely enough that there is nothing for this second one, or empty."""
    stage = card.first_stage
    for result in earlier:
        if stage and result.card.id == stage.model and result.probabilities:
            return stage.model if result.probabilities.get(stage.unless, 0.0) >= stage.probability else ""
    return ""
