"""Where and how large a window is, so that all of it lies on a screen. Logical pixels throughout."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QPoint, QRect, QSize
from PySide6.QtWidgets import QWidget

# Before a window is shown nobody knows how thick its frame will be: sides together, and title bar with lower edge.
FRAME = QSize(16, 40)


def first_size(available: QSize, wanted: QSize, frame: QSize = FRAME) -> QSize:
    """The size of the contents of a window that is opened for the first time: no more than a screen has room for."""
    return wanted.boundedTo(QSize(available.width() - frame.width(), available.height() - frame.height()))


def within(frame: QRect, available: QRect) -> QRect:
    """A window with its frame, moved, and where that is not enough made smaller, to lie inside the room there is."""
    size = frame.size().boundedTo(available.size())
    left = min(max(frame.left(), available.left()), available.right() + 1 - size.width())
    top = min(max(frame.top(), available.top()), available.bottom() + 1 - size.height())
    return QRect(QPoint(left, top), size)


def restore(window: QWidget, wanted: QSize, geometry: str) -> None:
    """Give a window, before it is shown, the place and size it had; or the `wanted` size. `geometry`: `saved`, or empty
    where it was never open."""
    window.resize(first_size(window.screen().availableSize(), wanted))
    if geometry:
        # It may be of a larger screen, or of one that is gone.
        window.restoreGeometry(QByteArray.fromBase64(geometry.encode("ascii", "ignore")))
        keep_on_screen(window)


def saved(window: QWidget) -> str:
    """Where a window is, for `restore`."""
    return bytes(window.saveGeometry().toBase64().data()).decode("ascii")


def keep_on_screen(window: QWidget) -> None:
    """Bring a window that lies outside the screen, or is larger than it, back onto it."""
    if window.isMaximized() or window.isFullScreen():
        return
    frame = window.frameGeometry()
    placed = within(frame, window.screen().availableGeometry())
    if placed != frame:
        window.resize(window.size() - (frame.size() - placed.size()))
        window.move(placed.topLeft())
