"""What every command shares: exit codes, and words on a terminal that may be gone or know few characters."""

from __future__ import annotations

import contextlib
import os
import sys

from medview.core.texts import printable

OK, UNREADABLE, USAGE, SIGNALLED = 0, 1, 2, 128


def drop_stdout() -> None:
    """Send stdout nowhere from now on: after it has failed once, Python's own flush at the end would fail again."""
    with contextlib.suppress(OSError, ValueError):  # a stdout that is no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def say(text: str) -> None:
    """A message for the person at the terminal, on stderr."""
    print(printable(text), file=sys.stderr)
