"""Compressed frames as other programs write them: bytes behind the end, no end, colours, fragments, false headers."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate

from medview.core.failures import Code, Failure
from medview.imaging.dicom_streams import stream_notes, whole_stream
from medview.imaging.jpegxl import jpegxl_size
from medview.imaging.open import open_path
from medview.imaging.study import Frame
from tests.imaging.make import dicom, ramp_picture

_JPEG = "1.2.840.10008.1.2.4."
BASELINE, LOSSLESS, JPEG_LS, JPEG_2000, RLE = (
    f"{_JPEG}50",
    f"{_JPEG}70",
    f"{_JPEG}80",
    f"{_JPEG}90",
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
    known = f"{_JPEG}201" if syntax[:-1] == f"{_JPEG}11" else syntax
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


# Where streams end


@EVERY
@pytest.mark.parametrize("more", [b"\xff" * 200, b"\x12\x34" * 100, b"\xff\x00" * 90, bytes(500), b"junk" + bytes(300)])
def test_bytes_behind_the_end_do_not_matter(tmp_path: Path, kind: str, more: bytes) -> None:
    syntax, values, stream = STREAMS[kind]
    frame = frame_of(tmp_path, stream + more, syntax, values)
    assert np.array_equal(values_of(frame), values)
    assert isinstance(frame, Frame)
    assert frame.notes == ()


@EVERY
@pytest.mark.parametrize("length", [60, 200, None])
def test_another_stream_behind_the_end_does_not_matter(tmp_path: Path, kind: str, length: int | None) -> None:
    syntax, values, stream = STREAMS[kind]
    frame = frame_of(tmp_path, stream + stream[:length], syntax, values)
    assert np.array_equal(values_of(frame), values)


def test_the_end_is_seen_before_many_other_bytes(tmp_path: Path) -> None:
    syntax, values, stream = STREAMS["jpeg-ls"]
    frame = frame_of(tmp_path, stream + bytes(100_000), syntax, values)
    assert isinstance(frame, Frame)
    assert frame.notes == ()


@EVERY
def test_without_the_end_marker_but_whole(tmp_path: Path, kind: str) -> None:
    syntax, values, stream = STREAMS[kind]
    assert stream.endswith(END)
    for padding in (b"", bytes(2), bytes(200)):
        frame = frame_of(tmp_path, stream[:-2] + padding, syntax, values)
        assert np.array_equal(values_of(frame), values)
        assert isinstance(frame, Frame)
        assert frame.notes == (NO_END,)


@EVERY
@pytest.mark.parametrize("cut", [3, 8, 40, 200])
@pytest.mark.parametrize("more", [b"", END, bytes(100)], ids=["cut", "end put on", "filled up"])
def test_a_part_of_the_picture_missing(tmp_path: Path, kind: str, cut: int, more: bytes) -> None:
    """With an end marker put on, Huffman-coded JPEG does not tell by its markers: that is looked for elsewhere."""
    syntax, values, stream = STREAMS[kind]
    if more != END or kind.startswith("jpeg"):
        frame = frame_of(tmp_path, stream[: -2 - cut] + more, syntax, values)
        assert refused(frame).code in (Code.TRUNCATED, Code.CORRUPT)


@example(2)
@example(1400)
@given(st.integers(1, 2000))
def test_what_is_cut_is_not_taken_for_whole(cut: int) -> None:
    stream = STREAMS["baseline"][2]
    data = stream[: max(4, len(stream) - 2 - cut)]
    try:
        found = whole_stream(data, imagecodecs.jpeg8_decode)
    except struct.error:  # cut within a marker of its head
        return
    # A byte or two may be no more than the bits that fill the last one.
    assert found is None or (cut <= 2 and (imagecodecs.jpeg8_decode(found) != STREAMS["baseline"][1]).sum() <= 64)


def test_an_end_marker_in_the_head_is_no_end(tmp_path: Path) -> None:
    syntax, values, stream = STREAMS["baseline"]
    comment = b"\xff\xfe\x00\x06" + END * 2
    assert np.array_equal(values_of(frame_of(tmp_path, stream[:2] + comment + stream[2:], syntax, values)), values)
    cut = stream[:2] + comment + stream[2:-200]
    assert refused(frame_of(tmp_path, cut, syntax, values)).code is Code.TRUNCATED


def test_whole_streams_have_nothing_to_tell(tmp_path: Path) -> None:
    for syntax, values, stream in STREAMS.values():
        frame = frame_of(tmp_path, stream, syntax, values)
        assert isinstance(frame, Frame)
        assert frame.notes == ()


@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(1, 16))
def test_any_bytes_are_told_of(head: bytes, tail: bytes, stored: int) -> None:
    for start in (b"", b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\xff\x0a"):
        assert isinstance(stream_notes(start + head, tail, stored, 16), tuple)
        jpegxl_size(start + head)


# Colours


def jfif(stream: bytes) -> bytes:
    """A stream with a JFIF marker put in."""
    return stream[:2] + b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\1\0\1\0\0" + stream[2:]


def adobe(stream: bytes, transform: int) -> bytes:
    """A stream with an Adobe marker put in."""
    return stream[:2] + b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0" + bytes([transform]) + stream[2:]


def named(stream: bytes, names: bytes) -> bytes:
    """A stream whose three components are called so."""
    found = bytearray(stream)
    frame = next(at for at in range(len(stream)) if stream[at] == 0xFF and stream[at + 1] in (0xC0, 0xC1, 0xC3))
    scan = stream.index(b"\xff\xda")
    for n, name in enumerate(names):
        old = found[frame + 10 + 3 * n]
        found[frame + 10 + 3 * n] = name
        assert found[scan + 5 + 2 * n] == old
        found[scan + 5 + 2 * n] = name
    return bytes(found)


def plain(stream: bytes) -> bytes:
    """A stream without its application segments."""
    at = 2
    while stream[at + 1] in range(0xE0, 0xF0):
        length = int.from_bytes(stream[at + 2 : at + 4], "big")
        stream = stream[:at] + stream[at + 2 + length :]
    return stream


COLOUR = ramp_picture()
MARKED = {
    "nothing": lambda s: s, "jfif": jfif, "adobe 0": lambda s: adobe(s, 0), "adobe 1": lambda s: adobe(s, 1),
    "jfif, adobe 0": lambda s: jfif(adobe(s, 0)), "names": lambda s: named(s, b"RGB"),
    "jfif, names": lambda s: jfif(named(s, b"RGB")),
}  # fmt: skip


@pytest.mark.parametrize("marks", MARKED)
@pytest.mark.parametrize("syntax", [LOSSLESS, f"{_JPEG}57"])
def test_lossless_jpeg_has_no_transform_of_colours(tmp_path: Path, syntax: str, marks: str) -> None:
    stream = plain(imagecodecs.jpeg8_encode(COLOUR, lossless=True, colorspace="RGB", outcolorspace="RGB"))
    frame = frame_of(tmp_path, MARKED[marks](stream), syntax, COLOUR)
    assert np.array_equal(values_of(frame), COLOUR)


@pytest.mark.parametrize("marks", MARKED)
def test_lossless_jpeg_of_luma_and_chroma_by_the_header(tmp_path: Path, marks: str) -> None:
    ybr = np.ascontiguousarray(cv2.cvtColor(COLOUR, cv2.COLOR_RGB2YCrCb)[:, :, [0, 2, 1]])
    stream = plain(imagecodecs.jpeg8_encode(ybr, lossless=True, colorspace="RGB", outcolorspace="RGB"))
    frame = frame_of(tmp_path, MARKED[marks](stream), LOSSLESS, COLOUR, PhotometricInterpretation="YBR_FULL")
    assert np.abs(values_of(frame).astype(int) - COLOUR).max() <= 2


@pytest.mark.parametrize(
    ("marks", "inside"),
    [
        ("nothing", "RGB"), ("names", "RGB"), ("adobe 0", "RGB"), ("jfif, names", "RGB"), ("jfif, adobe 0", "RGB"),
        ("jfif", "YBR"), ("adobe 1", "YBR"),
    ],
)  # fmt: skip
def test_lossy_jpeg_called_rgb(tmp_path: Path, marks: str, inside: str) -> None:
    """The header's word counts, unless the stream says clearly that luma and chroma are in it."""
    if inside == "RGB":
        stream = plain(imagecodecs.jpeg8_encode(COLOUR, 100, colorspace="RGB", outcolorspace="RGB"))
    else:
        stream = plain(
            imagecodecs.jpeg8_encode(COLOUR, 100, colorspace="RGB", outcolorspace="YCBCR", subsampling="444")
        )
    frame = frame_of(tmp_path, MARKED[marks](stream), BASELINE, COLOUR)
    assert np.abs(values_of(frame).astype(int) - COLOUR).max() <= 6


