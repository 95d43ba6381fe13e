"""An analysis as files: masks, overlays and JSON. Every file appears whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.core.files import write_atomic
from medview.core.texts import to_json
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis, Result
from medview.report.caption import caption_lines, captioned, heat_scale, mask_scale
from medview.report.folder import ResultFolder, write_failure
from medview.report.overlay import burn, heatmap_rgba, mask_rgba, reduced

Which = Literal["all", "findings"]


@dataclass(frozen=True)
class Options:
    """What is saved of an analysis.

    Attributes:
        which: heatmaps of all labels, or of the findings alone.
        mask_overlay: also the picture with each mask over it; it is written beside the mask and not listed.
        table: also `<stem>__results.json`.
        private: the captions name neither patient nor file.
    """

    which: Which = "all"
    mask_overlay: bool = False
    table: bool = False
    private: bool = False


ALL = Options()


@dataclass(frozen=True)
class Saved:
    """What was written: the stem of all names, the path for (model, "mask") and (model, label) as `Analysis.to_dict`
    takes it, and every path."""

    stem: str
    files: dict[tuple[str, str], str] = field(default_factory=dict)
    paths: tuple[Path, ...] = ()


# How often another name is tried when another run takes ours.
TRIES = 20
HEATMAP_OPACITY, MASK_OPACITY = 0.6, 0.9
# Longer side of a picture with something laid over it, in pixels; a mask alone always has the size of its source.
OVERLAY_SIDE = 4096


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
    analysis: Analysis, image: NDArray[np.uint8], frame: Frame, options: Options
) -> Iterator[tuple[str, str, NDArray[np.uint8]]]:
    """(model, label, picture) of everything there is to write, one at a time: each may be as large as the source."""
    shown = reduced(image, OVERLAY_SIDE)
    size = (shown.shape[0], shown.shape[1])
    for result in analysis.results:
        if result.mask is not None:
            pixels, white = result.mask.pixels, np.uint8(255)
            if options.mask_overlay:
                # Averaged, a marked pixel stays above 0: reducing loses no spot.
                marks = mask_rgba(reduced(pixels * white, OVERLAY_SIDE))
                lines = caption_lines(analysis, frame, result, None, options.private)
                yield result.card.id, "mask-overlay", captioned(burn(shown, marks, MASK_OPACITY), lines, mask_scale())
                del marks
            yield result.card.id, "mask", pixels * white
        for label in _labels(result, options.which):
            heat = heatmap_rgba((result.heatmaps or {})[label], size, result.region)
            lines = caption_lines(analysis, frame, result, label, options.private)
            yield result.card.id, label, captioned(burn(shown, heat, HEATMAP_OPACITY), lines, heat_scale())


def save(
    analysis: Analysis,
    image: NDArray[np.uint8],
    frame: Frame,
    folder: ResultFolder,
    many: bool = False,
    options: Options = ALL,
) -> Saved | Failure:
    """Write masks (0 and 255, size of the source) and heatmap overlays as `<stem>__<model>__<label>.png`.

    `image` is the picture as the eye sees it, (rows, cols) or (rows, cols, 3) uint8. Overlays have the size of the
    source, or `OVERLAY_SIDE` pixels on the longer side where that is larger, and a caption in a strip below. The stem
    is the name of the frame's file, with the number of the frame where the file has `many`, and another number where
    the folder holds results of that name: nothing is replaced.
    """
    for _ in range(TRIES):
        path, done = folder.path, []
        try:
            stem = folder.stem(frame.path, frame.index, many)
            saved = Saved(stem)
            for model, label, picture in _pictures(analysis, image, frame, options):
                path = folder.path / f"{stem}__{model}__{label}.png"
                write_atomic(path, png(picture), private=True, replace=False)
                done.append(path)
                if label != "mask-overlay":
                    saved.files[model, label] = str(path)
            if options.table:
                path = folder.path / f"{stem}__results.json"
                table = to_json(analysis.to_dict(saved.files), 1, ascii_only=False) + "\n"
                write_atomic(path, table.encode("utf-8", "backslashreplace"), private=True, replace=False)
                done.append(path)
            return replace(saved, paths=tuple(done))
        except FileExistsError as error:  # by another run, since we looked
            failure = write_failure(path, error)
            with contextlib.suppress(OSError):
                for written in done:
                    written.unlink()
                folder.look_again()
        except OSError as error:
            return write_failure(path, error)
    return failure


def write_json(path: Path, data: Any) -> Failure | None:
    """Write `data` as readable JSON, UTF-8."""
    # A byte of a file name that is no UTF-8 is a lone surrogate here; backslashreplace makes it JSON's own escape.
    text = to_json(data, indent=1, ascii_only=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode("utf-8", "backslashreplace"), private=True)
    except OSError as error:
        return write_failure(path, error)
    return None
