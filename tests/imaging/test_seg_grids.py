"""Segmentations on grids other than that of the pictures: coarser, finer, turned, thick, oblique."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from medview.core.failures import Code, Failure
from medview.imaging.dicom_seg import Segment, Segmentation, read_segmentation
from medview.imaging.dicom_seg_place import Laid, lay_on_series
from medview.imaging.geometry import make_plane
from medview.imaging.series import read_folder
from tests.imaging.laying import SIZE, at, laid, masks, same
from tests.imaging.segs import Mark, blob, seg, slices


def test_a_coarser_grid_is_resampled(tmp_path: Path):
    """Pixels of 2 mm whose corners are those of the picture: each is 2 x 2 pixels of 1 mm."""
    frames = slices(tmp_path)
    small = blob(3, (6, 5))
    data = seg([Mark(small, 1, (0.5, 0.5, 4.0))], spacing=(2, 2))
    found = laid(tmp_path, data, frames)
    assert found.frames == (frames[2],)
    same(masks(found, frames[2]), s1=np.kron(small, np.ones((2, 2), np.uint8)))


def test_a_finer_grid_is_resampled(tmp_path: Path):
    """Pixels of 1/3 mm: the middle one of 3 x 3 counts."""
    frames = slices(tmp_path, 1)
    fine = blob(4, (36, 30))
    data = seg([Mark(fine, 1, (-1 / 3, -1 / 3, 0.0))], spacing=(1 / 3, 1 / 3))
    same(masks(laid(tmp_path, data, frames), frames[0]), s1=fine[1::3, 1::3])


def test_a_part_of_the_picture_and_a_point_between_two_pixels(tmp_path: Path):
    frames = slices(tmp_path, 1)
    small = blob(5, (4, 3))
    wanted = np.zeros(SIZE, np.uint8)
    wanted[3:7, 5:8] = small
    same(masks(laid(tmp_path, seg([Mark(small, 1, (5.0, 3.0, 0.0))]), frames), frames[0]), s1=wanted)
    # Half a pixel further: the pixel exactly between two takes the later one.
    halfway = masks(laid(tmp_path, seg([Mark(small, 1, (5.5, 3.5, 0.0))]), frames), frames[0])
    same(halfway, s1=wanted)


def test_a_grid_turned_within_its_plane(tmp_path: Path):
    """Rows of the segmentation run along the columns of the picture, backwards."""
    frames = slices(tmp_path, 1)
    turned = blob(6, (10, 12))
    data = seg([Mark(turned, 1, (0.0, 11.0, 0.0))], orientation=(0, -1, 0, 1, 0, 0))
    same(masks(laid(tmp_path, data, frames), frames[0]), s1=turned.T[::-1])


def test_thin_slices_on_thick_ones_and_the_other_way_round(tmp_path: Path):
    """Of slices 1 mm thick, those that hold a picture; of slices 4 mm thick, all pictures within 2 mm."""
    frames = slices(tmp_path, 5, step=2.0)
    thin = laid(tmp_path, seg([Mark(blob(z), 1, at(z + 0.4)) for z in range(9)], depth=1), frames)
    for n, frame in enumerate(frames):
        same(masks(thin, frame), s1=blob(2 * n))
    assert thin.left_out == 4
    thick = laid(tmp_path, seg([Mark(blob(7), 1, at(1.0)), Mark(blob(8), 1, at(5.0))], depth=4), frames)
    for n, frame in enumerate(frames[:4]):
        same(masks(thick, frame), s1=blob(7 if n < 2 else 8))
    assert masks(thick, frames[4]) == {}
    assert thick.frames == frames[:4]


def test_frames_left_out_as_empty_are_not_filled_from_their_neighbours(tmp_path: Path):
    """Another grid, only slices 0 and 3 marked, 10 mm thick by the file: the ones between stay empty."""
    frames = slices(tmp_path, 5, step=2.0)
    marks = [Mark(blob(n, (6, 5)), 1, (0.5, 0.5, 2.0 * n)) for n in (0, 3)]
    found = laid(tmp_path, seg(marks, spacing=(2, 2), depth=10), frames)
    assert [bool(masks(found, frame)) for frame in frames] == [True, False, False, True, False]


def test_cut_across_by_pictures_of_another_orientation(tmp_path: Path):
    """Axial masks, 1 mm apart, seen on coronal pictures: rows run from head to foot."""
    size = (6, 10)
    coronal = slices(
        tmp_path, 4, size, step=0.0, orientation=(1, 0, 0, 0, 0, -1), ImagePositionPatient=[0.0, 3.0, 5.0]
    )[:1]
    volume = np.stack([blob(z) for z in range(6)])
    found = laid(tmp_path, seg([Mark(volume[z], 1, at(z)) for z in (3, 0, 5, 1, 2, 4)], depth=1), coronal)
    same(masks(found, coronal[0]), s1=volume[::-1, 3, :])


def test_oblique_pictures_agree_with_a_search_pixel_by_pixel(tmp_path: Path):
    c, s = np.cos(0.5), np.sin(0.5)
    orientation = (c, 0.0, s, 0.0, 1.0, 0.0)
    (frame,) = slices(tmp_path, 1, (14, 16), orientation=orientation, origin=(0.3, 0.2, 0.1), spacing=(0.9, 0.7))
    volume = np.stack([blob(z) for z in range(7)])
    found = laid(tmp_path, seg([Mark(volume[z], 1, at(z)) for z in range(7)], depth=1), (frame,))
    wanted = np.zeros((14, 16), np.uint8)
    plane = make_plane((0.3, 0.2, 0.1), orientation, (0.9, 0.7))
    assert plane
    for row, col in np.ndindex(14, 16):
        x, y, z = (int(np.floor(v + 0.5)) for v in plane.to_patient(row, col))
        if 0 <= x < 10 and 0 <= y < 12 and 0 <= z < 7:
            wanted[row, col] = volume[z, y, x]
    assert wanted.any()
    same(masks(found, frame), s1=wanted)


@pytest.mark.data
def test_a_liver_on_its_ct_as_dcmqi_writes_it(data_dir: Path):
    """Frames of 510 x 510, which begin at no byte, on slices of 512 x 512 that they name."""
    path = data_dir / "dicom/bits-1-seg/liver_nonbyte_aligned.dcm"
    segmentation = read_segmentation(path)
    assert isinstance(segmentation, Segmentation)
    assert segmentation.segments == (Segment(1, "Liver", (221, 130, 101), "SEMIAUTOMATIC", "SlicerEditor"),)
    found = lay_on_series(segmentation, read_folder(sorted((data_dir / "dicom/series-ct-B").iterdir())).series)
    assert isinstance(found, Laid)
    assert found.own
    assert not found.left_out
    raw = dcmread(path).pixel_array
    assert len(found.frames) == len(raw) == 3
    for frame, mask in zip(found.frames, raw, strict=True):
        same(masks(found, frame), s1=np.pad(mask, ((0, 2), (0, 2))))


@pytest.mark.data
def test_a_label_map_of_a_slide_is_refused(data_dir: Path):
    failure = read_segmentation(data_dir / "dicom/seg/seg_image_sm_control_labelmap.dcm")
    assert isinstance(failure, Failure)
    assert failure.code is Code.UNSUPPORTED
