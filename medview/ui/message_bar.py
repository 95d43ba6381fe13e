"""Messages over the picture: what was just done or could not be, with what to do next. Never modal, nothing moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAccessible, QAccessibleEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from medview.ui import theme
from medview.ui.icons import icon
from medview.ui.widgets import Choice, button, choice_button, label, set_sign, set_tip

_SIGNS = {"alarm": ("error", theme.ALARM), "": ("info", theme.ACCENT)}
WIDEST = 560
# Above the lower end of the picture: the letter of the patient's side stays to be seen.
FOOT = 32
# Failures that wait below the one that is shown; what is older is forgotten.
MOST_WAITING = 4


@dataclass(frozen=True)
class Message:
    """What is said; `tone` is empty or `alarm`."""

    text: str
    hint: str = ""
    tone: str = ""
    choices: tuple[Choice, ...] = ()


class MessageBar(QWidget):
    """One message at a time, over the lower end of the first of the widgets `over` that is shown.

    It stays until it is closed or another one comes. A failure that another message covers comes back when that one is
    closed: none is lost unread.
    """

    def __init__(self, parent: QWidget, over: Sequence[QWidget]) -> None:
        super().__init__(parent)
        self.setObjectName("messageBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._parent, self._over = parent, tuple(over)
        self._shown: Message | None = None
        self._waiting: list[Message] = []
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(theme.DOUBLE, theme.STEP + 2, theme.STEP, theme.STEP + 2)
        row.setSpacing(theme.STEP)
        self.sign = label()
        told = QVBoxLayout()
        told.setSpacing(2)
        self.text = label("", wrap=True)
        self.hint = label("", "muted", wrap=True)
        self.more = label("", "muted")
        for words in (self.text, self.hint, self.more):
            told.addWidget(words)
        row.addWidget(self.sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(told, 1)
        self._buttons: list[QWidget] = []
        self.close_button = button("", self.next, "icon")
        self.close_button.setIcon(icon("cancel"))
        self.close_button.setAccessibleName(self.tr("Close this message"))
        set_tip(self.close_button, self.tr("Close this message"))
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        for watched in (parent, *self._over):
            watched.installEventFilter(self)
        self.hide()

    def say(self, text: str, hint: str = "", tone: str = "", choices: Sequence[Choice] = ()) -> None:
        """Show a message; `tone` is empty or `alarm`."""
        covered = self._shown
        if covered is not None and covered.tone and (covered.text, covered.hint) != (text, hint):
            self._waiting = [*self._waiting, covered][-MOST_WAITING:]
        self._show(Message(text, hint, tone, tuple(choices)))

    def next(self) -> None:
        """Close the message that is shown; one that it covered comes back."""
        if self._waiting:
            self._show(self._waiting.pop())
        else:
            self.clear()

    def clear(self) -> None:
        """Close them all: the user went on."""
        self._shown, self._waiting = None, []
        self.hide()

    def _show(self, message: Message) -> None:
        self._shown = message
        set_sign(self.sign, *_SIGNS[message.tone])
        self.setProperty("tone", message.tone)
        self.style().polish(self)
        self.text.setText(message.text)
        self.hint.setText(message.hint)
        self.hint.setVisible(bool(message.hint))
        waiting = len(self._waiting)
        self.more.setText(
            self.tr("1 more message behind this one") if waiting == 1 else self.tr("%n more messages", "", waiting)
        )
        self.more.setVisible(waiting > 0)
        for old in self._buttons:
            old.hide()
            old.deleteLater()
        self._buttons = [choice_button(choice) for choice in message.choices]
        for place, made in enumerate(self._buttons):
            self._row.insertWidget(2 + place, made, 0, Qt.AlignmentFlag.AlignTop)
        self.setAccessibleName(f"{message.text} {message.hint}")
        self.show()
        self._place()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def _place(self) -> None:
        """At the lower end of what is shown, no higher than its words need."""
        over = next((one for one in self._over if one.isVisible()), None)
        if over is None or self.isHidden():
            return
        area = over.rect().translated(over.mapTo(self._parent, over.rect().topLeft()))
        width = min(WIDEST, area.width() - 2 * theme.DOUBLE)
        self._row.activate()
        height = max(self._row.heightForWidth(width), self._row.minimumSize().height())
        left = area.left() + (area.width() - width) // 2
        self.setGeometry(left, area.bottom() + 1 - FOOT - height, width, height)
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the picture's place."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show):
            self._place()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes it, where it has the keys."""
        if event.key() == Qt.Key.Key_Escape:
            self.next()
            return
        super().keyPressEvent(event)
