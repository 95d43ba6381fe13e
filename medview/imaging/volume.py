"""A series as a volume: one array with its place in the patient, resampled in any plane by linear interpolation."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.geometry import Plane, Vector, dot
from medview.imaging.series_order import SAME_MM
from medview.imaging.study import Frame, Series

# Values of one volume in memory: 1,000 slices of 1024 x 1024 in 16 bits fit.
MAX_BYTES = 2 * 1024**3
# Index distance by which a point may lie outside and still count as on the border: rounding of mm.
BORDER = 1e-4
# Index distance by which the end of a row or column may lie off an axis of the volume and count as straight.
STRAIGHT = 1e-3

MprPlane = Literal["axial", "coronal", "sagittal"]
# (across, down) of the slices as radiology shows them: the patient's right on the left, or the front on the left.
_PLANES: dict[MprPlane, tuple[Vector, Vector]] = {
    "axial": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "sagittal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
}


@dataclass(frozen=True)
class Volume:
    """Modality values in the patient.

    Attributes:
        values: (slices, rows, cols), int16, uint8, uint16, int32 or float32.
        affine: 4 x 4, (slice, row, col, 1) to (x, y, z, 1) in mm. A tilted gantry is in it as a shear.
        reference: frame of reference UID; may be empty.
    """

    values: NDArray[Any] = field(repr=False)
    affine: NDArray[np.float64] = field(repr=False)
    reference: str = ""

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxel centres along (slice, row, col)."""
        steps = np.linalg.norm(self.affine[:3, :3], axis=0)
        return (float(steps[0]), float(steps[1]), float(steps[2]))

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest and highest (x, y, z) of the voxel centres, mm."""
        corners = np.array(list(itertools.product(*((0.0, n - 1.0) for n in self.values.shape))))
        points = corners @ self.affine[:3, :3].T + self.affine[:3, 3]
        return points.min(axis=0), points.max(axis=0)

    def sample(self, points: NDArray[np.float64], outside: float = 0.0) -> NDArray[np.float32]:
        """Values (...) at patient points (..., 3) in mm, linear between voxel centres, `outside` beyond them."""
        inverse = np.linalg.inv(self.affine)
        at = points @ inverse[:3, :3].T + inverse[:3, 3]
        top = np.array(self.values.shape) - 1
        inside = ((at >= -BORDER) & (at <= top + BORDER)).all(axis=-1)
        at = np.clip(at, 0, top)
        low = np.minimum(at.astype(np.int64), np.maximum(top - 1, 0))
        part = (at - low).astype(np.float32)
        high = np.minimum(low + 1, top)
        flat = self.values.reshape(-1)
        strides = (self.values.shape[1] * self.values.shape[2], self.values.shape[2], 1)
        total = np.zeros(points.shape[:-1], np.float32)
        for corner in itertools.product((0, 1), repeat=3):
            index = sum((high if up else low)[..., axis] * strides[axis] for axis, up in enumerate(corner))
            weight = np.ones(points.shape[:-1], np.float32)
            for axis, up in enumerate(corner):
                weight *= part[..., axis] if up else 1 - part[..., axis]
            total += weight * flat[index].astype(np.float32)
        total[~inside] = outside
        return total

    def resample(self, plane: Plane, size: tuple[int, int], outside: float | None = None) -> NDArray[np.float32]:
        """The picture of `size` (rows, cols) that a plane cuts out; `outside` is the lowest value unless given."""
        empty = float(self.values.min()) if outside is None else outside
        rows, cols = size
        straight = self._resample_straight(plane, size, empty)
        if straight is not None:
            return straight
        picture = np.empty(size, np.float32)
        across = np.multiply(plane.across, plane.spacing[1]) * np.arange(cols)[:, None]
        step = max(1, 200_000 // max(1, cols))
        for start in range(0, rows, step):
            down = np.arange(start, min(start + step, rows))[:, None] * np.multiply(plane.down, plane.spacing[0])
            points = np.asarray(plane.position) + down[:, None, :] + across[None, :, :]
            picture[start : start + step] = self.sample(points, empty)
        return picture

    def _resample_straight(self, plane: Plane, size: tuple[int, int], empty: float) -> NDArray[np.float32] | None:
        """`resample` where rows and columns of the plane run along axes of the volume: one axis after the other, which
        is ten times as fast. None where they do not."""
        inverse = np.linalg.inv(self.affine)
        start = inverse[:3, :3] @ np.asarray(plane.position) + inverse[:3, 3]
        steps = [inverse[:3, :3] @ np.multiply(plane.down, plane.spacing[0])]
        steps.append(inverse[:3, :3] @ np.multiply(plane.across, plane.spacing[1]))
        # Along which axes the far end of a column and of a row lies away from its start.
        away = np.abs([step * (count - 1) for step, count in zip(steps, size, strict=True)]) > STRAIGHT
        down, across = (int(axis) for axis in away.argmax(axis=1))
        if away.sum(axis=1).max() > 1 or down == across:
            return None
        fixed = 3 - down - across
        # The fixed axis first, which leaves one slice to work on.
        slab, at_plane = _along(self.values, fixed, start[fixed : fixed + 1])
        slab, at_rows = _along(slab, down, start[down] + steps[0][down] * np.arange(size[0]))
        slab, at_cols = _along(slab, across, start[across] + steps[1][across] * np.arange(size[1]))
        picture = np.ascontiguousarray(slab.transpose(fixed, down, across)[0])
        picture[~(at_plane & at_rows[:, None] & at_cols)] = empty
        return picture

    def slice_at(self, name: MprPlane, at_mm: float, pixel_mm: float | None = None) -> tuple[Plane, tuple[int, int]]:
        """The axial, coronal or sagittal plane through the whole volume at z, y or x = `at_mm`, and its (rows, cols).

        Pixels are square, by default as small as the smallest voxel side.
        """
        across, down = _PLANES[name]
        low, high = self.bounds()
        pixel = pixel_mm or min(self.spacing_mm)
        start: list[float] = [0.0, 0.0, 0.0]
        sizes = []
        for direction in (down, across):
            axis = next(n for n in range(3) if direction[n])
            start[axis] = float(low[axis] if direction[axis] > 0 else high[axis])
            sizes.append(int((high[axis] - low[axis]) / pixel + 1e-6) + 1)
        fixed = next(n for n in range(3) if not across[n] and not down[n])
        start[fixed] = at_mm
        position = (start[0], start[1], start[2])
        return Plane(position, across, down, (pixel, pixel), self.reference), (sizes[0], sizes[1])


def _along(values: NDArray[Any], axis: int, at: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Values interpolated linearly at the indices `at` of one axis, and which of these lie in the volume."""
    top = values.shape[axis] - 1
    inside = (at >= -BORDER) & (at <= top + BORDER)
    at = np.clip(at, 0, top)
    low = np.minimum(at.astype(np.int64), max(top - 1, 0))
    shape = [1, 1, 1]
    shape[axis] = len(at)
    share = (at - low).astype(np.float32).reshape(shape)
    below = values.take(low, axis).astype(np.float32)
    above = values.take(np.minimum(low + 1, top), axis).astype(np.float32)
    return below + share * (above - below), inside


