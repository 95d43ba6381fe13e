"""What was said of the series that is open, and what of it lies over the picture. QtCore only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from medview.core.settings import Settings
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis, heatmap_of
from medview.inference.limits import first_label
from medview.workspace.view import Answer, Overlay

KEPT = ("heatmap_on", "heatmap_opacity", "mask_on", "mask_opacity")


class Answers(QObject):
    """Lives on the Qt thread.

    Attributes:
        analysis: of the shown frame, or None while there is none.
        cancelled: the user stopped it.
        last: the newest one of the series, whichever frame it is of.
        overlay: what lies over the picture, and whose heatmap it is.

    changed: `analysis`. overlaid: `overlay`, or what it shows.
    """

    changed = Signal()
    overlaid = Signal()

    def __init__(self, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self.analysis: Analysis | None = None
        self.cancelled = False
        self.last: Answer | None = None
        self.overlay = Overlay(**{key: settings[key] for key in KEPT})
        self._chosen: tuple[str, str] | None = None

    def take(self, analysis: Analysis | None, frame: Frame | None, coming: bool) -> None:
        """The analysis of a frame, or that there is none; `coming`: it is on its way."""
        self.analysis = analysis
        if analysis is not None and frame is not None:
            self.last = Answer(analysis, frame)
        if analysis is not None or not (coming and self.last):
            self.overlay = replace(self.overlay, label=self._label(analysis))
        self.changed.emit()
        self.overlaid.emit()

    def _label(self, analysis: Analysis | None) -> tuple[str, str] | None:
        """Whose heatmap is shown: what the user chose stays so from slice to slice, where the new answer has it."""
        chosen = heatmap_of(analysis, self._chosen) is not None
        return self._chosen if chosen else first_label(analysis) if analysis else None

    def steady(self, before: Analysis, after: Analysis) -> None:
        """The stability of an analysis is known now."""
        if self.analysis is before and self.last is not None:
            self.analysis, self.last = after, replace(self.last, analysis=after)
            self.changed.emit()

    def cancel(self) -> None:
        """The user stopped the analysis."""
        self.cancelled = True
        self.changed.emit()

    def forget(self) -> None:
        """Another series is another patient, perhaps: nothing of this one may be seen beside it."""
        self.last = self._chosen = None

    def lay(self, **changes: Any) -> dict[str, Any]:
        """Change fields of the overlay; those that are settings are given back."""
        changed = replace(self.overlay, **changes)
        if changed == self.overlay:
            return {}
        self.overlay = changed
        self._chosen = changes.get("label", self._chosen)
        self.overlaid.emit()
        return {key: value for key, value in changes.items() if key in KEPT}
