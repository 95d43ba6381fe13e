"""The main window: puts the parts together, turns actions into calls of the workspace, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QUrl
from PySide6.QtGui import QAction, QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QSplitter,
    QStackedWidget,
    QStatusBar,
    QVBoxLayout,
    QWidget,
)

from medview.core.failures import Failure
from medview.core.samples import Sample, samples
from medview.inference.card import Card
from medview.ui import actions, identity, menus, pages, panel, placing, theme, words
from medview.ui.browser import ListColumn
from medview.ui.dialogs import FileDialogs
from medview.ui.help import help_html
from medview.ui.kinds import KindMenu
from medview.ui.message_bar import MessageBar
from medview.ui.model_page import card_html
from medview.ui.start import EmptyPage, NoticePage
from medview.ui.tags import TagDialog
from medview.ui.viewer import Viewer
from medview.ui.widgets import Choice, Elided, label
from medview.workspace import Workspace

# Its first size, where the screen has room for it, and how small it can be made: list, picture and panel side by side.
WANTED, LEAST = QSize(1440, 900), QSize(880, 470)
# Frames that are passed by Page Up and Page Down.
MANY = 10
# More than any series has.
ALL = 1_000_000
# Actions that turn a setting on and off.
SWITCHES = {
    "sides": "sides_on",
    "privacy": "privacy",
    "list": "list_on",
    "panel": "panel_on",
    "auto": "auto_analyse",
}


class MainWindow(QMainWindow):
    """One window for one workspace."""

    def __init__(self, workspace: Workspace, samples_shown: list[Sample] | None = None, log_path: str = "") -> None:
        super().__init__()
        self.workspace = workspace
        self.samples = samples() if samples_shown is None else samples_shown
        self._log_path = log_path
        self._waiting: list[Path] = []
        self.setWindowTitle("medview")
        self.setAcceptDrops(True)
        self._build_pages()
        self.actions_by_id = actions.make_actions(self, self.viewer.stack, self._handlers())
        self._build_menus()
        self._build_status()
        self._connect()
        self._restore()
        self._refresh()

    # Building

    def _build_pages(self) -> None:
        ws = self.workspace
        self.viewer = Viewer(ws, ws.active, self.ask_file)
        self.empty = EmptyPage(ws, self.samples, self.ask_file, self.ask_folder)
        self.files = ListColumn(ws)
        self.findings = panel.FindingsPanel(ws, ws.active, self.samples)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.middle = QStackedWidget()
        self.middle.addWidget(self.empty)
        self.middle.addWidget(self.viewer)
        column.addWidget(self.middle, 1)
        self.bar = MessageBar(middle, (self.viewer.stack, self.empty))
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(4)
        for part in (self.files, middle, self.findings):
            self.splitter.addWidget(part)
        for place, stretch in enumerate((0, 1, 0)):
            self.splitter.setStretchFactor(place, stretch)
        self.splitter.setSizes([240, 848, panel.WIDTH])
        self.notice = NoticePage(self.accept_notice, self.close)
        self.page = pages.Page(self.leave_page)
        self.tags, self.dialogs = TagDialog(ws, self), FileDialogs(self, ws.lanes)
        self.stack = QStackedWidget()
        for widget in (self.notice, self.splitter, self.page):
            self.stack.addWidget(widget)
        self.setCentralWidget(self.stack)

    def _build_menus(self) -> None:
        by_id, windows = self.actions_by_id, self.viewer.facts.window_menu
        self.menus = menus.fill_bar(self.menuBar(), by_id, windows)
        self.recent_menu = QMenu(self.tr("Recent files"), self)
        self.samples_menu = QMenu(self.tr("Samples"), self)
        for menu in (self.recent_menu, self.samples_menu):
            self.menus["file"].insertMenu(by_id["close"], menu)
        menus.fill_samples(self.samples_menu, self.samples, self.open_paths)
        self.kind_menu = KindMenu(self.workspace, self)
        self.menus["analysis"].insertMenu(by_id["cancel"], self.kind_menu)
        self.toolbar = menus.toolbar(by_id)
        self.addToolBar(self.toolbar)

    def context_menu(self) -> QMenu:
        """What a right click on the picture offers."""
        return menus.over_picture(self, self.actions_by_id, self.viewer.facts.window_menu, self.menus["plane"])

    def _build_status(self) -> None:
        status = QStatusBar()
        status.setSizeGripEnabled(False)
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(theme.STEP, 2, theme.STEP, 2)
        row.setSpacing(theme.DOUBLE)
        self.ran = Elided("", "muted", Qt.TextElideMode.ElideRight)
        self.motto = label(self.tr("Second look, not a diagnosis. Not a medical device."))
        row.addWidget(self.ran, 1)
        row.addWidget(self.motto)
        status.addWidget(holder, 1)
        self.setStatusBar(status)

    def _handlers(self) -> dict[str, Callable[[], object]]:
        ws, canvas = self.workspace, self.viewer.canvas
        return {
            **{id: self._switch(key) for id, key in SWITCHES.items()},
            "open": self.ask_file,
            "open_folder": self.ask_folder,
            "close": ws.close_all,
            "save": self.ask_save,
            "tags": lambda: self.tags.open(),
            "quit": self.close,
            "fit": canvas.fit,
            "actual": canvas.actual_size,
            "zoom_in": lambda: canvas.zoom(1.25),
            "zoom_out": lambda: canvas.zoom(0.8),
            "invert": lambda: ws.active.set_view(inverted=not ws.active.view.inverted),
            "reset": lambda: ws.active.reset_view(),
            "heatmap": lambda: ws.active.set_layers(heatmap_on=not ws.active.layers.heatmap_on),
            "mask": lambda: ws.active.set_layers(mask_on=not ws.active.layers.mask_on),
            "full_screen": lambda: self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen),
            "previous_file": lambda: ws.step_entry(-1),
            "next_file": lambda: ws.step_entry(1),
            "previous_frame": lambda: ws.active.step_frame(-1),
            "next_frame": lambda: ws.active.step_frame(1),
            "frames_back": lambda: ws.active.step_frame(-MANY),
            "frames_on": lambda: ws.active.step_frame(MANY),
            "first_frame": lambda: ws.active.step_frame(-ALL),
            "last_frame": lambda: ws.active.step_frame(ALL),
            "previous_time": lambda: ws.active.step_time(-1),
            "next_time": lambda: ws.active.step_time(1),
            "plane_acquired": lambda: ws.active.show_plane(None),
            "plane_axial": lambda: ws.active.show_plane("axial"),
            "plane_coronal": lambda: ws.active.show_plane("coronal"),
            "plane_sagittal": lambda: ws.active.show_plane("sagittal"),
            "analyse": lambda: ws.active.analyse(),
            "cancel": self.cancel_all,
            "help": lambda: self.show_page(self.tr("Help"), help_html()),
            "models": self.show_models,
            "about": lambda: self.show_page(self.tr("About medview"), pages.about_html(self._log_path)),
        }

    def _switch(self, key: str) -> Callable[[], None]:
        """What turns a setting on and off."""
        settings = self.workspace.settings
        return lambda: self.workspace.set_setting(key, not settings[key])

    def _connect(self) -> None:
        ws = self.workspace
        for signal in (
            ws.listingChanged,
            ws.pictureChanged,
            ws.viewChanged,
            ws.layersChanged,
            ws.analysisChanged,
            ws.busyChanged,
            ws.settingChanged,
        ):
            signal.connect(self._refresh)
        self.stack.currentChanged.connect(self._refresh)
        self.viewer.viewport.pictureChanged.connect(self._on_picture_changed)
        ws.entrySelected.connect(self.bar.clear)
        ws.recentChanged.connect(self._fill_recent)
        ws.settingChanged.connect(self._on_setting_changed)
        self.viewer.canvas.menuAsked.connect(lambda place: self.context_menu().popup(place))
        self.files.view.clicked.connect(self.viewer.take_focus)
        ws.saved.connect(self._on_saved)
        ws.actionFailed.connect(self._on_failed)
        ws.modelsListed.connect(self._on_models_listed)
        self.findings.cardAsked.connect(self.show_card)
        self._fill_recent()

    def _restore(self) -> None:
        self.setMinimumSize(LEAST)
        self.resize(placing.first_size(self.screen().availableSize(), WANTED))
        geometry = self.workspace.settings["window_geometry"]
        if geometry:
            # It may be of a larger screen, or of one that is gone.
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode("ascii", "ignore")))
            self._keep_on_screen()

    def _keep_on_screen(self) -> None:
        """Bring a window that lies outside the screen, or is larger than it, back onto it."""
        if self.isMaximized() or self.isFullScreen():
            return
        frame = self.frameGeometry()
        placed = placing.within(frame, self.screen().availableGeometry())
        if placed != frame:
            self.resize(self.size() - (frame.size() - placed.size()))
            self.move(placed.topLeft())

    def changeEvent(self, event: QEvent) -> None:
        """The system, too, makes a window fill the screen and ends that."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self.action("full_screen").setChecked(self.isFullScreen())

    def showEvent(self, event: QShowEvent) -> None:
        """From now on the thickness of the frame is known."""
        super().showEvent(event)
        if not event.spontaneous():
            self._keep_on_screen()

    # Following the workspace

    def _refresh(self) -> None:
        """Enabled and checked actions, and which page shows."""
        ws = self.workspace
        for spec in actions.specs():
            action = self.actions_by_id[spec.id]
            action.setEnabled(spec.enabled(ws) and (spec.anywhere or self.stack.currentWidget() is not self.page))
        self.viewer.facts.window_menu.set_reachable(self.stack.currentWidget() is self.splitter)
        self.actions_by_id["invert"].setChecked(ws.active.view.inverted)
        self.actions_by_id["heatmap"].setChecked(ws.active.layers.heatmap_on and self.action("heatmap").isEnabled())
        self.actions_by_id["mask"].setChecked(ws.active.layers.mask_on and self.action("mask").isEnabled())
        for id, key in SWITCHES.items():
            self.actions_by_id[id].setChecked(ws.settings[key])
        for id in ("axial", "coronal", "sagittal"):
            self.actions_by_id[f"plane_{id}"].setChecked(ws.active.plane == id)
        self.action("plane_acquired").setChecked(not ws.active.plane and self.action("plane_acquired").isEnabled())
        accepted = ws.settings["notice_accepted"]
        self.recent_menu.setEnabled(accepted and bool(ws.recent) and not ws.settings["privacy"])
        self.samples_menu.setEnabled(accepted and bool(self.samples))
        pane = ws.active
        something = bool(pane.picture or pane.failure or ws.listing.entries or pane.busy("open") or ws.busy("scan"))
        self.middle.setCurrentWidget(self.viewer if something else self.empty)
        self.findings.setVisible(something and ws.settings["panel_on"])
        if not accepted:
            self.stack.setCurrentWidget(self.notice)
        elif self.stack.currentWidget() is self.notice:
            self.stack.setCurrentWidget(self.splitter)
        self.setWindowTitle(identity.window_title(ws.active, ws.settings["privacy"]))
        self.ran.set_text(self._what_ran())
        if accepted and not something:
            self.empty.want_thumbnails()

    def _on_picture_changed(self) -> None:
        if self.stack.currentWidget() is self.splitter and not self.files.view.hasFocus():
            self.viewer.take_focus()

    def _what_ran(self) -> str:
        answer = self.workspace.active.answer
        if answer is None or all(result.skipped_by for result in answer.analysis.results):
            return ""
        analysis = answer.analysis
        ran = [result for result in analysis.results if not result.skipped_by]
        each = [
            self.tr("{0} on {1} in {2}").format(
                result.card.id, words.provider(result.provider), words.milliseconds(result.ms)
            )
            for result in ran
        ]
        return self.tr("{0}; altogether {1}").format(", ".join(each), words.milliseconds(analysis.total_ms))

    def _fill_recent(self) -> None:
        ws = self.workspace
        shown = [] if ws.settings["privacy"] else ws.recent
        menus.fill_recent(self.recent_menu, shown, self.open_paths, ws.clear_recent)

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

    def _on_setting_changed(self, key: str) -> None:
        if key == "privacy":
            self._fill_recent()
            self.bar.clear()

    def cancel_all(self) -> None:
        """Stop what is running."""
        self.workspace.cancel_opening(self.workspace.active)
        self.workspace.active.cancel_analysis()

    # Pages

    def show_page(self, title: str, html: str) -> None:
        """Show a page of the Help menu instead of the picture."""
        if self.workspace.settings["notice_accepted"]:
            self.page.show_html(title, html)
            self.stack.setCurrentWidget(self.page)

    def leave_page(self) -> None:
        """Back to the picture."""
        if self.stack.currentWidget() is self.page:
            self.stack.setCurrentWidget(self.splitter)
            self.viewer.take_focus()

    def show_card(self, card: Card) -> None:
        """What a model tells of itself."""
        self.show_page(card.name, card_html(card))

    def show_models(self) -> None:
        """The list of models, tested now."""
        self.show_page(self.tr("Models"), f"<p>{self.tr('Testing the models…')}</p>")
        self.workspace.list_models()

    def _on_models_listed(self, statuses: list) -> None:
        if self.stack.currentWidget() is self.page and self.page.title.text() == self.tr("Models"):
            self.page.show_html(self.tr("Models"), pages.models_html(statuses))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop the work, keep size and settings. Whoever ends the program waits for it, not the window."""
        self.tags.close()
        self.workspace.settings["window_geometry"] = bytes(self.saveGeometry().toBase64().data()).decode("ascii")
        self.workspace.close(wait_ms=0)
        event.accept()

    def action(self, id: str) -> QAction:
        """The action of that id. Raises KeyError."""
        return self.actions_by_id[id]
