"""The list of segmentations that lie over the picture: whose they are, what they mark in which colour, and switches."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QSizePolicy, QSlider, QVBoxLayout, QWidget

from medview.core.failures import Failure
from medview.imaging.colours import Rgb
from medview.imaging.dicom_seg import Segment
from medview.ui import identity, theme, words
from medview.ui.icons import icon
from medview.ui.widgets import Box, Check, Elided, label, set_tip
from medview.workspace import Workspace
from medview.workspace.segmentations import Shown
from medview.workspace.viewport import Viewport

# Part of the panel that the list may take before it scrolls.
SHARE = 0.42


class Swatch(QWidget):
    """A square in the colour of a segment."""

    SIDE = 12

    def __init__(self, colour: Rgb) -> None:
        super().__init__()
        self._colour = QColor(*colour)
        self.setFixedSize(self.SIDE, self.SIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The square."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._colour)
        painter.drawRoundedRect(self.rect(), 3, 3)
        painter.end()


class Name(QPushButton):
    """The name of a segment, pale where the shown picture has none of it; a click goes to a picture that has."""

    def __init__(self, segment: Segment, go: Callable[[], object]) -> None:
        super().__init__()
        self._label = words.shown(segment.label)
        self.setProperty("role", "name")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAutoDefault(False)
        self.setAccessibleName(self.tr("Go to {0}").format(self._label))
        parts = (self._label, provenance((segment,)), self.tr("Click to go to a picture that shows it."))
        set_tip(self, "\n".join(parts))
        self.clicked.connect(lambda: go())

    def set_here(self, here: bool) -> None:
        """Whether the shown picture has some of it."""
        if self.property("here") != here:
            self.setProperty("here", here)
            self.style().polish(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As much of the name as fits."""
        super().resizeEvent(event)
        room = max(self.width() - theme.STEP, 0)
        # An ampersand would become a key.
        shown = self.fontMetrics().elidedText(self._label, Qt.TextElideMode.ElideRight, room)
        self.setText(shown.replace("&", "&&"))


class SegmentationBox(Box):
    """One segmentation: on or off, how strongly, from where, and its segments."""

    def __init__(self, viewport: Viewport, shown: Shown, hide: bool) -> None:
        super().__init__()
        self.segments, self.shown = viewport.segmentations, shown
        segmentation = shown.segmentation
        own = segmentation.path.name == segmentation.title
        called = identity.hidden_file(segmentation.path) if hide and own else segmentation.title
        self.setAccessibleName(self.tr("Segmentation {0}").format(called))
        self.box.setContentsMargins(theme.STEP, theme.STEP, theme.STEP, theme.STEP)
        self.box.setSpacing(theme.HALF)
        head = QHBoxLayout()
        head.setSpacing(theme.STEP)
        self.switch = Check("")
        self.switch.setFixedWidth(Check.BOX + theme.HALF)
        self.switch.setAccessibleName(self.tr("Show {0}").format(called))
        self.switch.toggled.connect(lambda on: self.segments.set_shown(shown, on=on))
        self.title = Elided("", "heading")
        self.title.set_text(called, "" if hide else words.one_line(words.beside(called, str(segmentation.path))))
        self.remover = QPushButton(icon("cancel"), "")
        self.remover.setProperty("role", "icon")
        set_tip(self.remover, self.tr("Take this segmentation off the picture"))
        self.remover.setAccessibleName(self.tr("Take this segmentation off the picture"))
        self.remover.clicked.connect(lambda: self.segments.remove(shown))
        for widget, stretch in ((self.switch, 0), (self.title, 1), (self.remover, 0)):
            head.addWidget(widget, stretch)
        self.box.addLayout(head)
        self.source = Elided(provenance(segmentation.segments), "muted", Qt.TextElideMode.ElideRight)
        self.box.addWidget(self.source)
        self.note = label("", "caution", wrap=True)
        self.box.addWidget(self.note)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setValue(round(shown.opacity * 100))
        self.slider.setAccessibleName(self.tr("Opacity: {0}").format(called))
        set_tip(self.slider, self.tr("Opacity"))
        self.slider.valueChanged.connect(lambda value: self.segments.set_shown(shown, opacity=value / 100))
        self.box.addWidget(self.slider)
        self.rows: dict[int, Check] = {}
        self.names: dict[int, Name] = {}
        for segment in segmentation.segments:
            self._add(segment)
        self.refresh()

    def _add(self, segment: Segment) -> None:
        line = QHBoxLayout()
        line.setSpacing(theme.STEP)
        check = Check("")
        check.setFixedWidth(Check.BOX + theme.HALF)
        check.setAccessibleName(words.shown(segment.label))
        check.toggled.connect(lambda on: self.segments.set_shown(self.shown, on=on, segment=segment.number))
        name = Name(segment, lambda: self.segments.find(self.shown, segment.number))
        for widget, stretch in ((check, 0), (Swatch(self.shown.colours[segment.number]), 0), (name, 1)):
            line.addWidget(widget, stretch)
        self.box.addLayout(line)
        self.rows[segment.number], self.names[segment.number] = check, name

    def refresh(self) -> None:
        """Follow the viewport: switches, what is odd, and which segments are in this picture."""
        shown, made = self.shown, self.segments.outlines(self.shown)
        here = {one.segment for one in made} if not isinstance(made, Failure) else set()
        for check, on, live in (
            (self.switch, shown.on, True),
            *((check, number not in shown.off, shown.on) for number, check in self.rows.items()),
        ):
            check.blockSignals(True)
            check.setChecked(on)
            check.blockSignals(False)
            check.setEnabled(live)
        for number, name in self.names.items():
            name.set_here(number in here)
        self.slider.setEnabled(shown.on)
        note = " ".join(self._notes(made))
        self.note.setText(note)
        self.note.setVisible(bool(note))

    def _notes(self, made: object) -> list[str]:
        laid, notes = self.shown.laid, []
        if isinstance(made, Failure):
            notes.append(words.told(made))
        if self.shown.empty:
            notes.append(self.tr("It marks nothing in these pictures."))
        if not self.shown.own:
            notes.append(self.tr("Made on other pictures; laid on by position."))
        if laid and laid.left_out:
            text = self.tr("%n of its {0} masks lie on none of these pictures.", "", laid.left_out)
            if laid.left_out == 1:
                text = self.tr("One of its {0} masks lies on none of these pictures.")
            notes.append(text.format(len(self.shown.segmentation.parts)))
        if self.shown.segmentation.kind == "FRACTIONAL":
            notes.append(self.tr("Drawn where it says at least 50 %."))
        return notes


