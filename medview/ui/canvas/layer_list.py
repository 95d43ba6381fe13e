"""Which layers there are, and in which order they lie."""

from __future__ import annotations

from collections.abc import Sequence

from medview.ui.canvas.layers import Layer, Reuse
from medview.ui.canvas.orientation import OrientationLayer
from medview.ui.canvas.picture_layers import DrawingLayer, HeatmapLayer, MaskLayer, PictureLayer, SegmentLayer
from medview.workspace.viewport import Viewport

# The lowest first.
LAYERS: tuple[type[Layer], ...] = (
    PictureLayer,
    DrawingLayer,
    HeatmapLayer,
    MaskLayer,
    SegmentLayer,
    OrientationLayer,
)


def layers_of(viewport: Viewport, old: Sequence[Layer]) -> list[Layer]:
    """What is painted of a viewport, the lowest first. Layers of `old` that are made of the same are used again."""
    reuse = Reuse(old)
    return [layer for kind in LAYERS for layer in kind.of(viewport, reuse)]
