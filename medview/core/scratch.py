"""Files that are needed only while the program runs, such as pictures of patients out of an archive.

Every process has a folder of its own that only its user may enter, and holds a lock on a file beside it. The lock ends
with the process, however that ends, so a folder whose lock is free has no owner: the next start removes it.
"""

from __future__ import annotations

import atexit
import contextlib
import secrets
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

from medview.core.paths import cache_dir

_LOCK = threading.Lock()
# The folder of this process and its lock, by where they are: `$MEDVIEW_HOME` may change (in tests).
_OWN: dict[Path, tuple[Path, IO[bytes]]] = {}


def root() -> Path:
    """Where the folders of all processes are."""
    return cache_dir() / "unpacked"


def new_folder() -> tempfile.TemporaryDirectory[str]:
    """A new folder that goes when it is forgotten, or at the latest when the program ends. Raises OSError."""
    with _LOCK:
        place = root()
        if place not in _OWN:
            _OWN[place] = _make(place)
        return tempfile.TemporaryDirectory(dir=_OWN[place][0], prefix="", ignore_cleanup_errors=True)


def _make(place: Path) -> tuple[Path, IO[bytes]]:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir(mode=0o700, exist_ok=True)
    while True:
        folder = place / secrets.token_hex(8)
        lock = folder.with_suffix(".lock").open("xb")
        try:
            _take(lock)
        except (BlockingIOError, PermissionError):
            lock.close()  # a sweep was quicker, and takes the file away
            continue
        except OSError:
            pass  # a drive without locks: nobody can take it, so nobody sweeps it either
        if not folder.with_suffix(".lock").exists():
            lock.close()  # a sweep came in between
            continue
        folder.mkdir(mode=0o700)
        return folder, lock


def _take(file: IO[bytes]) -> None:
    """Lock a file for as long as this process keeps it open. Raises OSError."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def sweep() -> None:
    """Remove the folders of processes that have ended."""
    with contextlib.suppress(OSError):
        for path in list(root().glob("*.lock")):
            with contextlib.suppress(OSError):
                with path.open("r+b") as lock:
                    _take(lock)
                    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                    gone = not path.with_suffix("").exists()
                    if gone and sys.platform != "win32":
                        path.unlink()  # under the lock: without it, somebody may have taken the file
                if gone and sys.platform == "win32":
                    path.unlink()  # where nobody has it open: Windows refuses it otherwise


@atexit.register
def _remove_own() -> None:
    for folder, lock in _OWN.values():
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()
        with contextlib.suppress(OSError):
            folder.with_suffix(".lock").unlink()
