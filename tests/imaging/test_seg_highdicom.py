"""Segmentations that highdicom writes, for another opinion than our own of what such a file is."""

from __future__ import annotations

from pathlib import Path

import highdicom
import numpy as np
import pytest
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentDescription
from pydicom import dcmread
from pydicom.sr.codedict import codes

from medview.imaging import dicom_seg
from medview.imaging.dicom_seg_place import Laid, lay
from medview.imaging.study import Frame
from tests.imaging.segs import blob, slices

COUNT, SIZE = 5, (12, 10)
# What highdicom wants of a source, and no test of ours needs.
PATIENT = {
    "StudyInstanceUID": "1.4", "PatientName": "A^B", "PatientID": "1", "PatientBirthDate": "", "PatientSex": "",
    "AccessionNumber": "", "StudyID": "1", "StudyDate": "20200101", "StudyTime": "100000",
    "ReferringPhysicianName": "", "SliceThickness": "2",
}  # fmt: skip
COLOURS = {1: (255, 40, 0), 2: (20, 200, 90)}


def described(number: int) -> SegmentDescription:
    return SegmentDescription(
        number, f"thing {number}", codes.SCT.Organ, codes.SCT.Liver, "AUTOMATIC",
        highdicom.AlgorithmIdentificationSequence("net", codes.DCM.ArtificialIntelligence, "1.0"),
        display_color=CIELabColor.from_rgb(*COLOURS[number]),
    )  # fmt: skip


@pytest.fixture
def frames(tmp_path: Path) -> tuple[Frame, ...]:
    return slices(tmp_path, COUNT, SIZE, **PATIENT)


def written(folder: Path, frames: tuple[Frame, ...], values: np.ndarray, kind: str, syntax: str) -> Path:
    sources = [dcmread(frame.path) for frame in frames]
    made = Segmentation(
        sources, values, kind, [described(1), described(2)], highdicom.UID(), 7, highdicom.UID(), 1, "maker", "model",
        "1", "0", transfer_syntax_uid=syntax,
    )  # fmt: skip
    path = folder / "made.dcm"
    made.save_as(path)
    return path


@pytest.mark.parametrize(
    ("kind", "syntax"),
    [
        ("BINARY", "1.2.840.10008.1.2.1"),
        ("BINARY", "1.2.840.10008.1.2"),
        ("FRACTIONAL", "1.2.840.10008.1.2.1"),
        ("FRACTIONAL", "1.2.840.10008.1.2.5"),
        ("LABELMAP", "1.2.840.10008.1.2.1"),
        ("LABELMAP", "1.2.840.10008.1.2.5"),
    ],
)
def test_the_masks_are_those_that_were_written(
    tmp_path: Path, frames: tuple[Frame, ...], kind: str, syntax: str
) -> None:
    first = np.stack([blob(n) for n in range(COUNT)])
    second = np.stack([blob(n + 50) for n in range(COUNT)])
    # An empty frame, which highdicom leaves out; and segments of a label map do not overlap.
    first[3] = 0
    second[1] = 0
    second[(first == 1) & (kind == "LABELMAP")] = 0
    values = np.stack([first, second], axis=-1)
    if kind == "LABELMAP":
        values = (first + 2 * second).astype(np.uint8)
    elif kind == "FRACTIONAL":
        values = values.astype(np.float32) * 0.8
    found = dicom_seg.read_segmentation(written(tmp_path, frames, values, kind, syntax))
    assert isinstance(found, dicom_seg.Segmentation), found
    assert found.segments == tuple(dicom_seg.Segment(n, f"thing {n}", COLOURS[n], "AUTOMATIC", "net") for n in (1, 2))
    laid = lay(found, frames)
    assert isinstance(laid, Laid)
    assert laid.own
    assert not laid.left_out
    for n, frame in enumerate(frames):
        masks = laid.masks(frame)
        assert isinstance(masks, dict)
        wanted = {number: mask[n] for number, mask in ((1, first), (2, second)) if mask[n].any()}
        assert masks.keys() == wanted.keys()
        for number, mask in wanted.items():
            np.testing.assert_array_equal(masks[number], mask)
