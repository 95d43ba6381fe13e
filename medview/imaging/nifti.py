"""NIfTI-1 and NIfTI-2 (.nii, .nii.gz): read through nibabel, shown as radiology does.

The patient's right is on the left of the picture and the front on top (axial, coronal) or on the left (sagittal),
however the voxels are stored. Slices are cut where the voxels are longest, which is how the series was acquired; across
the body where all sides are alike. NIfTI counts towards right, front and head; coordinates here are DICOM's.
"""

from __future__ import annotations

import gzip
import io
import struct
import threading
import zlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.imaging.files import check_file, os_failure
from medview.imaging.geometry import Vector, make_plane
from medview.imaging.study import Frame, Origin, Place, Series, Study
from medview.imaging.values import Rescale, apply_rescale

# Voxels of one file in memory.
MAX_BYTES = 1024**3
MAX_FRAMES = 65_536
# A header and its extensions; the voxels begin soon after.
_HEADER_BYTES = 540
# Nothing of a patient is so many mm away.
_FARTHEST = 1e7
# The longest side of a voxel must be so much longer than the shortest to tell how slices were acquired.
_LONGER = 1.2
_MILLIMETRES = {"meter": 1000.0, "micron": 0.001}
# World axes of (slice, down, across) and the sign in which they grow on the screen, DICOM coordinates.
_AXIAL, _CORONAL, _SAGITTAL = ((2, 1), (1, 1), (0, 1)), ((1, 1), (2, -1), (0, 1)), ((0, -1), (2, -1), (1, 1))


@dataclass(frozen=True)
class Voxels:
    """Where the voxels of a file are and how its axes lie.

    Attributes:
        shape: (i, j, k, times) as stored, i fastest. dtype, start: of the voxels in the (unpacked) file.
        axes: stored axis that is (slice, row, col) on the screen; flips: whether it is shown backwards.
        stamp: (bytes, mtime in ns) of the file.
    """

    path: Path
    packed: bool
    shape: tuple[int, int, int, int]
    dtype: np.dtype[Any]
    start: int
    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    rescale: Rescale
    stamp: tuple[int, int]

    @property
    def end(self) -> int:
        """Bytes that the (unpacked) file must have."""
        return self.start + int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def picture(self, slice_: int, time: int) -> NDArray[Any] | Failure:
        """Stored values (rows, cols) or (rows, cols, 3) of a slice as shown."""
        voxels = _voxels(self)
        if isinstance(voxels, Failure):
            return voxels
        shown = voxels[..., time].transpose(self.axes)
        shown = shown[tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)][slice_]
        if shown.dtype.names:
            return np.ascontiguousarray(np.stack([shown[name] for name in "RGB"], axis=-1))
        return np.array(shown, shown.dtype.newbyteorder("="), order="C")


def sniff_nifti(head: bytes) -> str:
    """`nifti` for the beginning of such a file, packed or not, else empty."""
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(31).decompress(head, _HEADER_BYTES)
        except zlib.error:
            return ""
    one = head[344:348] in (b"n+1\0", b"ni1\0") and b"\x5c\x01" in (head[:2], head[2:4][::-1])
    two = head[4:8] in (b"n+2\0", b"ni2\0") and b"\x1c\x02" in (head[:2], head[2:4][::-1])
    return "nifti" if one or two else ""


def open_nifti(path: Path) -> Study | Failure:
    """A NIfTI file as a study of one series; a dynamic one has all times of a slice side by side."""
    status = check_file(path)
    if isinstance(status, Failure):
        return status
    try:
        with path.open("rb") as file:
            head = file.read(64 * 1024)
    except OSError as error:
        return os_failure(path, error)
    packed = head.startswith(b"\x1f\x8b")
    try:
        raw = zlib.decompressobj(31).decompress(head, _HEADER_BYTES) if packed else head[:_HEADER_BYTES]
        return _open(path, raw, packed, (status.st_size, status.st_mtime_ns))
    except _header_errors() as error:
        return _damaged("The header of this NIfTI file is damaged.", repr(error)[:500])


def _damaged(text: str, detail: str = "", code: Code = Code.CORRUPT) -> Failure:
    return Failure(code, text, "Copy the file again from where it came from.", detail)


def _header_errors() -> tuple[type[Exception], ...]:
    """What nibabel and numpy raise over the header of a damaged file."""
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    return (
        ValueError, TypeError, KeyError, ArithmeticError, struct.error, zlib.error, np.linalg.LinAlgError,
        HeaderDataError, WrapStructError,
    )  # fmt: skip


