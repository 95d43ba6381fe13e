"""ZIP archives, those inside of them too, and files packed by gzip: unpacked into a folder that goes with the program.

Nothing of an archive is believed: members get new names, so that none can leave the folder, and sizes are bounded
before and while unpacking. What cannot be unpacked is damaged, or there is no room: two things that are told apart.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import lzma
import re
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any

from medview.core import scratch
from medview.core.failures import Code, Failure
from medview.core.jobs import Step
from medview.core.texts import Text
from medview.imaging.files import EMPTY_ZIP, GZIP, ZIP, Clipped, OpenFile, Stamp, open_start, os_failure

MAX_MEMBERS = 20_000
# All unpacked archives of one run together.
MAX_BYTES = 4 * 1024**3
# Pictures of zeros pack 1000:1, real archives 2:1 to 10:1; small ones may be anything.
MAX_RATIO, SMALL = 100, 64 * 1024**2
# An archive of archives of archives; further in, they are files that do not open.
MAX_DEPTH = 3
_PIECE = 1024 * 1024
_ENCRYPTED = 0x1
# What only office documents hold (OOXML, OpenDocument, EPUB).
_DOCUMENT = ("[Content_Types].xml", "mimetype")
_HINT = Text("Unpack it with the program it was made with, and open the folder.")
# Whatever zipfile and the decompressors behind it raise over a broken archive.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, gzip.BadGzipFile, struct.error, RuntimeError, EOFError, ValueError,
    OverflowError, MemoryError,
)  # fmt: skip


@dataclass
class Unpacked:
    """A folder with the members of an archive, or with the one file that gzip packed.

    Attributes:
        members: (file, name in the archive) in the order of the archive; `a.zip/b.dcm` for what an inner one holds.
        refused: (name, why) of inner archives that could not be unpacked. size: bytes of all files.
        folder: removes itself when the program ends.
    """

    members: list[tuple[Path, str]]
    folder: TemporaryDirectory[str] = field(repr=False)
    refused: list[tuple[str, Failure]] = field(default_factory=list)
    size: int = 0


_Key = tuple[Path, Stamp]
# What is unpacked, and who is at it; `_LOCK` guards both.
_UNPACKED: dict[_Key, Unpacked] = {}
_AT_WORK: list[_Work] = []
_LOCK = threading.Lock()
# One archive is unpacked by one thread; whoever wants the same one waits, and asks its step meanwhile.
_WAIT_S = 0.1
_TURNS: dict[_Key, threading.Lock] = {}


class _Refused(Exception):
    """Why an archive is not unpacked (any further)."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


def unpack(file: OpenFile, step: Step = lambda: None) -> Unpacked | Failure:
    """The members of a ZIP archive, or what gzip packed, as files. The same file is unpacked once.

    `step` is called now and then while it is at work, and may raise.
    """
    key = (file.path, file.stamp)
    with _LOCK:
        turn = _TURNS.setdefault(key, threading.Lock())
    while not turn.acquire(timeout=_WAIT_S):
        step()
    try:
        if key in _UNPACKED:
            return _UNPACKED[key]
        unpacked = _unpack(file, step)
        with _LOCK:
            _UNPACKED[key] = unpacked
        return unpacked
    except _Refused as refused:
        return refused.failure
    except OSError as error:
        return _no_room(file.path, error)
    finally:
        turn.release()


def is_gzip(file: OpenFile) -> bool:
    """Whether gzip packed a file."""
    return file.head.startswith(GZIP)


def plain_file(path: Path, step: Step = lambda: None) -> Path | Failure:
    """The file itself, or the one that gzip packed in it."""
    file = open_start(path)
    if isinstance(file, Failure):
        return file
    with file:
        return unpacked_gzip(file, step) if is_gzip(file) else path


def unpacked_gzip(file: OpenFile, step: Step = lambda: None) -> Path | Failure:
    """The one file that gzip packed."""
    unpacked = unpack(file, step)
    return unpacked if isinstance(unpacked, Failure) else unpacked.members[0][0]


def release(path: Path) -> None:
    """Remove the files that an archive was unpacked to; none of them may be needed any more."""
    with _LOCK:
        for key in [key for key in _UNPACKED if key[0] == path]:
            _UNPACKED.pop(key).folder.cleanup()


