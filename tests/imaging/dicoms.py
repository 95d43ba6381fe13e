"""Small DICOM files, what is read from them and why they are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.encaps import encapsulate

from medview.core.failures import Failure
from medview.imaging.open import open_path
from medview.imaging.study import Frame, Study
from tests.imaging.make import dicom, ramp_picture

GREY16 = (np.arange(120, dtype=np.int16).reshape(10, 12) * 37 - 1500).astype(np.int16)
RGB = ramp_picture(10, 12)
RGB_ELEMENTS = {
    "Rows": 10, "Columns": 12, "SamplesPerPixel": 3, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
    "PixelRepresentation": 0, "PhotometricInterpretation": "RGB",
}  # fmt: skip
ODD_422 = {**RGB_ELEMENTS, "PhotometricInterpretation": "YBR_FULL_422"}
del ODD_422["Rows"], ODD_422["Columns"]
JPEG, LOSSLESS, JLS, J2K, RLE = (
    "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.5",
)  # fmt: skip


def opened(tmp_path: Path, data: bytes) -> Study:
    path = tmp_path / "file.dcm"
    path.write_bytes(data)
    study = open_path(path)
    assert isinstance(study, Study), study
    return study


def first(tmp_path: Path, data: bytes) -> tuple[Frame, Any]:
    frame = opened(tmp_path, data).frames[0]
    values = frame.modality_values()
    assert not isinstance(values, Failure), values
    assert values.shape[:2] == (frame.rows, frame.cols)
    return frame, values


def refused(tmp_path: Path, data: bytes) -> Failure:
    path = tmp_path / "file.dcm"
    path.write_bytes(data)
    result = open_path(path)
    if isinstance(result, Study):
        result = result.frames[0].modality_values()
    assert isinstance(result, Failure), result
    return result


def compressed(frames: list[bytes], syntax: str, like: np.ndarray, **elements: Any) -> bytes:
    count = {"NumberOfFrames": len(frames)} if len(frames) > 1 else {}
    ds: dict[str, Any] = dict(
        Rows=like.shape[0], Columns=like.shape[1], SamplesPerPixel=3 if like.ndim == 3 else 1,
        PhotometricInterpretation="RGB" if like.ndim == 3 else "MONOCHROME2", BitsAllocated=like.itemsize * 8,
        BitsStored=like.itemsize * 8, HighBit=like.itemsize * 8 - 1, PixelRepresentation=int(like.dtype.kind == "i"),
    )  # fmt: skip
    if like.ndim == 3:
        ds["PlanarConfiguration"] = 0
    return dicom(encapsulate(frames), syntax, **{**ds, **count, **elements})


def encapsulated(frames: list[bytes], syntax: str, like: np.ndarray) -> bytes:
    return compressed(frames, J2K, like).replace(J2K.encode(), syntax.encode().ljust(len(J2K), b"\0"))
