"""Headers of NIfTI and Analyze that say little, nothing or nonsense: what nifti1.h and nifti1_io.c make of them."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medview.core.failures import Code, Failure
from medview.imaging import voxels
from medview.imaging.facts import inspect_path
from medview.imaging.nifti import INSIDE, NEXT_BEST
from medview.imaging.open import open_path
from medview.imaging.voxels import SIDES_UNKNOWN
from medview.imaging.window import Window
from tests.imaging.niftis import BODY, NAME, SIDES, analyze, body_of, header, position, write
from tests.imaging.reading import opened, refused

NAN_ROWS = {f"srow_{axis}": [np.nan] * 4 for axis in "xyz"}
ZERO_ROW = {"srow_x": [2, 0, 0, 0], "srow_y": [0, 3, 0, 0], "srow_z": [0, 0, 0, 0]}
FLAT = {"srow_x": [2, 2, 0, 0], "srow_y": [2, 2, 0, 0], "srow_z": [0, 0, 6, 0]}
FAR = {"srow_x": [2, 0, 0, 1e30], "srow_y": [0, 3, 0, 0], "srow_z": [0, 0, 6, 0]}


@pytest.mark.parametrize("rows", [{}, NAN_ROWS, ZERO_ROW, FLAT, FAR], ids=["zero", "nan", "row", "flat", "far"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_an_unusable_sform_gives_way_to_the_qform(tmp_path: Path, rows: dict[str, list[float]], suffix: str):
    study = opened(write(tmp_path / f"{NAME}{suffix}", header(sform_code=2, **rows)))
    frame = study.frames[0]
    assert frame.notes == (NEXT_BEST,)
    assert frame.spacing_mm == (3, 2)
    # The first pixel shown is the rightmost, frontmost voxel: -(-5 + 19 * 2), -(-7 + 15 * 3), -9 in DICOM's axes.
    assert position(study) == (-33, -38, -9)
    assert position(study, 5) == (-33, -38, 21)
    assert np.array_equal(body_of(study), BODY)


@pytest.mark.parametrize(
    ("fields", "spacing"),
    [
        ({"qform_code": 0}, (3, 2)),
        ({"qform_code": 0, "sform_code": 2}, (3, 2)),
        ({"qform_code": 0, "pixdim": [0] * 8}, (1, 1)),
        ({"qform_code": 0, "pixdim": [1, 2, 0, 6, 0, 0, 0, 0]}, (1, 2)),
        ({"qform_code": 0, "pixdim": [1, np.nan, np.inf, 6, 0, 0, 0, 0]}, (1, 1)),
        ({"qform_code": 1, "quatern_b": np.nan}, (3, 2)),
        ({"qform_code": 1, "qoffset_x": np.inf}, (3, 2)),
        ({"qform_code": 0, "xyzt_units": 3}, (0.003, 0.002)),
    ],
)
def test_without_a_usable_place_the_sizes_are_left(
    tmp_path: Path, fields: dict[str, object], spacing: tuple[float, float]
):
    study = opened(write(tmp_path / "a.nii", header(**fields)))
    frame = study.frames[0]
    assert frame.place is None
    assert frame.notes == (SIDES_UNKNOWN,)
    assert frame.spacing_mm == pytest.approx(spacing)
    assert np.array_equal(body_of(study), BODY)


@pytest.mark.parametrize(("qfac", "last"), [(1, 21), (0, 21), (7, 21), (-1, -39), (-0.5, -39)])
def test_qfac_counts_by_its_sign_and_none_as_1(tmp_path: Path, qfac: float, last: int):
    study = opened(write(tmp_path / "a.nii", header(pixdim=[qfac, *SIDES, 0, 0, 0, 0])))
    heights = {position(study, 0)[2], position(study, 5)[2]}
    assert heights == {-9, last}
    assert study.frames[0].notes == ()


def test_the_qform_is_that_of_nibabel(tmp_path: Path):
    chance = np.random.default_rng(4)
    for _ in range(20):
        quaternion = chance.normal(size=4)
        quaternion *= np.sign(quaternion[0]) / np.linalg.norm(quaternion)
        made = header(quatern_b=quaternion[1], quatern_c=quaternion[2], quatern_d=quaternion[3])
        made["pixdim"][0] = chance.choice((-1, 1))
        study = opened(write(tmp_path / "a.nii", made))
        frame = study.frames[0]
        assert frame.place is not None
        assert frame.place.plane is not None
        i, j, k = np.linalg.solve(
            made.get_qform()[:3, :3], np.multiply((-1, -1, 1), frame.place.plane.to_patient(2, 3)) - [-5, -7, -9]
        )
        assert frame.stored_values()[2, 3] == BODY[round(i), round(j), round(k)]  # type: ignore[index]


@pytest.mark.parametrize(("units", "factor"), [(0, 1), (2, 1), (1, 1000), (3, 0.001), (4, 1), (7, 1), (0xFF, 1)])
def test_unknown_units_count_as_millimetres(tmp_path: Path, units: int, factor: float):
    study = opened(write(tmp_path / "a.nii", header(xyzt_units=units)))
    assert study.frames[0].spacing_mm == pytest.approx((3 * factor, 2 * factor))


@pytest.mark.parametrize("offset", [0, 1, 348, 351.9])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_voxels_never_begin_inside_the_header(tmp_path: Path, offset: float, suffix: str):
    study = opened(write(tmp_path / f"a{suffix}", header(vox_offset=offset)))
    assert study.frames[0].notes == (INSIDE,)
    assert np.array_equal(body_of(study), BODY)


def test_voxels_of_nifti_2_never_begin_inside_its_header(tmp_path: Path):
    image = nibabel.Nifti2Image(BODY, np.diag([*SIDES, 1]))
    data = bytearray(image.to_bytes())
    struct.pack_into("<q", data, 168, 352)
    path = tmp_path / "a.nii"
    path.write_bytes(data)
    assert opened(path).frames[0].notes == (INSIDE,)
    assert np.array_equal(body_of(opened(path)), BODY)


@pytest.mark.parametrize("offset", [-1, np.nan, np.inf, 1e20])
def test_an_impossible_start_is_refused(tmp_path: Path, offset: float):
    assert refused(write(tmp_path / "a.nii", header(vox_offset=offset))).code is Code.CORRUPT


def test_sizes_of_0_count_as_1_but_for_the_first(tmp_path: Path):
    flat = opened(write(tmp_path / "a.nii", header(dim=[4, 20, 16, 0, 0, 1, 1, 1]), BODY[:, :, :1]))
    assert len(flat.frames) == 1
    assert np.array_equal(body_of(flat), BODY[:, :, :1])
    line = opened(write(tmp_path / "b.nii", header(dim=[1, 20, 9, 9, 9, 9, 9, 9]), BODY[:, :1, :1]))
    assert (line.frames[0].rows, line.frames[0].cols) == (1, 20)
    for dims in ([3, 0, 16, 6, 1, 1, 1, 1], [3, 20, -16, 6, 1, 1, 1, 1], [0] * 8, [8, 20, 16, 6, 1, 1, 1, 1]):
        assert refused(write(tmp_path / "c.nii", header(dim=dims))).code is Code.CORRUPT


@pytest.mark.parametrize(
    "dims", [(4611686018427387928, 20, 2), (2**62, 20, 2), (2**31, 2**31, 4), (2**63 - 1, 2**63 - 1, 2**63 - 1)]
)
@pytest.mark.parametrize("packed", [False, True])
def test_sizes_beyond_64_bits_are_refused(tmp_path: Path, dims: tuple[int, ...], packed: bool):
    data = bytearray(nibabel.Nifti2Image(BODY, np.eye(4)).to_bytes())
    struct.pack_into("<4q", data, 16, 3, *dims)
    path = tmp_path / "a.nii"
    path.write_bytes(gzip.compress(data) if packed else data)
    assert refused(path).code in (Code.TRUNCATED, Code.CORRUPT)
    assert [facts.outcome for facts in inspect_path(path)] == ["refuse-corrupt"]


def packed(path: Path, shape: tuple[int, ...], body: bytes) -> Path:
    """A .nii.gz that declares so many 8-bit voxels."""
    made = header()
    made.set_data_dtype(np.uint8)
    made.set_data_shape(shape)
    path.write_bytes(gzip.compress(made.binaryblock + bytes(4) + body))
    return path


def test_one_huge_slice_and_a_bomb_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    noise = np.random.default_rng(0).bytes(200_000)  # so that the file could hold as much as it declares
    failure = refused(packed(tmp_path / "slice.nii.gz", (11000, 11000, 1), noise))
    assert (failure.code, failure.text) == (
        Code.TOO_LARGE, "The picture is 11000 x 11000 pixels, more than medview opens.",
    )  # fmt: skip
    mask = packed(tmp_path / "mask.nii.gz", (128, 128, 80), bytes(128 * 128 * 80))
    assert mask.stat().st_size * 500 < 128 * 128 * 80
    study = opened(mask)
    assert study.frames[-1].stored_values().max() == 0  # type: ignore[union-attr]
    monkeypatch.setattr(voxels, "MAX_UNPACKED", 1_000_000)
    assert refused(mask).code is Code.TOO_LARGE


@pytest.mark.parametrize("sides", [SIDES, (6.0, 2.0, 2.0)], ids=["slice by slice", "across the slices"])
def test_a_file_that_shrinks_while_it_is_shown_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sides: tuple[float, ...]
):
    monkeypatch.setattr(voxels, "ALONE_BYTES", 1000)
    path = write(tmp_path / "a.nii", header(pixdim=[1, *sides, 0, 0, 0, 0]))
    frames = opened(path).frames
    values = frames[1].stored_values()
    assert not isinstance(values, Failure)
    kept = values.copy()
    with path.open("r+b") as file:
        file.truncate(1000)
    late = frames[-1].modality_values()
    if isinstance(late, Failure):
        assert (late.code, late.text) == (Code.READ_ERROR, "a.nii has changed since it was opened.")
    else:
        assert sides != SIDES  # all of it was read before
    assert np.array_equal(values, kept)
    assert refused(path).code is Code.TRUNCATED


def test_slices_across_the_storage_are_exact_in_pieces_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    four = np.stack([BODY, BODY + 1000], axis=-1)
    made = header(pixdim=[1, 6, 2, 2, 1, 0, 0, 0])
    made.set_data_shape(four.shape)
    path = write(tmp_path / "a.nii", made, four)
    for alone in (1, 10**9):
        monkeypatch.setattr(voxels, "ALONE_BYTES", alone)
        study = opened(path)
        assert (len(study.frames), study.series[0].time_points) == (40, 2)
        for number, frame in enumerate(study.frames):
            # Sagittal, from the left to the right, which is where i grows to; the head on top, the front left.
            expected = four[number // 2, ::-1, ::-1, number % 2].T
            assert np.array_equal(frame.stored_values(), expected)  # type: ignore[arg-type]


def test_one_slice_is_shown_as_one_whatever_its_thickness(tmp_path: Path):
    for sides in ((2, 3, 1), (9, 1, 1), (1, 1, 1)):
        made = header(dim=[3, 20, 16, 1, 1, 1, 1, 1], pixdim=[1, *sides, 0, 0, 0, 0])
        study = opened(write(tmp_path / "a.nii", made, BODY[:, :, :1]))
        assert np.array_equal(body_of(study), BODY[:, :, :1])
        assert study.frames[0].spacing_mm == (sides[1], sides[0])


def test_colours_as_vectors_are_colours(tmp_path: Path):
    colours = np.random.default_rng(0).integers(0, 256, (20, 16, 6, 1, 3), np.uint8)
    made = header(dim=[5, 20, 16, 6, 1, 3, 1, 1])
    made.set_data_dtype(np.uint8)
    frame = opened(write(tmp_path / "a.nii", made, colours)).frames[2]
    values = frame.modality_values()
    assert np.array_equal(values, colours[::-1, ::-1, 2, 0].transpose(1, 0, 2))  # type: ignore[arg-type]
    vectors = write(tmp_path / "b.nii", header(dim=[5, 20, 16, 6, 1, 3, 1, 1]), colours.astype(np.int16))
    assert refused(vectors).code is Code.UNSUPPORTED


def test_cal_min_and_cal_max_are_the_window(tmp_path: Path):
    assert opened(write(tmp_path / "a.nii", header(cal_min=50, cal_max=150))).frames[0].window == Window.from_range(
        50, 150
    )
    for low, high in ((0, 0), (9, 3), (np.nan, 4)):
        assert opened(write(tmp_path / "a.nii", header(cal_min=low, cal_max=high))).frames[0].window is None


def test_several_packed_members_and_junk_behind_the_stream(tmp_path: Path):
    data = header().binaryblock + bytes(4) + BODY.tobytes(order="F")
    path = tmp_path / "a.nii.gz"
    for packed in (
        gzip.compress(data[:1000]) + gzip.compress(data[1000:]),
        gzip.compress(data) + bytes(100),
        gzip.compress(data) + b"junk that is no stream",
    ):
        path.write_bytes(packed)
        assert np.array_equal(body_of(opened(path)), BODY)
    broken = bytearray(gzip.compress(data))
    broken[-8] ^= 1  # the checksum
    path.write_bytes(broken)
    values = opened(path).frames[0].stored_values()
    assert isinstance(values, Failure)
    assert values.code is Code.CORRUPT


FIELDS = ["dim", "pixdim", "vox_offset", "datatype", "bitpix", "scl_slope", "scl_inter", "qform_code", "sform_code",
          "quatern_b", "quatern_d", "qoffset_x", "srow_x", "srow_y", "srow_z", "xyzt_units", "cal_min", "cal_max",
          "sizeof_hdr"]  # fmt: skip
EXTREMES = [0, 1, -1, 2, 3, 7, 127, 255, 348, 352, 540, 32767, -32768, 1e-40, 1e-9, 1e7, 1e30, np.nan, np.inf, -np.inf]


@given(st.sampled_from(["nifti", "pair", "analyze", "packed"]), st.data())
@settings(max_examples=200, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_numbers_in_a_header_are_answered(tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject):
    made = analyze() if kind == "analyze" else header(magic=b"ni1" if kind == "pair" else b"n+1")
    fields = made.structarr
    with np.errstate(all="ignore"):
        for _ in range(data.draw(st.integers(1, 4))):
            name = data.draw(st.sampled_from([field for field in FIELDS if field in fields.dtype.names]))
            number = np.array(data.draw(st.sampled_from(EXTREMES))).astype(fields[name].dtype)
            if fields[name].ndim:
                fields[name][data.draw(st.integers(0, fields[name].size - 1))] = number
            else:
                fields[name] = number
    folder = Path(tmp_path_factory.getbasetemp()) / "any"
    folder.mkdir(exist_ok=True)
    raw = fields.tobytes()
    if kind in ("pair", "analyze"):
        (folder / "a.hdr").write_bytes(raw)
        (folder / "a.img").write_bytes(BODY.tobytes(order="F"))
        path = folder / data.draw(st.sampled_from(["a.hdr", "a.img"]))
    else:
        path = folder / "a.nii"
        body = raw + bytes(4) + BODY.tobytes(order="F")
        path.write_bytes(gzip.compress(body) if kind == "packed" else body)
    study = open_path(path)
    if isinstance(study, Failure):
        assert study.text
        assert study.hint
        return
    for frame in (study.frames[0], study.frames[-1]):
        values = frame.modality_values()
        assert isinstance(values, Failure) or values.shape[:2] == (frame.rows, frame.cols)
        if frame.spacing_mm:
            assert all(0 < side < np.inf for side in frame.spacing_mm)


@pytest.mark.parametrize("slope", [1e38, -3e38])
def test_a_slope_that_leads_beyond_all_measurements_is_refused(tmp_path: Path, slope: float) -> None:
    study = opened(write(tmp_path / "a.nii", header(scl_slope=slope, scl_inter=0)))
    values = study.frames[0].modality_values()
    assert isinstance(values, Failure)
    assert (values.code, values.text) == (
        Code.CORRUPT, "The scaling of this file leads to values that no measurement has."
    )  # fmt: skip
