"""The engine, made when it is first needed, and the analyses that were made with it. No signals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from medview.core.cache import Kept
from medview.core.jobs import Token
from medview.core.settings import Settings
from medview.inference.analysis import Analysis, analysis_bytes
from medview.inference.corrections import Correction
from medview.inference.request import AnalysisRequest
from medview.workspace.view import Key

ANALYSIS_BYTES = 64 * 1024 * 1024


class AnalysisKey(NamedTuple):
    """What an analysis is kept under: the picture, what was corrected in it before, and what the user said it is."""

    key: Key
    corrections: tuple[Correction, ...]
    kind: str


class Analyses:
    """The analyses of all viewports, up to a number of bytes. Lives on the Qt thread."""

    def __init__(self, engine: LazyEngine) -> None:
        self.engine = engine
        self._kept: Kept[AnalysisKey, Analysis] = Kept(ANALYSIS_BYTES)

    def get(self, asked: AnalysisKey) -> Analysis | None:
        """What was said, if it is still known."""
        return self._kept.get(asked)

    def keep(self, asked: AnalysisKey, analysis: Analysis) -> None:
        """Remember what was said."""
        self._kept.put(asked, analysis, analysis_bytes(analysis))

    def drop(self, asked: AnalysisKey) -> None:
        """Forget what was said: it is asked anew."""
        self._kept.drop(asked)

    def replace(self, asked: AnalysisKey, before: Analysis, after: Analysis) -> None:
        """More is known of an analysis, if it is still the one that is kept."""
        if self._kept.get(asked) is before:
            self.keep(asked, after)


class EngineLike(Protocol):
    """What the workspace needs of `medview.inference.engine.Engine`."""

    def analyse(self, request: AnalysisRequest, token: Token | None = None) -> Analysis:
        """Judge one frame."""

    def add_stability(self, analysis: Analysis, request: AnalysisRequest, token: Token | None = None) -> Analysis:
        """The analysis of a request with the range of each probability over small changes of the picture."""

    def statuses(self) -> Sequence[Any]:
        """One `ModelStatus` per model folder."""

    def kind_names(self) -> dict[str, str]:
        """The names of the kinds of picture, by id."""

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
        """The name of a kind of picture, from the gate's card."""
        names = self.made.kind_names() if self.made else {}
        return names.get(kind) or kind.replace("_", " ")

    def kinds(self) -> dict[str, str]:
        """What a user may say that a picture is, by the gate's name for it; empty until the engine is made."""
        return self.made.kinds() if self.made else {}
