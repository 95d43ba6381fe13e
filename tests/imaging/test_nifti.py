"""NIfTI: every way to store a volume shows the same picture, the patient's right on the left."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.imaging.open import open_path
from medview.imaging.study import Study
from medview.imaging.volume import Volume, read_volume
from tests.imaging.reading import opened, refused

# Values that tell the place: 100 * x + 10 * y + z in steps to the right, to the front and to the head.
X, Y, Z = 4, 5, 6
BODY = np.fromfunction(lambda x, y, z: 100 * x + 10 * y + z, (X, Y, Z)).astype(np.int16)


def save(path: Path, values: np.ndarray, affine: np.ndarray | None = None, **header: Any) -> Path:
    image = nibabel.Nifti1Image(values, np.diag([2.0, 2.0, 2.0, 1.0]) if affine is None else affine)
    for name, value in header.items():
        image.header[name] = value
    path.write_bytes(gzip.compress(image.to_bytes()) if path.suffix == ".gz" else image.to_bytes())
    return path


def test_the_patients_right_is_left_and_the_front_on_top(tmp_path: Path):
    for name in ("a.nii", "a.nii.gz", "é ж 你"):
        study = opened(save(tmp_path / name, BODY))
        assert study.description == "NIfTI, 4 x 5 pixels, 6 slices"
        frame = study.frames[2]
        values = frame.modality_values()
        assert isinstance(values, np.ndarray)
        assert values[0, 0] == 100 * 3 + 10 * 4 + 2
        assert values[4, 3] == 0 + 0 + 2
        assert frame.spacing_mm == (2, 2)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (1, -1, -1), (-1, -1, -1)])
def test_storage_does_not_matter(tmp_path: Path, order: tuple[int, int, int], flips: tuple[int, int, int]):
    """The same body, its axes stored in another order and direction; the affine says so."""
    straight = opened(save(tmp_path / "straight.nii", BODY))
    stored = BODY.transpose(order)[tuple(slice(None, None, flip) for flip in flips)]
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (world, flip) in enumerate(zip(order, flips, strict=True)):
        affine[world, axis] = 2.0 * flip
        affine[world, 3] = 2.0 * (stored.shape[axis] - 1) if flip < 0 else 0
    study = opened(save(tmp_path / "other.nii", np.ascontiguousarray(stored), affine))
    for frame, expected in zip(study.frames, straight.frames, strict=True):
        assert np.array_equal(frame.modality_values(), expected.modality_values())
        assert frame.place == expected.place


def test_places_are_the_patients(tmp_path: Path):
    affine = np.array([[2.0, 0, 0, -10], [0, 3, 0, -20], [0, 0, 4, -30], [0, 0, 0, 1]])
    study = opened(save(tmp_path / "a.nii", BODY, affine))
    for number, frame in enumerate(study.frames):
        assert frame.place is not None
        plane = frame.place.plane
        assert plane is not None
        # DICOM counts to the left and to the back, NIfTI to the right and to the front.
        x, y, z = plane.to_patient(1, 2)
        i, j, k = np.linalg.solve(affine[:3, :3], np.array([-x, -y, z]) - affine[:3, 3])
        assert frame.modality_values()[1, 2] == pytest.approx(100 * i + 10 * j + k)  # type: ignore[index]
        assert plane.offset == pytest.approx(-30 + 4 * number)


def test_slices_are_cut_as_they_were_acquired(tmp_path: Path):
    coronal = opened(save(tmp_path / "c.nii", BODY, np.diag([1.0, 5.0, 1.0, 1.0])))
    assert len(coronal.frames) == Y
    front = coronal.frames[0].modality_values()
    assert isinstance(front, np.ndarray)
    assert (front.shape, front[0, 0]) == ((Z, X), 100 * 3 + 10 * 4 + 5)
    sagittal = opened(save(tmp_path / "s.nii", BODY, np.diag([5.0, 1.0, 1.0, 1.0])))
    assert len(sagittal.frames) == X
    left = sagittal.frames[0].modality_values()
    assert isinstance(left, np.ndarray)
    assert (left.shape, left[0, 0]) == ((Z, Y), 10 * 4 + 5)


def test_scaling_times_colours_and_big_endian(tmp_path: Path):
    scaled = opened(save(tmp_path / "a.nii", BODY, scl_slope=0.5, scl_inter=-1))
    assert np.allclose(scaled.frames[0].modality_values(), scaled.frames[0].stored_values() * 0.5 - 1)  # type: ignore
    times = opened(save(tmp_path / "t.nii", np.stack([BODY, BODY + 1000], axis=3)))
    assert times.series[0].time_points == 2
    assert [int(f.modality_values()[4, 3]) for f in times.frames[:4]] == [0, 1000, 1, 1001]  # type: ignore[index]
    colour = np.zeros((2, 3, 1), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colour["R"][1, 2, 0] = 7
    values = opened(save(tmp_path / "c.nii", colour)).frames[0].modality_values()
    assert isinstance(values, np.ndarray)
    assert (values.shape, values[0, 0].tolist()) == ((3, 2, 3), [7, 0, 0])
    image = nibabel.Nifti1Image(BODY, np.diag([2.0, 2.0, 2.0, 1.0]))
    big = nibabel.Nifti1Image(BODY, image.affine, image.header.as_byteswapped(">"))
    (tmp_path / "b.nii").write_bytes(big.to_bytes())
    (tmp_path / "2.nii").write_bytes(nibabel.Nifti2Image(BODY, image.affine).to_bytes())
    for name in ("b.nii", "2.nii"):
        assert opened(tmp_path / name).frames[2].modality_values()[0, 0] == 342  # type: ignore[index]
    real = BODY.astype(np.float64)
    real[0, 0, 0] = np.nan
    values = opened(save(tmp_path / "f.nii", real)).frames[0].modality_values()
    assert isinstance(values, np.ndarray)
    assert (values.dtype, values[4, 3]) == (np.float32, 0)


def test_an_unknown_orientation_is_said(tmp_path: Path):
    path = save(tmp_path / "a.nii", BODY)
    data = bytearray(path.read_bytes())
    data[252:256] = bytes(4)
    path.write_bytes(data)
    frame = opened(path).frames[0]
    assert frame.place is None
    assert "left and right are not known" in frame.notes[0]


def test_a_nifti_series_becomes_a_volume(tmp_path: Path):
    from medview.imaging.series import read_folder

    path = save(tmp_path / "a.nii", BODY)
    series = read_folder([path]).series[0]
    assert series.step_mm == pytest.approx(2)
    cube = read_volume(series)
    assert isinstance(cube, Volume)
    assert cube.values[2, 0, 0] == 342


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_damage_is_refused(tmp_path: Path, suffix: str):
    path = save(tmp_path / f"a{suffix}", np.random.default_rng(1).integers(0, 999, (20, 20, 20), np.int16))
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    study = open_path(path)
    last = study if isinstance(study, Failure) else study.frames[-1].modality_values()
    assert isinstance(last, Failure)
    assert last.code is Code.TRUNCATED


def test_lying_headers_are_refused(tmp_path: Path):
    data = save(tmp_path / "a.nii", BODY).read_bytes()
    for at, raw in (
        (42, b"\xff\x7f\xff\x7f\xff\x7f"),
        (40, b"\x09\0"),
        (42, bytes(2)),
        (70, b"\x20\0"),
        (108, b"\xff" * 4),
    ):
        path = tmp_path / "b.nii"
        path.write_bytes(data[:at] + raw + data[at + len(raw) :])
        failure = refused(path)
        assert failure.text
        assert failure.hint
    packed = tmp_path / "bomb.nii.gz"
    packed.write_bytes(gzip.compress(data[:42] + b"\xff\x7f\xff\x7f\xff\x7f" + data[48:]))
    assert refused(packed).code in (Code.CORRUPT, Code.TOO_LARGE)
    pair = tmp_path / "pair.hdr"
    pair.write_bytes(data[:344] + b"ni1\0" + data[348:])
    assert refused(pair).code is Code.UNSUPPORTED
    noise = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(data)
        damaged[noise.integers(0, 352)] = noise.integers(0, 256)
        (tmp_path / "n.nii").write_bytes(damaged)
        study = open_path(tmp_path / "n.nii")
        if isinstance(study, Study):
            study.frames[0].modality_values()
