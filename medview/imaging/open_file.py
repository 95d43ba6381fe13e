"""One file that holds pictures itself: what kind it is, by its content; then the reader of that kind."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.jobs import Step
from medview.core.texts import Text, counted, joined
from medview.imaging.archive import unpacked_gzip
from medview.imaging.dicom import open_dicom
from medview.imaging.files import (
    DICOM_SUFFIXES,
    EMPTY_ZIP,
    GZIP,
    HEAD,
    MAX_FILE_BYTES,
    ZIP,
    OpenFile,
    Stamp,
    open_start,
    read_again,
)
from medview.imaging.headers import looks_like_dicom, sniff
from medview.imaging.metaimage import looks_like_metaimage, open_metaimage
from medview.imaging.nifti import is_voxel_file, open_nifti, other_half, sniff_nifti
from medview.imaging.nrrd import MAGIC as NRRD
from medview.imaging.nrrd import open_nrrd
from medview.imaging.raster import describe_raster, raster_damage, read_raster
from medview.imaging.series_window import with_series_window
from medview.imaging.study import Frame, Series, Study, pixel_size
from medview.imaging.unknown import unknown


def open_file(path: Path, examine: bool = True, step: Step = lambda: None) -> Study | Failure:
    """Open one file that holds pictures itself; one that stands for others (an archive, a disc) is refused.

    Otherwise as `medview.imaging.open.open_path`.
    """
    known = recognise(path)
    if isinstance(known, Failure):
        return known
    with known.file:
        return open_known(known, examine, step)


def open_known(known: Known, examine: bool, step: Step = lambda: None) -> Study | Failure:
    """`open_file` of a file that was recognised."""
    return with_windows(_open(known.file, known.kind, examine, step))


def with_windows(study: Study | Failure) -> Study | Failure:
    """A study each of whose series is shown through one window, where its frames have none of their own."""
    if isinstance(study, Failure) or len(study.frames) < 2:
        return study
    return replace(study, series=tuple(map(with_series_window, study.series)))


def _open(file: OpenFile, kind: str, examine: bool, step: Step) -> Study | Failure:
    path = file.path
    if kind == "dicom":
        return open_dicom(file)
    if kind in ("nifti", "analyze"):
        return open_nifti(file)
    if kind == "voxels" and (header := other_half(path, ".hdr")):
        return _second_half(path, header)
    if kind == "nrrd":
        return open_nrrd(file)
    if kind == "metaimage":
        return open_metaimage(file)
    if kind == "gzip":
        return _open_packed(file, examine, step)
    if kind in ("", "zip", "voxels"):
        return unknown(path.name, file.head)
    if path.suffix.lower() in DICOM_SUFFIXES:
        return _misnamed(path, kind)
    return _open_raster(file, examine)


@dataclass(frozen=True)
class Known:
    """A file that is open, and its kind: see `file_kind`; `voxels` is the second half of a pair, which only its name
    and the header beside it tell."""

    file: OpenFile
    kind: str


def recognise(path: Path) -> Known | Failure:
    """What a file is, or why it cannot be read at all. The caller closes it."""
    file = open_start(path)
    if isinstance(file, Failure):
        return file
    kind = file_kind(file.head, file.stamp[0])
    if kind in ("", "gzip") and is_voxel_file(path) and other_half(path, ".hdr"):
        kind = "voxels"
    return Known(file, kind)


def file_kind(head: bytes, size: int) -> str:
    """What a file of `size` bytes is by its first ones: `dicom`, `nifti`, `analyze`, `nrrd`, `metaimage`, `zip`,
    `gzip`, a format of `sniff`, or empty."""
    kind = sniff(head) or sniff_nifti(head, size)
    if not kind and head.startswith(NRRD):
        return "nrrd"
    if not kind and looks_like_metaimage(head):
        return "metaimage"
    if not kind and head.startswith((ZIP, EMPTY_ZIP)):
        return "zip"
    if not kind and head.startswith(GZIP + b"\x08"):
        return "gzip"
    return "dicom" if not kind and looks_like_dicom(head, size) else kind


def packed_file(file: OpenFile, step: Step = lambda: None) -> Path | Failure:
    """The single file that gzip packed (`.dcm.gz`), unpacked only if it begins as a picture does."""
    try:
        inner = zlib.decompressobj(31).decompress(file.head, HEAD)
    except zlib.error:
        inner = b""  # unpacking it tells more
    if inner and file_kind(inner, MAX_FILE_BYTES) in ("", "zip", "gzip"):
        return unknown(Text("What is packed in {name}", name=file.path.name), inner)
    return unpacked_gzip(file, step)


def _open_packed(packed: OpenFile, examine: bool, step: Step) -> Study | Failure:
    """The picture in a file that gzip packed."""
    file, path = packed_file(packed, step), packed.path
    study = file if isinstance(file, Failure) else open_file(file, examine)
    if isinstance(study, Failure):
        return study
    # People know it by the name of the packed file.
    series = (replace(one, frames=tuple(replace(frame, path=path) for frame in one.frames)) for one in study.series)
    return replace(study, path=path, series=tuple(series))


def _misnamed(path: Path, kind: str) -> Failure:
    """A picture file under the name of a DICOM file: whoever passes it on takes it for one with a patient in it."""
    return Failure(
        Code.UNKNOWN_FORMAT,
        Text(
            "{name} is named as DICOM but holds a {kind} picture: no patient, no size in mm, no orientation.",
            name=path.name,
            kind=kind.upper(),
        ),
        Text("Ask for the DICOM file; to look at the picture all the same, rename it to end in .{kind}.", kind=kind),
    )


def _second_half(path: Path, header: Path) -> Failure:
    """The voxels of a pair in a folder: their picture is in the list by the name of the header."""
    return Failure(
        Code.NO_PIXELS,
        Text("{name} holds the voxels of {header}.", name=path.name, header=header.name),
        Text("Open {header}.", header=header.name),
    )


def _open_raster(file: OpenFile, examine: bool) -> Study | Failure:
    path, stamp, data = file.path, file.stamp, file.whole()
    if isinstance(data, Failure):
        return data
    pages = describe_raster(data, examine)
    if isinstance(pages, Failure):
        return pages
    frames = tuple(
        Frame(
            path,
            index,
            page.rows,
            page.cols,
            "",
            partial(_decode, path, stamp, index),
            notes=page.notes,
            examine=partial(_examine, path, stamp, index) if page.format == "tiff" or not examine else None,
        )
        for index, page in enumerate(pages)
    )
    first = pages[0]
    what = [first.format.upper(), pixel_size(first.cols, first.rows)]
    if first.pictures > 1:
        what.append(Text("the first of {pictures} pictures", pictures=first.pictures))
    elif len(frames) > 1:
        what.append(counted("1 picture", "%n pictures", len(frames)))
    return Study(path, joined(what), (Series(path.name, frames, start=0),))


def _decode(path: Path, stamp: Stamp, index: int) -> NDArray[Any] | Failure:
    data = read_again(path, stamp)
    if isinstance(data, Failure):
        return data
    raster = read_raster(data, index, examine=False)
    return raster if isinstance(raster, Failure) else raster.values


def _examine(path: Path, stamp: Stamp, index: int) -> str:
    data = read_again(path, stamp)
    return "" if isinstance(data, Failure) else raster_damage(data, index)
