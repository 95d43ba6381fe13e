"""An analysis as files: masks, overlays and JSON.

Window and command line save through this, so that both write the same of the same picture. Every file appears whole or
not at all, and replaces nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.core.files import make_durable, write_atomic
from medview.imaging.study import Frame
from medview.imaging.window import Window, shown_values, to_8bit
from medview.inference.analysis import Analysis, Result, ResultFiles
from medview.inference.corrections import Correction, corrected, corrected_frame
from medview.report.caption import caption_lines, captioned, heat_scale, mask_scale
from medview.report.folder import BETWEEN, ResultFolder, json_bytes, same_name, write_failure
from medview.report.overlay import burn, heatmap_rgba, mask_rgba, reduced

Which = Literal["all", "findings"]
Role = Literal["mask", "overlay", "heatmap"]
# How often another name is tried when another run takes ours.
TRIES = 20
HEATMAP_OPACITY, MASK_OPACITY = 0.6, 0.9
# Longer side of a picture with something laid over it, in pixels; a mask alone always has the size of its source.
OVERLAY_SIDE = 4096


@dataclass(frozen=True)
class Options:
    """What is saved of an analysis.

    Attributes:
        which: heatmaps of all labels, or of the findings alone.
        mask_overlay: also the picture with each mask over it.
        table: also `<stem>__results.json`.
        private: the captions name neither patient nor file.
    """

    which: Which = "all"
    mask_overlay: bool = False
    table: bool = False
    private: bool = False


@dataclass(frozen=True)
class SeenPicture:
    """A picture after the corrections, as it is on the screen when it is saved.

    Attributes:
        frame: after the corrections.
        values: what is drawn of it: grey (rows, cols), or (rows, cols, 3) RGB uint8 (`shown_values`).
        window: that grey is seen through; None for colour.
        inverted: black and white are swapped, by the file, by a correction or by the user (and not by two of them).
        many: whether its file has several pictures.
    """

    frame: Frame
    values: NDArray[Any] = field(repr=False, compare=False)
    window: Window | None = None
    inverted: bool = False
    many: bool = False

    def image(self) -> NDArray[np.uint8]:
        """(rows, cols) grey or (rows, cols, 3) RGB, 8-bit."""
        return to_8bit(self.values, self.window, self.inverted, self.frame.padding)


def first_seen(
    frame: Frame, values: NDArray[Any], corrections: Sequence[Correction] = (), many: bool = False
) -> SeenPicture:
    """A picture as the window shows it first: `frame` and its modality `values` as the file has them, and what is
    corrected in it."""
    shown = shown_values(values)
    window = frame.first_window(shown) if shown.ndim == 2 else None
    after = corrected_frame(frame, corrections)
    return SeenPicture(after, corrected(shown, corrections), window, after.inverted, many)


@dataclass(frozen=True)
class Saved:
    """What was written: the stem of all names, the files of each model as `Analysis.to_dict` takes them, every path."""

    stem: str
    files: dict[str, ResultFiles]
    paths: tuple[Path, ...]


class Saver:
    """Writes into one folder. Make one for each run, and `open` its folder before anything else.

    `folder` also keeps the list of a run (`ResultFolder.start_list`).
    """

    def __init__(self, folder: Path, options: Options | None = None) -> None:
        self.folder = ResultFolder(folder)
        self.options = options or Options()

    def save(self, analysis: Analysis, picture: SeenPicture) -> Saved | Failure:
        """Write masks (0 and 255, size of the source) and heatmap overlays as `<stem>__<model>__<label>.png`.

        Overlays have the size of the source, or `OVERLAY_SIDE` pixels on the longer side where that is larger, and a
        caption in a strip below. The stem is the name of the frame's file, with the number of the frame where the file
        has several, and another number where the folder holds results of that name. After a failure none is left.
        """
        for _ in range(TRIES):
            files = _Files(self.folder.path, self.folder.stem(picture.frame.path, picture.frame.index, picture.many))
            try:
                return self._write(analysis, picture, files)
            except FileExistsError as error:  # by another run, since we looked
                failure = write_failure(files.at, error)
                with contextlib.suppress(OSError):
                    self.folder.look_again()
            except OSError as error:
                return write_failure(files.at, error)
        return failure

    def _write(self, analysis: Analysis, picture: SeenPicture, files: _Files) -> Saved:
        found: dict[str, ResultFiles] = {}
        try:
            for model, role, label, image in _pictures(analysis, picture, self.options):
                path = str(files.write(f"{model}{BETWEEN}{label}.png", png(image), durable=False))
                found[model] = _with(found.get(model, ResultFiles()), role, label, path)
            make_durable(files.paths)
            if self.options.table:
                files.write("results.json", json_bytes(analysis.to_dict(found)))
        except BaseException:
            files.remove()
            raise
        return Saved(files.stem, found, tuple(files.paths))


def _with(files: ResultFiles, role: Role, label: str, path: str) -> ResultFiles:
    """The files of a result with one more."""
    if role == "mask":
        return replace(files, mask=path)
    if role == "overlay":
        return replace(files, overlay=path)
    return replace(files, heatmaps={**files.heatmaps, label: path})


class _Files:
    """The files of one analysis while they are written; `at` is the one that is on its way."""

    def __init__(self, folder: Path, stem: str) -> None:
        self.stem, self.at, self.paths = stem, folder, list[Path]()
        self._folder, self._names = folder, set[str]()

    def write(self, name: str, data: bytes, durable: bool = True) -> Path:
        """Write `<stem>__<name>`; with a number where this analysis has such a file already, as that of a model `a__b`
        and its label `c` beside a model `a` and its label `b__c`. Raises OSError."""
        wanted, number = Path(f"{self.stem}{BETWEEN}{name}"), 2
        while same_name(wanted.name) in self._names:
            wanted, number = Path(f"{self.stem}{BETWEEN}{Path(name).stem}-{number}{wanted.suffix}"), number + 1
        self._names.add(same_name(wanted.name))
        self.at = self._folder / wanted
        write_atomic(self.at, data, private=True, replace=False, durable=durable)
        self.paths.append(self.at)
        return self.at

    def remove(self) -> None:
        """Leave nothing behind."""
        for path in self.paths:
            with contextlib.suppress(OSError):
                path.unlink()


def png(image: NDArray[np.uint8]) -> bytes:
    """PNG of an 8-bit picture (rows, cols) or (rows, cols, 3) RGB."""
    import cv2

    ok, data = cv2.imencode(".png", image if image.ndim == 2 else np.ascontiguousarray(image[:, :, ::-1]))
    if not ok:
        raise ValueError(f"no PNG can be made of {image.shape} {image.dtype}")
    return data.tobytes()


def _labels(result: Result, which: Which) -> list[str]:
    """Labels whose heatmap is wanted: all, or the findings and, where there is none, the most probable label. One
    without any evidence has no picture: it would be the source again under the name of a heatmap."""
    heatmaps = {label: heat for label, heat in (result.heatmaps or {}).items() if heat.any()}
    if which == "all":
        return list(heatmaps)
    probabilities = result.probabilities or {}
    wanted = result.findings or tuple(sorted(probabilities, key=lambda k: -probabilities[k])[:1])
    return [label for label in wanted if label in heatmaps]


def _pictures(
    analysis: Analysis, picture: SeenPicture, options: Options
) -> Iterator[tuple[str, Role, str, NDArray[np.uint8]]]:
    """(model, role, label, image) of all that is written, one at a time: each may be as large as the source."""
    frame, shown = picture.frame, reduced(picture.image(), OVERLAY_SIDE)
    size = (shown.shape[0], shown.shape[1])
    for result in analysis.results:
        if result.mask is not None:
            pixels, white = result.mask.pixels, np.uint8(255)
            if options.mask_overlay:
                # Averaged, a marked pixel stays above 0: reducing loses no spot.
                marks = mask_rgba(reduced(pixels * white, OVERLAY_SIDE))
                lines = caption_lines(analysis, frame, result, None, options.private)
                over = captioned(burn(shown, marks, MASK_OPACITY), lines, mask_scale())
                del marks
                yield result.card.id, "overlay", "mask-overlay", over
                del over
            yield result.card.id, "mask", "mask", pixels * white
        for label in _labels(result, options.which):
            heat = heatmap_rgba((result.heatmaps or {})[label], size, result.region)
            lines = caption_lines(analysis, frame, result, label, options.private)
            yield result.card.id, "heatmap", label, captioned(burn(shown, heat, HEATMAP_OPACITY), lines, heat_scale())
