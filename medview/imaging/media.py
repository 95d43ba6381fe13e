"""What stands for other files: a ZIP archive, the DICOMDIR of a disc."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from medview.core.failures import Code, Failure
from medview.imaging.archive import unpack
from medview.imaging.dicom_header import Header
from medview.imaging.dicomdir import listed_files
from medview.imaging.series import Folder, read_folder
from medview.imaging.study import Study

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


def open_disc(path: Path, header: Header) -> Study | Failure:
    """The pictures that a DICOMDIR lists; `header` is what was read of it."""
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
