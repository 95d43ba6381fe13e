"""The right-hand column: what is going on, the switches of the overlays, and what the models said or why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from medview.core.failures import Code, Failure
from medview.imaging.samples import Sample
from medview.inference.analysis import Analysis
from medview.inference.fixes import Fix, combined
from medview.report import limits
from medview.ui import theme, words
from medview.ui.results import ResultCard
from medview.ui.segments import SegmentList
from medview.ui.widgets import Card, Check, Choice, Elided, Legend, MessageCard, button, keep_place, label, set_tip
from medview.workspace import Workspace

WIDTH = 352
# Refusals that the user may not overrule: such a picture holds nothing an answer could rest on.
FINAL = frozenset((Code.BLANK, Code.TOO_SMALL))


class BusyRow(QWidget):
    """What a lane does, how far it is, and a button to stop it. Always there, so that nothing jumps."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.DOUBLE, theme.STEP, theme.DOUBLE, theme.STEP)
        column.setSpacing(theme.HALF)
        line = QHBoxLayout()
        self.text = Elided("", "heading")
        self.stop = button(self.tr("Cancel"), lambda: workspace.cancel("analyse"), "link")
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
        workspace.busyChanged.connect(self.refresh)
        workspace.analysisChanged.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the analysis lane."""
        busy = self.workspace.busy("analyse")
        self.stop.setVisible(busy is not None)
        self.bar.setVisible(busy is not None)
        if busy is None:
            self.text.set_text(self.tr("Second look"))
            return
        self.text.set_text(words.progress(busy.text) + "…")
        self.bar.setValue(round((busy.share or 0.0) * 1000))


class OverlaySwitches(QWidget):
    """Heatmap and mask: on or off, and how strongly."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        grid = QGridLayout(self)
        grid.setContentsMargins(theme.DOUBLE, 0, theme.DOUBLE, theme.STEP)
        grid.setHorizontalSpacing(theme.DOUBLE)
        grid.setVerticalSpacing(theme.HALF)
        grid.setColumnStretch(1, 1)
        self.heat_switch, self.heat_slider = self._row(grid, 0, self.tr("Heatmap"), "heatmap")
        self.mask_switch, self.mask_slider = self._row(grid, 2, self.tr("Mask"), "mask")
        self.legend = Legend(_heat_colours)
        grid.addWidget(self.legend, 1, 1)
        keep_place(self.legend)
        workspace.overlayChanged.connect(self.refresh)
        workspace.analysisChanged.connect(self.refresh)
        self.refresh()

    def _row(self, grid: QGridLayout, row: int, text: str, field: str) -> tuple[Check, QSlider]:
        switch = Check(text)
        switch.toggled.connect(lambda on: self.workspace.set_overlay(**{f"{field}_on": on}))
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setAccessibleName(self.tr("Opacity: {0}").format(text))
        set_tip(slider, slider.accessibleName())
        slider.valueChanged.connect(lambda value: self.workspace.set_overlay(**{f"{field}_opacity": value / 100}))
        grid.addWidget(switch, row, 0)
        grid.addWidget(slider, row, 1)
        return switch, slider

    def refresh(self) -> None:
        """Show the workspace's overlay; a switch without anything to show is disabled."""
        overlay, mask = self.workspace.overlay, self.workspace.mask
        has_heat = self.workspace.heatmap is not None
        has_mask = mask is not None and mask.count > 0
        for switch, slider, on, opacity, there in (
            (self.heat_switch, self.heat_slider, overlay.heatmap_on, overlay.heatmap_opacity, has_heat),
            (self.mask_switch, self.mask_slider, overlay.mask_on, overlay.mask_opacity, has_mask),
        ):
            for widget in (switch, slider):
                widget.blockSignals(True)
            switch.setChecked(on and there)
            slider.setValue(round(opacity * 100))
            for widget in (switch, slider):
                widget.blockSignals(False)
            switch.setEnabled(there)
            slider.setEnabled(there and on)
        self.legend.setVisible(has_heat and overlay.heatmap_on)


def _heat_colours() -> object:
    from medview.report.overlay import heat_colours

    return heat_colours()


