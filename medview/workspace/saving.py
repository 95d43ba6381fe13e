"""Saving what the models said of the picture that is shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from medview.core.failures import Failure
from medview.core.texts import Text
from medview.imaging.study import Study
from medview.inference.analysis import Analysis
from medview.report.saver import Options, Saver, SeenPicture
from medview.workspace.runner import Job, Lanes
from medview.workspace.view import Picture, ViewState

Work = Callable[[], list[Path] | Failure]


class Saves:
    """What is being saved, one after the other: a save never cancels the one before, as the jobs of a lane do. Lives on
    the Qt thread, which calls `done` or `failed` at the end of each."""

    def __init__(self, lanes: Lanes, done: Callable[[list[Path]], None], failed: Callable[[Failure], None]) -> None:
        self._lanes, self._done, self._failed = lanes, done, failed
        self._waiting: deque[Work] = deque()

    def add(self, work: Work) -> None:
        """Save also this, when all that was added before is saved."""
        self._waiting.append(work)
        self._next()

    def _next(self) -> None:
        if self._waiting and not self._lanes.busy("save"):
            work = self._waiting.popleft()
            ended = self._on_done, self._on_failed, self._next
            self._lanes.start(Job("save", Text("saving"), lambda token: work(), *ended))

    def _on_done(self, files: list[Path]) -> None:
        self._done(files)
        self._next()

    def _on_failed(self, failure: Failure) -> None:
        self._failed(failure)
        self._next()


def seen(study: Study, picture: Picture, view: ViewState) -> SeenPicture:
    """A picture of a study as it is on the screen."""
    frame = picture.frame
    return SeenPicture(
        frame, picture.shown, view.window_of(picture), view.inverts(picture), many=study.shares_file(frame)
    )


def save(analysis: Analysis, picture: SeenPicture, folder: Path, private: bool) -> list[Path] | Failure:
    """Write masks, overlays and `<stem>__results.json` of one analysis; the files written. `private`: the captions name
    neither patient nor file."""
    saver = Saver(folder, Options("findings", mask_overlay=True, table=True, private=private))
    saved = saver.folder.open() or saver.save(analysis, picture)
    if isinstance(saved, Failure):
        return replace(saved, text=Text("{text} Folder: {folder}", text=saved.text, folder=str(folder)))
    return list(saved.paths)
