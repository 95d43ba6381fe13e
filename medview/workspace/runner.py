"""The one kind of background work: a function of a `Token` on a thread pool, its end reported on the Qt thread.

A job ends in exactly one of done, failed, cancelled. A lane is an owner (a viewport, or the workspace) and a purpose; a
job started in a lane cancels the one that runs there: the latest wins, and nobody is in the way of another owner. A
cancelled job has ended for the program at once; its thread stops at its next `Token.check`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, QTimer, Signal

from medview.core.failures import Failure, internal
from medview.core.jobs import Cancelled, Token

log = logging.getLogger(__name__)

Work = Callable[[Token], Any]
# Threads that work at once, and how long a cancelled job may take to notice before its place is given to another.
THREADS, HANGS_MS = 6, 1000
# The owner of the lanes that no viewport has; viewports count from 1.
WORKSPACE = 0


def _ignore(*_: object) -> None:
    """The callback of whoever does not care."""


@dataclass(eq=False)
class Job:
    """One piece of work in a lane, and what is called, on the Qt thread, when it ends: exactly one of the three.

    Attributes:
        purpose: such as `open`. owner: set by `Lanes`.
        on_part: called before, on the Qt thread, with each part that the work delivers through its token.
        text, share: what it is doing, and how far it is (0-1, None when nobody can tell).
    """

    purpose: str
    text: str
    work: Work
    on_done: Callable[[Any], None] = _ignore
    on_failed: Callable[[Failure], None] = _ignore
    on_cancelled: Callable[[], None] = _ignore
    on_part: Callable[[Any], None] = _ignore
    token: Token = field(default_factory=Token)
    share: float | None = None
    ended: bool = False
    owner: int = WORKSPACE


class _Task(QRunnable):
    """Runs a job in a pool thread. Everything is handed back through one queued signal of the runner."""

    def __init__(self, job: Job, runner: Runner) -> None:
        super().__init__()
        self.job, self.runner = job, runner

    def run(self) -> None:
        """Called by the pool."""
        outcome: Any
        # PySide's pool holds on to its tasks for longer than they run; what a job works on may be large.
        job = self.__dict__.pop("job")
        try:
            job.token.check()
            outcome = job.work(job.token)
        except Cancelled as cancelled:
            outcome = cancelled
        except Exception as error:  # the border of background work
            log.exception("job %s", job.purpose)
            outcome = internal(error)
        self.runner.hand_back(job, outcome)


class Runner(QObject):
    """Starts jobs and reports their ends. `laneChanged(owner, purpose)`: busy, free, or further on."""

    laneChanged = Signal(int, str)
    _ended = Signal(object, object)
    _progressed = Signal(object, float, object)
    _delivered = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool()
        # Jobs that were cancelled and have not noticed yet must not hold up their successor.
        self._pool.setMaxThreadCount(THREADS)
        # Tokens of cancelled jobs whose threads have not come back, and of those that had to give up their place.
        self._stopping: set[Token] = set()
        self._hanging: set[Token] = set()
        self._lanes: dict[tuple[int, str], Job] = {}
        self._border = threading.Lock()
        self._closed = False
        self._ended.connect(self._on_ended, Qt.ConnectionType.QueuedConnection)
        self._progressed.connect(self._on_progressed, Qt.ConnectionType.QueuedConnection)
        self._delivered.connect(self._on_delivered, Qt.ConnectionType.QueuedConnection)

    def start(self, job: Job) -> Job:
        """Run `job`; what runs in its lane is cancelled first."""
        if self._closed:
            return job
        self.cancel(job.owner, job.purpose)
        job.token.report = lambda share, text: self._report(job, share, text)
        job.token.take = lambda part: self._deliver(job, part)
        self._lanes[job.owner, job.purpose] = job
        self._pool.start(_Task(job, self))
        self.laneChanged.emit(job.owner, job.purpose)
        return job

    def cancel(self, owner: int, purpose: str) -> None:
        """Cancel what runs in a lane, if anything does."""
        if job := self._lanes.get((owner, purpose)):
            job.token.cancel()
            self._stopping.add(job.token)
            QTimer.singleShot(HANGS_MS, self, partial(self._make_room, job.token))
            self._finish(job, Cancelled())

    def _make_room(self, token: Token) -> None:
        """Let another thread work in the place of one that hangs, on a dead drive."""
        if token in self._stopping:
            self._hanging.add(token)
            self._pool.releaseThread()

    def busy(self, owner: int, purpose: str) -> Job | None:
        """The job that runs in a lane, or None."""
        return self._lanes.get((owner, purpose))

    def purposes(self, owner: int) -> list[str]:
        """What runs for an owner."""
        return [purpose for one, purpose in self._lanes if one == owner]

    def close(self, wait_ms: int = 5000) -> bool:
        """Cancel everything, report nothing any more and wait for the threads; False when some still run."""
        with self._border:
            self._closed = True
        for job in self._lanes.values():
            job.token.cancel()
            job.ended = True
        self._lanes.clear()
        return bool(self._pool.waitForDone(wait_ms))

    def hand_back(self, job: Job, outcome: object) -> None:
        """Called in a pool thread when the work is over. After `close` nobody listens."""
        with self._border:
            if not self._closed:
                self._ended.emit(job, outcome)

    def _report(self, job: Job, share: float, text: str) -> None:
        with self._border:
            if not self._closed:
                self._progressed.emit(job, share, text)

    def _deliver(self, job: Job, part: object) -> None:
        with self._border:
            if not self._closed:
                self._delivered.emit(job, part)

    def _on_delivered(self, job: Job, part: object) -> None:
        if not job.ended:
            job.on_part(part)

    def _on_progressed(self, job: Job, share: float, text: str) -> None:
        if not job.ended:
            job.share, job.text = share, text
            self.laneChanged.emit(job.owner, job.purpose)

    def _on_ended(self, job: Job, outcome: object) -> None:
        self._stopping.discard(job.token)
        if job.token in self._hanging:
            self._hanging.remove(job.token)
            self._pool.reserveThread()
        self._finish(job, outcome)

    def _finish(self, job: Job, outcome: object) -> None:
        if job.ended:
            return
        job.ended = True
        # They hold the job, which holds what it worked on: a volume would stay until the collector comes by.
        job.token.report = job.token.take = None
        if self._lanes.get((job.owner, job.purpose)) is job:
            del self._lanes[job.owner, job.purpose]
        if isinstance(outcome, Cancelled):
            job.on_cancelled()
        elif isinstance(outcome, Failure):
            job.on_failed(outcome)
        else:
            job.on_done(outcome)
        self.laneChanged.emit(job.owner, job.purpose)


class Lanes:
    """The lanes of one owner."""

    def __init__(self, runner: Runner, owner: int = WORKSPACE) -> None:
        self._runner, self.owner = runner, owner

    def start(self, job: Job) -> Job:
        """Run `job`; what runs in its lane is cancelled first."""
        job.owner = self.owner
        return self._runner.start(job)

    def cancel(self, *purposes: str) -> None:
        """Cancel what runs for these purposes."""
        for purpose in purposes:
            self._runner.cancel(self.owner, purpose)

    def cancel_all(self) -> None:
        """Cancel everything that runs for this owner."""
        self.cancel(*self._runner.purposes(self.owner))

    def busy(self, purpose: str, owner: int | None = None) -> Job | None:
        """The job that runs for a purpose, or None; also that of another owner."""
        return self._runner.busy(self.owner if owner is None else owner, purpose)
