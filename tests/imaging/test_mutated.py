"""Whatever the bytes: a Study, a picture or a Failure comes back, and no exception, no hang, no print."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medview.core.failures import Failure
from medview.imaging.headers import read_header, sniff
from medview.imaging.open import open_path
from medview.imaging.raster import Raster, read_raster
from medview.imaging.study import Study
from tests.imaging.dicoms import JLS, compressed
from tests.imaging.make import dicom, encode, exif_jpeg, photo, png, ramp_picture, tiff
from tests.imaging.mutating import mutated

GREY = ramp_picture(12, 16)[:, :, 0].copy()
SEEDS = [
    png(GREY, 0), png(ramp_picture(12, 16), 2), exif_jpeg(encode("jpg", photo(20, 24)), 6), tiff([GREY, GREY]),
    tiff([GREY], big=True), encode("tiff", photo(20, 24)), encode("bmp", photo(12, 16)), encode("gif", photo(12, 16)),
    encode("webp", photo(12, 16)),
]  # fmt: skip
FILES = [dicom(GREY), dicom(np.stack([GREY, GREY]), "1.2.840.10008.1.2"), compressed([b"\xff\xd8" * 9] * 2, JLS, GREY)]
FAST = settings(max_examples=250, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(st.one_of(st.binary(max_size=200), mutated(SEEDS)))
@FAST
def test_header_parsers(data: bytes):
    header = read_header(data)
    assert header is None or (header.rows > 0 and header.cols > 0 and header.format == sniff(data))


@given(mutated(SEEDS), st.integers(0, 2))
@FAST
def test_read_raster(data: bytes, page: int):
    raster = read_raster(data, page)
    if isinstance(raster, Raster):
        assert raster.values.ndim in (2, 3)
        assert raster.values.dtype in (np.uint8, np.uint16, np.int16, np.int32, np.float32)
        assert raster.values.dtype != np.float32 or np.isfinite(raster.values).all()
    else:
        assert raster.text
        assert raster.hint


@given(st.one_of(mutated(FILES), mutated(SEEDS), st.binary(max_size=300)))
@FAST
def test_open_path(tmp_path_factory: pytest.TempPathFactory, data: bytes):
    path = Path(tmp_path_factory.getbasetemp()) / "mutated"
    path.write_bytes(data)
    study = open_path(path)
    assert isinstance(study, Study | Failure)
    if isinstance(study, Study):
        for frame in study.frames[:3]:
            values = frame.modality_values()
            if not isinstance(values, Failure):
                assert values.shape[:2] == (frame.rows, frame.cols)
