"""Frames decoded ahead, without a window."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np

from medview.core.cache import Kept
from medview.core.jobs import Token
from medview.imaging.study import Frame, Series, Study
from medview.workspace.prefetch import Prefetch
from medview.workspace.runner import Job, Lanes
from medview.workspace.view import Key, Picture


class Waiting:
    """Lanes that only remember what was started."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def start(self, job: Job) -> Job:
        self.jobs.append(job)
        return job


def test_a_frame_decoded_ahead_is_kept_as_what_it_was_when_it_was_asked_for() -> None:
    """Meanwhile another file is open, whose stamp would make another picture of it."""
    path, stamp = Path("a.dcm"), 5
    frames = tuple(
        Frame(path, number, 2, 2, "", lambda number=number: np.full((2, 2), number, np.uint8))  # type: ignore[misc]
        for number in range(3)
    )
    lanes, pictures = Waiting(), Kept[Key, Picture](1000)

    def key(frame: Frame) -> Key:
        return frame.path, stamp, frame.index

    prefetch = Prefetch(cast(Lanes, lanes), pictures, key, lambda study: None)
    prefetch.ahead(Study(path, "", (Series("", frames),)), 1)
    job = lanes.jobs[0]
    decoded: Any = job.work(Token())
    stamp = 6
    job.on_done(decoded)
    assert {at: pictures.get((path, at, 2)) is not None for at in (5, 6)} == {5: True, 6: False}
    assert pictures.get((path, 5, 1)) is None
