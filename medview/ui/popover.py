"""A small frame with an explanation, beside what it explains: over the others, so that nothing has to make room."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QAccessible, QAccessibleEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from medview.ui import theme, words
from medview.ui.icons import icon
from medview.ui.widgets import button, label, set_tip

GAP = 2
LEAST_WIDTH = 240


class Popover(QFrame):
    """One explanation at a time. It closes on Esc, on its button, on a click elsewhere, and when its anchor goes.

    It is a part of the window, not one of its own: it takes no focus when it opens, follows no other window, and a
    click beside it does what it would have done.
    """

    def __init__(self, home: QWidget) -> None:
        super().__init__(home)
        self._home = home
        self._anchor: QWidget | None = None
        self.setObjectName("popover")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(theme.DOUBLE - 4, theme.STEP, theme.STEP, theme.DOUBLE - 4)
        column.setSpacing(theme.HALF)
        head = QHBoxLayout()
        head.setSpacing(theme.STEP)
        self.title = label("", "heading", wrap=True)
        self.close_button = button("", self.leave, "icon")
        self.close_button.setIcon(icon("cancel"))
        self.close_button.setAccessibleName(self.tr("Close this explanation"))
        set_tip(self.close_button, self.tr("Close this explanation"))
        head.addWidget(self.title, 1)
        head.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(head)
        self.facts, self.text = label("", "muted", wrap=True), label("", wrap=True)
        for part in (self.facts, self.text):
            part.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            column.addWidget(part)
        self.hide()

    @property
    def anchor(self) -> QWidget | None:
        """What is explained; None while nothing is."""
        return self._anchor

    def explain(self, anchor: QWidget, title: str, facts: str, text: str) -> None:
        """Show an explanation of `anchor`, its numbers first, below it or, where there is no room, above."""
        self.leave()
        self._anchor = anchor
        self.title.setText(title)
        for part, said in ((self.facts, facts), (self.text, text)):
            part.setText(words.unbroken(said))
            part.setAccessibleName(said)
            part.setVisible(bool(said))
        self.setAccessibleName(title)
        self.setAccessibleDescription(f"{facts}\n{text}")
        self.setParent(self._home.window())
        for before, after in pairwise((anchor, self.close_button, self.facts, self.text)):
            QWidget.setTabOrder(before, after)
        QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]
        self.show()
        self._place()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def leave(self) -> None:
        """Close it. The keys go back to what was explained, where they were in here."""
        anchor, self._anchor = self._anchor, None
        if anchor is None:
            return
        QApplication.instance().removeEventFilter(self)  # type: ignore[union-attr]
        focus = QApplication.focusWidget()
        if focus is not None and self.isAncestorOf(focus):
            anchor.setFocus()
        self.hide()
        # The window is not its home: there it would be found among the window's own parts.
        self.setParent(self._home)

    def _place(self) -> None:
        window, anchor = self.parentWidget(), self._anchor
        if window is None or anchor is None:
            return
        width = max(anchor.width(), LEAST_WIDTH)
        self._column.activate()
        height = max(self._column.totalHeightForWidth(width), self._column.totalMinimumSize().height())
        top, below = anchor.mapTo(window, QPoint(0, 0)), anchor.mapTo(window, QPoint(0, anchor.height()))
        y = below.y() + GAP
        # Not over the line below the panel, which says that this is no medical device.
        if y + height > self._home.mapTo(window, QPoint(0, self._home.height())).y():
            y = max(top.y() - GAP - height, 0)
        x = min(max(top.x(), 0), max(window.width() - width, 0))
        self.setGeometry(x, y, width, height)
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Whatever happens in the program while an explanation is open."""
        kind = event.type()
        if kind in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress) and isinstance(event, QKeyEvent):
            other_window = isinstance(watched, QWidget) and watched.window() is not self.window()
            if event.key() != Qt.Key.Key_Escape or other_window:
                return False
            # Esc means this frame alone, and not what it would stop otherwise.
            event.accept()
            if kind == QEvent.Type.KeyPress:
                self.leave()
            return True
        if kind == QEvent.Type.MouseButtonPress and isinstance(event, QMouseEvent) and isinstance(watched, QWidget):
            elsewhere = watched not in (self, self._anchor) and not self.isAncestorOf(watched)
        elif watched is self._anchor:
            elsewhere = kind in (QEvent.Type.Hide, QEvent.Type.Move, QEvent.Type.DeferredDelete)
        else:
            elsewhere = watched is self.parentWidget() and kind == QEvent.Type.Resize
        if elsewhere:
            self.leave()
        return False
