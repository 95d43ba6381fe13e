"""medview as a child process of itself: how it is started, kept within bounds, and ended with its parent."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parents[2])
# Behind everything that is installed: where medview runs from its source folder, only this finds it.
_ENTRY = f"import sys; sys.path.append({_ROOT!r}); from medview.cli import main; sys.exit(main())"


def command(*arguments: str) -> list[str]:
    """The command that runs medview with these arguments. The current folder, often that of somebody's pictures, is no
    place to import from: a `json.py` in it would run."""
    if getattr(sys, "frozen", False):
        return [sys.executable, *arguments]
    return [sys.executable, "-P", "-c", _ENTRY, *arguments]


def limit_memory(more: int) -> None:
    """Give this process no more than `more` bytes of address space beside what it has, where the system can (Linux)."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, OSError, ValueError):
        return


def end_with_parent() -> None:
    """End this process when its stdin ends, as it does with the process that holds the other end."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
