"""Files read in a child process: whatever ends, hangs or swells the reader does so there, and costs one file.

The child is the program itself (`medview inspect --worker`). It gets paths and answers in lines of JSON, each with one
of these keys: `ready` (it runs), `row` (the facts of a file or of a member of an archive), `step` (an archive is being
unpacked), `work` (seconds of processor time so far, once a second), `end` (that was the file).

What is wrong with a file and what is wrong with medview or the machine are told apart: a child that cannot start, is
ended from outside or waits for a drive says nothing of the file.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from medview.core import program, scratch
from medview.core.failures import Code, Failure
from medview.core.jobs import one_of_many
from medview.core.texts import Text

# Processor time without a step further; the largest picture that opens takes 2 s on a slow machine.
LIMIT_S = 30.0
# Time on the clock without a step further, which a busy machine or a slow drive may take.
WAIT_S = 120.0
# Address space that a picture may take in the child: several times the largest one.
LIMIT_BYTES = 3 * 1024**3
_BEAT_S = 1.0
_AGAIN = Text("Copy the file again from where it came from; if it stays so, do not trust it.")
# What ends a process for what it did itself; by another signal somebody else ends it.
_OWN_SIGNALS = {
    getattr(signal, name) for name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE") if hasattr(signal, name)
}
_Message = dict[str, Any]


class ChildReader:
    """Inspects files in a child process, which is started with the first file and again after each one that broke it.

    Use it as a context manager. Not for several threads at once. Limits in seconds, as the constants above.
    """

    def __init__(self, limit_s: float = LIMIT_S, command: list[str] | None = None, wait_s: float = WAIT_S) -> None:
        self._command = command or program.command("inspect", "--worker")
        self._limit_s, self._wait_s = limit_s, wait_s
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[_Message | None] = queue.Queue()

    def __enter__(self) -> ChildReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def inspect(self, path: Path) -> list[dict[str, Any]] | Failure:
        """Facts of a file (one dictionary, or one for each member of an archive), or why there are none.

        Of an archive that breaks the child in its middle, the last dictionary is that failure.
        """
        rows: list[dict[str, Any]] = []
        failure = self._start(path) or self._ask(path, rows)
        if failure and rows:
            from medview.imaging.facts import refusal

            return [*rows, refusal(str(path), failure).to_dict()]
        return failure or rows

    def _ask(self, path: Path, rows: list[dict[str, Any]]) -> Failure | None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(str(path)).encode() + b"\n")
            process.stdin.flush()
        except OSError:
            return self._ended(path)
        began, worked, work = time.monotonic(), 0.0, None
        while True:
            try:
                message = self._answers.get(timeout=max(0.0, began + self._wait_s - time.monotonic()))
            except queue.Empty:
                return self._waiting(path)
            if message is None:
                return self._ended(path)
            if "end" in message:
                return None
            if "row" in message:
                rows.append(message["row"])
            if "work" not in message:
                began, worked = time.monotonic(), 0.0
                continue
            worked += message["work"] - work if work is not None else 0.0
            work = message["work"]
            if worked > self._limit_s:
                self.close()
                text = Text(
                    "{name} was not read after {limit:g} s of work; reading it was stopped.",
                    name=path.name,
                    limit=self._limit_s,
                )
                return Failure(Code.CORRUPT, text, _AGAIN, f"{worked:.1f} s of work without a step further")

    def _waiting(self, path: Path) -> Failure:
        self.close()
        return Failure(
            Code.READER_FAILED,
            Text("Reading {name} came to no end, and was stopped. The file itself was not judged.", name=path.name),
            Text("Check the drive or the network connection, and try again when the machine is less busy."),
            "the child process got no further",
        )

    def _ended(self, path: Path) -> Failure:
        """The child has ended before it answered."""
        process = self._process
        assert process is not None
        code = process.wait()
        self.close()
        if code < 0 and -code not in _OWN_SIGNALS:
            return _own(
                Text(
                    "The process that reads files was ended while it read {name}. The file itself was not judged.",
                    name=path.name,
                ),
                f"signal {-code}",
            )
        return Failure(
            Code.CORRUPT,
            Text("{name} is damaged so badly that reading it fails.", name=path.name),
            _AGAIN,
            f"exit {code}",
        )

    def _start(self, path: Path) -> Failure | None:
        """Start the child unless it runs; why that could not be done, for a file that was to be read."""
        if self._process is not None:
            return None
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=program.environment(),
            )
        except OSError as error:
            return _own(_not_started(path), str(error))
        self._process, self._answers = process, queue.Queue()
        threading.Thread(target=_forward, args=(process, self._answers), daemon=True).start()
        message: _Message | None = None
        with contextlib.suppress(queue.Empty):
            message = self._answers.get(timeout=self._wait_s)
        if message is not None and "ready" in message:
            return None
        self.close()
        return _own(_not_started(path), f"exit {process.returncode}")

    def close(self) -> None:
        """End the child, and remove what it has unpacked."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        scratch.sweep()


def _not_started(path: Path) -> Text:
    return Text(
        "medview could not start the process that reads {name}. The file itself was not judged.", name=path.name
    )


def _own(text: Text, detail: str) -> Failure:
    return Failure(
        Code.READER_FAILED,
        text,
        Text("Try again; if it stays, close other programs, or restart the machine."),
        detail,
    )


def _forward(process: subprocess.Popen[bytes], answers: queue.Queue[_Message | None]) -> None:
    """What the child says, then None when it has ended."""
    assert process.stdout is not None
    with contextlib.suppress(OSError, ValueError):  # closed by the other thread, or a line that was cut
        for line in process.stdout:
            answers.put(json.loads(line))
    answers.put(None)


def serve() -> None:
    """What the child does: answer the paths on stdin, until stdin ends."""
    program.limit_memory(LIMIT_BYTES)
    # Libraries may print: what they print must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    border = threading.Lock()

    def tell(**message: Any) -> None:
        with border:
            answers.write(json.dumps(message).encode() + b"\n")
            answers.flush()

    def beat() -> None:
        while True:
            tell(work=time.process_time())
            time.sleep(_BEAT_S)

    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    tell(ready=True)
    program.end_with_parent(tasks.put)
    threading.Thread(target=beat, daemon=True).start()
    while True:
        _answer(Path(json.loads(tasks.get())), tell)


def _answer(path: Path, tell: Callable[..., None]) -> None:
    from medview.imaging.archive import release
    from medview.imaging.facts import inspect_each, refusal

    last = time.monotonic()

    def step() -> None:
        nonlocal last
        if time.monotonic() - last > _BEAT_S:
            last = time.monotonic()
            tell(step=True)

    def answer() -> None:
        for facts in inspect_each(path, step=step):
            tell(row=facts.to_dict())

    failed = one_of_many(answer)
    if failed:
        tell(row=refusal(str(path), failed).to_dict())
    release(path)
    tell(end=True)
