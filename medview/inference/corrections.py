"""What can be put right before a picture is judged: a negative turned into a positive, a film turned upright."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from medview.imaging.study import Frame

# Rotations are clockwise, in degrees.
Fix = Literal["invert", "rotate_90", "rotate_180", "rotate_270"]
INVERT: Fix = "invert"


def quarter_turns(fixes: Sequence[Fix]) -> int:
    """Clockwise quarter turns of all fixes together, 0-3."""
    return sum(int(fix.removeprefix("rotate_")) // 90 for fix in fixes if fix != INVERT) % 4


def rotation(turns: int) -> Fix:
    """The fix of 1, 2 or 3 clockwise quarter turns."""
    return cast(Fix, f"rotate_{turns * 90}")


def combined(fixes: Sequence[Fix], more: Fix) -> tuple[Fix, ...]:
    """`fixes` and one more as the fewest that do the same: inverting twice or turning all the way round is nothing."""
    every = (*fixes, more)
    turns = quarter_turns(every)
    negative = sum(fix == INVERT for fix in every) % 2
    return ((INVERT,) if negative else ()) + ((rotation(turns),) if turns else ())


def undone(fixes: Sequence[Fix]) -> tuple[Fix, ...]:
    """The fixes that make the picture of the file again of the one that `fixes` made."""
    turns = -quarter_turns(fixes) % 4
    return ((INVERT,) if INVERT in fixes else ()) + ((rotation(turns),) if turns else ())


def in_words(fixes: Sequence[Fix]) -> str:
    """What fixes have done to a picture, in English: `inverted, rotated by 90° clockwise`."""
    told = ("inverted" if fix == INVERT else f"rotated by {quarter_turns((fix,)) * 90}° clockwise" for fix in fixes)
    return ", ".join(told)


def corrected(values: NDArray[Any], fixes: Sequence[Fix]) -> NDArray[Any]:
    """`values` (rows, cols[, 3]) turned clockwise by the fixes; inverting leaves the values alone, see
    `corrected_frame`."""
    turns = quarter_turns(fixes)
    if not turns:
        return values
    import cv2

    ways = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)
    return cv2.rotate(np.ascontiguousarray(values), ways[turns - 1])


def corrected_frame(frame: Frame, fixes: Sequence[Fix]) -> Frame:
    """`frame` as it is after the fixes: polarity, size, spacing. What decodes it still gives the values of the file.

    A turned frame no longer lies where the file says, so that its plane and its drawings are left out; the sides of the
    patient turn with it.
    """
    changes: dict[str, Any] = {"inverted": frame.inverted != (INVERT in fixes)}
    turns = quarter_turns(fixes)
    if turns:
        changes |= {"place": frame.place and replace(frame.place, plane=None), "overlays": (), "regions": ()}
        changes["said_sides"] = frame.sides and frame.sides.turned(turns)
    if turns % 2:
        spacing = frame.spacing_mm and (frame.spacing_mm[1], frame.spacing_mm[0])
        changes |= {"rows": frame.cols, "cols": frame.rows, "spacing_mm": spacing, "aspect": 1 / frame.aspect}
    return replace(frame, **changes)
