"""Small pieces used in several places: labels by role, elided text, boxes, messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QColor, QImage, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtGui import Qt as TextQt
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from medview.ui import theme
from medview.ui.icons import pixmap

# Characters of a line from which a tooltip is wrapped, and of a whole tooltip.
LONG_LINE, MAX_TIP = 90, 2000


def lead(words: QLabel) -> None:
    """Begin where the layout begins. Qt goes by the text's own direction, which puts an English file name to the wrong
    side of a right-to-left window."""
    if QApplication.layoutDirection() == Qt.LayoutDirection.RightToLeft:
        words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter)


def trail(words: QLabel) -> None:
    """End where the layout ends; see `lead`."""
    rtl = QApplication.layoutDirection() == Qt.LayoutDirection.RightToLeft
    side = Qt.AlignmentFlag.AlignLeft if rtl else Qt.AlignmentFlag.AlignRight
    words.setAlignment(side | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter)


def label(text: str = "", role: str = "", wrap: bool = False) -> QLabel:
    """A label in one of the style sheet's roles; always plain text, since file names may hold markup."""
    result = QLabel(text)
    result.setTextFormat(Qt.TextFormat.PlainText)
    result.setProperty("role", role)
    result.setWordWrap(wrap)
    lead(result)
    if wrap:
        result.setMinimumWidth(1)
    return result


def qimage(pixels: NDArray[np.uint8]) -> QImage:
    """(rows, cols) grey or (rows, cols, 3) RGB as a QImage over the same memory: keep the array as long."""
    rows, cols = pixels.shape[:2]
    kind = QImage.Format.Format_Grayscale8 if pixels.ndim == 2 else QImage.Format.Format_RGB888
    return QImage(pixels.data, cols, rows, pixels.strides[0], kind)


def keep_place(widget: QWidget) -> None:
    """Let a widget keep its place while it is hidden, so that nothing jumps."""
    policy = widget.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    widget.setSizePolicy(policy)


def button(text: str, run: Callable[[], object], role: str = "") -> QPushButton:
    """A button that calls `run`; an ampersand in its text, which may be a name, is no key."""
    result = QPushButton(text.replace("&", "&&"))
    result.setProperty("role", role)
    result.setCursor(Qt.CursorShape.PointingHandCursor)
    result.setAutoDefault(False)
    result.clicked.connect(lambda: run())
    return result


def plain_tip(text: str) -> str:
    """A tooltip that shows `text` as it is: Qt takes one that looks like markup for markup, fetches what it names, and
    texts of files may hold it. A long line wraps, and nothing is longer than can be read.

    Every tooltip in medview/ui is set by `set_tip`, or, in an item model, made by this function.
    """
    shown = text if len(text) <= MAX_TIP else text[:MAX_TIP] + "…"
    if TextQt.mightBeRichText(shown) or any(len(line) > LONG_LINE for line in shown.split("\n")):
        # Qt wraps rich text only.
        return f"<p style='white-space: pre-wrap'>{escape(shown)}</p>"
    return shown


def set_tip(target: QWidget | QAction, text: str) -> None:
    """The tooltip of a widget or an action, as plain text."""
    target.setToolTip(plain_tip(text))


def sign(name: str, colour: str, side: int = 20) -> QLabel:
    """An icon that cannot be clicked. name: of `medview.ui.icons`; side: logical pixels."""
    result = label()
    set_sign(result, name, colour, side)
    return result


def set_sign(target: QLabel, name: str, colour: str, side: int = 20) -> None:
    """Let a `sign` show another icon."""
    target.setPixmap(pixmap(name, side, colour, target.devicePixelRatioF()))


