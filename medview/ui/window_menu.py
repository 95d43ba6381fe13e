"""The menu of windows, and the button that shows the window and opens it."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QSize, Qt
from PySide6.QtGui import QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolButton, QWidget

from medview.imaging.window import Window
from medview.ui import words
from medview.ui.actions.table import AUTO_KEY, WINDOW_KEYS
from medview.ui.widgets import set_tip
from medview.workspace import windows
from medview.workspace.view import Picture
from medview.workspace.viewport import Viewport
from medview.workspace.windows import Offer

translate = QCoreApplication.translate
# A file may call its window anything.
NAME_LENGTH = 18


def name(offer: Offer) -> str:
    """The name of a window."""
    if offer.group == windows.AUTO:
        return translate("presets", "Automatic")
    if offer.group == windows.FULL:
        return translate("presets", "Full range")
    if not offer.name:
        curve = offer.window is not None and offer.window.curve is not None
        text = translate("presets", "File curve {0}") if curve else translate("presets", "File window {0}")
        return text.format(offer.number)
    return words.one_line(words.shown(offer.name))


def numbers(window: Window) -> tuple[str, str]:
    """Centre and width as they are written."""
    digits = 0 if window.width >= 10 else 3
    return words.number(window.centre, digits), words.number(window.width, digits)


class WindowMenu(QMenu):
    """The windows that are offered for the shown picture, the one that is used ticked. Disabled for colour pictures."""

    def __init__(self, viewport: Viewport, parent: QWidget) -> None:
        super().__init__(translate("presets", "Window"), parent)
        self.viewport = viewport
        # What is offered for which picture, and what of it the actions were made for.
        self._picture: Picture | None = None
        self._offers: tuple[Offer, ...] = ()
        self._built: list[tuple[str, str]] = []
        self._reachable = True
        self._group = QActionGroup(self)
        self._group.setExclusionPolicy(QActionGroup.ExclusionPolicy.ExclusiveOptional)
        viewport.pictureChanged.connect(self.refresh)
        viewport.viewChanged.connect(self._tick)
        self.refresh()

    def set_reachable(self, on: bool) -> None:
        """Whether its keys work: not while the picture is hidden by a page."""
        self._reachable = on
        self.refresh()

    def refresh(self) -> None:
        """Follow the viewport; the actions stay while the same windows are offered."""
        offers = self._offered()
        told = [(offer.key, offer.name) for offer in offers]
        if told != self._built:
            self._build(offers)
            self._built = told
        self.setEnabled(bool(offers) and self._reachable)
        self._tick()

    def _offered(self) -> tuple[Offer, ...]:
        """What is offered for the picture that is shown now; found once for each picture, not at every view of it."""
        picture = self.viewport.picture
        if picture is not self._picture:
            self._picture, self._offers = picture, windows.offers(picture)
        return self._offers

    def _tick(self) -> None:
        """Mark the window that is used."""
        used = self._used_key()
        for action in self._group.actions():
            action.setChecked(action.data() == used)

    def _used_key(self) -> str:
        picture = self.viewport.picture
        return windows.active(picture, self.viewport.view) if picture and self._offered() else ""

    def _build(self, offers: tuple[Offer, ...]) -> None:
        self.clear()
        group = ""
        for number, offer in enumerate(offers):
            if group and offer.group != group and offer.group != windows.FULL:
                self.addSeparator()
            group = offer.group
            text = name(offer).replace("&", "&&")
            if offer.window is not None:
                text += " " + translate("presets", "(C {0}, W {1})").format(*numbers(offer.window))
            action = self._group.addAction(text)
            self.addAction(action)
            action.setCheckable(True)
            action.setData(offer.key)
            keys = [*WINDOW_KEYS[number : number + 1], *(AUTO_KEY if offer.key == windows.AUTO else "")]
            action.setShortcuts([QKeySequence(key) for key in keys])
            action.triggered.connect(lambda _checked=False, key=offer.key: self._choose(key))

    def clear(self) -> None:
        """Also of the group, which would hold the actions."""
        for action in self._group.actions():
            self._group.removeAction(action)
            action.deleteLater()
        super().clear()

    def _choose(self, key: str) -> None:
        picture = self.viewport.picture
        offer = next((offer for offer in self._offered() if offer.key == key), None)
        if picture is not None and offer is not None:
            self.viewport.set_view(**windows.changes(picture, offer))
        self._tick()

    def used(self) -> str:
        """What the window that is used is called; empty for one of the user's own."""
        key = self._used_key()
        return next((name(offer) for offer in self._offered() if offer.key == key), "")


class WindowButton(QToolButton):
    """Centre and width of the window, and its name; a click offers others. Hidden, in its place, for colour."""

    def __init__(self, menu: WindowMenu) -> None:
        super().__init__()
        self.setMenu(menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.setObjectName("windowButton")
        policy = QSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)

    def show_window(self, window: Window | None) -> None:
        """Say which window is used."""
        self.setVisible(window is not None)
        if window is None:
            return
        menu = self.menu()
        used = menu.used() if isinstance(menu, WindowMenu) else ""
        short = used if len(used) <= NAME_LENGTH else used[: NAME_LENGTH - 1] + "…"
        centre, width = numbers(window)
        told = translate("presets", "C {0}  W {1}").format(centre, width)
        self.setText((f"{short}   {told}" if short else told).replace("&", "&&"))
        spoken = translate("presets", "Window {0}: centre {1}, width {2}").format(used, centre, width)
        self.setAccessibleName(spoken)
        set_tip(self, spoken + "\n" + translate("presets", "Click to choose another"))

    def sizeHint(self) -> QSize:
        """Room for five digits, so that the line stays still while the window is dragged."""
        least = self.fontMetrics().horizontalAdvance("C -0000  W 00000") + 36
        hint = super().sizeHint()
        return QSize(max(hint.width(), least), hint.height())
