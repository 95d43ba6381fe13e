"""Volumes: a linear function of the place comes back exactly from every plane that cuts it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.core.failures import Code, Failure
from medview.imaging.geometry import Plane, make_plane
from medview.imaging.series import read_folder
from medview.imaging.volume import Volume, read_volume
from medview.imaging.walk import find_files
from tests.imaging.make import dicom

SLOPES = (2.0, -3.0, 5.0)


def linear(points: np.ndarray) -> np.ndarray:
    return points @ np.array(SLOPES) + 7


def volume(affine: np.ndarray, shape: tuple[int, int, int] = (6, 7, 8)) -> Volume:
    index = np.moveaxis(np.indices(shape), 0, -1)
    points = index @ affine[:3, :3].T + affine[:3, 3]
    return Volume(linear(points).astype(np.float32), affine)


AFFINE = Plane((-10.0, 4.0, 30.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.5, 0.25)).affine((0.0, 0.75, 2.0))


def points_of(plane: Plane, size: tuple[int, int]) -> np.ndarray:
    return np.array([[plane.to_patient(r, c) for c in range(size[1])] for r in range(size[0])])


def test_samples_between_voxels_are_linear():
    cube = volume(AFFINE)
    index = np.random.default_rng(1).uniform(0, 1, (200, 3)) * (5, 6, 7)
    points = index @ AFFINE[:3, :3].T + AFFINE[:3, 3]
    assert np.allclose(cube.sample(points), linear(points), atol=1e-3)
    corner = np.array([7.0, 6.0, 5.0])[::-1] @ AFFINE[:3, :3].T + AFFINE[:3, 3]
    assert cube.sample(corner[None])[0] == cube.values[5, 6, 7]
    assert cube.sample(corner[None] + 1, outside=-1)[0] == -1


def test_an_oblique_plane():
    a, b = math.radians(15), math.radians(25)
    plane = make_plane(
        (-9.5, 6.5, 35.0),
        (math.cos(a), math.sin(a), 0, -math.sin(a) * math.cos(b), math.cos(a) * math.cos(b), math.sin(b)),
        (0.1, 0.1),
    )
    assert plane is not None
    picture = volume(AFFINE).resample(plane, (5, 6), outside=-1000)
    assert np.allclose(picture, linear(points_of(plane, (5, 6))), atol=1e-3)


@pytest.mark.parametrize(("name", "at"), [("axial", 33.0), ("coronal", 6.0), ("sagittal", -9.1)])
def test_cuts_are_the_patients_planes(name: Any, at: float):
    straight = AFFINE.copy()
    straight[1, 0] = 0
    cube = volume(straight)
    plane, size = cube.slice_at(name, at)
    assert plane.spacing == (0.25, 0.25)
    extent = {"axial": (3.0, 1.75), "coronal": (10.0, 1.75), "sagittal": (10.0, 3.0)}[name]
    assert size == tuple(round(side / 0.25) + 1 for side in extent)
    picture = cube.resample(plane, size, outside=-1000)
    assert np.allclose(picture, linear(points_of(plane, size)), atol=1e-3)
    if name != "axial":
        assert plane.down == (0, 0, -1)
        assert plane.position[2] == 40


def write(folder: Path, positions: list[tuple[float, float, float]], **elements: Any) -> None:
    for number, position in enumerate(positions):
        pixels = np.full((3, 4), number, np.int16) + np.arange(4, dtype=np.int16)
        data = dicom(
            pixels, SeriesInstanceUID="1.2", SOPInstanceUID=f"1.2.{number}", PixelSpacing=[2, 1],
            ImagePositionPatient=list(position), ImageOrientationPatient=[1, 0, 0, 0, 1, 0], InstanceNumber=number,
            **elements,
        )  # fmt: skip
        (folder / f"{9 - number}").write_bytes(data)


def read(folder: Path, time: int = 0) -> Volume | Failure:
    return read_volume(read_folder(find_files(folder)).series[0], time)


def test_a_series_becomes_a_volume_with_its_shear(tmp_path: Path):
    write(tmp_path, [(1, 2 + n, 3 * n) for n in range(4)], RescaleSlope="2")
    cube = read(tmp_path)
    assert isinstance(cube, Volume)
    assert cube.values.dtype == np.int16
    assert np.array_equal(cube.values[:, 0, 0], [0, 2, 4, 6])
    assert np.array_equal(cube.affine, [[0, 0, 1, 1], [1, 2, 0, 2], [3, 0, 0, 0], [0, 0, 0, 1]])
    assert cube.spacing_mm == pytest.approx((math.sqrt(10), 2, 1))


def test_a_time_point_of_a_dynamic_series(tmp_path: Path):
    write(tmp_path, [(0, 0, z) for z in (0, 2) for _ in range(3)])
    cube = read(tmp_path, 1)
    assert isinstance(cube, Volume)
    assert np.array_equal(cube.values[:, 0, 0], [1, 4])
    assert isinstance(read(tmp_path, 3), Failure)


@pytest.mark.parametrize(
    ("positions", "words"),
    [([(0, 0, 0)], "one slice"), ([(0, 0, 0), (0, 0, 1), (0, 0, 5)], "not the same everywhere")],
)
def test_what_is_no_volume_is_refused(tmp_path: Path, positions: list[tuple[float, float, float]], words: str):
    write(tmp_path, positions)
    refused = read(tmp_path)
    assert isinstance(refused, Failure)
    assert refused.code is Code.UNSUPPORTED
    assert words in refused.text


def test_positions_with_unequal_numbers_of_pictures_are_no_volume(tmp_path: Path):
    write(tmp_path, [(0, 0, z) for z, times in ((0, 4), (1, 3), (2, 2), (3, 3)) for _ in range(times)])
    refused = read(tmp_path)
    assert isinstance(refused, Failure)
    assert "same number" in refused.text


@pytest.mark.parametrize("grey", [0, 1])
def test_a_series_in_colour_is_no_volume(tmp_path: Path, grey: int):
    """Also where its first slice is grey."""
    for number in range(3):
        values = np.zeros((4, 5) if number < grey else (4, 5, 3), np.uint8)
        where = {"ImagePositionPatient": [0, 0, number], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
        colour = {} if number < grey else {"PhotometricInterpretation": "RGB"}
        elements = {"SeriesInstanceUID": "1.5", "SOPInstanceUID": f"1.5.{number}", "PixelSpacing": ["1", "1"]}
        (tmp_path / f"{number}.dcm").write_bytes(dicom(values, **where, **colour, **elements))
    (series,) = read_folder(find_files(tmp_path)).series
    failure = read_volume(series)
    assert isinstance(failure, Failure)
    assert failure.code is Code.UNSUPPORTED
    assert failure.text == "This series cannot be shown in other planes. Its pictures are in colour."


@pytest.mark.data
@pytest.mark.parametrize("time", [0, 1, 2])
def test_a_time_point_of_the_corpus(data_dir: Path, time: int):
    folder = data_dir / "dicom" / "series-mr-4d-C"
    series = read_folder(find_files(folder)).series[0]
    cube = read_volume(series, time)
    assert isinstance(cube, Volume)
    assert cube.values.shape == (15, 64, 64)
    assert cube.spacing_mm == pytest.approx((5, 3.75, 3.75), abs=1e-3)
    for number in (0, 14):
        assert np.array_equal(cube.values[number], series.frames[3 * number + time].modality_values())


@pytest.mark.data
def test_a_corpus_series_resampled_at_its_own_slices_is_itself(data_dir: Path):
    series = read_folder(find_files(data_dir / "dicom" / "series-mr-A")).series[0]
    cube = read_volume(series)
    assert isinstance(cube, Volume)
    for number in (0, 7, 15):
        place = series.frames[number].place
        assert place is not None
        assert place.plane is not None
        picture = cube.resample(place.plane, cube.values.shape[1:])
        assert np.abs(picture - cube.values[number]).max() < 2


@given(st.integers(0, 2**32 - 1))
def test_cuts_along_the_axes_are_what_every_cut_is(seed: int) -> None:
    """The fast way against the general one: any order and direction of axes, planes inside, across and outside."""
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(1, 6, 3))
    values = random.integers(-1000, 1000, shape).astype(np.int16)
    affine = np.zeros((4, 4))
    axes = random.permutation(3)
    affine[axes, range(3)] = random.choice([-1, 1], 3) * random.uniform(0.5, 3, 3)
    affine[:, 3] = [*random.uniform(-5, 5, 3), 1]
    made = Volume(values, affine)
    low, high = made.bounds()
    unit = np.eye(3)[random.permutation(3)[:2]] * random.choice([-1, 1], 2)[:, None]
    position = random.uniform(low - 1, high + 1) if random.random() < 0.7 else low
    plane = Plane(tuple(position), tuple(unit[0]), tuple(unit[1]), tuple(random.uniform(0.3, 2, 2)))
    size = tuple(int(n) for n in random.integers(1, 9, 2))
    rows, cols = np.mgrid[0 : size[0], 0 : size[1]]
    points = [plane.to_patient(r, c) for r, c in zip(rows.ravel(), cols.ravel(), strict=True)]
    expected = made.sample(np.array(points), -2000.0).reshape(size)
    np.testing.assert_allclose(made.resample(plane, size, -2000.0), expected, atol=1e-2)
