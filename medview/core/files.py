"""Files that medview writes: whole or not at all, and where they tell of a patient, for their owner's eyes only."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def make_private(folder: Path) -> None:
    """Make a folder that nobody but its owner may enter; one that is there stays as it is. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def write_atomic(path: Path, data: bytes, private: bool = False, replace: bool = True) -> None:
    """Write beside the target, then rename. `private`: only the owner may read it. Raises OSError, without `replace`
    FileExistsError where the name is taken; the half-written file is removed."""
    # Its name has nothing of the target's, which may be as long as names can be.
    temporary = path.with_name(f".medview-{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        handle = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600 if private else 0o666
        )
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        if replace:
            os.replace(temporary, path)
        else:
            _rename_new(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


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