def _unpack(file: OpenFile, step: Step) -> Unpacked:
    """Raises _Refused, OSError where the folder cannot be made, and what `step` raises."""
    folder, path = scratch.new_folder(), file.path
    work = _Work(folder, max(SMALL, MAX_RATIO * file.source.size), step)
    with _LOCK:
        _AT_WORK.append(work)
    try:
        with _reading(path, path.name):
            if file.head.startswith((ZIP, EMPTY_ZIP)):
                work.take(file.source, path.name, "", 1)
            else:
                file.source.seek(0)
                work.take_gzip(path, file.source)
    except BaseException:
        folder.cleanup()
        raise
    finally:
        with _LOCK:
            _AT_WORK.remove(work)
    return Unpacked(work.members, folder, work.refused, sum(file.stat().st_size for file, _ in work.members))


class _Work:
    """One archive being unpacked, with what is inside of those inside of it. Limits are of all of them together."""

    def __init__(self, folder: TemporaryDirectory[str], most: int, step: Step) -> None:
        self.folder, self.step = folder, step
        self.left, self.taken, self.files = most, 0, 0
        # Folders by their name in the archive; names in each of ours, in lower case.
        self.folders: dict[str, Path] = {}
        self.names: dict[Path, set[str]] = {}
        self.members: list[tuple[Path, str]] = []
        self.refused: list[tuple[str, Failure]] = []

    def take(self, file: Clipped | IO[bytes], title: str, prefix: str, depth: int) -> None:
        """Unpack a ZIP archive that people know as `title`. Raises _Refused, and what a broken archive raises."""
        with zipfile.ZipFile(file) as archive:
            members = [
                info for info in archive.infolist() if info.filename and not info.is_dir() and _wanted(info.filename)
            ]
            self._check(title, members)
            for info in members:
                target = self._target(title, prefix + info.filename)
                with archive.open(info) as source:
                    _store(title, target, self._pieces(source))
                name = prefix + info.filename
                if depth < MAX_DEPTH and _is_zip(target):
                    self._inner(target, name, depth)
                else:
                    self.members.append((target, name))

    def _target(self, title: str, name: str) -> Path:
        """Where to write a member: under its own name, which people see, with the others of its folder, which it may
        need (headers and their voxels); in a folder of its own where that name is taken. Raises _Refused."""
        self.files += 1
        place, _, last = name.replace("\\", "/").rpartition("/")
        target = self._numbered(title, place) / _plain(last)
        if target.name.lower() in self.names.setdefault(target.parent, set()):
            target = self._numbered(title, f"{place}/{self.files}/") / target.name
        self.names.setdefault(target.parent, set()).add(target.name.lower())
        return target

    def _numbered(self, title: str, place: str) -> Path:
        """The folder that stands for a folder of the archive; only its number tells which."""
        if place not in self.folders:
            folder = Path(self.folder.name) / f"{len(self.folders):05}"
            try:
                folder.mkdir()
            except OSError as error:
                raise _Refused(_no_room(Path(title), error)) from None
            self.folders[place] = folder
        return self.folders[place]

    def _inner(self, path: Path, name: str, depth: int) -> None:
        """Unpack an archive inside of another one: its members stand for it, or why there are none."""
        at = len(self.members)
        try:
            with _reading(path, name), path.open("rb") as file:
                self.take(file, name, f"{name}/", depth + 1)
        except _Refused as refused:
            if refused.failure.code is Code.NO_ROOM:
                raise
            del self.members[at:]
            self.refused.append((name, refused.failure))
        path.unlink(missing_ok=True)

    def take_gzip(self, path: Path, file: Clipped) -> None:
        """Unpack the one file that gzip packed. Raises _Refused."""
        target = self._target(path.name, path.stem if path.suffix.lower() == ".gz" else path.name)
        with _reading(path, path.name), gzip.GzipFile(fileobj=file) as source:
            _store(path.name, target, self._pieces(source, path.name))
        self.members.append((target, target.name))

    def _pieces(self, source: Any, title: str = "") -> Iterator[bytes]:
        """What a stream holds. `title`: of one that does not declare its length, which is therefore counted here."""
        while piece := source.read(_PIECE):
            if title and not self._take_room(len(piece)):
                text = Text("{title} is not unpacked: what it holds is more than medview unpacks.", title=title)
                raise _Refused(_too_large(text))
            self.step()
            yield piece

    def _check(self, title: str, members: list[zipfile.ZipInfo]) -> None:
        """Raise _Refused for an archive that must not be unpacked. What zipfile reads of a member is bounded by its
        declared size."""
        if any(info.filename in _DOCUMENT for info in members):
            text = Text("{title} is an office document, not a picture.", title=title)
            raise _Refused(Failure(Code.UNKNOWN_FORMAT, text, Text("Save its pictures as files.")))
        if any(info.flag_bits & _ENCRYPTED for info in members):
            raise _Refused(
                Failure(Code.UNSUPPORTED, Text("The archive {title} is locked with a password.", title=title), _HINT)
            )
        total = sum(info.file_size for info in members)
        if self.files + len(members) > MAX_MEMBERS or not self._take_room(total):
            raise _Refused(
                _too_large(
                    Text(
                        "{title} is not unpacked: {count:,} files of {size:,.0f} MB are more than medview unpacks.",
                        title=title,
                        count=len(members),
                        size=total / 1e6,
                    )
                )
            )

    def _take_room(self, count: int) -> bool:
        """Count bytes that are to be written; False where they are too many."""
        with _LOCK:
            held = sum(one.size for one in _UNPACKED.values()) + sum(work.taken for work in _AT_WORK)
            fits = count <= self.left and held + count <= MAX_BYTES
            self.left -= count if fits else 0
            self.taken += count if fits else 0
        return fits


