"""A series of six slices and segmentations of it, and what the window then shows of them."""

from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from medview.ui.window import MainWindow
from medview.workspace.outlines import Outline
from tests.imaging.segs import Mark, seg, segment

SIZE = (20, 30)


COUNT = 6


def square(row: int, col: int, side: int = 6) -> np.ndarray:
    mask = np.zeros(SIZE, np.uint8)
    mask[row : row + side, col : col + side] = 1
    return mask


def mark(number: int, n: int, row: int, col: int, series: str = "1.5") -> Mark:
    """A square on slice n of a series."""
    return Mark(square(row, col), number, (0.0, 0.0, 2.0 * n), ((f"{series}.{n}", None),))


def two_segments(**elements: object) -> bytes:
    """Segment 1 on slices 0 and 1, segment 2 on slice 1; red and not said."""
    things = [
        segment(1, "liver", RecommendedDisplayCIELabValue=[34885, 53484, 50170]),
        segment(2, "lesion <b>", SegmentAlgorithmType="MANUAL"),
    ]
    marks = [mark(1, 0, 2, 3), mark(2, 1, 10, 12), mark(1, 1, 2, 4)]
    return seg(marks, segments=things, **elements)


def laid(window: MainWindow, qtbot: QtBot, count: int = 1) -> None:
    """Wait until so many are on, and what they mark here is known."""
    ws = window.workspace
    qtbot.waitUntil(lambda: len(ws.active.segmentations.shown) == count)
    qtbot.waitUntil(lambda: not ws.active.busy("open") and not ws.active.busy("outlines"))


def seen(window: MainWindow) -> list[Outline]:
    segments = window.workspace.active.segmentations
    found = []
    for shown in segments.shown:
        made = segments.outlines(shown)
        assert isinstance(made, tuple), made
        found.extend(made)
    return found


def colour_at(window: MainWindow, row: int, col: int) -> tuple[int, int, int]:
    """The colour on the screen in the middle of a pixel of the picture."""
    canvas = window.viewer.canvas
    port = canvas.transform()
    assert port is not None
    image = canvas.grab().toImage()
    ratio = image.devicePixelRatio()
    x, y = port.left + (col + 0.5) * port.scale, port.top + (row + 0.5) * port.scale * port.aspect
    colour = image.pixelColor(int(x * ratio), int(y * ratio))
    return colour.red(), colour.green(), colour.blue()
