"""The elements of the shown DICOM file in a window of their own: searched, filtered, copied. Plain text throughout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import QAction, QColor, QGuiApplication, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from medview.core.failures import Failure
from medview.imaging.tag_privacy import Hider
from medview.ui import identity, placing, theme, words
from medview.ui.widgets import button, label, plain_tip
from medview.workspace import Workspace, opening
from medview.workspace.runner import Job

if TYPE_CHECKING:
    from medview.imaging.dicom_tags import TagRow

translate = QCoreApplication.translate
Index = QModelIndex | QPersistentModelIndex

LANE = "tags"
# Another file is read when stepping through a series rests for this long.
REST_MS = 200
WANTED, ROW_HEIGHT, INDENT = QSize(860, 620), 26, "    "
TAG, VR, NAME, VALUE = range(4)
ALL, PRIVATE, PERSON = range(3)


class TagModel(QAbstractTableModel):
    """Rows of a file as a table: those that fit search and filter, and the sequences that they lie in."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[TagRow] = []
        self.shown: list[int] = []
        self._values: list[str] = []
        self._texts: list[str] = []
        self._parents: list[int] = []
        self._persons: list[bool] = []

    def take(self, rows: Sequence[TagRow], hide: bool) -> None:
        """The rows of another file, or the same with what tells who the patient is shown or hidden."""
        hider = Hider(rows)
        hidden = translate("tags", "hidden")
        self.rows = list(rows)
        self._persons = [hider.tells(row) for row in rows]
        self._values = [
            hidden if hide and told and row.value else words.shown(row.value)
            for row, told in zip(rows, self._persons, strict=True)
        ]
        self._texts = [
            f"{row.tag} {row.vr} {words.shown(row.name)} {row.creator} {value}".casefold()
            for row, value in zip(rows, self._values, strict=True)
        ]
        self._parents = _parents(rows)

    def choose(self, search: str, which: int) -> None:
        """Show the rows in which all words of `search` occur, of all, the private or the personal elements."""
        found = search.casefold().split()
        wanted: set[int] = set()
        for number, row in enumerate(self.rows):
            fits = which == ALL or (row.private if which == PRIVATE else self._persons[number])
            if fits and all(word in self._texts[number] for word in found):
                while number >= 0 and number not in wanted:
                    wanted.add(number)
                    number = self._parents[number]
        self.beginResetModel()
        self.shown = sorted(wanted)
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Shown rows."""
        return 0 if parent.isValid() else len(self.shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Tag, VR, name, value."""
        return 0 if parent.isValid() else 4

    def texts(self, row: int) -> tuple[str, str, str, str]:
        """What the columns of a shown row say, unindented."""
        number = self.shown[row]
        found = self.rows[number]
        name = words.shown(found.name)
        name = words.beside(name, found.creator) if found.creator else name
        return found.tag, found.vr, name, self._values[number]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts; the whole value as tooltip; what says nothing itself is pale."""
        if not index.isValid() or index.row() >= len(self.shown):
            return None
        row, text = self.rows[self.shown[index.row()]], self.texts(index.row())[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return INDENT * row.depth + text if index.column() == TAG and text else text
        if role == Qt.ItemDataRole.ToolTipRole and index.column() in (NAME, VALUE):
            return plain_tip(text)
        if role == Qt.ItemDataRole.ForegroundRole and (not row.tag or index.column() == VR):
            return QColor(theme.MUTED)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Names of the columns."""
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            translate("tags", "Tag"),
            translate("tags", "VR"),
            translate("tags", "Name"),
            translate("tags", "Value"),
        )[section]


def _parents(rows: Sequence[TagRow]) -> list[int]:
    """For each row the number of the one that it lies in: its item, and of an item the sequence; -1 for none."""
    parents: list[int] = []
    open_rows: list[tuple[int, int]] = []
    for number, row in enumerate(rows):
        # An item is as deep as its elements, and comes before them.
        depth = 2 * row.depth + (0 if row.tag or row.depth == 0 else -1)
        while open_rows and open_rows[-1][0] >= depth:
            open_rows.pop()
        parents.append(open_rows[-1][1] if open_rows else -1)
        open_rows.append((depth, number))
    return parents


