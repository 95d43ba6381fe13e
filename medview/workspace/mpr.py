"""A series in other planes (MPR): its volume resampled as a study whose frames are computed when they are looked at.

It is a study like any other, so that everything that shows pictures shows it. No model is made for such pictures.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from medview.core.cache import Kept
from medview.core.failures import Failure
from medview.core.jobs import Token
from medview.core.texts import Text
from medview.imaging.mpr import mpr_study
from medview.imaging.study import Frame, Series, Study
from medview.imaging.volume import MprPlane, Volume, read_volume
from medview.workspace import opening
from medview.workspace.runner import Job, Lanes
from medview.workspace.view import Key, Picture

LANE = "plane"
READING = Text("reading the slices")
# Pictures of one file and number are told apart by their stamp, which no file has below zero, and no two volumes share.
_STAMPS = itertools.count(-1, -1)

# A study, the picture of it that is shown, and its stamp.
Acquired = tuple[Study, Picture, int]


class MprBuilder:
    """Builds volumes in the background and resamples them. Lives on the Qt thread; keeps the volume that is shown.

    It calls `made(plane, study, picture, stamp)` with what to show: the study of the slices and its middle one decoded,
    or (plane None) the series as it was acquired; `refused(Failure)` where a series cannot be resampled.
    """

    def __init__(
        self,
        lanes: Lanes,
        pictures: Kept[Key, Picture],
        made: Callable[[MprPlane | None, Study, Picture, int], None],
        refused: Callable[[Failure], None],
    ) -> None:
        self._lanes, self._pictures, self._made, self._refused = lanes, pictures, made, refused
        self._volume: tuple[tuple[Series, int], Volume] | None = None
        self._acquired: Acquired | None = None
        self._slices: tuple[Frame, ...] = ()
        self._stamp = 0

    def show(self, plane: MprPlane | None, shown: Acquired) -> None:
        """Resample the series of what is shown (study, picture, stamp); of a dynamic one, its point in time."""
        acquired = self._acquired or shown
        if plane is None:
            self.clear()
            self._made(None, *acquired)
            return
        study, picture, _ = acquired
        series = study.series[0]
        count, times = series.grid
        time = study.number(picture.frame) % times
        kept = self._volume
        known = kept[1] if kept and kept[0][0] is series and kept[0][1] == time else None

        def work(token: Token) -> tuple[Volume, Study, Picture] | Failure:
            volume = known or read_volume(series, time, lambda done: token.progress(done / count, READING))
            if isinstance(volume, Failure):
                return volume
            token.check()
            made = mpr_study(volume, series, study.path, plane)
            middle = opening.decode(made.frames[made.middle])
            return middle if isinstance(middle, Failure) else (volume, made, middle)

        def done(result: tuple[Volume, Study, Picture]) -> None:
            self._drop()
            self._stamp = next(_STAMPS)
            self._acquired, self._volume = acquired, ((series, time), result[0])
            self._slices = result[1].frames
            self._made(plane, result[1], result[2], self._stamp)

        self._lanes.start(Job(LANE, READING, work, done, self._refused))

    def clear(self) -> None:
        """Something else is shown: stop, and let the volume go."""
        self._lanes.cancel(LANE)
        self._drop()
        self._acquired = self._volume = None

    def _drop(self) -> None:
        """Forget the pictures that were computed: each holds the volume."""
        for frame in self._slices:
            self._pictures.drop((frame.path, self._stamp, frame.index))
        self._slices = ()
