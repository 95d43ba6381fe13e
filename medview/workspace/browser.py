"""What was opened together: reads it into the list, finds the first picture in it, opens its entries. No signals."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from medview.core.failures import Failure
from medview.core.jobs import Token
from medview.core.texts import Text
from medview.workspace import listing, opening
from medview.workspace.listing import Entry, Listing, Row
from medview.workspace.runner import Job, Runner

LANES = ("scan", "open")
# So long the first series may grow before one of its slices is shown: the middle of a part of it is not its middle.
PATIENCE_S = 1.0


class Browser:
    """Holds the list. Lives on the Qt thread.

    What it calls: `changed()` when the list is another or has grown; `selected(index)`, `marked(index)` of an entry;
    `opened(Opened)`, `failed(Failure)` when the entry that was asked for is open, or cannot be.
    """

    def __init__(
        self,
        runner: Runner,
        opener: opening.Opener,
        finder: listing.Finder,
        changed: Callable[[], None],
        selected: Callable[[int], None],
        marked: Callable[[int], None],
        opened: Callable[[opening.Opened], None],
        failed: Callable[[Failure], None],
    ) -> None:
        self._runner, self._opener, self._finder = runner, opener, finder
        self._changed, self._selected, self._marked = changed, selected, marked
        self._opened, self._failed = opened, failed
        self.listing = Listing()
        # Whether all files beside those of the list are in it as well.
        self.whole_folders = False
        self._seeking = False
        self._patient_until = 0.0

    def ask(self, paths: Sequence[Path], shown: bool, answered: Callable[[opening.Asked], None]) -> None:
        """Find out what was asked to be opened. `shown`: whether segmentations can be laid on what is shown."""
        job = Job("open", paths[0].name, lambda token: opening.ask(paths, shown, token), answered, self._failed)
        self._runner.start(job)

    def read(self, asked: opening.Asked) -> None:
        """Begin another list: one file, which is opened, or several and what is in folders, of which the first is."""
        self.clear()
        paths = asked.paths
        self.whole_folders = len(asked.folders) == len(set(paths))
        if len(paths) == 1 and not self.whole_folders:
            self._take((Entry(paths[0], paths[0]),))
            self.select(0)
            return
        self._seeking = True
        self._patient_until = time.monotonic() + PATIENCE_S

        def work(token: Token) -> tuple[Row, ...]:
            return listing.scan(paths, self._finder, token)

        text = Text("looking for pictures")
        self._runner.start(Job("scan", text, work, self._on_found, self._failed, on_part=self._on_found))

    def clear(self) -> None:
        """Stop, and empty the list."""
        self.stop()
        self.listing = Listing()
        self._changed()

    def stop(self) -> None:
        """Stop looking and opening; the list stays as it is."""
        self._seeking = False
        for lane in LANES:
            self._runner.cancel(lane)

    def select(self, index: int) -> None:
        """Open the entry at `index`."""
        if 0 <= index < len(self.listing.entries):
            self._seeking = False
            self.point(index)
            self._open([self.listing.entries[index]], self._failed)

    def point(self, index: int | None) -> None:
        """Make an entry the current one without opening it."""
        if index is not None:
            self.listing.index = index
            self._selected(index)

    def mark(self, key: Hashable, failure: Failure) -> None:
        """An entry turned out not to open."""
        place = self.listing.place(key)
        if place is not None:
            self.listing.tried[key] = failure
            self._marked(place)

    def _take(self, rows: tuple[Row, ...]) -> None:
        self.listing.take(rows)
        self._changed()

    def _on_found(self, rows: tuple[Row, ...]) -> None:
        self._take(rows)
        self._seek()

    def _seek(self) -> None:
        """Open the first entry that can be: try those not tried yet."""
        if not self._seeking or self._runner.busy("open"):
            return
        scanning = self._runner.busy("scan") is not None
        untried = [entry for entry in self.listing.entries if self.listing.failure(entry) is None]
        if untried:
            if not (scanning and untried[0].series and time.monotonic() < self._patient_until):
                self._open(untried, lambda failure: self._seek())
        elif not scanning:
            self._seeking = False
            count = len(self.listing.entries)
            only = self.listing.entries[0] if count == 1 else None
            if only:
                self.point(0)
            none = opening.none_opened(count) if count else opening.NO_PICTURES
            self._failed((only and self.listing.failure(only)) or none)

    def _open(self, entries: list[Entry], failed: Callable[[Failure], None]) -> None:
        def work(token: Token) -> opening.Opened | Failure:
            return opening.open_first(entries, self._opener, token)

        def told(part: tuple[Hashable, Failure]) -> None:
            self.mark(*part)

        self._runner.start(Job("open", entries[0].path.name, work, self._on_opened, failed, on_part=told))
        self._runner.cancel("analyse")

    def _on_opened(self, opened: opening.Opened) -> None:
        self._seeking = False
        entry, study = opened.entry, opened.study
        self.listing.tried[entry.key] = None
        if len(study.series) > 1:
            entry = self.listing.expand(entry, study)
            self._changed()
            opened = opening.Opened(
                entry, opening.series_study(study.series[0], study.path), opened.picture, opened.stamp
            )
        place = self.listing.place(entry.key)
        self.point(place)
        if place is not None:
            self._marked(place)
            now = self.listing.entries[place]
            if now.series and now is not opened.entry:
                # The series has grown while its picture was decoded.
                study = opening.series_study(now.series, now.path)
                opened = opening.Opened(now, study, opened.picture, opened.stamp)
        self._opened(opened)
