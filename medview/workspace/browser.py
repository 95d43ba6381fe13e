"""What was opened together: reads it into the list, finds the first picture in it, opens its entries in viewports."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from medview.core.failures import Failure
from medview.core.jobs import Token
from medview.core.texts import Text
from medview.imaging.walk import Finder
from medview.workspace import listing, opening
from medview.workspace.listing import Entry, Listing, Row
from medview.workspace.runner import Job, Lanes
from medview.workspace.viewport import Viewport

# So long the first series may grow before one of its slices is shown: the middle of a part of it is not its middle.
PATIENCE_S = 1.0


class Browser(QObject):
    """Holds the list. Lives on the Qt thread; `lanes` are those of the workspace.

    changed: the list is another or has grown. marked(index) of an entry: something else is known of it.
    opened(Viewport, Opened), failed(Viewport, Failure): what was asked for in a viewport is open, or cannot be.
    """

    changed = Signal()
    marked = Signal(int)
    opened = Signal(object, object)
    failed = Signal(object, object)

    def __init__(self, lanes: Lanes, opener: opening.Opener, finder: Finder, parent: QObject) -> None:
        super().__init__(parent)
        self._lanes, self._opener, self._finder = lanes, opener, finder
        self.listing = Listing()
        # Whether all files beside those of the list are in it as well.
        self.whole_folders = False
        # The viewport for which the list is read, and whether its first picture is still looked for.
        self._reader: Viewport | None = None
        self._seeking = False
        self._patient_until = 0.0

    def ask(self, paths: Sequence[Path], viewport: Viewport, answered: Callable[[opening.Asked], None]) -> None:
        """Find out what was asked to be opened in a viewport."""
        shown, failed = viewport.picture is not None, partial(self.failed.emit, viewport)
        job = Job("open", paths[0].name, lambda token: opening.ask(paths, shown, token), answered, failed)
        viewport.lanes.start(job)

    def read(self, asked: opening.Asked, viewport: Viewport) -> None:
        """Begin another list: one file, which is opened, or several and what is in folders, of which the first is."""
        self.clear()
        paths = asked.paths
        self.whole_folders = len(asked.folders) == len(set(paths))
        if len(paths) == 1 and not self.whole_folders:
            self._take((Entry(paths[0], paths[0]),))
            self.select(0, viewport)
            return
        self._reader, self._seeking = viewport, True
        self._patient_until = time.monotonic() + PATIENCE_S

        def work(token: Token) -> tuple[Row, ...]:
            return listing.scan(paths, self._finder, token)

        text = Text("looking for pictures")
        self._lanes.start(Job("scan", text, work, self._on_found, self._on_failed, on_part=self._on_found))

    def hand_over(self, gone: Viewport, other: Viewport) -> None:
        """A viewport is gone: what was read for it is read for another one, which keeps what was asked for there."""
        if self._reader is gone:
            self._reader, self._seeking = other, self._seeking and other.asked is None
            self._seek()

    def clear(self) -> None:
        """Stop, and empty the list."""
        self.stop()
        self.listing = Listing()
        self.changed.emit()

    def stop(self) -> None:
        """Stop looking for pictures; the list stays as it is."""
        if self._seeking and self._reader is not None:
            self._reader.lanes.cancel("open")
        self._seeking = False
        self._lanes.cancel("scan")

    def select(self, index: int, viewport: Viewport) -> None:
        """Open the entry at `index` in a viewport."""
        if 0 <= index < len(self.listing.entries):
            entry = self.listing.entries[index]
            if self._reader is viewport:
                self._seeking = False
            viewport.ask(entry)
            self._open(viewport, [entry], partial(self.failed.emit, viewport))

    def mark(self, key: Hashable, failure: Failure) -> None:
        """An entry turned out not to open."""
        place = self.listing.place(key)
        if place is not None:
            self.listing.tried[key] = failure
            self.marked.emit(place)

    def _take(self, rows: tuple[Row, ...]) -> None:
        self.listing.take(rows)
        self.changed.emit()

    def _on_found(self, rows: tuple[Row, ...]) -> None:
        self._take(rows)
        self._seek()

    def _on_failed(self, failure: Failure) -> None:
        self.failed.emit(self._reader, failure)

    def _seek(self) -> None:
        """Open the first entry that can be: try those not tried yet."""
        viewport = self._reader
        if not self._seeking or viewport is None or viewport.busy("open"):
            return
        scanning = self._lanes.busy("scan") is not None
        untried = [entry for entry in self.listing.entries if self.listing.failure(entry) is None]
        if untried:
            if not (scanning and untried[0].series and time.monotonic() < self._patient_until):
                self._open(viewport, untried, lambda failure: self._seek())
        elif not scanning:
            self._seeking = False
            count = len(self.listing.entries)
            only = self.listing.entries[0] if count == 1 else None
            if only:
                viewport.ask(only)
            none = opening.none_opened(count) if count else opening.NO_PICTURES
            self.failed.emit(viewport, (only and self.listing.failure(only)) or none)

    def _open(self, viewport: Viewport, entries: list[Entry], failed: Callable[[Failure], None]) -> None:
        def work(token: Token) -> opening.Opened | Failure:
            return opening.open_first(entries, self._opener, token)

        def told(part: tuple[Hashable, Failure]) -> None:
            self.mark(*part)

        done = partial(self._on_opened, viewport)
        viewport.lanes.start(Job("open", entries[0].path.name, work, done, failed, on_part=told))
        # Ready later, a plane of what is shown would take the place of what was asked for since.
        viewport.lanes.cancel("analyse", "plane")

    def _on_opened(self, viewport: Viewport, opened: opening.Opened) -> None:
        if self._reader is viewport:
            self._seeking = False
        entry, study = opened.entry, opened.study
        self.listing.tried[entry.key] = None
        if len(study.series) > 1:
            entry = self.listing.expand(entry, study)
            self.changed.emit()
            opened = opening.Opened(
                entry, opening.series_study(study.series[0], study.path), opened.picture, opened.stamp
            )
        place = self.listing.place(entry.key)
        if place is not None:
            self.marked.emit(place)
            now = self.listing.entries[place]
            if now.series and now is not opened.entry:
                # The series has grown while its picture was decoded.
                study = opening.series_study(now.series, now.path)
                opened = opening.Opened(now, study, opened.picture, opened.stamp)
        viewport.ask(opened.entry)
        self.opened.emit(viewport, opened)
