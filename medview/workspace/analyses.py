"""The second looks at pictures: the jobs that make them, what they said, what was put right before, and what the user
said that a picture is. No signals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from medview.core.cache import Kept
from medview.core.failures import Failure
from medview.core.jobs import Token
from medview.core.settings import Settings
from medview.core.texts import Text
from medview.inference.analysis import Analysis, analysis_bytes
from medview.inference.corrections import Correction
from medview.inference.request import AnalysisRequest
from medview.workspace.runner import Job, Runner
from medview.workspace.view import Picture

ANALYSIS_BYTES = 64 * 1024 * 1024

# (file, its time of change, frame): what a picture and an analysis are kept under.
Key = tuple[Path, int, int]


class Analyses:
    """Analyses by picture, each of the picture after its corrections. Lives on the Qt thread; gets pictures as the file
    has them.

    What it calls: `taken(analysis)` when the picture that was asked for last has an analysis, or none;
    `steadied(before, after)` when the stability of an analysis is known.
    """

    def __init__(
        self,
        runner: Runner,
        engine: LazyEngine,
        taken: Callable[[Analysis | None], None],
        steadied: Callable[[Analysis, Analysis], None],
    ) -> None:
        self._runner, self._engine = runner, engine
        self._taken, self._steadied = taken, steadied
        self._kept: Kept[Key, Analysis] = Kept(ANALYSIS_BYTES)
        self._corrections: dict[Key, tuple[Correction, ...]] = {}
        self._kinds: dict[Key, str] = {}

    def corrections(self, key: Key) -> tuple[Correction, ...]:
        """What was put right in a picture."""
        return self._corrections.get(key, ())

    def set_corrections(self, key: Key, corrections: tuple[Correction, ...]) -> None:
        """Put right something else; what was said of the picture counts no more."""
        self._corrections[key] = corrections
        self._kept.drop(key)

    def kind(self, key: Key) -> str:
        """What the user said that a picture is; empty where that is left to the gate."""
        return self._kinds.get(key, "")

    def set_kind(self, key: Key, kind: str) -> None:
        """The user says what a picture is, or (empty) takes it back; what was said of the picture counts no more."""
        self._kinds[key] = kind
        self._kept.drop(key)

    def recall(self, key: Key, picture: Picture) -> None:
        """Take what was said of a picture that is shown again."""
        analysis = self._kept.get(key)
        self._taken(analysis)
        if analysis is not None:
            self._add_stability(key, self._request(key, picture), analysis)

    def start(self, key: Key, picture: Picture, force: bool) -> None:
        """Let the models look at a picture; `force`: although the gate refuses."""
        request = self._request(key, picture, force)

        def work(token: Token) -> Analysis:
            return self._engine.get().analyse(request, token)

        def failed(failure: Failure) -> None:
            self._taken(Analysis(request.file, picture.frame.index, "error", failure))

        text = Text("loading the models") if not self._engine.made else Text("checking the picture")
        self._kept.drop(key)
        self._runner.start(Job("analyse", text, work, partial(self._on_done, key, request), failed))

    def _request(self, key: Key, picture: Picture, force: bool = False) -> AnalysisRequest:
        frame, corrections = picture.frame, self.corrections(key)
        return AnalysisRequest(
            frame, str(frame.path), picture.values, corrections=corrections, kind=self.kind(key), force=force
        )

    def _on_done(self, key: Key, request: AnalysisRequest, analysis: Analysis) -> None:
        self._kept.put(key, analysis, analysis_bytes(analysis))
        self._taken(analysis)
        self._add_stability(key, request, analysis)

    def _add_stability(self, key: Key, request: AnalysisRequest, analysis: Analysis) -> None:
        """Behind the answer, which nobody has to wait for then (docs/adr/0007)."""
        if not any(result.probabilities and result.stability is None for result in analysis.results):
            return

        def work(token: Token) -> Analysis:
            return self._engine.get().add_stability(analysis, request, token)

        self._runner.start(Job("stability", "", work, partial(self._on_steadied, key, analysis)))

    def _on_steadied(self, key: Key, before: Analysis, analysis: Analysis) -> None:
        if self._kept.get(key) is before:
            self._kept.put(key, analysis, analysis_bytes(analysis))
        self._steadied(before, analysis)


class EngineLike(Protocol):
    """What the workspace needs of `medview.inference.engine.Engine`."""

    def analyse(self, request: AnalysisRequest, token: Token | None = None) -> Analysis:
        """Judge one frame."""

    def add_stability(self, analysis: Analysis, request: AnalysisRequest, token: Token | None = None) -> Analysis:
        """The analysis of a request with the range of each probability over small changes of the picture."""

    def statuses(self) -> Sequence[Any]:
        """One `ModelStatus` per model folder."""

    def kind_names(self) -> dict[str, str]:
        """What people call the kinds of picture, by id."""

    def kinds(self) -> dict[str, str]:
        """What a user may say that a picture is, by id: the kinds that a model judges."""


EngineFactory = Callable[[], EngineLike]


def make_engine(settings: Settings) -> EngineLike:
    """The real engine. Imported here: ONNX Runtime is loaded in the worker that first needs it."""
    from medview.inference.engine import Engine

    folder = settings["models_folder"]
    return Engine(Path(folder) if folder else None, settings["device"])


class LazyEngine:
    """The engine, made when a worker first asks for it; safe from any thread."""

    def __init__(self, factory: EngineFactory) -> None:
        self._factory = factory
        self._lock = threading.Lock()
        self.made: EngineLike | None = None

    def get(self) -> EngineLike:
        """The engine. Raises what its making raises, every time."""
        with self._lock:
            if self.made is None:
                self.made = self._factory()
            return self.made

    def kind_name(self, kind: str) -> str:
        """What people call a kind of picture, from the gate's card."""
        names = self.made.kind_names() if self.made else {}
        return names.get(kind) or kind.replace("_", " ")

    def kinds(self) -> dict[str, str]:
        """What a user may say that a picture is, by the gate's name for it; empty until the engine is made."""
        return self.made.kinds() if self.made else {}
