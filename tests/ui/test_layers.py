"""The layers of the canvas: how they lie over each other, what each is made of, and when it is made anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from medview.core.failures import Code, Failure
from medview.imaging.geometry import Orientation
from medview.imaging.study import Frame
from medview.imaging.window import Window, render
from medview.inference.analysis import Mask
from medview.inference.region import WHOLE, Region
from medview.report import overlay
from medview.ui.canvas import layer_list
from medview.ui.canvas.layer_list import layers_of
from medview.ui.canvas.layers import ColourLayer, Layer, Reuse, paint_layers
from medview.ui.canvas.orientation import OrientationLayer
from medview.ui.canvas.picture_layers import (
    DRAWING_RGBA,
    DrawingLayer,
    HeatmapLayer,
    MaskLayer,
    PictureLayer,
    SegmentLayer,
    heat_size,
)
from medview.ui.canvas.transform import Transform
from medview.ui.window import MainWindow
from medview.workspace.outlines import Outline
from medview.workspace.view import LayerSettings, Picture, ViewState
from medview.workspace.viewport import Viewport
from tests.ui.test_canvas import at_actual_size, ramp

Opened = Callable[..., MainWindow]
FULL = Window.from_range(0, 255)


def painted(layers: list[Layer], transform: Transform, behind: int = 0, ratio: float = 1.0) -> np.ndarray:
    """What they look like on a grey ground, (rows, cols, 3)."""
    image = QImage(int(transform.width), int(transform.height), QImage.Format.Format_RGB32)
    image.fill(QColor(behind, behind, behind))
    painter = QPainter(image)
    paint_layers(painter, layers, transform, ratio)
    painter.end()
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., 2::-1].copy()


def in_place(rows: int, cols: int) -> Transform:
    """A pixel of the picture on a pixel of the canvas."""
    return Transform(cols, rows, cols, rows, 1.0, cols / 2, rows / 2)


class Patch(ColourLayer):
    """A made-up layer: a box of one colour; counts how often it is made."""

    made = 0

    def __init__(self, colour: tuple[int, int, int], box: tuple[int, int, int, int] = (0, 0, 4, 4)) -> None:
        super().__init__(QRectF(*box))
        self.colour = colour

    @classmethod
    def of(cls, viewport: Viewport, reuse: Reuse) -> Iterator[Self]:
        """Over the first pixels of every picture."""
        if viewport.picture is not None:
            yield reuse(cls, (10, 200, 30))

    def rgba(self) -> np.ndarray:
        self.made += 1
        return np.full((1, 1, 4), (*self.colour, 255), np.uint8)


# ---- one over the other ----


def test_the_first_lies_lowest(qapp: object) -> None:
    low, high = Patch((255, 0, 0)), Patch((0, 0, 255), (1, 1, 2, 2))
    shown = painted([low, high], in_place(4, 5))
    expected = np.zeros((4, 5, 3), np.uint8)
    expected[:, :4] = (255, 0, 0)
    expected[1:3, 1:3] = (0, 0, 255)
    assert (shown == expected).all()
    assert (painted([high, low], in_place(4, 5))[:, :4] == (255, 0, 0)).all()


def test_what_is_hidden_is_neither_painted_nor_made(qapp: object) -> None:
    low, high = Patch((255, 0, 0)), Patch((0, 0, 255))
    high.visible = False
    assert (painted([low, high], in_place(4, 4)) == (255, 0, 0)).all()
    assert (low.made, high.made) == (1, 0)


@pytest.mark.parametrize(("opacity", "grey"), [(0.0, 200), (0.25, 150), (0.5, 100), (1.0, 0)])
def test_opacity_is_of_one_layer_alone(qapp: object, opacity: float, grey: int) -> None:
    veil, dot = Patch((0, 0, 0)), Patch((250, 0, 0), (0, 0, 1, 1))
    veil.opacity = opacity
    shown = painted([veil, dot], in_place(4, 4), behind=200).astype(int)
    assert np.abs(shown[1:] - grey).max() <= 1
    assert shown[0, 0].tolist() == [250, 0, 0]


class Careless(Layer):
    """A made-up layer in the coordinates of the canvas that leaves the painter in disorder."""

    @classmethod
    def of(cls, viewport: Viewport, reuse: Reuse) -> Iterator[Self]:
        yield reuse(cls)

    def paint(self, painter: QPainter, transform: Transform, device_ratio: float) -> None:
        painter.fillRect(QRectF(0, 0, 1, 1), QColor(1, 2, 3))
        painter.translate(3, 3)
        painter.setOpacity(0.1)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Clear)


def test_no_layer_disturbs_the_next(qapp: object) -> None:
    port = Transform(8, 8, 4, 4, 2.0, 2, 2)
    shown = painted([Careless(), Patch((0, 255, 0), (2, 2, 2, 2))], port)
    assert shown[0, 0].tolist() == [1, 2, 3]
    assert (shown[4:, 4:] == (0, 255, 0)).all()
    assert (shown[4:, :4] == 0).all()


def test_bounds_go_through_the_transform_with_its_aspect(qapp: object) -> None:
    port = Transform(20, 30, 4, 4, 2.0, 2, 2, aspect=3.0)
    shown = painted([Patch((9, 8, 7), (1, 1, 2, 1))], port)
    assert (port.left, port.top) == (6, 3)
    expected = np.zeros((30, 20, 3), np.uint8)
    expected[3 + 6 : 3 + 12, 6 + 2 : 6 + 6] = (9, 8, 7)
    assert (shown == expected).all()


# ---- the list ----


class FakeViewport(SimpleNamespace):
    """What layers are made of: a grey ramp that the file draws on, with everything over it."""

    def __init__(self, **changes: Any) -> None:
        drawn = np.zeros((60, 80), bool)
        drawn[3:5, 6:9] = True
        marked = np.zeros((60, 80), np.uint8)
        marked[20:40, 30:50] = 1
        frame = Frame(Path("a.dcm"), 0, 60, 80, "MR", lambda: ramp(), said_orientation=Orientation("R", "A", "L", "P"))
        outlines = tuple(Outline(n, 4, 5, np.full((2, 3, 4), (n, 0, 0, 255), np.uint8)) for n in (1, 2))
        shown = SimpleNamespace(on=True, off=set(), opacity=0.7, made=outlines)
        given = {
            "picture": Picture(frame, ramp(), ramp(), FULL, drawn),
            "view": ViewState(),
            "layers": LayerSettings(("model", "label"), heatmap_on=True),
            "heatmap": (np.linspace(0, 1, 49, dtype=np.float32).reshape(7, 7), WHOLE),
            "mask": Mask(marked, 400),
            "segmentations": SimpleNamespace(shown=[shown], outlines=lambda shown: shown.made),
            "settings": {"sides_on": True},
        }
        super().__init__(**{**given, **changes})

    def made(self, old: list[Layer] | None = None) -> list[Any]:
        return layers_of(self, old or [])  # type: ignore[arg-type]


ALL = [PictureLayer, DrawingLayer, HeatmapLayer, MaskLayer, SegmentLayer, SegmentLayer, OrientationLayer]


def test_the_order_of_the_layers(qapp: object) -> None:
    assert [type(layer) for layer in FakeViewport().made()] == ALL


def test_only_what_there_is_has_a_layer(qapp: object) -> None:
    viewport = FakeViewport(heatmap=None, mask=Mask(np.zeros((60, 80), np.uint8)))
    viewport.segmentations.shown[0].made = Failure(Code.NO_IMAGES, "a", "b")
    viewport.picture = replace(
        viewport.picture, frame=replace(viewport.picture.frame, said_orientation=None), drawn=None
    )
    assert [type(layer) for layer in viewport.made()] == [PictureLayer]
    assert FakeViewport(picture=None, heatmap=None, mask=None, segmentations=SimpleNamespace(shown=[])).made() == []


def test_layers_of_the_same_are_used_again(qapp: object) -> None:
    viewport = FakeViewport()
    first = viewport.made()
    images = [layer.image(1.0) for layer in first[1:6]]
    viewport.view = ViewState(window=Window(5, 6), inverted=True, scale=2.0, centre=(1.0, 1.0))
    viewport.layers = replace(viewport.layers, heatmap_opacity=0.3, mask_on=False)
    viewport.segmentations.shown[0].off = {2}
    viewport.settings["sides_on"] = False
    second = viewport.made(first)
    assert all(a is b for a, b in zip(first, second, strict=True))
    assert all(layer.image(1.0) is image for layer, image in zip(second[1:6], images, strict=True))
    assert (second[0].window, second[0].inverted) == (Window(5, 6), True)
    assert [layer.visible for layer in second] == [True, True, True, False, True, False, False]
    assert [layer.opacity for layer in second] == [1.0, 1.0, 0.3, viewport.layers.mask_opacity, 0.7, 0.7, 1.0]


@pytest.mark.parametrize(
    ("changed", "anew"),
    [
        (lambda it: setattr(it, "picture", replace(it.picture, shown=ramp())), [PictureLayer]),
        (
            lambda it: setattr(it, "picture", replace(it.picture, drawn=it.picture.drawn.copy())),
            [DrawingLayer],
        ),
        (lambda it: setattr(it, "heatmap", (it.heatmap[0].copy(), WHOLE)), [HeatmapLayer]),
        (lambda it: setattr(it, "heatmap", (it.heatmap[0], Region(0, 0, 0.5, 0.5))), [HeatmapLayer]),
        (lambda it: setattr(it, "mask", Mask(it.mask.pixels.copy(), 400)), [MaskLayer]),
        (
            lambda it: setattr(it.segmentations.shown[0], "made", it.segmentations.shown[0].made[:1]),
            [],
        ),
        (
            lambda it: setattr(it.segmentations.shown[0], "made", FakeViewport().segmentations.shown[0].made),
            [SegmentLayer] * 2,
        ),
    ],
)
def test_a_layer_of_something_else_is_made_anew(
    qapp: object, changed: Callable[[FakeViewport], None], anew: list[type[Layer]]
) -> None:
    viewport = FakeViewport()
    before = viewport.made()
    changed(viewport)
    after = viewport.made(before)
    assert [type(layer) for layer in after if not any(layer is old for old in before)] == anew


def test_a_picture_of_another_size_has_another_heatmap(qapp: object) -> None:
    viewport = FakeViewport()
    before = viewport.made()
    viewport.picture = replace(viewport.picture, shown=np.zeros((30, 40), np.uint8))
    (layer,) = (layer for layer in viewport.made(before) if isinstance(layer, HeatmapLayer))
    assert layer.bounds == QRectF(0, 0, 40, 30)


def test_a_new_kind_of_layer_is_a_new_class(monkeypatch: pytest.MonkeyPatch, opened: Opened, grey: Path) -> None:
    monkeypatch.setattr(layer_list, "LAYERS", (*layer_list.LAYERS, Patch))
    window = opened(grey, auto_analyse=False)
    canvas, shown = at_actual_size(window, 60, 80)
    assert (shown[:4, :4] == (10, 200, 30)).all()
    shown[:4, :4] = ramp()[:4, :4, None]
    assert (shown == ramp()[:, :, None]).all()
    patch = canvas.layers[-1]
    at_actual_size(window, 60, 80)
    window.workspace.active.set_view(window=Window(20, 30))
    assert canvas.layers[-1] is patch
    assert patch.made == 1
    window.workspace.close_all()
    assert canvas.layers == []


# ---- each layer ----


def test_a_picture_is_seen_through_its_window(qapp: object) -> None:
    layer = PictureLayer(ramp())
    layer.window = Window.from_range(40, 90)
    assert (painted([layer], in_place(60, 80)) == render(ramp(), layer.window)[:, :, None]).all()
    layer.inverted = True
    assert (painted([layer], in_place(60, 80)) == render(ramp(), layer.window, inverted=True)[:, :, None]).all()


def test_a_colour_picture_is_seen_as_it_is_or_inverted(qapp: object) -> None:
    values = np.random.default_rng(0).integers(0, 256, (10, 12, 3)).astype(np.uint8)
    layer = PictureLayer(values)
    assert (painted([layer], in_place(10, 12)) == values).all()
    layer.inverted = True
    assert (painted([layer], in_place(10, 12)) == 255 - values).all()


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_reduction_averages_and_does_not_skip(qapp: object, ratio: float) -> None:
    values = np.zeros((64, 64), np.uint8)
    values[:, ::2] = 200
    layer = PictureLayer(values)
    layer.window = FULL
    half = Transform(int(32 / ratio), int(32 / ratio), 64, 64, 0.5 / ratio, 32, 32)
    image = layer.image(half.scale * ratio)
    assert (image.width(), image.height()) == (32, 32)
    assert {image.pixelColor(x, 5).red() for x in range(32)} == {100}
    assert (painted([layer], half, ratio=ratio) == 100).all()


def test_the_picture_is_made_anew_only_for_another_window(qapp: object) -> None:
    layer = PictureLayer(ramp())
    layer.window = Window.from_range(0, 100)
    image, buffer = layer.image(1.0), layer._buffers[0]
    assert layer.image(0.9) is image
    layer.window = Window.from_range(0, 50)
    assert layer.image(1.0) is not image
    # Into the same memory.
    assert layer._buffers[0] is buffer


def test_squares_unless_it_is_smooth(qapp: object) -> None:
    stripe = np.zeros((1, 2, 4), np.uint8)
    stripe[..., 3], stripe[:, 1, :3] = 255, 240

    def greys(smooth: bool, scale: float) -> set[int]:
        layer = SegmentLayer(Outline(1, 0, 0, stripe))
        layer.smooth = smooth
        return set(painted([layer], Transform(2 * scale, scale, 2, 1, scale, 1, 0.5))[..., 0].ravel().tolist())

    assert greys(False, 8.0) == greys(False, 1.0) == {0, 240}
    assert len(greys(True, 8.0)) > 4
    assert len(greys(False, 3.5)) > 2
    assert HeatmapLayer.smooth
    assert not any(kind.smooth for kind in (PictureLayer, DrawingLayer, MaskLayer, SegmentLayer))


def test_a_mask_layer_keeps_only_the_box_around_its_pixels(qapp: object) -> None:
    mask = np.zeros((2000, 1000), np.uint8)
    mask[300:340, 20:50] = 1
    layer = MaskLayer(mask)
    assert layer.bounds.getRect() == (20, 300, 30, 40)
    # The outline is as wide as in the whole picture.
    whole = overlay.mask_rgba(mask)[300:340, 20:50, 3]
    image = layer.image(1.0)
    assert [[image.pixelColor(x, y).alpha() for x in range(30)] for y in range(40)] == whole.tolist()


def test_a_drawing_is_one_colour_where_the_file_draws(qapp: object) -> None:
    drawn = np.zeros((30, 40), bool)
    drawn[5:8, 10:20] = drawn[20, 3] = True
    layer = DrawingLayer(drawn)
    assert layer.bounds.getRect() == (3, 5, 17, 16)
    shown = painted([layer], in_place(30, 40))
    assert (shown[drawn] == DRAWING_RGBA[:3]).all()
    assert (shown[~drawn] == 0).all()
    # A file may declare a drawing and draw nothing.
    assert (painted([DrawingLayer(np.zeros((30, 40), bool))], in_place(30, 40)) == 0).all()


def test_a_heatmap_is_as_fine_as_the_picture_up_to_a_limit(qapp: object) -> None:
    heatmap = np.linspace(0, 1, 49, dtype=np.float32).reshape(7, 7)
    layer = HeatmapLayer(heatmap, WHOLE, (60, 80))
    assert layer.bounds.getRect() == (0, 0, 80, 60)
    assert (layer.rgba() == overlay.heatmap_rgba(heatmap, (60, 80), WHOLE)).all()
    assert heat_size(60, 80) == (60, 80)
    assert heat_size(3072, 1536) == (768, 384)
    assert heat_size(1, 100_000) == (1, 768)


def test_a_segment_lies_at_its_box(qapp: object) -> None:
    layer = SegmentLayer(Outline(3, 4, 5, np.full((2, 3, 4), (9, 8, 7, 255), np.uint8)))
    expected = np.zeros((10, 12, 3), np.uint8)
    expected[4:6, 5:8] = (9, 8, 7)
    assert (painted([layer], in_place(10, 12)) == expected).all()


def test_letters_stand_at_the_edges_of_the_canvas_wherever_the_picture_lies(qapp: object) -> None:
    layer: list[Layer] = [OrientationLayer(Orientation("R", "A", "L", "P"))]
    one = painted(layer, Transform(200, 160, 80, 60, 1.0, 40, 30), 128)
    other = painted(layer, Transform(200, 160, 80, 60, 9.0, 3, 50), 128)
    assert (one == other).all()
    drawn = np.argwhere((one != 128).any(axis=2))
    assert drawn.min(axis=0).max() < 20
    assert drawn[:, 0].max() > 140
    assert drawn[:, 1].max() > 180


def test_a_canvas_of_many_device_pixels(qapp: object) -> None:
    layer = PictureLayer(ramp())
    layer.window = FULL
    image = QImage(160, 120, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(2.0)
    image.fill(Qt.GlobalColor.black)
    painter = QPainter(image)
    paint_layers(painter, [layer], Transform(80, 60, 80, 60, 0.5, 40, 30), 2.0)
    painter.end()
    # Half a point to a pixel is one device pixel: none is lost.
    shown = np.frombuffer(image.constBits(), np.uint8).reshape(120, 160, 4)[30:90, 40:120, 0]
    assert (shown == ramp()).all()
