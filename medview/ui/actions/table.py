"""All actions, in the order of the menus."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication

from medview.core.texts import Text
from medview.ui.actions import analysis, file, go, help, view
from medview.ui.actions.spec import Spec

# (id, title, menu that it is the end of; empty for the menu bar)
MENUS = (
    ("file", Text("&File"), ""),
    ("view", Text("&View"), ""),
    ("plane", Text("Plane"), "view"),
    ("go", Text("&Go"), ""),
    ("analysis", Text("&Analysis"), ""),
    ("help", Text("&Help"), ""),
)
# Menu by menu, in the order of each.
ACTIONS: tuple[Spec, ...] = (*file.ACTIONS, *view.ACTIONS, *go.ACTIONS, *analysis.ACTIONS, *help.ACTIONS)

# Of the first windows in the menu of windows, and of the automatic one wherever it stands.
WINDOW_KEYS, AUTO_KEY = tuple("123456789"), "0"


def keys(spec: Spec) -> list[QKeySequence]:
    """The key sequences; in a right-to-left layout the file that comes next lies to the left."""
    rtl = QApplication.layoutDirection() == Qt.LayoutDirection.RightToLeft
    swap = {"Left": "Right", "Right": "Left"} if rtl else {}
    return [QKeySequence(swap.get(key, key)) for key in spec.keys]
