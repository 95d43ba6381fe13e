"""The plain values the workspace holds: what is shown, how it is looked at, what is kept. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.imaging.study import Frame
from medview.imaging.window import Window
from medview.inference.analysis import Analysis

# (file, its time of change, frame): what a picture, and what is known of it, are kept under.
Key = tuple[Path, int, int]


@dataclass(frozen=True)
class Picture:
    """A decoded frame, ready to be looked at.

    Attributes:
        values: modality values (rows, cols), or (rows, cols, 3) RGB uint8/uint16.
        shown: what the canvas draws: grey (rows, cols), also of a grey picture stored as colour, or RGB uint8.
        window: the window it is first shown with; None for colour.
        drawn: (rows, cols), what the file draws over the picture; None where it draws nothing.
    """

    frame: Frame
    values: NDArray[Any] = field(repr=False, compare=False)
    shown: NDArray[Any] = field(repr=False, compare=False)
    window: Window | None
    drawn: NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)

    @property
    def grey(self) -> bool:
        """Whether it is shown in shades of grey, through a window."""
        return self.shown.ndim == 2

    @property
    def nbytes(self) -> int:
        """Bytes held by the arrays."""
        drawn = 0 if self.drawn is None else self.drawn.nbytes
        return self.values.nbytes + drawn + (0 if self.shown is self.values else self.shown.nbytes)


@dataclass(frozen=True)
class ViewState:
    """How the frames of one series are looked at: stepping through it keeps window and place.

    Attributes:
        window: the user's window; None for the picture's own.
        preset: key of the offered window (medview.workspace.windows) that `window` is; empty for one of the user's own.
        inverted: black and white swapped by the user, on top of the picture's polarity.
        scale: screen pixels (logical) per image pixel; None fits the picture into the canvas.
        centre: the image point (column, row) in the middle of the canvas; None with `scale` None.
    """

    window: Window | None = None
    preset: str = ""
    inverted: bool = False
    scale: float | None = None
    centre: tuple[float, float] | None = None

    def window_of(self, picture: Picture) -> Window | None:
        """The window that a picture is shown with: the user's, else the one it brings."""
        return self.window or picture.window

    def inverts(self, picture: Picture) -> bool:
        """Whether black and white of a picture are swapped on the screen: by its file or a correction, or by the user,
        but not by both."""
        return picture.frame.inverted != self.inverted


@dataclass(frozen=True)
class Answer:
    """What was said last of the series that is shown.

    Attributes:
        frame: the one it was said of. current: whether that is the one that is shown, as it is shown.
    """

    analysis: Analysis
    frame: Frame
    current: bool = True


@dataclass(frozen=True)
class LayerSettings:
    """How heatmap and mask lie over the picture. `label` is (model id, label id) of the heatmap, None for none."""

    label: tuple[str, str] | None = None
    heatmap_on: bool = False
    heatmap_opacity: float = 0.6
    mask_on: bool = True
    mask_opacity: float = 0.8
