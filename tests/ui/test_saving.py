"""What the window saves: the picture as it is seen, under names that take nothing from anybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from medview.core.failures import Code, Failure
from medview.imaging.study import Frame
from medview.imaging.window import Window
from medview.report import export
from medview.ui.window import MainWindow
from medview.workspace import saving
from medview.workspace.view import Picture
from tests.ui.conftest import Opened
from tests.ui.fakes import FakeEngine, chest_analysis, mri_analysis

VALUES = np.tile(np.arange(100, dtype=np.uint8), (80, 1))


def read(path: Path) -> np.ndarray:
    return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def saved(folder: Path, name: str = "IM000001", inverted: bool = False, by_user: bool = False) -> list[Path]:
    frame = Frame(Path(name), 0, 80, 100, "CR", lambda: VALUES, inverted)
    what = saving.ToSave(chest_analysis(frame), Picture(frame, VALUES, VALUES, Window(50, 100)), by_user)
    files = saving.save(what, folder)
    assert isinstance(files, list)
    return files


@pytest.mark.parametrize(("inverted", "by_user"), [(False, False), (True, False), (False, True), (True, True)])
def test_polarity_of_file_and_user_is_kept(tmp_path: Path, inverted: bool, by_user: bool) -> None:
    files = saved(tmp_path, inverted=inverted, by_user=by_user)
    picture = read(next(path for path in files if path.suffix == ".png"))[70, :100].astype(int).sum(axis=1)
    brighter_to_the_right = picture[95] > picture[5]
    assert brighter_to_the_right == (inverted == by_user)


def test_two_patients_with_one_file_name_are_both_kept(tmp_path: Path) -> None:
    first, second = saved(tmp_path), saved(tmp_path)
    assert not set(first) & set(second)
    assert all(path.exists() for path in (*first, *second))
    assert [files[-1].name for files in (first, second)] == ["IM000001__results.json", "IM000001-2__results.json"]


def test_a_long_name_can_be_saved(tmp_path: Path) -> None:
    files = saved(tmp_path, "é" * 120)
    assert files[-1].name == "é" * 50 + "__results.json"
    row = json.loads(files[-1].read_text(encoding="utf-8"))
    assert row["schema"] == 1


@pytest.mark.parametrize("privacy", [False, True])
def test_the_view_and_privacy_reach_the_saver(
    qtbot: QtBot, opened: Any, grey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, privacy: bool
) -> None:
    window: MainWindow = opened(grey)
    told: list[tuple[saving.ToSave, bool]] = []

    def lines(analysis: Any, frame: Frame, result: Any, label: Any, private: bool) -> list[str]:
        told.append((what[-1], private))
        return ["A line"]

    what: list[saving.ToSave] = []
    save = saving.save
    monkeypatch.setattr(saving, "save", lambda w, folder: (what.append(w), save(w, folder))[1])
    monkeypatch.setattr(export, "caption_lines", lines)
    window.workspace.set_setting("privacy", privacy)
    window.workspace.active.set_view(window=Window(10, 20), inverted=True)
    with qtbot.waitSignal(window.workspace.saved):
        window.workspace.save_results(tmp_path / "out")
    assert told
    assert {private for _, private in told} == {privacy}
    assert what[0].picture.window == Window(10, 20)
    assert what[0].inverted


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


def test_a_frame_is_saved_under_the_name_the_command_line_gives_it(
    qtbot: QtBot, opened: Opened, stack: Path, tmp_path: Path
) -> None:
    window = opened(stack, FakeEngine(mri_analysis))
    window.workspace.save_results(tmp_path / "out")
    qtbot.waitUntil(lambda: window.bar.isVisible())
    assert (tmp_path / "out" / "stack-frame0__results.json").exists()
