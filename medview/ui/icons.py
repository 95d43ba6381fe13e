"""The icons, drawn with a pen on a 24 x 24 grid: no font, no binary file, sharp at every screen density."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

from medview.ui import theme

GRID = 24
SIZES = (16, 20, 24, 32, 40, 48, 64)


def _lines(*runs: str) -> QPainterPath:
    """A path of poly-lines, each written `x,y x,y ...`."""
    path = QPainterPath()
    for run in runs:
        points = [QPointF(*map(float, pair.split(","))) for pair in run.split()]
        path.moveTo(points[0])
        for point in points[1:]:
            path.lineTo(point)
    return path


def _with(path: QPainterPath, *circles: tuple[float, float, float]) -> QPainterPath:
    for x, y, radius in circles:
        path.addEllipse(QPointF(x, y), radius, radius)
    return path


def _arc(x: float, y: float, radius: float, start: float, sweep: float) -> QPainterPath:
    box = QRectF(x - radius, y - radius, 2 * radius, 2 * radius)
    path = QPainterPath()
    path.arcMoveTo(box, start)
    path.arcTo(box, start, sweep)
    return path


def _reset() -> QPainterPath:
    path = _arc(12, 12, 8, 130, -310)
    path.addPath(_lines("6,2.5 6.4,6.6 10.6,6.2"))
    return path


def _invert() -> QPainterPath:
    path = _with(QPainterPath(), (12, 12, 8))
    path.addPath(_lines("12,4 12,20", "14.5,6 14.5,18", "17,8 17,16"))
    return path


def _heatmap() -> QPainterPath:
    return _with(QPainterPath(), (12, 12, 2), (12, 12, 5.2), (12, 12, 8.5))


def _mask() -> QPainterPath:
    path = QPainterPath(QPointF(5, 11))
    path.cubicTo(QPointF(5, 3), QPointF(15, 3), QPointF(18, 8))
    path.cubicTo(QPointF(22, 15), QPointF(15, 21), QPointF(10, 19))
    path.cubicTo(QPointF(6, 17.5), QPointF(5, 16), QPointF(5, 11))
    path.addPath(_lines("8,14 14,8", "10,16.5 16.5,10"))
    return path


def _look() -> QPainterPath:
    """An eye: the second look."""
    path = QPainterPath(QPointF(2.5, 12))
    path.quadTo(QPointF(12, 1.5), QPointF(21.5, 12))
    path.quadTo(QPointF(12, 22.5), QPointF(2.5, 12))
    return _with(path, (12, 12, 3.2))


def _help() -> QPainterPath:
    path = _with(QPainterPath(), (12, 12, 9))
    path.addPath(_arc(12, 9.8, 2.8, 170, -215))
    path.addPath(_lines("12.6,13 12,14.2", "12,17 12,17.2"))
    return path


SHAPES: dict[str, Callable[[], QPainterPath]] = {
    "open": lambda: _lines("3,19 3,5 9,5 11,7.5 19,7.5 19,10.5", "3,19 6,10.5 22,10.5 19,19 3,19"),
    "save": lambda: _lines("12,3 12,15", "7,10.5 12,15.5 17,10.5", "4,17 4,20.5 20,20.5 20,17"),
    "fit": lambda: _lines("4,9 4,4 9,4", "15,4 20,4 20,9", "20,15 20,20 15,20", "9,20 4,20 4,15"),
    "actual": lambda: _lines("4,8 6.5,6 6.5,18", "17,8 19.5,6 19.5,18", "12,9.5 12,9.7", "12,15 12,15.2"),
    "zoom-in": lambda: _with(_lines("15.5,15.5 21,21", "7,10 13,10", "10,7 10,13"), (10, 10, 7)),
    "zoom-out": lambda: _with(_lines("15.5,15.5 21,21", "7,10 13,10"), (10, 10, 7)),
    "invert": _invert,
    "reset": _reset,
    "heatmap": _heatmap,
    "mask": _mask,
    "analyse": _look,
    "cancel": lambda: _lines("6,6 18,18", "18,6 6,18"),
    "previous": lambda: _lines("15,5 8,12 15,19"),
    "next": lambda: _lines("9,5 16,12 9,19"),
    "help": _help,
    "warning": lambda: _lines("12,3.5 22,20.5 2,20.5 12,3.5", "12,10 12,15", "12,17.6 12,17.8"),
    "error": lambda: _with(_lines("12,7 12,13", "12,16.2 12,16.4"), (12, 12, 9)),
    "info": lambda: _with(_lines("12,11 12,17", "12,7.6 12,7.8"), (12, 12, 9)),
    "picture": lambda: _with(_lines("3,4 21,4 21,20 3,20 3,4", "3,17 9,11 13,15 16,12 21,17"), (15.5, 8.5, 1.6)),
}


def pixmap(name: str, size: int, colour: str = theme.TEXT, ratio: float = 1.0) -> QPixmap:
    """One icon as a pixmap of `size` logical pixels."""
    result = QPixmap(round(size * ratio), round(size * ratio))
    result.setDevicePixelRatio(ratio)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(size / GRID, size / GRID)
    pen = QPen(QColor(colour), 1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.drawPath(SHAPES[name]())
    painter.end()
    return result


@cache
def icon(name: str) -> QIcon:
    """An icon for actions and buttons, pale when disabled and in the accent colour when on."""
    result = QIcon()
    for size in SIZES:
        result.addPixmap(pixmap(name, size), QIcon.Mode.Normal, QIcon.State.Off)
        result.addPixmap(pixmap(name, size, theme.ACCENT), QIcon.Mode.Normal, QIcon.State.On)
        result.addPixmap(pixmap(name, size, theme.DISABLED), QIcon.Mode.Disabled, QIcon.State.Off)
        result.addPixmap(pixmap(name, size, theme.DISABLED), QIcon.Mode.Disabled, QIcon.State.On)
    return result
