"""The owner of what all panes share: the list of files, the panes and which of them is active, the models, settings.

Widgets hold no truth: they call the methods here and of `Viewport`, and redraw on the signals. QtCore only. Everything
runs on the Qt thread except the work handed to the runner.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from medview.core.cache import Kept
from medview.core.failures import Code, Failure
from medview.core.settings import Settings, add_recent
from medview.core.texts import Text
from medview.imaging.study import Series
from medview.imaging.walk import Finder, find_files
from medview.workspace import opening, saving
from medview.workspace.analyses import Analyses, EngineFactory, LazyEngine, make_engine
from medview.workspace.answers import REMEMBERED
from medview.workspace.browser import Browser
from medview.workspace.listing import Entry, Listing
from medview.workspace.runner import WORKSPACE, Job, Lanes, Runner
from medview.workspace.segmentations import frame_place
from medview.workspace.settings_saver import SettingsSaver
from medview.workspace.thumbnails import Image, Thumbnails
from medview.workspace.view import Key, Picture
from medview.workspace.viewport import Viewport

# Settings that switch a layer of every pane.
LAYERS = ("sides_on",)


class Workspace(QObject):
    """State and the methods that change it. Signals are in the past tense and carry no truth of their own.

    Attributes:
        viewports: the panes, at least one; each owns what it shows. active: the one that menus and keys are about.

    pictureChanged, viewChanged, layersChanged, analysisChanged: of the active viewport, or another one is active.
    viewportsChanged: `viewports` or `active`. busyChanged(purpose): of the active viewport, or of the workspace.
    listingChanged: `listing` is another or has grown. entryMarked(index), entrySelected(index) of `listing`.
    recentChanged: `recent`. modelsListed(list of ModelStatus). saved(list of Path). actionFailed(Failure): what is
    shown stays. thumbnailMade(key of its entry). settingChanged(key).
    """

    viewportsChanged = Signal()
    pictureChanged = Signal()
    viewChanged = Signal()
    layersChanged = Signal()
    analysisChanged = Signal()
    listingChanged = Signal()
    entryMarked = Signal(int)
    entrySelected = Signal(int)
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
        finder: Finder = find_files,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.settings = settings or Settings()
        self._runner = Runner(self)
        self.lanes = Lanes(self._runner)
        self._saves = saving.Saves(self.lanes, self.saved.emit, self.actionFailed.emit)
        self.engine = LazyEngine(engine_factory or partial(make_engine, self.settings))
        self._analyses = Analyses(self.engine)
        self._pictures: Kept[Key, Picture] = Kept(self.settings["picture_bytes"])
        self._browser = Browser(self.lanes, opener, finder, self)
        self._browser.changed.connect(self._on_listing_changed)
        self._browser.marked.connect(self.entryMarked)
        self._browser.opened.connect(self._on_opened)
        self._browser.failed.connect(self._on_open_failed)
        self.thumbnails = Thumbnails(self.lanes, opener, self._on_thumbnail)
        self._saver = SettingsSaver(self.settings, self)
        self._runner.laneChanged.connect(self._on_lane_changed)
        self._made = 0
        self.viewports: list[Viewport] = []
        self.active = self.add_viewport()

    def close(self, wait_ms: int = 5000) -> bool:
        """Stop all work and save the settings; False when a thread is still busy after so long."""
        for viewport in self.viewports:
            viewport.stop()
        self._saver.save()
        return self._runner.close(wait_ms) and self._saver.wait(wait_ms)

    # Panes

    def add_viewport(self) -> Viewport:
        """Another pane, with nothing in it. It is not active before `activate`."""
        self._made += 1
        lanes = Lanes(self._runner, WORKSPACE + self._made)
        made = Viewport(lanes, self.settings, self._pictures, self._analyses, self)
        for signal, handed_on in (
            (made.pictureChanged, self.pictureChanged),
            (made.viewChanged, self.viewChanged),
            (made.layersChanged, self.layersChanged),
            (made.analysisChanged, self.analysisChanged),
        ):
            signal.connect(lambda handed_on=handed_on: handed_on.emit() if made is self.active else None)
        made.layersChosen.connect(self._remember_layers)
        made.askedChanged.connect(lambda: self._on_asked(made))
        made.actionFailed.connect(self.actionFailed)
        made.segmentations.seriesWanted.connect(partial(self._on_series_wanted, made))
        self.viewports.append(made)
        self.viewportsChanged.emit()
        return made

    def remove_viewport(self, viewport: Viewport) -> None:
        """Close a pane; the last one stays."""
        if len(self.viewports) > 1:
            self.viewports.remove(viewport)
            viewport.close()
            if viewport is self.active:
                self.activate(self.viewports[0])
            self._browser.hand_over(viewport, self.active)
            self.viewportsChanged.emit()
            viewport.deleteLater()

    def activate(self, viewport: Viewport) -> None:
        """Menus and keys are about this pane from now on."""
        if viewport is self.active:
            return
        self.active = viewport
        for signal in (
            self.viewportsChanged, self.pictureChanged, self.viewChanged, self.analysisChanged, self.layersChanged,
        ):  # fmt: skip
            signal.emit()
        self._on_asked(viewport)

    # Settings

    def set_setting(self, key: str, value: Any) -> None:
        """Change a setting; it is on disk a second later."""
        self.settings[key] = value
        self._saver.save_later()
        self.settingChanged.emit(key)
        if key in LAYERS:
            for viewport in self.viewports:
                viewport.layersChanged.emit()

    def _remember_layers(self, changes: dict[str, Any]) -> None:
        """What is chosen in a pane is what the next one begins with."""
        for key in REMEMBERED:
            if key in changes:
                self.set_setting(key, changes[key])

    @property
    def recent(self) -> list[Path]:
        """Files opened last, newest first. They may be gone by now."""
        return [Path(text) for text in self.settings["recent_files"]]

    def clear_recent(self) -> None:
        """Forget the recent files."""
        self.set_setting("recent_files", [])
        self.recentChanged.emit()

    # Work that is going on

    def busy(self, purpose: str) -> Job | None:
        """What the workspace is doing for a purpose (`scan`, `save`, `models`, `thumbnails`), or None."""
        return self.lanes.busy(purpose)

    def _on_lane_changed(self, owner: int, purpose: str) -> None:
        for viewport in self.viewports:
            if viewport.lanes.owner == owner:
                viewport.busyChanged.emit(purpose)
        if owner in (WORKSPACE, self.active.lanes.owner):
            self.busyChanged.emit(purpose)

    def cancel_opening(self, viewport: Viewport) -> None:
        """The user stops reading and opening; what is shown stays."""
        if self.busy("scan") or viewport.busy("open"):
            self._browser.stop()
            viewport.lanes.cancel("open")
            if len(self.listing.entries) < 2 and all(one.study is None for one in self.viewports):
                self.close_all()
            else:
                viewport.ask(viewport.entry or viewport.asked)
                viewport.stay()
        viewport.lanes.cancel("plane")

    # The list of what was opened

    @property
    def listing(self) -> Listing:
        """Series and files that were opened together."""
        return self._browser.listing

    def index_of(self, viewport: Viewport) -> int:
        """Where in the list the entry stands that is open in a pane, or was asked for since; -1 for nowhere."""
        place = self.listing.place(viewport.asked.key) if viewport.asked else None
        return -1 if place is None else place

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open one file; or list several, and what is in folders, and open the first that can be read. Segmentations
        are laid on the pictures that they belong to."""
        if paths:
            viewport = self.active
            self._browser.ask(paths, viewport, partial(self._on_known, viewport))

    def _on_known(self, viewport: Viewport, asked: opening.Asked) -> None:
        if asked.segmentations:
            viewport.segmentations.open(asked.paths, self.listing.series)
            return
        self._read(asked, viewport)
        self.set_setting("last_folder", str(asked.folder))

    def _read(self, asked: opening.Asked, viewport: Viewport) -> None:
        """Begin another list. Nothing of the old one stays beside it, but for what is shown until the new picture."""
        for one in self.viewports:
            if one is viewport:
                one.stop()
                one.segmentations.expect_others()
                one.ask(None)
            else:
                one.close()
        self.thumbnails.clear()
        self._browser.read(asked, viewport)

    def select_entry(self, index: int, viewport: Viewport | None = None) -> None:
        """Open the series or file at `index` of the list in a pane, by default the active one."""
        self._browser.select(index, viewport or self.active)

    def step_entry(self, step: int) -> None:
        """Open the next (1) or previous (-1) entry of the list."""
        self.select_entry(self.index_of(self.active) + step)

    def close_all(self) -> None:
        """Close everything and show the first page again."""
        self.thumbnails.clear()
        for viewport in self.viewports:
            viewport.stop()
        self._browser.clear()
        for viewport in self.viewports:
            viewport.close()

    def _on_thumbnail(self, entry: Entry, image: Image | Failure) -> None:
        # One slice that cannot be decoded does not speak against its series.
        if isinstance(image, Failure) and entry.series is None:
            self._browser.mark(entry.key, image)
        self.thumbnailMade.emit(entry.key)

    def _on_listing_changed(self) -> None:
        self.listingChanged.emit()
        for viewport in self.viewports:
            place = self.listing.place(viewport.entry.key) if viewport.entry else None
            series = self.listing.entries[place].series if place is not None else None
            if series is not None:
                viewport.grow(series)

    def _on_asked(self, viewport: Viewport) -> None:
        index = self.index_of(viewport)
        if viewport is self.active and index >= 0:
            self.entrySelected.emit(index)

    def _on_opened(self, viewport: Viewport, opened: opening.Opened) -> None:
        self._remember(opened.entry)
        viewport.open(opened, alone=not self._browser.whole_folders)

    def _remember(self, entry: Entry) -> None:
        """Among the recent files: of a series, the folder it is in."""
        in_folder = entry.series is not None and entry.path == entry.series.frames[0].path
        path = entry.path.parent if in_folder else entry.path
        self.set_setting("recent_files", add_recent(self.settings["recent_files"], path))
        self.recentChanged.emit()

    def _on_open_failed(self, viewport: Viewport, failure: Failure) -> None:
        path = viewport.asked.path if viewport.asked else None
        if path is not None and failure.code is Code.SEGMENTATION:
            viewport.segmentations.open([path], self.listing.series)
        else:
            viewport.refuse(failure, path)

    def _on_series_wanted(self, viewport: Viewport, series: Series, paths: list[Path]) -> None:
        """The pictures of a segmentation: the series may be another one of the list by now, that has grown."""
        first = frame_place(series.frames[0])
        listed = ((place, entry.series) for place, entry in enumerate(self.listing.entries) if entry.series)
        place = next((place for place, one in listed if first in map(frame_place, one.frames)), None)
        if place is not None:
            self.select_entry(place, viewport)
        else:
            self._read(opening.Asked(paths, frozenset(), segmentations=False), viewport)

    # Models and results

    def list_models(self) -> None:
        """Load and test every model; `modelsListed` follows."""
        listed, failed = self.modelsListed.emit, self.actionFailed.emit
        job = Job(
            "models", Text("testing the models"), lambda token: list(self.engine.get().statuses()), listed, failed
        )
        self.lanes.start(job)

    def save_results(self, folder: Path) -> None:
        """Write masks, overlays and results of the frame in the active pane into `folder`; `saved` or `actionFailed`
        follows."""
        pane = self.active
        if pane.picture is None or pane.analysis is None or pane.study is None:
            return
        self.set_setting("save_folder", str(folder))
        seen = saving.seen(pane.study, pane.picture, pane.view)
        self._saves.add(partial(saving.save, pane.analysis, seen, folder, bool(self.settings["privacy"])))
