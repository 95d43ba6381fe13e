"""Segmentations in the window: opened over their pictures, found beside them, refused without them; their list."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from medview.core.failures import Code
from medview.report.overlay import MASK_FILL_ALPHA
from medview.ui.browser_rows import subtitle, title
from medview.ui.window import MainWindow
from medview.workspace.listing import Group, Heading
from medview.workspace.outlines import Outline, find
from tests.imaging.segs import Mark, seg, segment, slices
from tests.ui.conftest import MakeWindow, Opened, shown_of
from tests.ui.test_browser import Halting, scanning

Growing = tuple[MainWindow, Halting]
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    slices(tmp_path, COUNT, SIZE)
    return tmp_path


@pytest.fixture
def marks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The segmentation in a folder of its own."""
    path = tmp_path_factory.mktemp("elsewhere") / "marks é 你.dcm"
    path.write_bytes(two_segments())
    return path


@pytest.fixture
def series(opened: Opened, folder: Path, qtbot: QtBot) -> MainWindow:
    """A window with the series open, at slice 5."""
    window = opened(folder / "slice5.dcm", auto_analyse=False)
    ws = window.workspace
    qtbot.waitUntil(lambda: ws.study is not None and len(ws.study.frames) == COUNT)
    return window


def laid(window: MainWindow, qtbot: QtBot, count: int = 1) -> None:
    """Wait until so many are on, and what they mark here is known."""
    ws = window.workspace
    qtbot.waitUntil(lambda: len(ws.segments.shown) == count)
    qtbot.waitUntil(lambda: not ws.busy("open") and not ws.busy("outlines"))


def seen(window: MainWindow) -> list[Outline]:
    segments = window.workspace.segments
    found = []
    for shown in segments.shown:
        made = segments.outlines(shown)
        assert isinstance(made, tuple), made
        found.extend(made)
    return found


def colour_at(window: MainWindow, row: int, col: int) -> tuple[int, int, int]:
    """The colour on the screen in the middle of a pixel of the picture."""
    canvas = window.viewer.canvas
    port = canvas.viewport()
    assert port is not None
    image = canvas.grab().toImage()
    ratio = image.devicePixelRatio()
    x, y = port.left + (col + 0.5) * port.scale, port.top + (row + 0.5) * port.scale * port.aspect
    colour = image.pixelColor(int(x * ratio), int(y * ratio))
    return colour.red(), colour.green(), colour.blue()


