"""NIfTI-1, NIfTI-2 and Analyze 7.5: one file (.nii) or a header beside its voxels (.hdr and .img), each packed or not.

nibabel reads the fields of the header; what they mean is decided here by nifti1.h and its reference code (nifti1_io.c),
since files that others open must open here: of three ways to say where the voxels lie, the best usable one counts.
NIfTI counts towards right, front and head; coordinates here are DICOM's.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.files import GZIP, OpenFile, check_file, read_head, stamp_of
from medview.imaging.modality_lut import Rescale
from medview.imaging.study import Study
from medview.imaging.voxels import FARTHEST, THINNEST, Packing, Source, Voxels, damaged, open_voxels, usable
from medview.imaging.window import Window

# Bytes of a header, and of a file that has the voxels behind it: four more say whether something lies between.
ONE, TWO = 348, 540
_MAGIC = {ONE: (344, b"n+1\0", b"ni1\0"), TWO: (4, b"n+2\0", b"ni2\0")}
# mm of xyzt_units; all others count as mm, as do files that say none.
_MILLIMETRES = {1: 1000.0, 3: 0.001}
# Behind a header of this size there is no more to believe.
_LATEST_START = 64 * 1024**2
SPM_NOTE = Text("The values of this Analyze file are scaled as SPM writes it.")
NEXT_BEST = Text(
    "What this file says first of its place in the patient (sform) cannot be; its second word (qform) was used."
)
INSIDE = Text("The file says that its voxels begin inside its header; they were read from behind it.")


def sniff_nifti(head: bytes, size: int = 0) -> str:
    """`nifti` or `analyze` for the beginning of such a file, packed or not, else empty; `size` of the whole file.

    An Analyze header has no mark of its own: a file of it is as long as the header and nothing in it is impossible.
    """
    packed = head.startswith(GZIP)
    if packed:
        try:
            head = zlib.decompressobj(31).decompress(head, TWO)
        except zlib.error:
            return ""
    for length, (at, *magic) in _MAGIC.items():
        if _length(head) == length and head[at : at + 4] in magic:
            return "nifti"
    alone = len(head) == ONE if packed else size == ONE
    return "analyze" if alone and _length(head) == ONE and _plausible(head) else ""


def _length(head: bytes) -> int:
    """The length that a header gives itself (348 or 540), in either byte order; 0 for none of these."""
    found = {int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")} & {ONE, TWO}
    return found.pop() if found else 0


def _plausible(head: bytes) -> bool:
    order = "<" if int.from_bytes(head[:4], "little") == ONE else ">"
    count, *sizes = struct.unpack_from(order + "5h", head, 40)
    kind, bits = struct.unpack_from(order + "2h", head, 70)
    return 1 <= count <= 7 and sizes[0] > 0 and bits == {2: 8, 4: 16, 8: 32, 16: 32, 64: 64, 128: 24}.get(kind)


def is_voxel_file(path: Path) -> bool:
    """Whether a name is that of the second half of a pair (.img); what it holds cannot tell."""
    return path.name.lower().endswith((".img", ".img.gz"))


def _stem(path: Path) -> tuple[str, str]:
    """The name without what names the format, and that in lower case: `.hdr`, `.img` or something else."""
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return plain.stem, plain.suffix.lower()


def other_half(path: Path, suffix: str) -> Path | None:
    """The file of that suffix (`.hdr`, `.img`) that belongs to `path`, packed or not, in any case; None without one."""
    stem = _stem(path)[0]
    for ending in (suffix, suffix.upper()):
        for packed in ("", ".gz", ".GZ"):
            beside = path.with_name(stem + ending + packed)
            if beside.is_file():
                return beside
    return None


def open_nifti(file: OpenFile) -> Study | Failure:
    """A file of this family, or the header of a pair, as a study of one series."""
    head = file.first(64 * 1024)
    if isinstance(head, Failure):
        return head
    packed = head.startswith(GZIP)
    try:
        raw = zlib.decompressobj(31).decompress(head, TWO) if packed else head[:TWO]
        return _open(file.path, raw, Source(file.path, file.stamp, packing="gzip" if packed else ""))
    except _header_errors() as error:
        return damaged(Text("The header of this NIfTI file is damaged."), repr(error)[:500])


def _half(path: Path) -> Failure:
    return Failure(
        Code.UNSUPPORTED,
        Text("{name} is one half of a pair of files; the other half (.img) is not beside it.", name=path.name),
        Text("Copy both files into one folder and open either."),
    )


def _header_errors() -> tuple[type[Exception], ...]:
    """What nibabel and numpy raise over the header of a damaged file."""
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    return (
        ValueError, TypeError, KeyError, ArithmeticError, struct.error, zlib.error, np.linalg.LinAlgError,
        HeaderDataError, WrapStructError,
    )  # fmt: skip


def _header(raw: bytes) -> tuple[Any, str]:
    """nibabel's header and the name of the format. Raises what nibabel raises for nonsense."""
    import nibabel

    if _length(raw) == TWO:
        return nibabel.Nifti2Header.from_fileobj(io.BytesIO(raw), check=False), "NIfTI"
    if raw[344:348] in _MAGIC[ONE][1:]:
        return nibabel.Nifti1Header.from_fileobj(io.BytesIO(raw), check=False), "NIfTI"
    return nibabel.AnalyzeHeader.from_fileobj(io.BytesIO(raw), check=False), "Analyze"


