"""The left-hand column in the real window: series as one row each, growing, thumbnails, cancelling."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medview.core.settings import Settings
from medview.ui import browser_rows
from medview.ui.browser import ListColumn
from medview.ui.window import MainWindow
from medview.workspace import Workspace, opening, thumbnails
from medview.workspace.listing import Entry
from tests.imaging.make import dicom
from tests.ui.conftest import MakeWindow, shown_of, write_png
from tests.ui.fakes import FakeEngine
from tests.ui.finders import Halting, scanning, slice_at
from tests.ui.operate import shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine slices with one missing after the third, three of another series, a picture, and a text."""
    for z in (0, 1, 2, 4, 5, 6, 7, 8, 9):
        (tmp_path / f"{9 - z}.dcm").write_bytes(slice_at(z))
    for z in range(3):
        (tmp_path / f"other {z}.dcm").write_bytes(slice_at(20 + z, "1.3"))
    write_png(tmp_path / "photo.png", np.full((30, 60), 200, np.uint8))
    (tmp_path / "notes.txt").write_text("hello")
    return tmp_path


def ready(window: MainWindow) -> bool:
    ws = window.workspace
    return ws.active.picture is not None and not any(ws.busy(lane) or ws.active.busy(lane) for lane in ("scan", "open"))


@pytest.fixture
def listed(make_window: MakeWindow, folder: Path, qtbot: QtBot) -> MainWindow:
    window = make_window(auto_analyse=False)
    window.open_paths([folder])
    qtbot.waitUntil(lambda: ready(window))
    return window


def titles(window: MainWindow) -> list[str]:
    model = window.files.model
    return [model.index(n).data() for n in range(model.rowCount())]


def test_a_folder_of_dicom_is_listed_by_series(listed: MainWindow, qtbot: QtBot) -> None:
    ws = listed.workspace
    assert titles(listed) == [
        "No patient name",
        "MR",
        "MR",
        "Files",
        "photo.png",
        "Cannot be shown",
        "notes.txt",
    ]
    assert listed.files.heading.full_text() == "2 series, 2 files"
    # It opened at the middle of the first series, which is one stack.
    assert ws.active.study is not None
    assert (len(ws.active.study.frames), ws.active.frame_index, shown(listed)) == (9, 4, 5)
    assert listed.files.view.currentIndex().row() == 1
    assert "Missing slices after" in listed.files.model.index(1).data(Qt.ItemDataRole.ToolTipRole)
    assert ws.recent == [ws.active.study.path.parent]


def test_a_click_shows_a_series_from_its_middle_and_headings_are_passed_over(listed: MainWindow, qtbot: QtBot) -> None:
    ws, view = listed.workspace, listed.files.view
    qtbot.mouseClick(
        view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(listed.files.model.index(2)).center()
    )
    qtbot.waitUntil(lambda: ready(listed) and shown(listed) == 21)
    ws.active.step_frame(1)
    qtbot.waitUntil(lambda: shown(listed) == 22)
    qtbot.mouseClick(
        view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(listed.files.model.index(3)).center()
    )
    assert ws.index_of(ws.active) == 1
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: ready(listed) and ws.active.title == "photo.png")
    qtbot.keyClick(view, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: ready(listed) and shown(listed) == 21)


def test_rows_get_small_pictures_of_their_middle(listed: MainWindow, qtbot: QtBot) -> None:
    ws = listed.workspace
    first, second, photo, text = ws.listing.entries
    qtbot.waitUntil(lambda: all(ws.thumbnails.get(entry.key) is not None for entry in (first, second, photo)))
    small = ws.thumbnails.get(photo.key)
    assert small is not None
    assert small.shape == (30, 60)
    assert ws.thumbnails.get(text.key) is None
    assert {listed.files.view.visualRect(listed.files.model.index(n)).height() for n in range(7)} == {
        browser_rows.HEIGHT
    }


