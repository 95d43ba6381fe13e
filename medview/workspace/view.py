"""The plain values the workspace holds: what is shown, how it is looked at, what is kept. No Qt."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from medview.imaging.study import Frame
from medview.imaging.window import Window
from medview.inference.analysis import Analysis, Mask
from medview.inference.limits import strongest_first
from medview.inference.region import Region

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


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
    def nbytes(self) -> int:
        """Bytes held by the arrays."""
        drawn = 0 if self.drawn is None else self.drawn.nbytes
        return self.values.nbytes + drawn + (0 if self.shown is self.values else self.shown.nbytes)


@dataclass(frozen=True)
class ViewState:
    """How the frames of one series are looked at: stepping through a stack keeps window and place.

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


@dataclass(frozen=True)
class Answer:
    """What was said last of the series that is shown: of `frame`, which need not be the one that is shown."""

    analysis: Analysis
    frame: Frame


@dataclass(frozen=True)
class Overlay:
    """What lies over the picture. `label` is (model id, label id) of the heatmap, None for none."""

    label: tuple[str, str] | None = None
    heatmap_on: bool = False
    heatmap_opacity: float = 0.6
    mask_on: bool = True
    mask_opacity: float = 0.8


class Kept(Generic[K, V]):
    """The values used last, up to a number of bytes. The newest is kept whatever its size."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._items: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.used_bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: K) -> V | None:
        """The value of `key`, which becomes the newest, or None."""
        if key not in self._items:
            return None
        self._items.move_to_end(key)
        return self._items[key][0]

    def put(self, key: K, value: V, nbytes: int) -> None:
        """Keep `value`; the oldest ones go until the rest fits."""
        self.drop(key)
        self._items[key] = (value, nbytes)
        self.used_bytes += nbytes
        while self.used_bytes > self.limit_bytes and len(self._items) > 1:
            _, (_, freed) = self._items.popitem(last=False)
            self.used_bytes -= freed

    def __contains__(self, key: K) -> bool:
        """Whether `key` is kept; asking does not make it more recent."""
        return key in self._items

    def drop(self, key: K) -> None:
        """Forget `key`, if it is known."""
        if key in self._items:
            self.used_bytes -= self._items.pop(key)[1]


def analysis_bytes(analysis: Analysis) -> int:
    """Bytes of the arrays of an analysis, plus something for the rest."""
    total = 4096
    for result in analysis.results:
        total += result.mask.pixels.nbytes if result.mask else 0
        total += sum(heat.nbytes for heat in (result.heatmaps or {}).values())
    return total


def first_label(analysis: Analysis) -> tuple[str, str] | None:
    """(model, label) whose heatmap is offered first: the first finding of the strongest result, else its most probable
    label."""
    for result in strongest_first(analysis.results):
        if result.heatmaps and result.probabilities:
            probabilities = result.probabilities
            top = max(probabilities, key=lambda label: probabilities[label])
            return result.card.id, (*result.findings, top)[0]
    return None


def heatmap_of(analysis: Analysis | None, label: tuple[str, str] | None) -> tuple[NDArray[np.float32], Region] | None:
    """The heatmap (h, w) 0-1 of (model, label) and the region of its result, or None."""
    results = analysis.results if analysis and label else ()
    model, name = label or ("", "")
    for result in results:
        if result.card.id == model and result.heatmaps and name in result.heatmaps:
            return result.heatmaps[name], result.region
    return None


def mask_of(analysis: Analysis | None) -> Mask | None:
    """The mask of an analysis, or None when no model marks."""
    return next((r.mask for r in analysis.results if r.mask is not None), None) if analysis else None


def add_recent(recent: list[str], path: Path, limit: int = 12) -> list[str]:
    """`recent` with `path` first, each file once, at most `limit`."""
    text = str(path)
    return [text, *(item for item in recent if item != text)][:limit]
