"""NRRD (.nrrd, or .nhdr with the voxels beside it): https://teem.sourceforge.net/nrrd/format.html

Lines of text say what numbers follow and where they lie; data files of several parts and hexadecimal data are refused.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.core.texts import Text
from medview.imaging.detached import (
    MAX_HEADER,
    after_lines,
    beside,
    box,
    open_text_header,
    real_numbers,
    several,
    third,
    whole_numbers,
)  # fmt: skip
from medview.imaging.files import OpenFile, check_file, stamp_of
from medview.imaging.study import Study
from medview.imaging.voxels import Packing, Source, Voxels, usable

MAGIC = b"NRRD000"
_DAMAGED = Text("The header of this NRRD file is damaged.")
_TYPES = {
    "i1": "signed char, int8, int8_t", "u1": "uchar, unsigned char, uint8, uint8_t",
    "i2": "short, short int, signed short, signed short int, int16, int16_t",
    "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    "i4": "int, signed int, int32, int32_t", "u4": "uint, unsigned int, uint32, uint32_t",
    "i8": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
    "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t", "f4": "float", "f8": "double",
}  # fmt: skip
_TYPE_OF = {name: code for code, names in _TYPES.items() for name in names.split(", ")}
_PACKINGS: dict[str, Packing] = {
    "raw": "", "txt": "text", "text": "text", "ascii": "text", "gz": "gzip", "gzip": "gzip", "bz2": "bzip2",
    "bzip2": "bzip2",
}  # fmt: skip
# The sign of each axis of a space on the way to DICOM's (left, posterior, superior). Other spaces are no patient's.
_SPACES = {
    "left-posterior-superior": (1, 1, 1), "lps": (1, 1, 1), "lpst": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1), "ras": (-1, -1, 1), "rast": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1), "las": (1, -1, 1), "last": (1, -1, 1),
}  # fmt: skip
_MILLIMETRES = {"m": 1000.0, "cm": 10.0, "um": 0.001, "µm": 0.001, "micron": 0.001, "microns": 0.001}
_COLOURS = {"rgb-color": 3, "3-color": 3, "rgba-color": 4, "4-color": 4}
_TIMES = ("time", "list", "none", "???", "domain", "space", "point", "")


def open_nrrd(file: OpenFile) -> Study | Failure:
    """An NRRD file, or the header of one, as a study of one series."""
    return open_text_header(file, _read, _DAMAGED)


def _read(path: Path, head: bytes) -> Voxels | Failure:
    fields, start = _fields(head)
    return _voxels(path, fields, start)


def _fields(head: bytes) -> tuple[dict[str, str], int]:
    """The fields by their names without spaces, in lower case, and where what follows the header begins."""
    fields: dict[str, str] = {}
    at = 0
    while at < len(head):
        end = head.find(b"\n", at)
        line = head[at : end if end >= 0 else len(head)].rstrip(b"\r")
        at = end + 1 if end >= 0 else len(head)
        if not line:
            break
        name, colon, value = line.decode("utf-8", "replace").partition(": ")
        if colon and not line.startswith(b"#"):
            fields.setdefault(re.sub(r"[\s_]", "", name).lower(), value.strip())
    return fields, at


@dataclass(frozen=True)
class _Axes:
    """Which stored axes lie in space, and which count times or samples of a colour."""

    space: tuple[int, ...]
    time: int | None = None
    sample: int | None = None


def _voxels(path: Path, fields: dict[str, str], start: int) -> Voxels | Failure:
    """Raises ValueError or KeyError for fields that are missing or make no sense."""
    sizes = whole_numbers(fields["sizes"])
    count = int(fields["dimension"])
    if count != len(sizes) or not 1 <= count <= 16 or any(size < 1 for size in sizes):
        raise ValueError(f"sizes {sizes[:20]} of {count} dimensions")
    code = _TYPE_OF.get(fields["type"].lower())
    packing = _PACKINGS.get(fields["encoding"].lower())
    if code is None or packing is None:
        return several(
            path,
            Text(
                "Its numbers are of the type {type}, written as {encoding}.",
                type=fields["type"][:40],
                encoding=fields["encoding"][:40],
            ),
        )
    vectors = _vectors(fields.get("spacedirections", ""), count)
    kinds = [kind.lower() for kind in fields.get("kinds", "").split()]
    kinds += [""] * (count - len(kinds))
    axes = _axes(path, sizes, kinds, vectors, fields.get("spacings", ""), code)
    if isinstance(axes, Failure):
        return axes
    order = {"little": "<", "big": ">"}.get(fields.get("endian", "").lower(), "<" if sys.byteorder == "little" else ">")
    dtype = np.dtype(order + code)
    if axes.sample is not None and dtype.itemsize > 2:
        return several(path, Text("Its colours are deeper than 16 bits."))
    source = _source(path, fields, start, packing, int(np.prod(sizes, dtype=object)) * dtype.itemsize)
    if isinstance(source, Failure):
        return source
    # A flat picture gets a third axis of one slice.
    shape = (*sizes, *(1 for _ in range(3 - len(axes.space))))
    space = (*axes.space, *range(count, count + 3 - len(axes.space)))
    affine = _affine(fields, vectors, axes.space)
    known = affine is not None
    if affine is None:
        affine = box(_sides(fields, vectors, axes.space))
    return Voxels(
        "NRRD", source, dtype, shape, affine, (space[0], space[1], space[2]), axes.time, axes.sample, known
    )  # fmt: skip


def _vectors(text: str, count: int) -> list[NDArray[np.float64] | None]:
    """One vector an axis, None for an axis that has no direction; empty where the file gives none."""
    found = [
        None if word.lower() == "none" else np.array([float(part) for part in word[1:-1].split(",")])
        for word in re.findall(r"\([^()]*\)|none", text, re.IGNORECASE)
    ]
    if text and len(found) != count:
        raise ValueError(f"{len(found)} directions of {count} axes")
    return found


def _axes(
    path: Path,
    sizes: list[int],
    kinds: list[str],
    vectors: list[NDArray[np.float64] | None],
    spacings: str,
    code: str,
) -> _Axes | Failure:
    count = len(sizes)
    if vectors:
        space = [axis for axis in range(count) if vectors[axis] is not None]
    else:
        sides = real_numbers(spacings) if spacings else []
        other = {axis for axis, kind in enumerate(kinds) if kind not in ("", "domain", "space")}
        other |= {axis for axis, length in enumerate(sides) if np.isnan(length)}
        space = [axis for axis in range(count) if axis not in other][:3]
    time = sample = None
    if len(space) == 4:  # as ITK writes a volume in time
        time = space.pop()
    for axis in set(range(count)) - {*space, time}:
        if sizes[axis] == 1:
            continue
        # ITK writes colours as vectors; nobody writes other vectors in 8 bits.
        colour = _COLOURS.get(kinds[axis]) == sizes[axis] or (
            kinds[axis] == "vector" and code == "u1" and sizes[axis] in (3, 4)
        )
        if colour and sample is None:
            sample = axis
        elif kinds[axis] in _TIMES and time is None:
            time = axis
        else:
            return several(
                path,
                Text("It has more than one value at a place ({kinds}).", kinds=kinds[axis][:40] or Text("vectors")),
            )
    if not 1 <= len(space) <= 3:
        return several(path, Text("{count} of its axes lie in space.", count=len(space)))
    return _Axes(tuple(space), time, sample)


def _affine(
    fields: dict[str, str], vectors: list[NDArray[np.float64] | None], space: tuple[int, ...]
) -> NDArray[np.float64] | None:
    """(i, j, k, 1) to DICOM's patient coordinates in mm; None where the file does not say how it lies there."""
    signs = _SPACES.get(fields.get("space", "").lower().removesuffix("-time"))
    found = [vectors[axis] for axis in space] if vectors else []
    # Of four numbers the last one is of time.
    directions = [vector[:3] for vector in found if vector is not None and len(vector) in (3, 4)]
    if signs is None or len(directions) != len(space) or len(directions) < 2:
        return None
    if len(directions) == 2:
        directions.append(third(directions[0], directions[1]))
    units = re.findall(r'"([^"]*)"', fields.get("spaceunits", ""))
    scale = [_MILLIMETRES.get(unit.lower(), 1.0) for unit in [*units, "", "", ""][:3]]
    affine = np.eye(4)
    affine[:3, :3] = np.stack(directions, axis=1)
    origin = [float(part) for part in fields.get("spaceorigin", "").strip("() ").split(",") if part.strip()]
    affine[:3, 3] = origin[:3] if len(origin) in (3, 4) else 0.0
    affine[:3] *= np.multiply(signs, scale)[:, None]
    return affine if usable(affine) else None


