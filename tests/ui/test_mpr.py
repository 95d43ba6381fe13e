"""A series in other planes: what is computed, where it lies, and that the rest of the program takes it as a series."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from medview.imaging.mpr import AXES, MAX_SIDE, MAX_SLICES, mpr_study
from medview.imaging.series import read_folder
from medview.imaging.volume import MprPlane, Volume, read_volume
from medview.imaging.window import Window
from medview.ui import words
from medview.ui.window import MainWindow
from medview.workspace import mpr
from tests.imaging.make import dicom
from tests.ui.conftest import MakeWindow
from tests.ui.fakes import FakeEngine
from tests.ui.operate import texts

SLICES, ROWS, COLS = 5, 6, 8


def write_series(folder: Path, gap: int | None = None, **elements: object) -> list[Path]:
    """Slices 2 mm apart of pixels of 1 mm; the value at (x, y, z) mm is 10 x + y + 100 z, so linear everywhere."""
    y, x = np.mgrid[0:ROWS, 0:COLS]
    paths = []
    for n in range(SLICES):
        z = 2 * n + (4 if gap is not None and n >= gap else 0)
        path = folder / f"{SLICES - n}.dcm"
        path.write_bytes(
            dicom(
                (10 * x + y + 100 * z).astype(np.uint16), SeriesInstanceUID="1.2", SOPInstanceUID=f"1.2.{n + 1}",
                PixelSpacing=[1, 1], ImagePositionPatient=[-3, -2, z - 4], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                SeriesDescription="Head", WindowCenter=400, WindowWidth=900, **elements,
            )
        )  # fmt: skip
        paths.append(path)
    return paths


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_series(tmp_path)
    return tmp_path


def value(x: float, y: float, z: float) -> float:
    """At patient coordinates, mm."""
    return 10 * (x + 3) + (y + 2) + 100 * (z + 4)


@pytest.mark.parametrize(
    ("name", "count", "size"), [("axial", 5, (6, 8)), ("coronal", 6, (9, 8)), ("sagittal", 8, (9, 6))]
)
def test_slices_hold_the_values_of_their_places(
    folder: Path, name: MprPlane, count: int, size: tuple[int, int]
) -> None:
    (series,) = read_folder(sorted(folder.iterdir())).series
    volume = read_volume(series)
    assert isinstance(volume, Volume)
    study = mpr_study(volume, series, folder, name)
    assert len(study.frames) == count
    positions = []
    for frame in study.frames:
        assert (frame.rows, frame.cols) == size
        assert (frame.spacing_mm, frame.aspect, frame.modality) == ((1.0, 1.0), 1.0, "MR")
        assert frame.place is not None
        plane = frame.place.plane
        assert plane is not None
        values = frame.modality_values()
        assert isinstance(values, np.ndarray)
        assert values.dtype == np.uint16
        expected = [[value(*plane.to_patient(row, col)) for col in range(size[1])] for row in range(size[0])]
        np.testing.assert_array_equal(values, np.rint(expected))
        positions.append(plane.position[AXES[name]])
    step = 2.0 if name == "axial" else 1.0
    np.testing.assert_allclose(np.diff(positions), step)
    assert study.frames[0].window == Window(400, 900)
    assert study.description == f"{size[1]} x {size[0]} pixels of 1 mm, computed from 5 slices"


def test_a_spacing_too_small_to_be_true_does_not_fill_the_memory() -> None:
    affine = np.diag([1e-5, 1.0, 100.0, 1.0])[[2, 1, 0, 3]]
    volume = Volume(np.zeros((3, 4, 5), np.int16), affine)
    from medview.imaging.study import Frame, Series

    frame = Frame(Path("x"), 0, 4, 5, "MR", lambda: np.zeros((4, 5)))
    for name in AXES:
        study = mpr_study(volume, Series("", (frame,)), Path("x"), name)
        assert len(study.frames) <= MAX_SLICES + 1
        assert max(study.frames[0].rows, study.frames[0].cols) <= MAX_SIDE + 1


def test_positions_are_said_by_side(folder: Path) -> None:
    (series,) = read_folder(sorted(folder.iterdir())).series
    volume = read_volume(series)
    assert isinstance(volume, Volume)
    said = {}
    for name in AXES:
        frames = mpr_study(volume, series, folder, name).frames
        said[name] = [words.position(name, frames[n]) for n in (0, -1)]
    assert said == {
        "sagittal": ["R 3.0 mm", "L 4.0 mm"], "coronal": ["A 2.0 mm", "P 3.0 mm"], "axial": ["F 4.0 mm", "H 4.0 mm"],
    }  # fmt: skip


# ---- in the window ----


def ready(window: MainWindow) -> bool:
    ws = window.workspace
    return ws.active.picture is not None and not any(
        ws.busy(lane) or ws.active.busy(lane) for lane in ("scan", "open", "plane")
    )


Listed = Callable[..., MainWindow]


@pytest.fixture
def listed(make_window: MakeWindow, folder: Path, qtbot: QtBot) -> Listed:
    def make(engine: FakeEngine | None = None, **settings: object) -> MainWindow:
        window = make_window(engine, **settings)
        window.open_paths([folder])
        qtbot.waitUntil(lambda: ready(window) and window.workspace.active.busy("analyse") is None)
        return window

    return make


def show_plane(window: MainWindow, name: str, qtbot: QtBot) -> None:
    window.action(f"plane_{name}").trigger()
    qtbot.waitUntil(lambda: ready(window) and window.workspace.active.plane == (None if name == "acquired" else name))


def test_a_series_is_shown_in_another_plane_and_back(listed: Listed, qtbot: QtBot) -> None:
    engine = FakeEngine()
    window = listed(engine)
    ws = window.workspace
    acquired = ws.active.study
    ws.active.step_frame(1)
    qtbot.waitUntil(lambda: ready(window) and ws.active.frame_index == 3)
    qtbot.waitUntil(lambda: len(engine.requests) == 2)
    show_plane(window, "coronal", qtbot)
    assert window.viewer.title.name.full_text() == "Coronal, P 0.0 mm · Head"
    assert window.viewer.title.facts.full_text() == "8 x 9 pixels of 1 mm, computed from 5 slices"
    assert window.viewer.frames.position.text.text() == "Slice 3 of 6"
    assert [window.action(f"plane_{name}").isChecked() for name in ("acquired", "axial", "coronal", "sagittal")] == [
        False, False, True, False,
    ]  # fmt: skip
    window.action("plane_coronal").trigger()
    assert window.action("plane_coronal").isChecked(), "chosen again, it stays the plane that is shown"
    window.viewer.frames.position.slider.setValue(5)
    qtbot.waitUntil(lambda: ready(window) and window.viewer.title.name.full_text() == "Coronal, P 3.0 mm · Head")
    assert ws.active.picture is not None
    assert ws.active.picture.values[0, 0] == value(-3, 3, 4)
    show_plane(window, "sagittal", qtbot)
    assert window.viewer.title.name.full_text() == "Sagittal, L 0.0 mm · Head"
    show_plane(window, "acquired", qtbot)
    assert ws.active.study is acquired
    assert ws.active.frame_index == 3
    assert window.viewer.title.name.full_text() == "Head"
    assert len(engine.requests) == 2


def test_no_model_runs_on_what_was_computed_and_the_panel_says_so(listed: Listed, qtbot: QtBot) -> None:
    engine = FakeEngine()
    window = listed(engine)
    assert len(engine.requests) == 1
    show_plane(window, "axial", qtbot)
    window.workspace.active.analyse()
    qtbot.wait(350)
    assert len(engine.requests) == 1
    assert window.workspace.active.analysis is None
    assert not window.action("analyse").isEnabled()
    shown = texts(window.findings)
    assert "No model looks at this picture: it was computed from the slices" in shown
    assert "Finding" not in shown
    window.findings.widgets[0].findChildren(type(window.notice.accept))[0].click()
    qtbot.waitUntil(lambda: window.workspace.active.plane is None)
    assert "Worth a look: Melanoma" in texts(window.findings)


def test_window_and_polarity_go_along_but_not_the_zoom(listed: Listed, qtbot: QtBot) -> None:
    window = listed(auto_analyse=False)
    ws = window.workspace
    ws.active.set_view(window=Window(50, 60), preset="", inverted=True, scale=3.0, centre=(1.0, 1.0))
    show_plane(window, "coronal", qtbot)
    assert (ws.active.view.window, ws.active.view.inverted, ws.active.view.scale) == (Window(50, 60), True, None)
    ws.active.set_view(window=Window(70, 80))
    show_plane(window, "acquired", qtbot)
    assert (ws.active.view.window, ws.active.view.inverted, ws.active.view.scale) == (Window(70, 80), True, 3.0)


def test_a_series_that_cannot_be_resampled_says_why_and_stays(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    write_series(tmp_path, gap=2)
    window = make_window(auto_analyse=False)
    window.open_paths([tmp_path])
    qtbot.waitUntil(lambda: ready(window))
    picture = window.workspace.active.picture
    window.action("plane_coronal").trigger()
    qtbot.waitUntil(lambda: window.bar.isVisible())
    assert "The distance of its slices is not the same everywhere." in window.bar.text.text()
    assert "one by one" in window.bar.hint.text()
    assert (window.workspace.active.plane, window.workspace.active.picture) == (None, picture)
    assert window.action("plane_acquired").isChecked()
    assert not window.action("plane_coronal").isChecked()


def test_a_colour_series_is_not_resampled(make_window: MakeWindow, tmp_path: Path, qtbot: QtBot) -> None:
    for n in range(3):
        pixels = np.full((4, 5, 3), (40 * n, 10, 0), np.uint8)
        (tmp_path / f"{n}.dcm").write_bytes(
            dicom(
                pixels, SeriesInstanceUID="1.2", SOPInstanceUID=f"1.2.{n + 1}", PixelSpacing=[1, 1],
                ImagePositionPatient=[0, 0, n], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            )
        )  # fmt: skip
    window = make_window(auto_analyse=False)
    window.open_paths([tmp_path])
    qtbot.waitUntil(lambda: ready(window))
    window.action("plane_axial").trigger()
    qtbot.waitUntil(lambda: "in colour" in window.bar.text.text())


def test_building_can_be_cancelled(listed: Listed, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    window = listed(auto_analyse=False)
    go = threading.Event()

    def slow(series: object, time: int, step: Callable[[int], None]) -> None:
        step(2)
        go.wait(5)
        step(3)

    monkeypatch.setattr(mpr, "read_volume", slow)
    window.action("plane_coronal").trigger()
    title = window.viewer.title
    qtbot.waitUntil(lambda: title.bar.value() == 400)
    assert title.facts.full_text() == "Reading the slices…"
    assert title.stop.isVisible()
    title.stop.click()
    go.set()
    assert window.workspace.active.busy("plane") is None
    assert window.workspace.active.plane is None
    assert not title.stop.isVisible()


def test_the_volume_is_read_once_and_let_go(
    listed: Listed, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, grey: Path, request: pytest.FixtureRequest
) -> None:
    window = listed(auto_analyse=False)
    ws = window.workspace
    made: list[weakref.ref[Volume]] = []

    def counted(*args: object) -> object:
        volume = read_volume(*args)  # type: ignore[arg-type]
        made.append(weakref.ref(volume))  # type: ignore[arg-type]
        return volume

    monkeypatch.setattr(mpr, "read_volume", counted)
    request.addfinalizer(gc.enable)
    gc.disable()  # nothing may wait for the collector
    for name in ("coronal", "axial", "sagittal"):
        show_plane(window, name, qtbot)
        ws.active.step_frame(1)
        qtbot.waitUntil(lambda: ready(window) and ws.active.busy("ahead") is None)
    assert len(made) == 1
    window.open_paths([grey])
    qtbot.waitUntil(lambda: ready(window) and ws.active.title == grey.name)
    assert ws.active.plane is None
    assert not window.action("plane_coronal").isEnabled()
    qtbot.waitUntil(lambda: made[0]() is None)


def test_a_narrow_window_does_not_hide_where_the_slice_lies(listed: Listed, qtbot: QtBot) -> None:
    window = listed(auto_analyse=False)
    show_plane(window, "coronal", qtbot)
    name = window.viewer.title.name
    name.setFixedWidth(name.fontMetrics().horizontalAdvance("Coronal, P 0.0 mm …"))
    qtbot.waitUntil(lambda: name.text().endswith("…"))
    assert name.text().startswith("Coronal, P 0.0 mm")
