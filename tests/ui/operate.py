"""What a user reads, presses and drops in the window, and what a test waits for."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QGraphicsOpacityEffect, QLabel, QPushButton, QWidget

from medview.ui.results import ProbabilityRow, ResultBox
from medview.ui.widgets import MessageBox
from medview.ui.window import MainWindow


def texts(widget: QWidget) -> str:
    """All words a user can read in a widget."""
    parts = [found.text() for found in widget.findChildren(QLabel) if found.isVisibleTo(widget)]
    parts += [found.text() for found in widget.findChildren(QPushButton) if found.isVisibleTo(widget)]
    return "\n".join(parts)


def press(widget: QWidget, text: str) -> None:
    """Click the button with this text."""
    (found,) = [b for b in widget.findChildren(QPushButton) if b.text() == text and b.isVisibleTo(widget)]
    found.click()


def drop(window: MainWindow, *paths: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    rest = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(9, 9), *rest)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(QPointF(9, 9), *rest))


def shown(window: MainWindow) -> int:
    """The position of the slice that is shown: its values."""
    assert window.workspace.active.picture is not None
    return int(window.workspace.active.picture.values[0, 0])


def steady(window: MainWindow) -> bool:
    ws = window.workspace
    return ws.active.analysis is not None and ws.active.busy("analyse") is None and ws.active.busy("stability") is None


def result_boxes(window: MainWindow) -> list[ResultBox]:
    return [box for box in window.findings.widgets if isinstance(box, ResultBox)]


def messages(window: MainWindow) -> list[MessageBox]:
    return [box for box in window.findings.widgets if isinstance(box, MessageBox)]


def rows(window: MainWindow) -> list[ProbabilityRow]:
    return window.findings.findChildren(ProbabilityRow)


def dimmed(window: MainWindow) -> bool:
    body = window.findings.area.widget()
    effect = body.graphicsEffect() if body is not None else None
    return isinstance(effect, QGraphicsOpacityEffect) and effect.isEnabled()
