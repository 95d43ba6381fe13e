"""Files that medview writes: whole or not at all, and where they tell of a patient, for their owner's eyes only."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

SYNCED_AT_A_TIME = 8


def make_private(folder: Path) -> None:
    """Make a folder that nobody but its owner may enter; one that is there stays as it is. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def write_atomic(path: Path, data: bytes, private: bool = False, replace: bool = True, durable: bool = True) -> None:
    """Write beside the target, then rename. `private`: only the owner may read it. Raises OSError, without `replace`
    FileExistsError where the name is taken; the half-written file is removed.

    `durable`: it is on the disk, name and all, once this returns, and a power cut leaves the old file or the new one,
    never an empty one. That takes some 10 ms; who writes many files passes False and calls `make_durable` for all.
    """
    # Its name has nothing of the target's, which may be as long as names can be.
    temporary = path.with_name(f".medview-{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        handle = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600 if private else 0o666
        )
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if replace:
            os.replace(temporary, path)
        else:
            _rename_new(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        _sync_folder(path.parent)


def make_durable(paths: Sequence[Path]) -> None:
    """Files of our own, and their names, are on the disk once this returns. Raises OSError.

    Several at a time: the system then writes them in one go, where one after the other each would wait for the disk.
    """
    if not paths:
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(len(paths), SYNCED_AT_A_TIME)) as pool:
        list(pool.map(_sync_file, paths))
    for folder in {path.parent for path in paths}:
        _sync_folder(folder)


def _sync_file(path: Path) -> None:
    # For writing, since Windows syncs no other handle.
    handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """The names in a folder are on the disk. Windows cannot be asked, nor can some network drives."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _rename_new(temporary: Path, path: Path) -> None:
    """Give a file its name unless another has it, even one that is made at the same moment. Raises FileExistsError."""
    if os.name == "nt":
        os.rename(temporary, path)
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, such as that of most memory sticks
        if os.path.lexists(path):
            raise FileExistsError(17, "the name is taken", str(path)) from None
        os.replace(temporary, path)
        return
    temporary.unlink()
