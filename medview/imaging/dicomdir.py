"""The DICOMDIR of a disc (PS3.3 F): the files it lists, as long as they lie in its own folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medview.imaging.dicom_header import parse_errors, value

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAX_RECORDS = 100_000
# PS3.10 8.2: a file ID has at most 8 parts of 8 characters; real discs have longer ones.
_MAX_PARTS = 16


def listed_files(path: Path, ds: Dataset) -> list[Path]:
    """Files named by the records of a DICOMDIR, in its order, whether they exist or not; none outside its folder.

    Names are matched without regard to case where the exact one is missing: discs are written in capitals.
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
            exact = path / _other_case(path, part, names)
        path = exact
    return path


def _other_case(folder: Path, part: str, names: dict[str, list[str]]) -> str:
    if str(folder) not in names:
        try:
            names[str(folder)] = os.listdir(folder)
        except OSError:
            names[str(folder)] = []
    return next((name for name in names[str(folder)] if name.casefold() == part.casefold()), part)
