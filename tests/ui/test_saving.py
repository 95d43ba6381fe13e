"""What the window saves: the picture as it is seen, under names that take nothing from anybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from medview.imaging.study import Frame
from medview.imaging.window import Window
from medview.report import export
from medview.ui.window import MainWindow
from medview.workspace import saving
from medview.workspace.view import Picture
from tests.ui.fakes import chest_analysis

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
    window.workspace.set_view(window=Window(10, 20), inverted=True)
    with qtbot.waitSignal(window.workspace.saved):
        window.workspace.save_results(tmp_path / "out")
    assert told
    assert {private for _, private in told} == {privacy}
    assert what[0].picture.window == Window(10, 20)
    assert what[0].inverted