def _header(raw: bytes) -> Any:
    """nibabel's header. Raises what it raises for nonsense."""
    import nibabel

    two = raw[4:8] in (b"n+2\0", b"ni2\0")
    kind = nibabel.Nifti2Header if two else nibabel.Nifti1Header
    return kind.from_fileobj(io.BytesIO(raw), check=False)


def _open(path: Path, raw: bytes, packed: bool, stamp: tuple[int, int]) -> Study | Failure:
    header = _header(raw)
    if header["magic"].item() in (b"ni1", b"ni2"):
        return Failure(
            Code.UNSUPPORTED,
            f"{path.name} is one half of a NIfTI pair.",
            "Save it as a single .nii file and open that.",
        )
    dims = [int(n) for n in header["dim"]]
    count = dims[0]
    if not 2 <= count <= 7 or any(n < 1 for n in dims[1 : count + 1]):
        return _damaged("The header of this NIfTI file gives no valid size.", str(dims))
    if count > 4 and any(n > 1 for n in dims[5 : count + 1]):
        return Failure(
            Code.UNSUPPORTED, "This NIfTI file has more than one value at a place (vectors).", "Save each as a file."
        )
    i, j, k, times = (dims[n] if n <= count else 1 for n in range(1, 5))
    dtype = header.get_data_dtype()
    colour = dtype.names in (("R", "G", "B"), ("R", "G", "B", "A"))
    if dtype.kind not in "iuf" and not colour:
        return Failure(Code.UNSUPPORTED, f"Values of the type {dtype} in NIfTI files are not shown.", "Save as float.")
    known = int(header["qform_code"]) > 0 or int(header["sform_code"]) > 0
    affine = _to_dicom(header)
    axes, flips = _layout(affine)
    rescale = Rescale(*_scale(header))
    voxels = Voxels(
        path, packed, (i, j, k, times), dtype, int(header["vox_offset"]), axes, flips, rescale, stamp
    )  # fmt: skip
    refused = _check(voxels)
    return refused or _study(voxels, affine, known)


def _scale(header: Any) -> tuple[float, float]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    usable = np.isfinite(slope) and slope != 0
    return (slope, intercept if np.isfinite(intercept) else 0.0) if usable else (1.0, 0.0)


def _to_dicom(header: Any) -> NDArray[np.float64]:
    """(i, j, k, 1) to DICOM's patient coordinates in mm."""
    scale = _MILLIMETRES.get(header.get_xyzt_units()[0], 1.0)
    with np.errstate(invalid="ignore", over="ignore"):  # a damaged one is refused below
        affine: NDArray[np.float64] = np.diag([-scale, -scale, scale, 1.0]) @ header.get_best_affine()
    if not np.abs(affine).max() < _FARTHEST or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ValueError("no usable affine")
    return affine


def _layout(affine: NDArray[np.float64]) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """The stored axes to show as (slice, row, col), and which of them backwards."""
    from nibabel.orientations import io_orientation

    # For each stored axis the world axis it runs along, and the direction.
    runs = {int(world): (stored, sign) for stored, (world, sign) in enumerate(io_orientation(affine))}
    sides = np.linalg.norm(affine[:3, :3], axis=0)
    longest = max(range(3), key=lambda world: sides[runs[world][0]])
    apart = sides[runs[longest][0]] >= _LONGER * sorted(sides)[1]
    shown = (_SAGITTAL, _CORONAL, _AXIAL)[longest] if apart else _AXIAL
    a, b, c = (runs[world] for world, _ in shown)
    x, y, z = (run[1] != sign for run, (_, sign) in zip((a, b, c), shown, strict=True))
    return (a[0], b[0], c[0]), (x, y, z)


def _check(voxels: Voxels) -> Failure | None:
    size = voxels.end - voxels.start
    if voxels.start < 0 or voxels.start > 64 * 1024**2:
        return _damaged("The header of this NIfTI file is damaged.", f"voxels at {voxels.start}")
    if not voxels.packed and voxels.end > voxels.stamp[0]:
        return _damaged("This NIfTI file ends too early; a part of the picture is missing.", code=Code.TRUNCATED)
    if voxels.packed and size > 1100 * voxels.stamp[0]:  # deflate packs 1032:1 at best
        return _damaged("The header of this NIfTI file declares far more than it can hold.")
    if size > MAX_BYTES or voxels.shape[voxels.axes[0]] * voxels.shape[3] > MAX_FRAMES:
        shape = " x ".join(map(str, voxels.shape))
        return Failure(Code.TOO_LARGE, f"The file has {shape} voxels, more than medview opens.", "Export a part of it.")
    return None