def provenance(segments: tuple[Segment, ...]) -> str:
    """How segments were drawn, as their file says it."""
    if len({(one.algorithm_type, one.algorithm) for one in segments}) > 1:
        return words.translate("words", "Drawn in several ways: point at a name")
    how, name = segments[0].algorithm_type, words.one_line(segments[0].algorithm)
    texts = {
        "MANUAL": words.translate("words", "Drawn by hand"),
        "SEMIAUTOMATIC": words.translate("words", "Drawn by hand with a program"),
        "AUTOMATIC": words.translate("words", "Drawn by a program"),
    }
    said = texts.get(how, words.translate("words", "The file does not say how it was drawn"))
    return words.named(said, name) if name and how != "MANUAL" else said


class SegmentList(QScrollArea):
    """All segmentations over the open pictures; hidden without any. Scrolls where they take too much of the panel."""

    def __init__(self, workspace: Workspace, viewport: Viewport) -> None:
        super().__init__()
        self.workspace, self.pane = workspace, viewport
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setAccessibleName(self.tr("Segmentations"))
        self.boxes: list[SegmentationBox] = []
        viewport.segmentations.changed.connect(self.refresh)
        workspace.settingChanged.connect(
            lambda key: self._build(viewport.segmentations.shown) if key == "privacy" else None
        )
        self.refresh()

    def refresh(self) -> None:
        """Boxes anew where other segmentations are on; the same boxes where only how one is shown has changed."""
        shown = self.pane.segmentations.shown
        if [box.shown for box in self.boxes] == shown:
            for box in self.boxes:
                box.refresh()
        else:
            self._build(shown)
        self.setVisible(bool(shown))
        self.updateGeometry()

    def _build(self, shown: list[Shown]) -> None:
        self.boxes = [SegmentationBox(self.pane, one, self.workspace.settings["privacy"]) for one in shown]
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(theme.DOUBLE, 0, theme.STEP, theme.STEP)
        column.setSpacing(theme.STEP)
        column.addWidget(label(self.tr("From files, not from medview's models"), "section", wrap=True))
        for box in self.boxes:
            column.addWidget(box)
        # Not deleted at once: it may be a button of the old one that was clicked.
        old = self.takeWidget()
        if old is not None:
            old.hide()
            old.deleteLater()
        self.setWidget(body)

    def sizeHint(self) -> QSize:
        """As high as what is in it, up to its share of the panel."""
        body, panel = self.widget(), self.parentWidget()
        if body is None or panel is None:
            return super().sizeHint()
        width = self.width()
        return QSize(width, min(body.heightForWidth(width), round(SHARE * panel.height())))

    def minimumSizeHint(self) -> QSize:
        """Room for one segmentation's head."""
        return QSize(0, min(self.sizeHint().height(), 96))
