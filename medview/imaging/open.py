"""A path to a study. Archives and discs are opened by the files in them, everything else by itself."""

from __future__ import annotations

from pathlib import Path

from medview.core.failures import Failure
from medview.core.jobs import Step
from medview.imaging.dicom import study_of
from medview.imaging.dicom_header import header_of
from medview.imaging.dicom_objects import is_disc
from medview.imaging.media import open_archive, open_disc
from medview.imaging.nifti import other_half
from medview.imaging.open_file import Known, open_file, open_known, recognise, with_windows
from medview.imaging.study import Study


def open_path(path: Path, examine: bool = True, follow: bool = True, step: Step = lambda: None) -> Study | Failure:
    """Open one file: its header is read and checked now, pixels are decoded when a frame is asked for them.

    `examine`: also look for damage that only decoding shows (JPEG files), which costs a few decodings.
    `follow`: also open what stands for other files: archives, the table of contents of a disc, half of a pair.
    `step` is called again and again while other files are unpacked or read, and may raise to stop it.

    Never raises for anything a file may contain; see `Failure.code` for why it did not open.
    """
    known = recognise(path)
    if isinstance(known, Failure):
        return known
    with known.file:
        return open_recognised(known, examine, follow, step)


def open_recognised(
    known: Known, examine: bool = True, follow: bool = True, step: Step = lambda: None
) -> Study | Failure:
    """`open_path` of a file that was recognised, and is open."""
    file, path = known.file, known.file.path
    if follow and known.kind == "voxels" and (header_file := other_half(path, ".hdr")):
        return open_file(header_file)
    if follow and known.kind == "zip":
        return with_windows(open_archive(file, step))
    if follow and known.kind == "dicom":
        header = header_of(path, file.source)
        if isinstance(header, Failure):
            return header
        return with_windows(open_disc(path, header, step) if is_disc(header) else study_of(file, header))
    return open_known(known, examine, step)
