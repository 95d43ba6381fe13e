"""Stepping through series: wheel, keys, sliders, points in time; where files open; the right button."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medview.imaging.series import read_folder
from medview.ui.canvas.canvas import Canvas
from medview.ui.window import MainWindow
from tests.imaging.make import dicom
from tests.ui.conftest import MakeWindow, Opened

NO, CTRL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)


def slice_at(z: int, time: int = 0, **more: object) -> bytes:
    """A slice whose values are ten times its position plus its point in time. An element that is None is left out."""
    elements: dict[str, object] = {
        "SeriesInstanceUID": "1.2", "SOPInstanceUID": f"1.2.{z + 1}.{time + 1}", "PixelSpacing": [1, 1],
        "ImagePositionPatient": [0, 0, 2 * z], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "TemporalPositionIdentifier": time + 1, "InstanceNumber": 100 * time + z,
    }  # fmt: skip
    given = {key: element for key, element in {**elements, **more}.items() if element is not None}
    return dicom(np.full((20, 30), 10 * z + time, np.uint8), **given)


def write_series(folder: Path, positions: int, times: int = 1, **more: object) -> Path:
    folder.mkdir()
    for z in range(positions):
        for time in range(times):
            (folder / f"{z:02}-{time}.dcm").write_bytes(slice_at(z, time, **more))
    return folder


def ready(window: MainWindow) -> bool:
    ws = window.workspace
    return ws.active.picture is not None and not any(
        ws.busy(lane) or ws.active.busy(lane) for lane in ("open", "scan", "series")
    )


def shown(window: MainWindow) -> int:
    """The value of the picture that is shown."""
    assert window.workspace.active.picture is not None
    return int(window.workspace.active.picture.values[0, 0])


Series = Callable[..., MainWindow]


@pytest.fixture
def series(make_window: MakeWindow, tmp_path: Path, qtbot: QtBot) -> Series:
    """A window with a series of so many positions and points in time, at its middle position."""

    def make(positions: int, times: int = 1) -> MainWindow:
        window = make_window(auto_analyse=False)
        window.open_paths([write_series(tmp_path / f"{positions} x {times}", positions, times)])
        qtbot.waitUntil(lambda: ready(window))
        return window

    return make


def turn(
    canvas: Canvas, angle: int = 0, pixels: int = 0, held: Qt.KeyboardModifier = NO,
    phase: Qt.ScrollPhase = Qt.ScrollPhase.NoScrollPhase,
) -> None:  # fmt: skip
    """The wheel, by eighths of a degree, or a trackpad, by pixels; away from the user is positive."""
    place = QPointF(60, 50)
    event = QWheelEvent(
        place,
        canvas.mapToGlobal(place),
        QPoint(0, pixels),
        QPoint(0, angle),
        Qt.MouseButton.NoButton,
        held,
        phase,
        False,
    )
    QApplication.sendEvent(canvas, event)
    assert event.isAccepted()


# ---- wheel ----


def test_the_wheel_steps_through_a_series(series: Series, qtbot: QtBot) -> None:
    window = series(9)
    canvas, scale = window.viewer.canvas, window.workspace.active.view.scale
    assert shown(window) == 40
    turn(canvas, -120)
    qtbot.waitUntil(lambda: shown(window) == 50)
    turn(canvas, 240)
    qtbot.waitUntil(lambda: shown(window) == 30)
    # A wheel that is flung goes to the end, not beyond.
    turn(canvas, -12000)
    qtbot.waitUntil(lambda: shown(window) == 80)
    turn(canvas, -120)
    assert window.workspace.active.frame_index == 8
    assert window.workspace.active.view.scale == scale


def test_fine_steps_of_a_trackpad_add_up(series: Series, qtbot: QtBot) -> None:
    window = series(9)
    ws, canvas = window.workspace, window.viewer.canvas
    for _ in range(7):
        turn(canvas, -15)
    assert ws.active.frame_index == 4
    turn(canvas, -15)
    assert ws.active.frame_index == 5
    # Another direction, and another stroke, begin anew.
    turn(canvas, -90)
    turn(canvas, 60)
    assert ws.active.frame_index == 5
    turn(canvas, 60)
    assert ws.active.frame_index == 4
    turn(canvas, -100)
    turn(canvas, -100, phase=Qt.ScrollPhase.ScrollBegin)
    assert ws.active.frame_index == 4
    # One that tells nothing but pixels.
    turn(canvas, pixels=-20)
    turn(canvas, pixels=-20)
    assert ws.active.frame_index == 5


def test_ctrl_and_wheel_zoom_at_the_pointer(series: Series) -> None:
    window = series(3)
    canvas, before = window.viewer.canvas, window.viewer.canvas.transform()
    turn(canvas, 240, held=CTRL)
    after = canvas.transform()
    assert before is not None
    assert after is not None
    assert after.scale == pytest.approx(before.scale * 1.44)
    assert after.to_image(60, 50) == pytest.approx(before.to_image(60, 50))
    assert window.workspace.active.frame_index == 1


# ---- keys ----


def test_keys_go_one_ten_and_all_the_way(series: Series, qtbot: QtBot) -> None:
    window = series(25)
    ws, keys = window.workspace, Qt.Key
    at = [ws.active.frame_index]
    for key in (keys.Key_PageDown, keys.Key_PageDown, keys.Key_Up, keys.Key_PageUp, keys.Key_Home, keys.Key_End):
        qtbot.keyClick(window.viewer.canvas, key)
        at.append(ws.active.frame_index)
    assert at == [12, 22, 24, 23, 13, 0, 24]
    qtbot.waitUntil(lambda: ready(window) and shown(window) == 240)


def test_after_a_click_in_the_list_the_picture_has_the_keys(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "in").mkdir()
    for name, uid in (("a", "1.7"), ("b", "1.8")):
        for z in range(5):
            (tmp_path / "in" / f"{name}{z}.dcm").write_bytes(
                slice_at(z, SeriesInstanceUID=uid, SOPInstanceUID=f"{uid}.{z + 1}")
            )
    window = make_window(auto_analyse=False)
    window.open_paths([tmp_path / "in"])
    qtbot.waitUntil(lambda: ready(window))
    view, ws = window.files.view, window.workspace
    window.findings.setFocus()
    row = window.files.model.index_of(ws.listing.entries[1].key)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(row).center())
    assert window.viewer.canvas.hasFocus()
    qtbot.waitUntil(lambda: ready(window) and ws.index_of(ws.active) == 1 and ws.active.entry is ws.listing.entries[1])
    assert window.viewer.canvas.hasFocus()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: shown(window) == 30)
    assert ws.index_of(ws.active) == 1


def test_a_series_is_told_by_its_slices_in_the_panel_as_well(qtbot: QtBot, series: Series) -> None:
    window = series(5)
    assert window.viewer.frames.position.text.text() == "Slice 3 of 5"
    window.workspace.active.analyse()
    qtbot.waitUntil(lambda: window.workspace.active.analysis is not None)
    assert window.findings.slice.full_text() == "Slice 3"


def test_list_picture_and_panel_have_room_in_the_smallest_window(series: Series) -> None:
    window = series(12, 10)
    window.workspace.set_setting("list_on", True)
    window.files.setVisible(True)
    window.findings.setVisible(True)
    QApplication.processEvents()
    least = window.minimumSizeHint()
    assert least.width() <= window.minimumWidth()
    # And no button has to hide.
    assert window.toolbar.sizeHint().width() <= window.minimumWidth()
    assert least.height() <= window.minimumHeight()


# ---- time ----


def test_a_dynamic_series_has_two_sliders(series: Series, qtbot: QtBot) -> None:
    window = series(5, 4)
    ws, row = window.workspace, window.viewer.frames
    assert ws.active.grid == (5, 4)
    assert (ws.active.place, shown(window)) == ((2, 0), 20)
    assert (row.position.text.text(), row.time.text.text()) == ("Slice 3 of 5", "Time 1 of 4")
    assert row.position.isVisible()
    assert row.time.isVisible()
    row.time.slider.setValue(3)
    qtbot.waitUntil(lambda: shown(window) == 23)
    row.position.slider.setValue(4)
    qtbot.waitUntil(lambda: shown(window) == 43)
    assert (row.position.slider.value(), row.time.slider.value()) == (4, 3)


def test_what_comes_next_is_decoded_ahead_in_space_and_in_time(series: Series, qtbot: QtBot) -> None:
    window = series(9, 4)
    ws = window.workspace
    qtbot.waitUntil(lambda: ws.active.busy("ahead") is None)
    assert ws.active.place == (4, 0)
    frames = ws.active.study.frames if ws.active.study else ()
    kept = {divmod(n, 4) for n, frame in enumerate(frames) if ws.active.key(frame) in ws._pictures}
    assert kept == {(position, 0) for position in range(1, 8)} | {(4, 1), (3, 3)}


def test_wheel_and_keys_keep_the_point_in_time_or_the_position(series: Series, qtbot: QtBot) -> None:
    window = series(5, 4)
    ws, canvas = window.workspace, window.viewer.canvas
    for key, place in (
        (Qt.Key.Key_Period, (2, 1)),
        (Qt.Key.Key_Down, (3, 1)),
        (Qt.Key.Key_Home, (0, 1)),
        (Qt.Key.Key_Comma, (0, 0)),
        (Qt.Key.Key_Comma, (0, 0)),
        (Qt.Key.Key_End, (4, 0)),
    ):
        qtbot.keyClick(canvas, key)
        assert ws.active.place == place
    qtbot.keyClick(canvas, Qt.Key.Key_Down, CTRL)
    assert ws.active.place == (4, 1)
    turn(canvas, -120, held=SHIFT)
    assert ws.active.place == (4, 2)
    turn(canvas, 120)
    assert ws.active.place == (3, 2)
    qtbot.waitUntil(lambda: ready(window) and shown(window) == 32)


def test_a_series_of_one_position_has_time_alone(series: Series, qtbot: QtBot) -> None:
    window = series(1, 6)
    ws, row = window.workspace, window.viewer.frames
    assert ws.active.grid == (1, 6)
    assert (row.position.isVisible(), row.time.isVisible()) == (False, True)
    turn(window.viewer.canvas, -120)
    assert ws.active.place == (0, 1)
    qtbot.keyClick(window.viewer.canvas, Qt.Key.Key_End)
    assert ws.active.place == (0, 5)


def test_a_series_without_time_has_no_such_keys(series: Series) -> None:
    window = series(4)
    assert not window.viewer.frames.time.isVisible()
    assert not window.action("next_time").isEnabled()
    assert window.action("next_frame").isEnabled()


@pytest.mark.parametrize(
    ("missing", "grid"),
    [
        ((), (4, 3)),
        # 9 frames, three a position by count, yet not so: positions 0 and 3 have one and two.
        (((0, 1), (0, 2), (3, 0)), (9, 1)),
        (((1, 2),), (11, 1)),
    ],
)
def test_positions_that_lack_points_in_time_make_no_grid(
    tmp_path: Path, missing: tuple[tuple[int, int], ...], grid: tuple[int, int]
) -> None:
    # Told apart by their numbers alone: repeats that say so become series of their own.
    folder = write_series(tmp_path / "in", 4, 3, TemporalPositionIdentifier=None)
    for z, time in missing:
        (folder / f"{z:02}-{time}.dcm").unlink()
    (found,) = read_folder(sorted(folder.iterdir())).series
    assert found.time_points == 3
    assert found.grid == grid


# ---- where a file opens ----


@pytest.mark.parametrize(("more", "at"), [({}, 0), ({"RepresentativeFrameNumber": 4}, 3)])
def test_a_file_of_several_frames_opens_where_it_says_else_at_its_first(
    opened: Opened, tmp_path: Path, more: dict[str, int], at: int
) -> None:
    path = tmp_path / "us.dcm"
    frames = np.arange(6, dtype=np.uint8)[:, None, None].repeat(20, 1).repeat(30, 2)
    path.write_bytes(dicom(frames, NumberOfFrames=6, Modality="US", **more))
    window = opened(path, auto_analyse=False)
    assert (window.workspace.active.frame_index, shown(window)) == (at, at)
    assert window.viewer.frames.position.text.text() == f"Frame {at + 1} of 6"


def test_slices_in_several_files_open_in_the_middle_at_the_first_point_in_time(tmp_path: Path) -> None:
    (slices,) = read_folder(sorted(write_series(tmp_path / "mr", 7, 2).iterdir())).series
    assert (slices.grid, slices.opens_at) == ((7, 2), 6)


# ---- the right button ----


def test_a_right_drag_zooms_where_it_began(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey, auto_analyse=False)
    canvas, before = window.viewer.canvas, window.viewer.canvas.transform()
    asked: list[QPoint] = []
    canvas.menuAsked.disconnect()
    canvas.menuAsked.connect(asked.append)
    for end, factor in ((-60, 2**0.5), (60, 1.0), (120, 0.5)):
        window.workspace.active.set_view(scale=None, centre=None)
        qtbot.mousePress(canvas, Qt.MouseButton.RightButton, NO, QPoint(100, 150))
        qtbot.mouseMove(canvas, QPoint(100, 150 - 30))
        qtbot.mouseMove(canvas, QPoint(100, 150 + end))
        qtbot.mouseRelease(canvas, Qt.MouseButton.RightButton, NO, QPoint(100, 150 + end))
        after = canvas.transform()
        assert before is not None
        assert after is not None
        assert after.scale == pytest.approx(before.scale * 2 ** (-end / 120)), factor
        assert after.to_image(100, 150) == pytest.approx(before.to_image(100, 150))
    assert asked == []


def test_a_right_click_and_the_menu_key_open_the_menu(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey, auto_analyse=False)
    canvas, before = window.viewer.canvas, window.viewer.canvas.transform()
    menu = window.context_menu()
    texts = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert texts == [
        "Fit", "Actual size", "Window", "Invert", "Reset view", "Heatmap", "Mask", "Orientation letters", "Plane",
        "Privacy", "DICOM tags…", "Save result images…",
    ]  # fmt: skip
    asked: list[QPoint] = []
    canvas.menuAsked.disconnect()
    canvas.menuAsked.connect(asked.append)
    qtbot.mouseClick(canvas, Qt.MouseButton.RightButton, pos=QPoint(90, 90))
    assert asked == [canvas.mapToGlobal(QPoint(90, 90))]
    inside = QPoint(1, 1)
    keyboard, mouse = QContextMenuEvent.Reason.Keyboard, QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(canvas, QContextMenuEvent(keyboard, inside, canvas.mapToGlobal(inside)))
    assert asked[1:] == [canvas.mapToGlobal(canvas.rect().center())]
    # What the system makes of a press of the right button opens nothing twice.
    QApplication.sendEvent(canvas, QContextMenuEvent(mouse, inside, canvas.mapToGlobal(inside)))
    assert len(asked) == 2
    assert canvas.transform() == before


def test_the_menu_of_the_picture_opens_again_and_again(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey, auto_analyse=False)
    for _ in range(3):
        menu = window.context_menu()
        assert menu.testAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        with qtbot.waitSignal(menu.destroyed):
            menu.deleteLater()
        # They are parts of the menu bar and of the button of windows, and stay with them.
        assert window.menus["plane"].title() == "Plane"
        assert window.viewer.facts.window_menu.title() == "Window"


def test_there_is_no_menu_of_a_picture_where_there_is_none(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    with qtbot.assertNotEmitted(window.viewer.canvas.menuAsked):
        qtbot.mouseClick(window.viewer.canvas, Qt.MouseButton.RightButton)