def _open(path: Path, raw: bytes, source: Source) -> Study | Failure:
    header, kind = _header(raw)
    dtype = header.get_data_dtype()
    shape = _shape(header, dtype)
    if isinstance(shape, Failure):
        return shape
    samples = len(dtype.names) if dtype.names in (("R", "G", "B"), ("R", "G", "B", "A")) else 0
    if dtype.kind not in "iuf" and not samples:
        return Failure(
            Code.UNSUPPORTED,
            Text("Values of the type {dtype} in {kind} files are not shown.", dtype=dtype, kind=kind),
            Text("Save as float."),
        )
    found = _numbers(path, header, raw, source)
    if isinstance(found, Failure):
        return found
    affine, known, notes = _affine(header) if kind == "NIfTI" else (_box(header), False, ())
    place = (1, 2, 3, 4) if samples else (0, 1, 2, 3)
    sample = 0 if samples else 4 if len(shape) > 4 else None
    rescale, scaled = _scale(raw, header, kind)
    voxels = Voxels(
        kind, found[0], np.dtype(np.uint8) if samples else dtype, (samples, *shape) if samples else shape, affine,
        (place[0], place[1], place[2]), place[3], sample, known, rescale, _window(header),
        (*found[1], *notes, *scaled),
    )  # fmt: skip
    return open_voxels(path, voxels)


def _shape(header: Any, dtype: np.dtype[Any]) -> tuple[int, ...] | Failure:
    """(i, j, k, times), and samples where these are colours. By nifti1_io.c, a size of 0 counts as 1 but for the first.

    Colours as vectors, which ITK writes, are told by their 8 bits: nobody writes other vectors so.
    """
    dims = [int(n) for n in header["dim"]]
    count = dims[0]
    if not 1 <= count <= 7 or dims[1] < 1 or any(n < 0 for n in dims[2 : count + 1]):
        return damaged(Text("The header of this NIfTI file gives no valid size."), str(dims))
    sizes = [max(1, n) for n in dims[1 : count + 1]] + [1] * (7 - count)
    colour = dtype == np.uint8 and sizes[4] in (3, 4)
    if any(n > 1 for n in sizes[5 if colour else 4 :]):
        return Failure(
            Code.UNSUPPORTED,
            Text("This NIfTI file has more than one value at a place (vectors)."),
            Text("Save each as a file."),
        )
    return tuple(sizes[: 5 if colour else 4])


