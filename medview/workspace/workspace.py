"""The one owner of state: which files are listed, what is open and shown, how, and what the models said about it.

Widgets hold no truth: they call the methods here and redraw on the signals. QtCore only. Everything runs on the Qt
thread except the work handed to the runner (medview/workspace/opening.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from medview.core.failures import Code, Failure
from medview.core.settings import Settings, add_recent
from medview.core.texts import Text
from medview.imaging.study import Frame, Study
from medview.imaging.volume import MprPlane
from medview.inference.analysis import Analysis, Mask, heatmap_of, mask_of
from medview.inference.corrections import Correction
from medview.inference.region import Region
from medview.workspace import listing, opening, saving
from medview.workspace.analyses import Analyses, EngineFactory, Key, LazyEngine, make_engine
from medview.workspace.answers import Answers
from medview.workspace.browser import LANES as OPENING
from medview.workspace.browser import Browser
from medview.workspace.listing import Entry, Listing
from medview.workspace.prefetch import LANES
from medview.workspace.runner import Job, Runner
from medview.workspace.segmentations import Segments
from medview.workspace.settings_saver import SettingsSaver
from medview.workspace.thumbnails import Image, Thumbnails
from medview.workspace.view import Answer, Overlay, Picture, ViewState
from medview.workspace.viewport import Display

# A stack that is being scrolled is analysed where the user stops, not at every frame on the way.
SETTLE_MS = 250


class Workspace(QObject):
    """State and the methods that change it. Signals are in the past tense and carry no truth of their own.

    listingChanged: `listing` is another or has grown. entryMarked(index), entrySelected(index) of `listing`.
    pictureChanged: `study`, `picture`, `failure` or the frame. viewChanged: `view`. overlayChanged: `overlay`.
    analysisChanged: `analysis`. busyChanged(lane). recentChanged: `recent`. modelsListed(list of ModelStatus).
    saved(list of Path). actionFailed(Failure): what is shown stays. thumbnailMade(key of its entry).
    settingChanged(key).
    """

    listingChanged = Signal()
    entryMarked = Signal(int)
    entrySelected = Signal(int)
    pictureChanged = Signal()
    viewChanged = Signal()
    overlayChanged = Signal()
    analysisChanged = Signal()
    busyChanged = Signal(str)
    recentChanged = Signal()
    modelsListed = Signal(list)
    saved = Signal(list)
    actionFailed = Signal(object)
    thumbnailMade = Signal(object)
    settingChanged = Signal(str)

    def __init__(
        self,
        settings: Settings | None = None,
        engine_factory: EngineFactory | None = None,
        opener: opening.Opener = opening.open_study,
        finder: listing.Finder = listing.find_pictures,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.settings = settings or Settings()
        self.runner = Runner(self)
        self.engine = LazyEngine(engine_factory or partial(make_engine, self.settings))
        self.answers = Answers(self.settings, self)
        self.answers.changed.connect(self.analysisChanged)
        self.answers.overlaid.connect(self.overlayChanged)
        self._analyses = Analyses(self.runner, self.engine, self._take_analysis, self.answers.steady)
        self._display = Display(self.runner, self.settings["picture_bytes"], self._analyses.corrections, self)
        self._browser = Browser(
            self.runner, opener, finder, self._on_listing_changed, self.entrySelected.emit, self.entryMarked.emit,
            self._on_opened, self._on_open_failed,
        )  # fmt: skip
        self.thumbnails = Thumbnails(self.runner, opener, self._on_thumbnail)
        self.segments = Segments(
            self.runner, self._seen, lambda: self.listing, self._go_to, self.select_entry, self.open_paths,
            self.actionFailed.emit, self._refuse, self,
        )  # fmt: skip
        self.pictureChanged.connect(self.segments.refresh)
        self._display.changed.connect(self.pictureChanged)
        self._display.viewed.connect(self.viewChanged)
        self._display.refused.connect(self.actionFailed)
        self._display.emptied.connect(self._on_emptied)
        self._display.shown.connect(self._on_shown)
        self._settle = self._timer(SETTLE_MS, self._analyse_if_wanted)
        self._display.moved.connect(self._settle.start)
        self._saver = SettingsSaver(self.settings, self)
        self.runner.laneChanged.connect(self.busyChanged)

    def _timer(self, ms: int, slot: Callable[[], Any]) -> QTimer:
        timer = QTimer(self, singleShot=True, interval=ms)
        timer.timeout.connect(slot)
        return timer

    def close(self, wait_ms: int = 5000) -> bool:
        """Stop all work and save the settings; False when a thread is still busy after so long."""
        self._settle.stop()
        self._saver.save()
        return self.runner.close(wait_ms) and self._saver.wait(wait_ms)

    # Settings

    def set_setting(self, key: str, value: Any) -> None:
        """Change a setting; it is on disk a second later."""
        self.settings[key] = value
        self._saver.save_later()
        self.settingChanged.emit(key)

    @property
    def recent(self) -> list[Path]:
        """Files opened last, newest first. They may be gone by now."""
        return [Path(text) for text in self.settings["recent_files"]]

    def clear_recent(self) -> None:
        """Forget the recent files."""
        self.set_setting("recent_files", [])
        self.recentChanged.emit()

    # Work that is going on

    def busy(self, lane: str) -> Job | None:
        """What a lane (`scan`, `open`, `plane`, `analyse`, `stability`, `save`, ...) is doing, or None."""
        return self.runner.busy(lane)

    def cancel(self, *lanes: str) -> None:
        """The user stops what runs in some lanes; what is shown stays."""
        if any(self.busy(lane) for lane in lanes if lane in OPENING):
            self._browser.stop()
            if self.study is None and len(self.listing.entries) < 2:
                self.close_all()
            else:
                self._display.stay()
                self._browser.point(self.listing.place(self.entry and self.entry.key))
        stopped = "analyse" in lanes and self.busy("analyse") is not None
        for lane in lanes:
            self.runner.cancel(lane)
        if stopped:
            self.answers.cancel()

    def _stop(self, *lanes: str) -> None:
        self._settle.stop()
        for lane in lanes:
            self.runner.cancel(lane)

    # The list of what was opened

    @property
    def listing(self) -> Listing:
        """Series and files that were opened together."""
        return self._browser.listing

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open one file; or list several, and what is in folders, and open the first that can be read."""
        if paths:
            self._browser.ask(paths, self.picture is not None, self._on_asked)

    def _on_asked(self, asked: opening.Asked) -> None:
        if asked.segmentations:
            self.segments.open(asked.paths)
            return
        self._stop(*OPENING, "analyse", *LANES)
        self.thumbnails.clear()
        self._browser.read(asked)
        self.set_setting("last_folder", str(asked.folder))

    def select_entry(self, index: int) -> None:
        """Open the series or file at `index` of the list."""
        self._browser.select(index)

    def step_entry(self, step: int) -> None:
        """Open the next (1) or previous (-1) entry of the list."""
        self.select_entry(self.listing.index + step)

    def close_all(self) -> None:
        """Close everything and show the first page again."""
        self._stop(*OPENING, "analyse", *LANES)
        self.thumbnails.clear()
        self._browser.clear()
        self._display.close()

    def _on_thumbnail(self, entry: Entry, image: Image | Failure) -> None:
        # One slice that cannot be decoded does not speak against its series.
        if isinstance(image, Failure) and entry.series is None:
            self._browser.mark(entry.key, image)
        self.thumbnailMade.emit(entry.key)

    def _on_listing_changed(self) -> None:
        self.listingChanged.emit()
        place = self.listing.place(self.entry and self.entry.key)
        series = self.listing.entries[place].series if place is not None else None
        if series is not None:
            self._display.grow(series)

    # The picture

    @property
    def study(self) -> Study | None:
        """What is open: one file, or one series of several."""
        return self._display.study

    @property
    def entry(self) -> Entry | None:
        """The entry of the list that `study` is of."""
        return self._display.entry

    @property
    def frame_index(self) -> int:
        """The frame of the study that was asked for last."""
        return self._display.frame_index

    @property
    def picture(self) -> Picture | None:
        """The frame that is shown, decoded and put right."""
        return self._display.picture

    @property
    def plane(self) -> MprPlane | None:
        """The plane that the series is shown in; None as it was acquired."""
        return self._display.plane

    @property
    def failure(self) -> Failure | None:
        """Why nothing is shown."""
        return self._display.failure

    @property
    def failed_path(self) -> Path | None:
        """The file that could not be shown, or is being decoded."""
        return self._display.failed_path

    @property
    def shown_entry(self) -> Entry | None:
        """The entry that is shown, or could not be; None for nothing."""
        return self.entry if self.study else self.listing.current if self.failure else None

    @property
    def title(self) -> str:
        """What is shown, or could not be, by the name people know it by; empty for nothing."""
        return self.shown_entry.title if self.shown_entry else ""

    def _on_opened(self, opened: opening.Opened) -> None:
        self._settle.stop()
        self.answers.forget()
        self._remember(opened.entry)
        self._display.open(opened)
        self._analyse_if_wanted()
        if not self._browser.whole_folders:
            self._display.look_beside()

    def _remember(self, entry: Entry) -> None:
        """Among the recent files: of a series, the folder it is in."""
        in_folder = entry.series is not None and entry.path == entry.series.frames[0].path
        path = entry.path.parent if in_folder else entry.path
        self.set_setting("recent_files", add_recent(self.settings["recent_files"], path))
        self.recentChanged.emit()

    def _on_open_failed(self, failure: Failure) -> None:
        entry = self.listing.current
        if entry is not None and failure.code is Code.SEGMENTATION:
            self.segments.open([entry.path])
        else:
            self._refuse(failure)

    def _refuse(self, failure: Failure) -> None:
        entry = self.listing.current
        self._display.refuse(failure, entry.path if entry else None)

    def select_frame(self, index: int) -> None:
        """Show frame `index` of the open study; the one that is shown stays until the new one is decoded."""
        self._display.select_frame(index)

    @property
    def grid(self) -> tuple[int, int]:
        """(positions, points in time) of what is open; (0, 1) of nothing."""
        return self._display.grid

    @property
    def place(self) -> tuple[int, int]:
        """(position, point in time) in the grid of the frame that was asked for last, both from 0."""
        return self._display.place

    def select_place(self, position: int, time: int) -> None:
        """Show the frame at a place of the grid; the nearest where there is no such place."""
        self._display.select_place(position, time)

    def step_frame(self, step: int) -> None:
        """So many positions on, or (negative) back, as `medview.workspace.viewport.Display.step_frame` does it."""
        self._display.step_frame(step)

    def step_time(self, step: int) -> None:
        """So many points in time on, or (negative) back, at the same position."""
        self._display.step_time(step)

    def show_plane(self, plane: MprPlane | None) -> None:
        """Show the series in another plane, or (None) as it was acquired; `actionFailed` says why not."""
        self._display.show_plane(plane)

    def _on_shown(self, key: Key, picture: Picture) -> None:
        self.answers.cancelled = False
        self._analyses.recall(key, picture)

    def _seen(self) -> tuple[Study | None, Frame | None, tuple[Correction, ...]]:
        """The study, the shown frame as the file has it, and what was put right in it."""
        source = self._display.source
        return self.study, source.frame if source else None, self.corrections

    def _go_to(self, frame: Frame | None) -> None:
        """Show a frame of the study; None for the one that is shown. Either way its entry is the current one again."""
        self._browser.point(self.listing.place(self.entry and self.entry.key))
        if frame is not None and self.study is not None:
            self.select_frame(self.study.number(frame))

    # What is put right

    @property
    def corrections(self) -> tuple[Correction, ...]:
        """What was put right in the shown frame, for the eye and for the models."""
        return self._analyses.corrections(self._display.key(self.picture.frame)) if self.picture else ()

    def set_corrections(self, corrections: tuple[Correction, ...]) -> None:
        """Put right in the shown frame what `corrections` say, nothing else, and let the models look again."""
        source = self._display.source
        if source is None or corrections == self.corrections:
            return
        self._analyses.set_corrections(self._display.key(source.frame), corrections)
        self._display.show(source)
        # A swap by eye was for the same end, and a place in the picture is another one after a turn.
        self.set_view(inverted=False, scale=None, centre=None)
        self.analyse()

    # How it is looked at

    @property
    def view(self) -> ViewState:
        """How the shown series is looked at."""
        return self._display.view

    def set_view(self, **changes: Any) -> None:
        """Change fields of the view, for every frame of the series. A window without a preset is the user's own."""
        self._display.set_view(**changes)

    def reset_view(self) -> None:
        """The picture as it was when it was opened."""
        self.set_view(window=None, inverted=False, scale=None, centre=None)

    @property
    def overlay(self) -> Overlay:
        """What lies over the picture."""
        return self.answers.overlay

    def set_overlay(self, **changes: Any) -> None:
        """Change fields of the overlay; all but the label are remembered."""
        for key, value in self.answers.lay(**changes).items():
            self.set_setting(key, value)

    @property
    def heatmap(self) -> tuple[NDArray[np.float32], Region] | None:
        """The heatmap of the chosen label, (h, w) 0-1, and the region of its result, or None."""
        return heatmap_of(self.analysis, self.overlay.label)

    @property
    def mask(self) -> Mask | None:
        """The mask of the shown frame, or None when no model marks."""
        return mask_of(self.analysis)

    # Analyses

    def _analyse_if_wanted(self) -> None:
        if self.settings["auto_analyse"] and self.analysis is None and not self.busy("open"):
            self.analyse()

    def analyse(self, force: bool = False) -> None:
        """Let the models look at the shown frame. `force`: although the gate refuses."""
        picture = self._display.source
        if picture is None or self.plane:
            return
        self._settle.stop()
        self._analyses.start(self._display.key(picture.frame), picture, force)
        self.answers.cancelled = False
        self._take_analysis(None)

    def _take_analysis(self, analysis: Analysis | None) -> None:
        self.runner.cancel("stability")
        source = self._display.source
        self.answers.take(analysis, source.frame if source else None, self._coming)

    def _on_emptied(self) -> None:
        self.answers.forget()
        self._take_analysis(None)

    @property
    def analysis(self) -> Analysis | None:
        """What was said of the shown frame."""
        return self.answers.analysis

    @property
    def answer(self) -> Answer | None:
        """What was said of the shown frame or, while that is on its way, of the frame before: None where there is
        neither. It is old where `analysis` is None."""
        return self.answers.last if self.analysis is not None or self._coming else None

    @property
    def _coming(self) -> bool:
        """Whether the shown frame will have its analysis without being asked again."""
        wanted = self.settings["auto_analyse"] and (self._settle.isActive() or self.busy("open") is not None)
        return self.plane is None and (wanted or self.busy("analyse") is not None)

    @property
    def kind(self) -> str:
        """What the user said that the shown frame is; empty where that is left to the gate."""
        return self._analyses.kind(self._display.key(self.picture.frame)) if self.picture else ""

    def set_kind(self, kind: str) -> None:
        """The user says what the shown frame is, one of `kinds`, or (empty) takes it back; the models look again."""
        if self.picture is None or kind == self.kind:
            return
        self._analyses.set_kind(self._display.key(self.picture.frame), kind)
        self.analyse()

    def list_models(self) -> None:
        """Load and test every model; `modelsListed` follows."""
        text, done, failed = Text("testing the models"), self.modelsListed.emit, self.actionFailed.emit
        self.runner.start(Job("models", text, lambda token: self.engine.get().statuses(), done, failed))

    def save_results(self, folder: Path) -> None:
        """Write masks, overlays and results of the shown frame into `folder`; `saved` or `actionFailed` follows."""
        picture, analysis, study = self.picture, self.analysis, self.study
        if picture is None or analysis is None or study is None:
            return
        self.set_setting("save_folder", str(folder))
        seen = replace(picture, window=self.view.window or picture.window)
        many, private = len(study.frames) > 1, bool(self.settings["privacy"])
        what = saving.ToSave(analysis, seen, self.view.inverted, many, private)
        done, failed = self.saved.emit, self.actionFailed.emit
        self.runner.start(Job("save", Text("saving"), lambda token: saving.save(what, folder), done, failed))
