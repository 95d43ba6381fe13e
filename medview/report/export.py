"""An analysis as files: masks, overlays and JSON. Every file appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.files import write_atomic
from medview.core.texts import to_json
from medview.inference.analysis import Analysis, Result
from medview.report.overlay import burn, heatmap_rgba, mask_rgba, reduced

Which = Literal["all", "findings"]
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
    analysis: Analysis, image: NDArray[np.uint8], which: Which, mask_overlay: bool
) -> Iterator[tuple[str, str, NDArray[np.uint8]]]:
    """(model, label, picture) of everything there is to write, one at a time: each may be as large as the source."""
    shown = reduced(image, OVERLAY_SIDE)
    size = (shown.shape[0], shown.shape[1])
    for result in analysis.results:
        if result.mask is not None:
            pixels, white = result.mask.pixels, np.uint8(255)
            if mask_overlay:
                # Averaged, a marked pixel stays above 0: reducing loses no spot.
                marks = mask_rgba(reduced(pixels * white, OVERLAY_SIDE))
                yield result.card.id, "mask-overlay", burn(shown, marks, MASK_OPACITY)
                del marks
            yield result.card.id, "mask", pixels * white
        for label in _labels(result, which):
            heat = heatmap_rgba((result.heatmaps or {})[label], size, result.region)
            yield result.card.id, label, burn(shown, heat, HEATMAP_OPACITY)


def write_outputs(
    analysis: Analysis,
    image: NDArray[np.uint8],
    folder: Path,
    stem: str,
    which: Which = "all",
    mask_overlay: bool = False,
) -> dict[tuple[str, str], str] | Failure:
    """Write masks (0 and 255, size of the source) and heatmap overlays as `<stem>__<model>__<label>.png`.

    Overlays have the size of the source too, or `OVERLAY_SIDE` pixels on the longer side where that is larger.
    `image` is the picture as the eye sees it, (rows, cols) or (rows, cols, 3) uint8. Gives the path written for
    (model, "mask") and (model, label), as `Analysis.to_dict` takes it; the picture of a mask over its image
    (`mask_overlay`) is written beside them and not listed.
    """
    files: dict[tuple[str, str], str] = {}
    path = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for model, label, picture in _pictures(analysis, image, which, mask_overlay):
            path = folder / f"{stem}__{model}__{label}.png"
            write_atomic(path, png(picture))
            if label != "mask-overlay":
                files[model, label] = str(path)
    except OSError as error:
        return write_failure(path, error)
    return files


def write_json(path: Path, data: Any) -> Failure | None:
    """Write `data` as readable JSON, UTF-8."""
    # A byte of a file name that is no UTF-8 is a lone surrogate here; backslashreplace makes it JSON's own escape.
    text = to_json(data, indent=1, ascii_only=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        return write_failure(path, error)
    return None


def write_failure(path: Path, error: OSError) -> Failure:
    """The failure of a file that could not be written."""
    return Failure(
        Code.WRITE_ERROR,
        f"{path.name} could not be written: {error.strerror or error}.",
        "Choose another folder, or make room on the disk.",
        repr(error),
    )
