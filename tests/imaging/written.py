"""Folders of synthetic slices, and the series read from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medview.imaging.series import Folder, read_folder
from medview.imaging.study import Series
from medview.imaging.walk import find_files
from tests.imaging.make import dicom

PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)
AXIAL = [1, 0, 0, 0, 1, 0]
SAGITTAL = [0, 1, 0, 0, 0, -1]
IMAGE_MODULE = (
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation",
)  # fmt: skip


def write(folder: Path, name: str, z: float | None, **elements: Any) -> Path:
    """A slice at `z` mm; each has its own UID unless one is given."""
    position = {"ImagePositionPatient": [0, 0, z], "ImageOrientationPatient": AXIAL} if z is not None else {}
    ds = {
        "PatientID": "7", "PatientName": "Doe^Jo", "StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.1.1",
        "SeriesNumber": 1, "SOPInstanceUID": f"1.1.1.{abs(hash(name)) % 10**9}", "PixelSpacing": [1, 1],
    }  # fmt: skip
    path = folder / name
    path.write_bytes(dicom(PIXELS, **{**ds, **position, **elements}))
    return path


def read(folder: Path) -> Folder:
    return read_folder(find_files(folder))


def names(folder: Folder, number: int = 0) -> list[str]:
    return [path.name for path in folder.series[number].paths]


def stack(folder: Path, places: list[tuple[float, float | None]]) -> Series:
    """A series of slices at (z, thickness)."""
    for n, (z, thickness) in enumerate(places):
        write(folder, f"{n:03}", z, **({} if thickness is None else {"SliceThickness": str(thickness)}))
    return read(folder).series[0]


def nested(**elements: Any) -> Dataset:
    """A sequence item."""
    made = Dataset()
    for name, value in elements.items():
        setattr(made, name, value)
    return made


def enhanced(levels: list[int], contents: list[dict[str, Any]] | None = None, **elements: Any) -> bytes:
    """A multi-frame file whose frames are all of one level each."""
    pixels = np.stack([np.full((3, 4), level, np.uint8) for level in levels])
    groups = [nested(FrameContentSequence=Sequence([nested(**content)])) for content in contents or [{}] * len(levels)]
    common = {"SeriesInstanceUID": "1.1.1", "PerFrameFunctionalGroupsSequence": Sequence(groups), "InstanceNumber": 1}
    return dicom(pixels, **{**common, **elements})


def levels_of(folder: Path) -> list[int]:
    """The level of every frame of the one series, in order."""
    series = read(folder).series
    assert len(series) == 1
    return [int(np.asarray(frame.modality_values())[0, 0]) for frame in series[0].frames]
