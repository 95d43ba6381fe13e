"""A label's probability as number and bar, with its operating point and its range over small changes of the picture."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy

from medview.inference.analysis import Result
from medview.ui import theme, words
from medview.ui.widgets import set_tip

ROW_HEIGHT = 40
INSET = 10
# The narrowest range that is drawn, pixels.
BRACKET = 4


class ProbabilityRow(QAbstractButton):
    """A label with its probability as number and bar, its operating point as a tick. Click: explain it and show its
    heatmap.

    `valid`: whether the answer may be called a finding.
    """

    def __init__(self, result: Result, label_id: str, valid: bool = True) -> None:
        super().__init__()
        self.label_id = label_id
        info = result.card.label(label_id)
        self.name = info.name
        self.probability = (result.probabilities or {})[label_id]
        point = result.card.operating_points.get(label_id)
        # A normal label is no finding, however probable: the tick would promise one.
        self.threshold = point.threshold if point and not info.normal else None
        self.is_finding = valid and label_id in result.findings
        self.is_likely = valid and label_id in result.likely
        self.has_heatmap = bool(result.heatmaps and label_id in result.heatmaps)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.band: tuple[float, float] | None = None
        self.set_band(None)

    def set_band(self, band: tuple[float, float] | None) -> None:
        """The lowest and highest probability (0-1) over small changes of the picture, or None while it is not known."""
        self.band = band
        self.setAccessibleName(self._spoken())
        set_tip(self, self._tip())
        self.update()

    def _spoken(self) -> str:
        return ", ".join((self.name, self._number()))

    def _number(self) -> str:
        parts = [words.percent(self.probability)]
        if self.is_finding:
            parts.append(self.tr("finding") if self.is_likely else self.tr("worth a look"))
        if self.threshold is not None:
            parts.append(self.tr("threshold {0}").format(words.percent(self.threshold)))
        return ", ".join(parts)

    def facts(self) -> list[str]:
        """The numbers in words, a fact a line."""
        lines = [self._number()]
        if self.band is not None:
            low, high = map(words.percent, self.band)
            lines.append(self.tr("Small changes of the picture: {0} to {1}").format(low, high))
        return lines

    def _tip(self) -> str:
        click = self.tr("Click for what it means and where the evidence lies")
        return "\n".join((self.name, *self.facts(), click if self.has_heatmap else self.tr("Click for what it means")))

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
        inner = whole.adjusted(INSET, 4, -INSET, -5)
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
        # The strongest that the font of the program has; bolder is smeared.
        font.setWeight(QFont.Weight.DemiBold if self.is_likely else QFont.Weight.Normal)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        # Isolated, so that a right-to-left line does not turn "< 0.1 %" around.
        percent = words.percent(self.probability)
        shown = f"\u2066{percent}\u2069" if rtl else percent
        number = metrics.horizontalAdvance(shown) + theme.STEP
        painter.setPen(QColor(theme.TEXT))
        painter.drawText(line, end, shown)
        word = self.tr("Finding") if self.is_likely else self.tr("Worth a look") if self.is_finding else ""
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
        track = QRectF(box.left(), box.bottom() - 10, box.width(), 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#3a4652"))
        painter.drawRoundedRect(track, 3, 3)
        filled = QRectF(track)
        filled.setWidth(max(track.width() * self.probability, 3))
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            filled.moveRight(track.right())
        painter.setBrush(QColor(theme.FINDING if self.is_finding else theme.ACCENT))
        painter.drawRoundedRect(filled, 3, 3)
        self._paint_band(painter, track)
        if self.threshold is not None:
            share = 1 - self.threshold if self.layoutDirection() == Qt.LayoutDirection.RightToLeft else self.threshold
            x = track.left() + track.width() * share
            painter.setBrush(QColor(theme.BOX))
            painter.drawRect(QRectF(x - 2, track.top() - 3, 4, 12))
            painter.setBrush(QColor(theme.TEXT))
            painter.drawRect(QRectF(x - 1, track.top() - 3, 2, 12))

    def _paint_band(self, painter: QPainter, track: QRectF) -> None:
        """The range as a bracket below the bar; one too narrow to see is left out."""
        if self.band is None:
            return
        low, high = self.band
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            low, high = 1 - high, 1 - low
        left, width = track.left() + track.width() * low, track.width() * (high - low)
        if width < BRACKET:
            return
        painter.setBrush(QColor(theme.MUTED))
        painter.drawRect(QRectF(left, track.bottom() + 3, width, 1.5))
        for end in (left, left + width - 1.5):
            painter.drawRect(QRectF(end, track.bottom() + 1, 1.5, 3.5))
