"""Picture files: exact values of every format, and the list of bad input."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.imaging.raster import DAMAGED_PART, Raster, decode_mask, describe_raster, orient, read_raster
from tests.imaging.make import chunk, encode, exif, exif_jpeg, photo, png, ramp_picture, tiff

RGB = ramp_picture()
BGR = RGB[:, :, ::-1].copy()
GREY = RGB[:, :, 0].copy()
DEEP = GREY.astype(np.uint16) * 257 - 3


def values_of(data: bytes, page: int = 0) -> np.ndarray:
    raster = read_raster(data, page)
    assert isinstance(raster, Raster), raster
    return raster.values


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (png(GREY, 0), GREY),
        (png(RGB, 2), RGB),
        (png(DEEP, 0, 16), DEEP),
        (png(np.stack([GREY] * 3, -1), 2), GREY),
        (png(np.dstack([GREY, np.full_like(GREY, 255)]), 4), GREY),
        (encode("png", GREY), GREY),
        (encode("bmp", BGR), RGB),
        (encode("bmp", GREY), GREY),
        (encode("webp", BGR, cv2.IMWRITE_WEBP_QUALITY, 101), RGB),
        (encode("tiff", BGR), RGB),
        (tiff([GREY]), GREY),
        (tiff([DEEP]), DEEP),
        (tiff([DEEP], big=True), DEEP),
        (tiff([RGB], 2), RGB),
        (tiff([GREY], 0), 255 - GREY),
        (tiff([(DEEP.astype(np.int32) - 9000).astype(np.int16)]), (DEEP.astype(np.int32) - 9000).astype(np.int16)),
        (tiff([GREY.astype(np.float32) / 7]), GREY.astype(np.float32) / 7),
    ],
    ids=str,
)
def test_lossless_values_are_exact(data: bytes, expected: np.ndarray):
    values = values_of(data)
    assert values.dtype == expected.dtype
    assert np.array_equal(values, expected)


def test_palette_and_one_bit_png():
    numbers = (np.arange(2400) % 3).astype(np.uint8).reshape(40, 60)
    palette = chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 0, 10, 20, 30]))
    expected = np.array([[255, 0, 0], [0, 255, 0], [10, 20, 30]], np.uint8)[numbers]
    assert np.array_equal(values_of(png(numbers, 3, 8, None, palette)), expected)
    bits = np.packbits(GREY > 99, axis=1)
    assert np.array_equal(values_of(png(bits, 0, 1, (40, 60)))[:, :56], np.where(GREY > 99, 255, 0)[:, :56])


PARTLY = np.full(GREY.shape, 255, np.uint8)
PARTLY[:10], PARTLY[10:20] = 0, 128
NOWHERE = np.zeros_like(PARTLY)


@pytest.mark.parametrize("alpha", [PARTLY, NOWHERE])
def test_transparent_parts_have_the_colours_that_are_stored(alpha: np.ndarray):
    notes = ("Parts of this picture are transparent; they are shown in the colours that the file stores for them.",)
    deep = alpha.astype(np.uint16) * 257
    for data, expected in (
        (png(np.dstack([RGB, alpha]), 6), RGB),
        (png(np.dstack([GREY, alpha]), 4), GREY),
        (png(np.dstack([DEEP, deep]), 4, 16), DEEP),
        (tiff([np.dstack([RGB, alpha])], 2), RGB),
    ):
        raster = read_raster(data)
        assert isinstance(raster, Raster)
        assert np.array_equal(raster.values, expected)
        assert raster.notes == notes


def test_a_transparent_colour_of_a_palette_keeps_its_colour():
    numbers = (np.arange(2400) % 3).astype(np.uint8).reshape(40, 60)
    extra = chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 0, 10, 20, 30])) + chunk(b"tRNS", bytes([0, 128]))
    expected = np.array([[255, 0, 0], [0, 255, 0], [10, 20, 30]], np.uint8)[numbers]
    assert np.array_equal(values_of(png(numbers, 3, 8, None, extra)), expected)


def test_a_picture_that_is_opaque_all_over_has_no_note():
    raster = read_raster(png(np.dstack([RGB, np.full_like(GREY, 255)]), 6))
    assert isinstance(raster, Raster)
    assert np.array_equal(raster.values, RGB)
    assert raster.notes == ()


@pytest.mark.parametrize("number", range(1, 9))
def test_exif_orientation_by_the_standard(number: int):
    # EXIF 2.3, tag 0112: which edge of the shown picture row 0 and column 0 of the stored one are.
    shown = {
        1: RGB, 2: np.fliplr(RGB), 3: np.rot90(RGB, 2), 4: np.flipud(RGB), 5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, -1), 7: np.rot90(RGB, 2).transpose(1, 0, 2), 8: np.rot90(RGB),
    }[number]  # fmt: skip
    assert np.array_equal(orient(RGB, number), shown)
    assert np.array_equal(values_of(png(RGB, 2, 8, None, chunk(b"eXIf", exif(number)))), shown)
    assert np.array_equal(values_of(tiff([RGB], 2, t274=(3, number))), shown)
    plain = encode("jpg", BGR)
    turned = read_raster(exif_jpeg(plain, number))
    assert isinstance(turned, Raster)
    assert np.array_equal(turned.values, orient(values_of(plain), number))
    pages = describe_raster(exif_jpeg(plain, number))
    assert not isinstance(pages, Failure)
    assert (pages[0].rows, pages[0].cols) == turned.values.shape[:2]


def test_jpeg_equals_opencv():
    for options in ([], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]):
        data = encode("jpg", photo(), *options)
        assert np.array_equal(values_of(data)[:, :, ::-1], cv2.imdecode(np.frombuffer(data, np.uint8), 1))


def test_a_grey_webp_is_grey():
    values = values_of(encode("webp", np.stack([GREY] * 3, -1), cv2.IMWRITE_WEBP_QUALITY, 90))
    assert values.ndim == 2
    assert np.abs(values.astype(int) - GREY).mean() < 4


def test_float_tiff_loses_what_is_no_number():
    values = GREY.astype(np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    got = values_of(tiff([values]))
    assert got[0, :3].tolist() == [0, 0, 0]
    assert np.array_equal(got[1:], values[1:])


@pytest.mark.parametrize("big", [False, True])
def test_pages_of_a_tiff(big: bool):
    data = tiff([GREY, 255 - GREY, GREY[:20]], big=big)
    pages = describe_raster(data)
    assert not isinstance(pages, Failure)
    assert [(p.rows, p.cols) for p in pages] == [(40, 60), (40, 60), (20, 60)]
    for index, expected in enumerate([GREY, 255 - GREY, GREY[:20]]):
        assert np.array_equal(values_of(data, index), expected)
    failure = read_raster(data, 3)
    assert isinstance(failure, Failure)
    assert failure.code is Code.NO_SUCH_FRAME


def test_a_thumbnail_is_no_page():
    pages = describe_raster(tiff([GREY], t254=(4, 0)))
    assert not isinstance(pages, Failure)
    # A loop in the chain of directories ends it.
    data = bytearray(tiff([GREY]))
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    looped = describe_raster(bytes(data))
    assert not isinstance(looped, Failure)
    assert len(looped) == 1


def test_animations_show_the_first_picture_with_a_note():
    control = chunk(b"acTL", struct.pack(">II", 3, 0))
    pages = describe_raster(png(RGB, 2, 8, None, control))
    assert not isinstance(pages, Failure)
    assert pages[0].notes == ("This file is animated; only the first of its 3 pictures is read.",)
    assert [page.pictures for page in pages] == [3]
    ok, data = cv2.imencodemulti(".gif", [BGR, 255 - BGR] * 3)
    assert ok
    gif = read_raster(data.tobytes())
    assert isinstance(gif, Raster)
    assert gif.notes == ("This file is animated; only the first of its 6 pictures is read.",)
    assert np.abs(gif.values.astype(int) - RGB).mean() < 20


def test_an_animated_webp_says_how_many_pictures_it_has():
    ok, still = cv2.imencode(".webp", BGR, [cv2.IMWRITE_WEBP_QUALITY, 101])
    assert ok
    rows, cols = RGB.shape[:2]
    size = (cols - 1).to_bytes(3, "little") + (rows - 1).to_bytes(3, "little")
    part = still.tobytes()[12:]
    frame = bytes(6) + size + bytes([100, 0, 0, 0]) + part
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0]) + size + b"ANIM" + struct.pack("<I6x", 6)
    for _ in range(4):
        body += b"ANMF" + struct.pack("<I", len(frame)) + frame
    pages = describe_raster(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert not isinstance(pages, Failure)
    assert [(page.rows, page.cols, page.pictures) for page in pages] == [(rows, cols, 4)]


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "tiff", "bmp", "gif"])
def test_every_cut_is_refused(kind: str):
    data = encode(kind, photo(40, 50))
    assert isinstance(read_raster(data), Raster)
    for share in (0.05, 0.3, 0.5, 0.8, 0.97):
        failure = read_raster(data[: int(len(data) * share)])
        assert isinstance(failure, Failure), (kind, share)
        assert failure.code in (Code.TRUNCATED, Code.CORRUPT)
        assert failure.text
        assert failure.hint


def test_a_damaged_png_is_refused_wherever_the_damage_is():
    data = bytearray(encode("png", photo(40, 50)))
    for position in range(60, len(data) - 12, max(1, len(data) // 40)):
        broken = bytearray(data)
        broken[position] ^= 0x10
        assert isinstance(read_raster(bytes(broken)), Failure), position


@pytest.mark.parametrize("options", [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 4]])
def test_a_jpeg_whose_end_is_gone_but_marked_says_so(options: list[int]):
    data = encode("jpg", photo(), *options)
    assert DAMAGED_PART not in read_raster(data).notes  # type: ignore[union-attr]
    for share in (0.4, 0.6, 0.8):
        raster = read_raster(data[: int(len(data) * share)] + b"\xff\xd9")
        assert isinstance(raster, Failure) or raster.notes == (DAMAGED_PART,)


def test_a_jpeg_with_a_lost_piece_says_so():
    data = encode("jpg", photo(200, 300))
    found = 0
    for start in range(1500, len(data) - 700, 997):
        raster = read_raster(data[:start] + data[start + 400 :])
        found += isinstance(raster, Failure) or raster.notes == (DAMAGED_PART,)
    assert found >= 0.8 * len(range(1500, len(data) - 700, 997))


def test_a_large_blank_picture_in_a_small_file_is_refused():
    blank = np.zeros((6000, 6000), np.uint8)
    for data in (encode("png", blank), encode("jpg", blank, cv2.IMWRITE_JPEG_QUALITY, 10)):
        refused = read_raster(data)
        assert isinstance(refused, Failure)
        assert (refused.code, "no real picture is packed so far" in refused.text) == (Code.TOO_LARGE, True)
    assert isinstance(read_raster(encode("png", blank[:4000, :4000])), Raster)


def test_whole_jpegs_are_never_called_damaged():
    for quality in (40, 75, 95, 100):
        for shape in ((1, 1), (8, 8), (37, 91), (150, 200)):
            picture = photo(*shape) if min(shape) > 1 else np.full((*shape, 3), 77, np.uint8)
            picture[shape[0] // 2 :] = 255 if quality % 2 else 0
            raster = read_raster(encode("jpg", picture, cv2.IMWRITE_JPEG_QUALITY, quality))
            assert isinstance(raster, Raster)
            assert raster.notes == (), (quality, shape)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (png(np.zeros((1, 1)), 2, 8, (30000, 30000)), Code.TOO_LARGE),
        (png(np.zeros((0, 0)), 0, 8, (0, 5)), Code.CORRUPT),
        (png(GREY, 0, 8, (41, 60)), Code.CORRUPT),
        (png(GREY, 9), Code.CORRUPT),
        (b"", Code.CORRUPT),
        (b"hello", Code.CORRUPT),
        (b"\xff\xd8\xff\xd9", Code.CORRUPT),
        (b"GIF89a" + bytes(3), Code.CORRUPT),
        (tiff([GREY], t256=(4, 100000), t257=(4, 100000)), Code.TOO_LARGE),
        (tiff([GREY], t279=(4, 10**8)), Code.TRUNCATED),
        (tiff([GREY], t273=(4, 4_000_000_000)), Code.TRUNCATED),
        (tiff([GREY], t259=(3, 34712)), Code.UNSUPPORTED),
        (tiff([RGB], 8), Code.UNSUPPORTED),
    ],
    ids=lambda v: str(v)[:24],
)
def test_headers_that_lie(data: bytes, code: Code):
    failure = read_raster(data)
    assert isinstance(failure, Failure)
    assert failure.code is code


def test_extra_chunks_of_a_png_do_not_matter(capfd: pytest.CaptureFixture[str]):
    profile = chunk(b"iCCP", b"bad\0\0" + b"nonsense")
    broken = bytearray(chunk(b"eXIf", exif(6)))
    broken[-1] ^= 1
    data = png(RGB, 2, 8, None, profile, chunk(b"fcTL", bytes(3)), bytes(broken))
    assert np.array_equal(values_of(data), orient(RGB, 6))
    assert capfd.readouterr() == ("", "")


def test_one_pixel():
    for kind in ("png", "bmp", "tiff", "jpg"):
        assert values_of(encode(kind, np.full((1, 1), 200, np.uint8))).tolist() == [[200]]


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]):
    for kind in ("png", "jpg", "webp", "tiff", "bmp", "gif"):
        data = encode(kind, photo(40, 50))
        for start in range(20, len(data), max(1, len(data) // 12)):
            read_raster(data[:start])
            read_raster(data[:start] + bytes(8) + data[start + 8 :])
            read_raster(data[:start] + data[start + 40 :])
    assert capfd.readouterr() == ("", "")


def test_masks():
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 10:30] = 255
    assert np.array_equal(decode_mask(png(mask, 0), (40, 60)), mask // 255)
    assert decode_mask(png(mask, 0), (20, 30)).sum() == 50
    assert np.array_equal(decode_mask(png(np.stack([mask] * 3, -1), 2), (40, 60)), mask // 255)
    with pytest.raises(ValueError, match="not a readable picture"):
        decode_mask(b"no picture", (4, 4))
