"""The right-hand column: what is going on, what the models said or why not, and the switches of the layers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGraphicsOpacityEffect,
    QHBoxLayout,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from medview.core.failures import Code
from medview.core.samples import Sample
from medview.imaging.study import Study
from medview.inference.analysis import Analysis
from medview.report.known import mistakes
from medview.ui import theme, words
from medview.ui.answers import AnswerWidgets
from medview.ui.popover import Popover
from medview.ui.probability_row import ProbabilityRow
from medview.ui.results import ResultBox
from medview.ui.segmentation_list import SegmentList
from medview.ui.switches import LayerSwitches
from medview.ui.widgets import Box, Elided, MessageBox, button, keep_place, label
from medview.workspace import Workspace
from medview.workspace.view import Answer
from medview.workspace.viewport import Viewport

WIDTH = 352
# What takes no longer than this is not shown as going on.
LATE_MS = 150
# How strongly the answer of another frame is drawn while that of the shown one is on its way.
DIMMED = 0.45


class BusyRow(QWidget):
    """What a lane does, how far it is, and a button to stop it. Always there, so that nothing jumps."""

    def __init__(self, viewport: Viewport) -> None:
        super().__init__()
        self.viewport = viewport
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.DOUBLE, theme.STEP, theme.DOUBLE, theme.STEP)
        column.setSpacing(theme.HALF)
        line = QHBoxLayout()
        self.text = Elided("", "heading")
        self.stop = button(self.tr("Cancel"), viewport.cancel_analysis, "link")
        line.addWidget(self.text, 1)
        line.addWidget(self.stop)
        column.addLayout(line)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName(self.tr("Progress of the analysis"))
        column.addWidget(self.bar)
        self.bar.setFixedHeight(4)
        for widget in (self.stop, self.bar):
            keep_place(widget)
        self._late = QTimer(self, singleShot=True, interval=LATE_MS)
        self._late.timeout.connect(self._show)
        viewport.busyChanged.connect(self.refresh)
        viewport.analysisChanged.connect(self.refresh)
        self._show()

    def refresh(self) -> None:
        """Show the analysis lane; what is over in a moment is not worth a flicker."""
        busy = self.viewport.busy("analyse") is not None
        if not busy or not self.stop.isHidden():
            self._late.stop()
            self._show()
        elif not self._late.isActive():
            self._late.start()

    def _show(self) -> None:
        busy = self.viewport.busy("analyse")
        self.stop.setVisible(busy is not None)
        self.bar.setVisible(busy is not None)
        if busy is None:
            self.text.set_text(self.tr("Second look"))
            return
        self.text.set_text(words.progress(busy.text) + "…")
        self.bar.setValue(round((busy.share or 0.0) * 1000))


def _without_stability(analysis: Analysis) -> Analysis:
    results = tuple(replace(result, stability=None, unstable=()) for result in analysis.results)
    return replace(analysis, results=results)


class FindingsPanel(QWidget):
    """Shows the viewport's analysis, or why there is none and what to do about it.

    While a series is stepped through, the answer of the slice before stays, dimmed and named, until the new one comes.
    Of one of the `samples` it also says what it is known to show, and what the models say wrongly of it.

    cardAsked(medview.inference.card.Card): the user wants to read a model's card.
    """

    cardAsked = Signal(object)

    def __init__(
        self,
        workspace: Workspace,
        viewport: Viewport,
        samples: Sequence[Sample] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._known = {sample.path: sample for sample in samples}
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.viewport = viewport
        self.setAccessibleName(self.tr("Findings"))
        self.setMinimumWidth(300)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.busy = BusyRow(viewport)
        self.slice = Elided("", "muted", Qt.TextElideMode.ElideRight)
        self.slice.setContentsMargins(theme.DOUBLE, 0, theme.DOUBLE, theme.HALF)
        self.area = QScrollArea()
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Its place is kept while it is not needed: boxes that become wider from slice to slice would jump.
        self.area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        scroll = self.area.verticalScrollBar()
        scroll.rangeChanged.connect(lambda least, most: scroll.setEnabled(most > least))
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.segments = SegmentList(workspace, viewport)
        self.switches = LayerSwitches(viewport)
        for part, stretch in ((self.busy, 0), (self.slice, 0), (self.area, 1), (self.segments, 0), (self.switches, 0)):
            column.addWidget(part, stretch)
        self.popover = Popover(self)
        self.area.verticalScrollBar().valueChanged.connect(self.popover.leave)
        self.answers = AnswerWidgets(workspace, viewport, self.cardAsked.emit, self.popover)
        self.widgets: list[QWidget] = []
        self._shown: tuple[object, ...] = ()
        for signal in (viewport.analysisChanged, viewport.pictureChanged, viewport.busyChanged):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Follow the viewport; widgets are built anew only where there is something new to say."""
        answer = self.viewport.answer
        self._rebuild_if_new(answer)
        self._follow(answer)

    def _rebuild_if_new(self, answer: Answer | None) -> None:
        viewport = self.viewport
        idle = answer is None and not viewport.busy("analyse") and not viewport.busy("open")
        shown = answer.analysis if answer else None
        picture, cancelled = None if shown else viewport.picture, idle and viewport.cancelled
        told = (viewport.entry, picture, viewport.plane, shown, idle, cancelled)
        if len(told) == len(self._shown) and all(a is b for a, b in zip(told, self._shown, strict=True)):
            return
        before, self._shown = self._shown, told
        said = before[3] if before else None
        if isinstance(said, Analysis) and shown and _without_stability(said) == _without_stability(shown):
            # Built anew, they would take the focus and the place from the user who reads them.
            self._show_stability(shown)
            return
        self.popover.leave()
        self._build(self._widgets(answer, idle), same_series=bool(before) and before[0] is viewport.entry)

    def _follow(self, answer: Answer | None) -> None:
        """What is known of the shown frame before its answer: its notes, and whether the answer is of another one."""
        viewport = self.viewport
        old = answer is not None and viewport.analysis is None
        study = viewport.study
        # What the header says of a series holds for all of it.
        reason = answer.analysis.reason if answer else None
        for_all = reason is not None and reason.code is Code.OTHER_MODALITY
        several = study is not None and len(study.frames) > 1
        self.slice.setVisible(answer is not None and several and not for_all)
        if answer is not None and study is not None:
            self.slice.set_text(self._whose(answer, study))
        # The analysis may know more of how the picture was read: that it is damaged.
        picture, analysis = viewport.picture, viewport.analysis
        found = (*(picture.frame.notes if picture else ()), *(analysis.notes if analysis else ()))
        self.notes.setText("\n".join(dict.fromkeys(map(words.shown, found))))
        self.notes.setVisible(bool(self.notes.text()))
        dimmed = old and not for_all
        body = self.area.widget()
        if body is not None and isinstance(effect := body.graphicsEffect(), QGraphicsOpacityEffect):
            effect.setEnabled(dimmed)
        if dimmed:
            self.popover.leave()

    def _whose(self, answer: Answer, study: Study) -> str:
        """Of which slice the answer is, and, where another one is shown, of which it is not."""
        times, place = study.grid[1], study.number(answer.frame)
        sliced = study.sliced
        name = self.tr("Slice {0}") if sliced else self.tr("Frame {0}")
        follows = self.tr("Slice {0}; slice {1} follows") if sliced else self.tr("Frame {0}; frame {1} follows")
        shown = self.viewport.frame_index
        if place == shown:
            return name.format(place // times + 1)
        return follows.format(place // times + 1, shown // times + 1)

    def _build(self, widgets: list[QWidget], same_series: bool) -> None:
        """Replace the widgets in one go. In the same series place and focus stay where they were."""
        bar, focus = self.area.verticalScrollBar(), QApplication.focusWidget()
        place = bar.value() if same_series else 0
        row = self._place_of(focus) if same_series and isinstance(focus, ProbabilityRow) else None
        self.widgets = widgets
        body = QWidget()
        column = QVBoxLayout(body)
        # Qt does not mirror margins; the scroll bar stands at the end of the line.
        start, end = theme.DOUBLE, 0
        rtl = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        column.setContentsMargins(end if rtl else start, theme.STEP, start if rtl else end, theme.DOUBLE)
        column.setSpacing(theme.STEP + 4)
        for widget in widgets:
            column.addWidget(widget)
        self.notes = label("", "muted", wrap=True)
        column.addWidget(self.notes)
        column.addStretch(1)
        effect = QGraphicsOpacityEffect(body)
        effect.setOpacity(DIMMED)
        effect.setEnabled(False)
        body.setGraphicsEffect(effect)
        # Not deleted at once: it may be a button of the old one that was clicked.
        old = self.area.takeWidget()
        if old is not None:
            old.hide()
            old.deleteLater()
        self.area.setWidget(body)
        column.activate()
        bar.setValue(place)
        if row is not None:
            self._give_focus(*row)

    def _results(self) -> list[ResultBox]:
        return [one for one in self.widgets if isinstance(one, ResultBox)]

    def _place_of(self, row: ProbabilityRow) -> tuple[str, str] | None:
        """(model, label) of a row of this panel."""
        found = (box.result.card.id for box in self._results() if box.rows.get(row.label_id) is row)
        model = next(found, None)
        return None if model is None else (model, row.label_id)

    def _give_focus(self, model: str, label_id: str) -> None:
        for box in self._results():
            if box.result.card.id == model and label_id in box.rows:
                box.rows[label_id].setFocus()

    def _show_stability(self, analysis: Analysis) -> None:
        by_id = {result.card.id: result for result in analysis.results}
        for box in self._results():
            box.set_result(by_id[box.result.card.id])

    def _widgets(self, answer: Answer | None, idle: bool) -> list[QWidget]:
        told = self.answers.widgets(answer.analysis) if answer else self._without_answer() if idle else []
        return [*self._sample(answer), *told]

    def _sample(self, answer: Answer | None) -> list[QWidget]:
        """What one of our own samples is known to show, and where the models get it wrong."""
        picture = self.viewport.picture
        # Not `resolve`, which asks the drive of the picture: that may be gone.
        known = self._known.get(Path(os.path.abspath(picture.frame.path))) if picture else None
        if known is None:
            return []
        wrong = mistakes(known, answer.analysis) if answer else ()
        if not wrong:
            return [label(self.tr("Sample, known as: {0}").format(known.title), "muted", wrap=True)]
        title = self.tr("Known: {0}. Here the model is wrong.")
        if len({mistake.model for mistake in wrong}) > 1:
            title = self.tr("Known: {0}. Here the models are wrong.")
        title = title.format(known.title)
        return [MessageBox("caution", title, "\n".join(words.mistakes(wrong)))]

    def _without_answer(self) -> list[QWidget]:
        """Why there is none, and how to get one."""
        viewport = self.viewport
        if viewport.picture is None:
            return []
        box = Box()
        if viewport.plane is not None:
            told = self.tr(
                "No model looks at this picture: it was computed from the slices, and the models learned from pictures "
                "as they were acquired."
            )
            box.box.addWidget(label(told, "muted", wrap=True))
            box.box.addWidget(button(self.tr("Show as acquired"), lambda: viewport.show_plane(None)))
            return [box]
        text = self.tr("The analysis was cancelled.") if viewport.cancelled else self.tr("Not analysed yet.")
        box.box.addWidget(label(text, "muted", wrap=True))
        box.box.addWidget(button(self.tr("Analyse"), viewport.analyse, "primary"))
        return [box]
