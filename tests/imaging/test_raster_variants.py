"""Picture files of the odd kinds that others open: few bits, palettes with alpha, sizes that lie, interlacing."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.imaging.open import open_path
from medview.imaging.png import _ADAM7
from medview.imaging.raster import MAX_SIDE, TRANSPARENT, Raster, read_raster
from medview.imaging.study import Study
from tests.imaging.make import chunk, encode, png, ramp_picture, tiff

RGB = ramp_picture()
GREY = RGB[:, :, 0].copy()


def decoded(data: bytes) -> Raster:
    raster = read_raster(data)
    assert isinstance(raster, Raster), raster
    return raster


def packed_bits(values: np.ndarray, bits: int) -> list[bytes]:
    """Rows of samples of so many bits, the first one in the highest bits."""
    rows = []
    for row in values.reshape(len(values), -1):
        text = "".join(f"{int(value):0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(int(text, 2).to_bytes(len(text) // 8, "big"))
    return rows


def bits_tiff(values: np.ndarray, bits: int, photometric: int, **tags: Any) -> bytes:
    """A TIFF of (rows, cols[, samples]) of 1 to 16 bits; `tags` are t<number>=values of type SHORT."""
    rows, cols = values.shape[:2]
    samples = values.shape[2] if values.ndim == 3 else 1
    data = b"".join(packed_bits(values, bits))
    entries: dict[int, tuple[int, ...]] = {
        256: (cols,), 257: (rows,), 258: (bits,) * samples, 259: (1,), 262: (photometric,), 273: (8,),
        277: (samples,), 278: (rows,), 279: (len(data),), **{int(name[1:]): tuple(v) for name, v in tags.items()},
    }  # fmt: skip
    start = 8 + len(data) + len(data) % 2
    table = struct.pack("<H", len(entries))
    behind, at = b"", start + 2 + 12 * len(entries) + 4
    for number, values_ in sorted(entries.items()):
        body = struct.pack(f"<{len(values_)}H", *values_)
        if len(body) > 4:
            place, behind = struct.pack("<I", at + len(behind)), behind + body
        else:
            place = body.ljust(4, b"\0")
        table += struct.pack("<HHI", number, 3, len(values_)) + place
    return b"II*\0" + struct.pack("<I", start) + data + bytes(len(data) % 2) + table + bytes(4) + behind


@pytest.mark.parametrize("bits", range(1, 8))
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_few_bits_of_a_tiff_use_all_greys(bits: int, white_is_zero: bool):
    top = (1 << bits) - 1
    numbers = np.arange(24 * 32).reshape(24, 32) % (top + 1)
    expected = np.rint(numbers * (255 / top)).astype(np.uint8)
    values = decoded(bits_tiff(numbers, bits, int(not white_is_zero))).values
    assert values.dtype == np.uint8
    assert np.array_equal(values, 255 - expected if white_is_zero else expected)


@pytest.mark.parametrize("bits", [4, 6, 8, 12, 14])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_grey_with_alpha_of_any_depth(bits: int, white_is_zero: bool):
    top = (1 << bits) - 1
    grey = np.arange(24 * 32).reshape(24, 32) * top // (24 * 32 - 1)
    samples = np.dstack([grey, np.full_like(grey, top)])
    values = decoded(bits_tiff(samples, bits, int(not white_is_zero), t338=(2,))).values
    full = 255 if bits <= 8 else 65535
    shades = top - grey if white_is_zero else grey
    assert np.array_equal(values, (shades * full + top // 2) // top)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.uint32, np.float32, np.float64])
def test_white_is_zero_of_numbers_without_a_white(kind: Any):
    """Signed, very deep and real numbers have no brightest one: their range is turned over."""
    numbers = (np.arange(24 * 32).reshape(24, 32) % 120 - (0 if kind is np.uint32 else 50)).astype(kind)
    low, high = float(numbers.min()), float(numbers.max())
    values = decoded(tiff([numbers], photometric=0)).values
    assert np.array_equal(values, high + low - numbers.astype(np.float64))


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_deep_grey_of_a_tiff_keeps_its_values_in_either_polarity(bits: int):
    numbers = (np.arange(24 * 32) * 37 % (1 << bits)).reshape(24, 32)
    assert np.array_equal(decoded(bits_tiff(numbers, bits, 1)).values, numbers)
    assert np.array_equal(decoded(bits_tiff(numbers, bits, 0)).values, (1 << bits) - 1 - numbers)


@pytest.mark.parametrize("bits", [2, 4, 12])
def test_colour_of_a_tiff_uses_the_whole_range(bits: int):
    top = (1 << bits) - 1
    numbers = (np.arange(24 * 32 * 3) * 7 % (top + 1)).reshape(24, 32, 3)
    full = 255 if bits < 8 else 65535
    assert np.array_equal(decoded(bits_tiff(numbers, bits, 2)).values, np.rint(numbers * (full / top)))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_palette_of_a_tiff_gives_its_colours(bits: int):
    count = 1 << bits
    numbers = np.arange(24 * 32).reshape(24, 32) % count
    colours = np.stack([np.arange(count) * 60000 // count, 65535 - np.arange(count) * 200, np.full(count, 257)])
    expected = (colours >> 8).T[numbers]
    data = bits_tiff(numbers, bits, 3, t320=colours.ravel().tolist())
    assert np.array_equal(decoded(data).values, expected)


@pytest.mark.parametrize(("extra", "noted"), [(1, True), (2, True), (0, False)])
def test_a_palette_with_another_sample_gives_its_colours(extra: int, noted: bool):
    numbers = np.arange(24 * 32).reshape(24, 32) % 16
    colours = np.stack([np.arange(256) * 17 % 256, 255 - np.arange(256), np.full(256, 100)]) * 257
    samples = np.dstack([numbers, np.full_like(numbers, 200)])
    raster = decoded(bits_tiff(samples, 8, 3, t320=colours.ravel().tolist(), t338=[extra]))
    assert np.array_equal(raster.values, (colours >> 8).T[numbers])
    assert raster.notes == ((TRANSPARENT,) if noted else ())


def test_alpha_is_not_turned_round_with_the_shades():
    alpha = np.full_like(GREY, 255)
    raster = decoded(bits_tiff(np.dstack([GREY, alpha]), 8, 0, t338=[2]))
    assert np.array_equal(raster.values, 255 - GREY)
    assert raster.notes == ()


BMP = encode("bmp", RGB[:, :, ::-1].copy())


@pytest.mark.parametrize("at", [2, 34])
@pytest.mark.parametrize("size", [0, 1, 53, len(BMP) - 1, len(BMP) + 2, 0x05F5E0FF, 0xFFFFFFFF])
def test_declared_sizes_of_a_bmp_do_not_matter(at: int, size: int):
    data = BMP[:at] + struct.pack("<I", size) + BMP[at + 4 :]
    assert np.array_equal(decoded(data).values, RGB)
    assert np.array_equal(decoded(data + b"bytes behind the picture").values, RGB)


@pytest.mark.parametrize("colours", [0, 1, 256, 257, 0xFFFFFFFF])
def test_the_declared_palette_of_a_bmp_has_to_be_possible(colours: int):
    grey = encode("bmp", GREY)
    data = BMP[:46] + struct.pack("<I", colours) + BMP[50:]
    assert np.array_equal(decoded(data).values, RGB)
    if colours != 1:
        assert np.array_equal(decoded(grey[:46] + struct.pack("<I", colours) + grey[50:]).values, GREY)


@pytest.mark.parametrize("start", [0, 14, 53])
def test_pixels_of_a_bmp_that_begin_within_its_header_follow_the_palette(start: int):
    for picture, data in ((RGB, BMP), (GREY, encode("bmp", GREY))):
        assert np.array_equal(decoded(data[:10] + struct.pack("<I", start) + data[14:]).values, picture)


@pytest.mark.parametrize("bits", [1, 4, 8, 24])
@pytest.mark.parametrize("start", ["right", "0"])
def test_a_bmp_of_os2_keeps_its_colours(bits: int, start: str):
    """OpenCV gives grey."""
    numbers = np.arange(24 * 32).reshape(24, 32) * 7 % (1 << min(bits, 8))
    palette = RGB.reshape(-1, 3)[::5][: 1 << bits] if bits <= 8 else RGB[:0, 0]
    expected = palette[numbers] if bits <= 8 else RGB[:24, :32]
    lines_ = packed_bits(numbers[::-1], bits) if bits <= 8 else [row.tobytes() for row in expected[::-1, :, ::-1]]
    colours = palette[:, ::-1].tobytes()
    head = struct.pack("<IHHI", 0, 0, 0, 26 + len(colours) if start == "right" else 0)
    data = b"BM" + head + struct.pack("<I4H", 12, 32, 24, 1, bits) + colours + b"".join(lines_)
    assert np.array_equal(decoded(data).values, expected)


def test_a_bmp_that_lacks_pixels_is_still_refused():
    for data in (BMP[:-1], BMP[:2] + struct.pack("<I", len(BMP) - 100) + BMP[6:-100]):
        failure = read_raster(data)
        assert isinstance(failure, Failure)
        assert failure.code is Code.TRUNCATED


def lines(values: np.ndarray) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in values)


def odd_png(colour: int, packed: bytes, *extra: bytes, bits: int = 8, interlaced: int = 0, tail: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", 60, 40, bits, colour, 0, 0, interlaced)
    parts = (chunk(b"IHDR", head), *extra, chunk(b"IDAT", packed), tail, chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


PALETTE = chunk(b"PLTE", bytes(value for n in range(256) for value in (n, n, n)))
PACKED, PACKED_RGB = zlib.compress(lines(GREY)), zlib.compress(lines(RGB))
ODD = {
    "palette of a grey picture": (odd_png(0, PACKED, PALETTE), GREY),
    "suggested palette": (odd_png(2, PACKED_RGB, PALETTE), RGB),
    "transparency that is too short": (odd_png(2, PACKED_RGB, chunk(b"tRNS", bytes(5))), RGB),
    "transparency beyond the bits": (odd_png(0, PACKED, chunk(b"tRNS", b"\xff\xff")), GREY),
    "transparency beside alpha": (
        odd_png(6, zlib.compress(lines(np.dstack([RGB, np.full_like(GREY, 255)]))), chunk(b"tRNS", bytes(6))), RGB,
    ),
    "transparency without an entry": (odd_png(3, PACKED, PALETTE, chunk(b"tRNS", b"")), GREY),
    "transparency before the palette": (odd_png(3, PACKED, chunk(b"tRNS", b"\xff" * 3), PALETTE), GREY),
    "more transparency than palette": (odd_png(3, PACKED, PALETTE, chunk(b"tRNS", b"\xff" * 300)), GREY),
    "two palettes": (odd_png(3, PACKED, PALETTE, chunk(b"PLTE", bytes(768))), GREY),
    "more data than picture": (odd_png(0, zlib.compress(lines(GREY) + bytes(1000))), GREY),
    "junk behind the stream": (odd_png(0, PACKED + b"junk"), GREY),
    "junk in a chunk of its own": (odd_png(0, PACKED, tail=chunk(b"IDAT", b"junk")), GREY),
    "transparency behind the picture": (odd_png(2, PACKED_RGB, tail=chunk(b"tRNS", bytes(6))), RGB),
    "two headers": (odd_png(0, PACKED, chunk(b"IHDR", bytes(13))), GREY),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_in_a_png_is_passed_over_without_a_word(name: str, capfd: pytest.CaptureFixture[str]):
    data, expected = ODD[name]
    assert np.array_equal(decoded(data).values, expected)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "data",
    [
        odd_png(0, PACKED, interlaced=2), odd_png(3, PACKED), odd_png(3, PACKED, tail=PALETTE),
        odd_png(3, PACKED, chunk(b"PLTE", bytes(100))), odd_png(0, zlib.compress(lines(GREY)[:-1])),
        odd_png(0, PACKED[:-1] + b"\0"), odd_png(0, b"\x07" + PACKED[1:]), odd_png(5, PACKED),
        odd_png(0, PACKED, bits=3),
        odd_png(0, zlib.compress(b"\x07" + lines(GREY)[1:])),
    ],
    ids=range(10),
)  # fmt: skip
def test_what_breaks_a_png_is_refused_without_a_word(data: bytes, capfd: pytest.CaptureFixture[str]):
    failure = read_raster(data)
    assert isinstance(failure, Failure)
    assert failure.code is Code.CORRUPT
    assert capfd.readouterr() == ("", "")


def interlaced(values: np.ndarray, bits: int, colour: int) -> bytes:
    rows, cols = values.shape[:2]
    data = b""
    for (top, down), (left, across) in _ADAM7:
        part = values[top::down, left::across]
        data += b"".join(b"\0" + row for row in packed_bits(part, bits)) if part.size else b""
    head = struct.pack(">IIBBBBB", cols, rows, bits, colour, 0, 0, 1)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (3, 5), (5, 3), (8, 8), (17, 15), (40, 60)])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_an_interlaced_png_is_exact_and_silent(size: tuple[int, int], bits: int, capfd: pytest.CaptureFixture[str]):
    chance = np.random.default_rng(bits)
    grey = chance.integers(0, 1 << bits, size)
    assert np.array_equal(decoded(interlaced(grey, bits, 0)).values, grey * (255 // ((1 << bits) - 1) or 1))
    if bits >= 8:
        colour = chance.integers(0, 1 << bits, (*size, 3))
        colour[0, 0] = 0, 9, 99  # not grey
        assert np.array_equal(decoded(interlaced(colour, bits, 2)).values, colour)
    assert capfd.readouterr() == ("", "")


def test_a_side_that_no_decoder_reads_is_too_large():
    failure = read_raster(png(np.zeros((1, 1)), 0, 8, (1, MAX_SIDE + 1)))
    assert isinstance(failure, Failure)
    assert failure.code is Code.TOO_LARGE


@pytest.mark.parametrize("other", [png(RGB[:20], 2), encode("jpg", RGB), tiff([GREY])], ids=["png", "jpg", "tiff"])
def test_a_picture_replaced_after_opening_is_not_shown_at_another_size(tmp_path: Path, other: bytes):
    path = tmp_path / "é ж 你 .png"
    path.write_bytes(png(RGB, 2))
    study = open_path(path)
    assert isinstance(study, Study)
    path.write_bytes(other)
    for values in (study.frames[0].modality_values(), study.frames[0].stored_values()):
        assert isinstance(values, Failure)
        assert (values.code, values.text, values.hint) == (
            Code.READ_ERROR, "é ж 你 .png has changed since it was opened.", "Open it again.",
        )  # fmt: skip
    assert isinstance(open_path(path), Study)