def _too_large(text: Text) -> Failure:
    return Failure(
        Code.TOO_LARGE,
        text,
        _HINT,
    )


@contextlib.contextmanager
def _reading(path: Path, title: str) -> Iterator[None]:
    """Turns what a broken archive, or the drive it is on, raises into _Refused."""
    try:
        yield
    except NotImplementedError as error:
        text = Text("The archive {title} is packed in a way that medview does not know.", title=title)
        raise _Refused(Failure(Code.UNSUPPORTED, text, _HINT, str(error))) from None
    except (*_BROKEN, OSError) as error:
        # zipfile hides what the drive said behind a word of its own.
        told = error.__context__ if isinstance(error.__context__, OSError) else error
        # Without a number it is bz2 that speaks; EINVAL: the table of contents leads to before the file's beginning.
        if isinstance(told, OSError) and told.errno not in (None, errno.EINVAL):
            raise _Refused(os_failure(path, told)) from None
        raise _Refused(_damaged(title, error)) from None


def _store(title: str, target: Path, pieces: Iterator[bytes]) -> None:
    """Write a member. Raises _Refused where that cannot be done, and what `pieces` raises."""
    try:
        file = target.open("xb", buffering=0)
    except OSError as error:
        raise _Refused(_no_room(Path(title), error)) from None
    with file:
        for piece in pieces:
            view = memoryview(piece)
            try:
                while view:
                    view = view[file.write(view) :]
            except OSError as error:
                raise _Refused(_no_room(Path(title), error)) from None


def _no_room(path: Path, error: OSError) -> Failure:
    about: dict[str, str] = {"name": path.name, "folder": str(scratch.root())}
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
        text = Text(
            "{name} could not be unpacked: there is no room left in {folder}. The file itself was not judged.", **about
        )
    else:
        text = Text(
            "{name} could not be unpacked: medview cannot write to {folder}. The file itself was not judged.", **about
        )
    hint = Text("Make room on that drive and open the file again; or unpack it yourself, and open the folder.")
    return Failure(Code.NO_ROOM, text, hint, str(error))


def _damaged(title: str, error: Exception) -> Failure:
    return Failure(
        Code.CORRUPT,
        Text("The archive {title} is damaged.", title=title),
        Text("Copy it again from where it came from."),
        repr(error)[:500],
    )


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in (ZIP, EMPTY_ZIP)


def _wanted(name: str) -> bool:
    """Whether a member may be a picture; what macOS and others add beside the pictures is not."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return bool(parts) and not any(part.startswith(("__MACOSX", ".")) and part != ".." for part in parts)


def _plain(name: str) -> str:
    """The last part of a member's name with nothing in it that a file system could take for more than a name."""
    plain = "".join(c if c.isalnum() or c in "._- " else "_" for c in name)
    plain = plain.encode("utf-8")[-100:].decode("utf-8", "ignore").strip(" .")
    # Names of devices on Windows, whatever follows the dot.
    reserved = re.fullmatch(r"((con|prn|aux|nul|com\d|lpt\d)(\..*)?)?", plain, re.IGNORECASE)
    return f"_{plain}" if reserved else plain
