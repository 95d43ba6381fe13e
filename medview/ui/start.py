"""The pages before a picture is open: the notice that is accepted once, and the page that says how to begin."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np
from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from medview.core.samples import Sample
from medview.ui import theme, words
from medview.ui.widgets import Box, Elided, button, label, qimage, set_tip, sign
from medview.workspace import Workspace
from medview.workspace.listing import Entry

THUMB_WIDTH, THUMB_HEIGHT, TITLE_HEIGHT = 136, 84, 48
MOST_COLUMNS = 6
RECENT_SHOWN = 5
RECENT_FOLDER_WIDTH = 280


class NoticePage(QWidget):
    """What medview is not. Shown once; nothing opens before it is accepted."""

    def __init__(self, accept: Callable[[], object], leave: Callable[[], object]) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        box = Box("caution")
        box.setMaximumWidth(620)
        box.box.setContentsMargins(32, theme.TRIPLE, 32, theme.TRIPLE)
        box.box.setSpacing(theme.STEP + 4)
        box.box.addWidget(label(self.tr("A second look, not a diagnosis"), "title", wrap=True))
        for text in (
            self.tr(
                "medview is not a medical device. It was trained on public collections of pictures, it has not "
                "been tested in any clinic, and it can be wrong: it misses disease that is there and reports "
                "disease that is not."
            ),
            self.tr(
                "Use it to learn and to look twice. Never decide about a patient by what it shows; whoever is "
                "qualified to read the picture decides."
            ),
            self.tr("Everything runs on this computer. No picture and no result is sent anywhere."),
        ):
            box.box.addWidget(label(text, wrap=True))
        self.accept = button(self.tr("I have read this and accept it"), accept, "primary")
        self.leave = button(self.tr("Quit"), leave)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.leave)
        row.addWidget(self.accept)
        box.box.addSpacing(theme.STEP)
        box.box.addLayout(row)
        _centred(self, box)


def _centred(page: QWidget, box: QWidget) -> None:
    column = QVBoxLayout(page)
    line = QHBoxLayout()
    line.addStretch(1)
    line.addWidget(box, 6)
    line.addStretch(1)
    column.addStretch(2)
    column.addLayout(line)
    column.addStretch(3)


class SampleButton(QAbstractButton):
    """One sample as a small picture with its title; a click opens it."""

    def __init__(self, sample: Sample) -> None:
        super().__init__()
        self.sample = sample
        self._thumbnail = QPixmap()
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(sample.title)
        set_tip(self, f"{sample.title}\n{sample.source}\n{sample.licence}")
        self.setFixedSize(self.sizeHint())

    def sizeHint(self) -> QSize:
        """The picture, and up to three lines of text below it."""
        return QSize(THUMB_WIDTH + 2 * theme.STEP, theme.STEP + THUMB_HEIGHT + TITLE_HEIGHT + theme.HALF)

    @property
    def bare(self) -> bool:
        """Whether its small picture is still to come."""
        return self._thumbnail.isNull()

    def set_thumbnail(self, image: np.ndarray) -> None:
        """`image` (rows, cols) or (rows, cols, 3) uint8."""
        self._thumbnail = QPixmap.fromImage(qimage(image).copy())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Box, picture cut to fill its place, title."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        lit = self.hasFocus() or self.underMouse()
        painter.setBrush(QColor(theme.RAISED if self.underMouse() else theme.BOX))
        painter.setPen(QPen(QColor(theme.ACCENT if lit else theme.LINE), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)
        place = QRect(theme.STEP, theme.STEP, self.width() - 2 * theme.STEP, THUMB_HEIGHT)
        hole = QPainterPath()
        hole.addRoundedRect(QRectF(place), 4, 4)
        painter.setClipPath(hole)
        painter.fillRect(place, QColor(theme.CANVAS))
        if not self._thumbnail.isNull():
            size = self._thumbnail.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
            target = QRect(0, 0, size.width(), size.height())
            target.moveCenter(place.center())
            painter.drawPixmap(target, self._thumbnail)
        painter.setClipping(False)
        painter.setPen(QColor(theme.TEXT))
        font = QFont(self.font())
        font.setPixelSize(theme.SMALL_SIZE)
        painter.setFont(font)
        box = QRect(theme.HALF, place.bottom() + 2, self.width() - theme.STEP, TITLE_HEIGHT)
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(box, int(flags), self.sample.title)
        painter.end()


class EmptyPage(QScrollArea):
    """How to begin: open, drop, a sample, something opened before."""

    def __init__(
        self,
        workspace: Workspace,
        samples: list[Sample],
        open_file: Callable[[], object],
        open_folder: Callable[[], object],
    ) -> None:
        super().__init__()
        self.workspace = workspace
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(theme.TRIPLE, theme.TRIPLE, theme.TRIPLE, theme.TRIPLE)
        column.setSpacing(theme.STEP)
        column.addStretch(2)
        self._add_head(column, open_file, open_folder)
        self._grid, self._columns = QGridLayout(), 0
        self.sample_buttons = self._add_samples(column, samples)
        self._recent = QVBoxLayout()
        column.addLayout(self._recent)
        column.addStretch(3)
        self.setWidget(body)
        workspace.recentChanged.connect(self.refresh)
        workspace.settingChanged.connect(lambda key: self.refresh() if key == "privacy" else None)
        workspace.thumbnailMade.connect(self._on_thumbnail)
        self.refresh()

    def _add_head(
        self, column: QVBoxLayout, open_file: Callable[[], object], open_folder: Callable[[], object]
    ) -> None:
        column.addWidget(sign("picture", theme.FAINT, 40), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(label(self.tr("Open a picture"), "title"), 0, Qt.AlignmentFlag.AlignHCenter)
        text = self.tr(
            "Drop a file or a folder here. Chest X-rays, brain MR slices, skin images; DICOM, PNG, JPEG, TIFF."
        )
        hint = label(text, "muted", wrap=True)
        hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(hint)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(button(self.tr("Open file…"), open_file, "primary"))
        row.addWidget(button(self.tr("Open folder…"), open_folder))
        row.addStretch(1)
        column.addSpacing(theme.STEP)
        column.addLayout(row)
        column.addSpacing(theme.DOUBLE)

    def _add_samples(self, column: QVBoxLayout, samples: list[Sample]) -> dict[Path, SampleButton]:
        buttons: dict[Path, SampleButton] = {}
        if not samples:
            return buttons
        column.addWidget(label(self.tr("Samples"), "section"), 0, Qt.AlignmentFlag.AlignHCenter)
        self._grid.setSpacing(theme.STEP)
        for sample in samples:
            one = SampleButton(sample)
            one.clicked.connect(lambda _checked=False, path=sample.path: self.workspace.open_paths([path]))
            buttons[sample.path] = one
        self._arrange(buttons)
        line = QHBoxLayout()
        line.addStretch(1)
        line.addLayout(self._grid)
        line.addStretch(1)
        column.addLayout(line)
        column.addSpacing(theme.STEP)
        return buttons

    def _arrange(self, buttons: dict[Path, SampleButton]) -> None:
        """As many in a row as there is room for, and all rows alike as far as they can be."""
        room = self.viewport().width() - 2 * theme.TRIPLE + theme.STEP
        most = min(max(room // (THUMB_WIDTH + 3 * theme.STEP), 1), MOST_COLUMNS)
        columns = ceil(len(buttons) / max(ceil(len(buttons) / most), 1))
        if columns == self._columns:
            return
        self._columns = columns
        for place, one in enumerate(buttons.values()):
            self._grid.addWidget(one, place // columns, place % columns)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More or fewer samples fit beside each other."""
        super().resizeEvent(event)
        self._arrange(self.sample_buttons)

    def want_thumbnails(self) -> None:
        """Ask for the small pictures that are still to come: opening something in between has stopped them."""
        bare = [path for path, one in self.sample_buttons.items() if one.bare]
        self.workspace.thumbnails.want([Entry(path, path) for path in bare])

    def _on_thumbnail(self, key: Hashable) -> None:
        image = self.workspace.thumbnails.get(key)
        if isinstance(key, Path) and image is not None and (one := self.sample_buttons.get(key)):
            one.set_thumbnail(image)

    def refresh(self) -> None:
        """The recent files anew."""
        while self._recent.count():
            item = self._recent.takeAt(0)
            if item is not None and (old := item.widget()):
                old.hide()
                old.deleteLater()
        recent = [] if self.workspace.settings["privacy"] else self.workspace.recent[:RECENT_SHOWN]
        if recent:
            heading = label(self.tr("Opened before"), "section")
            self._recent.addWidget(heading, 0, Qt.AlignmentFlag.AlignHCenter)
            self._recent.addWidget(self._recent_table(recent), 0, Qt.AlignmentFlag.AlignHCenter)

    def _recent_table(self, recent: list[Path]) -> QWidget:
        """Names to click on, and the folders they are in."""
        table = QWidget()
        grid = QGridLayout(table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.STEP)
        grid.setVerticalSpacing(0)
        for row, path in enumerate(recent):
            name = words.one_line(path.name)
            name = name if len(name) <= 40 else f"{name[:24]}…{name[-14:]}"
            link = button(name, partial(self.workspace.open_paths, [path]), "link")
            set_tip(link, words.one_line(str(path)))
            folder = Elided(words.one_line(str(path.parent)), "small", Qt.TextElideMode.ElideLeft)
            folder.setFixedWidth(RECENT_FOLDER_WIDTH)
            grid.addWidget(link, row, 0, Qt.AlignmentFlag.AlignLeading)
            grid.addWidget(folder, row, 1)
        return table
