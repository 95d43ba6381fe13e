"""The menu by which the user says what a picture is, also where its header or medview says otherwise."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMenu, QWidget

from medview.ui.actions import when
from medview.ui.actions.context import Context

translate = QCoreApplication.translate


def says(name: str) -> str:
    """What the user says by naming a kind."""
    return translate("kinds", "This is {0}").format(name)


class KindMenu(QMenu):
    """One choice for each kind that a model judges, and the way back; filled when it opens, for the models may not be
    loaded before."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(translate("kinds", "Say what it is"), parent)
        self.context, self.workspace = context, context.workspace
        self.aboutToShow.connect(self.fill)
        for signal in (self.workspace.pictureChanged, self.workspace.analysisChanged):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Only a picture that models may look at is anything to them."""
        self.setEnabled(when.judged(self.context) and bool(self.workspace.engine.kinds()))

    def fill(self) -> None:
        """The choices anew; the one that was made is marked."""
        ws = self.workspace
        self.clear()
        for kind, name in ws.engine.kinds().items():
            action = self.addAction(says(name).replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(kind == ws.active.kind)
            action.triggered.connect(partial(self._say, kind))
        self.addSeparator()
        back = self.addAction(translate("kinds", "Take back"))
        back.setEnabled(bool(ws.active.kind))
        back.triggered.connect(partial(self._say, ""))

    def _say(self, kind: str, _checked: bool = False) -> None:
        self.workspace.active.set_kind(kind)
