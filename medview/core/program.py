"""medview as a child process of itself: how it is started, kept within bounds, and ended with its parent."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from medview.core.resources import SOURCE

_ROOT = str(SOURCE)
# Where medview runs from its source folder, only this finds it, or finds the same one as here.
_IMPORT = (
    f"import sys; {_ROOT!r} in sys.path or sys.path.insert(0, {_ROOT!r}); "
    "from medview.cli.main import main; "
)  # fmt: skip


def command(*arguments: str, code: str = "sys.exit(main())") -> list[str]:
    """The command that runs medview with these arguments; run it with `environment`. The current folder, often that of
    somebody's pictures, is no place to import from: a `json.py` in it would run.

    `code`: how `main` is called, where that is another Python program (not a frozen one).
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, *arguments]
    return [sys.executable, "-P", "-c", _IMPORT + code, *arguments]


def environment() -> dict[str, str]:
    """The environment of a child: this one's without the places of PYTHONPATH that depend on the current folder."""
    kept = dict(os.environ)
    if "PYTHONPATH" in kept:
        places = filter(os.path.isabs, kept.pop("PYTHONPATH").split(os.pathsep))
        if path := os.pathsep.join(places):
            kept["PYTHONPATH"] = path
    return kept


def limit_memory(more: int) -> None:
    """Give this process no more than `more` bytes of address space beside what it has, where the system can (Linux)."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, OSError, ValueError):
        return


def end_with_parent(take: Callable[[bytes], None] = lambda line: None) -> None:
    """End this process when its stdin ends, as it does with the process that holds the other end, whatever the process
    is at. Until then `take` gets the lines that come, in a thread of its own."""

    def wait() -> None:
        for line in sys.stdin.buffer:
            take(line)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
