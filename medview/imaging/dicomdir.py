"""The DICOMDIR of a disc (PS3.3 F): the files it lists, as long as they lie in its own folder."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medview.imaging.dicom_dataset import value
from medview.imaging.dicom_errors import parse_errors
from medview.imaging.files import DICOM_SUFFIXES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAX_RECORDS = 100_000
# PS3.10 8.2: a file ID has at most 8 parts of 8 characters; real discs have longer ones.
_MAX_PARTS = 16
_VERSION = re.compile(r";\d{1,5}$")


def listed_files(path: Path, ds: Dataset) -> list[Path]:
    """Files named by the records of a DICOMDIR, in its order, whether they exist or not; none outside its folder.

    Where the exact name is missing, the one is meant that differs in capitals, a version or a suffix: discs are written
    in capitals, and who copies them makes `IM1.dcm` or `IM1;1` of `IM1`.
    """
    records: Any = value(ds, "DirectoryRecordSequence")
    names: dict[str, list[str]] = {}
    found: dict[Path, None] = {}
    try:
        for record in list(records or [])[:MAX_RECORDS]:
            parts = _parts(value(record, "ReferencedFileID"))
            if parts:
                found[_resolve(path.parent, parts, names)] = None
    except parse_errors():
        pass
    return list(found)


def _parts(file_id: Any) -> list[str]:
    """The parts of a file ID; none when it could lead out of the folder."""
    if file_id is None:
        return []
    several = [file_id] if isinstance(file_id, str) else list(file_id)
    # Some writers put the whole path into one value.
    parts = [part.strip() for text in several for part in str(text).replace("\\", "/").split("/")]
    unsafe = any(part in ("", ".", "..") or ":" in part or "\0" in part for part in parts)
    return [] if unsafe or len(parts) > _MAX_PARTS else parts


def _resolve(folder: Path, parts: list[str], names: dict[str, list[str]]) -> Path:
    path = folder
    for part in parts:
        exact = path / part
        if not os.path.lexists(exact):
            exact = path / _other_name(path, part, names)
        path = exact
    return path


def _other_name(folder: Path, part: str, names: dict[str, list[str]]) -> str:
    """What a file or folder is called now: in other capitals, with a version, or with a suffix put on."""
    if str(folder) not in names:
        try:
            names[str(folder)] = sorted(os.listdir(folder))
        except OSError:
            names[str(folder)] = []
    for plain in (str.casefold, _without_version, _without_suffix):
        found = next((name for name in names[str(folder)] if plain(name) == plain(part)), None)
        if found is not None:
            return found
    return part


def _without_version(name: str) -> str:
    """A name in small letters without what ISO 9660 puts behind it (`IM1.;1`)."""
    return _VERSION.sub("", name.casefold()).rstrip(".")


def _without_suffix(name: str) -> str:
    plain = _without_version(name)
    return next((plain.removesuffix(suffix) for suffix in DICOM_SUFFIXES if plain.endswith(suffix)), plain)