def _without_stability(analysis: Analysis) -> Analysis:
    results = tuple(replace(result, stability=None, unstable=()) for result in analysis.results)
    return replace(analysis, results=results)


class FindingsPanel(QWidget):
    """Shows the workspace's analysis, or why there is none and what to do about it.

    Of one of the `samples` it also says what it is known to show.

    cardAsked(medview.inference.card.Card): the user wants to read a model's card.
    """

    cardAsked = Signal(object)

    def __init__(self, workspace: Workspace, samples: Sequence[Sample] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._known = {sample.path: sample.title for sample in samples}
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.workspace = workspace
        self.setAccessibleName(self.tr("Findings"))
        self.setMinimumWidth(300)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.busy = BusyRow(workspace)
        self.switches = OverlaySwitches(workspace)
        column.addWidget(self.busy)
        self.segments = SegmentList(workspace)
        column.addWidget(self.switches)
        column.addWidget(self.segments)
        self.area = QScrollArea()
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column.addWidget(self.area, 1)
        self.cards: list[QWidget] = []
        self._shown: object = None
        workspace.analysisChanged.connect(self.refresh)
        workspace.busyChanged.connect(self._on_busy)
        workspace.overlayChanged.connect(self._hold_place)
        self.refresh()

    def _hold_place(self) -> None:
        """Where the cards are scrolled to stays, also when the words below a row go that made them longer."""
        body, bar = self.area.widget(), self.area.verticalScrollBar()
        if body is not None:
            body.setMinimumHeight(bar.value() + self.area.viewport().height() if bar.value() else 0)

    def _on_busy(self, lane: str) -> None:
        if lane in ("analyse", "open"):
            self.refresh()

    def refresh(self) -> None:
        """Build the cards anew when there is something new to say."""
        ws = self.workspace
        running = ws.busy("analyse") is not None
        state = (ws.picture, ws.analysis, ws.analysis_cancelled, running, ws.busy("open") is None)
        if self._shown is not None and all(a is b for a, b in zip(state, self._shown, strict=True)):  # type: ignore[call-overload]
            return
        if self._only_stability_is_new(state):
            self._shown = state
            self._show_stability()
            return
        self._shown = state
        self.cards = self._cards(running)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(theme.DOUBLE, theme.STEP, theme.STEP, theme.DOUBLE)
        column.setSpacing(theme.STEP + 4)
        for card in self.cards:
            column.addWidget(card)
        column.addStretch(1)
        # Not deleted at once: it may be a button of the old one that was clicked.
        old = self.area.takeWidget()
        if old is not None:
            old.hide()
            old.deleteLater()
        self.area.setWidget(body)

    def _only_stability_is_new(self, state: tuple[object, ...]) -> bool:
        """Whether the cards can stay: rebuilt, they would take the focus and the place from the user who reads them."""
        old = self._shown[1] if isinstance(self._shown, tuple) else None
        new = state[1]
        if not isinstance(old, Analysis) or not isinstance(new, Analysis) or old is new:
            return False
        return _without_stability(old) == _without_stability(new)

    def _show_stability(self) -> None:
        analysis = self.workspace.analysis
        by_id = {result.card.id: result for result in analysis.results} if analysis else {}
        for card in self.cards:
            if isinstance(card, ResultCard):
                card.set_result(by_id[card.result.card.id])

    def _cards(self, running: bool) -> list[QWidget]:
        ws = self.workspace
        notes = ws.picture.frame.notes if ws.picture else ()
        return [*self._sample(), *self._outcome(running), *(label(note, "muted", wrap=True) for note in notes)]

    def _sample(self) -> list[QWidget]:
        picture = self.workspace.picture
        known = self._known.get(picture.frame.path.resolve()) if picture else None
        return [label(self.tr("Sample, known as: {0}").format(known), "muted", wrap=True)] if known else []

    def _outcome(self, running: bool) -> list[QWidget]:
        ws = self.workspace
        if ws.analysis is not None:
            return self._for_analysis(ws.analysis)
        if ws.picture is None or running or ws.busy("open"):
            return []
        if ws.plane is not None:
            card = Card()
            told = self.tr(
                "No model looks at this picture: it was computed from the slices, and the models learned from pictures "
                "as they were acquired."
            )
            card.box.addWidget(label(told, "muted", wrap=True))
            card.box.addWidget(button(self.tr("Show as acquired"), lambda: ws.show_plane(None)))
            return [card]
        text = self.tr("The analysis was cancelled.") if ws.analysis_cancelled else self.tr("Not analysed yet.")
        card = Card()
        card.box.addWidget(label(text, "muted", wrap=True))
        card.box.addWidget(button(self.tr("Analyse"), ws.analyse, "primary"))
        return [card]

    def _for_analysis(self, analysis: Analysis) -> list[QWidget]:
        ws = self.workspace
        reason = analysis.reason
        fixes = [self._fix(note.fix) for note in analysis.quality if reason and note.fix and note.code == reason.code]
        if analysis.status == "refused" and reason:
            force = Choice(self.tr("Analyse all the same"), lambda: ws.analyse(force=True))
            choices = [] if reason.code in FINAL else [force]
            head = self._message("caution", reason, [*fixes, *choices], self.tr("Not analysed"))
            return [head, *self._corrected(analysis), *self._kind(analysis), *self._quality(analysis)]
        if analysis.status == "error" and reason:
            again = Choice(self.tr("Try again"), ws.analyse)
            return [self._message("alarm", reason, [again]), *self._corrected(analysis), *self._kind(analysis)]
        cards: list[QWidget] = [*self._corrected(analysis), *self._kind(analysis)]
        if analysis.forced and reason:
            cards.append(self._message("caution", reason, fixes, self.tr("Analysed at your own request")))
        cards += self._quality(analysis)
        cards += [self._message("caution", found, []) for found in analysis.contradictions]
        cards += [ResultCard(ws, analysis, result, self.cardAsked.emit) for result in analysis.results]
        cards += [self._message("alarm", warning, []) for warning in analysis.warnings]
        return cards

    def _message(self, tone: str, failure: Failure, choices: list[Choice], head: str = "") -> MessageCard:
        title = words.title(failure.code)
        title = self.tr("{0}: {1}").format(head, words.small_start(title)) if head else title
        return MessageCard(tone, title, failure.text, failure.hint, choices, failure.detail)

    def _fix(self, fix: Fix) -> Choice:
        ws = self.workspace
        return Choice(words.fix(fix), lambda: ws.set_fixes(combined(ws.fixes, fix)), "primary")

    def _quality(self, analysis: Analysis) -> list[QWidget]:
        """The notes about the picture: each with a fix by itself with its button, the others together."""
        told = analysis.reason.code if analysis.reason else None
        notes = [note for note in analysis.quality if note.code != told]
        fixable = [note for note in notes if note.fix]
        others = [note for note in notes if not note.fix]
        cards: list[QWidget] = [
            MessageCard("caution", words.title(n.code), n.text, n.hint, [self._fix(n.fix)]) for n in fixable if n.fix
        ]
        if others:
            title = words.listed(dict.fromkeys(words.title(note.code) for note in others))
            text, hint = (
                "\n".join(dict.fromkeys(parts)) for parts in zip(*((n.text, n.hint) for n in others), strict=True)
            )
            cards.append(MessageCard("caution", title, text, hint))
        return cards

    def _corrected(self, analysis: Analysis) -> list[QWidget]:
        if not analysis.corrected:
            return []
        done = words.listed(words.fixed(fix) for fix in analysis.corrected)
        back = Choice(self.tr("As in the file"), lambda: self.workspace.set_fixes(()))
        text = self.tr("The models and you see the picture {0}.").format(done)
        return [MessageCard("", self.tr("Put right"), text, "", [back])]

    def _kind(self, analysis: Analysis) -> list[QWidget]:
        kind = limits.kind(analysis)
        if not kind:
            return []
        score = analysis.kind_scores.get(kind)
        name = self.workspace.kind_name(kind)
        sure = f" ({words.percent(score, 0)})" if score is not None else ""
        return [label(self.tr("Kind of picture: {0}").format(name) + sure, "muted", wrap=True)]