def _numbers(path: Path, header: Any, raw: bytes, source: Source) -> tuple[Source, tuple[Text, ...]] | Failure:
    """Where the voxels are, and what there is to say of it."""
    offset = float(header["vox_offset"])
    if not 0 <= offset <= _LATEST_START:
        return damaged(Text("The header of this NIfTI file is damaged."), f"voxels at {offset}")
    start = int(offset)
    at, single, _ = _MAGIC[_length(raw)]
    notes: tuple[Text, ...] = ()
    marked = raw[at : at + 4] == single
    # A header alone, marked as if the voxels followed.
    paired = marked and source.stamp[0] <= _length(raw) + 4 and _stem(path)[1] == ".hdr" and not source.packing
    if marked and not (paired and other_half(path, ".img")):
        behind = _length(raw) + 4
        if start < behind:
            start, notes = behind, (INSIDE,)
    else:
        other = other_half(path, ".img")
        if other is None:
            return _half(path)
        status = check_file(other)
        head = read_head(other, 2)
        if isinstance(status, Failure):
            return status
        if isinstance(head, Failure):
            return head
        packing: Packing = "gzip" if head == GZIP and other.suffix.lower() == ".gz" else ""
        source = Source(other, stamp_of(status), packing=packing)
        start = 0 if paired else start
    return Source(source.path, source.stamp, 0, start, source.packing), notes


def _scale(raw: bytes, header: Any, kind: str) -> tuple[Rescale, tuple[Text, ...]]:
    """Slope and intercept. Analyze has none, but SPM keeps a slope where NIfTI later put its own."""
    if kind == "Analyze":
        (slope,) = struct.unpack_from(("<" if header.endianness == "<" else ">") + "f", raw, 112)
        used = math.isfinite(slope) and slope not in (0, 1)
        return Rescale(slope if used else 1.0), (SPM_NOTE,) if used else ()
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not math.isfinite(slope) or slope == 0:
        return Rescale(), ()
    return Rescale(slope, intercept if math.isfinite(intercept) else 0.0), ()


def _window(header: Any) -> Window | None:
    """What cal_min and cal_max ask to be shown, in units of the scaled values."""
    low, high = float(header["cal_min"]), float(header["cal_max"])
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return None
    return Window.from_range(low, high)


def _affine(header: Any) -> tuple[NDArray[np.float64], bool, tuple[Text, ...]]:
    """(i, j, k, 1) to DICOM's patient coordinates in mm; whether the file says how it lies there; notes.

    sform, then qform, then the sizes of voxels alone, the first of these that is usable.
    """
    scale = _MILLIMETRES.get(int(header["xyzt_units"]) & 7, 1.0)
    to_dicom = np.diag([-scale, -scale, scale, 1.0])
    notes: tuple[Text, ...] = ()
    with np.errstate(invalid="ignore", over="ignore"):
        if int(header["sform_code"]) > 0:
            rows = [np.asarray(header[name], np.float64) for name in ("srow_x", "srow_y", "srow_z")]
            affine: NDArray[np.float64] = to_dicom @ np.array([*rows, [0, 0, 0, 1]])
            if usable(affine):
                return affine, True, ()
            notes = (NEXT_BEST,)
        if int(header["qform_code"]) > 0:
            affine = to_dicom @ _qform(header)
            if usable(affine):
                return affine, True, notes
    return _box(header, scale), False, ()


def _sides(header: Any) -> NDArray[np.float64]:
    """Sides of a voxel as the header gives them; what is no length counts as 1."""
    sides = np.abs(np.asarray(header["pixdim"][1:4], np.float64))
    return np.where(np.isfinite(sides) & (sides > THINNEST) & (sides < FARTHEST), sides, 1.0)


def _box(header: Any, scale: float = 1.0) -> NDArray[np.float64]:
    """The affine of a volume that says nothing of the patient: i taken for the way to the right, j to the front."""
    return np.diag([*(_sides(header) * (-scale, -scale, scale)), 1.0])


def _qform(header: Any) -> NDArray[np.float64]:
    """METHOD 2 of nifti1.h: a rotation as a quaternion, sides, an offset. A qfac of 0 counts as 1."""
    b, c, d = (float(header[name]) for name in ("quatern_b", "quatern_c", "quatern_d"))
    length = b * b + c * c + d * d
    if length > 1:  # rounding: a half turn
        b, c, d = (value / math.sqrt(length) for value in (b, c, d))
    a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    affine = np.eye(4)
    affine[:3, :3] = turn * _sides(header) * (1, 1, -1 if float(header["pixdim"][0]) < 0 else 1)
    affine[:3, 3] = [float(header[f"qoffset_{axis}"]) for axis in "xyz"]
    return affine
