"""Segmentations and the slices they belong to, made with pydicom."""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medview.core.failures import Failure
from medview.imaging.dicom_seg import Segmentation, read_segmentation
from medview.imaging.series import read_folder
from medview.imaging.study import Frame
from tests.imaging.make import dicom

SEG, LABELMAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
REFERENCE = "1.2.99"


@dataclass
class Mark:
    """One frame of a segmentation. `position` None: it does not say where it lies. `sources`: (UID, frame from 1)."""

    mask: NDArray[Any]
    segment: int = 1
    position: tuple[float, float, float] | None = None
    sources: tuple[tuple[str, int | None], ...] = ()


def nested(**elements: Any) -> Dataset:
    """A dataset of elements; datasets among them become sequences of one item."""
    made = Dataset()
    for name, value in elements.items():
        if isinstance(value, Dataset):
            value = [value]
        setattr(made, name, Sequence(value) if isinstance(value, list) and isinstance(value[0], Dataset) else value)
    return made


def segment(number: int, label: str = "", **elements: Any) -> Dataset:
    """An item of the SegmentSequence."""
    return nested(
        SegmentNumber=number,
        SegmentLabel=label or f"thing {number}",
        **{"SegmentAlgorithmType": "AUTOMATIC", "SegmentAlgorithmName": "net 1.0", **elements},
    )


def per_frame(mark: Mark, labels: bool) -> Dataset:
    made = Dataset()
    if not labels:
        made.SegmentIdentificationSequence = Sequence([nested(ReferencedSegmentNumber=mark.segment)])
    if mark.position is not None:
        made.PlanePositionSequence = Sequence([nested(ImagePositionPatient=list(mark.position))])
    if mark.sources:
        items = []
        for uid, frame in mark.sources:
            items.append(nested(ReferencedSOPInstanceUID=uid))
            if frame is not None:
                items[-1].ReferencedFrameNumber = frame
        made.DerivationImageSequence = Sequence([nested(SourceImageSequence=items)])
    return made


def seg(
    marks: Several[Mark],
    kind: str = "BINARY",
    segments: Several[Dataset] | None = None,
    spacing: tuple[float, float] = (1.0, 1.0),
    orientation: Several[float] = AXIAL,
    depth: float | None = None,
    **elements: Any,
) -> bytes:
    """A segmentation file of frames of one size; `elements` override and, as None, remove."""
    pixels = np.stack([mark.mask for mark in marks])
    bits = 1 if kind == "BINARY" else 16 if pixels.dtype == np.uint16 else 8
    data = np.packbits(pixels.reshape(-1) != 0, bitorder="little").tobytes() if bits == 1 else pixels.tobytes()
    measures = nested(PixelSpacing=[str(v) for v in spacing])
    if depth is not None:
        measures.SliceThickness = str(depth)
    direction = nested(ImageOrientationPatient=list(orientation))
    shared = nested(PixelMeasuresSequence=measures, PlaneOrientationSequence=direction)
    numbers = sorted({mark.segment for mark in marks})
    ds: dict[str, Any] = {
        "SOPClassUID": LABELMAP if kind == "LABELMAP" else SEG, "Modality": "SEG", "SOPInstanceUID": "1.2.66",
        "SeriesInstanceUID": "1.66", "SeriesDescription": "Drawn by a net", "FrameOfReferenceUID": REFERENCE,
        "Rows": pixels.shape[1], "Columns": pixels.shape[2], "NumberOfFrames": len(pixels), "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1,
        "PixelRepresentation": 0, "SegmentationType": kind,
        "SegmentSequence": Sequence(segments if segments is not None else [segment(n) for n in numbers]),
        "SharedFunctionalGroupsSequence": Sequence([shared]),
        "PerFrameFunctionalGroupsSequence": Sequence([per_frame(mark, kind == "LABELMAP") for mark in marks]),
    }  # fmt: skip
    if kind == "FRACTIONAL":
        ds |= {"MaximumFractionalValue": 255, "SegmentationFractionalType": "PROBABILITY"}
    ds |= elements
    return dicom(data + bytes(len(data) % 2), **{name: value for name, value in ds.items() if value is not None})


def slices(
    folder: Path,
    count: int = 5,
    size: tuple[int, int] = (12, 10),
    step: float = 2.0,
    spacing: tuple[float, float] = (1.0, 1.0),
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    orientation: Several[float] = AXIAL,
    series: str = "1.5",
    name: str = "slice",
    **elements: Any,
) -> tuple[Frame, ...]:
    """A series in files `<name><n>.dcm`, along z from `origin`; UIDs are `<series>.<n>`; the value of a slice is n."""
    paths = []
    for number in range(count):
        own = {
            "SeriesInstanceUID": series, "SOPInstanceUID": f"{series}.{number}", "FrameOfReferenceUID": REFERENCE,
            "PixelSpacing": [str(v) for v in spacing], "ImageOrientationPatient": list(orientation),
            "ImagePositionPatient": [origin[0], origin[1], origin[2] + number * step], "InstanceNumber": number,
        }  # fmt: skip
        data = {key: value for key, value in {**own, **elements}.items() if value is not None}
        paths.append(folder / f"{name}{number}.dcm")
        paths[-1].write_bytes(dicom(np.full(size, number, np.uint8), **data))
    return tuple(frame for one in read_folder(paths).series for frame in one.frames)


def read(folder: Path, data: bytes) -> Segmentation | Failure:
    """The segmentation in some bytes."""
    path = folder / "marks.dcm"
    path.write_bytes(data)
    return read_segmentation(path)


def blob(number: int, size: tuple[int, int] = (12, 10)) -> NDArray[np.uint8]:
    """A mask without any symmetry, another one for every number."""
    noise = np.random.default_rng(number).integers(0, 2, size, dtype=np.uint8)
    noise[0, 0], noise[-1, -1] = 1, 0
    return noise
