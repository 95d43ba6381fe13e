"""A segmentation over the open series: on the canvas, in its list, turned, in other planes, private."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from medview.report.overlay import MASK_FILL_ALPHA
from medview.ui.window import MainWindow
from tests.imaging.segs import Mark, seg
from tests.ui.conftest import shown_of
from tests.ui.segmentations.marked import COUNT, colour_at, laid, mark, seen, square, two_segments


def test_it_lies_over_the_open_series_at_a_slice_that_it_marks(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    ws = series.workspace
    entries = list(ws.listing.entries)
    series.open_paths([marks])
    laid(series, qtbot)
    assert ws.active.failure is None
    assert ws.listing.entries == entries
    assert ws.active.frame_index == 1
    (red, other) = seen(series)
    assert (red.segment, red.row, red.col, red.rgba.shape) == (1, 2, 4, (6, 6, 4))
    np.testing.assert_array_equal(red.rgba[0, 0], (255, 0, 0, 255))
    np.testing.assert_array_equal(red.rgba[3, 3], (255, 0, 0, MASK_FILL_ALPHA))
    assert (other.segment, other.row, other.col) == (2, 10, 12)
    assert tuple(other.rgba[0, 0, :3]) != (255, 0, 0)


def test_the_canvas_shows_it_and_no_longer_on_the_next_slice(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    ws = series.workspace
    series.open_paths([marks])
    laid(series, qtbot)
    red, grey, _ = colour_at(series, 2, 4)
    assert red > grey + 100
    ws.active.select_frame(3)
    qtbot.waitUntil(lambda: ws.active.picture is not None and ws.active.picture.frame is ws.active.study.frames[3])
    laid(series, qtbot)
    assert seen(series) == []
    assert len(set(colour_at(series, 2, 4))) == 1
    ws.active.select_frame(0)
    qtbot.waitUntil(lambda: len(seen(series)) == 1)
    red, grey, _ = colour_at(series, 2, 3)
    assert red > grey + 100


def test_its_list_says_whose_it_is_and_switches(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    panel = series.findings.segments
    assert not panel.isVisible()
    series.open_paths([marks])
    laid(series, qtbot)
    assert panel.isVisible()
    (box,) = panel.boxes
    assert box.title.full_text() == "Drawn by a net"
    assert box.source.full_text() == "Drawn in several ways: point at a name"
    assert "marks é 你.dcm" in box.title.toolTip()
    assert not box.note.isVisible()
    names = [box.names[number] for number in (1, 2)]
    assert [name.text() for name in names] == ["liver", "lesion <b>"]
    assert names[0].toolTip().split("\n")[:2] == ["liver", "Drawn by a program: net 1.0"]
    # As it stands there, and not as markup.
    assert shown_of(names[1].toolTip()).split("\n")[:2] == ["lesion <b>", "Drawn by hand"]
    (shown,) = series.workspace.active.segmentations.shown
    box.rows[1].click()
    assert shown.off == {1}
    assert len(set(colour_at(series, 2, 4))) == 1
    assert len(set(colour_at(series, 10, 12))) > 1
    box.switch.click()
    assert not shown.on
    assert not box.rows[2].isEnabled()
    assert len(set(colour_at(series, 10, 12))) == 1
    box.switch.click()
    box.rows[1].click()
    strong = colour_at(series, 2, 4)[0]
    box.slider.setValue(20)
    assert shown.opacity == 0.2
    assert colour_at(series, 2, 4)[0] < strong
    # The boxes stay while how they are shown changes: the slider that is dragged must not go.
    assert panel.boxes == [box]
    box.remover.click()
    assert series.workspace.active.segmentations.shown == []
    assert not panel.isVisible()
    assert len(set(colour_at(series, 2, 4))) == 1


def test_a_click_on_a_name_goes_to_a_picture_that_shows_it(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    ws = series.workspace
    series.open_paths([marks])
    laid(series, qtbot)
    ws.active.select_frame(0)
    qtbot.waitUntil(lambda: len(seen(series)) == 1)
    names = series.findings.segments.boxes[0].names
    assert [names[number].property("here") for number in (1, 2)] == [True, False]
    names[1].click()
    qtbot.waitUntil(lambda: not ws.active.busy("open"))
    assert ws.active.frame_index == 0
    names[2].click()
    qtbot.waitUntil(lambda: len(seen(series)) == 2)
    assert ws.active.frame_index == 1
    assert [names[number].property("here") for number in (1, 2)] == [True, True]


def test_two_on_one_series_have_colours_of_their_own(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    second = marks.with_name("second.dcm")
    second.write_bytes(two_segments())
    series.open_paths([marks, second])
    laid(series, qtbot, 2)
    colours = [colour for shown in series.workspace.active.segmentations.shown for colour in shown.colours.values()]
    assert len(set(colours)) == 4
    assert len(seen(series)) == 4
    # Opened again, it takes the place of itself.
    series.open_paths([marks])
    qtbot.waitUntil(lambda: not series.workspace.active.busy("open"))
    assert len(series.workspace.active.segmentations.shown) == 2


def test_closing_and_opening_something_else_drops_it(series: MainWindow, marks: Path, grey: Path, qtbot: QtBot) -> None:
    ws = series.workspace
    series.open_paths([marks])
    laid(series, qtbot)
    series.open_paths([grey])
    qtbot.waitUntil(
        lambda: ws.active.picture is not None and ws.active.picture.frame.path == grey and not ws.active.busy("open")
    )
    assert ws.active.segmentations.shown == []
    assert not series.findings.segments.isVisible()
    ws.close_all()
    assert ws.active.segmentations.shown == []


def test_it_turns_with_the_picture(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    series.open_paths([marks])
    laid(series, qtbot)
    series.workspace.active.set_corrections(("rotate_90",))
    qtbot.waitUntil(lambda: len(seen(series)) == 2)
    # Row 2 and column 4 of 20 rows, six high: turned clockwise, row 4 and column 20 - 2 - 6.
    assert (seen(series)[0].row, seen(series)[0].col) == (4, 12)


def test_one_that_marks_nothing_or_lies_beside_says_so(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    outside = Mark(square(2, 3), 1, (0.0, 0.0, 400.0))
    marks.write_bytes(seg([Mark(square(0, 0) * 0, 1, (0.0, 0.0, 2.0)), outside]))
    series.open_paths([marks])
    laid(series, qtbot)
    (box,) = series.findings.segments.boxes
    assert box.note.text() == (
        "It marks nothing in these pictures. Made on other pictures; laid on by position. "
        "One of its 2 masks lies on none of these pictures."
    )


def test_many_segments_scroll_within_their_share_of_the_panel(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    marks.write_bytes(seg([mark(n, 1, n % 12, n % 20) for n in range(1, 41)]))
    series.open_paths([marks])
    laid(series, qtbot)
    panel = series.findings.segments
    qtbot.waitUntil(lambda: panel.height() > 0)
    assert panel.height() <= series.findings.height() / 2
    assert panel.verticalScrollBar().maximum() > 0
    assert series.findings.area.height() > 100


def test_it_follows_into_other_planes_and_back(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    """Masks 2 mm apart and as thick, cut across: rows of a coronal picture run from head to foot."""
    ws = series.workspace
    boxes = [mark(1, n, 4, 10 + n) for n in range(COUNT)]
    marks.write_bytes(seg(boxes, depth=2))
    series.open_paths([marks])
    laid(series, qtbot)
    series.action("plane_coronal").trigger()
    qtbot.waitUntil(lambda: ws.active.plane == "coronal")
    laid(series, qtbot)
    assert ws.active.study is not None
    ws.active.select_frame(5)
    qtbot.waitUntil(lambda: ws.active.picture is not None and ws.active.picture.frame is ws.active.study.frames[5])
    qtbot.waitUntil(lambda: bool(seen(series)))
    (outline,) = seen(series)
    # Rows of 1 mm from z = 10 down to 0, each in the slice of 2 mm whose middle is nearest, of two the upper one.
    wanted = np.zeros((11, 11), bool)
    for row in range(11):
        n = int((10 - row + 1) // 2)
        wanted[row, n : n + 6] = True
    assert (outline.row, outline.col) == (0, 10)
    np.testing.assert_array_equal(outline.rgba[..., 3] > 0, wanted)
    assert not series.findings.segments.boxes[0].note.isVisible()
    series.action("plane_acquired").trigger()
    qtbot.waitUntil(lambda: ws.active.study is not None and len(ws.active.study.frames) == COUNT)
    laid(series, qtbot)
    qtbot.waitUntil(lambda: bool(seen(series)))


def test_privacy_hides_where_it_is_from(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    series.open_paths([marks])
    laid(series, qtbot)
    (box,) = series.findings.segments.boxes
    assert str(marks) in shown_of(box.title.toolTip())
    series.action("privacy").trigger()
    (box,) = series.findings.segments.boxes
    assert marks.name not in f"{box.title.full_text()}{box.title.toolTip()}{box.accessibleName()}"
    series.action("privacy").trigger()
    (box,) = series.findings.segments.boxes
    assert str(marks) in shown_of(box.title.toolTip())
