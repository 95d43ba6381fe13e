"""The work behind medview/workspace/segmentations.py: finding the pictures a segmentation belongs to, and its masks
ready to be drawn.

Functions of a `Token`, no Qt. Heavy imports happen in here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.core.jobs import Token
from medview.imaging.colours import Rgb
from medview.imaging.study import Frame, Series
from medview.inference.corrections import Correction, corrected
from medview.workspace import opening

if TYPE_CHECKING:
    from medview.imaging.dicom_seg_place import Laid


@dataclass(frozen=True)
class Outline:
    """The mask of one segment over one picture, cut to the box around it.

    Attributes:
        segment: its number. row, col: where the box begins. rgba: (rows, cols, 4), translucent inside, a solid border.
    """

    segment: int
    row: int
    col: int
    rgba: NDArray[np.uint8] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Found:
    """A segmentation and its pictures.

    Attributes:
        series: the one to open first; None where they are open. first: a picture it marks, None where it marks none.
    """

    laid: Laid
    series: Series | None
    first: Frame | None


def find(
    path: Path, shown: Sequence[Series], start: Frame | None, listed: Sequence[Series], token: Token
) -> Found | Failure:
    """Read a segmentation and lay it on its pictures, looked for among what is shown, is listed, lies beside the file.

    Pictures it was made from come before those that only share its place. `start`: the picture that is seen now.
    """
    from medview.imaging.dicom_seg import read_segmentation
    from medview.imaging.dicom_seg_place import Laid, lay, lay_on_series

    segmentation = read_segmentation(path, token.check)
    if isinstance(segmentation, Failure):
        return segmentation
    here = lay_on_series(segmentation, shown) if shown else opening.NO_PICTURES
    if isinstance(here, Laid) and here.own:
        return _found(here, None, start, token)
    unseen = [series for series in listed if all(series is not one for one in shown)]
    others = ((series, lay(segmentation, series.frames)) for series in unseen)
    own = next(((series, laid) for series, laid in others if isinstance(laid, Laid) and laid.own), None)
    if own is None and isinstance(here, Laid):
        return _found(here, None, start, token)
    if own is None:
        fitting = [
            (series, laid)
            for series in _beside(path, token)
            if isinstance(laid := lay(segmentation, series.frames), Laid)
        ]
        own = min(fitting, key=lambda pair: not pair[1].own, default=None)
    if own is not None:
        return _found(own[1], own[0], None, token)
    assert isinstance(here, Failure)
    return here


def _beside(path: Path, token: Token) -> Sequence[Series]:
    """The series of the files that lie beside one."""
    from medview.imaging.series import read_folder

    return read_folder(opening.files_beside(path), lambda _: token.check()).series


def _found(laid: Laid, series: Series | None, start: Frame | None, token: Token) -> Found | Failure:
    first = laid.first_marked(start, token.check)
    return first if isinstance(first, Failure) else Found(laid, series, first)


def outlines(
    laid: Laid, frame: Frame, colours: Mapping[int, Rgb], corrections: Sequence[Correction]
) -> tuple[Outline, ...] | Failure:
    """What a segmentation marks in a picture of the file, as it is after the corrections."""
    import cv2

    from medview.report.overlay import mask_rgba, outline_width

    masks = laid.masks(frame)
    if isinstance(masks, Failure):
        return masks
    made = []
    for number, mask in sorted(masks.items()):
        turned = corrected(mask, corrections)
        x, y, width, height = cv2.boundingRect(turned)
        box = turned[y : y + height, x : x + width]
        made.append(Outline(number, y, x, mask_rgba(box, outline_width(*turned.shape), colours[number])))
    return tuple(made)
