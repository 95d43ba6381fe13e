"""Compressed frames in DICOM files: streams made here, and what is read from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate

from medview.core.failures import Failure
from medview.imaging.open import open_path
from medview.imaging.study import Frame
from tests.imaging.make import dicom, ramp_picture

JPEG = "1.2.840.10008.1.2.4."
BASELINE, LOSSLESS, JPEG_LS, JPEG_2000, RLE = (
    f"{JPEG}50",
    f"{JPEG}70",
    f"{JPEG}80",
    f"{JPEG}90",
    "1.2.840.10008.1.2.5",
)
ROWS, COLS = np.mgrid[0:40, 0:48]
GREY = ((ROWS * 5 + COLS * 3 + np.random.default_rng(5).integers(0, 12, ROWS.shape)) % 256).astype(np.uint8)
DEEP = (GREY.astype(np.uint16) * 15 + 7).astype(np.uint16)
END = b"\xff\xd9"
NO_END = "The compressed picture does not end with its end marker; nothing else of it is missing."
STREAMS: dict[str, tuple[str, np.ndarray[Any, Any], bytes]] = {
    "baseline": (BASELINE, imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(GREY)), imagecodecs.jpeg8_encode(GREY)),
    "lossless": (LOSSLESS, DEEP, imagecodecs.jpeg8_encode(DEEP, lossless=True, bitspersample=12)),
    "jpeg-ls": (JPEG_LS, DEEP, imagecodecs.jpegls_encode(DEEP)),
    "jpeg-2000": (JPEG_2000, DEEP, imagecodecs.jpeg2k_encode(DEEP, codecformat="j2k", reversible=True)),
}
EVERY = pytest.mark.parametrize("kind", STREAMS)


def header_of(values: np.ndarray[Any, Any], photometric: str = "") -> dict[str, Any]:
    """The image module of one frame."""
    colour = values.ndim == 3
    found: dict[str, Any] = {
        "Rows": values.shape[0], "Columns": values.shape[1], "SamplesPerPixel": 3 if colour else 1,
        "PhotometricInterpretation": photometric or ("RGB" if colour else "MONOCHROME2"),
        "BitsAllocated": values.itemsize * 8, "BitsStored": 12 if values.itemsize == 2 else 8,
        "HighBit": 11 if values.itemsize == 2 else 7, "PixelRepresentation": 0,
    }  # fmt: skip
    return {**found, "PlanarConfiguration": 0} if colour else found


def frame_of(
    tmp_path: Path, stream: bytes | list[bytes], syntax: str, values: np.ndarray[Any, Any], **elements: Any
) -> Frame | Failure:
    """The first frame of a file of compressed frames, or why there is none."""
    path = tmp_path / "a.dcm"
    frames = [stream] if isinstance(stream, bytes) else stream
    many = {"NumberOfFrames": len(frames)} if len(frames) > 1 else {}
    photometric = elements.pop("PhotometricInterpretation", "")
    # pydicom writes no file of a transfer syntax that it does not know.
    known = f"{JPEG}201" if syntax[:-1] == f"{JPEG}11" else syntax
    data = dicom(encapsulate(frames), known, **{**header_of(values, photometric), **many, **elements})
    assert known == syntax or data.count(known.encode()) == 1
    path.write_bytes(data.replace(known.encode(), syntax.encode()))
    study = open_path(path)
    return study if isinstance(study, Failure) else study.frames[0]


def values_of(frame: Frame | Failure) -> np.ndarray[Any, Any]:
    """The modality values of a frame that opens."""
    assert not isinstance(frame, Failure), frame
    values = frame.modality_values()
    assert not isinstance(values, Failure), values
    return values


def refused(frame: Frame | Failure) -> Failure:
    """Why a frame is not shown."""
    found = frame if isinstance(frame, Failure) else frame.modality_values()
    assert isinstance(found, Failure)
    return found


COLOUR = ramp_picture()
