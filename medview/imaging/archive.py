"""ZIP archives: unpacked into a folder of their own that is gone when the program ends.

Nothing of an archive is believed: members get new names, so that none can leave the folder, and sizes are bounded
before and while unpacking.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import threading
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from medview.core.failures import Code, Failure
from medview.imaging.files import check_file, os_failure

MAX_MEMBERS = 20_000
# All unpacked archives of one run together.
MAX_BYTES = 4 * 1024**3
# Pictures of zeros pack 1000:1, real archives 2:1 to 10:1; small ones may be anything.
MAX_RATIO, SMALL = 100, 64 * 1024**2
_ENCRYPTED = 0x1
# What only office documents hold (OOXML, OpenDocument, EPUB).
_DOCUMENT = ("[Content_Types].xml", "mimetype")
_HINT = "Unpack it with the program it was made with, and open the folder."


@dataclass
class Unpacked:
    """A folder with the members of an archive.

    Attributes:
        members: (file, name in the archive) in the order of the archive.
        folder: removes itself when the program ends.
    """

    members: list[tuple[Path, str]]
    folder: tempfile.TemporaryDirectory[str] = field(repr=False)


_UNPACKED: dict[tuple[Path, int, int], Unpacked] = {}
_LOCK = threading.Lock()


def unpack(path: Path) -> Unpacked | Failure:
    """The members of an archive as files. The same archive is unpacked once."""
    status = check_file(path)
    if isinstance(status, Failure):
        return status
    key = (path, status.st_size, status.st_mtime_ns)
    with _LOCK:
        if key not in _UNPACKED:
            unpacked = _unpack(path, status.st_size)
            if isinstance(unpacked, Failure):
                return unpacked
            _UNPACKED[key] = unpacked
        return _UNPACKED[key]


def _unpack(path: Path, size: int) -> Unpacked | Failure:
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = [info for info in archive.infolist() if not info.is_dir() and _wanted(info.filename)]
            refused = _check(path, size, members)
            if refused:
                return refused
            folder = tempfile.TemporaryDirectory(prefix="medview-", ignore_cleanup_errors=True)
            found = []
            for number, info in enumerate(members):
                target = Path(folder.name) / f"{number:05}-{_plain(info.filename)}"
                with archive.open(info) as source, target.open("xb") as written:
                    shutil.copyfileobj(source, written, 1024 * 1024)
                found.append((target, info.filename))
            return Unpacked(found, folder)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        return _damaged(path, error)
    except OSError as error:
        # EINVAL: its table of contents leads to before the beginning of the file.
        return _damaged(path, error) if error.errno == errno.EINVAL else os_failure(path, error)


def _damaged(path: Path, error: Exception) -> Failure:
    return Failure(
        Code.CORRUPT, f"The archive {path.name} is damaged.", "Copy it again from where it came from.", repr(error)
    )


def _wanted(name: str) -> bool:
    """Whether a member may be a picture; what macOS and others add beside the pictures is not."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return bool(parts) and not any(part.startswith(("__MACOSX", ".")) and part != ".." for part in parts)


def _plain(name: str) -> str:
    """The last part of a member's name with nothing in it that a file system could take for more than a name."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(c if c.isalnum() or c in "._- " else "_" for c in last)
    return plain.encode("utf-8")[-100:].decode("utf-8", "ignore").strip() or "_"


def _check(path: Path, size: int, members: list[zipfile.ZipInfo]) -> Failure | None:
    """Why an archive is not unpacked, or None. The declared sizes bound what zipfile reads of each member."""
    if any(info.filename in _DOCUMENT for info in members):
        return Failure(
            Code.UNKNOWN_FORMAT, f"{path.name} is an office document, not a picture.", "Save its pictures as files."
        )
    total = sum(info.file_size for info in members)
    if any(info.flag_bits & _ENCRYPTED for info in members):
        return Failure(Code.UNSUPPORTED, f"The archive {path.name} is locked with a password.", _HINT)
    bomb = total > SMALL and total > MAX_RATIO * size
    if bomb or len(members) > MAX_MEMBERS or total > MAX_BYTES - _held():
        return Failure(
            Code.TOO_LARGE,
            f"{path.name} holds {len(members):,} files of {total / 1e6:,.0f} MB, more than medview unpacks.",
            _HINT,
            f"{size} bytes packed",
        )
    return None


def _held() -> int:
    return sum(file.stat().st_size for one in _UNPACKED.values() for file, _ in one.members if file.exists())
