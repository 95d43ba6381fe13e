"""Headers with their voxels in a second file: NIfTI pairs and Analyze."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.imaging.facts import inspect_path
from medview.imaging.nifti import SPM_NOTE
from medview.imaging.open import open_path
from medview.imaging.voxels import SIDES_UNKNOWN
from tests.imaging.niftis import BODY, NAME, analyze, body_of, header, position
from tests.imaging.reading import opened, refused


def pair(folder: Path, made: nibabel.analyze.AnalyzeHeader, names: tuple[str, str]) -> tuple[Path, Path]:
    paths = folder / names[0], folder / names[1]
    for path, data in zip(paths, (made.binaryblock, BODY.tobytes(order="F")), strict=True):
        path.write_bytes(gzip.compress(data) if path.suffix.lower() == ".gz" else data)
    return paths


NAMES = [
    ("a.hdr", "a.img"), (f"{NAME}.hdr", f"{NAME}.img"), ("a.HDR", "a.IMG"), ("a.hdr.gz", "a.img.gz"),
    ("a.hdr", "a.img.gz"),
]  # fmt: skip


@pytest.mark.parametrize("names", NAMES, ids=str)
def test_either_file_of_a_pair_opens_it(tmp_path: Path, names: tuple[str, str]):
    for path in pair(tmp_path, analyze(), names):
        study = opened(path)
        assert study.description == "Analyze, 20 x 16 pixels, 6 slices"
        assert study.frames[0].place is None
        assert study.frames[0].notes == (SIDES_UNKNOWN,)
        assert study.frames[0].spacing_mm == (3, 2)
        assert np.array_equal(body_of(study), BODY)
    for path in pair(tmp_path, header(magic=b"ni1", vox_offset=0), names):
        study = opened(path)
        assert study.description == "NIfTI, 20 x 16 pixels, 6 slices"
        assert position(study) == (-33, -38, -9)
        assert np.array_equal(body_of(study), BODY)
        assert [facts.outcome for facts in inspect_path(path)] == ["opens"]
    second = tmp_path / names[1]
    beside = open_path(second, follow=False)
    assert isinstance(beside, Failure)
    assert beside.code is Code.NO_PIXELS


@pytest.mark.parametrize("offset", [0, 352])
def test_a_header_alone_marked_as_a_whole_file_is_half_of_a_pair(tmp_path: Path, offset: int):
    for path in pair(tmp_path, header(magic=b"n+1", vox_offset=offset), ("a.hdr", "a.img")):
        study = opened(path)
        assert np.array_equal(body_of(study), BODY)
        assert study.frames[0].notes == ()


def test_analyze_of_big_endian_with_the_slope_of_spm(tmp_path: Path):
    made = bytearray(analyze(">").binaryblock)
    struct.pack_into(">f", made, 112, 0.5)
    (tmp_path / "a.hdr").write_bytes(made)
    (tmp_path / "a.img").write_bytes(BODY.astype(">i2").tobytes(order="F"))
    frame = opened(tmp_path / "a.hdr").frames[0]
    assert frame.notes == (SPM_NOTE, SIDES_UNKNOWN)
    assert np.array_equal(frame.modality_values(), frame.stored_values() * np.float32(0.5))  # type: ignore[operator]


def test_half_a_pair_is_named(tmp_path: Path):
    head, body = pair(tmp_path, analyze(), ("a.hdr", "a.img"))
    body.unlink()
    assert refused(head).text == "a.hdr is one half of a pair of files; the other half (.img) is not beside it."
    pair(tmp_path, analyze(), ("a.hdr", "a.img"))
    head.unlink()
    assert refused(body).code is Code.UNKNOWN_FORMAT
    short, voxel_file = pair(tmp_path, analyze(), ("b.hdr", "b.img"))
    voxel_file.write_bytes(voxel_file.read_bytes()[:-1])
    assert refused(short).code is Code.TRUNCATED
    (tmp_path / "c.hdr").write_text("ENVI\ndescription = {another kind of .hdr}\n" + " " * 307)
    assert refused(tmp_path / "c.hdr").code is Code.UNKNOWN_FORMAT
