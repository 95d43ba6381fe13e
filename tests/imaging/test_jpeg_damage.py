"""Damage in JPEG data that decoders pass over: found where it can be known, and never in a whole picture."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.imaging import jpeg_walk
from medview.imaging.facts import OPENS, inspect_file
from medview.imaging.jpeg import parse_jpeg
from medview.imaging.jpeg_damage import jpeg_damage
from medview.imaging.jpeg_entropy import read_components
from medview.imaging.open import open_path
from medview.imaging.raster import raster_damage
from medview.imaging.study import DAMAGED_PART, Frame
from tests.imaging.make import encode, photo, tiff
from tests.imaging.seeds import BITS12, DICOM, GREY8, UID, packed


def decode(data: bytes) -> NDArray[Any]:
    values: NDArray[Any] = imagecodecs.jpeg8_decode(data, colorspace=None, outcolorspace=None)
    return values


def film(rows: int = 160, cols: int = 200, top: int = 255) -> NDArray[Any]:
    """Grey with shades, edges and a little noise, on black."""
    y, x = np.mgrid[:rows, :cols]
    shade = 0.5 + 0.25 * np.sin(x / 17) * np.cos(y / 23) + 0.1 * np.sin((x + 2 * y) / 5)
    inside = (x - cols / 2) ** 2 / cols**2 + (y - rows / 2) ** 2 / rows**2 < 0.2
    noise = np.random.default_rng(5).normal(0, 0.01, (rows, cols))
    return (np.clip(np.where(inside, shade + noise, 0), 0, 1) * top).astype(np.uint8 if top < 256 else np.uint16)


def share_found(data: bytes, count: int) -> float:
    """Of `count` changes of one byte that move a pixel by a tenth of the range, how many are found."""
    whole, chance = decode(data).astype(int), random.Random(3)
    info = parse_jpeg(data)
    assert info is not None
    found = moved = 0
    while moved < count:
        changed = bytearray(data)
        changed[chance.randrange(info.intervals[0][0], info.intervals[-1][1])] ^= chance.randrange(1, 256)
        try:
            now = decode(bytes(changed)).astype(int)
        except RuntimeError:
            continue
        if np.abs(now - whole).max() > 0.1 * np.ptp(whole):
            moved += 1
            found += bool(jpeg_damage(bytes(changed), decode))
    return found / count


def first_frame(path: Path) -> Frame:
    study = open_path(path)
    assert not isinstance(study, Failure), study
    return study.frames[0]


@pytest.mark.parametrize("restart", [0, 3])
def test_grey_coefficients_give_the_picture_of_libjpeg(restart: int) -> None:
    data = encode("jpg", film(), cv2.IMWRITE_JPEG_RST_INTERVAL, restart)
    info = parse_jpeg(data)
    assert info is not None
    components = read_components(data, info)
    assert components is not None
    plane = np.clip(np.rint(components[0].plane + 128), 0, 255)
    assert np.abs(plane[:160, :200] - decode(data)).max() <= 1  # another inverse DCT rounds otherwise


@pytest.mark.parametrize("sampling", [0x411111, 0x221111, 0x211111, 0x121111, 0x111111])
def test_colour_coefficients_give_the_luma_of_libjpeg(sampling: int) -> None:
    data = encode("jpg", photo(90, 130), cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling)
    info = parse_jpeg(data)
    assert info is not None
    components = read_components(data, info)
    assert components is not None
    assert (components[0].down, components[0].across) == (sampling >> 16 & 15, sampling >> 20)
    luma = imagecodecs.jpeg8_decode(data, colorspace="YCBCR", outcolorspace="YCBCR")[:, :, 0]
    assert np.abs(np.clip(np.rint(components[0].plane[:90, :130] + 128), 0, 255) - luma).max() <= 1


def test_12_bit_coefficients_give_the_picture_of_libjpeg() -> None:
    data = imagecodecs.jpeg8_encode(film(top=4095), level=95, bitspersample=12)
    info = parse_jpeg(data)
    assert info is not None
    components = read_components(data, info)
    assert components is not None
    plane = np.clip(np.rint(components[0].plane + 2048), 0, 4095)
    assert np.abs(plane[:160, :200] - decode(data)).max() <= 1


def test_whole_pictures_of_every_kind_are_not_called_damaged() -> None:
    options = [
        (cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, optimize, cv2.IMWRITE_JPEG_PROGRESSIVE, steps)
        for quality, optimize, steps in ((20, 0, 0), (60, 1, 0), (90, 0, 1), (100, 0, 0))
    ]
    barred = photo(120, 160)
    barred[:40] = barred[96:] = 0  # bars whose edges lie between blocks, as of a film in a frame
    for picture in (film(), photo(90, 130), barred, np.full((64, 64), 200, np.uint8)):
        for option in options:
            assert jpeg_damage(encode("jpg", picture, *option), decode) == ""
    for predictor in range(1, 8):
        for whole in (film(), film(top=4095), photo(40, 30)):
            assert jpeg_damage(imagecodecs.jpeg8_encode(whole, lossless=True, predictor=predictor), decode) == ""


@pytest.mark.parametrize(
    ("data", "least"),
    [
        (encode("jpg", film(), cv2.IMWRITE_JPEG_QUALITY, 85), 0.75),
        (encode("jpg", photo(160, 200), cv2.IMWRITE_JPEG_QUALITY, 75), 0.5),
        (encode("jpg", film(), cv2.IMWRITE_JPEG_RST_INTERVAL, 5), 0.75),
        (imagecodecs.jpeg8_encode(film(top=4095), level=90, bitspersample=12), 0.75),
        (imagecodecs.jpeg8_encode(film(top=4095), lossless=True, predictor=1), 0.55),
        (imagecodecs.jpeg8_encode(film(), lossless=True, predictor=1), 0.8),
        (imagecodecs.jpeg8_encode(film(top=4095), lossless=True, predictor=6), 0.55),
    ],
    ids=["grey", "colour", "restarts", "12 bit", "lossless 12 bit", "lossless", "predictor 6"],
)
def test_most_changes_of_one_byte_are_found(data: bytes, least: float) -> None:
    assert share_found(data, 30) >= least


@pytest.mark.parametrize(
    ("stream", "syntax", "like", "elements"),
    [
        (imagecodecs.jpeg8_encode(film(top=4095), level=80, bitspersample=12), "4.51", film(top=4095), BITS12),
        (imagecodecs.jpeg8_encode(film(), lossless=True, predictor=1), "4.70", film(), {}),
    ],
    ids=["extended", "lossless"],
)
def test_a_byte_changed_in_a_dicom_file_is_known(
    tmp_path: Path, stream: bytes, syntax: str, like: NDArray[Any], elements: dict[str, int]
) -> None:
    """Shared case dicom-jpeg-damage-silent: most of the pixels wrong, no note, and judged."""
    path = tmp_path / "file"
    data = bytearray(packed([stream], f"{UID}.{syntax}", like, **elements))
    path.write_bytes(data)
    assert first_frame(path).damage() == ""
    assert inspect_file(path).notes == ()
    data[data.index(stream) + len(stream) // 2] ^= 0x5A
    path.write_bytes(data)
    assert first_frame(path).damage()
    facts = inspect_file(path)
    assert (facts.outcome, facts.notes) == (OPENS, (DAMAGED_PART,))


def test_undamaged_files_of_every_kind_have_no_damage(tmp_path: Path) -> None:
    for name, (data, _) in DICOM.items():
        path = tmp_path / "file"
        path.write_bytes(data)
        assert first_frame(path).damage() == "", name


def test_an_rle_segment_of_another_length_is_damaged(tmp_path: Path) -> None:
    row = b"\xed" + b"\x07"  # 20 times a 7
    data = struct.pack("<16I", 1, 64, *[0] * 14) + row * 24 + b"\xff\x07"
    path = tmp_path / "file"
    path.write_bytes(packed([data], f"{UID}.5", GREY8))
    assert first_frame(path).damage() == "an RLE segment holds 482 bytes"


@pytest.mark.parametrize("signed", [0, 1])
def test_an_rle_value_of_more_bits_than_are_stored_is_damaged(tmp_path: Path, signed: int) -> None:
    upper, lower = b"\xed\x03" * 24, b"\xed\x40" * 24  # 0x340 everywhere
    if signed:
        upper = b"\xed\xfd" * 24
    data = struct.pack("<16I", 2, 64, 64 + len(upper), *[0] * 13) + upper + lower
    path = tmp_path / "file"
    elements = {**BITS12, "PixelRepresentation": signed}
    path.write_bytes(packed([data], f"{UID}.5", GREY8.astype(np.uint16), **elements))
    assert first_frame(path).damage() == ""
    path.write_bytes(packed([data.replace(upper[:2], b"\xed\x43", 1)], f"{UID}.5", GREY8.astype(np.uint16), **elements))
    assert first_frame(path).damage() == "a few values of more bits than the header gives"


def test_a_jpeg_in_a_tiff_is_looked_at(tmp_path: Path) -> None:
    stream = encode("jpg", film(), cv2.IMWRITE_JPEG_QUALITY, 90)
    size = {"t256": (4, 200), "t257": (4, 160), "t278": (4, 160)}
    data = bytearray(tiff([np.frombuffer(stream, np.uint8)[None]], t259=(3, 7), **size))
    path = tmp_path / "file.tif"
    path.write_bytes(data)
    frame = first_frame(path)
    assert np.array_equal(frame.modality_values(), decode(stream))  # type: ignore[arg-type]
    assert frame.damage() == ""
    middle = data.index(stream) + len(stream) // 2
    data[middle : middle + 40] = bytes(40)
    assert raster_damage(bytes(data))


@pytest.mark.parametrize("interval", [0, 7])
def test_short_data_and_long_are_read_alike(monkeypatch: pytest.MonkeyPatch, interval: int) -> None:
    colours = np.stack([film(), np.roll(film(), 9, axis=1), film().T[:160, :1].repeat(200, axis=1)], axis=2)
    options = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_RST_INTERVAL, interval]
    data = cv2.imencode(".jpg", colours, options)[1].tobytes()
    info = parse_jpeg(data)
    assert info is not None
    walked = read_components(data, info)
    monkeypatch.setattr(jpeg_walk, "_SHORT", 0)
    by_readers = read_components(data, info)
    assert walked is not None
    assert by_readers is not None
    for one, other in zip(walked, by_readers, strict=True):
        np.testing.assert_array_equal(one.coefficients, other.coefficients)
        assert one.coefficients.any()
