"""Files read in a child process: whatever ends, hangs or swells the reader does so there, and costs one file.

The child is the program itself (`medview inspect --worker`). It gets a path as a JSON line and answers with one.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from medview.core.failures import Code, Failure

# The largest picture that opens takes 2 s on a slow machine.
LIMIT_S = 30.0
# Added to that for large files: an archive is one answer.
LEAST_BYTES_PER_S = 2_000_000
# Address space that a picture may take in the child: several times the largest one.
LIMIT_BYTES = 3 * 1024**3
_AGAIN = "Copy the file again from where it came from; if it stays so, do not trust it."


class ChildReader:
    """Inspects files in a child process, which is started with the first file and again after each one that broke it.

    Use it as a context manager. Not for several threads at once.
    """

    def __init__(self, limit_s: float = LIMIT_S, command: list[str] | None = None) -> None:
        program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "medview"]
        self._command = command or [*program, "inspect", "--worker"]
        self._limit_s = limit_s
        self._process: subprocess.Popen[bytes] | None = None
        # Here the child unpacks archives: when it is ended in the middle, they still go.
        self._folder = tempfile.TemporaryDirectory(prefix="medview-", ignore_cleanup_errors=True)
        self._answers: queue.Queue[bytes] = queue.Queue()

    def __enter__(self) -> ChildReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        self._folder.cleanup()

    def inspect(self, path: Path) -> list[dict[str, Any]] | Failure:
        """Facts of a file (one dictionary, or one for each member of an archive), or what it did to the child."""
        process = self._process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(str(path)).encode() + b"\n")
            process.stdin.flush()
            answer = self._answers.get(timeout=self._limit_s + _size(path) / LEAST_BYTES_PER_S)
        except queue.Empty:
            self.close()
            text = f"{path.name} was not read after {self._limit_s:g} s; reading it was stopped."
            return Failure(Code.CORRUPT, text, _AGAIN, "the child process did not answer")
        except OSError:
            answer = b""
        if not answer:
            code = process.wait()
            self.close()
            return Failure(
                Code.CORRUPT, f"{path.name} is damaged so badly that reading it fails.", _AGAIN, f"exit {code}"
            )
        found: list[dict[str, Any]] = json.loads(answer)
        return found

    def _start(self) -> subprocess.Popen[bytes]:
        temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self._folder.name)
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **temporary},
        )
        self._process, self._answers = process, queue.Queue()
        threading.Thread(target=_forward, args=(process, self._answers), daemon=True).start()
        return process

    def close(self) -> None:
        """End the child."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


def _forward(process: subprocess.Popen[bytes], answers: queue.Queue[bytes]) -> None:
    """Lines of the child, then an empty one when it has ended."""
    assert process.stdout is not None
    with contextlib.suppress(OSError, ValueError):  # closed by the other thread
        for line in process.stdout:
            answers.put(line)
    answers.put(b"")


def serve() -> None:
    """What the child does: answer paths on stdin with facts on stdout, until stdin ends."""
    from medview.imaging.facts import inspect_path

    _limit_memory()
    # Libraries may print: what they print must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    for line in sys.stdin.buffer:
        found = [facts.to_dict() for facts in inspect_path(Path(json.loads(line)))]
        answers.write(json.dumps(found).encode() + b"\n")
        answers.flush()


def _limit_memory() -> None:
    """No more address space than any picture needs on top of the libraries, where the system can limit it (Linux)."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + LIMIT_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, OSError, ValueError):
        return