def _study(voxels: Voxels, affine: NDArray[np.float64], known: bool) -> Study:
    slices, rows, cols = (voxels.shape[axis] for axis in voxels.axes)
    times = voxels.shape[3]
    notes = () if known else ("The file does not say how it lies in the patient: left and right are not known.",)
    frames = []
    for slice_ in range(slices):
        place, spacing = _place(voxels, affine, slice_, known)
        for time in range(times):
            index = slice_ * times + time
            frames.append(
                Frame(
                    voxels.path, index, rows, cols, "", partial(_decode, voxels, slice_, time), spacing_mm=spacing,
                    aspect=spacing[0] / spacing[1], notes=notes, stored=partial(voxels.picture, slice_, time),
                    place=place,
                )
            )  # fmt: skip
    count = f", {slices} slices" + (f", {times} times" if times > 1 else "")
    series = Series(voxels.path.name, tuple(frames), notes=notes, time_points=times)
    return Study(voxels.path, f"NIfTI, {cols} x {rows} pixels{count}", (series,))


def _place(
    voxels: Voxels, affine: NDArray[np.float64], slice_: int, known: bool
) -> tuple[Place | None, tuple[float, float]]:
    """Where a slice lies, None where the file does not say, and its (row, column) spacing in mm."""
    corner = np.array([0.0, 0.0, 0.0, 1.0])
    steps = []
    for number, (axis, flip) in enumerate(zip(voxels.axes, voxels.flips, strict=True)):
        at = slice_ if number == 0 else 0
        corner[axis] = voxels.shape[axis] - 1 - at if flip else at
        steps.append(affine[:3, axis] * (-1 if flip else 1))
    down, across = steps[1], steps[2]
    spacing = (float(np.linalg.norm(down)), float(np.linalg.norm(across)))
    if not known:
        return None, spacing
    x, y, z = (float(v) for v in (affine @ corner)[:3])
    position: Vector = (x, y, z)
    cosines = tuple(float(v) for v in (*across / spacing[1], *down / spacing[0]))
    plane = make_plane(position, cosines, spacing)
    return Place(Origin(), plane=plane), spacing


def _decode(voxels: Voxels, slice_: int, time: int) -> NDArray[Any] | Failure:
    stored = voxels.picture(slice_, time)
    if isinstance(stored, Failure) or stored.ndim == 3:
        return stored
    if stored.itemsize == 8:
        with np.errstate(over="ignore", invalid="ignore"):
            stored = stored.astype(np.float32)
    return apply_rescale(stored, voxels.rescale)


@dataclass
class _Kept:
    """The file that was unpacked last: every slice of a packed file needs all of it."""

    key: tuple[Path, tuple[int, int]] | None = None
    data: bytes = field(default=b"", repr=False)


_KEPT = _Kept()
_LOCK = threading.Lock()


def _voxels(voxels: Voxels) -> NDArray[Any] | Failure:
    """(i, j, k, times) as stored, without a copy of the file where it is not packed."""
    try:
        status = voxels.path.stat()
        if (status.st_size, status.st_mtime_ns) != voxels.stamp:
            return Failure(Code.READ_ERROR, f"{voxels.path.name} has changed since it was opened.", "Open it again.")
        if not voxels.packed:
            return np.memmap(voxels.path, voxels.dtype, "r", voxels.start, voxels.shape, "F")
        with _LOCK:
            if _KEPT.key != (voxels.path, voxels.stamp):
                _KEPT.key, _KEPT.data = None, b""
                with gzip.open(voxels.path, "rb") as file:
                    data = file.read(voxels.end)
                if len(data) < voxels.end:
                    raise EOFError(f"{len(data)} of {voxels.end} bytes")
                _KEPT.key, _KEPT.data = (voxels.path, voxels.stamp), data
            flat = np.frombuffer(_KEPT.data, voxels.dtype, offset=voxels.start, count=int(np.prod(voxels.shape)))
        return flat.reshape(voxels.shape, order="F")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        code = Code.TRUNCATED if isinstance(error, EOFError) else Code.CORRUPT
        return _damaged("This packed NIfTI file is damaged or cut off.", repr(error), code)
    except OSError as error:
        return os_failure(voxels.path, error)
