"""A volume resampled in another plane (MPR), as a study whose frames are computed when they are looked at."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.texts import Text
from medview.imaging.geometry import Plane
from medview.imaging.study import Frame, Origin, Place, Series, Study
from medview.imaging.volume import MprPlane, Volume

# The patient axis (x, y, z) along which the slices of a plane follow each other.
AXES: dict[MprPlane, int] = {"sagittal": 0, "coronal": 1, "axial": 2}

# Pixels along a side of a slice, and slices of a volume: a spacing too small to be true must not fill the memory.
MAX_SIDE, MAX_SLICES = 2048, 4096


def mpr_study(volume: Volume, series: Series, path: Path, name: MprPlane) -> Study:
    """All slices of a volume in one plane, from the right to the left, the front to the back, the feet to the head."""
    model = series.frames[(len(series.frames) - 1) // 2]
    values = volume.values
    grey = values.reshape(-1, values.shape[-1])
    lowest, highest = float(values.min()), float(values.max())
    make_frame = partial(
        Frame, path, modality=model.modality, inverted=model.inverted, presets=model.presets,
        window=model.first_window(grey), padding=model.padding,
    )  # fmt: skip
    origin = series.origin or Origin()
    frames = []
    for number, at in enumerate(_positions(volume, AXES[name])):
        plane, (rows, cols) = volume.slice_at(name, at, _pixel(volume))
        decode = partial(_resampled, volume, plane, (rows, cols), highest if model.inverted else lowest)
        frames.append(
            make_frame(number, rows, cols, decode=decode, spacing_mm=plane.spacing, place=Place(origin, plane=plane))
        )
    slices = len(series.frames) // max(series.time_points, 1)
    what = Text(
        "{cols} x {rows} pixels of {mm:.3g} mm, computed from {slices} slices",
        cols=frames[0].cols,
        rows=frames[0].rows,
        mm=_pixel(volume),
        slices=slices,
    )
    return Study(path, what, (Series(series.title, tuple(frames), series.origin, series.notes),))


def _pixel(volume: Volume) -> float:
    """Side of a pixel in mm: the smallest of a voxel, unless that made too many pixels."""
    low, high = volume.bounds()
    return max(min(volume.spacing_mm), float((high - low).max()) / MAX_SIDE)


def _positions(volume: Volume, axis: int) -> NDArray[np.float64]:
    """Where slices across a patient axis lie, mm: as far apart as the voxels along it."""
    low, high = (float(side[axis]) for side in volume.bounds())
    steps = np.abs(volume.affine[axis, :3]) / volume.spacing_mm
    step = max(volume.spacing_mm[int(steps.argmax())], (high - low) / MAX_SLICES)
    return np.asarray(low + step * np.arange(int((high - low) / step + 1e-6) + 1), np.float64)


def _resampled(volume: Volume, plane: Plane, size: tuple[int, int], outside: float) -> NDArray[Any]:
    """(rows, cols) in the type of the volume, so that whole numbers keep the fast way to the screen."""
    values = volume.resample(plane, size, outside)
    kind = volume.values.dtype
    return np.rint(values).astype(kind) if kind.kind in "iu" else values.astype(kind)
