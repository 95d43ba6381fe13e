"""What can be corrected before a picture is judged: a negative turned into a positive, a film turned upright."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from medview.imaging.study import Frame

# Rotations are clockwise, in degrees.
Correction = Literal["invert", "rotate_90", "rotate_180", "rotate_270"]
INVERT: Correction = "invert"


def quarter_turns(corrections: Sequence[Correction]) -> int:
    """Clockwise quarter turns of all corrections together, 0-3."""
    return sum(int(correction.removeprefix("rotate_")) // 90 for correction in corrections if correction != INVERT) % 4


def rotation(turns: int) -> Correction:
    """The correction of 1, 2 or 3 clockwise quarter turns."""
    return cast(Correction, f"rotate_{turns * 90}")


def combined(corrections: Sequence[Correction], more: Correction) -> tuple[Correction, ...]:
    """`corrections` and one more as the fewest that do the same: inverting twice or turning all the way is nothing."""
    every = (*corrections, more)
    turns = quarter_turns(every)
    negative = sum(correction == INVERT for correction in every) % 2
    return ((INVERT,) if negative else ()) + ((rotation(turns),) if turns else ())


def undone(corrections: Sequence[Correction]) -> tuple[Correction, ...]:
    """The corrections that make the picture of the file again of the one that `corrections` made."""
    turns = -quarter_turns(corrections) % 4
    return ((INVERT,) if INVERT in corrections else ()) + ((rotation(turns),) if turns else ())


def in_words(corrections: Sequence[Correction]) -> str:
    """What corrections have done to a picture, in English: `inverted, rotated by 90° clockwise`."""
    told = (
        "inverted" if correction == INVERT else f"rotated by {quarter_turns((correction,)) * 90}° clockwise"
        for correction in corrections
    )
    return ", ".join(told)


def corrected(values: NDArray[Any], corrections: Sequence[Correction]) -> NDArray[Any]:
    """`values` (rows, cols[, 3]) turned clockwise by the corrections; inverting leaves the values alone, see
    `corrected_frame`."""
    turns = quarter_turns(corrections)
    if not turns:
        return values
    import cv2

    ways = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)
    return cv2.rotate(np.ascontiguousarray(values), ways[turns - 1])


def corrected_frame(frame: Frame, corrections: Sequence[Correction]) -> Frame:
    """`frame` as it is after the corrections: polarity, size, spacing. What decodes it still gives the values of the
    file.

    A turned frame no longer lies where the file says, so that its plane and its drawings are left out; the sides of the
    patient turn with it.
    """
    changes: dict[str, Any] = {"inverted": frame.inverted != (INVERT in corrections)}
    turns = quarter_turns(corrections)
    if turns:
        changes |= {"place": frame.place and replace(frame.place, plane=None), "overlays": (), "regions": ()}
        changes["said_orientation"] = frame.orientation and frame.orientation.turned(turns)
    if turns % 2:
        spacing = frame.spacing_mm and (frame.spacing_mm[1], frame.spacing_mm[0])
        changes |= {"rows": frame.cols, "cols": frame.rows, "spacing_mm": spacing, "aspect": 1 / frame.aspect}
    return replace(frame, **changes)