def test_a_row_whose_picture_is_broken_is_marked_before_anybody_opens_it(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    for name in ("a.png", "c.png"):
        write_png(tmp_path / name, np.zeros((9, 9), np.uint8))
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    window = make_window(auto_analyse=False)
    window.open_paths([tmp_path])
    qtbot.waitUntil(lambda: any(window.workspace.listing.tried.values()))
    tip = window.files.model.index(1).data(Qt.ItemDataRole.ToolTipRole)
    assert str(tmp_path / "b.png") in tip
    assert len(tip.splitlines()) == 3


def test_of_files_none_of_which_can_be_shown_the_list_is_pointed_at(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    window = make_window()
    window.open_paths([tmp_path])
    qtbot.waitUntil(lambda: window.workspace.active.failure is not None)
    assert window.workspace.active.failure == opening.none_opened(2)
    assert window.viewer.failure.message is not None
    assert "None of the 2 files can be shown." in window.viewer.failure.message.accessibleName()


@pytest.mark.expected_logs
def test_the_small_pictures_after_one_on_which_medview_fails_still_come(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png", "c.png"):
        write_png(tmp_path / name, np.zeros((9, 9), np.uint8))
    made = thumbnails.thumbnail

    def defect(entry: Entry, *rest: Any) -> Any:
        if entry.path.name == "b.png":
            raise ValueError("a defect of medview")
        return made(entry, *rest)

    monkeypatch.setattr(thumbnails, "thumbnail", defect)
    window = make_window(auto_analyse=False)
    window.open_paths([tmp_path])
    qtbot.waitUntil(lambda: window.workspace.thumbnails.get(tmp_path / "c.png") is not None)
    assert window.workspace.thumbnails.get(tmp_path / "b.png") is None


def test_only_rows_near_the_screen_get_small_pictures(make_window: MakeWindow, tmp_path: Path, qtbot: QtBot) -> None:
    for number in range(200):
        write_png(tmp_path / f"{number:03}.png", np.zeros((9, 9), np.uint8))
    window = make_window(auto_analyse=False)
    window.open_paths([tmp_path])
    ws = window.workspace
    qtbot.waitUntil(lambda: ready(window) and ws.thumbnails.get(tmp_path / "000.png") is not None)
    qtbot.waitUntil(lambda: ws.busy("thumbnails") is None)
    made = sum(ws.thumbnails.get(entry.key) is not None for entry in ws.listing.entries)
    on_screen = window.files.view.viewport().height() // browser_rows.HEIGHT + 2
    assert on_screen <= made <= 2 * on_screen
    bar = window.files.view.verticalScrollBar()
    bar.setValue(bar.maximum())
    qtbot.waitUntil(lambda: ws.thumbnails.get(tmp_path / "199.png") is not None)


def test_a_series_that_is_shown_grows_with_the_list(
    qtbot: QtBot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medview.workspace.browser.PATIENCE_S", 0.0)
    finder = Halting([folder / f"{n}.dcm" for n in (0, 1, 2, 3, 4, 5, 7, 8, 9)], 1)
    window = scanning(qtbot, finder)
    ws = window.workspace
    window.open_paths([folder])
    qtbot.waitUntil(lambda: ws.active.picture is not None)
    assert ws.busy("scan") is not None
    assert (len(ws.active.study.frames), shown(window)) == (1, 9)  # type: ignore[union-attr]
    picture = ws.active.picture
    finder.go.set()
    qtbot.waitUntil(lambda: ws.busy("scan") is None)
    assert (len(ws.active.study.frames), ws.active.frame_index) == (9, 8)  # type: ignore[union-attr]
    # Not decoded again, though a window for the whole series may have been measured on it.
    assert ws.active.picture.values is picture.values  # type: ignore[union-attr]
    assert window.viewer.frames.position.slider.value() == 8
    window.close()


def test_scrolling_lets_the_list_grow_on(qtbot: QtBot, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medview.workspace.browser.PATIENCE_S", 0.0)
    monkeypatch.setattr("medview.workspace.listing.LEAST_SECONDS", 0.0)
    monkeypatch.setattr("medview.workspace.listing.SHARE", 1e9)
    finder = Halting([folder / f"{n}.dcm" for n in (0, 1, 2, 3, 4, 5, 7, 8, 9)], 6)
    window = scanning(qtbot, finder)
    ws = window.workspace
    window.open_paths([folder])
    qtbot.waitUntil(
        lambda: ws.active.study is not None and len(ws.active.study.frames) == 6 and ws.active.busy("open") is None
    )
    for step in (-1, -1, 1, 1):
        ws.active.step_frame(step)
        qtbot.waitUntil(lambda: ws.active.busy("open") is None and ws.active.busy("ahead") is None)
    assert ws.busy("scan") is not None
    finder.go.set()
    qtbot.waitUntil(lambda: len(ws.active.study.frames) == 9)  # type: ignore[union-attr]
    window.close()


def test_cancelling_leaves_what_was_found(qtbot: QtBot, tmp_path: Path) -> None:
    paths = [write_png(tmp_path / f"{n}.png", np.zeros((9, 9), np.uint8)) for n in range(4)]
    finder = Halting(paths, 2)
    window = scanning(qtbot, finder)
    ws = window.workspace
    window.open_paths([tmp_path])
    qtbot.waitUntil(lambda: ws.active.picture is not None)
    assert window.files.heading.full_text().endswith("…")
    window.action("cancel").trigger()
    assert ws.busy("scan") is None
    finder.go.set()
    qtbot.wait(50)
    assert [entry.path for entry in ws.listing.entries] == paths[:1]
    assert ws.active.title == "0.png"
    assert not window.files.heading.full_text().endswith("…")
    window.close()


def test_an_archive_of_several_series_is_listed_by_series(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    path = tmp_path / "disc.zip"
    with zipfile.ZipFile(path, "w") as file:
        for uid in ("1.2", "1.3"):
            for z in range(3):
                file.writestr(f"{uid}-{z}.dcm", slice_at(z + (10 if uid == "1.3" else 0), uid))
    window = make_window(auto_analyse=False)
    window.open_paths([path])
    qtbot.waitUntil(lambda: ready(window))
    ws = window.workspace
    assert titles(window) == ["disc.zip", "MR", "MR"]
    assert (len(ws.active.study.frames), shown(window)) == (3, 1)  # type: ignore[union-attr]
    assert ws.recent == [path]
    ws.step_entry(1)
    qtbot.waitUntil(lambda: ready(window) and shown(window) == 11)
    qtbot.waitUntil(lambda: all(ws.thumbnails.get(entry.key) is not None for entry in ws.listing.entries))


def test_a_damaged_slice_does_not_speak_against_its_series(make_window: MakeWindow, folder: Path, qtbot: QtBot) -> None:
    middle = folder / "4.dcm"
    middle.write_bytes(middle.read_bytes()[:-300])
    window = make_window(auto_analyse=False)
    window.open_paths([folder])
    qtbot.waitUntil(lambda: ready(window))
    ws = window.workspace
    assert ws.active.study is not None
    assert len(ws.active.study.frames) in (8, 9)
    assert ws.listing.failure(ws.listing.entries[0]) is None


def test_the_memory_for_pictures_is_a_setting(make_window: MakeWindow) -> None:
    assert make_window().workspace._pictures.limit_bytes == 256 * 1024 * 1024
    assert make_window(picture_bytes=32 * 1024 * 1024).workspace._pictures.limit_bytes == 32 * 1024 * 1024


def test_a_list_is_emptied_for_the_next_one(listed: MainWindow, folder: Path, qtbot: QtBot) -> None:
    ws = listed.workspace
    key = ws.listing.entries[0].key
    qtbot.waitUntil(lambda: ws.thumbnails.get(key) is not None)
    listed.open_paths([folder / "photo.png"])
    qtbot.waitUntil(lambda: ready(listed) and ws.active.title == "photo.png")
    assert titles(listed) == ["photo.png"]
    assert not listed.files.isVisible()
    assert ws.thumbnails.get(key) is None


def test_what_could_not_be_read_is_tried_again_when_it_is_chosen(
    listed: MainWindow, folder: Path, qtbot: QtBot
) -> None:
    ws = listed.workspace
    ws.select_entry(3)
    qtbot.waitUntil(lambda: ws.active.failure is not None)
    assert listed.files.model.index(6).data(Qt.ItemDataRole.FontRole).italic()
    write_png(folder / "good.png", np.zeros((9, 9), np.uint8)).rename(folder / "notes.txt")
    ws.select_entry(3)
    qtbot.waitUntil(lambda: ws.active.picture is not None)
    assert listed.files.model.index(6).data(Qt.ItemDataRole.FontRole) is None


def test_markup_in_names_is_shown_as_it_is(make_window: MakeWindow, tmp_path: Path, qtbot: QtBot) -> None:
    for n in range(2):
        pixels = np.full((9, 9), n, np.uint8)
        (tmp_path / f"{n}.dcm").write_bytes(
            dicom(pixels, SeriesInstanceUID=f"1.{n}", SeriesDescription="<h1>big</h1>", PatientName="<b>Bold</b>")
        )
    window = make_window(auto_analyse=False)
    window.open_paths([tmp_path])
    qtbot.waitUntil(lambda: ready(window))
    model = window.files.model
    tips = [shown_of(model.index(n).data(Qt.ItemDataRole.ToolTipRole)) for n in range(2)]
    assert tips[0] == "<b>Bold</b>"
    assert tips[1].startswith("<h1>big</h1>\n")
    assert titles(window)[:2] == ["<b>Bold</b>", "<h1>big</h1>"]


def test_a_list_that_grows_on_both_sides_of_the_shown_entry_opens_no_other(qtbot: QtBot) -> None:
    workspace = Workspace(Settings(), FakeEngine)
    column = ListColumn(workspace)
    qtbot.addWidget(column)
    entries = [Entry(name, Path(name)) for name in "abcde"]
    workspace.listing.take(entries[::2])
    workspace.listingChanged.emit()
    workspace.active.ask(entries[2])
    assert column.view.currentIndex().row() == 1
    workspace.listing.take(entries)
    workspace.listingChanged.emit()
    assert workspace.active.asked is entries[2]
    assert workspace.active.busy("open") is None
    assert column.view.currentIndex().row() == 2
    assert workspace.close()
