"""The left-hand column: series and files that were opened together. A virtual list, so that thousands cost nothing."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt, QTimer
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication, QListView, QVBoxLayout, QWidget

from medview.ui import browser_rows, theme, words
from medview.ui.widgets import Elided, plain_tip
from medview.workspace import Workspace
from medview.workspace.listing import Entry, Row

Index = QModelIndex | QPersistentModelIndex
# Small pictures are asked for when the list rests for this long, and not before the picture itself is there.
REST_MS = 80


def _key(row: Row) -> object:
    return row.key if isinstance(row, Entry) else (row.group, row.origin and row.origin.study_uid, row.name)


class ListModel(QAbstractListModel):
    """The workspace's list as a Qt model: the rows that the view knows of.

    changing: rows go and come; the view makes another row the current one then, which is nobody's choice.
    """

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.rows: tuple[Row, ...] = workspace.listing.rows
        self.changing = False
        self._places: dict[object, int] = {}
        workspace.listingChanged.connect(self._on_changed)
        workspace.entryMarked.connect(self._on_marked)
        workspace.thumbnailMade.connect(self._on_thumbnail)
        workspace.settingChanged.connect(lambda key: self._say_anew() if key == "privacy" else None)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Headings and entries."""
        return 0 if parent.isValid() else len(self.rows)

    def entry_at(self, index: Index) -> Entry | None:
        """The entry of a row; None for a heading."""
        row = self.rows[index.row()] if index.isValid() and index.row() < len(self.rows) else None
        return row if isinstance(row, Entry) else None

    def index_of(self, key: object) -> QModelIndex:
        """The row of an entry; an invalid index when it has none."""
        place = self._places.get(key)
        return QModelIndex() if place is None else self.index(place)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Headings cannot be chosen."""
        return super().flags(index) if self.entry_at(index) else Qt.ItemFlag.NoItemFlags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name; everything else as tooltip."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        failure = self.workspace.listing.failure(row) if isinstance(row, Entry) else None
        hide = self.workspace.settings["privacy"]
        if role == browser_rows.RowRole:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return browser_rows.title(row, hide)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(browser_rows.tip(row, failure, hide))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            told = self.tr("cannot be read") if failure else browser_rows.subtitle(row, hide=hide)
            more = browser_rows.patient(row, hide) if not isinstance(row, Entry) else ""
            return words.listed(filter(None, (browser_rows.title(row, hide), more, told)))
        if role == Qt.ItemDataRole.FontRole and failure:
            font = QFont(QApplication.font())
            font.setItalic(True)
            return font
        return None

    def _on_changed(self) -> None:
        """Take over the rows that are new; those before and after them stay where they are, and so does the view."""
        old, new = [_key(row) for row in self.rows], [_key(row) for row in self.workspace.listing.rows]
        least = min(len(old), len(new))
        head = next((n for n in range(least) if old[n] != new[n]), least)
        tail = next((n for n in range(least - head) if old[-1 - n] != new[-1 - n]), least - head)
        self.changing = True
        if head + tail < len(old):
            self.beginRemoveRows(QModelIndex(), head, len(old) - tail - 1)
            self.rows = (*self.rows[:head], *self.rows[len(old) - tail :])
            self.endRemoveRows()
        if head + tail < len(new):
            self.beginInsertRows(QModelIndex(), head, len(new) - tail - 1)
            self.rows = self.workspace.listing.rows
            self.endInsertRows()
        self.changing = False
        self.rows = self.workspace.listing.rows
        self._places = {key: place for place, key in enumerate(new)}
        # A row may say something else now: a series has grown.
        self._say_anew()

    def _say_anew(self) -> None:
        if self.rows:
            self.dataChanged.emit(self.index(0), self.index(len(self.rows) - 1))

    def _on_marked(self, place: int) -> None:
        self._on_thumbnail(self.workspace.listing.entries[place].key)

    def _on_thumbnail(self, key: object) -> None:
        index = self.index_of(key)
        if index.isValid():
            self.dataChanged.emit(index, index)


class ListColumn(QWidget):
    """The list with its heading; hidden while there is one entry or none."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.setObjectName("fileColumn")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.workspace = workspace
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.STEP + 4, 0, 0)
        self.heading = Elided("", "section", Qt.TextElideMode.ElideRight)
        self.heading.setContentsMargins(theme.DOUBLE, 0, theme.STEP, 0)
        self.view = QListView()
        self.view.setUniformItemSizes(True)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Its place is kept while it is not needed: rows that become narrower when more are found would jump.
        self.view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        bar = self.view.verticalScrollBar()
        bar.setSingleStep(browser_rows.HEIGHT // 2)
        bar.rangeChanged.connect(lambda least, most: bar.setEnabled(most > least))
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setMouseTracking(True)
        # A click leaves the keys to the picture, so that the arrows go on stepping through its frames.
        self.view.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.view.setAccessibleName(self.tr("Series and files"))
        self.model = ListModel(workspace, self)
        self.view.setModel(self.model)
        self.view.setItemDelegate(browser_rows.RowDelegate(workspace))
        self.view.selectionModel().currentChanged.connect(self._on_current)
        column.addWidget(self.heading)
        column.addWidget(self.view, 1)
        self.setMinimumWidth(184)
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._want_thumbnails)
        bar.valueChanged.connect(lambda: self._rest.start())
        for signal in (workspace.listingChanged, workspace.busyChanged):
            signal.connect(self.refresh)
        workspace.listingChanged.connect(self._rest.start)
        workspace.listingChanged.connect(self._follow)
        workspace.entrySelected.connect(self._on_selected)
        workspace.settingChanged.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Count and visibility."""
        entries = self.workspace.listing.entries
        self.setVisible(len(entries) > 1 and self.workspace.settings["list_on"])
        series = sum(entry.series is not None for entry in entries)
        files = len(entries) - series
        parts = [words.series(series)] if series else []
        parts += [words.files(files)] if files else []
        more = "…" if self.workspace.busy("scan") else ""
        self.heading.set_text(words.listed(parts) + more)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More rows may be on the screen."""
        super().resizeEvent(event)
        self._rest.start()

    def _want_thumbnails(self) -> None:
        """Those of the rows that are on the screen, then of a screen before and after."""
        if self.workspace.active.busy("open"):
            self._rest.start()
            return
        port, count = self.view.viewport(), len(self.model.rows)
        if not count or not self.isVisible():
            return
        first = self.view.verticalScrollBar().value() // browser_rows.HEIGHT
        shown = port.height() // browser_rows.HEIGHT + 2
        order = [*range(first, first + shown), *range(first + shown, first + 2 * shown), *range(first - shown, first)]
        seen = (self.model.rows[n] for n in order if 0 <= n < count)
        self.workspace.thumbnails.want([row for row in seen if isinstance(row, Entry)])

    def _follow(self) -> None:
        """The current row is that of the workspace, wherever it stands now."""
        current = self.workspace.active.asked
        selection = self.view.selectionModel()
        index = self.model.index_of(current.key) if current else QModelIndex()
        if index == self.view.currentIndex():
            return
        selection.blockSignals(True)
        if index.isValid():
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        else:
            selection.clear()
        selection.blockSignals(False)
        self.view.viewport().update()

    def _on_selected(self) -> None:
        """Follow the workspace without asking it to open again, and show where."""
        self._follow()
        self.view.scrollTo(self.view.currentIndex())

    def _on_current(self, index: Index) -> None:
        entry = self.model.entry_at(index)
        current = self.workspace.active.asked
        if not self.model.changing and entry is not None and (current is None or entry.key != current.key):
            place = self.workspace.listing.place(entry.key)
            if place is not None:
                self.workspace.select_entry(place)
