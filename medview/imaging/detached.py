"""Volumes whose header is text (NRRD, MetaImage): reading its numbers, and the file beside it that holds the voxels."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.files import OpenFile, check_file, read_head
from medview.imaging.study import Study
from medview.imaging.voxels import FARTHEST, THINNEST, Voxels, damaged, open_voxels

# The longest header that is believed: real ones have some hundred bytes, those of diffusion some thousand.
MAX_HEADER = 256 * 1024


def open_text_header(file: OpenFile, read: Callable[[Path, bytes], Voxels | Failure], damage: Text) -> Study | Failure:
    """A volume whose header is text, as a study of one series.

    Args:
        read: the voxels that the first bytes of a file describe. Raises ValueError, KeyError or OverflowError for
            fields that are missing or make no sense.
        damage: what is then said of the file.
    """
    head = file.first(MAX_HEADER)
    if isinstance(head, Failure):
        return head
    try:
        voxels = read(file.path, head)
    except (ValueError, KeyError, OverflowError) as error:
        return damaged(damage, repr(error)[:500])
    return voxels if isinstance(voxels, Failure) else open_voxels(file.path, voxels)


def whole_numbers(text: str) -> list[int]:
    """Numbers separated by spaces. Raises ValueError."""
    return [int(word) for word in text.split()]


def real_numbers(text: str) -> list[float]:
    """Numbers separated by spaces; `nan` is one. Raises ValueError."""
    return [float(word) for word in text.split()]


def side(value: float) -> float:
    """A side of a voxel in mm; 1 for what can be none."""
    value = abs(value)
    return value if math.isfinite(value) and THINNEST < value < FARTHEST else 1.0


def box(sides: list[float]) -> NDArray[np.float64]:
    """The affine of a volume that says nothing of the patient: it is shown as it is stored, the first row on top."""
    return np.diag([*(side(value) for value in [*sides, 1.0, 1.0, 1.0][:3]), 1.0])


def third(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The direction of slices of which there is only one: across both others, 1 mm thick."""
    across = np.cross(first, second)
    length = float(np.linalg.norm(across))
    return across / length if length else np.zeros(3)


def beside(header: Path, name: str) -> Path | Failure:
    """The file that a header names: one in its folder or below. A header cannot lead anywhere else."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0].startswith("/") or ".." in parts or ":" in name or "\0" in name:
        return Failure(
            Code.UNSUPPORTED,
            Text(
                "{name} takes its voxels from a file outside of its folder ({voxels}).",
                name=header.name,
                voxels=name[:80],
            ),
            Text("Copy both files into one folder, and put the plain name into the header."),
        )
    path = header.parent.joinpath(*parts)
    status = check_file(path)
    if isinstance(status, Failure) and status.code is Code.NOT_FOUND:
        return Failure(
            Code.UNSUPPORTED,
            Text("{name} takes its voxels from {voxels}, which is not beside it.", name=header.name, voxels=name[:80]),
            Text("Copy both files into one folder."),
        )
    return status if isinstance(status, Failure) else path


def after_lines(path: Path, start: int, count: int) -> int | Failure:
    """The position behind so many lines that begin at `start`."""
    head = read_head(path, start + MAX_HEADER)
    if isinstance(head, Failure):
        return head
    at = start
    for _ in range(count):
        at = head.find(b"\n", at) + 1
        if not at:
            return several(path, Text("There are fewer lines than its header skips."))
    return at


def several(path: Path, why: Text) -> Failure:
    """The refusal of what these formats can say and medview does not read."""
    return Failure(
        Code.UNSUPPORTED,
        Text("{name} cannot be shown. {why}", name=path.name, why=why),
        Text("Save it as a single volume in one file."),
    )
