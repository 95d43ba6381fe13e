"""Segmentations laid on frames, and the masks that come of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medview.core.failures import Failure
from medview.imaging.dicom_seg import Segmentation
from medview.imaging.dicom_seg_place import Laid, lay
from medview.imaging.study import Frame
from tests.imaging.segs import Mark, blob, read

SIZE = (12, 10)


def laid(folder: Path, data: bytes, frames: tuple[Frame, ...]) -> Laid:
    segmentation = read(folder, data)
    assert isinstance(segmentation, Segmentation), segmentation
    found = lay(segmentation, frames)
    assert isinstance(found, Laid), found
    return found


def masks(found: Laid, frame: Frame) -> dict[int, np.ndarray]:
    result = found.masks(frame)
    assert isinstance(result, dict), result
    return result


def same(found: dict[int, np.ndarray], **wanted: np.ndarray) -> None:
    """The masks are those `wanted`, by `s<number>`, pixel for pixel, and no others."""
    assert sorted(found) == sorted(int(name[1:]) for name in wanted)
    for name, mask in wanted.items():
        assert found[int(name[1:])].dtype == np.uint8
        np.testing.assert_array_equal(found[int(name[1:])], mask)


def refused(folder: Path, data: bytes) -> Failure:
    failure = read(folder, data)
    assert isinstance(failure, Failure)
    assert failure.text
    assert failure.hint
    return failure


def at(z: float) -> tuple[float, float, float]:
    return (0.0, 0.0, z)


MARKS = [Mark(blob(n), 1, at(2 * n)) for n in range(3)]
