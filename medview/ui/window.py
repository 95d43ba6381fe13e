"""The main window: puts the parts together, and asks for files and folders."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt, QUrl
from PySide6.QtGui import QAction, QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import (
    QMainWindow,
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from medview.core.failures import Failure
from medview.core.samples import Sample, samples
from medview.ui import identity, menus, panel, placing, words
from medview.ui.actions.action_set import ActionSet
from medview.ui.actions.context import Context
from medview.ui.browser import ListColumn
from medview.ui.canvas.canvas import Canvas
from medview.ui.dialogs import FileDialogs
from medview.ui.kinds import KindMenu
from medview.ui.message_bar import MessageBar
from medview.ui.pages import Page
from medview.ui.start import EmptyPage, NoticePage
from medview.ui.status import StatusLine
from medview.ui.tags import TagDialog
from medview.ui.viewer import Viewer
from medview.ui.widgets import Choice
from medview.workspace import Workspace

# Its first size, where the screen has room for it, and how small it can be made: list, picture and panel side by side.
WANTED, LEAST = QSize(1440, 900), QSize(880, 470)


class MainWindow(QMainWindow):
    """One window for one workspace."""

    def __init__(self, workspace: Workspace, samples_shown: list[Sample] | None = None, log_path: str = "") -> None:
        super().__init__()
        self.workspace = workspace
        self.samples = samples() if samples_shown is None else samples_shown
        self._waiting: list[Path] = []
        self.setWindowTitle("medview")
        self.setAcceptDrops(True)
        self._build_pages(log_path)
        self.context = Context(workspace, self)
        self.action_set = ActionSet(self.context, self, self.viewer.stack)
        self._build_menus()
        self.status = StatusLine(workspace)
        self.setStatusBar(self.status)
        self._connect()
        self.setMinimumSize(LEAST)
        placing.restore(self, WANTED, workspace.settings["window_geometry"])
        self._follow()
        self._on_page_changed()

    # Building

    def _build_pages(self, log_path: str) -> None:
        """From the outside in: Qt dresses all that is in a widget anew whenever that gets another parent."""
        ws = self.workspace
        self.stack = QStackedWidget(self)
        self.setCentralWidget(self.stack)
        self.notice = NoticePage(self.accept_notice, self.close)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.page = Page(ws, self.leave_page, log_path)
        for widget in (self.notice, self.splitter, self.page):
            self.stack.addWidget(widget)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(4)
        self.files, middle, self.middle = ListColumn(ws), QWidget(), QStackedWidget()
        self.splitter.addWidget(self.files)
        self.splitter.addWidget(middle)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.middle, 1)
        self.viewer = Viewer(ws, ws.active, self.ask_file)
        self.empty = EmptyPage(ws, self.samples, self.ask_file, self.ask_folder)
        self.middle.addWidget(self.empty)
        self.middle.addWidget(self.viewer)
        self.bar = MessageBar(middle, (self.viewer.stack, self.empty))
        self.findings = panel.FindingsPanel(ws, ws.active, self.samples)
        self.splitter.addWidget(self.findings)
        for place, stretch in enumerate((0, 1, 0)):
            self.splitter.setStretchFactor(place, stretch)
        self.splitter.setSizes([240, 848, panel.WIDTH])
        self.tags, self.dialogs = TagDialog(ws, self), FileDialogs(self, ws.lanes)

    def _build_menus(self) -> None:
        by_id, windows = self.action_set.by_id, self.viewer.facts.window_menu
        self.menus = menus.fill_bar(self.menuBar(), by_id, windows)
        self.recent_menu = menus.RecentMenu(self.workspace, self.open_paths, self)
        self.samples_menu = menus.SamplesMenu(self.workspace, self.samples, self.open_paths, self)
        for menu in (self.recent_menu, self.samples_menu):
            self.menus["file"].insertMenu(by_id["close"], menu)
        self.kind_menu = KindMenu(self.context, self)
        self.menus["analysis"].insertMenu(by_id["cancel"], self.kind_menu)
        self.toolbar = menus.toolbar(by_id)
        self.addToolBar(self.toolbar)

    def context_menu(self) -> QMenu:
        """What a right click on the picture offers."""
        return menus.over_picture(self, self.action_set.by_id, self.viewer.facts.window_menu, self.menus["plane"])

    def _connect(self) -> None:
        ws = self.workspace
        for signal in (ws.listingChanged, ws.pictureChanged, ws.busyChanged):
            signal.connect(self._follow)
        self.stack.currentChanged.connect(self._on_page_changed)
        self.viewer.viewport.pictureChanged.connect(self._on_picture_changed)
        ws.entrySelected.connect(self.bar.clear)
        ws.settingChanged.connect(self._on_setting_changed)
        self.viewer.canvas.menuAsked.connect(lambda place: self.context_menu().popup(place))
        self.files.view.clicked.connect(self.viewer.take_focus)
        ws.saved.connect(self._on_saved)
        ws.actionFailed.connect(self._on_failed)
        self.findings.cardAsked.connect(self.page.show_card)
        self.page.opened.connect(lambda: self.stack.setCurrentWidget(self.page))

    def changeEvent(self, event: QEvent) -> None:
        """The system, too, makes a window fill the screen and ends that."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self.action_set.refresh("window")

    def showEvent(self, event: QShowEvent) -> None:
        """From now on the thickness of the frame is known."""
        super().showEvent(event)
        if not event.spontaneous():
            placing.keep_on_screen(self)

    # Following the workspace

    def _follow(self) -> None:
        """Which page shows, and whose picture the title names."""
        ws = self.workspace
        accepted, pane = ws.settings["notice_accepted"], ws.active
        something = bool(pane.picture or pane.failure or ws.listing.entries or pane.busy("open") or ws.busy("scan"))
        self.middle.setCurrentWidget(self.viewer if something else self.empty)
        self.findings.setVisible(something and ws.settings["panel_on"])
        if not accepted:
            self.stack.setCurrentWidget(self.notice)
        elif self.stack.currentWidget() is self.notice:
            self.stack.setCurrentWidget(self.splitter)
        self.setWindowTitle(identity.window_title(pane, ws.settings["privacy"]))
        if accepted and not something:
            self.empty.want_thumbnails()

    def _on_page_changed(self) -> None:
        self.action_set.refresh("page")
        self.viewer.facts.window_menu.set_reachable(self.stack.currentWidget() is self.splitter)

    def _on_picture_changed(self) -> None:
        if self.stack.currentWidget() is self.splitter and not self.files.view.hasFocus():
            self.viewer.take_focus()

    def _on_setting_changed(self, key: str) -> None:
        if key in ("notice_accepted", "panel_on", "privacy"):
            self._follow()
        if key == "privacy":
            self.bar.clear()

    # Opening

    def open_paths(self, paths: list[Path]) -> None:
        """Open files or folders; before the notice is accepted they wait."""
        if not self.workspace.settings["notice_accepted"]:
            self._waiting = list(paths)
            return
        self.leave_page()
        self.bar.clear()
        self.workspace.open_paths(paths)

    def accept_notice(self) -> None:
        """The notice was read: remember it and go on."""
        self.workspace.set_setting("notice_accepted", True)
        waiting, self._waiting = self._waiting, []
        if waiting:
            self.open_paths(waiting)

    def ask_file(self) -> None:
        """Let the user choose files."""
        folder = self.workspace.settings["last_folder"]
        self.dialogs.files(self.tr("Open pictures"), folder, self.open_paths)

    def ask_folder(self) -> None:
        """Let the user choose a folder."""
        folder = self.workspace.settings["last_folder"]
        self.dialogs.folder(self.tr("Open a folder"), folder, lambda chosen: self.open_paths([chosen]))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and folders of this computer."""
        if event.mimeData().hasUrls() and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open_paths(paths)

    # Results

    def ask_save(self) -> None:
        """Let the user choose where the result images go."""
        folder = self.workspace.settings["save_folder"] or self.workspace.settings["last_folder"]
        self.dialogs.folder(self.tr("Save result images into"), folder, self._save_into)

    def _save_into(self, folder: Path) -> None:
        self.bar.clear()
        self.workspace.save_results(folder)

    def _on_saved(self, files: list[Path]) -> None:
        folder = files[0].parent
        show = Choice(self.tr("Show folder"), lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))))
        count = len(files)
        told = self.tr("1 file was saved.") if count == 1 else self.tr("%n files were saved.", "", count)
        self.bar.say(told, "" if self.workspace.settings["privacy"] else str(folder), choices=[show])

    def _on_failed(self, failure: Failure) -> None:
        if self.workspace.settings["privacy"]:
            # Its text names files and folders, which may be called after patients.
            self.bar.say(words.title(failure.code), "", "alarm")
        else:
            self.bar.say(words.shown(failure.text), words.shown(failure.hint), "alarm")

    # What actions know of the window

    @property
    def canvas(self) -> Canvas:
        """The canvas of the active pane."""
        return self.viewer.canvas

    @property
    def page_shown(self) -> bool:
        """Whether a page of the Help menu hides the pictures."""
        return self.stack.currentWidget() is self.page

    def leave_page(self) -> None:
        """Back to the picture."""
        if self.page_shown:
            self.stack.setCurrentWidget(self.splitter)
            self.viewer.take_focus()

    def toggle_full_screen(self) -> None:
        """The window without its frame, or with it again."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    # Events

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop the work, keep size and settings. Whoever ends the program waits for it, not the window."""
        self.tags.close()
        self.workspace.settings["window_geometry"] = placing.saved(self)
        self.workspace.close(wait_ms=0)
        event.accept()

    def action(self, id: str) -> QAction:
        """The action of that id. Raises KeyError."""
        return self.action_set.by_id[id]
