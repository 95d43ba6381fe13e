"""JPEG XL frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from medview.core.failures import Code
from medview.imaging.jpegxl import jpegxl_size
from tests.imaging.streams import COLOUR, DEEP, GREY, JPEG, frame_of, refused, values_of


@pytest.mark.parametrize("syntax", ["110", "112"])
@pytest.mark.parametrize("values", [GREY, DEEP, COLOUR], ids=["8 bits", "12 bits", "colour"])
def test_jpeg_xl_is_exact(tmp_path: Path, syntax: str, values: np.ndarray[Any, Any]) -> None:
    for container in (False, True):
        options = {"bitspersample": 12} if values.itemsize == 2 else {}
        stream = imagecodecs.jpegxl_encode(values, lossless=True, usecontainer=container, **options)
        frame = frame_of(tmp_path, stream, JPEG + syntax, values)
        assert np.array_equal(values_of(frame), values)


def test_jpeg_xl_of_a_jpeg_and_lossy(tmp_path: Path) -> None:
    jpeg = imagecodecs.jpeg8_encode(COLOUR, 95)
    values = values_of(
        frame_of(
            tmp_path,
            imagecodecs.jpegxl_encode_jpeg(jpeg),
            f"{JPEG}111",
            COLOUR,
            PhotometricInterpretation="YBR_FULL_422",
        )
    )
    assert np.abs(values.astype(int) - COLOUR).mean() < 3
    lossy = imagecodecs.jpegxl_encode(COLOUR, level=95)
    values = values_of(frame_of(tmp_path, lossy, f"{JPEG}112", COLOUR, PhotometricInterpretation="XYB"))
    assert np.abs(values.astype(int) - COLOUR).mean() < 3


@pytest.mark.parametrize("cut", [3, 10, 100, 400])
def test_jpeg_xl_that_is_cut_is_refused(tmp_path: Path, cut: int) -> None:
    stream = imagecodecs.jpegxl_encode(GREY, lossless=True)
    assert refused(frame_of(tmp_path, stream[:-cut], f"{JPEG}110", GREY)).code is Code.CORRUPT


def test_jpeg_xl_of_another_size_is_refused(tmp_path: Path) -> None:
    other = imagecodecs.jpegxl_encode(np.zeros((400, 400), np.uint8), lossless=True)
    failure = refused(frame_of(tmp_path, other, f"{JPEG}110", GREY))
    assert "another size" in failure.text


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (8, 8), (40, 48), (256, 256), (100, 133), (600, 400), (513, 1026), (9, 16), (64, 80), (5, 70_000)],
)
def test_the_size_of_a_jpeg_xl_is_known_before(shape: tuple[int, int]) -> None:
    assert jpegxl_size(imagecodecs.jpegxl_encode(np.zeros(shape, np.uint8), lossless=True)) == shape
