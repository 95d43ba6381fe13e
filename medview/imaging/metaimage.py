"""MetaImage (.mha, or .mhd with the voxels beside it), as ITK reads and writes it: coordinates are DICOM's.

https://itk.org/Wiki/MetaIO/Documentation: lines of text say what numbers follow and where they lie.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.core.texts import Text
from medview.imaging.detached import beside, box, open_text_header, real_numbers, several, whole_numbers
from medview.imaging.files import GZIP, OpenFile, check_file, read_head, stamp_of
from medview.imaging.study import Study
from medview.imaging.voxels import Packing, Source, Voxels, usable

_DAMAGED = Text("The header of this MetaImage file is damaged.")
# MetaIO: a MET_LONG has 4 bytes on every machine.
_TYPES = {
    "CHAR": "i1", "UCHAR": "u1", "SHORT": "i2", "USHORT": "u2", "INT": "i4", "UINT": "u4", "LONG": "i4", "ULONG": "u4",
    "LONG_LONG": "i8", "ULONG_LONG": "u8", "FLOAT": "f4", "DOUBLE": "f8",
}  # fmt: skip
_FIRST = (b"ObjectType", b"Comment", b"NDims")


def looks_like_metaimage(head: bytes) -> bool:
    """Whether a file begins as these do."""
    return head.startswith(_FIRST) and b"NDims" in head and b"=" in head[:64]


def open_metaimage(file: OpenFile) -> Study | Failure:
    """A MetaImage file, or the header of one, as a study of one series."""
    return open_text_header(file, _read, _DAMAGED)


def _read(path: Path, head: bytes) -> Voxels | Failure:
    fields, start = _fields(head)
    return _voxels(path, fields, start, head[start : start + 2])


def _fields(head: bytes) -> tuple[dict[str, str], int]:
    """The fields by name, up to the one that ends a header, and the position behind it. Raises ValueError without."""
    fields: dict[str, str] = {}
    at = 0
    while at < len(head):
        end = head.find(b"\n", at)
        line = head[at : end if end >= 0 else len(head)].decode("utf-8", "replace")
        at = end + 1 if end >= 0 else len(head)
        name, equals, value = line.partition("=")
        if equals:
            fields.setdefault(name.strip(), value.strip())
        if name.strip() == "ElementDataFile":
            return fields, at
    raise ValueError("no ElementDataFile")


def _first(fields: dict[str, str], *names: str) -> str:
    """The value of the first of several names of one thing; empty where there is none."""
    return next((fields[name] for name in names if name in fields), "")


def _yes(fields: dict[str, str], *names: str, default: bool = False) -> bool:
    value = _first(fields, *names).lower()
    return value in ("true", "1", "yes", "t") if value else default


def _voxels(path: Path, fields: dict[str, str], start: int, magic: bytes) -> Voxels | Failure:
    """Raises ValueError or KeyError for fields that are missing or make no sense. `magic`: bytes behind the header."""
    sizes = whole_numbers(fields["DimSize"])
    count = int(fields["NDims"])
    if count != len(sizes) or not 1 <= count <= 10 or any(size < 1 for size in sizes):
        raise ValueError(f"sizes {sizes[:20]} of {count} dimensions")
    if any(size > 1 for size in sizes[4:]):
        return several(path, Text("It has {count} dimensions.", count=count))
    element = fields["ElementType"].removeprefix("MET_").removesuffix("_ARRAY")
    code = _TYPES.get(element)
    if code is None:
        return several(path, Text("Its numbers are of the type {element}.", element=element[:40]))
    samples = int(fields.get("ElementNumberOfChannels") or 1)
    if samples != 1 and (samples not in (3, 4) or code not in ("u1", "u2")):
        return several(path, Text("It has {samples} values at a place.", samples=samples))
    most = _yes(fields, "BinaryDataByteOrderMSB", "ElementByteOrderMSB", default=sys.byteorder == "big")
    dtype = np.dtype((">" if most else "<") + code)
    shape = tuple([*sizes, 1, 1, 1][: max(3, count)])
    if samples > 1:
        shape = (samples, *shape)
    source = _source(path, fields, start, magic, int(np.prod(shape, dtype=object)) * dtype.itemsize)
    if isinstance(source, Failure):
        return source
    first = int(samples > 1)
    affine = _affine(fields, count)
    known = affine is not None
    if affine is None:
        affine = box(real_numbers(_first(fields, "ElementSpacing", "ElementSize"))[:3])
    return Voxels(
        "MetaImage", source, dtype, shape, affine, (first, first + 1, first + 2), first + 3 if count > 3 else None,
        0 if first else None, known,
    )  # fmt: skip


def _affine(fields: dict[str, str], count: int) -> NDArray[np.float64] | None:
    """(i, j, k, 1) to DICOM's patient coordinates in mm; None where the file does not say how it lies there."""
    matrix = real_numbers(_first(fields, "TransformMatrix", "Rotation", "Orientation"))
    sides = real_numbers(_first(fields, "ElementSpacing", "ElementSize")) or [1.0] * count
    offset = real_numbers(_first(fields, "Offset", "Position", "Origin")) or [0.0] * count
    if len(matrix) != count * count or len(sides) != count or len(offset) != count or count < 3:
        return None
    # Row after row of the text is the direction of an axis.
    affine = np.eye(4)
    with np.errstate(invalid="ignore"):  # infinity times zero; `usable` sees it
        affine[:3, :3] = np.reshape(matrix, (count, count))[:3, :3].T * np.abs(sides[:3])
    affine[:3, 3] = offset[:3]
    return affine if usable(affine) else None


def _source(path: Path, fields: dict[str, str], start: int, magic: bytes, size: int) -> Source | Failure:
    name = fields["ElementDataFile"]
    inside = name.upper() == "LOCAL"
    if name.upper().split()[:1] == ["LIST"] or "%" in name:
        return several(path, Text("Its voxels are spread over several files."))
    file = path if inside else beside(path, name)
    if isinstance(file, Failure):
        return file
    status = check_file(file)
    if isinstance(status, Failure):
        return status
    begin = start if inside else 0
    packing: Packing = ""
    if not _yes(fields, "BinaryData", default=True):
        packing = "text"
    elif _yes(fields, "CompressedData"):
        head = magic if inside else read_head(file, 2)
        if isinstance(head, Failure):
            return head
        packing = "gzip" if head == GZIP else "zlib"
    skip = int(fields.get("HeaderSize") or 0)
    if skip < -1:
        raise ValueError(f"HeaderSize {skip}")
    if skip == -1:
        begin = max(0, status.st_size - size)
    return Source(file, stamp_of(status), begin + max(0, skip), 0, packing)
