"""What stands for other files: a ZIP archive, the DICOMDIR of a disc."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from medview.core.failures import Code, Failure
from medview.core.jobs import Step
from medview.core.texts import Text, counted, joined
from medview.imaging.archive import unpack
from medview.imaging.dicom_header import Header
from medview.imaging.dicomdir import listed_files
from medview.imaging.files import OpenFile
from medview.imaging.series import OTHER_FILES, Folder, read_folder
from medview.imaging.study import Study


def open_archive(archive: OpenFile, step: Step) -> Study | Failure:
    """The pictures in a ZIP archive. `step` is called again and again, and may raise."""
    path, unpacked = archive.path, unpack(archive, step)
    if isinstance(unpacked, Failure):
        return unpacked
    folder = read_folder((file for file, _ in unpacked.members), lambda _: step())
    broken = [why for why in folder.refused.values() if why.code not in (*OTHER_FILES, Code.NO_IMAGES)]
    broken += [why for _, why in unpacked.refused]
    if not folder.series:
        none = Failure(
            Code.UNKNOWN_FORMAT,
            Text("{name} is an archive without a picture in it.", name=path.name),
            Text("Choose another file."),
        )
        return broken[0] if broken else none
    study = _study(path, Text("ZIP archive"), folder)
    if not broken:
        return study
    told = counted("1 file in it could not be read", "%n files in it could not be read", len(broken))
    return replace(study, description=joined((study.description, told), "; "))


def open_disc(path: Path, header: Header, step: Step = lambda: None) -> Study | Failure:
    """The pictures that a DICOMDIR lists; `header` is what was read of it. `step` as in `open_archive`."""
    files = listed_files(path, header.dataset)
    folder = read_folder(files, lambda _: step())
    if not folder.series:
        return Failure(
            Code.NO_PIXELS,
            Text(
                "{name} is the table of contents of a disc; none of the {files} files it lists opens here.",
                name=path.name,
                files=len(files),
            ),
            Text("Copy the whole disc, and open its folder."),
        )
    study = _study(path, Text("DICOM disc"), folder)
    missing = sum(why.code is Code.NOT_FOUND for why in folder.refused.values())
    if missing:
        told = counted(
            "1 of the {files} files that it lists is missing",
            "%n of the {files} files that it lists are missing",
            missing,
            files=len(files),
        )
        return replace(study, description=joined((study.description, told), "; "))
    return study


def _study(path: Path, what: Text, folder: Folder) -> Study:
    pictures = sum(len(series.frames) for series in folder.series)
    parts = counted("1 series", "%n series", len(folder.series)), counted("1 picture", "%n pictures", pictures)
    return Study(path, joined((what, *parts)), folder.series)
