"""The strip above the picture: whose it is and what it is, and that another one is being opened."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from medview.ui import identity, theme, words
from medview.ui.widgets import Elided, button, keep_place, trail
from medview.workspace import Workspace
from medview.workspace.viewport import Viewport

HEIGHT = 58
# Part of a line that its second text gets, where the first leaves less.
SECOND_SHARE, NAME_STEP = 0.4, 32


class TitleRow(QWidget):
    """Two lines: the patient, and what is shown of them; of a picture that is nobody's by its file, its name alone. The
    height never changes."""

    def __init__(self, workspace: Workspace, viewport: Viewport) -> None:
        super().__init__()
        self.setObjectName("titleRow")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.workspace, self.viewport = workspace, viewport
        self.setFixedHeight(HEIGHT)
        self.column = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.who = Elided("", "heading", Qt.TextElideMode.ElideRight)
        self.details = Elided("", "muted", Qt.TextElideMode.ElideRight)
        self.name = Elided("", "heading")
        self.facts = Elided("", "muted", Qt.TextElideMode.ElideRight)
        self.stop = button(self.tr("Cancel"), self._cancel, "link")
        trail(self.facts)
        self.patient, self.line = _line(self.who, self.details), _line(self.name, self.facts, self.stop)
        # As high as with its button, so that nothing moves when that appears.
        self.line.addStrut(self.stop.sizeHint().height())
        self.patient_row = QWidget()
        self.patient_row.setLayout(self.patient)
        column.addStretch(1)
        column.addWidget(self.patient_row)
        column.addLayout(self.line)
        column.addStretch(1)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        self.bar.setAccessibleName(self.tr("Opening"))
        self.bar.setFixedHeight(3)
        keep_place(self.bar)
        column.addWidget(self.bar)
        for signal in (viewport.pictureChanged, viewport.busyChanged, workspace.busyChanged, workspace.listingChanged):
            signal.connect(self.refresh)
        workspace.settingChanged.connect(lambda key: self.refresh() if key == "privacy" else None)
        self.refresh()

    def _cancel(self) -> None:
        self.workspace.cancel_opening(self.viewport)

    def _name(self, study: tuple[str, ...]) -> str:
        """With the plane, and where the shown slice lies, in front: they must not be cut off."""
        viewport, hide = self.viewport, self.workspace.settings["privacy"]
        plane = ""
        if viewport.plane is not None and viewport.picture is not None:
            plane = words.listed((words.plane(viewport.plane), words.position(viewport.plane, viewport.picture.frame)))
        parts = (plane, *study, identity.shown_name(viewport, hide))
        return identity.BETWEEN.join(dict.fromkeys(filter(None, parts)))

    def refresh(self) -> None:
        """What is shown, never what is only being opened."""
        viewport, hide = self.viewport, self.workspace.settings["privacy"]
        found = identity.shown_identity(viewport, hide)
        self.patient_row.setVisible(found is not None)
        stays = self.tr("Letters that are part of the picture itself stay.") if hide else ""
        self.who.set_text(found.name if found else "", stays)
        self.details.set_text(identity.BETWEEN.join(found.details) if found else "")
        self._set_role("muted" if found else "heading")
        path = None if hide else viewport.study.path if viewport.study else viewport.failed_path
        # The end of a file's name tells what it is.
        mode = Qt.TextElideMode.ElideRight if viewport.plane or found else Qt.TextElideMode.ElideMiddle
        self.name.set_text(self._name(found.study if found else ()), words.one_line(str(path)) if path else "", mode)
        self._show_work()
        self._share()

    def _set_role(self, role: str) -> None:
        """A name that stands alone is the heading."""
        if self.name.property("role") != role:
            self.name.setProperty("role", role)
            self.name.style().polish(self.name)

    def _show_work(self) -> None:
        ws, viewport = self.workspace, self.viewport
        busy = viewport.busy("open") or ws.busy("scan") or viewport.busy("plane")
        self.stop.setVisible(busy is not None)
        self.bar.setVisible(busy is not None)
        share = busy.share if busy else None
        self.bar.setRange(0, 0 if share is None else 1000)
        self.bar.setValue(round((share or 0) * 1000))
        if busy is None:
            self.facts.set_text(words.shown(viewport.study.description) if viewport.study else "")
        elif busy.purpose != "open":
            self.facts.set_text(words.progress(busy.text) + "…")
        elif ws.settings["privacy"]:
            self.facts.set_text(self.tr("Opening…"))
        else:
            self.facts.set_text(self.tr("Opening {0}…").format(words.one_line(busy.text)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the room anew."""
        super().resizeEvent(event)
        self._share()

    def _share(self) -> None:
        """The second text of a line gets what the first leaves over, and where both are too long no less than its
        part."""
        room = self.width() - 3 * theme.DOUBLE
        stop = 0 if self.stop.isHidden() else self.stop.sizeHint().width() + theme.DOUBLE
        _share(self.patient, self.who, self.details, room)
        _share(self.line, self.name, self.facts, room - stop)
        # At once, so that nothing is cut off for a moment.
        self.column.activate()


def _line(*parts: QWidget) -> QHBoxLayout:
    line = QHBoxLayout()
    line.setContentsMargins(theme.DOUBLE, 0, theme.DOUBLE, 0)
    line.setSpacing(theme.DOUBLE)
    for part in parts:
        line.addWidget(part)
    return line


def _share(line: QHBoxLayout, first: Elided, second: Elided, room: int) -> None:
    # In steps, so that the second does not shake while the numbers of a slice change.
    wanted = -(-first.sizeHint().width() // NAME_STEP) * NAME_STEP
    rest = min(second.sizeHint().width(), max(room - wanted, round(room * SECOND_SHARE)))
    line.setStretchFactor(first, max(room - rest, 1))
    line.setStretchFactor(second, max(rest, 1))