def read_volume(series: Series, time: int = 0, step: Callable[[int], None] = lambda done: None) -> Volume | Failure:
    """Decode a series into a volume; of a dynamic one, the time point `time` (from 0). `step` hears of every slice."""
    if series.time_points < 1 or len(series.frames) % series.time_points or not 0 <= time < series.time_points:
        return _no_volume(Text("Its positions do not all have the same number of pictures."))
    frames = series.frames[time :: series.time_points]
    refused = _check(series, frames)
    if not refused and not _even(series):
        refused = _no_volume(Text("Its positions do not all have the same number of pictures."))
    if refused:
        return refused
    values: NDArray[Any] | None = None
    for number, frame in enumerate(frames):
        step(number)
        decoded = frame.modality_values()
        if isinstance(decoded, Failure):
            return decoded
        if decoded.ndim > 2:
            return _no_volume(Text("Its pictures are in colour."))
        if values is None:
            values = np.empty((len(frames), frame.rows, frame.cols), decoded.dtype)
        elif not np.can_cast(decoded.dtype, values.dtype):
            # Slices with a rescale of their own may need another type than the first.
            values = values.astype(np.float32)
        values[number] = decoded
    assert values is not None
    first, last = _plane(frames[0]), _plane(frames[-1])
    way = [(b - a) / (len(frames) - 1) for a, b in zip(first.position, last.position, strict=True)]
    return Volume(values, first.affine((way[0], way[1], way[2])), first.reference)


def _check(series: Series, frames: tuple[Frame, ...]) -> Failure | None:
    """Why frames cannot be one volume, or None."""
    if any(frame.place is None or frame.place.plane is None for frame in series.frames):
        return _no_volume(Text("The files do not say where the slices lie in the patient."))
    if len(frames) < 2:
        return _no_volume(Text("It has only one slice."))
    if series.step_mm is None:
        return _no_volume(Text("The distance of its slices is not the same everywhere."))
    if len({(frame.rows, frame.cols) for frame in frames}) > 1:
        return _no_volume(Text("Its slices differ in size."))
    if len(frames) * frames[0].rows * frames[0].cols * 4 > MAX_BYTES:
        return Failure(
            Code.TOO_LARGE,
            Text("The series is too large for other planes."),
            Text("Look at its slices instead."),
        )
    return None


def _even(series: Series) -> bool:
    """Whether the frames of each position stand together, as many at each as there are time points."""
    normal = _plane(series.frames[0]).normal
    offsets = [dot(_plane(frame).position, normal) for frame in series.frames]
    blocks = (offsets[at : at + series.time_points] for at in range(0, len(offsets), series.time_points))
    return all(max(block) - min(block) <= SAME_MM for block in blocks)


def _no_volume(why: Text) -> Failure:
    return Failure(
        Code.UNSUPPORTED,
        Text("This series cannot be shown in other planes. {why}", why=why),
        Text("Look at its slices one by one instead."),
    )


def _plane(frame: Frame) -> Plane:
    assert frame.place is not None
    assert frame.place.plane is not None
    return frame.place.plane
