"""What is shown and how: a study, one of its frames decoded, in which plane, through which window. QtCore only."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from medview.core.cache import Kept
from medview.core.failures import Failure
from medview.imaging.study import Frame, Series, Study
from medview.imaging.volume import MprPlane
from medview.imaging.window import Window
from medview.inference.corrections import Correction
from medview.workspace import opening
from medview.workspace.analyses import Key
from medview.workspace.listing import Entry
from medview.workspace.mpr import MprBuilder
from medview.workspace.prefetch import Prefetch
from medview.workspace.runner import Job, Runner
from medview.workspace.view import Picture, ViewState

# What stops when another frame is shown; the list goes on being read.
FRAME_LANES = ("open", "analyse", "ahead")


class Display(QObject):
    """Lives on the Qt thread.

    Attributes:
        study, entry, frame_index: what is open, the entry of the list it is of, and the frame that was asked for last.
        plane: that the series is shown in; None as it was acquired.
        picture, source: what is shown, and the same as the file has it; two only where something was put right.
        failure, failed_path: why nothing is shown, and the file that could not be.

    changed: any of these. viewed: `view`. shown(key, picture): a frame as the file has it. moved: by stepping through a
    series, so that the user may go on at once. emptied: nothing is shown any more. refused(Failure): what was asked for
    cannot be shown, and what is shown stays.
    """

    changed = Signal()
    viewed = Signal()
    shown = Signal(object, object)
    moved = Signal()
    emptied = Signal()
    refused = Signal(object)

    def __init__(
        self, runner: Runner, picture_bytes: int, corrections: Callable[[Key], tuple[Correction, ...]], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._runner, self._corrections = runner, corrections
        self.study: Study | None = None
        self.entry: Entry | None = None
        self.frame_index = 0
        self.plane: MprPlane | None = None
        self.picture: Picture | None = None
        self.source: Picture | None = None
        self.failure: Failure | None = None
        self.failed_path: Path | None = None
        self._stamp = 0
        self._views: dict[Hashable, ViewState] = {}
        self.pictures: Kept[Key, Picture] = Kept(picture_bytes)
        self._prefetch = Prefetch(runner, self.pictures, self.key, self._on_series)
        self._mpr = MprBuilder(runner, self.pictures, self._on_plane, self.refused.emit)

    def key(self, frame: Frame) -> Key:
        """What the picture of a frame, and what is said of it, are kept under."""
        return frame.path, self._stamp, frame.index

    # Opening and closing

    def open(self, opened: opening.Opened) -> None:
        """Show what was opened."""
        self._forget_planes()
        self.study, self._stamp, self.entry = opened.study, opened.stamp, opened.entry
        self.frame_index = self.study.number(opened.picture.frame)
        self.show(opened.picture)
        self._prefetch.ahead(self.study, self.frame_index)

    def look_beside(self) -> None:
        """Find the series that a single slice belongs to, among the files beside it."""
        if self.study is not None:
            self._prefetch.look(self.study)

    def grow(self, series: Series) -> None:
        """What is shown was opened before all its slices were found."""
        if self.study is not None and self.plane is None and len(series.frames) > len(self.study.frames):
            frame = self.study.frames[self.frame_index]
            self.study = opening.series_study(series, self.study.path)
            self.frame_index = self.study.number(frame)
            self._share_window()
            self.changed.emit()

    def _on_series(self, study: Study) -> None:
        """The slice that is shown turned out to belong to a series."""
        if self.study and self.picture and self.study.path == study.path:
            self.study, self.frame_index = study, study.number(self.picture.frame)
            self._share_window()
            self.changed.emit()

    def _share_window(self) -> None:
        """More of the series was found: show it all in one window, the one that is shown or one measured now."""
        source, study = self.source, self.study
        frame = study.frames[self.frame_index] if study else None
        if source is None or frame is None or frame.shared is None or self.key(frame) != self.key(source.frame):
            return
        if source.frame.shared is not None:
            frame.shared.adopt(source.frame.shared)
            return

        def done(window: Window) -> None:
            if self.source is source and self.plane is None:
                for other in study.frames if study else ():
                    self.pictures.drop(self.key(other))
                self.source = replace(source, frame=frame, window=window)
                self.picture = opening.corrected_picture(self.source, self._corrections(self.key(frame)))
                self.pictures.put(self.key(frame), self.source, self.source.nbytes)
                self.viewed.emit()

        self._runner.start(Job("window", "", lambda token: frame.first_window(source.shown), done))

    def stay(self) -> None:
        """The frame that was asked for is not wanted any more."""
        if self.picture is not None and self.study is not None:
            self.frame_index = self.study.number(self.picture.frame)
        self.changed.emit()

    def refuse(self, failure: Failure, path: Path | None) -> None:
        """Show, in the place of a picture, why a file is not shown."""
        self._forget_planes()
        self.study, self.failed_path = None, path
        self._fail(failure)

    def close(self) -> None:
        """Show nothing."""
        self._forget_planes()
        self.study = self.failure = self.failed_path = None
        self._empty()

    def _fail(self, failure: Failure) -> None:
        self.failure = failure
        self._empty()

    def _empty(self) -> None:
        self.picture = self.source = None
        self.emptied.emit()
        self.changed.emit()

    # Frames

    def select_frame(self, index: int) -> None:
        """Show frame `index` of the open study; the one that is shown stays until the new one is decoded."""
        if self.study is None or not 0 <= index < len(self.study.frames) or index == self.frame_index:
            return
        self.frame_index = index
        frame = self.study.frames[index]
        picture = self.pictures.get(self.key(frame))
        if picture:
            self._show_frame(picture)
            return
        self.failed_path = frame.path
        job = Job("open", frame.path.name, lambda token: opening.decode(frame), self._show_frame, self._fail)
        self._runner.start(job)
        self._runner.cancel("analyse")
        self.changed.emit()

    @property
    def grid(self) -> tuple[int, int]:
        """(positions, points in time) of what is open; (0, 1) of nothing."""
        return self.study.grid if self.study else (0, 1)

    @property
    def place(self) -> tuple[int, int]:
        """(position, point in time) in the grid of the frame that was asked for last, both from 0."""
        return divmod(self.frame_index, self.grid[1])

    def select_place(self, position: int, time: int) -> None:
        """Show the frame at a place of the grid; the nearest where there is no such place."""
        positions, times = self.grid
        self.select_frame(min(max(position, 0), positions - 1) * times + min(max(time, 0), times - 1))

    def step_frame(self, step: int) -> None:
        """So many positions on, or (negative) back, at the same point in time; the last or the first where there are
        not so many. Of a series with a single position, so many points in time."""
        position, time = self.place
        if self.grid[0] > 1:
            self.select_place(position + step, time)
        else:
            self.step_time(step)

    def step_time(self, step: int) -> None:
        """So many points in time on, or (negative) back, at the same position."""
        position, time = self.place
        self.select_place(position, time + step)

    def _show_frame(self, picture: Picture) -> None:
        # First of all, so that whoever is told of the new picture knows that its analysis is on its way.
        self.moved.emit()
        for lane in FRAME_LANES:
            self._runner.cancel(lane)
        self.show(picture)
        self._prefetch.ahead(self.study, self.frame_index)

    def show(self, picture: Picture) -> None:
        """Show a picture of the open study, put right as its corrections say."""
        key = self.key(picture.frame)
        self.source, self.failure, self.failed_path = picture, None, None
        self.picture = opening.corrected_picture(picture, self._corrections(key))
        self.pictures.put(key, picture, picture.nbytes)
        self.changed.emit()
        self.viewed.emit()
        self.shown.emit(key, picture)

    # Other planes

    def show_plane(self, plane: MprPlane | None) -> None:
        """Resample the series in another plane, or (None) show it as it was acquired."""
        if plane != self.plane and self.study and self.source:
            self._mpr.show(plane, (self.study, self.source, self._stamp))

    def _on_plane(self, plane: MprPlane | None, study: Study, picture: Picture, stamp: int) -> None:
        seen = self.view
        self.plane, self.study, self._stamp, self.frame_index = plane, study, stamp, study.number(picture.frame)
        self._show_frame(picture)
        self.set_view(window=seen.window, preset=seen.preset, inverted=seen.inverted)

    def _forget_planes(self) -> None:
        self.plane = None
        self._mpr.clear()

    # Views

    @property
    def view(self) -> ViewState:
        """How the shown series is looked at."""
        return self._views.get(self._view_key, ViewState())

    @property
    def _view_key(self) -> Hashable:
        return self.entry and self.entry.key, self.plane

    def set_view(self, **changes: Any) -> None:
        """Change fields of the view, for every frame of the series. A window without a preset is the user's own."""
        if "window" in changes:
            changes = {"preset": "", **changes}
        changed = replace(self.view, **changes)
        if self.study is not None and changed != self.view:
            self._views[self._view_key] = changed
            self.viewed.emit()
