"""A path to a study. Archives and discs are opened by the files in them, everything else by itself."""

from __future__ import annotations

from pathlib import Path

from medview.core.failures import Failure
from medview.imaging.dicom import study_of
from medview.imaging.dicom_header import read_dicom_header
from medview.imaging.dicom_objects import is_disc
from medview.imaging.files import find_files
from medview.imaging.media import open_archive, open_disc
from medview.imaging.nifti import other_half
from medview.imaging.open_file import open_file, open_known, recognise, with_windows
from medview.imaging.study import Study

__all__ = ["find_files", "open_path"]


def open_path(path: Path, examine: bool = True, follow: bool = True) -> Study | Failure:
    """Open one file: its header is read and checked now, pixels are decoded when a frame is asked for them.

    `examine`: also look for damage that only decoding shows (JPEG files), which costs a few decodings.
    `follow`: also open what stands for other files: archives, the table of contents of a disc, half of a pair.

    Never raises for anything a file may contain; see `Failure.code` for why it did not open.
    """
    known = recognise(path)
    if isinstance(known, Failure):
        return known
    kind, head = known
    if follow and kind == "voxels" and (header_file := other_half(path, ".hdr")):
        return open_file(header_file)
    if follow and kind == "zip":
        return with_windows(open_archive(path))
    if follow and kind == "dicom":
        header = read_dicom_header(path)
        if isinstance(header, Failure):
            return header
        return with_windows(open_disc(path, header) if is_disc(header) else study_of(path, header))
    return open_known(path, kind, head, examine)
