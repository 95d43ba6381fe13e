"""The slices around the one that is shown: the series of an opened file, and frames decoded ahead. No signals."""

from __future__ import annotations

from collections.abc import Callable

from medview.core.cache import Kept
from medview.core.jobs import Token
from medview.imaging.study import Frame, Study
from medview.workspace import opening
from medview.workspace.runner import Job, Lanes
from medview.workspace.view import Key, Picture

# Frames decoded ahead in either direction: enough for a wheel that is turned steadily; and before and after in time.
AHEAD, AHEAD_IN_TIME = 3, 1


class Prefetch:
    """Decodes ahead and finds the rest of a series, in the background. Lives on the Qt thread.

    It calls `found(study)` with the whole series of a slice, and puts frames decoded ahead into `pictures` by `key`.
    """

    def __init__(
        self,
        lanes: Lanes,
        pictures: Kept[Key, Picture],
        key: Callable[[Frame], Key],
        found: Callable[[Study], None],
    ) -> None:
        self._lanes, self._pictures, self._key, self._found = lanes, pictures, key, found

    def find_series(self, study: Study) -> None:
        """Find the series of a study that is a single slice; anything else is whole already."""
        place = study.frames[0].place
        if len(study.frames) > 1 or place is None or not place.origin.series_uid:
            return

        def work(token: Token) -> Study | None:
            return opening.whole_series(study.path, token)

        def done(whole: Study | None) -> None:
            if whole is not None:
                self._found(whole)

        self._lanes.start(Job("series", "", work, done))

    def ahead(self, study: Study | None, number: int) -> None:
        """Decode the frames around frame `number` that are not kept yet, the nearest first."""
        times = study.grid[1] if study else 1
        strides = [step * times for step in range(1, AHEAD + 1)]
        strides += range(1, AHEAD_IN_TIME + 1) if times > 1 else ()
        near = (number + stride * side for stride in strides for side in (1, -1))
        frames = study.frames if study else ()
        # Their keys are those of now: another file may be open when they are decoded.
        keyed = ((self._key(frames[n]), frames[n]) for n in near if 0 <= n < len(frames))
        wanted = {key: frame for key, frame in keyed if key not in self._pictures}

        def work(token: Token) -> dict[Key, Picture]:
            return opening.decode_all(wanted, token)

        def done(pictures: dict[Key, Picture]) -> None:
            for key, picture in pictures.items():
                self._pictures.put(key, picture, picture.nbytes)

        if wanted:
            self._lanes.start(Job("ahead", "", work, done))
