"""Background work: exactly one ending, the latest wins, nothing after closing."""

from __future__ import annotations

import threading

import pytest
from pytestqt.qtbot import QtBot

from medview.core.failures import Code, Failure
from medview.core.jobs import Cancelled, Token
from medview.workspace.runner import THREADS, WORKSPACE, Job, Runner


class Endings:
    """Collects how jobs end."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, object]] = []

    def job(self, name: str, work: object, lane: str = "lane") -> Job:
        return Job(
            lane,
            name,
            work,  # type: ignore[arg-type]
            lambda value: self.seen.append((name, value)),
            lambda failure: self.seen.append((name, failure.code)),
            lambda: self.seen.append((name, "cancelled")),
        )


@pytest.fixture
def runner(qtbot: QtBot):
    made = Runner()
    yield made
    assert made.close()


def raises(error: BaseException):
    def work(token: Token) -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("work", "ending"),
    [
        (lambda token: 42, 42),
        (lambda token: Failure(Code.CORRUPT, "t", "h"), Code.CORRUPT),
        (raises(Cancelled()), "cancelled"),
    ],
)
def test_a_job_ends_in_exactly_one_way(qtbot: QtBot, runner: Runner, work: object, ending: object) -> None:
    endings = Endings()
    runner.start(endings.job("a", work))
    qtbot.waitUntil(lambda: bool(endings.seen))
    qtbot.wait(30)
    assert endings.seen == [("a", ending)]
    assert runner.busy(WORKSPACE, "lane") is None


def test_what_a_job_raises_becomes_a_failure_and_a_log_line(
    qtbot: QtBot, runner: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    endings = Endings()
    runner.start(endings.job("a", raises(ValueError("boom"))))
    qtbot.waitUntil(lambda: bool(endings.seen))
    assert endings.seen == [("a", Code.INTERNAL)]
    assert "boom" in caplog.text


def test_callbacks_run_on_the_qt_thread(qtbot: QtBot, runner: Runner) -> None:
    threads: list[threading.Thread] = []
    worker: list[threading.Thread] = []
    job = Job(
        "a",
        "",
        lambda token: worker.append(threading.current_thread()),
        lambda _: threads.append(threading.current_thread()),
    )
    runner.start(job)
    qtbot.waitUntil(lambda: bool(threads))
    assert threads == [threading.main_thread()]
    assert worker != threads


def test_the_latest_wins(qtbot: QtBot, runner: Runner) -> None:
    endings, gate = Endings(), threading.Event()
    runner.start(endings.job("old", lambda token: gate.wait(5)))
    runner.start(endings.job("new", lambda token: "value"))
    assert endings.seen == [("old", "cancelled")]
    qtbot.waitUntil(lambda: len(endings.seen) == 2)
    gate.set()
    qtbot.wait(50)
    assert endings.seen == [("old", "cancelled"), ("new", "value")]


def test_lanes_do_not_disturb_each_other(qtbot: QtBot, runner: Runner) -> None:
    endings = Endings()
    runner.start(endings.job("a", lambda token: 1, "one"))
    runner.start(endings.job("b", lambda token: 2, "two"))
    qtbot.waitUntil(lambda: len(endings.seen) == 2)
    assert sorted(endings.seen) == [("a", 1), ("b", 2)]


def test_progress_is_told_while_it_runs_and_not_after_cancelling(qtbot: QtBot, runner: Runner) -> None:
    go, stop = threading.Event(), threading.Event()

    def work(token: Token) -> None:
        token.progress(0.5, "half")
        go.wait(5)
        try:
            token.progress(0.9, "late")
        finally:
            stop.set()

    endings = Endings()
    job = runner.start(endings.job("a", work))
    qtbot.waitUntil(lambda: job.share == 0.5)
    assert job.text == "half"
    runner.cancel(WORKSPACE, "lane")
    go.set()
    assert stop.wait(5)
    qtbot.wait(30)
    assert job.share == 0.5
    assert endings.seen == [("a", "cancelled")]


def test_parts_are_handed_over_before_the_end_and_not_after_cancelling(qtbot: QtBot, runner: Runner) -> None:
    go, endings, parts = threading.Event(), Endings(), []

    def work(token: Token) -> str:
        token.deliver("first")
        token.deliver("second")
        go.wait(5)
        token.deliver("late")
        return "all"

    job = endings.job("a", work)
    job.on_part = parts.append
    runner.start(job)
    qtbot.waitUntil(lambda: parts == ["first", "second"])
    runner.cancel(WORKSPACE, "lane")
    go.set()
    qtbot.wait(30)
    assert parts == ["first", "second"]
    assert endings.seen == [("a", "cancelled")]


def test_nothing_is_reported_after_closing(qtbot: QtBot) -> None:
    runner, endings, gate = Runner(), Endings(), threading.Event()
    runner.start(endings.job("a", lambda token: gate.wait(5)))
    threading.Timer(0.05, gate.set).start()
    assert runner.close()
    qtbot.wait(30)
    runner.start(endings.job("b", lambda token: 1))
    qtbot.wait(30)
    assert endings.seen == []


def test_close_says_when_a_thread_hangs(qtbot: QtBot) -> None:
    runner, started, gate = Runner(), threading.Event(), threading.Event()
    runner.start(Job("a", "", lambda token: (started.set(), gate.wait(5))))
    assert started.wait(5)
    assert not runner.close(wait_ms=50)
    gate.set()
    assert runner.close()


def test_jobs_that_hang_take_no_place_from_others(
    qtbot: QtBot, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medview.workspace.runner.HANGS_MS", 10)
    endings, gate, begun = Endings(), threading.Event(), []

    def hang(token: Token) -> None:
        begun.append(token)
        gate.wait(20)

    for _ in range(2):
        begun.clear()
        for number in range(THREADS):
            runner.start(endings.job(str(number), hang))
            qtbot.waitUntil(lambda number=number: len(begun) == number + 1)
        # The last one, too, is cancelled by its successor, which waits for a place until it is clear that they hang.
        runner.start(endings.job("next", lambda token: 1))
        qtbot.waitUntil(lambda: endings.seen[-1] == ("next", 1))
    gate.set()
    qtbot.waitUntil(lambda: not runner._hanging)
    assert runner._pool.activeThreadCount() == 0


def test_emitting_a_signal_takes_no_reference_away(runner: Runner) -> None:
    """PySide6 6.12.0 returns True from `emit` without owning it: under Python 3.11 a few hundred signals later the
    interpreter aborts ("deallocating True or False"). Another version of PySide6 must be installed."""
    import sys

    before = sys.getrefcount(True)
    for _ in range(50):
        runner.laneChanged.emit(WORKSPACE, "x")
    assert sys.getrefcount(True) > before - 25
