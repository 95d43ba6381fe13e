"""The work the workspace gives to its runner: functions of a `Token`, no Qt. Heavy imports happen in here."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.jobs import Token
from medview.core.settings import Settings
from medview.imaging.study import Frame, Study
from medview.inference.analysis import Analysis
from medview.inference.fixes import Fix, corrected, corrected_frame
from medview.state import Picture

NO_PICTURES = Failure(
    Code.NO_IMAGES,
    "No picture was found.",
    "Open a folder that holds pictures (PNG, JPEG, TIFF, BMP, WebP) or DICOM files.",
)
BATCH_SECONDS = 0.1
MAX_FILES = 100_000
# Files beside a slice that are looked at for its series.
MAX_BESIDE = 5_000
# Shorter side of a thumbnail, pixels: twice its place on the screen, for dense screens.
THUMBNAIL_SIDE = 288

Opener = Callable[[Path], Study | Failure]
Finder = Callable[[Path], Iterable[Path]]


class EngineLike(Protocol):
    """What the workspace needs of `medview.inference.engine.Engine`."""

    def analyse(
        self,
        frame: Frame,
        file: str,
        model: str = "auto",
        force: bool = False,
        token: Token | None = None,
        values: Any = None,
        fixes: Sequence[Fix] = (),
    ) -> Analysis:
        """Judge one frame."""

    def add_stability(self, analysis: Analysis, frame: Frame, values: Any, token: Token | None = None) -> Analysis:
        """The analysis with the range of each probability over small changes of the picture."""

    def statuses(self) -> Sequence[Any]:
        """One `ModelStatus` per model folder."""

    def kind_names(self) -> dict[str, str]:
        """What people call the kinds of picture, by id."""


EngineFactory = Callable[[], EngineLike]


def make_engine(settings: Settings) -> EngineLike:
    """The real engine. Imported here: ONNX Runtime is loaded in the worker that first needs it."""
    from medview.inference.engine import Engine

    folder = settings["models_folder"]
    return Engine(Path(folder) if folder else None, settings["device"])


class LazyEngine:
    """The engine, made when a worker first asks for it; safe from any thread."""

    def __init__(self, factory: EngineFactory) -> None:
        self._factory = factory
        self._lock = threading.Lock()
        self.made: EngineLike | None = None

    def get(self) -> EngineLike:
        """The engine. Raises what its making raises, every time."""
        with self._lock:
            if self.made is None:
                self.made = self._factory()
            return self.made

    def kind_names(self) -> dict[str, str]:
        """What people call each kind of picture, by the gate's name for it; empty until the engine is made."""
        return self.made.kind_names() if self.made else {}


@dataclass(frozen=True)
class Opened:
    """A study with one frame decoded. `stamp` is the file's time of change (ns): a changed file is another file."""

    study: Study
    picture: Picture
    stamp: int


def open_study(path: Path) -> Study | Failure:
    """Open a file. The import is here so that the window shows before pydicom and cv2 are loaded."""
    from medview.imaging.open import open_path

    return open_path(path)


def find_pictures(path: Path) -> Iterable[Path]:
    """Files below a folder that may be pictures."""
    from medview.imaging.open import find_files

    return find_files(path)


def decode(frame: Frame) -> Picture | Failure:
    """The pixels of a frame and how they are first shown."""
    from medview.imaging.window import usual_window
    from medview.report.overlay import to_8bit

    values = frame.modality_values()
    if isinstance(values, Failure):
        return values
    shown = values
    if values.ndim == 3:
        first = values[..., 0]
        if not (np.array_equal(first, values[..., 1]) and np.array_equal(first, values[..., 2])):
            return Picture(frame, values, values if values.dtype == np.uint8 else to_8bit(values), None)
        # A grey picture stored as colour, as most X-rays off the web are: it has a window like any grey one.
        shown = np.ascontiguousarray(first)
    return Picture(frame, values, shown, frame.window or usual_window(shown, frame.padding), _drawn(frame))


def _drawn(frame: Frame) -> NDArray[np.bool_] | None:
    """All drawings of a frame in one; a drawing that cannot be read is not drawn."""
    planes = [marked for plane in frame.overlays if not isinstance(marked := plane.marked(), Failure)]
    return np.logical_or.reduce(planes) if planes else None