@pytest.mark.parametrize("subsampling", ["422", "420"])
@pytest.mark.parametrize(("marks", "inside"), [("nothing", "YBR"), ("adobe 0", "RGB"), ("names", "RGB")])
def test_lossy_jpeg_called_rgb_with_coarse_colours(tmp_path: Path, subsampling: str, marks: str, inside: str) -> None:
    """Only luma and chroma are sampled so; Adobe's marker and the names of the components are believed all the same."""
    smooth = cv2.GaussianBlur(COLOUR, (0, 0), 4)
    stored = smooth
    if inside == "YBR":
        stored = np.ascontiguousarray(cv2.cvtColor(smooth, cv2.COLOR_RGB2YCrCb)[:, :, [0, 2, 1]])
    space = {"colorspace": "YCBCR", "outcolorspace": "YCBCR"}
    stream = plain(imagecodecs.jpeg8_encode(stored, 100, subsampling=subsampling, **space))
    frame = frame_of(tmp_path, MARKED[marks](stream), BASELINE, smooth)
    assert np.abs(values_of(frame)[8:-8, 8:-8].astype(int) - smooth[8:-8, 8:-8]).mean() <= 4


@pytest.mark.parametrize(
    ("marks", "inside"), [("nothing", "YBR"), ("jfif", "YBR"), ("adobe 1", "YBR"), ("names", "RGB")]
)
def test_lossy_jpeg_called_ybr(tmp_path: Path, marks: str, inside: str) -> None:
    space = {"RGB": {"outcolorspace": "RGB"}, "YBR": {"outcolorspace": "YCBCR", "subsampling": "444"}}[inside]
    stream = plain(imagecodecs.jpeg8_encode(COLOUR, 100, colorspace="RGB", **space))
    frame = frame_of(tmp_path, MARKED[marks](stream), BASELINE, COLOUR, PhotometricInterpretation="YBR_FULL_422")
    assert np.abs(values_of(frame).astype(int) - COLOUR).max() <= 6


