"""Segmentations: the masks exactly, whatever the order and the grid; and a Failure for everything that contradicts."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from medview.core.failures import Code, Failure
from medview.imaging.dicom_seg import Segment, Segmentation
from medview.imaging.dicom_seg_place import Laid, lay, lay_on_series
from medview.imaging.open import open_path
from medview.imaging.series import read_folder
from medview.imaging.study import Frame
from tests.imaging.laying import SIZE, at, laid, masks, refused, same
from tests.imaging.make import dicom
from tests.imaging.segs import Mark, blob, nested, read, seg, segment, slices

# What the file says of itself


def test_what_a_segment_is(tmp_path: Path):
    method = nested(AlgorithmName="U-Net", AlgorithmVersion="2")
    things = [
        segment(2, "Leber é 你", RecommendedDisplayCIELabValue=[41661, 41167, 40792]),
        segment(7, "by hand", SegmentAlgorithmType="MANUAL", SegmentAlgorithmName=None),
        segment(3, "", SegmentAlgorithmName=None, SegmentationAlgorithmIdentificationSequence=method),
    ]
    data = seg([Mark(blob(1), 2, at(0))], segments=things, SpecificCharacterSet="ISO_IR 192")
    found = read(tmp_path, data)
    assert isinstance(found, Segmentation)
    assert found.title == "Drawn by a net"
    assert found.segments == (
        Segment(2, "Leber é 你", (221, 130, 101), "AUTOMATIC", "net 1.0"),
        Segment(7, "by hand", None, "MANUAL", ""),
        Segment(3, "thing 3", None, "AUTOMATIC", "U-Net"),
    )


def test_inspecting_a_segmentation_refuses_it_and_says_what_to_open(tmp_path: Path):
    path = tmp_path / "marks.dcm"
    path.write_bytes(seg([Mark(blob(1), 1, at(0))]))
    failure = open_path(path)
    assert isinstance(failure, Failure)
    assert failure.code is Code.SEGMENTATION
    assert "segmentation" in failure.text
    assert "pictures it was made on" in failure.hint


# Masks


@pytest.mark.parametrize("size", [(12, 10), (7, 9), (3, 3), (16, 16), (1, 5)])
def test_bits_that_do_not_begin_at_a_byte(tmp_path: Path, size: tuple[int, int]):
    frames = slices(tmp_path, 5, size)
    found = laid(tmp_path, seg([Mark(blob(n, size), 1, at(2 * n)) for n in range(5)]), frames)
    for n, frame in enumerate(frames):
        same(masks(found, frame), s1=blob(n, size))


def test_frames_in_any_order_and_several_segments(tmp_path: Path):
    frames = slices(tmp_path)
    marks = [Mark(blob(10 * s + n), s, at(2 * n)) for s in (1, 4) for n in range(5) if (s, n) != (4, 2)]
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(marks))
        found = laid(tmp_path, seg([marks[k] for k in order]), frames)
        assert not found.left_out
        for n, frame in enumerate(frames):
            others = {} if n == 2 else {"s4": blob(40 + n)}
            same(masks(found, frame), s1=blob(10 + n), **others)


def test_empty_frames_mark_nothing(tmp_path: Path):
    frames = slices(tmp_path)
    found = laid(tmp_path, seg([Mark(blob(n) * (n == 3), 1, at(2 * n)) for n in range(5)]), frames)
    assert [len(masks(found, frame)) for frame in frames] == [0, 0, 0, 1, 0]
    assert found.first_marked(frames[0]) is frames[3]


def test_nothing_is_marked_at_all(tmp_path: Path):
    frames = slices(tmp_path)
    assert laid(tmp_path, seg([Mark(blob(1) * 0, 1, at(2))]), frames).first_marked(frames[0]) is None


def test_the_shown_slice_stays_where_it_is_marked(tmp_path: Path):
    frames = slices(tmp_path)
    found = laid(tmp_path, seg([Mark(blob(n), 1, at(2 * n)) for n in range(5)]), frames)
    assert found.first_marked(frames[4]) is frames[4]
    assert found.first_marked() is frames[2]


@pytest.mark.parametrize(("full", "kind"), [(255, "PROBABILITY"), (100, "OCCUPANCY"), (1, "PROBABILITY")])
def test_fractions_count_from_one_half(tmp_path: Path, full: int, kind: str):
    frames = slices(tmp_path, 1)
    values = (np.arange(120) * 37 % (full + 1)).astype(np.uint8).reshape(SIZE)
    data = seg([Mark(values, 1, at(0))], "FRACTIONAL", MaximumFractionalValue=full, SegmentationFractionalType=kind)
    same(masks(laid(tmp_path, data, frames), frames[0]), s1=(values / full >= 0.5).astype(np.uint8))


def test_a_fraction_above_one_is_damage(tmp_path: Path):
    frames = slices(tmp_path, 1)
    values = np.full(SIZE, 101, np.uint8)
    found = laid(tmp_path, seg([Mark(values, 1, at(0))], "FRACTIONAL", MaximumFractionalValue=100), frames)
    failure = found.masks(frames[0])
    assert isinstance(failure, Failure)
    assert failure.code is Code.CORRUPT


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_label_maps(tmp_path: Path, kind: Any):
    frames = slices(tmp_path, 2)
    high = 300 if kind is np.uint16 else 200
    values = np.array([0, 1, 2, high, 9], kind)[np.arange(120).reshape(SIZE) % 5]
    data = seg(
        [Mark(values, position=at(0)), Mark(values[::-1], position=at(2))], "LABELMAP",
        segments=[segment(0, "background"), segment(1), segment(2), segment(high), segment(5)],
    )  # fmt: skip
    found = laid(tmp_path, data, frames)
    assert [one.number for one in found.segmentation.segments] == [1, 2, high, 5]
    wanted = {f"s{n}": (values == n).astype(np.uint8) for n in (1, 2, high)}
    same(masks(found, frames[0]), **wanted)
    same(masks(found, frames[1]), **{name: mask[::-1] for name, mask in wanted.items()})


def as_compressed(data: bytes, syntax: str, frames: list[bytes], **elements: Any) -> bytes:
    """A segmentation file with its frames replaced by encoded ones."""
    ds = dcmread(io.BytesIO(data))
    kept = {element.keyword: element.value for element in ds if element.keyword not in ("", "PixelData")}
    return dicom(encapsulate(frames), syntax, **{**kept, **elements})


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        ("90", lambda mask: imagecodecs.jpeg2k_encode(mask, codecformat="j2k", reversible=True)),
        ("80", imagecodecs.jpegls_encode),
    ],
)
def test_masks_compressed_without_loss(tmp_path: Path, syntax: str, encode: Callable[[np.ndarray], bytes]):
    frames = slices(tmp_path, 3)
    data = seg([Mark(blob(n), 1, at(2 * n)) for n in range(3)])
    packed = as_compressed(data, f"1.2.840.10008.1.2.4.{syntax}", [encode(blob(n)) for n in range(3)])
    found = laid(tmp_path, packed, frames)
    for n, frame in enumerate(frames):
        same(masks(found, frame), s1=blob(n))


def test_masks_compressed_with_loss_are_refused(tmp_path: Path):
    data = seg([Mark(blob(1), 1, at(0))])
    jpeg = as_compressed(data, "1.2.840.10008.1.2.4.50", [imagecodecs.jpeg8_encode(blob(1))])
    told = seg([Mark(blob(1), 1, at(0))], LossyImageCompression="01")
    for lossy in (jpeg, told):
        failure = refused(tmp_path, lossy)
        assert failure.code is Code.UNSUPPORTED
        assert "with loss" in failure.text


# Which picture it belongs to


def test_by_name_where_there_is_no_plane(tmp_path: Path):
    """As for X-rays: neither says where it lies, the picture is named."""
    frames = slices(tmp_path, 3, ImagePositionPatient=None, FrameOfReferenceUID=None)
    data = seg([Mark(blob(1), 1, None, (("1.5.1", None),))], FrameOfReferenceUID=None)
    found = laid(tmp_path, data, frames)
    assert found.own
    assert [frame.place.uid for frame in found.frames if frame.place] == ["1.5.1"]
    by_uid = {frame.place.uid: masks(found, frame) for frame in frames if frame.place}
    same(by_uid["1.5.1"], s1=blob(1))
    assert by_uid["1.5.0"] == by_uid["1.5.2"] == {}


def test_by_frame_number_of_a_file_of_many(tmp_path: Path):
    path = tmp_path / "cine.dcm"
    path.write_bytes(dicom(np.zeros((4, *SIZE), np.uint8), SeriesInstanceUID="1.5", SOPInstanceUID="1.5.9"))
    (series,) = read_folder([path]).series
    data = seg([Mark(blob(n), 1, None, (("1.5.9", n),)) for n in (4, 2)], FrameOfReferenceUID=None)
    found = laid(tmp_path, data, series.frames)
    assert [frame.index for frame in found.frames] == [1, 3]
    same(masks(found, series.frames[1]), s1=blob(2))
    same(masks(found, series.frames[3]), s1=blob(4))


def test_a_name_alone_does_not_fit_another_size(tmp_path: Path):
    frames = slices(tmp_path, 1, ImagePositionPatient=None)
    segmentation = read(tmp_path, seg([Mark(blob(1, (12, 11)), 1, None, (("1.5.0", None),))]))
    assert isinstance(segmentation, Segmentation)
    failure = lay(segmentation, frames)
    assert isinstance(failure, Failure)
    assert failure.code is Code.OTHER_PICTURES
    assert "another size" in failure.text


def test_of_several_times_at_one_place_the_named_one(tmp_path: Path):
    first = slices(tmp_path, 3, series="1.5", name="a", SeriesInstanceUID="1.8")
    second = slices(tmp_path, 3, series="1.6", name="b", SeriesInstanceUID="1.8")
    data = seg([Mark(blob(n), 1, at(2 * n), ((f"1.6.{n}", None),)) for n in range(3)])
    found = laid(tmp_path, data, first + second)
    assert [masks(found, frame) for frame in first] == [{}] * 3
    for n, frame in enumerate(second):
        same(masks(found, frame), s1=blob(n))


def test_two_masks_for_one_place_are_refused(tmp_path: Path):
    frames = slices(tmp_path)
    for size in (SIZE, (6, 5)):
        segmentation = read(tmp_path, seg([Mark(blob(n, size), 1, at(4)) for n in (1, 2)]))
        assert isinstance(segmentation, Segmentation)
        failure = lay(segmentation, frames)
        assert isinstance(failure, Failure)
        assert "more than once" in failure.text


@pytest.mark.parametrize("shift", [0.0, 0.04, -0.04])
def test_positions_need_not_agree_to_the_last_digit(tmp_path: Path, shift: float):
    frames = slices(tmp_path)
    found = laid(tmp_path, seg([Mark(blob(1), 1, (shift, -shift, 4 + shift))]), frames)
    assert found.frames == (frames[2],)
    same(masks(found, frames[2]), s1=blob(1))


def test_another_frame_of_reference_is_refused(tmp_path: Path):
    frames = slices(tmp_path)
    for reference in ("1.2.98", None):
        segmentation = read(tmp_path, seg([Mark(blob(1), 1, at(4))], FrameOfReferenceUID=reference))
        assert isinstance(segmentation, Segmentation)
        failure = lay(segmentation, frames)
        assert isinstance(failure, Failure)
        assert failure.code is Code.OTHER_PICTURES
        assert "other pictures" in failure.text


def test_a_named_picture_at_the_same_place_needs_no_frame_of_reference(tmp_path: Path):
    frames = slices(tmp_path)
    data = seg([Mark(blob(1), 1, at(4), (("1.5.2", None),))], FrameOfReferenceUID="1.2.98")
    same(masks(laid(tmp_path, data, frames), frames[2]), s1=blob(1))


def test_another_part_of_the_patient_is_refused(tmp_path: Path):
    frames = slices(tmp_path)
    segmentation = read(tmp_path, seg([Mark(blob(1), 1, at(500), (("1.5.2", None),))]))
    assert isinstance(segmentation, Segmentation)
    failure = lay(segmentation, frames)
    assert isinstance(failure, Failure)
    assert "another part" in failure.text


def test_pictures_that_are_no_dicom(tmp_path: Path):
    segmentation = read(tmp_path, seg([Mark(blob(1), 1, at(0))]))
    assert isinstance(segmentation, Segmentation)
    frame = Frame(tmp_path / "a.png", 0, *SIZE, "", lambda: np.zeros(SIZE))
    assert isinstance(lay(segmentation, [frame]), Failure)


def test_frames_outside_of_the_series_are_counted(tmp_path: Path):
    frames = slices(tmp_path, 3)
    found = laid(tmp_path, seg([Mark(blob(n), 1, at(2 * n)) for n in range(5)]), frames)
    assert found.left_out == 2
    assert not found.own


def test_of_several_series_the_one_it_was_made_from(tmp_path: Path):
    slices(tmp_path, 3, series="1.5", name="a")
    slices(tmp_path, 3, series="1.6", name="b")
    series = read_folder(sorted(tmp_path.glob("?[0-9].dcm"))).series
    marks = [Mark(blob(n), 1, at(2 * n)) for n in range(3)]
    source = nested(SeriesInstanceUID="1.6")
    segmentation = read(tmp_path, seg(marks, ReferencedSeriesSequence=Sequence([source])))
    assert isinstance(segmentation, Segmentation)
    found = lay_on_series(segmentation, series)
    assert isinstance(found, Laid)
    assert found.own
    assert {frame.place.origin.series_uid for frame in found.frames if frame.place} == {"1.6"}
    nameless = read(tmp_path, seg(marks))
    assert isinstance(nameless, Segmentation)
    everywhere = lay_on_series(nameless, series)
    assert isinstance(everywhere, Laid)
    assert not everywhere.own
    assert len(everywhere.frames) == 6
