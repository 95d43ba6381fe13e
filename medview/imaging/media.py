"""What stands for many files: a ZIP archive, the DICOMDIR of a disc. Opened, they are a study of several series."""

from __future__ import annotations

from pathlib import Path

from medview.core.failures import Code, Failure
from medview.imaging.archive import unpack
from medview.imaging.dicom_header import read_dicom_header
from medview.imaging.dicomdir import listed_files
from medview.imaging.series import Folder, read_folder
from medview.imaging.study import Study


def open_archive(path: Path) -> Study | Failure:
    """The pictures in a ZIP archive."""
    unpacked = unpack(path)
    if isinstance(unpacked, Failure):
        return unpacked
    folder = read_folder((file for file, _ in unpacked.members))
    if not folder.series:
        return Failure(
            Code.UNKNOWN_FORMAT, f"{path.name} is an archive without a picture in it.", "Choose another file."
        )
    return _study(path, "ZIP archive", folder)


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
    return _study(path, "DICOM disc", folder)


def _study(path: Path, what: str, folder: Folder) -> Study:
    pictures = sum(len(series.frames) for series in folder.series)
    return Study(path, f"{what}, {len(folder.series)} series, {pictures} pictures", folder.series)
