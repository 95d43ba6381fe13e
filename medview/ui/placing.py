"""Where and how large a window is, so that all of it lies on a screen. Logical pixels throughout."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize

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