class TagDialog(QDialog):
    """Follows the shown file while it is open; reads it in the background."""

    def __init__(self, workspace: Workspace, parent: QWidget) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self._path: Path | None = None
        # What came of reading it.
        self._rows: list[TagRow] = []
        self._failure: Failure | None = None
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search tag, name or value"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.search.placeholderText())
        self.which = QComboBox()
        self.which.addItems([self.tr("All elements"), self.tr("Private elements"), self.tr("Patient and people")])
        self.which.setAccessibleName(self.tr("Which elements"))
        self.model = TagModel(self)
        self.table = self._make_table()
        self.message = label("", "muted", wrap=True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.message.setContentsMargins(theme.TRIPLE, theme.TRIPLE, theme.TRIPLE, theme.TRIPLE)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.table)
        self.pages.addWidget(self.message)
        self.count = label("", "muted")
        self._build()
        self._make_actions()
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self.load)
        self.search.textChanged.connect(self._choose)
        self.which.currentIndexChanged.connect(self._choose)
        workspace.pictureChanged.connect(self._follow)
        workspace.settingChanged.connect(lambda key: self._take() if key == "privacy" else None)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.DOUBLE, theme.DOUBLE, theme.DOUBLE, theme.DOUBLE)
        column.setSpacing(theme.STEP)
        head = QHBoxLayout()
        head.addWidget(self.search, 1)
        head.addWidget(self.which)
        foot = QHBoxLayout()
        foot.addWidget(self.count, 1)
        self.copy_value = button(self.tr("Copy value"), lambda: self.copy(values_only=True))
        self.copy_row = button(self.tr("Copy row"), lambda: self.copy(values_only=False))
        for made in (self.copy_value, self.copy_row, button(self.tr("Close"), self.hide)):
            foot.addWidget(made)
        column.addLayout(head)
        column.addWidget(self.pages, 1)
        column.addLayout(foot)
        self.resize(placing.first_size(self.screen().availableSize(), WANTED))

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.model)
        table.setAccessibleName(self.tr("Elements of the file"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setWordWrap(False)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter)
        for column, width in ((TAG, 160), (VR, 40), (NAME, 270)):
            table.setColumnWidth(column, width)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._open_menu)
        table.selectionModel().selectionChanged.connect(self._refresh_buttons)
        return table

    def _make_actions(self) -> None:
        self.menu = QMenu(self)
        for text, keys, values_only in (
            (self.tr("Copy value"), QKeySequence(QKeySequence.StandardKey.Copy), True),
            (self.tr("Copy row"), QKeySequence("Ctrl+Shift+C"), False),
        ):
            action = QAction(text, self.table)
            action.setShortcut(keys)
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(lambda _checked=False, only=values_only: self.copy(only))
            self.table.addAction(action)
            self.menu.addAction(action)
        find = QAction(self)
        find.setShortcut(QKeySequence.StandardKey.Find)
        find.triggered.connect(self.search.setFocus)
        self.addAction(find)

    def open(self) -> None:
        """Show the window, with the elements of the shown file; nothing else waits for it."""
        self.load()
        self.show()
        self.activateWindow()
        self.search.setFocus()

    # Reading

    def _shown_path(self) -> Path | None:
        ws = self.workspace
        return ws.active.picture.frame.path if ws.active.picture else ws.active.failed_path

    def _follow(self) -> None:
        if self.isVisible() and self._shown_path() != self._path:
            self._rest.start()

    def load(self) -> None:
        """Read the elements of the shown file."""
        path = self._path = self._shown_path()
        if path is None:
            self.workspace.lanes.cancel(LANE)
            self._failure = None
            self._tell(self.tr("Open a DICOM file to see its elements."))
            self._set_title()
            return
        # Rows of the file before stay until the new ones are there, and its name with them.
        if not self._rows:
            self._tell(self.tr("Reading the file…"))
            self._set_title()
        job = Job(LANE, "", lambda token: opening.read_tags(path), self._on_read, self._on_failed)
        self.workspace.lanes.start(job)

    def _on_read(self, rows: list[TagRow]) -> None:
        self._rows, self._failure = rows, None
        self._take()

    def _on_failed(self, failure: Failure) -> None:
        self._failure = failure
        self._take()

    def _tell(self, text: str) -> None:
        """Say something in the place of the table."""
        self._rows = []
        self.model.take((), hide=False)
        self._choose()
        self.message.setText(text)
        self.count.setText("")
        self.pages.setCurrentWidget(self.message)

    def _set_title(self) -> None:
        name = words.one_line(self._path.name) if self._path and not self.workspace.settings["privacy"] else ""
        title = self.tr("DICOM tags")
        self.setWindowTitle(words.in_file(name, title) if name else title)

    # Showing

    def _take(self) -> None:
        """The rows anew; of the next file of a series the same place as of this one."""
        self._set_title()
        failure, hide = self._failure, self.workspace.settings["privacy"]
        if failure is not None:
            self._tell(identity.without_name(words.told(failure), self._path, hide))
        if not self._rows:
            return
        bar, current = self.table.verticalScrollBar(), self.table.currentIndex()
        place, row = bar.value(), current.row()
        self.model.take(self._rows, hide)
        self._choose()
        self.pages.setCurrentWidget(self.table)
        if 0 <= row < self.model.rowCount():
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.table.selectionModel().setCurrentIndex(self.model.index(row, VALUE), flags)
        bar.setValue(place)

    def _choose(self) -> None:
        self.model.choose(self.search.text(), self.which.currentIndex())
        shown, count = self.model.rowCount(), len(self.model.rows)
        all_of_them = self.tr("%n rows", "", count)
        self.count.setText(all_of_them if shown == count else self.tr("{0} of {1} rows").format(shown, count))
        self._refresh_buttons()

    def _refresh_buttons(self) -> None:
        some = self.table.selectionModel().hasSelection()
        for made in (self.copy_value, self.copy_row):
            made.setEnabled(some)
        for action in self.table.actions():
            action.setEnabled(some)

    def _open_menu(self, place: QPoint) -> None:
        self.menu.popup(self.table.viewport().mapToGlobal(place))

    def copy(self, values_only: bool) -> None:
        """The selected rows into the clipboard, a line each: their values, or their columns with tabs between."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        said = [self.model.texts(row) for row in rows]
        QGuiApplication.clipboard().setText("\n".join(row[VALUE] if values_only else "\t".join(row) for row in said))
