"""One box per model result: what it said, how sure it is, where its threshold lies, and which model it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from medview.inference.analysis import Analysis, Result
from medview.inference.card import Card, NotJudged
from medview.inference.limits import flagged_first, not_judged
from medview.ui import theme, words
from medview.ui.icons import icon
from medview.ui.popover import Popover
from medview.ui.probability_row import INSET, ProbabilityRow
from medview.ui.widgets import Box, Elided, button, label, set_tip
from medview.workspace.viewport import Viewport

# Where several models answer, a box first shows its findings and so many labels, and the others on demand.
ROWS = 3
# Height of the line below the rows.
FOOT = 18


def provenance(result: Result) -> str:
    """Which model said it, where it ran and how long it took: no number without it."""
    card = result.card
    return " · ".join(
        (
            f"{card.id} {card.version}",
            card.sha256[:8],
            words.provider(result.provider),
            words.milliseconds(result.ms),
        )
    )


class ResultBox(Box):
    """What one model said: a result of `analysis`. Where there are several, each box is folded: it has its findings
    and most probable labels only, until the user wants all. Where the analysis was forced, no answer is valid.

    `about` is called with the model's card when the user wants to read it. A row that is clicked is explained in the
    `popover`.
    """

    def __init__(
        self,
        viewport: Viewport,
        analysis: Analysis,
        result: Result,
        about: Callable[[Card], object],
        popover: Popover,
    ) -> None:
        super().__init__()
        self.viewport, self.result, self.popover = viewport, result, popover
        self.folded, self.forced = len(analysis.results) > 1, analysis.forced
        self.rows: dict[str, ProbabilityRow] = {}
        self.more: QPushButton | None = None
        self.unsteady = Elided("", "caution", Qt.TextElideMode.ElideRight)
        # The rows reach further out than the words, so that their frames stand around the line of the words.
        self.box.setContentsMargins(theme.DOUBLE - INSET, theme.DOUBLE - 4, theme.DOUBLE - INSET, theme.STEP)
        self.verdict = label("", "neutral", wrap=True)
        self._add_head(result.card, about)
        self._add(self.verdict)
        if result.probabilities is not None:
            self._add_classes(result)
        if result.mask is not None:
            self._add_mask(result)
        self._add_not_judged(not_judged(result, analysis))
        # Cut at its end: model, version and hash come first.
        self.source = Elided("", "small", Qt.TextElideMode.ElideRight)
        self.source.set_text(
            provenance(result), "\n".join((f"{result.card.id} {result.card.version}", "sha256 " + result.card.sha256))
        )
        self._add(self.source)
        viewport.layersChanged.connect(self.refresh)
        self.set_result(result)
        self.refresh()

    def set_result(self, result: Result) -> None:
        """The same answer, with its stability now known."""
        self.result = result
        for label_id, row in self.rows.items():
            row.set_band((result.stability or {}).get(label_id))
            row.setAccessibleDescription("\n".join((*row.facts()[1:], self._explanation(label_id))))
        names = words.listed(result.card.label(found).name for found in result.unstable)
        text = self.tr("Small changes of the picture make {0} the most probable.")
        if result.card.task != "classify":
            text = self.tr("Small changes of the picture carry {0} across the threshold.")
        if names:
            self.unsteady.set_text(self.tr("Unstable: {0}").format(names), text.format(names))

    def _add_head(self, card: Card, about: Callable[[Card], object]) -> None:
        line = QHBoxLayout()
        line.setContentsMargins(INSET, 0, INSET, 0)
        line.setSpacing(theme.HALF)
        self.card_button = button("", lambda: about(card), "icon")
        self.card_button.setIcon(icon("info"))
        self.card_button.setAccessibleName(self.tr("About the model {0}").format(card.name))
        set_tip(self.card_button, self.tr("What this model saw, what it cannot see, and how well it does"))
        line.addWidget(label(card.name, "heading", wrap=True), 1)
        line.addWidget(self.card_button)
        self.box.addLayout(line)

    def _add_not_judged(self, items: Sequence[NotJudged]) -> None:
        if not items:
            return
        text = self.tr("Not judged: {0}").format(words.listed(item.name for item in items))
        self.not_judged = label(text, "muted", wrap=True)
        set_tip(self.not_judged, "\n".join(words.named(item.name, item.why) for item in items))
        self._add(self.not_judged)

    def _add(self, words: QLabel) -> None:
        words.setContentsMargins(INSET, 0, INSET, 0)
        self.box.addWidget(words)

    def _add_classes(self, result: Result) -> None:
        self._say(self._verdict(result), "finding" if result.likely else "caution" if result.findings else "neutral")
        self._add(label(self._limits(result), "muted", wrap=True))
        if result.prediction_set is not None and result.card.prediction_set is not None and not self.forced:
            share = words.percent(result.card.prediction_set.coverage, 0)
            names = words.listed(result.card.label(one).name for one in result.prediction_set)
            text = self.tr("{0} set: {1}").format(share, names)
            if not result.prediction_set:
                text = self.tr("{0} set: empty. No label is likely enough; take this answer for unknown.").format(share)
            self.likely = label(text, "muted", wrap=True)
            set_tip(
                self.likely,
                self.tr(
                    "On pictures like those of the validation the set holds the true label {0} of the time, for "
                    "doubtful answers as for clear ones."
                ).format(share),
            )
            self._add(self.likely)
        column = QWidget()
        lines = QVBoxLayout(column)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(2)
        for place, label_id in enumerate(flagged_first(result)):
            row = ProbabilityRow(result, label_id, valid=not self.forced)
            row.clicked.connect(lambda _checked=False, id=label_id: self._choose(id))
            self.rows[label_id] = row
            lines.addWidget(row)
            if self.folded and place >= ROWS and label_id not in result.findings:
                row.hide()
        self.box.addWidget(column)
        self._add_foot()

    def _add_foot(self) -> None:
        """A line that is there from the start: nothing below moves when the stability comes."""
        line = QHBoxLayout()
        # Qt does not mirror margins.
        rtl = QApplication.layoutDirection() == Qt.LayoutDirection.RightToLeft
        line.setContentsMargins(0 if rtl else INSET, 0, INSET if rtl else 0, 0)
        line.addWidget(self.unsteady, 1)
        self.unsteady.setFixedHeight(FOOT)
        if any(row.isHidden() for row in self.rows.values()):
            self.more = button(self.tr("All %n labels", "", len(self.rows)), self.unfold, "link")
            line.addWidget(self.more)
        self.box.addLayout(line)

    def unfold(self) -> None:
        """Show every label."""
        for row in self.rows.values():
            row.show()
        if self.more is not None:
            self.more.hide()

    def _limits(self, result: Result) -> str:
        """What else the picture may show is none of the answers."""
        count = len(result.probabilities or {})
        if result.card.task == "classify":
            return self.tr("Knows only these %n classes; anything else is called one of them.", "", count)
        if count == 1:
            return self.tr("Looks for this finding only.")
        text = self.tr("Looks for these %n findings only.", "", count)
        return text + " " + self.tr("Each label by itself: they do not add up to 100 %.")

    def _verdict(self, result: Result) -> str:
        """What was found, and what is most probable where that is something else."""
        probabilities = result.probabilities or {}
        top = result.card.label(max(probabilities, key=lambda key: probabilities[key]))
        names = words.listed(result.card.label(found).name for found in result.likely)
        others = words.listed(result.card.label(found).name for found in result.findings if found not in result.likely)
        if not result.findings and top.normal:
            return self.tr("No finding. Most probable: {0}").format(top.name)
        if not result.findings:
            if result.card.task == "multilabel":
                if len(probabilities) == 1:
                    return self.tr("The finding that it judges did not reach its threshold.")
                return self.tr("None of the %n findings that it judges reached its threshold.", "", len(probabilities))
            text = self.tr("No finding: nothing reached its threshold.")
            return text + " " + self.tr("Most probable: {0}").format(top.name)
        told = [self.tr("Finding: {0}").format(names)] if names else []
        told += [self.tr("Worth a look: {0}").format(others)] if others else []
        if result.findings[0] != top.id and result.card.task == "classify":
            told.append(self.tr("Most probable: {0}").format(top.name))
        return ". ".join(told)

    def _say(self, text: str, role: str) -> None:
        if self.forced:
            text, role = self.tr("Not valid here: {0}").format(words.small_start(text)), "caution"
        self.verdict.setText(text)
        self.verdict.setProperty("role", role)

    def _add_mask(self, result: Result) -> None:
        mask = result.mask
        if mask is None:
            return
        name = result.card.labels[0].name
        if not mask.count:
            self._say(self.tr("Nothing marked"), "neutral")
            if result.skipped_by:
                said = self.tr("Not run: the model {0} sees nothing to outline.").format(result.skipped_by)
                self._add(label(said, wrap=True))
            return
        if result.findings:
            self._say(self.tr("Finding: {0} marked").format(name), "finding")
        else:
            self._say(self.tr("Outlined: {0}").format(name), "neutral")
        text = self.tr("1 pixel, {1} of the picture") if mask.count == 1 else self.tr("{0} pixels, {1} of the picture")
        share = text.format(words.number(mask.count), words.percent(mask.fraction, 2))
        self._add(label(share, wrap=True))
        if mask.area_mm2 is None:
            area = self.tr("Area unknown: the file gives no pixel spacing")
        else:
            area = self.tr("Area {0} mm²").format(words.number(mask.area_mm2, 1))
        self._add(label(area, wrap=True))
        if about := result.card.labels[0].about:
            self._add(label(about, "muted", wrap=True))

    def _choose(self, label_id: str) -> None:
        """Show the heatmap of a row and explain it; a second click takes both away."""
        row, chosen, layers = self.rows[label_id], (self.result.card.id, label_id), self.viewport.layers
        if self.viewport.analysis is None:
            # The numbers are those of another frame.
            self.refresh()
            return
        shown = self.popover.anchor is row
        if row.has_heatmap:
            on = not (layers.heatmap_on and layers.label == chosen and shown)
            self.viewport.set_layers(label=chosen, heatmap_on=on)
        if shown:
            self.popover.leave()
        else:
            self.popover.explain(row, row.name, "\n".join(row.facts()), self._explanation(label_id))
        self.refresh()

    def refresh(self) -> None:
        """Mark the row whose heatmap is shown."""
        layers = self.viewport.layers
        for label_id, row in self.rows.items():
            row.setChecked(layers.heatmap_on and layers.label == (self.result.card.id, label_id))

    def _explanation(self, label_id: str) -> str:
        """What a label means, what its number is worth, and why its heatmap may show nothing."""
        info = self.result.card.label(label_id)
        heat = (self.result.heatmaps or {}).get(label_id)
        parts = [info.about, words.no_evidence(heat) if heat is not None else ""]
        point = self.result.card.operating_points.get(label_id)
        # Of a normal label the row has no threshold either.
        if point and not info.normal:
            parts.append(
                self.tr(
                    "On the validation pictures, from the same sources as the training, the threshold of {0} found "
                    "{1} of such pictures and cleared {2} of the others; {3} of what it marked was right. Expect less "
                    "elsewhere."
                ).format(
                    *map(words.percent, (point.threshold, point.sensitivity, point.specificity, point.ppv)),
                )
            )
        return "\n".join(part for part in parts if part)
