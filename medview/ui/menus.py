"""Menu bar, toolbar, the menu over the picture, and the menus of files: all from the actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QMenuBar, QToolBar, QToolButton, QWidget

from medview.core.samples import Sample
from medview.ui import words
from medview.ui.actions import table
from medview.ui.icons import icon
from medview.ui.widgets import set_tip
from medview.workspace import Workspace

translate = QCoreApplication.translate

Actions = dict[str, QAction]
Open = Callable[[list[Path]], object]

# What a right click on the picture offers; "" is a line between.
OVER_PICTURE = ("fit", "actual", "invert", "reset", "", "heatmap", "mask", "orientation", "", "privacy", "tags", "save")


def fill_bar(bar: QMenuBar, by_id: Actions, windows: QMenu) -> dict[str, QMenu]:
    """Every menu by its id; `windows`: the menu of windows, which stands before Invert."""
    made: dict[str, QMenu] = {}
    for menu_id, title, parent in table.MENUS:
        if parent:
            made[parent].addSeparator()
        made[menu_id] = menu = (made[parent] if parent else bar).addMenu(words.shown(title))
        for spec in table.ACTIONS:
            if spec.menu == menu_id:
                if spec.line_above:
                    menu.addSeparator()
                menu.addAction(by_id[spec.id])
    made["view"].insertMenu(by_id["invert"], windows)
    return made


def over_picture(parent: QWidget, by_id: Actions, windows: QMenu, planes: QMenu) -> QMenu:
    """What can be done with the picture; gone when it is closed."""
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    for id in OVER_PICTURE:
        if id:
            menu.addAction(by_id[id])
        else:
            menu.addSeparator()
    # By their actions: PySide takes a menu that is inserted for a part of this one, and it would end with it.
    menu.insertAction(by_id["invert"], windows.menuAction())
    menu.insertAction(by_id["privacy"], planes.menuAction())
    return menu


def toolbar(by_id: Actions) -> QToolBar:
    """The actions that have a place in it, a line between those of different menus."""
    bar = QToolBar(translate("menus", "Tools"))
    bar.setObjectName("tools")
    bar.setMovable(False)
    bar.setIconSize(QSize(20, 20))
    bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
    last = ""
    for spec in table.ACTIONS:
        if not spec.bar:
            continue
        if last and spec.menu != last:
            bar.addSeparator()
        last = spec.menu
        bar.addAction(by_id[spec.id])
        made = bar.widgetForAction(by_id[spec.id])
        if isinstance(made, QToolButton):
            beside, only = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly
            made.setToolButtonStyle(beside if spec.bar == "words" else only)
            made.setAccessibleName(words.shown(spec.text))
    if more := bar.findChild(QToolButton, "qt_toolbar_ext_button"):
        # Qt's own sign is black. It shows where longer words of another language leave no room.
        more.setIcon(icon("next"))
    return bar


class SamplesMenu(QMenu):
    """The pictures that come with the program; disabled until the notice was read."""

    def __init__(self, workspace: Workspace, samples: Sequence[Sample], open_paths: Open, parent: QWidget) -> None:
        super().__init__(translate("menus", "Samples"), parent)
        self.workspace, self._any = workspace, bool(samples)
        self.setToolTipsVisible(True)
        for sample in samples:
            _add(self, sample.title, f"{sample.source}\n{sample.licence}", sample.path, open_paths)
        workspace.settingChanged.connect(lambda key: self.refresh() if key == "notice_accepted" else None)
        self.refresh()

    def refresh(self) -> None:
        """Whether one may be opened."""
        self.setEnabled(self._any and self.workspace.settings["notice_accepted"])


class RecentMenu(QMenu):
    """What was opened last; empty and disabled while privacy hides the names of files."""

    def __init__(self, workspace: Workspace, open_paths: Open, parent: QWidget) -> None:
        super().__init__(translate("menus", "Recent files"), parent)
        self.workspace, self._open_paths = workspace, open_paths
        self.setToolTipsVisible(True)
        workspace.recentChanged.connect(self.refresh)
        workspace.settingChanged.connect(lambda key: self.refresh() if key in ("privacy", "notice_accepted") else None)
        self.refresh()

    def refresh(self) -> None:
        """The files anew."""
        ws = self.workspace
        shown = [] if ws.settings["privacy"] else ws.recent
        self.setEnabled(bool(shown) and ws.settings["notice_accepted"])
        self.clear()
        for path in shown:
            _add(self, words.one_line(path.name), words.one_line(str(path)), path, self._open_paths)
        self.addSeparator()
        self.addAction(translate("menus", "Clear this list")).triggered.connect(lambda: ws.clear_recent())


def _add(menu: QMenu, text: str, tip: str, path: Path, open_paths: Open) -> None:
    action = menu.addAction(text.replace("&", "&&"))
    set_tip(action, tip)
    action.triggered.connect(lambda: open_paths([path]))
