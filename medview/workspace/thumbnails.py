"""Small pictures of what is in the list, made in the background for the rows that are on the screen. No signals."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from medview.core.cache import Kept
from medview.core.failures import Failure
from medview.core.jobs import Step, Token, one_of_many
from medview.workspace import opening
from medview.workspace.listing import Entry
from medview.workspace.opening import Opener, open_entry
from medview.workspace.runner import Job, Lanes

LANE = "thumbnails"
# Shorter side in pixels: twice that of the largest place on the screen (a sample's), for dense screens.
SIDE = 168
THUMBNAIL_BYTES = 24 * 1024 * 1024

Image = NDArray[np.uint8]


class Thumbnails:
    """Lives on the Qt thread. It calls `made(entry, image)` when the small picture, or why there is none, is known."""

    def __init__(self, lanes: Lanes, opener: opening.Opener, made: Callable[[Entry, Image | Failure], None]) -> None:
        self._lanes, self._opener, self._made = lanes, opener, made
        self._kept: Kept[Hashable, Image | Failure] = Kept(THUMBNAIL_BYTES)
        self._asked: set[Hashable] = set()

    def get(self, key: Hashable) -> Image | None:
        """The small picture of an entry, (rows, cols) or (rows, cols, 3) RGB; None where there is none, or not yet."""
        kept = self._kept.get(key)
        return None if isinstance(kept, Failure) else kept

    def clear(self) -> None:
        """Another list: stop, and forget what was made."""
        self._lanes.cancel(LANE)
        self._kept = Kept(THUMBNAIL_BYTES)
        self._asked = set()

    def want(self, entries: Sequence[Entry]) -> None:
        """Make the small pictures of these entries, in this order, and of no others any more."""
        missing = [entry for entry in entries if entry.key not in self._kept and entry.failure is None]
        keys = {entry.key for entry in missing}
        # What is on its way already is not begun anew: a list that grows asks several times a second.
        if not missing or (self._lanes.busy(LANE) and keys <= self._asked):
            return
        self._asked = keys

        def work(token: Token) -> None:
            for entry in missing:
                token.check()
                token.deliver((entry, one_of_many(partial(thumbnail, entry, self._opener, SIDE, token.check))))

        self._lanes.start(Job(LANE, "", work, on_part=self._on_made))

    def _on_made(self, part: tuple[Entry, Image | Failure]) -> None:
        entry, image = part
        self._kept.put(entry.key, image, 512 if isinstance(image, Failure) else image.nbytes)
        self._made(entry, image)


def thumbnail(entry: Entry, opener: Opener, side: int, step: Step) -> NDArray[np.uint8] | Failure:
    """A small 8-bit picture of an entry, (rows, cols) or (rows, cols, 3) RGB, its shorter side at most `side`."""
    import cv2

    from medview.imaging.window import to_8bit

    opened = open_entry(entry, opener, step)
    if isinstance(opened, Failure):
        return opened
    picture = opened.picture
    image = to_8bit(picture.shown, picture.window, picture.frame.inverted, picture.frame.padding)
    rows, cols = image.shape[0] * picture.frame.aspect, image.shape[1]
    factor = min(1.0, side / min(rows, cols))
    size = (max(1, round(cols * factor)), max(1, round(rows * factor)))
    return np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
