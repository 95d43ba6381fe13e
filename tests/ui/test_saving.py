"""What the window saves: the picture as it is seen, under names that take nothing from anybody."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from medview.core.failures import Code, Failure
from medview.imaging.open import open_path
from medview.imaging.study import Frame, Series, Study
from medview.imaging.window import Window
from medview.inference.analysis import Analysis
from medview.inference.corrections import Correction
from medview.report import saver
from medview.report.saver import first_seen
from medview.ui.window import MainWindow
from medview.workspace.opening import corrected_picture, decode
from medview.workspace.saving import seen
from medview.workspace.view import Picture, ViewState
from tests.imaging.make import dicom
from tests.ui.conftest import Opened, write_png
from tests.ui.fakes import FakeEngine, mri_analysis, skin_analysis
from tests.ui.operate import steady
from tests.ui.test_canvas import at_actual_size

VIEW = ViewState()
# Nothing of so little evidence is drawn: the saved picture is the one that is seen.
FAINT = np.full((7, 7), 0.2, np.float32)
RAMP = np.arange(60 * 80).reshape(60, 80) % 251
PICTURES: dict[str, Callable[[], bytes]] = {
    "grey": lambda: saver.png(RAMP.astype(np.uint8)),
    "grey as colour": lambda: saver.png(np.dstack([RAMP.astype(np.uint8)] * 3)),
    "colour": lambda: saver.png(np.dstack([RAMP, RAMP // 2, 255 - RAMP]).astype(np.uint8)),
    "MONOCHROME2": lambda: dicom(RAMP.astype(np.int16) - 60, WindowCenter="40", WindowWidth="150"),
    "MONOCHROME1": lambda: dicom(RAMP.astype(np.uint16), PhotometricInterpretation="MONOCHROME1"),
}
CORRECTIONS: tuple[tuple[Correction, ...], ...] = ((), ("invert",), ("invert", "rotate_90"))


def read(path: Path | str) -> np.ndarray:
    return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def faint(frame: Frame, force: bool = False) -> Analysis:
    found = skin_analysis(frame)
    return replace(found, results=(replace(found.results[0], heatmaps={"mel": FAINT}),))


def save(qtbot: QtBot, window: MainWindow, folder: Path) -> list[Path]:
    """The files that the window writes of what it shows."""
    with qtbot.waitSignal(window.workspace.saved) as done:
        window.workspace.save_results(folder)
    return done.args[0]


@pytest.mark.parametrize("name", PICTURES)
def test_the_saved_picture_is_the_one_that_is_seen(qtbot: QtBot, opened: Opened, tmp_path: Path, name: str) -> None:
    """Pixel by pixel, whoever swapped black and white: the file, a correction, the user, or several of them."""
    path = tmp_path / ("a.dcm" if name.startswith("MONO") else "a.png")
    path.write_bytes(PICTURES[name]())
    window = opened(path, FakeEngine(faint), heatmap_on=False, sides_on=False)
    pane = window.workspace.active
    upright = None
    for corrections, by_user in itertools.product(CORRECTIONS, (False, True)):
        pane.set_corrections(corrections)
        qtbot.waitUntil(lambda: steady(window))
        pane.set_view(inverted=by_user)
        rows, cols = (80, 60) if "rotate_90" in corrections else (60, 80)
        _, shown = at_actual_size(window, rows, cols)
        picture, _ = save(qtbot, window, tmp_path / "out")
        np.testing.assert_array_equal(read(picture)[:rows, :cols], shown)
        seen = np.rot90(shown) if "rotate_90" in corrections else shown
        upright = seen if upright is None else upright
        swapped = ("invert" in corrections) != by_user
        # Through a window one grey level may be cut off the other way round.
        difference = seen.astype(int) - (255 - upright.astype(int) if swapped else upright)
        assert np.abs(difference).max() <= (1 if name.startswith("MONO") else 0)


def test_the_users_window_is_kept(qtbot: QtBot, opened: Opened, grey: Path, tmp_path: Path) -> None:
    window = opened(grey, FakeEngine(faint), heatmap_on=False)
    window.workspace.active.set_view(window=Window.from_range(10, 30), inverted=True)
    _, shown = at_actual_size(window, 60, 80)
    picture, _ = save(qtbot, window, tmp_path / "out")
    assert set(np.unique(shown)) >= {0, 255}
    np.testing.assert_array_equal(read(picture)[:60, :80], shown)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("corrections", CORRECTIONS)
def test_the_command_line_saves_what_the_window_shows_first(
    tmp_path: Path, name: str, corrections: tuple[Correction, ...]
) -> None:
    path = tmp_path / "a"
    path.write_bytes(PICTURES[name]())
    study = open_path(path)
    assert isinstance(study, Study)
    frame = study.frames[0]
    picture, values = decode(frame), frame.modality_values()
    assert isinstance(picture, Picture)
    assert isinstance(values, np.ndarray)
    ours, theirs = first_seen(frame, values, corrections), seen(study, corrected_picture(picture, corrections), VIEW)
    assert ours == theirs
    np.testing.assert_array_equal(ours.image(), theirs.image())


def test_two_patients_with_one_file_name_are_both_kept(qtbot: QtBot, opened: Opened, tmp_path: Path) -> None:
    """Two `IM0001` of two folders, and one of them once more: each result names its own files and its own picture."""
    out = tmp_path / "out"
    paths = [tmp_path / name / "IM0001.png" for name in ("CD1", "CD2")]
    for path, level in zip(paths, (40, 200), strict=True):
        path.parent.mkdir()
        write_png(path, np.full((60, 80), level, np.uint8))
    window = opened(paths[0], FakeEngine(faint))
    pane = window.workspace.active
    kept: dict[str, bytes] = {}
    stems = []
    for path, level in ((paths[0], 40), (paths[1], 200), (paths[0], 40)):
        window.open_paths([path])
        qtbot.waitUntil(lambda path=path: pane.study is not None and pane.study.path == path and steady(window))
        *pictures, table = save(qtbot, window, out)
        row = json.loads(table.read_text(encoding="utf-8"))
        assert row["file"] == str(path)
        assert [row["results"][0]["heatmaps"]["mel"]] == list(map(str, pictures))
        assert (read(pictures[0])[:60, :80] == level).all()
        stems.append(table.name.removesuffix("__results.json"))
        kept |= {file.name: file.read_bytes() for file in (*pictures, table)}
    assert stems == ["IM0001", "IM0001-2", "IM0001-3"]
    assert {name: (out / name).read_bytes() for name in os.listdir(out)} == kept


def test_a_save_does_not_stop_the_one_before(qtbot: QtBot, opened: Opened, grey: Path, tmp_path: Path) -> None:
    window = opened(grey, FakeEngine(faint))
    ws, pane = window.workspace, window.workspace.active
    files: list[Path] = []
    failures: list[Failure] = []
    ws.saved.connect(files.extend)
    ws.actionFailed.connect(failures.append)
    (tmp_path / "file").write_text("")
    for inverted, folder in ((False, "out"), (True, "out"), (False, "file"), (False, "out")):
        pane.set_view(inverted=inverted)
        ws.save_results(tmp_path / folder)
    qtbot.waitUntil(lambda: len(files) == 6)
    pictures, tables = files[::2], files[1::2]
    assert [table.name for table in tables] == [f"{grey.stem}{number}__results.json" for number in ("", "-2", "-3")]
    upright, swapped, again = (read(picture)[:60, :80] for picture in pictures)
    assert (upright == 255 - swapped).all()
    assert (upright == again).all()
    assert [failure.code for failure in failures] == [Code.WRITE_ERROR]
    assert ws.busy("save") is None


def test_frames_of_one_file_are_kept_apart(qtbot: QtBot, opened: Opened, stack: Path, tmp_path: Path) -> None:
    window = opened(stack, FakeEngine(faint))
    pane = window.workspace.active
    for index in (0, 3):
        pane.select_frame(index)
        qtbot.waitUntil(lambda index=index: pane.analysis is not None and pane.analysis.frame == index)
        qtbot.waitUntil(lambda: steady(window))
        picture, table = save(qtbot, window, tmp_path / "out")
        assert table.name == f"stack-frame{index}__results.json"
        assert (read(picture)[:60, :80] == 20 * (index + 1)).all()


@pytest.mark.parametrize(("indices", "many"), [((0,), False), ((0, 1), True)])
def test_only_a_file_of_several_pictures_has_their_number_in_the_name(indices: tuple[int, ...], many: bool) -> None:
    """A slice of a series of files is called like its file, as the command line calls it."""
    frames = [Frame(Path("a"), index, 1, 1, "", lambda: np.zeros((1, 1), np.uint8)) for index in indices]
    other = replace(frames[0], path=Path("b"))
    study = Study(Path("a"), "", (Series("", (*frames, other)),))
    picture = decode(frames[0])
    assert isinstance(picture, Picture)
    assert seen(study, picture, VIEW).many == many
    assert not study.shares_file(other)


def test_a_long_name_can_be_saved(qtbot: QtBot, opened: Opened, tmp_path: Path) -> None:
    path = write_png(tmp_path / ("é" * 120 + ".png"), RAMP.astype(np.uint8))
    *_, table = save(qtbot, opened(path), tmp_path / "out")
    assert table.name == "é" * 50 + "__results.json"
    assert json.loads(table.read_text(encoding="utf-8"))["schema"] == 1


@pytest.mark.parametrize("privacy", [False, True])
def test_privacy_reaches_the_captions(
    qtbot: QtBot, opened: Opened, grey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, privacy: bool
) -> None:
    told: list[bool] = []

    def lines(analysis: Any, frame: Frame, result: Any, label: Any, private: bool) -> list[str]:
        told.append(private)
        return ["A line"]

    monkeypatch.setattr(saver, "caption_lines", lines)
    window = opened(grey)
    window.workspace.set_setting("privacy", privacy)
    save(qtbot, window, tmp_path / "out")
    assert told == [privacy]


# ---- what the window says of it ----


def test_results_are_saved_and_the_bar_says_so(qtbot: QtBot, opened: Opened, grey: Path, tmp_path: Path) -> None:
    window = opened(grey, FakeEngine(mri_analysis))
    out = tmp_path / "out é ж 你"
    window.workspace.save_results(out)
    qtbot.waitUntil(lambda: window.bar.isVisible())
    assert window.bar.text.text() == "3 files were saved."
    stem = grey.stem
    assert sorted(path.name for path in out.iterdir()) == [
        f"{stem}__brain-tumour-mask__mask-overlay.png",
        f"{stem}__brain-tumour-mask__mask.png",
        f"{stem}__results.json",
    ]
    table = json.loads((out / f"{stem}__results.json").read_text(encoding="utf-8"))
    assert table["results"][0]["mask"]["path"].endswith("__mask.png")


def test_a_failed_save_is_said_in_the_bar(qtbot: QtBot, opened: Opened, grey: Path, tmp_path: Path) -> None:
    window = opened(grey)
    (tmp_path / "file").write_text("")
    window.workspace.save_results(tmp_path / "file")
    qtbot.waitUntil(lambda: window.bar.isVisible())
    assert "could not be written" in window.bar.text.text()
    assert "Choose another folder" in window.bar.hint.text()
    assert str(tmp_path / "file") in window.bar.text.text()


def test_a_message_goes_when_something_else_is_opened_or_saved(
    qtbot: QtBot, opened: Opened, grey: Path, colour: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = opened(grey)
    failure = Failure(Code.WRITE_ERROR, "It could not be written.", "")
    window.workspace.actionFailed.emit(failure)
    assert window.bar.isVisible()
    window.open_paths([colour])
    assert not window.bar.isVisible()
    qtbot.waitUntil(lambda: window.workspace.active.analysis is not None)
    window.workspace.actionFailed.emit(failure)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "out"))
    monkeypatch.setattr(window.workspace, "save_results", lambda folder: None)
    window.ask_save()
    qtbot.waitUntil(lambda: not window.bar.isVisible())
