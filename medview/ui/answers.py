"""What an analysis says, as widgets from top to bottom: the headline first, then what limits it, then each model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QLabel, QWidget

from medview.core.failures import Code, Failure
from medview.inference import limits
from medview.inference.analysis import Analysis
from medview.inference.card import Card
from medview.inference.corrections import Correction, combined
from medview.inference.gate import OTHER
from medview.inference.quality import QualityNote
from medview.inference.validity import one_line
from medview.ui import words
from medview.ui.headline import headline
from medview.ui.kinds import says
from medview.ui.popover import Popover
from medview.ui.results import ResultBox
from medview.ui.widgets import Choice, MessageBox, label, set_tip
from medview.workspace import Workspace
from medview.workspace.viewport import Viewport

# Refusals that the user may not overrule: such a picture holds nothing an answer could rest on.
FINAL = frozenset((Code.BLANK, Code.TOO_SMALL))
translate = QCoreApplication.translate


class AnswerWidgets:
    """Makes the widgets. `about` is called with the card of a model that the user wants to read; a row that is clicked
    is explained in `popover`."""

    def __init__(
        self, workspace: Workspace, viewport: Viewport, about: Callable[[Card], object], popover: Popover
    ) -> None:
        self._engine, self._viewport = workspace.engine, viewport
        self._about, self._popover = about, popover

    def widgets(self, analysis: Analysis) -> list[QWidget]:
        """Everything there is to say of an analysis."""
        reason = analysis.reason
        if reason and reason.code is Code.OTHER_MODALITY and not analysis.results:
            # The header has ruled it out, perhaps in every series that is open: no more than one line.
            line = label(words.shown(reason.text), "muted", wrap=True)
            set_tip(line, words.shown(reason.hint))
            return [line]
        if analysis.status == "error" and reason:
            again = self._choice(translate("answers", "Try again"), self._viewport.analyse)
            return [_message("alarm", reason, [again]), *self._by_user(analysis), *self._corrected(analysis)]
        if analysis.status == "refused" and reason:
            return self._refused(analysis, reason)
        return self._judged(analysis)

    def _judged(self, analysis: Analysis) -> list[QWidget]:
        said = headline(analysis)
        head = label(words.unbroken(said.text), "headline", wrap=True)
        head.setProperty("tone", said.tone)
        # Room for two lines, so that what follows stays in its place from slice to slice.
        head.setMinimumHeight(2 * head.fontMetrics().lineSpacing())
        widgets: list[QWidget] = [head, *_validity(analysis)]
        widgets += [_message("caution", found, []) for found in analysis.contradictions]
        widgets += [*self._by_user(analysis), *self._corrected(analysis)]
        if analysis.forced and analysis.reason:
            own = translate("answers", "Analysed at your own request")
            widgets.append(_message("caution", analysis.reason, self._corrections(analysis), own))
        widgets += self._quality(analysis)
        widgets += [
            ResultBox(self._viewport, analysis, result, self._about, self._popover)
            for result in limits.strongest_first(analysis.results)
        ]
        widgets += [_message("alarm", warning, []) for warning in analysis.warnings]
        return [*widgets, *self._kind(analysis)]

    def _refused(self, analysis: Analysis, reason: Failure) -> list[QWidget]:
        head = translate("answers", "Not analysed")
        if reason.code not in FINAL and limits.kind(analysis) in ("", OTHER):
            # No correction and no insisting makes one of our kinds of what is none. What it is, the user can say.
            message = _message("caution", reason, self._kinds(), head)
            return [message, *self._corrected(analysis), *self._quality(analysis)]
        force = self._choice(translate("answers", "Analyse all the same"), lambda: self._viewport.analyse(force=True))
        choices = [*self._corrections(analysis), *([] if reason.code in FINAL else [force])]
        message = _message("caution", reason, choices, head)
        return [
            message, *self._by_user(analysis), *self._corrected(analysis), *self._quality(analysis),
            *self._kind(analysis),
        ]  # fmt: skip

    def _choice(self, text: str, run: Callable[[], object], role: str = "") -> Choice:
        """Of an answer to the frame that is shown: while that of another one is, nothing happens."""
        return Choice(text, lambda: run() if self._viewport.analysis is not None else None, role)

    # What the picture is

    def _kinds(self) -> list[Choice]:
        viewport = self._viewport
        said = [
            self._choice(says(name), partial(viewport.set_kind, kind)) for kind, name in self._engine.kinds().items()
        ]
        return [Choice(translate("answers", "Say what it is"), lambda: None, more=tuple(said))] if said else []

    def _by_user(self, analysis: Analysis) -> list[QWidget]:
        if not analysis.kind_by_user:
            return []
        told = translate("answers", "You said this is {0}").format(self._engine.kind_name(analysis.kind))
        back = self._choice(translate("answers", "Take back"), lambda: self._viewport.set_kind(""))
        doubt = next((note for note in analysis.quality if note.code is Code.UNFAMILIAR), None)
        if doubt is not None:
            told = translate("answers", "{0}; medview did not recognise it").format(told)
        return [MessageBox("caution" if doubt else "", told, words.shown(doubt.hint) if doubt else "", "", [back])]

    def _kind(self, analysis: Analysis) -> list[QWidget]:
        kind = limits.kind(analysis)
        if not kind or analysis.kind_by_user:
            return []
        score = analysis.kind_scores.get(kind)
        text = translate("answers", "Kind of picture: {0}").format(self._engine.kind_name(kind))
        if score is not None:
            text = words.beside(text, words.percent(score, 0))
        return [label(text, "muted", wrap=True)]

    # How good it is

    def _correction(self, correction: Correction) -> Choice:
        viewport = self._viewport
        return self._choice(
            words.correction(correction),
            lambda: viewport.set_corrections(combined(viewport.corrections, correction)),
            "primary",
        )

    def _corrections(self, analysis: Analysis) -> list[Choice]:
        """Corrections of what the picture was refused for."""
        reason = analysis.reason
        return [
            self._correction(note.correction)
            for note in analysis.quality
            if reason and note.correction and note.code == reason.code
        ]

    def _quality(self, analysis: Analysis) -> list[QWidget]:
        """The notes about the picture: each with a correction by itself with its button, the others together."""
        told = {analysis.reason.code if analysis.reason else None}
        told |= {Code.UNFAMILIAR} if analysis.kind_by_user else set()
        notes = [note for note in analysis.quality if note.code not in told]
        boxes: list[QWidget] = [
            _message("caution", note, [self._correction(note.correction)]) for note in notes if note.correction
        ]
        others = [note for note in notes if not note.correction]
        return [*boxes, *([_notes(others)] if others else [])]

    def _corrected(self, analysis: Analysis) -> list[QWidget]:
        if not analysis.corrected:
            return []
        done = words.listed(words.corrected(correction) for correction in analysis.corrected)
        back = self._choice(translate("answers", "As in the file"), lambda: self._viewport.set_corrections(()))
        text = translate("answers", "The models and you see the picture {0}.").format(done)
        return [MessageBox("", translate("answers", "Corrected"), text, "", [back])]


def _message(tone: str, said: Failure | QualityNote, choices: list[Choice], head: str = "") -> MessageBox:
    title = words.title(said.code)
    title = words.named(head, words.small_start(title)) if head else title
    detail = said.detail if isinstance(said, Failure) else ""
    return MessageBox(tone, title, words.shown(said.text), words.shown(said.hint), choices, detail)


def _validity(analysis: Analysis) -> list[QLabel]:
    """One line: what the answer is limited to."""
    said = one_line(tuple(map(words.shown, analysis.validity)))
    return [label(said, "muted", wrap=True)] if said else []


def _notes(notes: list[QualityNote]) -> MessageBox:
    """One note under its own title; several as lines under one that names none of them."""
    if len(notes) == 1:
        return _message("caution", notes[0], [])
    title = translate("answers", "%n notes about this picture", None, len(notes))
    lines = dict.fromkeys(f"• {words.told(note)}" for note in notes)
    return MessageBox("caution", title, "\n".join(lines))
