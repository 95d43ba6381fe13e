"""One pane: a study, one of its frames decoded, its plane, its window, and what is said of it. QtCore only."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from medview.core.cache import Kept
from medview.core.failures import Failure
from medview.core.settings import Settings
from medview.imaging.study import Frame, Series, Study
from medview.imaging.volume import MprPlane
from medview.imaging.window import Window
from medview.inference.analysis import Analysis, Mask, heatmap_of, mask_of
from medview.inference.corrections import Correction
from medview.inference.region import Region
from medview.inference.request import AUTO, AnalysisRequest
from medview.workspace import opening
from medview.workspace.analyses import Analyses, AnalysisKey
from medview.workspace.answers import Answers
from medview.workspace.listing import Entry
from medview.workspace.mpr import MprBuilder
from medview.workspace.prefetch import Prefetch
from medview.workspace.runner import Job, Lanes
from medview.workspace.segmentations import Segmentations
from medview.workspace.view import Answer, Key, LayerSettings, Picture, ViewState

# What stops when another frame is shown; the list goes on being read.
FRAME_LANES = ("open", "analyse", "ahead")
# A series that is being scrolled is analysed where the user stops, not at every frame on the way.
SETTLE_MS = 250


class Viewport(QObject):
    """Owns the state of one pane. Lives on the Qt thread.

    Attributes:
        settings: those of the workspace. lanes: its own; no job of another viewport is in their way.
        entry, study, frame_index: what is open: the entry of the list, and the frame that was asked for last.
        asked: the entry that is open, or was asked for since.
        plane: that the series is shown in; None as it was acquired.
        picture, source: what is shown, and the same as the file has it; two only where something is corrected.
        failure, failed_path: why nothing is shown, and the file that could not be, or is being decoded.
        segmentations: of others, laid over its pictures.

    pictureChanged: any of these. askedChanged: `asked`. viewChanged: `view`. layersChanged: `layers`, or what they
    show; layersChosen(fields): by the user. analysisChanged: `analysis`. busyChanged(purpose). actionFailed(Failure):
    what is shown stays.
    """

    pictureChanged = Signal()
    askedChanged = Signal()
    viewChanged = Signal()
    layersChanged = Signal()
    layersChosen = Signal(dict)
    analysisChanged = Signal()
    busyChanged = Signal(str)
    actionFailed = Signal(object)

    def __init__(
        self, lanes: Lanes, settings: Settings, pictures: Kept[Key, Picture], analyses: Analyses, parent: QObject
    ) -> None:
        super().__init__(parent)
        self.lanes, self.settings, self._pictures = lanes, settings, pictures
        self.study: Study | None = None
        self.entry: Entry | None = None
        self.asked: Entry | None = None
        self.frame_index = 0
        self.plane: MprPlane | None = None
        self.picture: Picture | None = None
        self.source: Picture | None = None
        self.failure: Failure | None = None
        self.failed_path: Path | None = None
        self._stamp = 0
        self._views: dict[Hashable, ViewState] = {}
        self._corrections: dict[Key, tuple[Correction, ...]] = {}
        self._kinds: dict[Key, str] = {}
        self._prefetch = Prefetch(lanes, pictures, self.key, self._on_series)
        self._mpr = MprBuilder(lanes, pictures, self._on_plane, self.actionFailed.emit)
        self._answers = Answers(lanes, analyses, settings, self)
        self._answers.changed.connect(self.analysisChanged)
        self._answers.layersChanged.connect(self.layersChanged)
        self.segmentations = Segmentations(self)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self.analyse_if_wanted)

    def key(self, frame: Frame) -> Key:
        """What the picture of a frame, and what is said of it, are kept under."""
        return frame.path, self._stamp, frame.index

    def busy(self, purpose: str) -> Job | None:
        """What it is doing for a purpose (`open`, `plane`, `analyse`, `stability`, ...), or None."""
        return self.lanes.busy(purpose)

    def stop(self) -> None:
        """Stop what leads to another picture or another answer; what is shown stays."""
        self._settle.stop()
        self.lanes.cancel("open", "analyse", "series", "ahead")

    # Opening and closing

    def ask(self, entry: Entry | None) -> None:
        """An entry is being opened here, or (None) what was asked for is gone."""
        self.asked = entry
        self.askedChanged.emit()

    def open(self, opened: opening.Opened, alone: bool) -> None:
        """Show what was opened; `alone`: its series may lie beside the file, and is looked for."""
        self._settle.stop()
        self._answers.forget()
        self._forget_plane()
        self.study, self._stamp, self.entry = opened.study, opened.stamp, opened.entry
        self.frame_index = self.study.number(opened.picture.frame)
        self._show(opened.picture)
        self._prefetch.ahead(self.study, self.frame_index)
        self.analyse_if_wanted()
        if alone:
            self._prefetch.find_series(self.study)

    def grow(self, series: Series) -> None:
        """More of the series that is shown was found, beside its file or on the way through a folder."""
        if self.study is None or self.plane is not None or len(series.frames) <= len(self.study.frames):
            return
        frame = self.study.frames[self.frame_index]
        self.study = opening.series_study(series, self.study.path)
        self.frame_index = self.study.number(frame)
        self._share_window()
        self.pictureChanged.emit()

    def _on_series(self, study: Study) -> None:
        if self.study is not None and self.study.path == study.path:
            self.grow(study.series[0])

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
                    self._pictures.drop(self.key(other))
                self._set_picture(replace(source, frame=frame, window=window))
                self.viewChanged.emit()

        self.lanes.start(Job("window", "", lambda token: frame.first_window(source.shown), done))

    def stay(self) -> None:
        """What was asked for is not wanted any more."""
        if self.picture is not None and self.study is not None:
            self.frame_index = self.study.number(self.picture.frame)
        self.pictureChanged.emit()

    def refuse(self, failure: Failure, path: Path | None) -> None:
        """Show, in the place of a picture, why a file is not shown."""
        self._forget_plane()
        self.study, self.failed_path = None, path
        self._fail(failure)

    def close(self) -> None:
        """Stop everything and show nothing."""
        self.stop()
        self.lanes.cancel_all()
        self._forget_plane()
        self.asked = self.entry = self.study = self.failure = self.failed_path = None
        self.segmentations.expect_others()
        self._empty()

    def _fail(self, failure: Failure) -> None:
        self.failure = failure
        self._empty()

    def _empty(self) -> None:
        self.picture = self.source = None
        self._answers.forget()
        self._answers.outdate(coming=False)
        self.pictureChanged.emit()

    @property
    def shown_entry(self) -> Entry | None:
        """The entry that is shown, or could not be; None for nothing."""
        return self.entry if self.study else self.asked if self.failure else None

    @property
    def title(self) -> str:
        """What is shown, or could not be, by the name people know it by; empty for nothing."""
        return self.shown_entry.title if self.shown_entry else ""

    # Frames

    def select_frame(self, index: int) -> None:
        """Show frame `index` of the open study; the one that is shown stays until the new one is decoded."""
        if self.study is None or not 0 <= index < len(self.study.frames) or index == self.frame_index:
            return
        self.frame_index = index
        frame = self.study.frames[index]
        picture = self._pictures.get(self.key(frame))
        if picture:
            self._show_frame(picture)
            return
        self.failed_path = frame.path
        job = Job("open", frame.path.name, lambda token: opening.decode(frame), self._show_frame, self._fail)
        self.lanes.start(job)
        self.lanes.cancel("analyse")
        self.pictureChanged.emit()

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
        self._settle.start()
        self.lanes.cancel(*FRAME_LANES)
        self._show(picture)
        self._prefetch.ahead(self.study, self.frame_index)

    def _show(self, picture: Picture) -> None:
        """Show a picture of the open study, corrected as the user wanted it."""
        self.failure = self.failed_path = None
        self._set_picture(picture)
        self.pictureChanged.emit()
        self.viewChanged.emit()
        self._answers.recall(*self._request(picture), self._coming)

    def _set_picture(self, source: Picture) -> None:
        key = self.key(source.frame)
        self.source, self.picture = source, opening.corrected_picture(source, self._corrections.get(key, ()))
        self._pictures.put(key, source, source.nbytes)

    # Other planes

    def show_plane(self, plane: MprPlane | None) -> None:
        """Show the series in another plane, or (None) as it was acquired; `actionFailed` says why not."""
        if plane != self.plane and self.study and self.source:
            self._mpr.show(plane, (self.study, self.source, self._stamp))

    def _on_plane(self, plane: MprPlane | None, study: Study, picture: Picture, stamp: int) -> None:
        seen = self.view
        self.plane, self.study, self._stamp, self.frame_index = plane, study, stamp, study.number(picture.frame)
        self._show_frame(picture)
        self.set_view(window=seen.window, preset=seen.preset, inverted=seen.inverted)

    def _forget_plane(self) -> None:
        self.plane = None
        self._mpr.clear()

    # How it is looked at

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
            self.viewChanged.emit()

    def reset_view(self) -> None:
        """The picture as it was when it was opened."""
        self.set_view(window=None, inverted=False, scale=None, centre=None)

    @property
    def layers(self) -> LayerSettings:
        """How heatmap and mask lie over the picture."""
        return self._answers.layers

    def set_layers(self, **changes: Any) -> None:
        """The user changes fields of `layers`."""
        if self._answers.set_layers(**changes):
            self.layersChosen.emit(changes)

    @property
    def heatmap(self) -> tuple[NDArray[np.float32], Region] | None:
        """The heatmap of the chosen label, (h, w) 0-1, and the region of its result, or None."""
        return heatmap_of(self.analysis, self.layers.label)

    @property
    def mask(self) -> Mask | None:
        """The mask of the shown frame, or None when no model marks."""
        return mask_of(self.analysis)

    # What the user says of the picture

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """What is corrected in the shown frame, for the eye and for the models."""
        return self._corrections.get(self.key(self.source.frame), ()) if self.source else ()

    def set_corrections(self, corrections: tuple[Correction, ...]) -> None:
        """Correct in the shown frame what `corrections` say, nothing else, and let the models look again."""
        if self.source is None or corrections == self.corrections:
            return
        self._corrections[self.key(self.source.frame)] = corrections
        self._show(self.source)
        # A swap by eye was for the same end, and a place in the picture is another one after a turn.
        self.set_view(inverted=False, scale=None, centre=None)
        self.analyse()

    @property
    def kind(self) -> str:
        """What the user said that the shown frame is; empty where that is left to the gate."""
        return self._kinds.get(self.key(self.source.frame), "") if self.source else ""

    def set_kind(self, kind: str) -> None:
        """The user says what the shown frame is, one of the engine's kinds, or (empty) takes it back."""
        if self.source is not None and kind != self.kind:
            self._kinds[self.key(self.source.frame)] = kind
            self.analyse()

    # Analyses

    def analyse_if_wanted(self) -> None:
        """Let the models look at the shown frame, where that is to happen by itself and has not yet."""
        if self.settings["auto_analyse"] and self.analysis is None and not self.busy("open"):
            self.analyse()

    def analyse(self, force: bool = False) -> None:
        """Let the models look at the shown frame. `force`: although the gate refuses."""
        if self.source is not None and self.plane is None:
            self._settle.stop()
            self._answers.start(*self._request(self.source, force))

    def cancel_analysis(self) -> None:
        """The user stops the analysis."""
        self._answers.cancel()

    def _request(self, picture: Picture, force: bool = False) -> tuple[AnalysisKey, AnalysisRequest]:
        frame, key = picture.frame, self.key(picture.frame)
        corrections, kind = self._corrections.get(key, ()), self._kinds.get(key, "")
        asked = AnalysisKey(key, corrections, kind)
        return asked, AnalysisRequest(frame, str(frame.path), picture.values, AUTO, corrections, kind, force)

    @property
    def analysis(self) -> Analysis | None:
        """What was said of the shown frame."""
        return self._answers.analysis

    @property
    def answer(self) -> Answer | None:
        """What was said of the shown frame or, while that is on its way, of the frame before: None where there is
        neither."""
        return self._answers.last if self.analysis is not None or self._coming else None

    @property
    def cancelled(self) -> bool:
        """The user stopped the analysis of the shown frame."""
        return self._answers.cancelled

    @property
    def _coming(self) -> bool:
        """Whether the shown frame will have its analysis without being asked again."""
        wanted = self.settings["auto_analyse"] and (self._settle.isActive() or self.busy("open") is not None)
        return self.plane is None and (wanted or self.busy("analyse") is not None)
