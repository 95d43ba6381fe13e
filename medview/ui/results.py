"""One card per model result: what it said, how sure it is, where its threshold lies, and which model it was."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QLabel, QSizePolicy, QVBoxLayout, QWidget

from medview.inference.analysis import Result
from medview.ui import theme, words
from medview.ui.widgets import Card, Elided, label
from medview.workspace import Workspace

ROW_HEIGHT = 48
INSET = 10


class ProbabilityRow(QAbstractButton):
    """A label with its probability as number and bar, its operating point as a tick. Click: show its heatmap."""

    def __init__(self, result: Result, label_id: str) -> None:
        super().__init__()
        self.label_id = label_id
        info = result.card.label(label_id)
        self.name = info.name
        self.probability = (result.probabilities or {})[label_id]
        point = result.card.operating_points.get(label_id)
        # A normal label is no finding, however probable: the tick would promise one.
        self.threshold = point.threshold if point and not info.normal else None
        self.is_finding = label_id in result.findings
        self.has_heatmap = bool(result.heatmaps and label_id in result.heatmaps)
        self.setCheckable(True)
        self.setEnabled(self.has_heatmap)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if self.has_heatmap else Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor if self.has_heatmap else Qt.CursorShape.ArrowCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(self._spoken())
        self.setToolTip(self._tip())

    def _spoken(self) -> str:
        parts = [self.name, words.percent(self.probability)]
        if self.is_finding:
            parts.append(self.tr("finding"))
        if self.threshold is not None:
            parts.append(self.tr("threshold {0}").format(words.percent(self.threshold)))
        return ", ".join(parts)

    def _tip(self) -> str:
        lines = [self._spoken()]
        if self.has_heatmap:
            lines.append(self.tr("Click to show where the evidence lies"))
        return "\n".join(lines)

    def sizeHint(self) -> QSize:
        """Two lines, any width."""
        return QSize(200, ROW_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """Narrow enough for the panel."""
        return QSize(120, ROW_HEIGHT)

    def changeEvent(self, event: QEvent) -> None:
        """Another font or direction is another painting."""
        super().changeEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Name, word and number in the first line, the bar in the second."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.isChecked() or self.underMouse():
            painter.setBrush(QColor(theme.RAISED))
            painter.setPen(QPen(QColor(theme.ACCENT if self.isChecked() else theme.RAISED), 1))
            painter.drawRoundedRect(whole, 6, 6)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(theme.ACCENT), 2))
            painter.drawRoundedRect(whole.adjusted(1, 1, -1, -1), 6, 6)
        inner = whole.adjusted(INSET, 6, -INSET, -8)
        self._paint_words(painter, inner)
        self._paint_bar(painter, inner)
        painter.end()

    def _paint_words(self, painter: QPainter, box: QRectF) -> None:
        # The painter has the widget's direction: leading and trailing are mirrored by it.
        rtl = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        start = Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter
        end = Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter
        line = QRectF(box.left(), box.top(), box.width(), 18)
        font = QFont(self.font())
        font.setBold(self.is_finding)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        # Isolated, so that a right-to-left line does not turn "< 0.1 %" around.
        percent = words.percent(self.probability)
        shown = f"\u2066{percent}\u2069" if rtl else percent
        number = metrics.horizontalAdvance(shown) + theme.STEP
        painter.setPen(QColor(theme.TEXT))
        painter.drawText(line, end, shown)
        word = self.tr("Finding") if self.is_finding else ""
        room = line.width() - number - (metrics.horizontalAdvance(word) + theme.STEP if word else 0)
        name = metrics.elidedText(self.name, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(line, start, name)
        if word:
            painter.setPen(QColor(theme.FINDING))
            if rtl:
                line.setRight(line.right() - metrics.horizontalAdvance(name) - theme.STEP)
            else:
                line.setLeft(line.left() + metrics.horizontalAdvance(name) + theme.STEP)
            painter.drawText(line, start, word)

    def _paint_bar(self, painter: QPainter, box: QRectF) -> None:
        track = QRectF(box.left(), box.bottom() - 7, box.width(), 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#3a4652"))
        painter.drawRoundedRect(track, 3, 3)
        filled = QRectF(track)
        filled.setWidth(max(track.width() * self.probability, 3))
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            filled.moveRight(track.right())
        painter.setBrush(QColor(theme.FINDING if self.is_finding else theme.ACCENT))
        painter.drawRoundedRect(filled, 3, 3)
        if self.threshold is not None:
            share = 1 - self.threshold if self.layoutDirection() == Qt.LayoutDirection.RightToLeft else self.threshold
            x = track.left() + track.width() * share
            painter.setBrush(QColor(theme.CARD))
            painter.drawRect(QRectF(x - 2, track.top() - 3, 4, 12))
            painter.setBrush(QColor(theme.TEXT))
            painter.drawRect(QRectF(x - 1, track.top() - 3, 2, 12))


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


class ResultCard(Card):
    """What one model said."""

    def __init__(self, workspace: Workspace, result: Result) -> None:
        super().__init__()
        self.workspace, self.result = workspace, result
        self.rows: dict[str, ProbabilityRow] = {}
        # The rows reach further out than the words, so that their frames stand around the line of the words.
        self.box.setContentsMargins(theme.DOUBLE - INSET, theme.DOUBLE - 4, theme.DOUBLE - INSET, theme.DOUBLE - 4)
        self.verdict = label("", "calm", wrap=True)
        self._add(label(result.card.name, "heading", wrap=True))
        self._add(self.verdict)
        if result.probabilities is not None:
            self._add_classes(result)
        if result.mask is not None:
            self._add_mask(result)
        self.about = label("", "muted", wrap=True)
        self.about.hide()
        self._add(self.about)
        self.source = Elided("", "small")
        self.source.set_text(provenance(result), f"{result.card.id} {result.card.version}\nsha256 {result.card.sha256}")
        self._add(self.source)
        workspace.overlayChanged.connect(self.refresh)
        self.refresh()

    def _add(self, words: QLabel) -> None:
        words.setContentsMargins(INSET, 0, INSET, 0)
        self.box.addWidget(words)

    def _add_classes(self, result: Result) -> None:
        self._say(self._verdict(result), "finding" if result.findings else "calm")
        column = QWidget()
        lines = QVBoxLayout(column)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(2)
        probabilities = result.probabilities or {}
        for label_id in sorted(probabilities, key=lambda key: -probabilities[key]):
            row = ProbabilityRow(result, label_id)
            row.clicked.connect(lambda _checked=False, id=label_id: self._choose(id))
            self.rows[label_id] = row
            lines.addWidget(row)
        self.box.addWidget(column)

    def _verdict(self, result: Result) -> str:
        """What was found, and what is most probable where that is something else."""
        probabilities = result.probabilities or {}
        top = result.card.label(max(probabilities, key=lambda key: probabilities[key]))
        names = ", ".join(result.card.label(found).name for found in result.findings)
        if not names and top.normal:
            return self.tr("No finding. Most probable: {0}").format(top.name)
        if not names:
            return self.tr("No finding: nothing reached its threshold. Most probable: {0}").format(top.name)
        if result.findings[0] != top.id:
            return self.tr("Finding: {0}. Most probable: {1}").format(names, top.name)
        return self.tr("Finding: {0}").format(names)

    def _say(self, text: str, role: str) -> None:
        self.verdict.setText(text)
        self.verdict.setProperty("role", role)

    def _add_mask(self, result: Result) -> None:
        mask = result.mask
        if mask is None:
            return
        name = result.card.labels[0].name
        if not mask.count:
            self._say(self.tr("Nothing marked"), "calm")
            if result.skipped_by:
                said = self.tr("Not run: the model {0} sees nothing to outline.").format(result.skipped_by)
                self._add(label(said, wrap=True))
            return
        self._say(self.tr("Finding: {0} marked").format(name), "finding")
        share = self.tr("{0} pixels, {1} of the picture").format(
            words.number(mask.count), words.percent(mask.fraction, 2)
        )
        self._add(label(share, wrap=True))
        if mask.area_mm2 is None:
            area = self.tr("Area unknown: the file gives no pixel spacing")
        else:
            area = self.tr("Area {0} mm²").format(words.number(mask.area_mm2, 1))
        self._add(label(area, wrap=True))

    def _choose(self, label_id: str) -> None:
        chosen = (self.result.card.id, label_id)
        overlay = self.workspace.overlay
        shown = overlay.heatmap_on and overlay.label == chosen
        self.workspace.set_overlay(label=chosen, heatmap_on=not shown)
        self.refresh()

    def refresh(self) -> None:
        """Mark the row whose heatmap is shown, and say what its label means."""
        overlay = self.workspace.overlay
        model, chosen = overlay.label or ("", "")
        mine = model == self.result.card.id
        for label_id, row in self.rows.items():
            row.setChecked(mine and overlay.heatmap_on and label_id == chosen)
        subject = chosen if mine else self.result.card.labels[0].id if self.result.mask else ""
        text = self._about(subject) if subject else ""
        self.about.setText(text)
        self.about.setVisible(bool(text))

    def _about(self, label_id: str) -> str:
        info = self.result.card.label(label_id)
        parts = [f"{info.name}: {info.about}" if info.about else ""]
        if point := self.result.card.operating_points.get(label_id):
            parts.append(
                self.tr(
                    "On the validation pictures, from the same sources as the training, the threshold of {0} found "
                    "{1} of such pictures and cleared {2} of the others; expect less elsewhere."
                ).format(
                    words.percent(point.threshold), words.percent(point.sensitivity), words.percent(point.specificity)
                )
            )
        return "\n".join(part for part in parts if part)
