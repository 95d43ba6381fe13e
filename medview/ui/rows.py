"""The rows of the list of what was opened: what they say, and how they are painted. All have one height."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from medview.core.failures import Code, Failure
from medview.listing import Entry, Group, Heading, Row
from medview.ui import theme, words
from medview.ui.icons import pixmap
from medview.ui.widgets import qimage
from medview.workspace import Workspace

HEIGHT, THUMBNAIL, MARK = 56, 44, 14
RowRole = Qt.ItemDataRole.UserRole
translate = QCoreApplication.translate


def title(row: Row) -> str:
    """The first line."""
    if isinstance(row, Entry):
        return words.one_line(row.title)
    if row.group == Group.ARCHIVE:
        return words.one_line(row.name)
    if row.group == Group.STUDY:
        origin = row.origin
        name = words.person(origin.patient_name) if origin else ""
        return name or (words.one_line(origin.patient_id) if origin else "") or translate("rows", "No patient name")
    return {
        Group.FILES: translate("rows", "Files"),
        Group.SEGMENTATIONS: translate("rows", "Segmentations"),
        Group.REFUSED: translate("rows", "Cannot be shown"),
    }[row.group]


def subtitle(row: Row, failure: Failure | None = None) -> str:
    """The second line; empty where the first says everything."""
    if isinstance(row, Heading):
        if row.group == Group.STUDY and row.origin:
            when, what = words.date(row.origin.study_date), words.one_line(row.origin.study_title)
            return " · ".join(filter(None, (when, what))) or translate("rows", "No study date")
        if row.group == Group.ARCHIVE:
            return words.series(row.count)
        return words.files(row.count)
    if failure is not None:
        return words.title(failure.code)
    if row.series is None:
        return ""
    origin = row.series.origin
    number = origin.series_number if origin else None
    parts = (
        row.series.frames[0].modality,
        # What does not fit is cut off at the end.
        words.pictures(len(row.series.frames)),
        translate("rows", "no. {0}").format(number) if number is not None else "",
    )
    return " · ".join(filter(None, parts))


def tip(row: Row, failure: Failure | None = None) -> str:
    """Everything there is to say, one fact a line."""
    if isinstance(row, Heading):
        origin = row.origin
        ids = [translate("rows", "Patient ID {0}").format(words.one_line(origin.patient_id))] if origin else []
        return "\n".join((title(row), *(ids if origin and origin.patient_id else []), subtitle(row)))
    path = words.one_line(str(row.path))
    if failure is not None:
        return "\n".join(filter(None, (path, failure.text, failure.hint)))
    if row.series is None:
        return path
    series, first = row.series, row.series.frames[0]
    lines = [title(row), subtitle(row), translate("rows", "{0} x {1} pixels").format(first.cols, first.rows)]
    if series.step_mm:
        lines.append(translate("rows", "{0} mm from slice to slice").format(f"{series.step_mm:.4g}"))
    if series.time_points > 1:
        lines.append(translate("rows", "%n points in time", None, series.time_points))
    return "\n".join((*lines, *series.notes, words.one_line(str(row.path.parent))))


class RowDelegate(QStyledItemDelegate):
    """Paints a row: small picture, two lines, and a mark where there is something to know about a series."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """The same for all, so that nothing moves when a picture or a note comes."""
        return QSize(0, HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """See the class."""
        row = index.data(RowRole)
        if row is None:
            return
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        rtl = option.direction == Qt.LayoutDirection.RightToLeft
        if isinstance(row, Heading):
            self._heading(painter, option.rect, option.font, row)
        else:
            self._entry(painter, option, row, rtl)
        painter.restore()

    def _heading(self, painter: QPainter, rect: QRect, font: QFont, row: Heading) -> None:
        box = rect.adjusted(theme.STEP, theme.HALF, -theme.STEP, -theme.HALF)
        painter.setPen(QColor(theme.LINE))
        painter.drawLine(box.left(), rect.bottom(), box.right(), rect.bottom())
        self._lines(
            painter, box.adjusted(0, theme.HALF, 0, 0), font, title(row), subtitle(row), theme.TEXT, strong=True
        )

    def _entry(self, painter: QPainter, option: QStyleOptionViewItem, row: Entry, rtl: bool) -> None:
        failure = self.workspace.listing.failure(row)
        pale = failure is not None and failure.code is not Code.SEGMENTATION
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        lit = bool(option.state & QStyle.StateFlag.State_MouseOver)
        box = option.rect.adjusted(2, 1, -2, -1)
        if chosen or lit:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.ACCENT_DEEP if chosen else theme.CARD))
            painter.drawRoundedRect(box, 4, 4)
        if chosen and option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QColor(theme.ACCENT))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box, 4, 4)
        room = box.adjusted(theme.HALF, 0, -theme.STEP, 0)
        place = QRect(room.left(), box.top() + (box.height() - THUMBNAIL) // 2, THUMBNAIL, THUMBNAIL)
        words_box = room.adjusted(THUMBNAIL + theme.STEP, 0, 0, 0)
        if rtl:
            room = box.adjusted(theme.STEP, 0, -theme.HALF, 0)
            place.moveRight(room.right())
            words_box = room.adjusted(0, 0, -THUMBNAIL - theme.STEP, 0)
        self._picture(painter, place, row, failure)
        if row.series and row.series.notes:
            mark = QRect(0, 0, MARK, MARK)
            mark.moveCenter(words_box.center())
            mark.moveLeft(words_box.left()) if rtl else mark.moveRight(words_box.right())
            ratio = painter.device().devicePixelRatioF()
            painter.drawPixmap(mark, pixmap("info", MARK, theme.TEXT if chosen else theme.FINDING, ratio))
            words_box.adjust(*((MARK + theme.HALF, 0, 0, 0) if rtl else (0, 0, -MARK - theme.HALF, 0)))
        font = QFont(option.font)
        font.setItalic(pale)
        colour = theme.FAINT if pale and not chosen else theme.TEXT
        self._lines(painter, words_box, font, title(row), subtitle(row, failure), colour, chosen)

    def _picture(self, painter: QPainter, place: QRect, row: Entry, failure: Failure | None) -> None:
        hole = QPainterPath()
        hole.addRoundedRect(place, 4, 4)
        painter.setClipPath(hole)
        painter.fillRect(place, QColor(theme.CANVAS))
        pixels = self.workspace.thumbnail(row.key)
        if failure is not None:
            name = "mask" if failure.code is Code.SEGMENTATION else "error"
            sign = pixmap(name, 20, theme.FAINT, painter.device().devicePixelRatioF())
            painter.drawPixmap(place.center().x() - 10, place.center().y() - 10, sign)
        elif pixels is not None:
            image = qimage(pixels)
            size = image.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(0, 0, size.width(), size.height())
            target.moveCenter(place.center())
            painter.drawImage(target, image)
        painter.setClipping(False)

    @staticmethod
    def _lines(
        painter: QPainter, box: QRect, font: QFont, first: str, second: str, colour: str, chosen: bool = False,
        strong: bool = False,
    ) -> None:  # fmt: skip
        """One or two lines in the middle of a box, cut where they do not fit."""
        top, small = QFont(font), QFont(font)
        top.setWeight(QFont.Weight.DemiBold if strong else QFont.Weight.Normal)
        small.setPixelSize(theme.SMALL_SIZE)
        heights = [QFontMetrics(top).height(), QFontMetrics(small).height() if second else 0]
        y = box.top() + (box.height() - sum(heights)) // 2
        # Where the layout begins, but in the text's own direction: "16 Jul" must not become "Jul 16".
        rtl = painter.layoutDirection() == Qt.LayoutDirection.RightToLeft
        painter.setLayoutDirection(Qt.LayoutDirection.LayoutDirectionAuto)
        side = Qt.AlignmentFlag.AlignRight if rtl else Qt.AlignmentFlag.AlignLeft
        flags = side | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        lines = ((top, first, colour), (small, second, theme.TEXT if chosen else theme.MUTED))
        for (used, text, shade), height in zip(lines, heights, strict=True):
            mode = Qt.TextElideMode.ElideRight if second else Qt.TextElideMode.ElideMiddle
            painter.setFont(used)
            painter.setPen(QColor(shade))
            line = QRect(box.left(), y, box.width(), height)
            painter.drawText(line, int(flags), QFontMetrics(used).elidedText(text, mode, line.width()))
            y += height
