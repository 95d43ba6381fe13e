"""The rows of the list of what was opened: what they say, and how they are painted. All have one height."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from medview.core.failures import Code, Failure
from medview.ui import identity, theme, words
from medview.ui.icons import pixmap
from medview.ui.widgets import qimage
from medview.workspace import Workspace
from medview.workspace.listing import Entry, Group, Heading, Row

HEIGHT, THUMBNAIL, MARK = 56, 44, 14
RowRole = Qt.ItemDataRole.UserRole
translate = QCoreApplication.translate


def title(row: Row, hide: bool = False) -> str:
    """The first line. `hide`: nothing that tells who a patient is."""
    if isinstance(row, Entry):
        return identity.entry_name(row, hide)
    if row.group == Group.ARCHIVE:
        return translate("rows", "Archive") if hide else words.one_line(row.name)
    if row.group == Group.STUDY:
        if hide:
            return identity.hidden_patient()
        name = words.person(row.origin.patient_name) if row.origin else ""
        return name or translate("rows", "No patient name")
    return {
        Group.FILES: translate("rows", "Files"),
        Group.SEGMENTATIONS: translate("rows", "Segmentations"),
        Group.REFUSED: translate("rows", "Cannot be shown"),
    }[row.group]


def patient(row: Heading, hide: bool = False) -> str:
    """The line below the name of a patient: id, sex and age, as far as the file says."""
    origin = row.origin
    if row.group != Group.STUDY or origin is None or hide:
        return ""
    said = (identity.patient_id(origin), identity.sex(origin.sex) if origin.sex else "", identity.age(origin))
    return identity.BETWEEN.join(filter(None, said))


def subtitle(row: Row, failure: Failure | None = None, hide: bool = False) -> str:
    """The last line; empty where the first says everything."""
    if isinstance(row, Heading):
        if row.group == Group.STUDY and row.origin and not hide:
            when, what = words.date(row.origin.study_date), words.one_line(row.origin.study_title)
            return identity.BETWEEN.join(filter(None, (when, what))) or translate("rows", "No study date")
        if row.group in (Group.ARCHIVE, Group.STUDY):
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
    return identity.BETWEEN.join(filter(None, parts))


def tip(row: Row, failure: Failure | None = None, hide: bool = False) -> str:
    """Everything there is to say, one fact a line."""
    if isinstance(row, Heading):
        known = None if hide else identity.identity_of(row.origin)
        return "\n".join((known.name, *known.details, *known.study) if known else (title(row, hide),))
    path = title(row, hide) if hide else words.one_line(str(row.path))
    if failure is not None:
        said = (identity.without_name(words.shown(text), row.path, hide) for text in (failure.text, failure.hint))
        return "\n".join(filter(None, (path, *said)))
    if row.series is None:
        return path
    series, first = row.series, row.series.frames[0]
    lines = [title(row, hide), subtitle(row), translate("rows", "{0} x {1} pixels").format(first.cols, first.rows)]
    if series.step_mm:
        lines.append(translate("rows", "{0} mm from slice to slice").format(words.short(series.step_mm)))
    if series.time_points > 1:
        lines.append(translate("rows", "%n points in time", None, series.time_points))
    lines.extend(map(words.shown, series.notes))
    return "\n".join(lines if hide else (*lines, words.one_line(str(row.path.parent))))


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
        hide = self.workspace.settings["privacy"]
        lines = (title(row, hide), patient(row, hide), subtitle(row, hide=hide))
        self._lines(painter, box, font, lines, theme.TEXT, strong=True)

    def _entry(self, painter: QPainter, option: QStyleOptionViewItem, row: Entry, rtl: bool) -> None:
        failure = self.workspace.listing.failure(row)
        pale = failure is not None and failure.code is not Code.SEGMENTATION
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        lit = bool(option.state & QStyle.StateFlag.State_MouseOver)
        box = option.rect.adjusted(2, 1, -2, -1)
        if chosen or lit:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.ACCENT_DEEP if chosen else theme.BOX))
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
        lines = (title(row, self.workspace.settings["privacy"]), subtitle(row, failure))
        self._lines(painter, words_box, font, lines, colour, chosen)

    def _picture(self, painter: QPainter, place: QRect, row: Entry, failure: Failure | None) -> None:
        hole = QPainterPath()
        hole.addRoundedRect(place, 4, 4)
        painter.setClipPath(hole)
        painter.fillRect(place, QColor(theme.CANVAS))
        pixels = self.workspace.thumbnails.get(row.key)
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
        painter: QPainter, box: QRect, font: QFont, said: tuple[str, ...], colour: str, chosen: bool = False,
        strong: bool = False,
    ) -> None:  # fmt: skip
        """Those lines of a row that say something, in the middle of a box, cut where they do not fit."""
        texts = [text for text in said if text]
        top, small = QFont(font), QFont(font)
        top.setWeight(QFont.Weight.DemiBold if strong else QFont.Weight.Normal)
        small.setPixelSize(theme.SMALL_SIZE)
        fonts = [top, *[small] * (len(texts) - 1)]
        heights = [QFontMetrics(used).height() for used in fonts]
        y = box.top() + (box.height() - sum(heights)) // 2
        # Where the layout begins, but in the text's own direction: "16 Jul" must not become "Jul 16".
        rtl = painter.layoutDirection() == Qt.LayoutDirection.RightToLeft
        painter.setLayoutDirection(Qt.LayoutDirection.LayoutDirectionAuto)
        side = Qt.AlignmentFlag.AlignRight if rtl else Qt.AlignmentFlag.AlignLeft
        flags = side | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        mode = Qt.TextElideMode.ElideRight if len(texts) > 1 else Qt.TextElideMode.ElideMiddle
        for number, (used, text, height) in enumerate(zip(fonts, texts, heights, strict=True)):
            painter.setFont(used)
            painter.setPen(QColor(theme.TEXT if chosen else theme.MUTED if number else colour))
            line = QRect(box.left(), y, box.width(), height)
            painter.drawText(line, int(flags), QFontMetrics(used).elidedText(text, mode, line.width()))
            y += height
