"""Colours of JPEG streams, whatever markers they carry and whatever the header calls them."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from tests.imaging.streams import BASELINE, COLOUR, JPEG, LOSSLESS, frame_of, values_of


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


MARKED = {
    "nothing": lambda s: s, "jfif": jfif, "adobe 0": lambda s: adobe(s, 0), "adobe 1": lambda s: adobe(s, 1),
    "jfif, adobe 0": lambda s: jfif(adobe(s, 0)), "names": lambda s: named(s, b"RGB"),
    "jfif, names": lambda s: jfif(named(s, b"RGB")),
}  # fmt: skip


@pytest.mark.parametrize("marks", MARKED)
@pytest.mark.parametrize("syntax", [LOSSLESS, f"{JPEG}57"])
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
