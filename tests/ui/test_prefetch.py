"""Opening one slice shows its series; scrolling it is decoded ahead; archives open in the window."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from tests.imaging.make import dicom
from tests.ui.conftest import Opened
from tests.ui.finders import slice_at
from tests.ui.operate import shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten slices, the names in the opposite order of the positions, and one of another series."""
    for z in range(10):
        (tmp_path / f"{9 - z}.dcm").write_bytes(slice_at(z))
    (tmp_path / "other.dcm").write_bytes(slice_at(3, "1.3"))
    return tmp_path


def test_one_slice_shows_its_series_at_that_slice(opened: Opened, folder: Path, qtbot: QtBot) -> None:
    window = opened(folder / "3.dcm", auto_analyse=False)
    ws = window.workspace
    qtbot.waitUntil(lambda: ws.active.study is not None and len(ws.active.study.frames) == 10)
    assert (ws.active.frame_index, shown(window)) == (6, 6)
    assert ws.active.study is not None
    assert ws.active.study.description == "DICOM MR, 30 x 20 pixels, series of 10"
    assert window.viewer.frames.isVisible()
    ws.active.step_frame(1)
    qtbot.waitUntil(lambda: shown(window) == 7)
    assert ws.active.busy("open") is None
    ws.active.select_frame(0)
    qtbot.waitUntil(lambda: shown(window) == 0)


def test_the_title_says_whose_picture_it_is(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(dicom(np.zeros((20, 30), np.uint8), PatientName="Müller^Ünal", SpecificCharacterSet="ISO_IR 192"))
    title = opened(path, auto_analyse=False).viewer.title
    assert title.name.full_text() == "a.dcm"
    assert (title.who.full_text(), title.facts.full_text()) == ("Müller, Ünal", "DICOM MR, 30 x 20 pixels")


def test_frames_around_are_decoded_ahead(opened: Opened, folder: Path, qtbot: QtBot) -> None:
    window = opened(folder / "4.dcm", auto_analyse=False)
    ws = window.workspace
    qtbot.waitUntil(lambda: ws.active.study is not None and len(ws.active.study.frames) == 10)
    ws.active.step_frame(1)
    qtbot.waitUntil(lambda: shown(window) == 6)
    qtbot.waitUntil(lambda: ws.active.busy("ahead") is None)
    for z in (7, 8, 9):
        ws.active.step_frame(1)
        assert shown(window) == z  # at once: no job was needed


def test_an_archive_opens_at_its_middle(opened: Opened, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "scan.zip"
    with zipfile.ZipFile(path, "w") as file:
        for z in range(5):
            file.writestr(f"{9 - z}.dcm", slice_at(z))
    window = opened(path, auto_analyse=False)
    assert (window.workspace.active.frame_index, shown(window)) == (2, 2)
    window.workspace.active.step_frame(1)
    qtbot.waitUntil(lambda: shown(window) == 3)


def test_a_slice_gets_the_window_of_its_series_when_that_is_found(opened: Opened, tmp_path: Path, qtbot: QtBot) -> None:
    """Files without a window: the slice is shown in its own until the others are found, then all of them in one."""
    for z in range(5):
        levels = np.linspace(0, 100 * (z + 1), 600).reshape(20, 30).astype(np.int16)
        data = dicom(
            levels, SeriesInstanceUID="1.2", SOPInstanceUID=f"1.2.{z}", PixelSpacing=[1, 1],
            ImagePositionPatient=[0, 0, z], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        )  # fmt: skip
        (tmp_path / f"{z}.dcm").write_bytes(data)
    window = opened(tmp_path / "1.dcm", auto_analyse=False)
    ws = window.workspace
    qtbot.waitUntil(lambda: ws.active.study is not None and len(ws.active.study.frames) == 5)

    def common() -> bool:
        assert ws.active.study is not None
        assert ws.active.picture is not None
        shared = ws.active.study.frames[0].shared
        return shared is not None and ws.active.busy("window") is None and ws.active.picture.window == shared.window()

    qtbot.waitUntil(common)
    first = ws.active.picture and ws.active.picture.window
    assert first is not None
    assert first.high > 400
    ws.active.step_frame(1)
    qtbot.waitUntil(
        lambda: (
            ws.active.frame_index == 2
            and ws.active.picture is not None
            and ws.active.picture.frame.path.name == "2.dcm"
        )
    )
    assert ws.active.picture is not None
    assert ws.active.picture.window == first