def test_jpeg_by_another_program(tmp_path: Path) -> None:
    """Pillow writes JFIF, and Adobe's marker for pictures kept in RGB."""
    out = io.BytesIO()
    Image.fromarray(COLOUR).save(out, "JPEG", quality=100, subsampling=0)
    frame = frame_of(tmp_path, out.getvalue(), BASELINE, COLOUR, PhotometricInterpretation="YBR_FULL_422")
    assert np.abs(values_of(frame).astype(int) - COLOUR).max() <= 6


# Headers that lie


@pytest.mark.parametrize("kind", ["lossless", "jpeg-ls", "jpeg-2000"])
@pytest.mark.parametrize("stored", [7, 8, 10])
def test_a_header_with_fewer_bits_than_the_stream(tmp_path: Path, kind: str, stored: int) -> None:
    syntax, values, stream = STREAMS[kind]
    frame = frame_of(tmp_path, stream, syntax, values, BitsStored=stored, HighBit=stored - 1)
    assert np.array_equal(values_of(frame), values)
    assert isinstance(frame, Frame)
    bits = 12 if kind == "lossless" else 16
    # Whole words coded for 10 bits are nothing to tell of.
    told = (f"The header gives {stored} bits for a value, the compressed picture {bits}.",)
    assert frame.notes == (() if bits == 16 and stored == 10 else told)


def test_signed_values_in_a_wider_stream_keep_their_sign(tmp_path: Path) -> None:
    """12 bits in two's complement, and the same with the sign carried on to 16, both in a stream of 16."""
    signed = (DEEP.astype(np.int32) - 1900).astype(np.int16)
    for patterns in (signed.view(np.uint16) & 0x0FFF, signed.view(np.uint16)):
        stream = imagecodecs.jpegls_encode(np.ascontiguousarray(patterns | 0)) if patterns.max() > 4095 else None
        wide = stream or imagecodecs.jpeg2k_encode(patterns, codecformat="j2k", reversible=True, bitspersample=16)
        syntax = JPEG_LS if stream else JPEG_2000
        assert np.array_equal(values_of(frame_of(tmp_path, wide, syntax, DEEP, PixelRepresentation=1)), signed)


# Fragments


def file_of(tmp_path: Path, items: list[bytes], frames: int, syntax: str, values: np.ndarray[Any, Any]) -> Path:
    """A file of several frames whose pixels are these items, the first the (empty) offset table."""
    written = b"".join(b"\xfe\xff\x00\xe0" + len(one).to_bytes(4, "little") + one for one in [b"", *items])
    path = tmp_path / "a.dcm"
    path.write_bytes(
        dicom(written + b"\xfe\xff\xdd\xe0" + bytes(4), syntax, **header_of(values), NumberOfFrames=frames)
    )
    return path


