"""The message bar below the picture: what was just done or could not be, with what to do next. Never modal."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from medview.ui import theme
from medview.ui.icons import icon
from medview.ui.widgets import Choice, button, label, set_sign, set_tip

_SIGNS = {"alarm": ("error", theme.ALARM), "": ("info", theme.ACCENT)}


class MessageBar(QWidget):
    """One message at a time; it stays until it is closed or replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("messageBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(theme.DOUBLE, theme.STEP, theme.STEP, theme.STEP)
        self._row.setSpacing(theme.STEP)
        self.sign = label()
        words = QVBoxLayout()
        words.setSpacing(2)
        self.text = label("", wrap=True)
        self.hint = label("", "muted", wrap=True)
        words.addWidget(self.text)
        words.addWidget(self.hint)
        self._row.addWidget(self.sign, 0, Qt.AlignmentFlag.AlignTop)
        self._row.addLayout(words, 1)
        self._buttons: list[QWidget] = []
        self.close_button = button("", self.hide, "link")
        self.close_button.setIcon(icon("cancel"))
        self.close_button.setAccessibleName(self.tr("Close this message"))
        set_tip(self.close_button, self.tr("Close this message"))
        self._row.addWidget(self.close_button)
        self.hide()

    def say(self, text: str, hint: str = "", tone: str = "", choices: Sequence[Choice] = ()) -> None:
        """Show a message; `tone` is empty or `alarm`."""
        name, colour = _SIGNS[tone]
        set_sign(self.sign, name, colour)
        self.text.setText(text)
        self.hint.setText(hint)
        self.hint.setVisible(bool(hint))
        for old in self._buttons:
            old.deleteLater()
        self._buttons = [button(choice.text, choice.run, choice.role) for choice in choices]
        for place, made in enumerate(self._buttons):
            self._row.insertWidget(2 + place, made)
        self.setAccessibleName(f"{text} {hint}")
        self.show()
