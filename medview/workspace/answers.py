"""What the models say of the picture in one viewport, and what of it lies over the picture. QtCore only."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from medview.core.failures import Failure
from medview.core.jobs import Token
from medview.core.settings import Settings
from medview.core.texts import Text
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis, heatmap_of
from medview.inference.limits import first_label
from medview.inference.request import AnalysisRequest
from medview.workspace.analyses import Analyses, AnalysisKey
from medview.workspace.runner import Job, Lanes
from medview.workspace.view import Answer, LayerSettings

# Layer settings that a new viewport takes from the settings.
REMEMBERED = ("heatmap_on", "heatmap_opacity", "mask_on", "mask_opacity")


class Answers(QObject):
    """Lives on the Qt thread.

    Attributes:
        last: the newest answer of the series, whichever frame it is of; None before the first.
        cancelled: the user stopped it.
        layers: how heatmap and mask lie over the picture, and whose heatmap it is.

    changed: `analysis`. layersChanged: `layers`, or what they show.
    """

    changed = Signal()
    layersChanged = Signal()

    def __init__(self, lanes: Lanes, analyses: Analyses, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._lanes, self._analyses = lanes, analyses
        self.cancelled = False
        self.last: Answer | None = None
        self.layers = LayerSettings(**{key: settings[key] for key in REMEMBERED})
        self._chosen: tuple[str, str] | None = None

    @property
    def analysis(self) -> Analysis | None:
        """What was said of the frame that is shown, or None while there is nothing."""
        return self.last.analysis if self.last is not None and self.last.current else None

    # Asking

    def start(self, asked: AnalysisKey, request: AnalysisRequest) -> None:
        """Let the models look at a picture."""
        engine = self._analyses.engine

        def work(token: Token) -> Analysis:
            return engine.get().analyse(request, token)

        def done(analysis: Analysis) -> None:
            self._analyses.keep(asked, analysis)
            self._take(analysis, request.frame)
            self._add_stability(asked, request, analysis)

        def failed(failure: Failure) -> None:
            self._take(Analysis(request.file, request.frame.index, "error", failure), request.frame)

        text = Text("loading the models") if not engine.made else Text("checking the picture")
        self._analyses.drop(asked)
        self._lanes.start(Job("analyse", text, work, done, failed))
        self.cancelled = False
        self.outdate(coming=True)

    def recall(self, asked: AnalysisKey, request: AnalysisRequest, coming: bool) -> None:
        """Take what was said of a picture that is shown again; `coming`: where nothing was, it will be."""
        self.cancelled = False
        analysis = self._analyses.get(asked)
        if analysis is None:
            self.outdate(coming)
            return
        self._take(analysis, request.frame)
        self._add_stability(asked, request, analysis)

    def cancel(self) -> None:
        """The user stops the analysis."""
        if self._lanes.busy("analyse"):
            self._lanes.cancel("analyse")
            self.cancelled = True
            self.changed.emit()

    def forget(self) -> None:
        """Another series is another patient, perhaps: nothing of this one may be seen beside it, nor come later."""
        self._lanes.cancel("analyse", "stability")
        self.last = self._chosen = None

    def outdate(self, coming: bool) -> None:
        """Nothing was said of what is shown now; `coming`: it is on its way, and the layers stay as they are."""
        self._lanes.cancel("stability")
        if self.last is not None:
            self.last = replace(self.last, current=False)
        if not (coming and self.last):
            self.layers = replace(self.layers, label=None)
        self._tell()

    def _take(self, analysis: Analysis, frame: Frame) -> None:
        self._lanes.cancel("stability")
        self.last = Answer(analysis, frame)
        # What the user chose stays so from slice to slice, where the new answer has it.
        chosen = heatmap_of(analysis, self._chosen) is not None
        self.layers = replace(self.layers, label=self._chosen if chosen else first_label(analysis))
        self._tell()

    def _tell(self) -> None:
        self.changed.emit()
        self.layersChanged.emit()

    def _add_stability(self, asked: AnalysisKey, request: AnalysisRequest, analysis: Analysis) -> None:
        """Behind the answer, which nobody has to wait for then (docs/adr/0007)."""
        if not any(result.probabilities and result.stability is None for result in analysis.results):
            return

        def work(token: Token) -> Analysis:
            return self._analyses.engine.get().add_stability(analysis, request, token)

        self._lanes.start(Job("stability", "", work, partial(self._on_stability, asked, analysis)))

    def _on_stability(self, asked: AnalysisKey, before: Analysis, after: Analysis) -> None:
        self._analyses.replace(asked, before, after)
        if self.last is not None and self.last.current and self.last.analysis is before:
            self.last = replace(self.last, analysis=after)
            self.changed.emit()

    # Layers

    def set_layers(self, **changes: Any) -> bool:
        """Change fields of `layers`; whether that changes anything."""
        changed = replace(self.layers, **changes)
        if changed == self.layers:
            return False
        self.layers = changed
        self._chosen = changes.get("label", self._chosen)
        self.layersChanged.emit()
        return True
