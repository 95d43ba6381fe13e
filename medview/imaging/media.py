"""What stands for other files: a ZIP archive, the DICOMDIR of a disc, a file packed by gzip."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

from medview.core.failures import Code, Failure
from medview.imaging.archive import plain_file, unpack
from medview.imaging.dicom_header import read_dicom_header
from medview.imaging.dicomdir import listed_files
from medview.imaging.files import MAX_FILE_BYTES, read_head
from medview.imaging.open import HEAD, file_kind, open_path
from medview.imaging.series import Folder, read_folder
from medview.imaging.study import Study
from medview.imaging.unknown import unknown

# What lies among the pictures of an archive and is none.
_OTHER_FILES = (Code.UNKNOWN_FORMAT, Code.EMPTY_FILE, Code.NO_PIXELS, Code.SEGMENTATION, Code.NO_IMAGES)


def open_archive(path: Path) -> Study | Failure:
    """The pictures in a ZIP archive."""
    unpacked = unpack(path)
    if isinstance(unpacked, Failure):
        return unpacked
    folder = read_folder((file for file, _ in unpacked.members))
    broken = [why for why in folder.refused.values() if why.code not in _OTHER_FILES]
    broken += [why for _, why in unpacked.refused]
    if not folder.series:
        none = Failure(
            Code.UNKNOWN_FORMAT, f"{path.name} is an archive without a picture in it.", "Choose another file."
        )
        return broken[0] if broken else none
    study = _study(path, "ZIP archive", folder)
    files = "1 file in it" if len(broken) == 1 else f"{len(broken)} files in it"
    return replace(study, description=f"{study.description}; {files} could not be read") if broken else study


def packed_file(path: Path) -> Path | Failure:
    """The single file that gzip packed (`.dcm.gz`), unpacked only if it begins as a picture does."""
    head = read_head(path, HEAD)
    if isinstance(head, Failure):
        return head
    try:
        inner = zlib.decompressobj(31).decompress(head, HEAD)
    except zlib.error:
        inner = b""  # unpacking it tells more
    if inner and file_kind(inner, MAX_FILE_BYTES) in ("", "zip", "gzip"):
        return unknown(f"What is packed in {path.name}", inner)
    return plain_file(path)


def open_packed(path: Path, examine: bool) -> Study | Failure:
    """The picture in a file that gzip packed."""
    file = packed_file(path)
    study = file if isinstance(file, Failure) else open_path(file, examine, follow=False)
    if isinstance(study, Failure):
        return study
    # People know it by the name of the packed file.
    series = (replace(one, frames=tuple(replace(frame, path=path) for frame in one.frames)) for one in study.series)
    return replace(study, path=path, series=tuple(series))


def open_disc(path: Path) -> Study | Failure:
    """The pictures that a DICOMDIR lists."""
    header = read_dicom_header(path)
    if isinstance(header, Failure):
        return header
    files = listed_files(path, header.dataset)
    folder = read_folder(files)
    if not folder.series:
        return Failure(
            Code.NO_PIXELS,
            f"{path.name} is the table of contents of a disc; none of the {len(files)} files it lists opens here.",
            "Copy the whole disc, and open its folder.",
        )
    study = _study(path, "DICOM disc", folder)
    missing = sum(why.code is Code.NOT_FOUND for why in folder.refused.values())
    if missing:
        told = f"{missing} of the {len(files)} files that it lists {'is' if missing == 1 else 'are'} missing"
        return replace(study, description=f"{study.description}; {told}")
    return study


def _study(path: Path, what: str, folder: Folder) -> Study:
    pictures = sum(len(series.frames) for series in folder.series)
    return Study(path, f"{what}, {len(folder.series)} series, {pictures} pictures", folder.series)
