"""The left-hand column: the files of a folder. A virtual list, so that thousands cost nothing."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QListView, QVBoxLayout, QWidget

from medview.ui import theme, words
from medview.ui.widgets import Elided
from medview.workspace import Workspace

Index = QModelIndex | QPersistentModelIndex


class FileModel(QAbstractListModel):
    """The workspace's files as a Qt model; it holds nothing but how many rows the view knows of."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self._count = len(workspace.files.paths)
        workspace.filesReset.connect(self._on_reset)
        workspace.filesAppended.connect(self._on_appended)
        workspace.fileMarked.connect(self._on_marked)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Files in the list."""
        return 0 if parent.isValid() else self._count

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name; the whole path and why it did not open as tooltip."""
        if not index.isValid() or index.row() >= len(self.workspace.files.paths):
            return None
        path = self.workspace.files.paths[index.row()]
        failure = self.workspace.files.unreadable.get(path)
        if role == Qt.ItemDataRole.DisplayRole:
            return words.one_line(path.name)
        if role == Qt.ItemDataRole.ToolTipRole:
            whole = words.one_line(str(path))
            return f"{whole}\n{failure.text}" if failure else whole
        if role == Qt.ItemDataRole.AccessibleTextRole:
            name = words.one_line(path.name)
            return self.tr("{0}, cannot be read").format(name) if failure else name
        if role == Qt.ItemDataRole.ForegroundRole and failure:
            return QColor(theme.FAINT)
        if role == Qt.ItemDataRole.FontRole and failure:
            from PySide6.QtGui import QFont
            from PySide6.QtWidgets import QApplication

            font = QFont(QApplication.font())
            font.setItalic(True)
            return font
        return None

    def _on_reset(self) -> None:
        self.beginResetModel()
        self._count = 0
        self.endResetModel()

    def _on_appended(self, first: int, last: int) -> None:
        self.beginInsertRows(QModelIndex(), first, last)
        self._count = last + 1
        self.endInsertRows()

    def _on_marked(self, row: int) -> None:
        if row < self._count:
            self.dataChanged.emit(self.index(row), self.index(row))


class FileColumn(QWidget):
    """The list with its heading; hidden while there is one file or none."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.setObjectName("fileColumn")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.workspace = workspace
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.STEP + 4, 0, 0)
        self.heading = Elided("", "section")
        self.heading.setContentsMargins(theme.DOUBLE, 0, theme.STEP, 0)
        self.view = QListView()
        self.view.setUniformItemSizes(True)
        self.view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setAccessibleName(self.tr("Files"))
        self.model = FileModel(workspace, self)
        self.view.setModel(self.model)
        self.view.selectionModel().currentChanged.connect(self._on_current)
        column.addWidget(self.heading)
        column.addWidget(self.view, 1)
        self.setMinimumWidth(160)
        for signal in (workspace.filesReset, workspace.filesAppended, workspace.busyChanged):
            signal.connect(self.refresh)
        workspace.fileSelected.connect(self._on_selected)
        self.refresh()

    def refresh(self) -> None:
        """Count and visibility."""
        count = len(self.workspace.files.paths)
        self.setVisible(count > 1)
        more = "…" if self.workspace.busy("scan") else ""
        self.heading.set_text(self.tr("{0} files").format(f"{count}{more}"))

    def _on_selected(self, row: int) -> None:
        """Follow the workspace without asking it to open again."""
        selection = self.view.selectionModel()
        selection.blockSignals(True)
        index = self.model.index(row)
        selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        selection.blockSignals(False)
        self.view.scrollTo(index)
        self.view.viewport().update()

    def _on_current(self, index: Index) -> None:
        if index.isValid() and index.row() != self.workspace.files.index:
            self.workspace.select_file(index.row())
