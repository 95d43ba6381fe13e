"""Volumes in files: numbers in a grid behind a header, shown slice by slice. What NIfTI, NRRD and MetaImage share.

Slices are cut where the voxels are longest, which is how the series was acquired; across the body where all sides are
alike. They are shown as radiology does: the patient's right on the left, the front on top (axial, coronal) or on the
left (sagittal), however the voxels are stored. Coordinates are DICOM's.

Numbers are read, never mapped: a mapped file that is cut while it is shown ends the program.
"""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import math
import os
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text, counted, joined
from medview.imaging.files import Stamp, changed, os_failure, stamp_of
from medview.imaging.geometry import Vector, make_plane
from medview.imaging.modality_lut import MOST, Rescale, apply_rescale
from medview.imaging.raster import check_size
from medview.imaging.series_window import with_one_window
from medview.imaging.study import Frame, Origin, Place, Series, Study, pixel_size
from medview.imaging.window import Window

# Voxels of one file in memory.
MAX_BYTES = 1024**3
# What a packed file may unpack to whatever its length (masks pack 1000:1); beyond, at most so many times its length.
MAX_UNPACKED, MAX_RATIO = 256 * 1024**2, 100
MAX_FRAMES = 65_536
# Numbers written as text take a hundred times the memory of those in binary while they are read.
MAX_WRITTEN = 4_000_000
# Up to this size, what is needed of an unpacked file is read anew each time; beyond, the last piece is kept.
ALONE_BYTES = 32 * 1024**2
# Deflate packs 1032:1 at best; bzip2 far better, but no picture of a body does.
BEST_RATIO = 1100
# Nothing of a patient is so many mm away, or so thin.
FARTHEST, THINNEST = 1e7, 1e-9
# Bytes after the voxels that are unpacked as well, so that the checksum of a stream that ends there is compared.
_BEHIND = 64 * 1024
# The longest side of a voxel must be so much longer than the shortest to tell how slices were acquired.
_LONGER = 1.2
# World axes of (slice, down, across) and the sign in which they grow on the screen.
_AXIAL, _CORONAL, _SAGITTAL = ((2, 1), (1, 1), (0, 1)), ((1, 1), (2, -1), (0, 1)), ((0, -1), (2, -1), (1, 1))

SIDES_UNKNOWN = Text("The file does not say how it lies in the patient: left and right are not known.")
AGAIN = Text("Copy the file again from where it came from.")
Packing = Literal["", "gzip", "zlib", "bzip2", "text"]


@dataclass(frozen=True)
class Source:
    """Where the numbers are.

    Attributes:
        path: their file, which may lie beside the header. stamp: of it.
        start: where they, or the stream that they are packed in, begin. skip: bytes before them in the unpacked stream.
        packing: how they are written; `text` is decimal numbers.
    """

    path: Path
    stamp: Stamp
    start: int = 0
    skip: int = 0
    packing: Packing = ""