def rle(values: np.ndarray[Any, Any]) -> bytes:
    """A frame in RLE: literal runs only."""
    body = b""
    raw = values.tobytes()
    for at in range(0, len(raw), 128):
        part = raw[at : at + 128]
        body += bytes([len(part) - 1]) + part
    return (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + bytes(56) + body + b"\0" * (len(body) % 2)


@pytest.mark.parametrize("empty", [[], [0], [0, 3], [2]])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_rle_frames_in_fragments_without_a_table(tmp_path: Path, parts: int, empty: list[int]) -> None:
    pictures = [GREY, GREY[::-1].copy(), GREY.T.copy().reshape(GREY.shape)]
    items = []
    for picture in pictures:
        stream = rle(picture)
        size = -(-len(stream) // parts) // 2 * 2 + 2
        items.extend(stream[at : at + size] for at in range(0, len(stream), size))
    for at in empty:
        items.insert(at, b"")
    study = open_path(file_of(tmp_path, items, 3, RLE, GREY))
    assert not isinstance(study, Failure), study
    for frame, picture in zip(study.frames, pictures, strict=True):
        assert np.array_equal(values_of(frame), picture)


def test_an_empty_fragment_before_jpeg_frames(tmp_path: Path) -> None:
    _, values, stream = STREAMS["baseline"]
    half = len(stream) // 4 * 2
    items = [b"", stream[:half], stream[half:] + b"\0" * (len(stream) % 2), b"", stream + b"\0" * (len(stream) % 2)]
    study = open_path(file_of(tmp_path, items, 2, BASELINE, GREY))
    assert not isinstance(study, Failure), study
    assert all(np.array_equal(values_of(frame), values) for frame in study.frames)


# JPEG XL


@pytest.mark.parametrize("syntax", ["110", "112"])
@pytest.mark.parametrize("values", [GREY, DEEP, COLOUR], ids=["8 bits", "12 bits", "colour"])
def test_jpeg_xl_is_exact(tmp_path: Path, syntax: str, values: np.ndarray[Any, Any]) -> None:
    for container in (False, True):
        options = {"bitspersample": 12} if values.itemsize == 2 else {}
        stream = imagecodecs.jpegxl_encode(values, lossless=True, usecontainer=container, **options)
        frame = frame_of(tmp_path, stream, _JPEG + syntax, values)
        assert np.array_equal(values_of(frame), values)


def test_jpeg_xl_of_a_jpeg_and_lossy(tmp_path: Path) -> None:
    jpeg = imagecodecs.jpeg8_encode(COLOUR, 95)
    values = values_of(
        frame_of(
            tmp_path,
            imagecodecs.jpegxl_encode_jpeg(jpeg),
            f"{_JPEG}111",
            COLOUR,
            PhotometricInterpretation="YBR_FULL_422",
        )
    )
    assert np.abs(values.astype(int) - COLOUR).mean() < 3
    lossy = imagecodecs.jpegxl_encode(COLOUR, level=95)
    values = values_of(frame_of(tmp_path, lossy, f"{_JPEG}112", COLOUR, PhotometricInterpretation="XYB"))
    assert np.abs(values.astype(int) - COLOUR).mean() < 3


@pytest.mark.parametrize("cut", [3, 10, 100, 400])
def test_jpeg_xl_that_is_cut_is_refused(tmp_path: Path, cut: int) -> None:
    stream = imagecodecs.jpegxl_encode(GREY, lossless=True)
    assert refused(frame_of(tmp_path, stream[:-cut], f"{_JPEG}110", GREY)).code is Code.CORRUPT


def test_jpeg_xl_of_another_size_is_refused(tmp_path: Path) -> None:
    other = imagecodecs.jpegxl_encode(np.zeros((400, 400), np.uint8), lossless=True)
    failure = refused(frame_of(tmp_path, other, f"{_JPEG}110", GREY))
    assert "another size" in failure.text


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (8, 8), (40, 48), (256, 256), (100, 133), (600, 400), (513, 1026), (9, 16), (64, 80), (5, 70_000)],
)
def test_the_size_of_a_jpeg_xl_is_known_before(shape: tuple[int, int]) -> None:
    assert jpegxl_size(imagecodecs.jpegxl_encode(np.zeros(shape, np.uint8), lossless=True)) == shape


@pytest.mark.parametrize(
    ("syntax", "words"),
    [
        (f"{_JPEG}53", "retired kind of JPEG"),
        (f"{_JPEG}102", "a video"),
        (f"{_JPEG}94", "from a server"),
        ("1.2.3", "does not know (1.2.3)"),
    ],
)
def test_what_cannot_be_decoded_is_named(tmp_path: Path, syntax: str, words: str) -> None:
    failure = refused(frame_of(tmp_path, STREAMS["baseline"][2], syntax, GREY))
    assert failure.code is Code.UNSUPPORTED
    assert words in failure.text