class Elided(QLabel):
    """One line of text that shortens in the middle instead of pushing its neighbours; the tooltip has it all."""

    def __init__(self, text: str = "", role: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle) -> None:
        super().__init__()
        self._full, self._tip, self._mode = "", "", mode
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        lead(self)
        self.set_text(text)

    def set_text(self, text: str, tip: str = "", mode: Qt.TextElideMode | None = None) -> None:
        """Show `text`, as much of it as fits. `tip` replaces the tooltip, which is the text where it is cut. `mode`:
        where it is cut from now on."""
        self._full, self._tip, self._mode = " ".join(text.splitlines()), tip, mode or self._mode
        self.setAccessibleName(self._full)
        self._fit()

    def full_text(self) -> str:
        """The whole text."""
        return self._full

    def _fit(self) -> None:
        shown = self.fontMetrics().elidedText(self._full, self._mode, max(self.contentsRect().width(), 0))
        self.setText(shown)
        set_tip(self, self._tip or (self._full if shown != self._full else ""))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Elide anew."""
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        """Any width will do."""
        return QSize(0, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        """As wide as the whole text, where there is room."""
        return QSize(self.fontMetrics().horizontalAdvance(self._full) + 2, super().sizeHint().height())


class Check(QCheckBox):
    """A check box whose box can be seen on a dark ground when it is empty; style sheets can draw no tick."""

    BOX = 16

    def sizeHint(self) -> QSize:
        """Box, gap, words."""
        size = self.fontMetrics().size(0, self.text())
        return QSize(self.BOX + theme.STEP + size.width() + 6, max(self.BOX, size.height()) + 8)

    def hitButton(self, pos: QPoint) -> bool:
        """The words count as well."""
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The box, its tick, the words; a frame when it has the focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on, live = self.isChecked(), self.isEnabled()
        rtl = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        x = self.width() - self.BOX - 2 if rtl else 2
        box = QRectF(x + 0.5, (self.height() - self.BOX) // 2 + 0.5, self.BOX - 1, self.BOX - 1)
        edge = theme.ACCENT if live and (on or self.hasFocus() or self.underMouse()) else theme.FAINT
        painter.setPen(QPen(QColor(edge if live else theme.LINE), 2 if self.hasFocus() else 1))
        painter.setBrush(QColor((theme.ACCENT if live else theme.LINE) if on else theme.BOX))
        painter.drawRoundedRect(box, 4, 4)
        if on:
            painter.setPen(QPen(QColor(theme.WINDOW), 2))
            points = ((0.24, 0.52), (0.43, 0.70), (0.76, 0.32))
            painter.drawPolyline(
                [QPointF(box.left() + px * box.width(), box.top() + py * box.height()) for px, py in points]
            )
        painter.setPen(QColor(theme.TEXT if live else theme.FAINT))
        gap = self.BOX + theme.STEP + 2
        room = self.rect().adjusted(0, 0, -gap, 0) if rtl else self.rect().adjusted(gap, 0, 0, 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.end()


class Box(QFrame):
    """A raised box. `tone`: empty, `caution` or `alarm`."""

    def __init__(self, tone: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("box")
        self.setProperty("tone", tone)
        self.box = QVBoxLayout(self)
        self.box.setContentsMargins(theme.DOUBLE, theme.DOUBLE - 4, theme.DOUBLE, theme.DOUBLE - 4)
        self.box.setSpacing(theme.STEP)


@dataclass(frozen=True)
class Choice:
    """What a message offers to do next; with `more`, a menu of them in place of `run`."""

    text: str
    run: Callable[[], object]
    role: str = ""
    more: tuple[Choice, ...] = ()


def choice_button(choice: Choice) -> QPushButton:
    """The button of a choice."""
    made = button(choice.text, choice.run, choice.role)
    if choice.more:
        menu = QMenu(made)
        for one in choice.more:
            menu.addAction(one.text.replace("&", "&&")).triggered.connect(lambda _on=False, run=one.run: run())
        made.setMenu(menu)
    return made


_TONES = {"alarm": ("error", theme.ALARM), "caution": ("warning", theme.FINDING), "": ("info", theme.ACCENT)}


class MessageBox(Box):
    """What happened, what to do next, and the buttons for it. The detail is for the support person."""

    def __init__(
        self, tone: str, title: str, text: str, hint: str = "", choices: Sequence[Choice] = (), detail: str = ""
    ) -> None:
        super().__init__(tone)
        self.setAccessibleName(f"{title}. {text} {hint}")
        name, colour = _TONES[tone]
        head = QHBoxLayout()
        head.setSpacing(theme.STEP)
        head.addWidget(sign(name, colour), 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(label(title, "heading", wrap=True), 1)
        self.box.addLayout(head)
        self.text = label(text, wrap=True)
        self.hint = label(hint, "muted", wrap=True)
        for words in (self.text, self.hint):
            if words.text():
                self.box.addWidget(words)
        if detail:
            set_tip(self, detail)
        self.buttons: list[QPushButton] = []
        if choices:
            self.box.addSpacing(theme.HALF)
        for choice in choices:
            made = choice_button(choice)
            self.buttons.append(made)
            self.box.addWidget(made)


class Legend(QWidget):
    """The heat colours from low to high, as the heatmap uses them: what is not drawn is left dark."""

    def __init__(self, colours: Callable[[], object]) -> None:
        super().__init__()
        self._colours = colours
        self.setFixedHeight(6)
        set_tip(self, self.tr("Little evidence at the start, most evidence at the end of the scale"))
        self.setAccessibleName(self.tr("Scale of the heatmap"))

    def paintEvent(self, event: QPaintEvent) -> None:
        """256 colours in a row, mirrored where people read from the right."""
        row = np.ascontiguousarray(np.asarray(self._colours(), np.uint8)[None])
        image = qimage(row)
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            image = image.flipped(Qt.Orientation.Horizontal)
        painter = QPainter(self)
        painter.drawImage(self.rect(), image)
        painter.end()
