"""Paths to bytes: the one place that opens files, so that nothing else can hang, overflow or leak an OSError."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import Any, Self

from medview.core.failures import Code, Failure
from medview.core.texts import Text

# A picture file is read as a whole; a DICOM file piece by piece, so it has no such limit.
MAX_FILE_BYTES = 256 * 1024 * 1024
# So many first bytes tell what a file is.
HEAD = 4096
# What ZIP archives, empty ones and files packed by gzip begin with.
ZIP, EMPTY_ZIP, GZIP = b"PK\3\4", b"PK\5\6", b"\x1f\x8b"

# Names that promise DICOM, and any picture: what has such a name and cannot be read is told.
DICOM_SUFFIXES = frozenset((".dcm", ".dicom", ".dic", ".ima"))
PICTURE_SUFFIXES = DICOM_SUFFIXES | {
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".dib", ".webp", ".gif", ".avif", ".jp2", ".j2k",
    ".jxl", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd",
}  # fmt: skip

# Size (bytes) and time of change (ns) of a file: whether it is still the one that it was.
Stamp = tuple[int, int]

# What a read of a few bytes counts at least against a budget: it takes about a microsecond.
_LEAST = 256


def check_file(path: Path) -> os.stat_result | Failure:
    """The file's status, or why it cannot be read: only regular files pass, since a pipe or a device can block."""
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and not os.access(path, os.R_OK):
            raise PermissionError(13, "not readable")
    except (OSError, ValueError) as error:
        return os_failure(path, error)
    if stat.S_ISDIR(status.st_mode):
        return _folder_failure(path)
    if not stat.S_ISREG(status.st_mode):
        return Failure(
            Code.UNSUPPORTED,
            Text("{name} is a device or a pipe, not a file.", name=path.name),
            Text("Copy the picture to a file first."),
        )
    if status.st_size == 0:
        return Failure(
            Code.EMPTY_FILE,
            Text("{name} is empty (0 bytes).", name=path.name),
            Text("Copy the file again from where it came from."),
        )
    return status


def _folder_failure(path: Path) -> Failure:
    """Why a folder is no file; for one that cannot be listed, that nothing is known of what is in it."""
    try:
        os.scandir(path).close()
    except PermissionError as error:
        text = Text("You may not look into the folder {name}; what is in it was left out.", name=path.name)
        return Failure(Code.NO_PERMISSION, text, Text("Ask whoever owns the folder to let you read it."), str(error))
    except OSError as error:
        text = Text("The folder {name} could not be read; what is in it was left out.", name=path.name)
        return Failure(
            Code.READ_ERROR, text, Text("Check the drive or the network connection and try again."), str(error)
        )
    return Failure(
        Code.UNKNOWN_FORMAT,
        Text("{name} is a folder, not a file.", name=path.name),
        Text("Open it with Open folder, or choose one of the files in it."),
    )