@dataclass(frozen=True)
class Voxels:
    """A grid of numbers, as a header declares it.

    Attributes:
        kind: the format, as people call it.
        shape: sizes of the stored axes, the one that changes fastest first.
        space: the stored axes i, j, k. time, sample: those that count points of time and RGB(A) samples, or None.
        affine: 4 x 4, (i, j, k, 1) to (x, y, z, 1) in mm, DICOM's patient coordinates.
        known: whether the file says how it lies in the patient; else `affine` tells sizes only.
        window: the one the file asks for.
    """

    kind: str
    source: Source
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    affine: NDArray[np.float64] = field(repr=False, compare=False)
    space: tuple[int, int, int] = (0, 1, 2)
    time: int | None = None
    sample: int | None = None
    known: bool = True
    rescale: Rescale = field(default_factory=Rescale)
    window: Window | None = None
    notes: tuple[Text, ...] = ()

    @property
    def count(self) -> int:
        """Numbers in the grid."""
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes of all numbers."""
        return self.count * self.dtype.itemsize

    @property
    def times(self) -> int:
        """Points of time."""
        return 1 if self.time is None else self.shape[self.time]


def damaged(text: Text, detail: str = "", code: Code = Code.CORRUPT) -> Failure:
    """The refusal of a file that is broken or cut off."""
    return Failure(code, text, AGAIN, detail)


def usable(affine: NDArray[np.float64]) -> bool:
    """Whether an affine can place voxels: finite, near the patient, with three directions that span space."""
    if not (np.isfinite(affine).all() and np.abs(affine).max() < FARTHEST):
        return False
    sides = np.linalg.norm(affine[:3, :3], axis=0)
    # Of unit vectors: 1 for a right angle, 0 for a flat box.
    return bool(sides.min() > THINNEST and abs(np.linalg.det(affine[:3, :3] / sides)) > 1e-4)


def open_voxels(path: Path, voxels: Voxels) -> Study | Failure:
    """A grid as a study of one series; a dynamic one has all times of a slice side by side."""
    axes, flips = _layout(voxels)
    return _refused(voxels, axes) or _study(path, voxels, axes, flips)


def _layout(voxels: Voxels) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """i, j or k (0 to 2) to show as (slice, row, col), and which of them backwards."""
    sides = np.linalg.norm(voxels.affine[:3, :3], axis=0)
    directions = voxels.affine[:3, :3] / sides
    # Of the six ways to pair stored axes with those of the world, the one that they run along most closely.
    worlds = max(
        itertools.permutations(range(3)),
        key=lambda order: sum(abs(directions[world, stored]) for stored, world in enumerate(order)),
    )
    runs = {world: (stored, 1 if directions[world, stored] >= 0 else -1) for stored, world in enumerate(worlds)}
    longest = max(range(3), key=lambda world: sides[runs[world][0]])
    apart = sides[runs[longest][0]] >= _LONGER * sorted(sides)[1]
    # What has one slice is shown as that, whatever its thickness.
    flat = [world for world in range(3) if voxels.shape[voxels.space[runs[world][0]]] == 1]
    across = flat[0] if len(flat) == 1 else longest if apart else 2
    shown = (_SAGITTAL, _CORONAL, _AXIAL)[across]
    a, b, c = (runs[world] for world, _ in shown)
    x, y, z = (run[1] != sign for run, (_, sign) in zip((a, b, c), shown, strict=True))
    return (a[0], b[0], c[0]), (x, y, z)


def _refused(voxels: Voxels, axes: tuple[int, int, int]) -> Failure | None:
    """Why a grid must not be read, or None: the file is too short for it, or it is too large."""
    source, kind = voxels.source, voxels.kind
    length = source.stamp[0]
    end = source.start + source.skip + voxels.size
    if end > length if source.packing == "" else source.start >= length:
        text = Text("This {kind} file ends too early; a part of the picture is missing.", kind=kind)
        return damaged(text, f"{length} of {end} bytes", Code.TRUNCATED)
    least = 2 * voxels.count - 1 if source.packing == "text" else voxels.size // BEST_RATIO
    if source.packing and least > length:
        return damaged(Text("The header of this {kind} file declares far more than it can hold.", kind=kind))
    slices, rows, cols = (voxels.shape[voxels.space[axis]] for axis in axes)
    samples = 1 if voxels.sample is None else voxels.shape[voxels.sample]
    unpacked = source.skip + voxels.size
    packed_too_far = source.packing and unpacked > max(MAX_UNPACKED, MAX_RATIO * length)
    written_too_far = source.packing == "text" and voxels.count > MAX_WRITTEN
    if unpacked > MAX_BYTES or packed_too_far or written_too_far or slices * voxels.times > MAX_FRAMES:
        shape = " x ".join(map(str, voxels.shape))
        return Failure(
            Code.TOO_LARGE,
            Text("The file has {shape} voxels, more than medview opens.", shape=shape),
            Text("Export a part of it."),
        )
    return check_size(rows, cols, samples * voxels.dtype.itemsize)


def _study(path: Path, voxels: Voxels, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> Study:
    slices, rows, cols = (voxels.shape[voxels.space[axis]] for axis in axes)
    times = voxels.times
    notes = voxels.notes if voxels.known else (*voxels.notes, SIDES_UNKNOWN)
    frames = []
    for slice_ in range(slices):
        place, spacing = _place(voxels, axes, flips, slice_)
        for time in range(times):
            stored = partial(_stored, voxels, axes, flips, slice_, time)
            frames.append(
                Frame(
                    path, slice_ * times + time, rows, cols, "", partial(_modality, voxels, stored), spacing_mm=spacing,
                    aspect=spacing[0] / spacing[1], notes=notes, stored=stored, place=place, window=voxels.window,
                )
            )  # fmt: skip
    what = [voxels.kind, pixel_size(cols, rows), counted("1 slice", "%n slices", slices)]
    if times > 1:
        what.append(counted("1 time", "%n times", times))
    # Of one volume, whether or not it says how it lies in the patient.
    series = with_one_window(Series(path.name, tuple(frames), notes=notes, time_points=times))
    return Study(path, joined(what), (series,))


def _place(
    voxels: Voxels, axes: tuple[int, int, int], flips: tuple[bool, bool, bool], slice_: int
) -> tuple[Place | None, tuple[float, float]]:
    """Where a slice lies, None where the file does not say, and its (row, column) spacing in mm."""
    corner = np.array([0.0, 0.0, 0.0, 1.0])
    steps = []
    for number, (axis, flip) in enumerate(zip(axes, flips, strict=True)):
        at = slice_ if number == 0 else 0
        corner[axis] = voxels.shape[voxels.space[axis]] - 1 - at if flip else at
        steps.append(voxels.affine[:3, axis] * (-1 if flip else 1))
    down, across = steps[1], steps[2]
    spacing = (float(np.linalg.norm(down)), float(np.linalg.norm(across)))
    if not voxels.known:
        return None, spacing
    x, y, z = (float(v) for v in (voxels.affine @ corner)[:3])
    position: Vector = (x, y, z)
    cosines = tuple(float(v) for v in (*across / spacing[1], *down / spacing[0]))
    return Place(Origin(), plane=make_plane(position, cosines, spacing)), spacing


def _stored(
    voxels: Voxels, axes: tuple[int, int, int], flips: tuple[bool, bool, bool], slice_: int, time: int
) -> NDArray[Any] | Failure:
    """Stored values (rows, cols) or (rows, cols, 3) of a slice as shown."""
    across = [voxels.space[axis] for axis in axes]
    fixed = {across[0]: voxels.shape[across[0]] - 1 - slice_ if flips[0] else slice_}
    if voxels.time is not None:
        fixed[voxels.time] = time
    # As little as lies together: all axes up to the slowest one that varies within a slice.
    kept, first = len(voxels.shape), 0
    while kept - 1 in fixed:
        kept -= 1
        first += fixed[kept] * math.prod(voxels.shape[:kept])
    shape = voxels.shape[:kept]
    numbers = _numbers(voxels, first, math.prod(shape))
    if isinstance(numbers, Failure):
        return numbers
    block = numbers.reshape(shape, order="F")[tuple(fixed.get(axis, slice(None)) for axis in range(kept))]
    left = [axis for axis in range(len(voxels.shape)) if axis not in fixed]
    wanted = [*across[1:], *(() if voxels.sample is None else (voxels.sample,))]
    # Axes that are none of these have the size 1.
    block = block.transpose([left.index(axis) for axis in (*wanted, *(a for a in left if a not in wanted))])
    shown = block.reshape(block.shape[: len(wanted)])[:: -1 if flips[1] else 1, :: -1 if flips[2] else 1]
    if shown.ndim == 3:
        shown = shown[:, :, :3]
    return np.array(shown, shown.dtype.newbyteorder("="), order="C")


def _modality(voxels: Voxels, stored: partial[NDArray[Any] | Failure]) -> NDArray[Any] | Failure:
    values = stored()
    if isinstance(values, Failure) or values.ndim == 3:
        return values
    if values.itemsize > 4:
        with np.errstate(over="ignore", invalid="ignore"):
            values = values.astype(np.float32)
    ends = voxels.rescale.ends(float(values.min()), float(values.max()))
    if max(map(abs, ends)) > MOST and np.isfinite((values.min(), values.max())).all():
        return Failure(
            Code.CORRUPT,
            Text("The scaling of this file leads to values that no measurement has."),
            Text("Copy the file again from where it came from, or export it anew."),
            f"slope {voxels.rescale.slope:g}, intercept {voxels.rescale.intercept:g}",
        )
    return apply_rescale(values, voxels.rescale)


@dataclass
class _Kept:
    """What was read last: every slice of a packed file, or of one stored across its slices, needs all of it."""

    key: tuple[Source, int, int] | None = None
    data: bytes = field(default=b"", repr=False)


_KEPT = _Kept()
_LOCK = threading.Lock()


def _numbers(voxels: Voxels, first: int, count: int) -> NDArray[Any] | Failure:
    """`count` stored numbers from number `first` on."""
    source, width = voxels.source, voxels.dtype.itemsize
    offset, size = first * width, count * width
    try:
        if source.packing:
            data, at = _keep((source, 0, voxels.size), lambda: _unpacked(voxels)), offset
        elif size > ALONE_BYTES:
            data, at = _keep((source, offset, size), lambda: _read(source, offset, size)), 0
        else:
            data, at = _read(source, offset, size), 0
    except (EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        code = Code.TRUNCATED if isinstance(error, EOFError) else Code.CORRUPT
        return damaged(
            Text("The voxels of this {kind} file are damaged or cut off.", kind=voxels.kind), repr(error), code
        )
    except OSError as error:
        return changed(source.path) if isinstance(error, _Changed) else os_failure(source.path, error)
    return np.frombuffer(data, voxels.dtype, count, at)


def _keep(key: tuple[Source, int, int], read: Callable[[], bytes]) -> bytes:
    """What `read` gives, read once for all that ask for the same in a row."""
    with _LOCK:
        if _KEPT.key != key:
            _KEPT.key, _KEPT.data = None, b""  # given back before the next is taken
            _KEPT.data, _KEPT.key = read(), key
        return _KEPT.data


class _Changed(OSError):
    """The file is not the one that was opened."""


def _opened(source: Source) -> IO[bytes]:
    file = source.path.open("rb")
    if stamp_of(os.fstat(file.fileno())) != source.stamp:
        file.close()
        raise _Changed
    return file


def _read(source: Source, offset: int, size: int) -> bytes:
    with _opened(source) as file:
        file.seek(source.start + source.skip + offset)
        data = file.read(size)
    if len(data) < size:
        raise EOFError(f"{len(data)} of {size} bytes")
    return data


def _unpacked(voxels: Voxels) -> bytes:
    """All numbers of a packed grid. Raises EOFError, ValueError, zlib.error or OSError for a broken stream."""
    source = voxels.source
    with _opened(source) as file:
        file.seek(source.start)
        if source.packing == "text":
            return _written(file.read(), voxels)
        try:
            return _inflated(file, source, source.skip + voxels.size)[source.skip :]
        except OSError as error:
            # bz2 says so of a broken stream; an error of the drive has a number.
            if error.errno is None and not isinstance(error, gzip.BadGzipFile):
                raise ValueError(str(error)) from None
            raise


def _written(text: bytes, voxels: Voxels) -> bytes:
    """Decimal numbers as the grid stores them."""
    words = text.split(None, voxels.count)[: voxels.count]
    if len(words) < voxels.count:
        raise EOFError(f"{len(words)} of {voxels.count} numbers")
    with np.errstate(invalid="ignore", over="ignore"):
        return np.array(words).astype(np.float64).astype(voxels.dtype).tobytes()


def _inflated(file: IO[bytes], source: Source, size: int) -> bytes:
    """The first `size` unpacked bytes; what follows is unpacked for a little, for the sake of the checksum."""
    stream: Any
    if source.packing == "zlib":
        stream = _Zlib(file)
    else:
        stream = gzip.GzipFile(fileobj=file) if source.packing == "gzip" else bz2.BZ2File(file)
    data: bytes = stream.read(size)
    if len(data) < size:
        raise EOFError(f"{len(data)} of {size} bytes")
    try:
        stream.read(_BEHIND)
    except gzip.BadGzipFile as error:
        if "Not a gzipped file" not in str(error):  # which would be something else behind the stream
            raise
    return data


class _Zlib:
    """A zlib stream as a file to read from."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._stream = file, zlib.decompressobj()

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; fewer at the end of the stream. Raises EOFError where the stream is cut off."""
        found = io.BytesIO()
        while found.tell() < size and not self._stream.eof:
            packed = self._stream.unconsumed_tail or self._file.read(1024 * 1024)
            if not packed:
                raise EOFError("the stream is cut off")
            found.write(self._stream.decompress(packed, size - found.tell()))
        return found.getvalue()
