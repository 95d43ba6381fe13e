"""A series in other planes (MPR): its volume, cut again as a study whose frames are computed when they are looked at.

A cut is a study like any other, so that everything that shows pictures shows it. No model is made for such pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.core.jobs import Token
from medview.imaging.geometry import Plane
from medview.imaging.study import Frame, Origin, Place, Series, Study
from medview.imaging.volume import Cut, Volume, read_volume
from medview.workspace import opening
from medview.workspace.analyses import Key
from medview.workspace.runner import Job, Runner
from medview.workspace.view import Kept, Picture

LANE = "plane"
READING = "reading the slices"
# The patient axis (x, y, z) along which the cuts of a plane follow each other.
AXES: dict[Cut, int] = {"sagittal": 0, "coronal": 1, "axial": 2}
# Pixels along a side of a cut, and cuts of a volume: a spacing that is too small to be true must not fill the memory.
MAX_SIDE, MAX_CUTS = 2048, 4096


# A study, the picture of it that is shown, and its stamp.
Shown = tuple[Study, Picture, int]


class Planes:
    """Builds volumes in the background and cuts them. Lives on the Qt thread; keeps the volume that is shown.

    It calls `made(cut, study, picture, stamp)` with what to show: the study of the cuts and its middle one decoded, or
    (cut None) the series as it was acquired; `refused(Failure)` where a series cannot be cut.
    """

    def __init__(
        self,
        runner: Runner,
        pictures: Kept[Key, Picture],
        made: Callable[[Cut | None, Study, Picture, int], None],
        refused: Callable[[Failure], None],
    ) -> None:
        self._runner, self._pictures, self._made, self._refused = runner, pictures, made, refused
        self._volume: tuple[tuple[Series, int], Volume] | None = None
        self._acquired: Shown | None = None
        self._cuts: tuple[Frame, ...] = ()
        # Pictures of one file and number are told apart by their stamp, which no file has below zero.
        self._stamp = 0

    def show(self, cut: Cut | None, shown: Shown) -> None:
        """Cut the series of what is shown (study, picture, stamp); of a dynamic one, its point in time."""
        acquired = self._acquired or shown
        if cut is None:
            self.clear()
            self._made(None, *acquired)
            return
        study, picture, _ = acquired
        series = study.series[0]
        count, times = series.grid
        time = study.number(picture.frame) % times
        kept = self._volume
        known = kept[1] if kept and kept[0][0] is series and kept[0][1] == time else None

        def work(token: Token) -> tuple[Volume, Study, Picture] | Failure:
            volume = known or read_volume(series, time, lambda done: token.progress(done / count, READING))
            if isinstance(volume, Failure):
                return volume
            token.check()
            made = cut_study(volume, series, study.path, cut)
            middle = opening.decode(made.frames[made.middle])
            return middle if isinstance(middle, Failure) else (volume, made, middle)

        def done(result: tuple[Volume, Study, Picture]) -> None:
            self._drop()
            self._stamp -= 1
            self._acquired, self._volume = acquired, ((series, time), result[0])
            self._cuts = result[1].frames
            self._made(cut, result[1], result[2], self._stamp)

        self._runner.start(Job(LANE, READING, work, done, self._refused))

    def clear(self) -> None:
        """Something else is shown: stop, and let the volume go."""
        self._runner.cancel(LANE)
        self._drop()
        self._acquired = self._volume = None

    def _drop(self) -> None:
        """Forget the pictures that were computed: each holds the volume."""
        for frame in self._cuts:
            self._pictures.drop((frame.path, self._stamp, frame.index))
        self._cuts = ()


def cut_study(volume: Volume, series: Series, path: Path, cut: Cut) -> Study:
    """All cuts of a volume in one plane, from the right to the left, the front to the back or the feet to the head."""
    model = series.frames[(len(series.frames) - 1) // 2]
    values = volume.values
    grey = values.reshape(-1, values.shape[-1])
    lowest, highest = float(values.min()), float(values.max())
    look = partial(
        Frame, path, modality=model.modality, inverted=model.inverted, presets=model.presets,
        window=model.first_window(grey), padding=model.padding,
    )  # fmt: skip
    origin = series.origin or Origin()
    frames = []
    for number, at in enumerate(_positions(volume, AXES[cut])):
        plane, (rows, cols) = volume.cut(cut, at, _pixel(volume))
        decode = partial(_reslice, volume, plane, (rows, cols), highest if model.inverted else lowest)
        frames.append(
            look(number, rows, cols, decode=decode, spacing_mm=plane.spacing, place=Place(origin, plane=plane))
        )
    slices = len(series.frames) // max(series.time_points, 1)
    size = f"{frames[0].cols} x {frames[0].rows} pixels of {_pixel(volume):.3g} mm"
    what = f"{size}, computed from {slices} slices"
    return Study(path, what, (Series(series.title, tuple(frames), series.origin, series.notes),))


def _pixel(volume: Volume) -> float:
    """Side of a pixel in mm: the smallest of a voxel, unless that made too many pixels."""
    low, high = volume.bounds()
    return max(min(volume.spacing_mm), float((high - low).max()) / MAX_SIDE)


def _positions(volume: Volume, axis: int) -> NDArray[np.float64]:
    """Where cuts across a patient axis lie, mm: as far apart as the voxels along it."""
    low, high = (float(side[axis]) for side in volume.bounds())
    steps = np.abs(volume.affine[axis, :3]) / volume.spacing_mm
    step = max(volume.spacing_mm[int(steps.argmax())], (high - low) / MAX_CUTS)
    return np.asarray(low + step * np.arange(int((high - low) / step + 1e-6) + 1), np.float64)


def _reslice(volume: Volume, plane: Plane, size: tuple[int, int], outside: float) -> NDArray[Any]:
    """(rows, cols) in the type of the volume, so that whole numbers keep the fast way to the screen."""
    cut = volume.reslice(plane, size, outside)
    kind = volume.values.dtype
    return np.rint(cut).astype(kind) if kind.kind in "iu" else cut.astype(kind)