def os_failure(path: Path, error: OSError | ValueError) -> Failure:
    """An error of the operating system in words; ValueError is a path that cannot be one (a NUL in it)."""
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        return Failure(
            Code.NOT_FOUND,
            Text("There is no file {name!r}.", name=path.name),
            Text("Check the name, and that the drive it is on is connected."),
            str(error),
        )
    if isinstance(error, PermissionError):
        return Failure(
            Code.NO_PERMISSION,
            Text("You may not read {name}.", name=path.name),
            Text("Ask whoever owns the file to let you read it, or copy it to your own folder."),
            str(error),
        )
    return Failure(
        Code.READ_ERROR,
        Text("{name} could not be read.", name=path.name),
        Text("Check the drive or the network connection and try again."),
        str(error),
    )


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of a file by its status."""
    return (status.st_size, status.st_mtime_ns)


def changed(path: Path) -> Failure:
    """The refusal of a file that is not the one that was opened: another size, another patient may be in it."""
    return Failure(
        Code.READ_ERROR, Text("{name} has changed since it was opened.", name=path.name), Text("Open it again.")
    )


def read_stamped(path: Path) -> tuple[bytes, Stamp] | Failure:
    """The whole of a picture file, at most `MAX_FILE_BYTES`, and its stamp."""
    file = open_start(path)
    if isinstance(file, Failure):
        return file
    with file:
        data = file.whole()
    return data if isinstance(data, Failure) else (data, file.stamp)


def read_again(path: Path, stamp: Stamp) -> bytes | Failure:
    """The whole of a picture file that was opened before."""
    found = read_stamped(path)
    if isinstance(found, Failure):
        return found
    return found[0] if found[1] == stamp else changed(path)


def read_head(path: Path, count: int) -> bytes | Failure:
    """The first `count` bytes of a file, fewer where it is shorter."""
    source = open_source(path)
    if isinstance(source, Failure):
        return source
    try:
        with source:
            return source.read(count)
    except OSError as error:
        return os_failure(path, error)


def too_large_file(path: Path, size: int) -> Failure:
    """A file that is not read because of its length."""
    return Failure(
        Code.TOO_LARGE,
        Text(
            "{name} has {size:,.0f} MB, more than medview reads of one picture file.",
            name=path.name,
            size=size / 1000000.0,
        ),
        Text("Export the picture smaller or compressed, and open that."),
        f"limit {MAX_FILE_BYTES} bytes",
    )


class Clipped(io.RawIOBase):
    """A binary file whose reads never ask for more than what is left, whatever length a header claims.

    `BufferedReader.read(n)` reserves n bytes before it looks at the file; a damaged length of 4 GB must not.
    """

    def __init__(self, file: io.BufferedIOBase, status: os.stat_result) -> None:
        self._file = file
        self.size = status.st_size
        # Size and time of change (ns): whether it is still the file that it was.
        self.stamp = (status.st_size, status.st_mtime_ns)
        # Bytes that may still be read, None for any number; a small read costs as much as `_LEAST`.
        self.budget: int | None = None

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes, all that is left for -1."""
        left = max(0, self.size - self._file.tell())
        count = left if size is None or size < 0 else min(size, left)
        if self.budget is not None:
            self.budget -= max(count, _LEAST)
            if self.budget < 0:
                raise ValueError("more header than a file can have")
        return self._file.read(count)

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`; the number of bytes that were left for it."""
        return self._file.readinto(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; see io.IOBase.seek."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Position in bytes from the start."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Close the file beneath as well."""
        self._file.close()
        super().close()


def open_source(path: Path) -> Clipped | Failure:
    """The file, open for reading in pieces."""
    status = check_file(path)
    if isinstance(status, Failure):
        return status
    try:
        return Clipped(open(path, "rb"), status)
    except OSError as error:
        return os_failure(path, error)


class OpenFile:
    """A file that is opened once for all that is to be read of it. A context manager.

    Attributes:
        head: its first bytes, at most `HEAD`. source: to read on from any position. stamp: of it.
    """

    def __init__(self, path: Path, source: Clipped, head: bytes) -> None:
        self.path, self.source, self.head = path, source, head
        self.stamp: Stamp = source.stamp

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.source.close()

    def first(self, count: int) -> bytes | Failure:
        """The first `count` bytes, fewer where it is shorter."""
        if count <= len(self.head) or self.source.size <= len(self.head):
            return self.head[:count]
        return self._read(count)

    def whole(self) -> bytes | Failure:
        """All of it, at most `MAX_FILE_BYTES`."""
        if self.source.size > MAX_FILE_BYTES:
            return too_large_file(self.path, self.source.size)
        return self._read(self.source.size)

    def _read(self, count: int) -> bytes | Failure:
        try:
            self.source.seek(0)
            return self.source.read(count)
        except OSError as error:
            return os_failure(self.path, error)


def open_start(path: Path) -> OpenFile | Failure:
    """A file with its first bytes read, or why that cannot be done."""
    source = open_source(path)
    if isinstance(source, Failure):
        return source
    try:
        return OpenFile(path, source, source.read(HEAD))
    except OSError as error:
        source.close()
        return os_failure(path, error)