def test_it_lies_over_the_open_series_at_a_slice_that_it_marks(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    ws = series.workspace
    entries = list(ws.listing.entries)
    series.open_paths([marks])
    laid(series, qtbot)
    assert ws.failure is None
    assert ws.listing.entries == entries
    assert ws.frame_index == 1
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
    ws.select_frame(3)
    qtbot.waitUntil(lambda: ws.picture is not None and ws.picture.frame is ws.study.frames[3])
    laid(series, qtbot)
    assert seen(series) == []
    assert len(set(colour_at(series, 2, 4))) == 1
    ws.select_frame(0)
    qtbot.waitUntil(lambda: len(seen(series)) == 1)
    red, grey, _ = colour_at(series, 2, 3)
    assert red > grey + 100


def test_its_list_says_whose_it_is_and_switches(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    panel = series.findings.segments
    assert not panel.isVisible()
    series.open_paths([marks])
    laid(series, qtbot)
    assert panel.isVisible()
    (card,) = panel.cards
    assert card.title.full_text() == "Drawn by a net"
    assert card.source.full_text() == "Drawn in several ways: point at a name"
    assert "marks é 你.dcm" in card.title.toolTip()
    assert not card.note.isVisible()
    names = [card.names[number] for number in (1, 2)]
    assert [name.text() for name in names] == ["liver", "lesion <b>"]
    assert names[0].toolTip().split("\n")[:2] == ["liver", "Drawn by a program: net 1.0"]
    # As it stands there, and not as markup.
    assert shown_of(names[1].toolTip()).split("\n")[:2] == ["lesion <b>", "Drawn by hand"]
    (shown,) = series.workspace.segments.shown
    card.rows[1].click()
    assert shown.off == {1}
    assert len(set(colour_at(series, 2, 4))) == 1
    assert len(set(colour_at(series, 10, 12))) > 1
    card.switch.click()
    assert not shown.on
    assert not card.rows[2].isEnabled()
    assert len(set(colour_at(series, 10, 12))) == 1
    card.switch.click()
    card.rows[1].click()
    strong = colour_at(series, 2, 4)[0]
    card.slider.setValue(20)
    assert shown.opacity == 0.2
    assert colour_at(series, 2, 4)[0] < strong
    # The cards stay while their looks change: the slider that is dragged must not go.
    assert panel.cards == [card]
    card.remover.click()
    assert series.workspace.segments.shown == []
    assert not panel.isVisible()
    assert len(set(colour_at(series, 2, 4))) == 1


def test_a_click_on_a_name_goes_to_a_picture_that_shows_it(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    ws = series.workspace
    series.open_paths([marks])
    laid(series, qtbot)
    ws.select_frame(0)
    qtbot.waitUntil(lambda: len(seen(series)) == 1)
    names = series.findings.segments.cards[0].names
    assert [names[number].property("here") for number in (1, 2)] == [True, False]
    names[1].click()
    qtbot.waitUntil(lambda: not ws.busy("open"))
    assert ws.frame_index == 0
    names[2].click()
    qtbot.waitUntil(lambda: len(seen(series)) == 2)
    assert ws.frame_index == 1
    assert [names[number].property("here") for number in (1, 2)] == [True, True]


def test_beside_its_series_it_opens_the_series(make_window: MakeWindow, folder: Path, qtbot: QtBot) -> None:
    (folder / "marks.dcm").write_bytes(two_segments())
    (folder / "notes.txt").write_text("nothing")
    window = make_window(auto_analyse=False)
    window.open_paths([folder / "marks.dcm"])
    laid(window, qtbot)
    ws = window.workspace
    assert ws.failure is None
    assert ws.study is not None
    assert len(ws.study.frames) == COUNT
    # The slice in the middle of those it marks.
    qtbot.waitUntil(lambda: bool(seen(window)))
    assert ws.frame_index == 1


def test_without_its_pictures_it_is_refused_and_says_what_to_do(opened: Opened, marks: Path) -> None:
    window = opened(marks)
    failure = window.workspace.failure
    assert failure is not None
    assert failure.code is Code.SEGMENTATION
    assert "segmentation" in failure.text
    assert failure.hint.startswith("Open the pictures it was made on first")
    assert window.workspace.study is None


def test_over_other_pictures_it_is_refused_and_they_stay(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    marks.write_bytes(seg([mark(1, 0, 2, 3, "1.77")], FrameOfReferenceUID="1.2.3.4"))
    series.open_paths([marks])
    qtbot.waitUntil(lambda: series.bar.isVisible())
    ws = series.workspace
    assert ws.failure is None
    assert ws.picture is not None
    assert ws.segments.shown == []
    assert "made on other pictures" in series.bar.text.text()


def test_a_damaged_one_says_so(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    marks.write_bytes(two_segments(SegmentationType="FRACTIONAL"))
    series.open_paths([marks])
    qtbot.waitUntil(lambda: series.bar.isVisible())
    assert series.workspace.segments.shown == []
    assert "contradicts itself" in series.bar.text.text()


def test_a_click_in_the_list_lays_it_on_and_the_series_stays_current(
    make_window: MakeWindow, folder: Path, qtbot: QtBot
) -> None:
    (folder / "marks.dcm").write_bytes(two_segments())
    window = make_window(auto_analyse=False)
    window.open_paths([folder])
    ws = window.workspace
    qtbot.waitUntil(lambda: ws.picture is not None and not ws.busy("scan") and not ws.busy("open"))
    place = next(n for n, entry in enumerate(ws.listing.entries) if entry.path.name == "marks.dcm")
    shown = ws.listing.index
    headings = [row for row in ws.listing.rows if isinstance(row, Heading)]
    assert [(row.group, row.count) for row in headings] == [(Group.STUDY, 1), (Group.SEGMENTATIONS, 1)]
    assert [title(headings[1]), subtitle(headings[1])] == ["Segmentations", "1 file"]
    ws.select_entry(place)
    laid(window, qtbot)
    assert ws.failure is None
    assert ws.listing.index == shown
    assert ws.segments.shown[0].laid is not None
    assert ws.segments.shown[0].laid.own


def test_of_several_series_in_the_list_its_own_is_opened(make_window: MakeWindow, folder: Path, qtbot: QtBot) -> None:
    slices(folder, 3, SIZE, series="1.9", name="other", SeriesNumber=9, FrameOfReferenceUID="1.2.98")
    source = [mark(1, 1, 2, 3, "1.9")]
    (folder / "marks.dcm").write_bytes(seg(source, FrameOfReferenceUID="1.2.98"))
    window = make_window(auto_analyse=False)
    window.open_paths([folder])
    ws = window.workspace
    qtbot.waitUntil(lambda: ws.picture is not None and not ws.busy("scan") and not ws.busy("open"))
    ws.select_entry(
        next(n for n, entry in enumerate(ws.listing.entries) if entry.series and len(entry.series.frames) == 6)
    )
    qtbot.waitUntil(lambda: ws.study is not None and len(ws.study.frames) == COUNT and not ws.busy("open"))
    window.open_paths([folder / "marks.dcm"])
    laid(window, qtbot)
    assert ws.study is not None
    assert len(ws.study.frames) == 3
    qtbot.waitUntil(lambda: bool(seen(window)))
    assert ws.frame_index == 1


def test_the_answer_is_that_of_the_picture_it_went_to(make_window: MakeWindow, folder: Path, qtbot: QtBot) -> None:
    """Its series was looked at before: its pictures are at hand when it is opened again."""
    slices(folder, 3, SIZE, series="1.9", name="other", SeriesNumber=9)
    (folder / "marks.dcm").write_bytes(two_segments())
    window = make_window()
    ws = window.workspace
    window.open_paths([folder])
    qtbot.waitUntil(lambda: ws.analysis is not None and not ws.busy("scan"))
    sizes = [len(entry.series.frames) if entry.series else 0 for entry in ws.listing.entries]
    for size in (COUNT, 3):
        ws.select_entry(sizes.index(size))
        qtbot.waitUntil(lambda size=size: ws.study is not None and len(ws.study.frames) == size)
        qtbot.waitUntil(lambda: ws.analysis is not None and not ws.busy("ahead"))
    window.open_paths([folder / "marks.dcm"])
    laid(window, qtbot)
    qtbot.waitUntil(lambda: bool(seen(window)))
    qtbot.waitUntil(lambda: ws.analysis is not None and not ws.busy("open"))
    assert ws.picture is not None
    assert ws.analysis is not None
    assert ws.picture.frame.path == folder / "slice1.dcm"
    assert ws.analysis.file == str(folder / "slice1.dcm")


def test_two_on_one_series_have_colours_of_their_own(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    second = marks.with_name("second.dcm")
    second.write_bytes(two_segments())
    series.open_paths([marks, second])
    laid(series, qtbot, 2)
    colours = [colour for shown in series.workspace.segments.shown for colour in shown.colours.values()]
    assert len(set(colours)) == 4
    assert len(seen(series)) == 4
    # Opened again, it takes the place of itself.
    series.open_paths([marks])
    qtbot.waitUntil(lambda: not series.workspace.busy("open"))
    assert len(series.workspace.segments.shown) == 2


def test_closing_and_opening_something_else_drops_it(series: MainWindow, marks: Path, grey: Path, qtbot: QtBot) -> None:
    ws = series.workspace
    series.open_paths([marks])
    laid(series, qtbot)
    series.open_paths([grey])
    qtbot.waitUntil(lambda: ws.picture is not None and ws.picture.frame.path == grey and not ws.busy("open"))
    assert ws.segments.shown == []
    assert not series.findings.segments.isVisible()
    ws.close_all()
    assert ws.segments.shown == []


def test_it_turns_with_the_picture(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    series.open_paths([marks])
    laid(series, qtbot)
    series.workspace.set_corrections(("rotate_90",))
    qtbot.waitUntil(lambda: len(seen(series)) == 2)
    # Row 2 and column 4 of 20 rows, six high: turned clockwise, row 4 and column 20 - 2 - 6.
    assert (seen(series)[0].row, seen(series)[0].col) == (4, 12)


def test_one_that_marks_nothing_or_lies_beside_says_so(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    outside = Mark(square(2, 3), 1, (0.0, 0.0, 400.0))
    marks.write_bytes(seg([Mark(square(0, 0) * 0, 1, (0.0, 0.0, 2.0)), outside]))
    series.open_paths([marks])
    laid(series, qtbot)
    (card,) = series.findings.segments.cards
    assert card.note.text() == (
        "It marks nothing in these pictures. Made on other pictures; laid on by position. "
        "One of its 2 masks lies on none of these pictures."
    )


@pytest.fixture
def growing(qtbot: QtBot, folder: Path, marks: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Growing]:
    """A window with slices 1 and 2 of the series open and no more found, until the finder is let go."""
    monkeypatch.setattr("medview.workspace.browser.PATIENCE_S", 0.0)
    marks.write_bytes(seg([mark(1, n, 2, 3 + n) for n in range(COUNT)]))
    finder = Halting([folder / f"slice{n}.dcm" for n in (1, 2, 0, 3, 4, 5)], 2)
    window = scanning(qtbot, finder)
    window.open_paths([folder])
    ws = window.workspace
    qtbot.waitUntil(lambda: ws.study is not None and not ws.busy("open"))
    yield window, finder
    finder.go.set()
    window.close()


def test_it_stays_while_its_series_grows_and_lies_on_what_came(growing: Growing, marks: Path, qtbot: QtBot) -> None:
    window, finder = growing
    ws = window.workspace
    window.open_paths([marks])
    laid(window, qtbot)
    qtbot.waitUntil(lambda: len(seen(window)) == 1)
    cards = window.findings.segments.cards
    assert cards
    # Whenever anything is told, it is there and drawn.
    missing: list[int] = []
    for signal in (ws.segments.changed, ws.pictureChanged):
        signal.connect(lambda: missing.append(1) if len(seen(window)) != 1 else None)
    finder.go.set()
    qtbot.waitUntil(lambda: ws.busy("scan") is None)
    assert ws.study is not None
    assert len(ws.study.frames) == COUNT
    laid(window, qtbot)
    assert missing == []
    assert window.findings.segments.cards == cards
    for n in range(COUNT):
        ws.select_frame(n)
        qtbot.waitUntil(lambda n=n: ws.picture is not None and ws.picture.frame is ws.study.frames[n])
        qtbot.waitUntil(lambda n=n: [(one.row, one.col) for one in seen(window)] == [(2, 3 + n)])


def test_a_series_that_grew_while_it_was_read_is_marked_as_a_whole(
    growing: Growing, marks: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It only names its pictures, so that nothing is known of those that came later until it is laid on anew."""
    marks.write_bytes(seg([mark(1, n, 2, 3 + n) for n in range(COUNT)], FrameOfReferenceUID="1.2.3.4"))
    window, finder = growing
    ws = window.workspace
    reading, go = threading.Event(), threading.Event()

    def slow(*given: Any) -> Any:
        found = find(*given)
        reading.set()
        go.wait(20)
        return found

    monkeypatch.setattr("medview.workspace.segmentations.find", slow)
    window.open_paths([marks])
    qtbot.waitUntil(reading.is_set)
    finder.go.set()
    qtbot.waitUntil(lambda: ws.study is not None and len(ws.study.frames) == COUNT)
    go.set()
    laid(window, qtbot)
    ws.select_frame(5)
    qtbot.waitUntil(lambda: [(one.row, one.col) for one in seen(window)] == [(2, 8)])


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
    qtbot.waitUntil(lambda: ws.plane == "coronal")
    laid(series, qtbot)
    assert ws.study is not None
    ws.select_frame(5)
    qtbot.waitUntil(lambda: ws.picture is not None and ws.picture.frame is ws.study.frames[5])
    qtbot.waitUntil(lambda: bool(seen(series)))
    (outline,) = seen(series)
    # Rows of 1 mm from z = 10 down to 0, each in the slice of 2 mm whose middle is nearest, of two the upper one.
    wanted = np.zeros((11, 11), bool)
    for row in range(11):
        n = int((10 - row + 1) // 2)
        wanted[row, n : n + 6] = True
    assert (outline.row, outline.col) == (0, 10)
    np.testing.assert_array_equal(outline.rgba[..., 3] > 0, wanted)
    assert not series.findings.segments.cards[0].note.isVisible()
    series.action("plane_acquired").trigger()
    qtbot.waitUntil(lambda: ws.study is not None and len(ws.study.frames) == COUNT)
    laid(series, qtbot)
    qtbot.waitUntil(lambda: bool(seen(series)))


def test_privacy_hides_where_it_is_from(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    series.open_paths([marks])
    laid(series, qtbot)
    (card,) = series.findings.segments.cards
    assert str(marks) in shown_of(card.title.toolTip())
    series.action("privacy").trigger()
    (card,) = series.findings.segments.cards
    assert marks.name not in f"{card.title.full_text()}{card.title.toolTip()}{card.accessibleName()}"
    series.action("privacy").trigger()
    (card,) = series.findings.segments.cards
    assert str(marks) in shown_of(card.title.toolTip())
