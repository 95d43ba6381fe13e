"""The letters at the edges of the picture: of every plane, turned with it, switched off, and never in what is saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from medview.imaging.geometry import Orientation
from medview.ui.canvas.orientation import draw_orientation
from tests.imaging.make import dicom
from tests.imaging.segs import slices
from tests.ui.conftest import Opened
from tests.ui.fakes import FakeEngine, mri_analysis

COUNT, SIZE = 6, (20, 30)


def pixels(image: QImage) -> np.ndarray:
    """(height, width, 3) RGB."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), -1, 3).copy()


def edges(picture: np.ndarray, behind: np.ndarray) -> tuple[bool, bool, bool, bool]:
    """Whether something is drawn at the left, top, right and bottom edge."""
    drawn = (picture != behind).any(axis=2)
    rows, cols = drawn.shape
    high, wide = slice(rows // 2 - 15, rows // 2 + 15), slice(cols // 2 - 15, cols // 2 + 15)
    found = (drawn[high, :40], drawn[:40, wide], drawn[high, -40:], drawn[-40:, wide])
    # Nothing anywhere else.
    assert sum(int(part.sum()) for part in found) == drawn.sum()
    left, top, right, bottom = (bool(part.any()) for part in found)
    return left, top, right, bottom


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.dcm"
    values = np.full((40, 60), 128, np.uint8)
    path.write_bytes(dicom(values, Modality="DX", PatientOrientation=["L", "F"]))
    return path


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_letters_are_light_with_a_dark_rim_on_any_ground(qapp: object, grey: int) -> None:
    image = QImage(200, 160, QImage.Format.Format_RGB32)
    image.fill(QColor(grey, grey, grey))
    behind = pixels(image)
    painter = QPainter(image)
    draw_orientation(painter, Orientation("R", "AH", "L", "PF"), QRectF(image.rect()))
    painter.end()
    drawn = pixels(image)
    assert edges(drawn, behind) == (True, True, True, True)
    assert drawn.max() >= 232
    assert drawn.min() <= 60


def test_they_stand_at_the_edges_and_are_switched(opened: Opened, film: Path) -> None:
    window = opened(film, auto_analyse=False)
    canvas, action = window.viewer.canvas, window.action("orientation")
    assert action.isChecked()
    assert action.isEnabled()
    with_letters = pixels(canvas.grab().toImage())
    action.trigger()
    assert not action.isChecked()
    assert window.workspace.settings["sides_on"] is False
    without = pixels(canvas.grab().toImage())
    assert edges(with_letters, without) == (True, True, True, True)
    action.trigger()
    assert (pixels(canvas.grab().toImage()) == with_letters).all()


def test_they_stay_at_the_edges_of_the_canvas_when_the_picture_moves(opened: Opened, film: Path) -> None:
    window = opened(film, auto_analyse=False)
    for scale, centre in ((1.0, (30.0, 20.0)), (40.0, (3.0, 3.0))):
        window.workspace.active.set_view(scale=scale, centre=centre)
        window.workspace.set_setting("sides_on", True)
        with_letters = pixels(window.viewer.canvas.grab().toImage())
        window.workspace.set_setting("sides_on", False)
        assert edges(with_letters, pixels(window.viewer.canvas.grab().toImage())) == (True, True, True, True)


def test_a_picture_that_does_not_say_has_none(opened: Opened, grey: Path) -> None:
    window = opened(grey, auto_analyse=False)
    assert not window.action("orientation").isEnabled()
    shown = pixels(window.viewer.canvas.grab().toImage())
    window.workspace.set_setting("sides_on", False)
    assert (pixels(window.viewer.canvas.grab().toImage()) == shown).all()


def test_they_turn_with_a_picture_that_is_put_right(opened: Opened, film: Path, qtbot: QtBot) -> None:
    window = opened(film)
    ws = window.workspace
    assert ws.active.picture is not None
    assert ws.active.picture.frame.orientation == Orientation("R", "H", "L", "F")
    ws.active.set_corrections(("invert", "rotate_90"))
    assert ws.active.picture.frame.orientation == Orientation("F", "R", "H", "L")
    assert window.action("orientation").isEnabled()
    qtbot.waitUntil(lambda: ws.active.analysis is not None)


def test_every_plane_has_its_own(opened: Opened, tmp_path: Path, qtbot: QtBot) -> None:
    slices(tmp_path, COUNT, SIZE)
    window = opened(tmp_path / "slice0.dcm", auto_analyse=False)
    ws = window.workspace
    qtbot.waitUntil(lambda: ws.active.study is not None and len(ws.active.study.frames) == COUNT)
    seen = {}
    for plane in ("axial", "coronal", "sagittal", None):
        ws.active.show_plane(plane)
        qtbot.waitUntil(lambda plane=plane: ws.active.plane == plane and not ws.active.busy("plane"))
        assert ws.active.picture is not None
        seen[plane] = ws.active.picture.frame.orientation
    assert seen == {
        None: Orientation("R", "A", "L", "P"),
        "axial": Orientation("R", "A", "L", "P"),
        "coronal": Orientation("R", "H", "L", "F"),
        "sagittal": Orientation("A", "H", "P", "F"),
    }


def test_they_are_not_saved(opened: Opened, film: Path, tmp_path: Path, qtbot: QtBot) -> None:
    window = opened(film, FakeEngine(mri_analysis))
    saved = []
    for on in (True, False):
        window.workspace.set_setting("sides_on", on)
        (tmp_path / str(on)).mkdir()
        with qtbot.waitSignal(window.workspace.saved) as told:
            window.workspace.save_results(tmp_path / str(on))
        saved.append({path.name: path.read_bytes() for path in told.args[0] if path.suffix == ".png"})
    assert saved[0]
    assert saved[0] == saved[1]
