"""The one owner of state: which files are listed, what is open and shown, how, and what the models said about it.

Widgets hold no truth: they call the methods here and redraw on the signals. QtCore only. Everything runs on the Qt
thread except the work handed to the runner (medview/tasks.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from medview import state, tasks
from medview.core.failures import Failure
from medview.core.jobs import Token
from medview.core.settings import Settings
from medview.imaging.study import Frame, Study
from medview.inference.analysis import Analysis, Mask
from medview.inference.fixes import Fix
from medview.looks import Key, Looks
from medview.neighbours import LANES, Neighbours
from medview.runner import Job, Runner
from medview.state import FileList, Kept, Overlay, Picture, ViewState

PICTURE_BYTES = 256 * 1024 * 1024
# A stack that is being scrolled is analysed where the user stops, not at every frame on the way.
SETTLE_MS = 250
SAVE_SETTINGS_MS = 1000
OPENING = ("scan", "open")


class Workspace(QObject):
    """State and the methods that change it. Signals are in the past tense and carry no truth of their own.

    filesReset, filesAppended(first, last), fileMarked(index): the list of files. fileSelected(index).
    pictureChanged: `study`, `picture`, `failure` or the frame. viewChanged: `view`. overlayChanged: `overlay`.
    analysisChanged: `analysis`. busyChanged(lane). recentChanged: `recent`. modelsListed(list of ModelStatus).
    saved(list of Path), saveFailed(Failure). thumbnailMade(path, (rows, cols[, 3]) uint8). settingChanged(key).
    """

    filesReset = Signal()
    filesAppended = Signal(int, int)
    fileMarked = Signal(int)
    fileSelected = Signal(int)
    pictureChanged = Signal()
    viewChanged = Signal()
    overlayChanged = Signal()
    analysisChanged = Signal()
    busyChanged = Signal(str)
    recentChanged = Signal()
    modelsListed = Signal(list)
    saved = Signal(list)
    saveFailed = Signal(object)
    thumbnailMade = Signal(object, object)
    settingChanged = Signal(str)
    _filesFound = Signal(int, list)
    _fileFailed = Signal(int, object, object)

    def __init__(
        self,
        settings: Settings | None = None,
        engine_factory: tasks.EngineFactory | None = None,
        opener: tasks.Opener = tasks.open_study,
        finder: tasks.Finder = tasks.find_pictures,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.settings = settings or Settings()
        self.runner = Runner(self)
        self._opener, self._finder = opener, finder
        self._engine = tasks.LazyEngine(engine_factory or partial(tasks.make_engine, self.settings))
        self.files = FileList()
        self._seeking = False
        self.study: Study | None = None
        self.frame_index = 0
        # What is shown, and the same as the file has it; two only where something was put right.
        self.picture: Picture | None = None
        self._source: Picture | None = None
        self.failure: Failure | None = None
        self.failed_path: Path | None = None
        self._stamp = 0
        self.analysis: Analysis | None = None
        self.analysis_cancelled = False
        kept = ("heatmap_on", "heatmap_opacity", "mask_on", "mask_opacity")
        self.overlay = Overlay(**{key: self.settings[key] for key in kept})
        self._views: dict[tuple[Path, int], ViewState] = {}
        self._pictures: Kept[Key, Picture] = Kept(PICTURE_BYTES)
        self._looks = Looks(
            self.runner, self._engine, self._take_analysis, self._on_steadied, self._on_analysis_cancelled
        )
        self._neighbours = Neighbours(self.runner, self._pictures, self._key, self._on_series)
        self._settle = self._timer(SETTLE_MS, self._analyse_if_wanted)
        self._save_later = self._timer(SAVE_SETTINGS_MS, self.settings.save)
        self.runner.laneChanged.connect(self.busyChanged)
        self._filesFound.connect(self._on_files_found, Qt.ConnectionType.QueuedConnection)
        self._fileFailed.connect(self._on_file_failed, Qt.ConnectionType.QueuedConnection)

    def _timer(self, ms: int, slot: Callable[[], Any]) -> QTimer:
        timer = QTimer(self, singleShot=True, interval=ms)
        timer.timeout.connect(slot)
        return timer

    def close(self) -> bool:
        """Stop all work and save the settings; False when a thread is still busy after five seconds."""
        self._settle.stop()
        self._save_later.stop()
        self.settings.save()
        return self.runner.close()

    # Settings

    def set_setting(self, key: str, value: Any) -> None:
        """Change a setting; it is on disk a second later."""
        self.settings[key] = value
        self._save_later.start()
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
        """What a lane (`scan`, `open`, `analyse`, `stability`, `save`, `models`, `thumbnails`) is doing, or None."""
        return self.runner.busy(lane)

    def cancel(self, *lanes: str) -> None:
        """The user stops what runs in some lanes; what is shown stays."""
        opening = any(self.busy(lane) for lane in lanes if lane in OPENING)
        for lane in lanes:
            self.runner.cancel(lane)
        if not opening:
            return
        self._seeking = False
        if self.study is None:
            self.close_all()
            return
        if self.picture is not None:
            self.frame_index = self.study.number(self.picture.frame)
        self._select(self.files.place(self.study.path))
        self.pictureChanged.emit()

    def _stop_all(self) -> None:
        self._settle.stop()
        for lane in (*OPENING, "analyse", *LANES):
            self.runner.cancel(lane)

    # The list of files

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open one file; or list several, and what is in folders, and open the first that can be read."""
        if not paths:
            return
        self._stop_all()
        self.files = self.files.next_list()
        single = len(paths) == 1 and not os.path.isdir(paths[0])
        self._seeking = not single
        self.set_setting("last_folder", str(paths[0].parent if single else paths[0]))
        self.filesReset.emit()
        if single:
            self._on_files_found(self.files.number, list(paths))
            self.select_file(0)
            return
        found = partial(self._filesFound.emit, self.files.number)

        def work(token: Token) -> int:
            return tasks.scan(paths, self._finder, found, token)

        job = Job("scan", "looking for pictures", work, lambda count: self._seek(), self._on_open_failed)
        self.runner.start(job)

    def _on_files_found(self, number: int, batch: list[Path]) -> None:
        if number != self.files.number:
            return
        if places := self.files.extend(batch):
            self.filesAppended.emit(*places)
        self._seek()

    def _on_file_failed(self, number: int, path: Path, failure: Failure) -> None:
        place = self.files.place(path)
        if number == self.files.number and place is not None:
            self.files.unreadable[path] = failure
            self.fileMarked.emit(place)

    def _seek(self) -> None:
        """Of a folder, open the first file that can be read: try those not tried yet."""
        if not self._seeking or self.busy("open"):
            return
        untried = self.files.paths[self.files.index + 1 :]
        if untried:
            self._open(untried, partial(self._on_seek_failed, len(self.files.paths) - 1))
        elif not self.busy("scan"):
            self._seeking = False
            only = self.files.unreadable.get(self.files.paths[0]) if len(self.files.paths) == 1 else None
            self._on_open_failed(only or tasks.NO_PICTURES)

    def _on_seek_failed(self, last: int, failure: Failure) -> None:
        self.files.index = last
        self._seek()

    def _select(self, index: int | None) -> None:
        if index is not None:
            self.files.index = index
            self.fileSelected.emit(index)

    def select_file(self, index: int) -> None:
        """Open the file at `index` of the list."""
        if 0 <= index < len(self.files.paths):
            self._seeking = False
            self._select(index)
            path = self.files.paths[index]
            number = self.study.first_of(path) if self.study and self.study.path != path and not self.failure else None
            if number is None:
                self._open([path], self._on_open_failed)
            else:
                self.select_frame(number)

    def step_file(self, step: int) -> None:
        """Open the next (1) or previous (-1) file of the list."""
        self.select_file(self.files.index + step)

    def close_all(self) -> None:
        """Close everything and show the first page again."""
        self._seeking = False
        self._stop_all()
        self.files = self.files.next_list()
        self.study = self.failure = self.failed_path = None
        self._clear()
        self.filesReset.emit()
        self.pictureChanged.emit()

    # The picture

    def _open(self, paths: list[Path], on_failed: Callable[[Failure], None]) -> None:
        self._settle.stop()
        failed = partial(self._fileFailed.emit, self.files.number)

        def work(token: Token) -> tasks.Opened | Failure:
            return tasks.open_first(paths, self._opener, failed, token)

        self.runner.start(Job("open", paths[0].name, work, self._on_opened, on_failed))
        self.runner.cancel("analyse")

    def _on_opened(self, opened: tasks.Opened) -> None:
        self._seeking = False
        self.study, self._stamp = opened.study, opened.stamp
        path = opened.study.path
        self.files.unreadable.pop(path, None)
        place = self.files.place(path)
        self._select(place)
        if place is not None:
            self.fileMarked.emit(place)
        self.set_setting("recent_files", state.add_recent(self.settings["recent_files"], path))
        self.recentChanged.emit()
        self.frame_index = self.study.number(opened.picture.frame)
        self._show(opened.picture)
        self._analyse_if_wanted()
        self._neighbours.look(self.study)

    def _on_series(self, study: Study) -> None:
        """The slice that is shown turned out to belong to a series."""
        if self.study and self.picture and self.study.path == study.path:
            self.study, self.frame_index = study, study.number(self.picture.frame)
            self.pictureChanged.emit()

    def _on_open_failed(self, failure: Failure) -> None:
        self.study, self.failed_path = None, self.files.current
        self._fail(failure)

    def _clear(self) -> None:
        self.picture = self._source = None
        self._take_analysis(None)

    def _fail(self, failure: Failure) -> None:
        self.failure = failure
        self._clear()
        self.pictureChanged.emit()

    def select_frame(self, index: int) -> None:
        """Show frame `index` of the open study; the one that is shown stays until the new one is decoded."""
        if self.study is None or not 0 <= index < len(self.study.frames) or index == self.frame_index:
            return
        self.frame_index = index
        frame = self.study.frames[index]
        picture = self._pictures.get(self._key(frame))
        if picture:
            self._stop_all()
            self._show_frame(picture)
            return
        self.failed_path = frame.path
        job = Job("open", frame.path.name, lambda token: tasks.decode(frame), self._show_frame, self._fail)
        self.runner.start(job)
        self.runner.cancel("analyse")
        self.pictureChanged.emit()

    def step_frame(self, step: int) -> None:
        """Show the next (1) or previous (-1) frame."""
        self.select_frame(self.frame_index + step)

    def _show_frame(self, picture: Picture) -> None:
        self._show(picture)
        self._select(self.files.place(picture.frame.path))
        self._settle.start()
        self._neighbours.ahead(self.study, self.frame_index)

    def _show(self, picture: Picture) -> None:
        key = self._key(picture.frame)
        self._source, self.failure, self.failed_path = picture, None, None
        self.picture = tasks.put_right(picture, self._looks.fixes(key))
        self._pictures.put(key, picture, picture.nbytes)
        self.analysis_cancelled = False
        self.pictureChanged.emit()
        self.viewChanged.emit()
        self._looks.recall(key, picture)

    def _key(self, frame: Frame) -> Key:
        return frame.path, self._stamp, frame.index

    # What is put right

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """What was put right in the shown frame, for the eye and for the models."""
        return self._looks.fixes(self._key(self.picture.frame)) if self.picture else ()

    def set_fixes(self, fixes: tuple[Fix, ...]) -> None:
        """Put right in the shown frame what `fixes` say, nothing else, and let the models look again."""
        source = self._source
        if source is None or fixes == self.fixes:
            return
        self._looks.set_fixes(self._key(source.frame), fixes)
        self._show(source)
        # A swap by eye was for the same end, and a place in the picture is another one after a turn.
        self.set_view(inverted=False, scale=None, centre=None)
        self.analyse()

    # How it is looked at

    @property
    def view(self) -> ViewState:
        """How the shown series is looked at."""
        key = state.series_key(self.study, self.frame_index)
        return self._views.get(key, ViewState()) if key else ViewState()

    def set_view(self, **changes: Any) -> None:
        """Change fields of the view, for every frame of the series."""
        key = state.series_key(self.study, self.frame_index)
        changed = replace(self.view, **changes)
        if key is not None and changed != self.view:
            self._views[key] = changed
            self.viewChanged.emit()

    def reset_view(self) -> None:
        """The picture as it was when it was opened."""
        self.set_view(window=None, inverted=False, scale=None, centre=None)

    def set_overlay(self, **changes: Any) -> None:
        """Change fields of the overlay; all but the label are remembered."""
        changed = replace(self.overlay, **changes)
        if changed == self.overlay:
            return
        self.overlay = changed
        for key, value in changes.items():
            if key != "label":
                self.set_setting(key, value)
        self.overlayChanged.emit()

    @property
    def heatmap(self) -> NDArray[np.float32] | None:
        """The heatmap of the chosen label, (h, w) 0-1, or None."""
        return state.heatmap_of(self.analysis, self.overlay.label)

    @property
    def mask(self) -> Mask | None:
        """The mask of the shown frame, or None when no model marks."""
        return state.mask_of(self.analysis)

    # Analyses

    def _analyse_if_wanted(self) -> None:
        if self.settings["auto_analyse"] and self.analysis is None:
            self.analyse()

    def analyse(self, force: bool = False) -> None:
        """Let the models look at the shown frame. `force`: although the gate refuses."""
        picture = self._source
        if picture is None:
            return
        self._settle.stop()
        self._looks.start(self._key(picture.frame), picture, force)
        self.analysis_cancelled = False
        self._take_analysis(None)

    def _on_steadied(self, before: Analysis, analysis: Analysis) -> None:
        if self.analysis is before:
            self.analysis = analysis
            self.analysisChanged.emit()

    def _on_analysis_cancelled(self) -> None:
        self.analysis_cancelled = True
        self.analysisChanged.emit()

    def _take_analysis(self, analysis: Analysis | None) -> None:
        self.runner.cancel("stability")
        self.analysis = analysis
        label = state.first_label(analysis) if analysis else None
        if label != self.overlay.label:
            self.overlay = replace(self.overlay, label=label)
        self.analysisChanged.emit()
        self.overlayChanged.emit()

    def kind_name(self, kind: str) -> str:
        """What people call a kind of picture, from the gate's card."""
        return self._engine.kind_names().get(kind) or kind.replace("_", " ")

    def list_models(self) -> None:
        """Load and test every model; `modelsListed` follows."""
        listed, failed = self.modelsListed.emit, self.saveFailed.emit
        job = Job("models", "testing the models", lambda token: list(self._engine.get().statuses()), listed, failed)
        self.runner.start(job)

    def make_thumbnails(self, paths: Sequence[Path]) -> None:
        """Small pictures of some files; `thumbnailMade` follows for each that opens."""
        made = self.thumbnailMade.emit
        self.runner.start(Job("thumbnails", "", lambda token: tasks.thumbnails(paths, self._opener, made, token)))

    def save_results(self, folder: Path) -> None:
        """Write masks, overlays and results of the shown frame into `folder`; `saved` or `saveFailed` follows."""
        picture, analysis, study = self.picture, self.analysis, self.study
        if picture is None or analysis is None or study is None:
            return
        self.set_setting("save_folder", str(folder))
        stem = picture.frame.path.stem + (f"-frame{picture.frame.index}" if len(study.frames) > 1 else "")
        seen = replace(picture, window=self.view.window or picture.window)
        done, failed = self.saved.emit, self.saveFailed.emit
        self.runner.start(Job("save", "saving", lambda token: tasks.save(analysis, seen, folder, stem), done, failed))
