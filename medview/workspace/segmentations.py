"""Segmentations of others, laid over the pictures that are shown: which are on, how, and the jobs that make them."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from medview.core.cache import Kept
from medview.core.failures import Code, Failure
from medview.core.jobs import Token
from medview.core.texts import Text
from medview.imaging.colours import Rgb, distinct
from medview.imaging.study import Frame, Series, Study
from medview.inference.corrections import Correction
from medview.report.overlay import MASK_RGB
from medview.workspace.outlines import Found, Outline, find, outlines
from medview.workspace.runner import WORKSPACE, Job

if TYPE_CHECKING:
    from medview.imaging.dicom_seg import Segmentation
    from medview.imaging.dicom_seg_place import Laid
    from medview.workspace.viewport import Viewport

LANE = "outlines"
OUTLINE_BYTES = 64 * 1024 * 1024
# Pictures in either direction that are made ready as well.
AHEAD = 3
OPACITY = 0.8

Outlines = tuple[Outline, ...]


@dataclass(eq=False)
class Shown:
    """One segmentation over its pictures, and how it is looked at.

    Attributes:
        colours: by number of the segment. off: numbers of those that are switched off.
        made_on: UIDs of the series that it is known to be made on.
        laid: on the pictures of `study`; None where it does not belong to them.
        behind: `study` has grown since.
        own: whether it was made on them, or on the series that they were resampled from.
        number: another one whenever it is laid on anew. empty: whether it marked none of the pictures it was opened on.
    """

    segmentation: Segmentation
    colours: dict[int, Rgb]
    laid: Laid | None = None
    study: Study | None = None
    behind: bool = False
    own: bool = False
    number: int = 0
    empty: bool = False
    on: bool = True
    opacity: float = OPACITY
    off: set[int] = field(default_factory=set)
    made_on: set[str] = field(default_factory=set)


class Segmentations(QObject):
    """The segmentations over the pictures of a viewport. Lives on the Qt thread.

    changed: `shown`, how one is looked at, or `outlines` of the picture that is shown. seriesWanted(series, paths):
    that series, or where the list does not have it these files, are to be opened in the viewport.
    """

    changed = Signal()
    seriesWanted = Signal(object, list)

    def __init__(self, viewport: Viewport) -> None:
        super().__init__(viewport)
        self._viewport = viewport
        self._all: list[Shown] = []
        self._others = False
        self._pending: list[Found] = []
        self._numbers = itertools.count(1)
        self._kept: Kept[Hashable, Outlines | Failure] = Kept(OUTLINE_BYTES)
        viewport.pictureChanged.connect(self.refresh)

    def expect_others(self) -> None:
        """Other pictures were asked for: when the next one is shown, all are taken away, but for what waits for it."""
        self._others = True

    @property
    def _frame(self) -> Frame | None:
        """The picture that is shown, as the file has it."""
        source = self._viewport.source
        return source.frame if source else None

    # What is on

    @property
    def shown(self) -> list[Shown]:
        """Those that lie on the open study, oldest first."""
        return [one for one in self._all if one.laid and one.study is self._viewport.study]

    def outlines(self, shown: Shown) -> Outlines | Failure:
        """What one marks in the picture that is shown: nothing while that is not known yet."""
        frame = self._frame
        return (self._kept.get(_key(shown, frame, self._viewport.corrections)) if frame else None) or ()

    def set_shown(
        self, shown: Shown, on: bool | None = None, opacity: float | None = None, segment: int | None = None
    ) -> None:
        """Switch one, or with `segment` one of its segments, on or off; or set how strongly it is drawn (0-1)."""
        if opacity is not None:
            shown.opacity = opacity
        if on is not None and segment is not None:
            (shown.off.discard if on else shown.off.add)(segment)
        elif on is not None:
            shown.on = on
        self.changed.emit()

    def remove(self, shown: Shown) -> None:
        """Take one away."""
        self._all.remove(shown)
        self.changed.emit()

    def find(self, shown: Shown, segment: int) -> None:
        """Show a picture that a segment marks; the one that is shown where it does."""
        laid, frame = shown.laid, self._frame
        if laid is None:
            return

        def work(token: Token) -> Frame | Failure | None:
            return laid.first_marked(frame, token.check, segment)

        name, failed = shown.segmentation.path.name, self._viewport.actionFailed.emit
        self._viewport.lanes.start(Job("open", name, work, self._go, failed))

    def _go(self, frame: Frame | None) -> None:
        """Show a frame of the study; None for the one that is shown. Either way its entry is what was asked for."""
        viewport = self._viewport
        viewport.ask(viewport.entry)
        # A frame that was being decoded gave way to this.
        viewport.stay()
        if frame is not None and viewport.study is not None:
            viewport.select_frame(viewport.study.number(frame))

    # Opening

    def open(self, paths: Sequence[Path], listed: Sequence[Series]) -> None:
        """Lay segmentation files on the pictures that they belong to: those shown, of the series `listed`, or beside
        them."""
        study, frame = self._viewport.study, self._frame

        def work(token: Token) -> list[Found] | Failure:
            shown, found = tuple(study.series) if study else (), []
            for path in paths:
                one = find(path, shown, frame, listed, token)
                if isinstance(one, Failure):
                    return one
                # Several go onto the same pictures.
                shown = (one.series,) if one.series else shown
                found.append(one)
            return found

        found = partial(self._on_found, study)
        self._viewport.lanes.start(Job("open", paths[0].name, work, found, partial(self._on_failed, paths[0])))

    def _on_failed(self, path: Path, failure: Failure) -> None:
        viewport = self._viewport
        if viewport.source is not None:
            self._go(None)
            viewport.actionFailed.emit(failure)
            return
        alone = Failure(
            Code.SEGMENTATION,
            Text("{name} is a segmentation: masks over other pictures, which are not beside it.", name=path.name),
            Text("Open the pictures it was made on first, then this file: its masks are laid over them."),
            failure.detail,
        )
        alone = alone if failure.code in (Code.NO_IMAGES, Code.OTHER_PICTURES) else failure
        viewport.refuse(alone, viewport.asked.path if viewport.asked else None)

    def _on_found(self, study: Study | None, found: list[Found]) -> None:
        """They belong to `study`, or to a series that is to be opened."""
        series = next((one.series for one in found if one.series), None)
        if series is None:
            self._add(found, study)
            return
        self._pending = found
        self.seriesWanted.emit(series, [*series.paths, *(one.laid.segmentation.path for one in found)])

    def _add(self, found: list[Found], study: Study | None) -> None:
        """Show what was laid on the pictures of `study`, or on a part of them."""
        for one in found:
            segmentation = one.laid.segmentation
            self._all = [other for other in self._all if other.segmentation.path != segmentation.path]
            taken = [MASK_RGB, *(colour for other in self._all for colour in other.colours.values())]
            colours = distinct((segment.colour for segment in segmentation.segments), taken)
            numbers = (segment.number for segment in segmentation.segments)
            self._all.append(Shown(segmentation, dict(zip(numbers, colours, strict=True)), empty=one.first is None))
            self._lay(self._all[-1], study, one.laid)
            self._all[-1].behind = bool(study and one.series and len(study.frames) > len(one.series.frames))
        self._go(next((one.first for one in found if one.first), None))
        self.refresh()

    def _lay(self, shown: Shown, study: Study | None, laid: Laid | None) -> None:
        shown.study, shown.laid, shown.behind, shown.number = study, laid, False, next(self._numbers)
        shown.own = laid is not None and laid.own
        uids = {series.origin.series_uid for series in study.series if series.origin} if study else set()
        if shown.own:
            shown.made_on |= uids - {""}
        shown.own = shown.own or bool(shown.made_on & uids)

    # Following the picture

    def refresh(self) -> None:
        """Another picture, study or list is shown: lay on what waits for it, and make what is to be seen of it."""
        if self._others:
            self._others, self._all = False, []
        study, frame = self._viewport.study, self._frame
        for shown in self._all:
            if study and shown.study is not study and _grown(shown.study, study):
                # What is known of it stays on the screen meanwhile.
                shown.study, shown.behind = study, True
        if self._pending and study and frame:
            # Later: whoever shows the picture that has come is not done with it.
            QTimer.singleShot(0, self, self._lay_pending)
        self.changed.emit()
        if study and frame and self._all:
            self._make(study, frame, self._viewport.corrections)

    def _lay_pending(self) -> None:
        """Lay on what waits for its pictures, if it is these that have come."""
        viewport, first = self._viewport, self._pending[0].laid.frames[0] if self._pending else None
        study = viewport.study
        if first and study and study.frames[study.number(first)].path == first.path:
            found, self._pending = self._pending, []
            self._add(found, study)
        elif not viewport.busy("open") and not viewport.lanes.busy("scan", WORKSPACE):
            self._pending = []

    def _make(self, study: Study, frame: Frame, corrections: tuple[Correction, ...]) -> None:
        """Start laying on what is not yet laid on this study, and making what the pictures here are marked with."""
        new = [shown for shown in self._all if shown.study is not study or shown.behind]
        number = study.number(frame)
        near = (number + step * side for step in range(1, AHEAD + 1) for side in (1, -1))
        frames = [(frame, corrections), *((study.frames[n], ()) for n in near if 0 <= n < len(study.frames))]
        wanted = [
            (shown, shown.laid, one, how)
            for one, how in frames
            for shown in self.shown
            if shown.laid and not shown.behind and _key(shown, one, how) not in self._kept
        ]

        def work(token: Token) -> None:
            from medview.imaging.dicom_seg_place import Laid, lay_on_series

            for shown in new:
                token.check()
                laid = lay_on_series(shown.segmentation, study.series)
                # With what it marks here, so that nothing is missing on the screen in between.
                here = outlines(laid, frame, shown.colours, corrections) if isinstance(laid, Laid) else ()
                token.deliver((shown, laid, here))
            for shown, laid, one, how in wanted:
                token.check()
                token.deliver((_key(shown, one, how), outlines(laid, one, shown.colours, how)))

        def taken(part: tuple[Any, ...]) -> None:
            if len(part) == 3:
                shown, laid, here = part
                self._lay(shown, study, None if isinstance(laid, Failure) else laid)
                self._keep(_key(shown, frame, corrections), here)
            else:
                self._keep(*part)

        if new or wanted:
            self._viewport.lanes.start(Job(LANE, "", work, lambda _: self.refresh() if new else None, on_part=taken))

    def _keep(self, key: Hashable, made: Outlines | Failure) -> None:
        size = 512 + (sum(one.rgba.nbytes for one in made) if isinstance(made, tuple) else 0)
        self._kept.put(key, made, size)
        frame, corrections = self._frame, self._viewport.corrections
        if frame and any(key == _key(shown, frame, corrections) for shown in self.shown):
            self.changed.emit()


def frame_place(frame: Frame) -> Hashable:
    """What is the same of two frames that are one picture, whichever study they are of."""
    return frame.path, frame.index, frame.place and frame.place.plane


def _grown(before: Study | None, now: Study) -> bool:
    """Whether a study is another one with more pictures, or the same again. Resampled slices lie elsewhere."""
    known = set(map(frame_place, now.frames))
    return before is not None and all(frame_place(frame) in known for frame in before.frames)


def _key(shown: Shown, frame: Frame, corrections: Sequence[Correction]) -> Hashable:
    return shown.number, frame.path, frame.index, tuple(corrections)