def _sides(fields: dict[str, str], vectors: list[NDArray[np.float64] | None], space: tuple[int, ...]) -> list[float]:
    if vectors:
        return [float(np.linalg.norm(vector)) for axis in space if (vector := vectors[axis]) is not None]
    sides = real_numbers(fields.get("spacings", ""))
    return [sides[axis] if axis < len(sides) else 1.0 for axis in space]


def _source(path: Path, fields: dict[str, str], start: int, packing: Packing, size: int) -> Source | Failure:
    name = fields.get("datafile", "")
    if re.fullmatch(r"LIST(\s+\d+)?|\S*%\S*\s+-?\d+\s+-?\d+.*", name):
        return several(path, Text("Its voxels are spread over several files."))
    file = beside(path, name) if name else path
    if isinstance(file, Failure):
        return file
    status = check_file(file)
    if isinstance(status, Failure):
        return status
    lines, skip = int(fields.get("lineskip", "0")), int(fields.get("byteskip", "0"))
    if lines < 0 or skip < -1 or lines > MAX_HEADER:
        raise ValueError(f"skip {lines} lines and {skip} bytes")
    begin = after_lines(file, 0 if name else start, lines) if lines else (0 if name else start)
    if isinstance(begin, Failure):
        return begin
    if skip == -1:
        if packing:
            raise ValueError("packed voxels at the end")
        begin, skip = max(0, status.st_size - size), 0
    return Source(file, stamp_of(status), begin, skip, packing)
