"""Everything a window says to a person: what its widgets show, paint, and tell a screen reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QModelIndex, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QTextBrowser,
    QWidget,
)

from tests.ui.conftest import shown_of

ROLES = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole)


def said(window: QWidget) -> Iterator[tuple[str, str]]:
    """(where, text) of a window and all that is in it, hidden or not."""
    for widget in (window, *window.findChildren(QWidget)):
        where = type(widget).__name__
        yield from ((f"{where}.{part}", text) for part, text in _of_widget(widget))
        for action in widget.actions():
            yield from ((f"action of {where}", text) for text in _of_action(action))
    for action in window.findChildren(QAction):
        yield from (("action", text) for text in _of_action(action))


def _of_widget(widget: QWidget) -> Iterator[tuple[str, str]]:
    getters: tuple[Callable[[], str], ...] = (
        widget.windowTitle, widget.statusTip, widget.whatsThis, widget.accessibleName, widget.accessibleDescription,
    )  # fmt: skip
    yield from ((getter.__name__, getter()) for getter in getters)
    yield "toolTip", shown_of(widget.toolTip())
    if isinstance(widget, QLabel | QAbstractButton | QLineEdit):
        yield "text", widget.text()
    if isinstance(widget, QLineEdit):
        yield "placeholderText", widget.placeholderText()
    if isinstance(widget, QMenu):
        yield "title", widget.title()
    if isinstance(widget, QTextBrowser):
        yield "page", widget.toPlainText()
    if isinstance(widget, QComboBox):
        yield from (("item", widget.itemText(place)) for place in range(widget.count()))
    if isinstance(widget, QAbstractItemView) and not isinstance(widget, QHeaderView) and widget.model() is not None:
        yield from (("item", text) for text in _of_model(widget.model()))


def _of_action(action: QAction) -> tuple[str, ...]:
    return action.text(), action.iconText(), shown_of(action.toolTip()), action.statusTip()


def _of_model(model: QAbstractItemModel) -> Iterator[str]:
    columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount(QModelIndex())
    for column in range(columns):
        yield str(model.headerData(column, Qt.Orientation.Horizontal) or "")
        for row in range(model.rowCount(QModelIndex())):
            yield from (shown_of(str(model.index(row, column).data(role) or "")) for role in ROLES)
