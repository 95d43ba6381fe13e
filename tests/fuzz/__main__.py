"""Damaged files by the thousand: `python -m tests.fuzz --count 50000 --seed 7 [--folder DIR]`.

Each is read in a worker process. What must not happen is told with the number of the mutant and makes the exit status
1: an exception that escapes, more than 2 s, more than 500 MB, a word on stderr, a process that ends or hangs.
`--show NUMBER` writes one mutant to stdout.
"""

from __future__ import annotations

import argparse
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.fuzz.mutants import mutant

LIMIT_S, LIMIT_MB, HANGS_S = 2.0, 500, 60.0


@dataclass
class Report:
    """What a run found."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0
    largest: float = 0.0

    def add(self, told: dict[str, Any]) -> None:
        """Count one answer of the worker."""
        where = f"{told['number']} ({told['kind']})"
        self.outcomes[told.get("outcome", "escape")] += 1
        self.slowest, self.largest = max(self.slowest, told["s"]), max(self.largest, told["mb"])
        if "escape" in told:
            self.fault(f"{where} escapes:\n{told['escape']}")
        if told["s"] > LIMIT_S:
            self.fault(f"{where} takes {told['s']} s")
        if told["mb"] > LIMIT_MB:
            self.fault(f"{where} takes {told['mb']} MB")

    def fault(self, text: str) -> None:
        """Tell and keep one thing that must not be."""
        self.faults.append(text)
        say(text)


class Worker:
    """The worker process, started anew after each mutant that ended it."""

    def __init__(self, seed: int, folder: Path | None) -> None:
        self._command = [sys.executable, "-m", "tests.fuzz.worker", str(seed), *([str(folder)] if folder else [])]
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[bytes] = queue.Queue()

    def ask(self, number: int, errors: IO[bytes]) -> dict[str, Any] | str:
        """What the worker says of a mutant, or how it ended."""
        process = self._process or self._start(errors)
        assert process.stdin is not None
        try:
            process.stdin.write(b"%d\n" % number)
            process.stdin.flush()
            answer = self._answers.get(timeout=HANGS_S)
        except queue.Empty:
            self.close()
            return "hangs"
        except OSError:
            answer = b""
        if not answer:
            self._process = None
            return f"ends the process ({process.wait()})"
        told: dict[str, Any] = json.loads(answer)
        return told

    def _start(self, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self._process, self._answers = process, queue.Queue()
        threading.Thread(target=self._forward, args=(process, self._answers), daemon=True).start()
        return process

    @staticmethod
    def _forward(process: subprocess.Popen[bytes], answers: queue.Queue[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            answers.put(line)
        answers.put(b"")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def run(seed: int, first: int, count: int, folder: Path | None = None) -> Report:
    """Read mutants `first` to `first + count - 1` of a seed."""
    report, worker, started = Report(), Worker(seed, folder), time.monotonic()
    with tempfile.TemporaryFile() as errors:
        said = 0
        for number in range(first, first + count):
            told = worker.ask(number, errors)
            if isinstance(told, str):
                report.outcomes["ended"] += 1
                report.fault(f"{number} ({mutant(seed, number, folder)[0]}) {told}")
            else:
                report.add(told)
            words = errors.seek(0, 2)
            if words > said:
                errors.seek(said)
                report.fault(f"{number} makes a library print: {errors.read(500)!r}")
                said = words
            if number % 1000 == 999:
                say(f"{number + 1 - first} mutants, {time.monotonic() - started:.0f} s, {len(report.faults)} faults")
        worker.close()
    return report


def say(text: str) -> None:
    """A line for whoever watches."""
    sys.stderr.write(text + "\n")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="also take the small files below this folder as seeds")
    parser.add_argument("--show", type=int, metavar="NUMBER", help="write one mutant to stdout")
    options = parser.parse_args()
    if options.show is not None:
        sys.stdout.buffer.write(mutant(options.seed, options.show, options.folder)[1])
        return 0
    report = run(options.seed, options.first, options.count, options.folder)
    outcomes = ", ".join(f"{name} {count}" for name, count in report.outcomes.most_common())
    say(f"{options.count} mutants of seed {options.seed}: {outcomes}")
    say(f"slowest {report.slowest:.2f} s, largest {report.largest:.0f} MB, {len(report.faults)} faults")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
