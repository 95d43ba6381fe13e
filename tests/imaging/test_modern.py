"""AVIF, JPEG 2000 and JPEG XL pictures: exact values, bits, turns, films, damage."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medview.core.failures import Code, Failure
from medview.imaging.facts import inspect_path
from medview.imaging.headers import read_header, sniff
from medview.imaging.jpegxl import CONTAINER, SIGNATURE, read_jpegxl
from medview.imaging.open import open_path
from medview.imaging.raster import TRANSPARENT, Raster, orient, read_raster
from medview.imaging.study import Study
from tests.imaging.make import ramp_picture

RGB = ramp_picture(24, 20)
GREY = RGB[:, :, 0].copy()
DEEP = GREY.astype(np.uint16) * 16 + 5
Encode = Callable[..., bytes]


def avif(values: np.ndarray, **options: Any) -> bytes:
    return imagecodecs.avif_encode(values, level=100, speed=8, **options)


def jxl(values: np.ndarray, **options: Any) -> bytes:
    return imagecodecs.jpegxl_encode(values, lossless=True, **options)


def boxed_jxl(values: np.ndarray, **options: Any) -> bytes:
    return jxl(values, usecontainer=True, **options)


def jp2(values: np.ndarray, **options: Any) -> bytes:
    return imagecodecs.jpeg2k_encode(values, codecformat="jp2", reversible=True, **options)


def j2k(values: np.ndarray, **options: Any) -> bytes:
    return imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True, **options)


ENCODERS: tuple[Encode, ...] = (avif, jxl, boxed_jxl, jp2, j2k)


def decoded(data: bytes) -> Raster:
    raster = read_raster(data)
    assert isinstance(raster, Raster), raster
    return raster


@pytest.mark.parametrize("encode", ENCODERS)
def test_lossless_values_are_exact(tmp_path: Path, encode: Encode):
    for values in (RGB, GREY):
        raster = decoded(encode(values))
        assert np.array_equal(raster.values, values)
        assert raster.notes == ()
    alpha = np.full_like(GREY, 255)
    assert decoded(encode(np.dstack([RGB, alpha]))).notes == ()
    alpha[:3] = 9
    raster = decoded(encode(np.dstack([RGB, alpha])))
    assert np.array_equal(raster.values, RGB)
    assert raster.notes == (TRANSPARENT,)
    assert np.array_equal(decoded(encode(DEEP, bitspersample=12)).values, DEEP)
    path = tmp_path / "é ж 你 "
    path.write_bytes(encode(RGB))
    (facts,) = inspect_path(path)
    assert (facts.outcome, facts.rows, facts.cols) == ("opens", 24, 20)
    assert facts.stored == {"min": 0, "max": 255, "mean": pytest.approx(RGB.mean())}


@pytest.mark.parametrize(("encode", "bits"), [(avif, 10), (avif, 12), (jxl, 10), (jxl, 14), (jp2, 12), (j2k, 10)])
def test_deep_colour_uses_the_whole_range(encode: Encode, bits: int):
    colours = RGB.astype(np.uint16) << (bits - 8)
    expected = np.rint(colours * (65535 / ((1 << bits) - 1)))
    assert np.array_equal(decoded(encode(colours, bitspersample=bits)).values, expected)


@pytest.mark.parametrize(("encode", "bits"), [(jxl, 4), (jxl, 2), (jp2, 4), (j2k, 1), (jp2, 6)])
def test_few_bits_use_all_greys(encode: Encode, bits: int):
    values = GREY >> (8 - bits)
    expected = np.rint(values * (255 / ((1 << bits) - 1)))
    assert np.array_equal(decoded(encode(values, bitspersample=bits)).values, expected)


def test_other_numbers():
    assert np.array_equal(decoded(jp2(GREY.astype(np.int16) - 99)).values, GREY.astype(np.int16) - 99)
    real = GREY.astype(np.float32) / 255
    assert np.array_equal(decoded(jxl(real)).values, real)
    sixteen = GREY.astype(np.uint16) * 257
    assert np.array_equal(decoded(jxl(sixteen)).values, sixteen)


# A film of three pictures of 5 x 3 pixels by libavif 1.4 through Pillow; red, green, blue and black at their corners.
FILM = (
    b"0000iW^{RQVRmVA00000VRmU|VRmVAZF6QZX>)HlZE0pPZE0a<O+hh10002%ZDn*}000000000XXk=`10000000000aA{+70000000000000"
    b"00000004sdC7Z2$lO000310016oY;R)#0000)000310RR910RR94=>Px#!2kdNC~0YKW&i*H00031000_kZf0cy000000RRADb}%tRZ)|UJ0"
    b"0000YH4tCZ~y=ROKEUpZvX%Q6lrsCWdHyG000001poj50{{R35O8UDX#fBK00RgJ2mk;83}JRLLxCUw000006Ju{|a&BX6cmM$a4FCp!0000"
    b"NX>e^}0000000001009I60)qqq00PQwZ*O)0004Mxc4%Y)000000002zFpx|D0002zFpx|D00Zd%|NsC0|Ns900RR920000000000000000R"
    b"R910000000000000000RR9100000000000000$000000000000000000000000000000000000003100K&Ma$#!#003xoYiMKv000310002z"
    b"Fpx|D0002zFpx|D0003100030|NsC0|Ns90000000000000000000000RR910000000000000000RR9100000000000000$000001poj50{{"
    b"R3001myWOQ=?001OqY;$x00003100031000000009300000000000RR9100FLTWNBdl001m)WN2go000000002zFpx|D0002zFpx|D00Za%0"
    b"0000000A3!~g&Q001FqWNdN(000000001RX=8K%00000000000000000045ZE0?10000Kc5P^60000100000000000000aWNB_@0000SWO8L"
    b"@00000000010000Cb#iPV000010003Qb97>C0001$b98fL00000000010001mVRkSv00000000010000000000000000000000jU807w7;07"
    b"w7;00000009a?PfZ|0Z)9n1X8-^I000000000000000000000000O|Nj6001RPvF++hM00000025<xY;ta6Y<K_x01W^JfB*mh5MyI=bN~PV"
    b"0DJ%d000007;|)Va{vGU000000RR910{{R30RR919CLJYV*mgE000000RR910RR910{{R30RR91AaitcdH?_b00000000000{{R3!2kdNH2?"
    b"qrGynhq6mxWAZvX%Q000000RR94=>Px#6mxWQa{vGU000000RR910RR92GHqmGbP@mx3?Kji0St|=k^&kHATq825CDV#00IC207+HLU@VyXg"
    b"mTEkm5fTt<o59?D_pmNsTkvjepz^9<bO`#?VO>Ev50^c@!qo%o8tT30a3;e@l_m_&ms#FhQg#`b?FtU@e2q2pWH#K7M^Dp^>A}$V;oI8@7ZE"
    b"^)MNu&IGYiX^eyK17X8pB&buHZv@i>DO&Y4CPpV6%hP<_}id^!;KJRuvgSc<Lzcetl(XWL=%NDq^lEhL~GC?BOsT2|bGBGd%fPnq@Mv4F+f("
    b"Rf00stT@CsOupe}hVf-=B=@Tbx^b0smqm+s+W}*l85^h~V@R05UKz1OWwo_(qEWAc6=W00ICb>U+3rOW+0oEIBh3VHlF^Mm5ZA4)tStTS9xQ"
    b"g-}2"
)


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def turned_avif(orientation: int) -> bytes:
    """A plain file with two more properties for its picture, put in behind the others."""
    turn, mirror = {
        1: (0, None), 2: (0, 1), 3: (2, None), 4: (0, 0), 5: (1, 0), 6: (3, None), 7: (3, 0), 8: (1, None),
    }[orientation]  # fmt: skip
    data = avif(RGB)
    extra = [box(b"irot", bytes([turn]))] if turn else []
    extra += [box(b"imir", bytes([mirror]))] if mirror is not None else []
    at = {name: data.index(name) - 4 for name in (b"meta", b"iprp", b"ipco", b"ipma", b"iloc")}
    size = {name: int.from_bytes(data[place : place + 4], "big") for name, place in at.items()}
    known = data[at[b"ipma"] + 18]  # properties that the picture has already
    links = bytearray(data[at[b"ipma"] : at[b"ipma"] + size[b"ipma"]])
    links[18] += len(extra)
    number = sum(1 for name in (b"ispe", b"pixi", b"av1C", b"colr") if data.find(name) > 0)
    links += bytes(0x80 | number + n + 1 for n in range(len(extra)))
    links[:4] = len(links).to_bytes(4, "big")
    assert known == number
    grown = sum(map(len, extra)) + len(extra)
    made = bytearray(data[: at[b"ipma"]] + b"".join(extra) + links + data[at[b"ipma"] + size[b"ipma"] :])
    for name, more in ((b"meta", grown), (b"iprp", grown), (b"ipco", sum(map(len, extra)))):
        made[at[name] : at[name] + 4] = (size[name] + more).to_bytes(4, "big")
    offset = at[b"iloc"] + size[b"iloc"] - 8
    made[offset : offset + 4] = (int.from_bytes(data[offset : offset + 4], "big") + grown).to_bytes(4, "big")
    return bytes(made)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_avif_is_shown_upright(orientation: int):
    data = turned_avif(orientation)
    shown = orient(RGB, orientation)
    assert np.array_equal(decoded(data).values, shown)


def turned_jxl(values: np.ndarray, orientation: int) -> bytes:
    """A plain stream whose header is written anew with an orientation.

    With it comes a bit for the tone mapping (18181-1, D.3); where that belongs and where the header ends is tried out.
    """
    plain = jxl(values)
    old = int.from_bytes(plain[2:40], "little")
    used = 1 + 5 + 3 + 5  # sides that 8 divides, no ratio
    # Not all as usual; extra fields, which are the orientation and neither another size nor a preview nor a film.
    start = (old & (1 << used) - 1) | (0b10 | orientation - 1 << 2) << used
    for end in range(4, 20):
        rest = (end - 2) * 8 - used - 2
        for at in range(rest):
            bits = old >> used + 2 & (1 << rest) - 1
            bits = bits & (1 << at) - 1 | 1 << at | bits >> at << at + 1
            header = (start | bits << used + 8).to_bytes((used + 8 + rest + 1 + 7) // 8, "little")
            for longer in (header, header[:-1]):  # what fills up the last byte may have become a byte
                made = plain[:2] + longer + plain[end:]
                try:
                    if np.array_equal(imagecodecs.jpegxl_decode(made, keeporientation=True), values):
                        return made
                except RuntimeError:
                    continue
    raise AssertionError("no header found")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_xl_is_shown_upright(orientation: int):
    values = ramp_picture(24, 16)[:, :, 0].copy()
    data = turned_jxl(values, orientation)
    shown = orient(values, orientation)
    assert np.array_equal(imagecodecs.jpegxl_decode(data), shown)  # what libjxl makes of it
    header = read_jpegxl(data)
    assert header is not None
    assert (header.rows, header.cols, header.orientation) == (24, 16, orientation)
    assert np.array_equal(decoded(data).values, shown)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (16, 32), (257, 300), (90, 160), (100, 150), (600, 500), (9000, 2)])
@pytest.mark.parametrize("encode", [jxl, boxed_jxl])
def test_every_way_to_write_the_size_of_a_jpeg_xl(size: tuple[int, int], encode: Encode):
    header = read_jpegxl(encode(np.zeros(size, np.uint8)))
    assert header is not None
    assert (header.rows, header.cols, header.bits, header.moving) == (*size, 8, False)


def test_a_film_shows_its_first_picture_with_a_note(tmp_path: Path):
    film = jxl(np.stack([RGB, RGB[::-1]]))
    raster = decoded(film)
    assert np.array_equal(raster.values, RGB)
    assert raster.notes == ("This file is animated; only the first of its pictures is read.",)
    raster = decoded(base64.b85decode(FILM))
    assert raster.notes == ("This file is animated; only the first of its 3 pictures is read.",)
    assert raster.values.shape == (3, 5, 3)
    assert raster.values[0, 0, 0] > 200 > raster.values[0, 4, 0]
    (tmp_path / "film.avif").write_bytes(base64.b85decode(FILM))
    study = open_path(tmp_path / "film.avif")
    assert isinstance(study, Study)
    assert study.description == "AVIF, 5 x 3 pixels, the first of 3 pictures"


@pytest.mark.parametrize("encode", ENCODERS)
def test_every_cut_is_refused(encode: Encode):
    data = encode(RGB)
    for share in (0.05, 0.3, 0.6, 0.9, 0.98):
        failure = read_raster(data[: int(len(data) * share)])
        assert isinstance(failure, Failure), share
        assert failure.code in (Code.TRUNCATED, Code.CORRUPT)


@pytest.mark.parametrize("encode", [jp2, j2k])
def test_jpeg_2000_without_an_end_or_with_something_behind_it(encode: Encode):
    data = encode(RGB)
    for changed in (data[:-2], data + b"junk", data[:-2] + bytes(5)):
        assert np.array_equal(decoded(changed).values, RGB)


def test_a_jp2_with_long_boxes_before_the_picture():
    data = jp2(RGB)
    at = data.index(b"jp2c") - 4
    long = data[:at] + box(b"xml ", b"x" * 100_000) + data[at:]
    assert np.array_equal(decoded(long).values, RGB)


def test_luma_and_chroma_of_a_jp2_become_colours():
    data = bytearray(jp2(RGB))
    at = data.index(b"colr") + 7
    assert data[at : at + 4] == (16).to_bytes(4, "big")
    data[at : at + 4] = (18).to_bytes(4, "big")
    luma, blue, red = (RGB[:, :, n].astype(float) - (128 if n else 0) for n in range(3))
    expected = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=-1)
    assert np.abs(decoded(bytes(data)).values - np.clip(expected, 0, 255)).max() < 2  # OpenJPEG cuts off
    data[at : at + 4] = (12).to_bytes(4, "big")  # printing colours
    assert isinstance(read_raster(bytes(data)), Failure)


def test_sizes_beyond_reason_are_refused_before_decoding():
    stream = bytearray(j2k(GREY))
    struct.pack_into(">II", stream, 8, 30000, 30000)
    huge = avif(RGB)
    at = huge.index(b"ispe") + 8
    huge = huge[:at] + struct.pack(">II", 40000, 40000) + huge[at + 8 :]
    wide = SIGNATURE + (0 | 2 << 1 | (99_999 << 3) | 0 << 21 | 3 << 24).to_bytes(10, "little") + bytes(30)
    for data in (bytes(stream), huge, wide):
        failure = read_raster(data)
        assert isinstance(failure, Failure)
        assert failure.code in (Code.CORRUPT, Code.TOO_LARGE, Code.TRUNCATED)


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"heix", b"msf1"])
def test_a_heic_photo_is_named(tmp_path: Path, brand: bytes):
    path = tmp_path / "photo.heic"
    path.write_bytes(box(b"ftyp", brand + bytes(4) + b"mif1heic") + bytes(99))
    failure = open_path(path)
    assert isinstance(failure, Failure)
    assert (failure.code, failure.text) == (
        Code.UNSUPPORTED, "photo.heic is a HEIC photo, for which there is no free decoder.",
    )  # fmt: skip
    path.write_bytes(box(b"ftyp", b"isom" + bytes(4) + b"mp41") + bytes(99))
    assert open_path(path).code is Code.UNKNOWN_FORMAT  # type: ignore[union-attr]


SEEDS = [
    avif(RGB),
    avif(GREY),
    turned_avif(7),
    jxl(RGB),
    boxed_jxl(GREY),
    turned_jxl(ramp_picture(24, 16)[:, :, 0].copy(), 6),
    jp2(RGB),
    j2k(GREY),
]


@given(st.sampled_from(SEEDS), st.data())
@settings(max_examples=200, deadline=5000)
def test_headers_of_any_bytes(seed: bytes, data: st.DataObject):
    changed = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, min(len(changed) - 1, 400)))
        changed[at : at + data.draw(st.integers(0, 4))] = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"]))
        )
        changed = changed or bytearray(CONTAINER)
    header = read_header(bytes(changed))
    assert header is None or (header.rows > 0 and header.cols > 0 and header.format == sniff(bytes(changed)))
