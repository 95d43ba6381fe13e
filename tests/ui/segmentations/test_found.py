"""Segmentations find the series they were made on: beside them, in the list, while it grows; or are refused."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from medview.core.failures import Code
from medview.ui.browser_rows import subtitle, title
from medview.ui.window import MainWindow
from medview.workspace import opening
from medview.workspace.listing import Group, Heading
from medview.workspace.outlines import find
from medview.workspace.prefetch import AHEAD
from tests.imaging.segs import seg, slices
from tests.ui.conftest import MakeWindow, Opened
from tests.ui.finders import Halting, scanning
from tests.ui.segmentations.marked import COUNT, SIZE, laid, mark, seen, two_segments

Growing = tuple[MainWindow, Halting]


def test_beside_its_series_it_opens_the_series(make_window: MakeWindow, folder: Path, qtbot: QtBot) -> None:
    (folder / "marks.dcm").write_bytes(two_segments())
    (folder / "notes.txt").write_text("nothing")
    window = make_window(auto_analyse=False)
    window.open_paths([folder / "marks.dcm"])
    laid(window, qtbot)
    ws = window.workspace
    assert ws.active.failure is None
    assert ws.active.study is not None
    assert len(ws.active.study.frames) == COUNT
    # The slice in the middle of those it marks.
    qtbot.waitUntil(lambda: bool(seen(window)))
    assert ws.active.frame_index == 1


def test_one_that_gzip_packed_opens_its_series_as_well(make_window: MakeWindow, folder: Path, qtbot: QtBot) -> None:
    packed = folder / "marks.dcm.gz"
    packed.write_bytes(gzip.compress(two_segments()))
    window = make_window(auto_analyse=False)
    window.open_paths([packed])
    laid(window, qtbot)
    assert window.workspace.active.study is not None
    assert len(window.workspace.active.study.frames) == COUNT


def test_without_its_pictures_it_is_refused_and_says_what_to_do(opened: Opened, marks: Path) -> None:
    window = opened(marks)
    failure = window.workspace.active.failure
    assert failure is not None
    assert failure.code is Code.SEGMENTATION
    assert "segmentation" in failure.text
    assert failure.hint.startswith("Open the pictures it was made on first")
    assert window.workspace.active.study is None


def test_over_other_pictures_it_is_refused_and_they_stay(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    marks.write_bytes(seg([mark(1, 0, 2, 3, "1.77")], FrameOfReferenceUID="1.2.3.4"))
    series.open_paths([marks])
    qtbot.waitUntil(lambda: series.bar.isVisible())
    ws = series.workspace
    assert ws.active.failure is None
    assert ws.active.picture is not None
    assert ws.active.segmentations.shown == []
    assert "made on other pictures" in series.bar.text.text()


def test_refused_while_a_slice_is_decoded_the_slice_that_is_shown_is_the_current_one(
    series: MainWindow, marks: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    pane, hangs = series.workspace.active, threading.Event()
    shown, wanted = pane.frame_index, 0
    assert shown - wanted > AHEAD
    monkeypatch.setattr(opening, "decode", lambda frame: hangs.wait(10) and None)
    pane.select_frame(wanted)
    assert pane.frame_index == wanted
    marks.write_bytes(seg([mark(1, 0, 2, 3, "1.77")], FrameOfReferenceUID="1.2.3.4"))
    series.open_paths([marks])
    qtbot.waitUntil(lambda: series.bar.isVisible())
    assert pane.frame_index == shown
    hangs.set()
    monkeypatch.undo()
    # It can be asked for again.
    pane.select_frame(wanted)
    qtbot.waitUntil(lambda: pane.picture is not None and pane.picture.frame.path.name == "slice0.dcm")


def test_a_damaged_one_says_so(series: MainWindow, marks: Path, qtbot: QtBot) -> None:
    marks.write_bytes(two_segments(SegmentationType="FRACTIONAL"))
    series.open_paths([marks])
    qtbot.waitUntil(lambda: series.bar.isVisible())
    assert series.workspace.active.segmentations.shown == []
    assert "contradicts itself" in series.bar.text.text()


def test_a_click_in_the_list_lays_it_on_and_the_series_stays_current(
    make_window: MakeWindow, folder: Path, qtbot: QtBot
) -> None:
    (folder / "marks.dcm").write_bytes(two_segments())
    window = make_window(auto_analyse=False)
    window.open_paths([folder])
    ws = window.workspace
    qtbot.waitUntil(lambda: ws.active.picture is not None and not ws.busy("scan") and not ws.active.busy("open"))
    place = next(n for n, entry in enumerate(ws.listing.entries) if entry.path.name == "marks.dcm")
    shown = ws.index_of(ws.active)
    headings = [row for row in ws.listing.rows if isinstance(row, Heading)]
    assert [(row.group, row.count) for row in headings] == [(Group.STUDY, 1), (Group.SEGMENTATIONS, 1)]
    assert [title(headings[1]), subtitle(headings[1])] == ["Segmentations", "1 file"]
    ws.select_entry(place)
    laid(window, qtbot)
    assert ws.active.failure is None
    assert ws.index_of(ws.active) == shown
    assert ws.active.segmentations.shown[0].laid is not None
    assert ws.active.segmentations.shown[0].laid.own


def test_of_several_series_in_the_list_its_own_is_opened(make_window: MakeWindow, folder: Path, qtbot: QtBot) -> None:
    slices(folder, 3, SIZE, series="1.9", name="other", SeriesNumber=9, FrameOfReferenceUID="1.2.98")
    source = [mark(1, 1, 2, 3, "1.9")]
    (folder / "marks.dcm").write_bytes(seg(source, FrameOfReferenceUID="1.2.98"))
    window = make_window(auto_analyse=False)
    window.open_paths([folder])
    ws = window.workspace
    qtbot.waitUntil(lambda: ws.active.picture is not None and not ws.busy("scan") and not ws.active.busy("open"))
    ws.select_entry(
        next(n for n, entry in enumerate(ws.listing.entries) if entry.series and len(entry.series.frames) == 6)
    )
    qtbot.waitUntil(
        lambda: ws.active.study is not None and len(ws.active.study.frames) == COUNT and not ws.active.busy("open")
    )
    window.open_paths([folder / "marks.dcm"])
    laid(window, qtbot)
    assert ws.active.study is not None
    assert len(ws.active.study.frames) == 3
    qtbot.waitUntil(lambda: bool(seen(window)))
    assert ws.active.frame_index == 1


def test_the_answer_is_that_of_the_picture_it_went_to(make_window: MakeWindow, folder: Path, qtbot: QtBot) -> None:
    """Its series was looked at before: its pictures are at hand when it is opened again."""
    slices(folder, 3, SIZE, series="1.9", name="other", SeriesNumber=9)
    (folder / "marks.dcm").write_bytes(two_segments())
    window = make_window()
    ws = window.workspace
    window.open_paths([folder])
    qtbot.waitUntil(lambda: ws.active.analysis is not None and not ws.busy("scan"))
    sizes = [len(entry.series.frames) if entry.series else 0 for entry in ws.listing.entries]
    for size in (COUNT, 3):
        ws.select_entry(sizes.index(size))
        qtbot.waitUntil(lambda size=size: ws.active.study is not None and len(ws.active.study.frames) == size)
        qtbot.waitUntil(lambda: ws.active.analysis is not None and not ws.active.busy("ahead"))
    window.open_paths([folder / "marks.dcm"])
    laid(window, qtbot)
    qtbot.waitUntil(lambda: bool(seen(window)))
    qtbot.waitUntil(lambda: ws.active.analysis is not None and not ws.active.busy("open"))
    assert ws.active.picture is not None
    assert ws.active.analysis is not None
    assert ws.active.picture.frame.path == folder / "slice1.dcm"
    assert ws.active.analysis.file == str(folder / "slice1.dcm")


@pytest.fixture
def growing(qtbot: QtBot, folder: Path, marks: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Growing]:
    """A window with slices 1 and 2 of the series open and no more found, until the finder is let go."""
    monkeypatch.setattr("medview.workspace.browser.PATIENCE_S", 0.0)
    marks.write_bytes(seg([mark(1, n, 2, 3 + n) for n in range(COUNT)]))
    finder = Halting([folder / f"slice{n}.dcm" for n in (1, 2, 0, 3, 4, 5)], 2)
    window = scanning(qtbot, finder)
    window.open_paths([folder])
    ws = window.workspace
    qtbot.waitUntil(lambda: ws.active.study is not None and not ws.active.busy("open"))
    yield window, finder
    finder.go.set()
    window.close()


def test_it_stays_while_its_series_grows_and_lies_on_what_came(growing: Growing, marks: Path, qtbot: QtBot) -> None:
    window, finder = growing
    ws = window.workspace
    window.open_paths([marks])
    laid(window, qtbot)
    qtbot.waitUntil(lambda: len(seen(window)) == 1)
    boxes = window.findings.segments.boxes
    assert boxes
    # Whenever anything is told, it is there and drawn.
    missing: list[int] = []
    for signal in (ws.active.segmentations.changed, ws.pictureChanged):
        signal.connect(lambda: missing.append(1) if len(seen(window)) != 1 else None)
    finder.go.set()
    qtbot.waitUntil(lambda: ws.busy("scan") is None)
    assert ws.active.study is not None
    assert len(ws.active.study.frames) == COUNT
    laid(window, qtbot)
    assert missing == []
    assert window.findings.segments.boxes == boxes
    for n in range(COUNT):
        ws.active.select_frame(n)
        # By path: what was decoded ahead before the series grew is of the frame as it was then.
        path = ws.active.study.frames[n].path
        qtbot.waitUntil(lambda path=path: ws.active.picture is not None and ws.active.picture.frame.path == path)
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
    qtbot.waitUntil(lambda: ws.active.study is not None and len(ws.active.study.frames) == COUNT)
    go.set()
    laid(window, qtbot)
    ws.active.select_frame(5)
    qtbot.waitUntil(lambda: [(one.row, one.col) for one in seen(window)] == [(2, 8)])
