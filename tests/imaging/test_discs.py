"""Discs: a DICOMDIR leads to its series, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from medview.core.failures import Code, Failure
from medview.imaging.facts import inspect_path
from medview.imaging.open import open_path
from medview.imaging.study import Study
from tests.imaging.discs import make_disc, slice_at
from tests.imaging.reading import refused


def test_a_disc_opens_as_its_series(tmp_path: Path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a0").write_bytes(slice_at(5))
    (tmp_path / "images" / "A1").write_bytes(slice_at(3))
    path = make_disc(tmp_path, [["IMAGES", "A0"], ["IMAGES", "A1"], ["IMAGES", "MISSING"]])
    study = open_path(path)
    assert isinstance(study, Study)
    assert study.description == "DICOM disc, 1 series, 2 pictures; 1 of the 3 files that it lists is missing"
    assert [frame.path.name for frame in study.frames] == ["A1", "a0"]
    assert open_path(path, follow=False).code is Code.NO_PIXELS  # type: ignore[union-attr]
    assert [fact.outcome for fact in inspect_path(path)] == ["opens"]


def test_a_disc_leads_nowhere_else(tmp_path: Path):
    inside = tmp_path / "disc"
    inside.mkdir()
    (tmp_path / "secret").write_bytes(slice_at(0))
    bad = [["..", "secret"], ["../secret"], ["/", "etc"], [str(tmp_path / "secret")], ["C:", "secret"], ["a"] * 20]
    failure = refused(make_disc(inside, bad))
    assert failure.code is Code.NO_PIXELS
    assert "none of the 0 files" in failure.text


@pytest.mark.parametrize(
    "renamed",
    [
        lambda name: f"{name}.dcm", lambda name: f"{name}.DCM", lambda name: f"{name};1", lambda name: f"{name}.;1",
        str.lower, lambda name: f"{name.lower()}.ima",
    ],
)  # fmt: skip
def test_files_of_a_disc_that_were_renamed(tmp_path: Path, renamed: Callable[[str], str]):
    """Copied from a disc, files get a suffix, the version of ISO 9660, or small letters."""
    disc = make_disc(tmp_path, [["IMAGES", f"IM0000{n}"] for n in range(3)])
    (tmp_path / "images").mkdir()
    for n in range(3):
        (tmp_path / "images" / renamed(f"IM0000{n}")).write_bytes(slice_at(n))
    # Another file of nearly that name is not meant.
    (tmp_path / "images" / "IM00000X.dcm").write_bytes(slice_at(9))
    study = open_path(disc)
    assert isinstance(study, Study)
    assert [len(series.frames) for series in study.series] == [3]


def test_the_exact_name_comes_first(tmp_path: Path):
    disc = make_disc(tmp_path, [["IM1"]])
    (tmp_path / "IM1").write_bytes(slice_at(1))
    (tmp_path / "IM1.dcm").write_bytes(slice_at(2))
    study = open_path(disc)
    assert isinstance(study, Study)
    assert [path.name for path in study.series[0].paths] == ["IM1"]


@pytest.mark.data
def test_the_discs_of_the_corpus(data_dir: Path, tmp_path: Path):
    import shutil

    for folder in ("dicomdir", "dicomdir-member"):
        shutil.copytree(data_dir / "dicom" / folder / "media", tmp_path, dirs_exist_ok=True)
    whole = open_path(tmp_path / "DICOMDIR")
    assert isinstance(whole, Study)
    assert len(whole.frames) == 31
    for name in ("DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-reordered", "DICOMDIR-nooffset"):
        study = open_path(tmp_path / name)
        assert isinstance(study, Study), name
        assert [f.path.name for f in study.frames] == [f.path.name for f in whole.frames], name
    assert isinstance(open_path(tmp_path / "DICOMDIR-empty.dcm"), Failure)