def put_right(picture: Picture, fixes: Sequence[Fix]) -> Picture:
    """`picture` as it is after the fixes; itself where there are none."""
    if not fixes:
        return picture
    values = corrected(picture.values, fixes)
    shown = values if picture.shown is picture.values else corrected(picture.shown, fixes)
    frame = corrected_frame(picture.frame, fixes)
    return Picture(frame, values, shown, picture.window, picture.drawn if frame.overlays else None)


def whole_series(path: Path, token: Token) -> Study | None:
    """The series that a slice belongs to, from the files beside it; None when it stands alone."""
    from medview.imaging.series import series_of

    try:
        with os.scandir(path.parent) as listing:
            names = sorted(entry.name for entry in listing if not entry.name.startswith(".") and entry.is_file())
    except OSError:
        return None
    beside = [path.parent / name for name in names[:MAX_BESIDE]]
    found = series_of(path, beside, lambda _: token.check())
    if found is None:
        return None
    series, number = found
    shown = series.frames[number]
    what = f"DICOM {shown.modality}, {shown.cols} x {shown.rows} pixels, series of {len(series.frames)}"
    return Study(path, what, (series,))


def decode_all(frames: Sequence[Frame], token: Token) -> list[Picture]:
    """Those of `frames` that can be decoded."""
    pictures = []
    for frame in frames:
        token.check()
        picture = decode(frame)
        if isinstance(picture, Picture):
            pictures.append(picture)
    return pictures


def open_first(
    paths: Sequence[Path], opener: Opener, unreadable: Callable[[Path, Failure], None], token: Token
) -> Opened | Failure:
    """The first of `paths` that opens, with its middle frame decoded; every one that does not is told.

    With one path its own failure is the answer; with several, what the last one said.
    """
    failure = NO_PICTURES
    for path in paths:
        token.check()
        study = opener(path)
        if isinstance(study, Study):
            picture = decode(study.frames[study.middle])
            if isinstance(picture, Picture):
                return Opened(study, picture, _stamp(path))
            failure = picture
        else:
            failure = study
        unreadable(path, failure)
    return failure


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def scan(paths: Sequence[Path], finder: Finder, found: Callable[[list[Path]], None], token: Token) -> int:
    """Walk files and folders; hands over what is found in batches, ten a second. The number found."""
    batch: list[Path] = []
    count, due = 0, time.monotonic()
    for path in _walk(paths, finder):
        token.check()
        batch.append(path)
        count += 1
        if time.monotonic() >= due:
            found(batch)
            batch, due = [], time.monotonic() + BATCH_SECONDS
        if count >= MAX_FILES:
            break
    if batch:
        found(batch)
    return count


def _walk(paths: Sequence[Path], finder: Finder) -> Iterator[Path]:
    for path in paths:
        if os.path.isdir(path):  # Path.is_dir raises for a name that is too long
            yield from finder(path)
        else:
            yield path


def save(analysis: Analysis, picture: Picture, folder: Path, stem: str) -> list[Path] | Failure:
    """Write masks, overlays and `<stem>__results.json` of one analysis; the files written."""
    from medview.report.export import write_json, write_outputs
    from medview.report.overlay import to_8bit

    image = to_8bit(picture.shown, picture.window, picture.frame.inverted, picture.frame.padding)
    files = write_outputs(analysis, image, folder, stem, "findings", mask_overlay=True)
    if isinstance(files, Failure):
        return _with_folder(files, folder)
    table = folder / f"{stem}__results.json"
    failure = write_json(table, analysis.to_dict(files))
    return _with_folder(failure, folder) if failure else [*map(Path, files.values()), table]


def _with_folder(failure: Failure, folder: Path) -> Failure:
    """The failure to write a file, saying in full which folder it was for."""
    return replace(failure, text=f"{failure.text} Folder: {folder}")


def thumbnails(
    paths: Sequence[Path], opener: Opener, made: Callable[[Path, NDArray[np.uint8]], None], token: Token
) -> None:
    """Small 8-bit pictures of files, handed over one by one; files that do not open are left out."""
    import cv2

    from medview.report.overlay import to_8bit

    for path in paths:
        token.check()
        opened = open_first([path], opener, lambda path, failure: None, token)
        if isinstance(opened, Failure):
            continue
        picture = opened.picture
        image = to_8bit(picture.shown, picture.window, picture.frame.inverted, picture.frame.padding)
        factor = min(1.0, THUMBNAIL_SIDE / min(image.shape[:2]))
        size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
        made(path, np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA)))
