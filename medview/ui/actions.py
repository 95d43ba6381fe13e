"""What is made of the table of actions: menus in order, keys, the QActions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QWidget

from medview.ui import words
from medview.ui.action_table import ACTIONS, Spec
from medview.ui.action_table import AUTO_KEY as AUTO_KEY
from medview.ui.action_table import MENUS as MENUS
from medview.ui.action_table import QT_TRANSLATE_NOOP as QT_TRANSLATE_NOOP
from medview.ui.action_table import WINDOW_KEYS as WINDOW_KEYS
from medview.ui.icons import icon
from medview.ui.widgets import set_tip


def tr(text: str) -> str:
    """A text of the tables above in the user's language."""
    return QCoreApplication.translate("Actions", text)


def specs() -> Iterator[Spec]:
    """The actions without the separators."""
    return (item for item in ACTIONS if isinstance(item, Spec))


def in_menu(menu: str) -> list[Spec | None]:
    """The actions of one menu in order; None is a separator."""
    result: list[Spec | None] = []
    current = ""
    for item in ACTIONS:
        if isinstance(item, Spec):
            current = item.menu
            if current == menu:
                result.append(item)
        elif current == menu:
            result.append(None)
    while result and result[-1] is None:
        result.pop()
    return result


def keys(spec: Spec) -> list[QKeySequence]:
    """The key sequences; in a right-to-left layout the file that comes next lies to the left."""
    rtl = QApplication.layoutDirection() == Qt.LayoutDirection.RightToLeft
    swap = {"Left": "Right", "Right": "Left"} if rtl else {}
    return [QKeySequence(swap.get(key, key)) for key in spec.keys]


def make_actions(owner: QWidget, canvas: QWidget, handlers: dict[str, Callable[[], object]]) -> dict[str, QAction]:
    """The QActions by id; their keys work in `owner` or, `on_canvas`, in `canvas` and what is in it.

    Raises KeyError for one without handler.
    """
    actions: dict[str, QAction] = {}
    for spec in specs():
        action = QAction(tr(spec.text), owner)
        if spec.icon:
            action.setIcon(icon(spec.icon))
            # The toolbar sets icon and words too close to each other.
            action.setIconText(" " + tr(spec.text).rstrip("…"))
        action.setShortcuts(keys(spec))
        action.setCheckable(spec.checkable)
        shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        set_tip(action, words.beside(tr(spec.about), shown) if shown else tr(spec.about))
        action.setStatusTip("")
        action.triggered.connect(lambda _checked=False, run=handlers[spec.id]: run())
        if spec.on_canvas:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        (canvas if spec.on_canvas else owner).addAction(action)
        actions[spec.id] = action
    return actions
