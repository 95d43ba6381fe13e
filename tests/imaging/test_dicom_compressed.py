"""Compressed DICOM frames made here: exact values, and damage refused frame by frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.imaging.dicom_codecs import DEFLATED_FRAMES, PLAIN_FRAMES
from tests.imaging.dicoms import (
    GREY16,
    J2K,
    JLS,
    JPEG,
    LOSSLESS,
    RGB,
    RLE,
    compressed,
    encapsulated,
    first,
    opened,
    refused,
)
from tests.imaging.make import photo


@pytest.mark.parametrize(("syntax", "name"), [(JPEG, "jpeg8"), (LOSSLESS, "ljpeg"), (JLS, "jpegls"), (J2K, "jpeg2k")])
def test_frames_filled_up_with_zeros(tmp_path: Path, syntax: str, name: str):
    """Some writers give every frame the same room; a frame of which a part is missing is refused all the same."""
    grey = RGB[..., 0].copy()
    encoded, decode = getattr(imagecodecs, f"{name}_encode")(grey), getattr(imagecodecs, f"{name}_decode")
    frame = opened(tmp_path, compressed([encoded + b"\0" * 5000], syntax, grey)).frames[0]
    assert np.array_equal(frame.stored_values(), decode(encoded))
    assert refused(tmp_path, compressed([encoded[:-9] + b"\0" * 5000], syntax, grey)).code is Code.TRUNCATED


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        (LOSSLESS, lambda v: imagecodecs.jpeg8_encode(v, lossless=True, predictor=1)),
        (JLS, imagecodecs.jpegls_encode),
        (J2K, lambda v: imagecodecs.jpeg2k_encode(v, codecformat="j2k", reversible=True)),
    ],
    ids=["jpeg lossless", "jpeg-ls", "jpeg 2000"],
)
def test_lossless_codecs_are_exact(tmp_path: Path, syntax: str, encode: Any):
    for stored in (GREY16, GREY16.view(np.uint16), (GREY16 & 255).astype(np.uint8)):
        data = encode(stored.view(f"u{stored.itemsize}"))
        _, values = first(tmp_path, compressed([data], syntax, stored))
        assert values.dtype == stored.dtype
        assert np.array_equal(values, stored)


def test_rle_is_exact(tmp_path: Path):
    from pydicom.pixels.encoders import RLELosslessEncoder

    for stored, photometric in ((GREY16, "MONOCHROME2"), (RGB, "RGB")):
        data = RLELosslessEncoder.encode(
            stored.tobytes(), rows=10, columns=12, number_of_frames=1, samples_per_pixel=stored.size // 120,
            bits_allocated=stored.itemsize * 8, bits_stored=stored.itemsize * 8, planar_configuration=0,
            photometric_interpretation=photometric, pixel_representation=0,
        )  # fmt: skip
        _, values = first(tmp_path, compressed([data], RLE, stored))
        assert np.array_equal(values, stored)


def test_damaged_rle_is_refused_and_ends_nothing(tmp_path: Path):
    from pydicom.pixels.encoders import RLELosslessEncoder

    good = RLELosslessEncoder.encode(
        GREY16.tobytes(), rows=10, columns=12, number_of_frames=1, samples_per_pixel=1, bits_allocated=16,
        bits_stored=16, photometric_interpretation="MONOCHROME2", pixel_representation=1,
    )  # fmt: skip
    for at in range(0, len(good), 4):
        for word in (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\0\0\0"):
            data = compressed([good[:at] + word + good[at + 4 :]], RLE, GREY16)
            values = opened(tmp_path, data).frames[0].modality_values()
            assert isinstance(values, Failure) or values.shape == GREY16.shape
    short = opened(tmp_path, compressed([good[:-20]], RLE, GREY16)).frames[0].modality_values()
    assert isinstance(short, Failure)
    assert short.code is Code.CORRUPT


def test_jpeg_colour_comes_out_as_libjpeg_gives_it(tmp_path: Path):
    bgr = photo(32, 48)
    data = imagecodecs.jpeg8_encode(bgr, level=95, subsampling="444")
    expected = imagecodecs.jpeg8_decode(data)
    for photometric in ("YBR_FULL_422", "YBR_FULL", "RGB"):
        _, values = first(tmp_path, compressed([data], JPEG, bgr, PhotometricInterpretation=photometric))
        assert np.abs(values.astype(int) - expected).max() <= 2, photometric


def test_damaged_htj2k_is_refused_without_a_word(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    stored = photo(64, 64)[:, :, 0].copy()
    good = imagecodecs.htj2k_encode(stored, reversible=True)
    syntax = "1.2.840.10008.1.2.4.201"
    assert np.array_equal(first(tmp_path, compressed([good], syntax, stored))[1], stored)
    for start in range(len(good) // 2, len(good) - 40, 200):
        study = opened(tmp_path, compressed([good[:start]], syntax, stored))
        assert isinstance(study.frames[0].modality_values(), Failure), start
    for start in range(len(good) // 3, len(good) - 40, 50):
        data = compressed([good[:start] + bytes(30) + good[start + 30 :]], syntax, stored)
        opened(tmp_path, data).frames[0].modality_values()
    assert capfd.readouterr() == ("", "")


def test_damaged_compressed_frames_fail_alone(tmp_path: Path):
    good = imagecodecs.jpegls_encode(GREY16.view(np.uint16))
    study = opened(tmp_path, compressed([good, good[:30] + bytes(len(good) - 30), good], JLS, GREY16))
    results = [frame.modality_values() for frame in study.frames]
    assert [isinstance(r, Failure) for r in results] == [False, True, False]
    assert results[1].code is Code.CORRUPT  # type: ignore[union-attr]


def test_uncompressed_and_deflated_frames_in_fragments(tmp_path: Path):
    import zlib

    packer = zlib.compressobj(wbits=-15)
    deflated = packer.compress(GREY16.tobytes()) + packer.flush()
    for syntax, data in ((PLAIN_FRAMES, GREY16.tobytes()), (DEFLATED_FRAMES, deflated)):
        assert np.array_equal(first(tmp_path, encapsulated([data], syntax, GREY16))[1], GREY16)
        values = opened(tmp_path, encapsulated([data[:40]], syntax, GREY16)).frames[0].modality_values()
        assert isinstance(values, Failure)
