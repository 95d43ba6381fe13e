"""The work the workspace gives to its runner: functions of a `Token`, no Qt. Heavy imports happen in here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.jobs import Step, Token, one_of_many
from medview.core.texts import Text, joined
from medview.imaging.study import Frame, Series, Study, pixel_size
from medview.inference.corrections import Correction, corrected, corrected_frame
from medview.workspace.listing import Entry
from medview.workspace.view import Key, Picture

if TYPE_CHECKING:
    from medview.imaging.dicom_tags import TagRow

NO_PICTURES = Failure(
    Code.NO_IMAGES,
    Text("Nothing that was opened is a picture."),
    Text("Open a file or a folder with pictures: DICOM, NIfTI, PNG, JPEG, TIFF and others."),
)


def none_opened(count: int) -> Failure:
    """Of `count` listed files not one could be shown."""
    text = Text("None of the {count} files can be shown.", count=count)
    return Failure(Code.NO_IMAGES, text, Text("Choose one in the list to read why."))


# Files beside a slice that are looked at for its series.
MAX_BESIDE = 5_000
# Frames of a series that are tried until one can be decoded, from where it opens outwards.
TRIES = 5

Opener = Callable[[Path, Step], Study | Failure]


@dataclass(frozen=True)
class Opened:
    """A study with one frame decoded. `stamp` is the file's time of change (ns): a changed file is another file."""

    entry: Entry
    study: Study
    picture: Picture
    stamp: int


@dataclass(frozen=True)
class Asked:
    """What somebody asked to open.

    Attributes:
        paths: files and folders. folders: those of them that are folders.
        segmentations: whether all of them are to be laid on what is shown.
    """

    paths: Sequence[Path]
    folders: frozenset[Path]
    segmentations: bool

    @property
    def folder(self) -> Path:
        """The folder to begin in when the user opens the next."""
        return self.paths[0] if self.paths[0] in self.folders else self.paths[0].parent


def ask(paths: Sequence[Path], shown: bool, token: Token) -> Asked:
    """What `paths` are, as the file system and their first bytes tell. `shown`: whether pictures are."""
    from medview.imaging.dicom_seg import may_be_segmentation

    def checked() -> Iterator[Path]:
        for path in paths:
            token.check()
            yield path

    # Path.is_dir raises for a name that is too long
    folders = frozenset(path for path in checked() if os.path.isdir(path))
    return Asked(paths, folders, shown and not folders and all(map(may_be_segmentation, checked())))


def open_study(path: Path, step: Step) -> Study | Failure:
    """Open a file; `step` is called while that takes long, and may raise. The import is here so that the window shows
    before pydicom and cv2 are loaded."""
    from medview.imaging.open import open_path

    return open_path(path, step=step)


def decode(frame: Frame) -> Picture | Failure:
    """The pixels of a frame and how they are first shown."""
    from medview.imaging.window import shown_values

    values = frame.modality_values()
    if isinstance(values, Failure):
        return values
    shown = shown_values(values)
    if shown.ndim == 3:
        return Picture(frame, values, shown, None)
    return Picture(frame, values, shown, frame.first_window(shown), _drawn(frame))


def _drawn(frame: Frame) -> NDArray[np.bool_] | None:
    """All drawings of a frame in one; a drawing that cannot be read is not drawn."""
    planes = [marked for plane in frame.overlays if not isinstance(marked := plane.marked(), Failure)]
    return np.logical_or.reduce(planes) if planes else None


def corrected_picture(picture: Picture, corrections: Sequence[Correction]) -> Picture:
    """`picture` as it is after the corrections; itself where there are none."""
    if not corrections:
        return picture
    values = corrected(picture.values, corrections)
    shown = values if picture.shown is picture.values else corrected(picture.shown, corrections)
    frame = corrected_frame(picture.frame, corrections)
    return Picture(frame, values, shown, picture.window, picture.drawn if frame.overlays else None)


def whole_series(path: Path, token: Token) -> Study | None:
    """The series that a slice belongs to, from the files beside it; None when it stands alone."""
    from medview.imaging.series import series_of

    found = series_of(path, files_beside(path), lambda _: token.check())
    if found is None:
        return None
    return series_study(found[0], path)


def files_beside(path: Path) -> list[Path]:
    """The files in the folder of a file, itself included, at most `MAX_BESIDE`; none where it cannot be listed."""
    try:
        with os.scandir(path.parent) as listing:
            names = sorted(entry.name for entry in listing if not entry.name.startswith(".") and entry.is_file())
    except OSError:
        return []
    return [path.parent / name for name in names[:MAX_BESIDE]]


def series_study(series: Series, path: Path) -> Study:
    """A series by itself as a study; `path` is the file it was opened by."""
    first = series.frames[0]
    what = " ".join(filter(None, ("DICOM" if series.origin else "", first.modality)))
    many = Text("series of {pictures}", pictures=len(series.frames)) if len(series.frames) > 1 else ""
    return Study(path, joined(filter(None, (what, pixel_size(first.cols, first.rows), many))), (series,))


def decode_all(frames: Mapping[Key, Frame], token: Token) -> dict[Key, Picture]:
    """Those of `frames` that can be decoded, by the same keys."""
    pictures = {}
    for key, frame in frames.items():
        token.check()
        picture = decode(frame)
        if isinstance(picture, Picture):
            pictures[key] = picture
    return pictures


def open_first(entries: Sequence[Entry], opener: Opener, token: Token) -> Opened | Failure:
    """The first of `entries` that opens; of every one that does not, (key, failure) is delivered.

    With one entry its own failure is the answer; with several, what the last one said.
    """
    failure = NO_PICTURES
    for entry in entries:
        token.check()
        opened = one_of_many(partial(open_entry, entry, opener, token.check))
        if isinstance(opened, Opened):
            return opened
        failure = opened
        token.deliver((entry.key, failure))
    return failure


def open_entry(entry: Entry, opener: Opener, step: Step) -> Opened | Failure:
    """An entry with the frame decoded that it opens at, or the nearest that can be; of several series, the first's."""
    study = series_study(entry.series, entry.path) if entry.series else opener(entry.path, step)
    if isinstance(study, Failure):
        return study
    frames, start = study.series[0].frames, study.series[0].opens_at
    first: Failure | None = None
    for number in sorted(range(len(frames)), key=lambda n: abs(n - start))[:TRIES]:
        picture = decode(frames[number])
        if isinstance(picture, Picture):
            return Opened(entry, study, picture, _stamp(entry.path))
        first = first or picture
    return first or NO_PICTURES


def read_tags(path: Path) -> list[TagRow] | Failure:
    """The elements of a DICOM file."""
    from medview.imaging.dicom_tags import tags

    return tags(path)


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
