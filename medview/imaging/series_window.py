"""One automatic window for the frames of a series whose files name none, so that its slices compare.

It is measured when the first frame is shown, on a few frames spread over the series, and stays. It is for the eye
alone: models measure every picture by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.imaging.window import Window, full_window, robust_window

if TYPE_CHECKING:
    from medview.imaging.study import Frame, Series

# Frames that are measured, and values of each; of large frames fewer, since the first picture waits for them.
SAMPLES, VALUES = 7, 65_536
PIXELS = 6_000_000
# Machines whose pictures of one series are of one volume, even where the files do not say how they lie.
_VOLUMES = ("CT", "MR", "PT", "NM")


@dataclass
class SeriesWindow:
    """The window that frames share. Safe from any thread.

    Attributes:
        frames: those it is measured on, and what only fills the border of each (as `Frame.padding`).
    """

    frames: Sequence[tuple[Callable[[], NDArray[Any] | Failure], tuple[float, float] | None]] = field(repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    # Empty while nobody has measured it.
    _found: tuple[Window | None, ...] = ()

    def window(self) -> Window | None:
        """The window; None where the frames are in colour, of 8 bits, constant or damaged, and have none in common."""
        with self._lock:
            if not self._found:
                measured = (self._measure(),)
                # One that was adopted meanwhile is on the screen already.
                self._found = self._found or measured
            return self._found[0]

    def adopt(self, other: SeriesWindow) -> None:
        """Go on with the window of the series as it was before more of it was found, where that is known. Never waits
        for a measurement, which reads files."""
        self._found = other._found or self._found

    def _measure(self) -> Window | None:
        found = []
        for decode, padding in self.frames:
            values = decode()
            if isinstance(values, Failure):
                continue
            if values.ndim != 2 or values.dtype == np.uint8:
                return None
            step = max(1, int(np.sqrt(values.size / VALUES)))
            looked_at = values[::step, ::step]
            if padding is not None:
                looked_at = looked_at[(looked_at < padding[0]) | (looked_at > padding[1])]
            found.append(looked_at.ravel().astype(np.float32))
        if not found:
            return None
        values = np.concatenate(found)
        # Of labels and other rare things, the percentiles are all background.
        sparse = values.size and values.max() > values.min()
        return robust_window(values) or (full_window(values) if sparse else None)


def with_series_window(series: Series) -> Series:
    """The series with a window that its frames share, if their files name none and they are of one volume or film."""
    return with_one_window(series) if _is_one(series.frames) else series


def with_one_window(series: Series) -> Series:
    """The series with a window that those of its frames share whose files name none."""
    frames = [frame for frame in series.frames if not frame.window and not frame.few_bits]
    if len(frames) < 2:
        return series
    count = max(2, min(SAMPLES, len(frames), PIXELS // (frames[0].rows * frames[0].cols)))
    chosen = tuple(frames[int((n + 0.5) * len(frames) / count)] for n in range(count))
    shared = SeriesWindow([(frame.decode, frame.padding) for frame in chosen])
    theirs = {id(frame) for frame in frames}
    return replace(
        series, frames=tuple(replace(one, shared=shared) if id(one) in theirs else one for one in series.frames)
    )


def _is_one(frames: Sequence[Frame]) -> bool:
    """Whether frames are of one volume, or of one file of several: X-rays of one series are exposed one by one."""
    if any(frame.place is None for frame in frames):
        return False
    if all(frame.path == frames[0].path or frame.modality in _VOLUMES for frame in frames):
        return True
    return all(frame.place and frame.place.plane for frame in frames)
