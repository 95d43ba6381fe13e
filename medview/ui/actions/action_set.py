"""The QActions of a window, made from the declarations and refreshed by what has changed."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from medview.ui import words
from medview.ui.actions import table, when
from medview.ui.actions.context import Context
from medview.ui.actions.spec import Spec
from medview.ui.icons import icon
from medview.ui.widgets import set_tip


class ActionSet:
    """The QActions by id. Their keys work in `owner` or, `on_canvas`, in `canvas` and what is in it."""

    def __init__(self, context: Context, owner: QWidget, canvas: QWidget) -> None:
        self.context = context
        self.by_id: dict[str, QAction] = {}
        self._following: dict[str, list[Spec]] = {}
        for spec in table.ACTIONS:
            self.by_id[spec.id] = self._make(spec, owner, canvas if spec.on_canvas else owner)
            for topic in spec.follows:
                self._following.setdefault(topic, []).append(spec)
        self._connect()
        self.refresh_all()

    def _make(self, spec: Spec, owner: QWidget, place: QWidget) -> QAction:
        action = QAction(words.shown(spec.text), owner)
        if spec.icon:
            action.setIcon(icon(spec.icon))
            # The toolbar sets icon and words too close to each other.
            action.setIconText(words.shown(spec.short) if spec.short else " " + words.shown(spec.text).rstrip("…"))
        action.setShortcuts(table.keys(spec))
        action.setCheckable(spec.checked is not None)
        shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        set_tip(action, words.beside(words.shown(spec.about), shown) if shown else words.shown(spec.about))
        action.setStatusTip("")
        action.triggered.connect(lambda _checked=False: self._run(spec))
        if spec.on_canvas:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        place.addAction(action)
        return action

    def _connect(self) -> None:
        ws = self.context.workspace
        for topic, signal in (
            ("listing", ws.listingChanged),
            ("picture", ws.pictureChanged),
            ("view", ws.viewChanged),
            ("layers", ws.layersChanged),
            ("analysis", ws.analysisChanged),
        ):
            signal.connect(partial(self.refresh, topic))
        ws.viewportsChanged.connect(self.refresh_all)
        ws.busyChanged.connect(lambda _lane: self.refresh("busy"))
        ws.settingChanged.connect(lambda key: self.refresh(when.setting_topic(key)))

    def _run(self, spec: Spec) -> None:
        spec.run(self.context)
        if spec.checked is not None:
            # Qt has turned the tick already, also where nothing has changed.
            self._ask(spec)

    def refresh(self, topic: str) -> None:
        """Something has changed: ask the actions that follow it, and no others, whether they are enabled and ticked."""
        for spec in self._following.get(topic, ()):
            self._ask(spec)

    def refresh_all(self) -> None:
        """Ask all of them."""
        for spec in table.ACTIONS:
            self._ask(spec)

    def _ask(self, spec: Spec) -> None:
        action = self.by_id[spec.id]
        action.setEnabled((spec.anywhere or when.in_sight(self.context)) and spec.enabled(self.context))
        if spec.checked is not None:
            action.setChecked(spec.checked(self.context))
