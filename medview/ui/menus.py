"""Menu bar, toolbar, the menu over the picture, and the menus of files: all from the actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QMenuBar, QToolBar, QToolButton, QWidget

from medview.core.samples import Sample
from medview.ui import actions, words
from medview.ui.icons import icon
from medview.ui.widgets import set_tip

translate = QCoreApplication.translate

Actions = dict[str, QAction]
Open = Callable[[list[Path]], object]

# Buttons of the toolbar that have words beside their icon.
WORDED = ("open", "analyse", "heatmap", "mask", "save")
# What a right click on the picture offers; "" is a line between.
OVER_PICTURE = ("fit", "actual", "invert", "reset", "", "heatmap", "mask", "sides", "", "privacy", "tags", "save")


def fill_bar(bar: QMenuBar, by_id: Actions, windows: QMenu) -> dict[str, QMenu]:
    """Every menu by its id; `windows`: the menu of windows, which stands before Invert."""
    made: dict[str, QMenu] = {}
    for menu_id, title, parent in actions.MENUS:
        if parent:
            made[parent].addSeparator()
        made[menu_id] = menu = (made[parent] if parent else bar).addMenu(actions.tr(title))
        for spec in actions.in_menu(menu_id):
            if spec is None:
                menu.addSeparator()
            else:
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
    # Shorter than in the menu, so that all of it fits into the smallest window.
    by_id["save"].setIconText(translate("menus", "Save"))
    last = ""
    for spec in actions.specs():
        if not spec.bar:
            continue
        if last and spec.menu != last:
            bar.addSeparator()
        last = spec.menu
        bar.addAction(by_id[spec.id])
        made = bar.widgetForAction(by_id[spec.id])
        if isinstance(made, QToolButton):
            beside, only = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly
            made.setToolButtonStyle(beside if spec.id in WORDED else only)
            made.setAccessibleName(actions.tr(spec.text))
    if more := bar.findChild(QToolButton, "qt_toolbar_ext_button"):
        # Qt's own sign is black. It shows where longer words of another language leave no room.
        more.setIcon(icon("next"))
    return bar


def fill_samples(menu: QMenu, samples: Iterable[Sample], open_paths: Open) -> None:
    """The pictures that come with the program."""
    menu.setToolTipsVisible(True)
    for sample in samples:
        _add(menu, sample.title, f"{sample.source}\n{sample.licence}", sample.path, open_paths)


def fill_recent(menu: QMenu, paths: Iterable[Path], open_paths: Open, clear: Callable[[], object]) -> None:
    """What was opened last."""
    menu.setToolTipsVisible(True)
    menu.clear()
    for path in paths:
        _add(menu, words.one_line(path.name), words.one_line(str(path)), path, open_paths)
    menu.addSeparator()
    menu.addAction(translate("menus", "Clear this list")).triggered.connect(lambda: clear())


def _add(menu: QMenu, text: str, tip: str, path: Path, open_paths: Open) -> None:
    action = menu.addAction(text.replace("&", "&&"))
    set_tip(action, tip)
    action.triggered.connect(lambda: open_paths([path]))
