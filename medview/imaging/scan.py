"""The one scanner: files and folders to what each file is, for the list, for `analyze` and for `inspect --series`.

Every file is opened once, in the order in which `medview.imaging.walk` finds them; how much of it is read, a caller
says (`read_kind`, `read_header`, `read_all`). What is found can be arranged into series at any moment:
`medview.imaging.series.Contents`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from medview.core.failures import Code, Failure
from medview.core.jobs import Step, one_of_many
from medview.core.texts import Text
from medview.imaging.files import PICTURE_SUFFIXES
from medview.imaging.open import open_path, open_recognised
from medview.imaging.open_file import recognise
from medview.imaging.series import OTHER_FILES
from medview.imaging.study import Study
from medview.imaging.walk import Finder, find_files, places

NO_PICTURES = Failure(
    Code.NO_IMAGES, Text("No picture was found in this folder."), Text("Choose the folder with the pictures.")
)


@dataclass(frozen=True)
class Found:
    """One file, or a folder of which there is something to tell.

    Attributes:
        what: its frames, why there are none, or None for a picture file of which nothing but its kind was read.
    """

    path: Path
    what: Study | Failure | None
    is_folder: bool = False


# A path, whether to open what stands for other files, and what to call meanwhile.
Read = Callable[[Path, bool, Step], Study | Failure | None]


def read_kind(path: Path, follow: bool, step: Step) -> Study | Failure | None:
    """What a DICOM file holds, by its header; None for a file of another kind, of which only that is known."""
    known = recognise(path)
    if isinstance(known, Failure):
        return known
    with known.file:
        if known.kind not in ("", "dicom", "gzip", "voxels"):
            return None
        study = open_recognised(known, examine=False, follow=follow, step=step)
    # What gzip packed may be a picture file like others.
    packed = known.kind == "gzip" and isinstance(study, Study) and study.frames[0].place is None
    return None if packed else study


def read_header(path: Path, follow: bool, step: Step) -> Study | Failure:
    """Any file by its header."""
    return open_path(path, examine=False, follow=follow, step=step)


def read_all(path: Path, follow: bool, step: Step) -> Study | Failure:
    """Any file with what only decoding tells of its damage, ready to be judged."""
    return open_path(path, follow=follow, step=step)


def scan(
    paths: Sequence[Path],
    read: Read,
    step: Callable[[Path], None] = lambda path: None,
    finder: Finder = find_files,
    once: bool = False,
    most: int | None = None,
    pictures_only: bool = False,
    leave_out: Callable[[Path], bool] = lambda path: False,
) -> Iterator[Found]:
    """What files are, and those below folders.

    What stands for other files is opened where it was named itself; those of a folder are found anyway.

    Args:
        read: reads a file. step: hears of each file before it is read, and again while that takes long; may raise.
        finder: gives the files below a folder. once: whether a file that is named or found again is left out.
        most: files that are read; one more comes with a failure that says so.
        pictures_only: pass over what lies in folders, does not have the name of a picture and is none; a folder in
            which all is passed over comes itself. leave_out: files that are not opened.
    """
    named, count = frozenset(paths), 0
    for place in places(paths, finder, once):
        told = False
        for path in place:
            step(path)
            if leave_out(path):
                continue
            count += 1
            if most is not None and count > most:
                yield Found(path, _too_many(most))
                return
            promised = path in named or (pictures_only and path.suffix.lower() in PICTURE_SUFFIXES)
            what = one_of_many(partial(read, path, promised, partial(step, path)))
            if pictures_only and not promised and isinstance(what, Failure) and what.code in OTHER_FILES:
                continue
            told = True
            yield Found(path, what)
        if pictures_only and place.is_folder and not told and not place.repeated:
            yield Found(place.path, NO_PICTURES, is_folder=True)


def _too_many(most: int) -> Failure:
    text = Text("The list ends after {most:,} files; what comes after them was left out.", most=most)
    return Failure(Code.TOO_LARGE, text, Text("Open fewer folders at a time."))
