"""The canvas, to the pixel: what it draws is what the window function and the overlay say."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medview.imaging.study import Frame
from medview.imaging.window import Window, render
from medview.inference.analysis import Analysis
from medview.inference.region import Region
from medview.report import overlay
from medview.ui.canvas.canvas import Canvas
from medview.ui.canvas.picture_layers import DRAWING_RGBA
from medview.ui.window import MainWindow
from tests.imaging.make import dicom
from tests.ui.conftest import Opened, write_png
from tests.ui.fakes import FakeEngine, mri_analysis, skin_analysis


def pixels(canvas: Canvas) -> np.ndarray:
    """What the canvas shows, (height, width, 3) RGB."""
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), -1, 3).copy()


def at_actual_size(window: MainWindow, rows: int, cols: int) -> tuple[Canvas, np.ndarray]:
    """The part of the canvas that shows the picture at one pixel on one pixel, on whole pixels."""
    canvas = window.viewer.canvas
    # An even distance to the middle puts the corners of the picture on whole pixels.
    canvas.resize(canvas.width() // 2 * 2, canvas.height() // 2 * 2)
    window.workspace.active.set_view(scale=1.0, centre=(cols / 2, rows / 2))
    port = canvas.transform()
    assert port is not None
    left, top = round(port.left), round(port.top)
    assert (left, top) == (port.left, port.top)
    return canvas, pixels(canvas)[top : top + rows, left : left + cols]


def window_now(window: MainWindow) -> Window | None:
    """The window the picture is seen through."""
    picture = window.workspace.active.picture
    return window.workspace.active.view.window_of(picture) if picture else None


def ramp(rows: int = 60, cols: int = 80) -> np.ndarray:
    y, x = np.mgrid[0:rows, 0:cols]
    return (y + x).astype(np.uint8)


def test_grey_is_shown_as_it_is(opened: Opened, grey: Path) -> None:
    _, shown = at_actual_size(opened(grey), 60, 80)
    assert (shown == ramp()[:, :, None]).all()


def test_drawings_padding_and_tall_pixels(opened: Opened, tmp_path: Path) -> None:
    drawn = np.zeros((30, 40), np.uint8)
    drawn[5:8, 10:20] = 1
    grey = np.tile(np.arange(40, dtype=np.int16) * 10, (30, 1))
    grey[:, :4] = -2000
    path = tmp_path / "drawn.dcm"
    elements = {"WindowCenter": "200", "WindowWidth": "400", "PixelPaddingValue": -2000, "PixelAspectRatio": ["2", "1"]}
    path.write_bytes(with_overlay(dicom(grey, PhotometricInterpretation="MONOCHROME1", **elements), drawn))
    window = opened(path)
    canvas = window.viewer.canvas
    canvas.resize(canvas.width() // 4 * 4, canvas.height() // 4 * 4)
    window.workspace.active.set_view(scale=1.0, centre=(20, 15))
    port = canvas.transform()
    assert port is not None
    assert port.aspect == 2
    shown = pixels(canvas)[round(port.top) : round(port.top) + 60, round(port.left) : round(port.left) + 40]
    expected = render(grey, Window(200, 400), inverted=True, padding=(-2000, -2000))
    assert (expected[:, :4] == 0).all()
    assert (shown[0::2][:, :, 0] == expected)[drawn == 0].all()
    assert (shown[0::2] == shown[1::2]).all()
    assert (shown[0::2][drawn == 1] == DRAWING_RGBA[:3]).all()


def with_overlay(data: bytes, drawn: np.ndarray) -> bytes:
    ds = dcmread(io.BytesIO(data))
    for number, kind, value in ((0x10, "US", 30), (0x11, "US", 40), (0x50, "SS", [1, 1]), (0x100, "US", 1)):
        ds.add_new((0x6000, number), kind, value)
    ds.add_new((0x6000, 0x3000), "OW", np.packbits(drawn.ravel(), bitorder="little").tobytes())
    out = io.BytesIO()
    ds.save_as(out)
    return out.getvalue()


def test_the_window_is_applied(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    chosen = Window.from_range(40, 90)
    window.workspace.active.set_view(window=chosen)
    _, shown = at_actual_size(window, 60, 80)
    assert (shown == render(ramp(), chosen)[:, :, None]).all()


def test_invert_swaps_black_and_white(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    window.action("invert").trigger()
    _, shown = at_actual_size(window, 60, 80)
    assert (shown == 255 - ramp()[:, :, None]).all()
    assert window.action("invert").isChecked()


def test_16_bit_goes_through_the_automatic_window(opened: Opened, tmp_path: Path) -> None:
    values = (ramp().astype(np.uint16) * 300) + 1000
    window = opened(write_png(tmp_path / "deep.png", values))
    _, shown = at_actual_size(window, 60, 80)
    chosen = window_now(window)
    assert chosen is not None
    assert chosen.low > 1000
    assert (shown == render(values, chosen)[:, :, None]).all()


def test_colour_is_shown_as_it_is(opened: Opened, colour: Path) -> None:
    _, shown = at_actual_size(opened(colour), 50, 50)
    assert (shown == (200, 0, 0)).all()


def test_a_grey_picture_stored_as_colour_has_a_window(opened: Opened, tmp_path: Path) -> None:
    window = opened(write_png(tmp_path / "grey as rgb.png", np.repeat(ramp()[:, :, None], 3, axis=2)))
    assert window_now(window) == Window.from_range(0, 255)
    _, shown = at_actual_size(window, 60, 80)
    assert (shown == ramp()[:, :, None]).all()


def test_mask_lies_exactly_over_its_pixels(opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(mri_analysis))
    window.workspace.active.set_layers(mask_opacity=1.0)
    _, shown = at_actual_size(window, 60, 80)
    mask = window.workspace.active.mask
    assert mask is not None
    expected = overlay.burn(ramp(), overlay.mask_rgba(mask.pixels), 1.0)
    assert np.abs(shown.astype(int) - expected).max() <= 1
    assert (shown[mask.pixels == 0] == ramp()[mask.pixels == 0][:, None]).all()
    window.action("mask").trigger()
    _, shown = at_actual_size(window, 60, 80)
    assert (shown == ramp()[:, :, None]).all()


def test_heatmap_is_laid_over_with_its_opacity(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    ws = window.workspace
    assert ws.active.layers.label == ("skin-lesion", "mel")
    ws.active.set_layers(heatmap_on=True, heatmap_opacity=0.5)
    _, shown = at_actual_size(window, 60, 80)
    assert ws.active.heatmap is not None
    expected = overlay.burn(ramp(), overlay.heatmap_rgba(ws.active.heatmap[0], (60, 80)), 0.5)
    assert np.abs(shown.astype(int) - expected).max() <= 2
    ws.active.set_layers(heatmap_opacity=0.0)
    _, shown = at_actual_size(window, 60, 80)
    assert (shown == ramp()[:, :, None]).all()


def test_the_part_that_was_looked_at_is_framed(opened: Opened, grey: Path) -> None:
    region = Region(0.1, 0.25, 0.9, 0.75)

    def part(frame: Frame, force: bool) -> Analysis:
        done = skin_analysis(frame)
        return replace(done, results=tuple(replace(result, region=region) for result in done.results))

    window = opened(grey, FakeEngine(part), heatmap_on=True)
    ws = window.workspace
    ws.active.set_layers(heatmap_opacity=1.0)
    assert ws.active.heatmap is not None
    _, shown = at_actual_size(window, 60, 80)
    framed = overlay.burn(ramp(), overlay.heatmap_rgba(ws.active.heatmap[0], (60, 80), region), 1.0)
    whole = overlay.burn(ramp(), overlay.heatmap_rgba(ws.active.heatmap[0], (60, 80)), 1.0)
    assert np.abs(framed.astype(int) - whole).max() > 20
    assert np.abs(shown.astype(int) - framed).max() <= 2


def test_another_label_is_another_heatmap(opened: Opened, grey: Path) -> None:
    window = opened(grey, heatmap_on=True)
    _, first = at_actual_size(window, 60, 80)
    window.workspace.active.set_layers(label=("skin-lesion", "vasc"))
    _, second = at_actual_size(window, 60, 80)
    assert first[:, :30].astype(int).sum() != second[:, :30].astype(int).sum()


def test_squares_when_enlarged(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    canvas = window.viewer.canvas
    canvas.resize(400, 320)
    window.workspace.active.set_view(scale=8.0, centre=(40.0, 30.0))
    shown = pixels(canvas)
    # Canvas pixel (200 + 8 i + k, 160) lies in image column 40 + i.
    assert shown[160, 200:208].tolist() == [[70, 70, 70]] * 8
    assert shown[160, 208:216].tolist() == [[71, 71, 71]] * 8


def wheel(canvas: Canvas, x: int, y: int, delta: int) -> None:
    place = QPointF(x, y)
    event = QWheelEvent(
        place, canvas.mapToGlobal(place), QPoint(), QPoint(0, delta), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas, event)


def test_wheel_zooms_at_the_cursor(opened: Opened, grey: Path) -> None:
    canvas = opened(grey).viewer.canvas
    port = canvas.transform()
    assert port is not None
    x, y = round(port.left + 30 * port.scale), round(port.top + 20 * port.scale)
    wheel(canvas, x, y, 240)
    after = canvas.transform()
    assert after is not None
    assert after.scale == pytest.approx(port.scale * 1.44)
    assert after.to_image(x, y) == pytest.approx(port.to_image(x, y))


def test_reset_and_fit(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    ws = window.workspace
    ws.active.set_view(scale=3.0, centre=(1.0, 1.0), inverted=True, window=Window(1, 2))
    window.action("fit").trigger()
    assert ws.active.view.scale is None
    assert ws.active.view.inverted
    window.action("reset").trigger()
    assert (ws.active.view.window, ws.active.view.inverted) == (None, False)


def test_the_value_under_the_cursor_is_the_file_s(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey)
    canvas = window.viewer.canvas
    port = canvas.transform()
    assert port is not None
    place = QPoint(round(port.left + 12.5 * port.scale), round(port.top + 7.5 * port.scale))
    qtbot.mouseMove(canvas, place)
    assert window.viewer.facts.pixel.full_text() == "column 12, row 7: 19"
    # The list of files may grow meanwhile.
    window.workspace.active.pictureChanged.emit()
    assert window.viewer.facts.pixel.full_text() == "column 12, row 7: 19"
    qtbot.mouseMove(canvas, QPoint(1, 1))
    assert window.viewer.facts.pixel.full_text() == ""


def test_pictures_are_not_mirrored_in_a_right_to_left_window(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    window.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    _, shown = at_actual_size(window, 60, 80)
    assert (shown == ramp()[:, :, None]).all()
