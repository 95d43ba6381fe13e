"""The middle column: title line, picture (or why there is none), slider of the frames, line of facts."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QStackedWidget, QVBoxLayout, QWidget

from medview.core.failures import Failure
from medview.ui import identity, theme, words
from medview.ui.canvas.canvas import Canvas
from medview.ui.title import TitleRow
from medview.ui.widgets import Choice, Elided, MessageBox, label, trail
from medview.ui.window_menu import WindowButton, WindowMenu
from medview.workspace import Workspace
from medview.workspace.viewport import Viewport


class Steps(QWidget):
    """A slider with its number: `texts(n, of)` says which of how many. moved(number from 0): by the user."""

    moved = Signal(int)

    def __init__(self, name: str, texts: Callable[[int, int], str]) -> None:
        super().__init__()
        self._texts = texts
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(theme.DOUBLE)
        self.text = label("")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(name)
        self.slider.setMinimumWidth(48)
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(self.moved)
        line.addWidget(self.text)
        line.addWidget(self.slider, 1)

    def show_place(self, number: int, count: int) -> None:
        """Stand at `number` of `count`, from 0; hidden where there is no other."""
        self.setVisible(count > 1)
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(count - 1, 0))
        self.slider.setValue(number)
        self.slider.blockSignals(False)
        self.text.setText(self._texts(number + 1, count))
        self.text.setMinimumWidth(self.text.fontMetrics().horizontalAdvance(self._texts(count, count)))


class FrameRow(QWidget):
    """Sliders over the frames of a series, of a dynamic one over its positions and its points in time; hidden for a
    single picture."""

    def __init__(self, viewport: Viewport) -> None:
        super().__init__()
        self.setObjectName("frameRow")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.viewport = viewport
        line = QHBoxLayout(self)
        line.setContentsMargins(theme.DOUBLE, theme.HALF, theme.DOUBLE, theme.HALF)
        line.setSpacing(theme.TRIPLE)
        self.position = Steps(self.tr("Slice or frame"), self._position_text)
        self.time = Steps(self.tr("Point in time"), lambda n, of: self.tr("Time {0} of {1}").format(n, of))
        self.position.moved.connect(lambda number: viewport.select_place(number, viewport.place[1]))
        self.time.moved.connect(lambda number: viewport.select_place(viewport.place[0], number))
        line.addWidget(self.position, 3)
        line.addWidget(self.time, 2)
        viewport.pictureChanged.connect(self.refresh)
        self.refresh()

    def _position_text(self, number: int, count: int) -> str:
        study = self.viewport.study
        text = self.tr("Slice {0} of {1}") if study and study.sliced else self.tr("Frame {0} of {1}")
        return text.format(number, count)

    def refresh(self) -> None:
        """Follow the viewport."""
        (positions, times), (position, time) = self.viewport.grid, self.viewport.place
        self.setVisible(positions * times > 1)
        self.position.show_place(position, positions)
        self.time.show_place(time, times)


class FactsRow(QWidget):
    """Pixel value under the cursor, window, zoom: one line of fixed places, so that numbers do not dance."""

    def __init__(self, viewport: Viewport, canvas: Canvas) -> None:
        super().__init__()
        self.setObjectName("frameRow")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.viewport, self.canvas = viewport, canvas
        self.setFixedHeight(32)
        line = QHBoxLayout(self)
        line.setContentsMargins(theme.DOUBLE, 0, theme.DOUBLE, 0)
        line.setSpacing(theme.STEP)
        self.pixel = Elided("", "muted", Qt.TextElideMode.ElideRight)
        self.window_menu = WindowMenu(viewport, self)
        self.window_button = WindowButton(self.window_menu)
        self.zoom_text = label("", "muted")
        self.zoom_text.setMinimumWidth(56)
        trail(self.zoom_text)
        line.addWidget(self.pixel, 1)
        line.addWidget(self.window_button)
        line.addWidget(self.zoom_text)
        canvas.pointed.connect(self._on_pointed)
        canvas.scaled.connect(self._on_scaled)

    def _on_pointed(self, place: tuple[int, int] | None) -> None:
        picture = self.viewport.picture
        if place is None or picture is None:
            self.pixel.set_text("")
            return
        row, col = place
        colour = picture.shown.ndim == 3
        value = (picture.values if colour else picture.shown)[row, col]
        if colour:
            shown = self.tr("red {0}, green {1}, blue {2}").format(*(int(v) for v in value))
        else:
            shown = words.short(value) if picture.shown.dtype.kind == "f" else str(int(value))
            shown += " HU" if picture.frame.modality == "CT" else ""
        self.pixel.set_text(self.tr("column {0}, row {1}: {2}").format(col, row, shown))

    def _on_scaled(self) -> None:
        transform, picture = self.canvas.transform(), self.viewport.picture
        scale = transform.scale * self.canvas.devicePixelRatioF() if transform else 0.0
        self.zoom_text.setText(f"{words.number(scale * 100)} %" if transform else "")
        self.window_button.show_window(self.viewport.view.window_of(picture) if picture else None)


class FailurePage(QWidget):
    """Why the file is not shown, in the place where it would be."""

    def __init__(self, workspace: Workspace, viewport: Viewport, open_file: Callable[[], object]) -> None:
        super().__init__()
        self.workspace, self.viewport, self._open_file = workspace, viewport, open_file
        self.message: MessageBox | None = None
        self.box = QVBoxLayout(self)
        self.box.setContentsMargins(theme.TRIPLE, theme.TRIPLE, theme.TRIPLE, theme.TRIPLE)

    def show_failure(self, failure: Failure) -> None:
        """Replace the message."""
        ws, viewport = self.workspace, self.viewport
        choices = [Choice(self.tr("Open another file…"), self._open_file, "primary")]
        if viewport.failed_path is not None:
            choices.append(Choice(self.tr("Try again"), lambda: self._open_entry(0)))
        if ws.index_of(viewport) < len(ws.listing.entries) - 1:
            choices.append(Choice(self.tr("Next in the list"), lambda: self._open_entry(1)))
        while self.box.count():
            item = self.box.takeAt(0)
            if item is not None and (old := item.widget()):
                old.deleteLater()
        hide = ws.settings["privacy"]
        said = (words.shown(failure.text), words.shown(failure.hint))
        text, hint = (identity.without_name(one, viewport.failed_path, hide) for one in said)
        detail = "" if hide else failure.detail
        self.message = MessageBox("alarm", words.title(failure.code), text, hint, choices, detail)
        self.message.setMaximumWidth(480)
        self.message.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        line = QWidget()
        row = QHBoxLayout(line)
        row.addStretch(1)
        row.addWidget(self.message, 8)
        row.addStretch(1)
        self.box.addStretch(1)
        self.box.addWidget(line)
        self.box.addStretch(2)

    def _open_entry(self, step: int) -> None:
        """So many entries on from the one that is not shown, in the list as it is by now."""
        self.workspace.select_entry(self.workspace.index_of(self.viewport) + step, self.viewport)


class Viewer(QWidget):
    """One pane with what stands around its picture."""

    def __init__(self, workspace: Workspace, viewport: Viewport, open_file: Callable[[], object]) -> None:
        super().__init__()
        self.setObjectName("canvasColumn")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.viewport = viewport
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.title = TitleRow(workspace, viewport)
        self.canvas = Canvas(viewport)
        self.failure = FailurePage(workspace, viewport, open_file)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.canvas)
        self.stack.addWidget(self.failure)
        self.frames = FrameRow(viewport)
        self.facts = FactsRow(viewport, self.canvas)
        column.addWidget(self.title)
        column.addWidget(self.stack, 1)
        column.addWidget(self.frames)
        column.addWidget(self.facts)
        viewport.pictureChanged.connect(self.refresh)
        workspace.settingChanged.connect(lambda key: self.refresh() if key == "privacy" else None)

    def refresh(self) -> None:
        """Picture or message."""
        failure = self.viewport.failure
        if failure is not None:
            self.failure.show_failure(failure)
        self.stack.setCurrentWidget(self.failure if failure is not None else self.canvas)

    def take_focus(self) -> None:
        """Give the keys to the picture, or to the message in its place: both know those that step through files."""
        if self.viewport.picture is not None:
            self.canvas.setFocus()
        elif self.viewport.failure is not None and self.failure.message is not None:
            self.failure.message.buttons[0].setFocus()
