"""The DICOM corpus of ../shared/data: outcome, stored values and names of every file, and the order of its series.

One test a file, all through what `medview inspect` prints. The small part of it in tests/data is tested everywhere.
"""

from __future__ import annotations

import csv
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from medview.core.failures import Failure
from medview.imaging.facts import Facts, inspect_file
from medview.imaging.open import open_path
from medview.imaging.series import read_folder
from medview.imaging.walk import find_files
from tests.conftest import shared_data

ROOT = shared_data() / "dicom"
PART = Path(__file__).parent.parent / "data" / "dicom"
# The float reference values were written with six digits.
DIGITS = 1e-3
LOSSY = 0.6


def table(name: str, root: Path = ROOT) -> list[dict[str, str]]:
    """Rows of a table of the corpus; one row that names nothing where there is no corpus, for `data` to skip."""
    path = root / name
    if not path.is_file():
        return [{"file": "(no corpus)"}]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows_with(column: str) -> pytest.MarkDecorator:
    """A test of every file of which the manifests give this column."""
    whole = [pytest.param(ROOT, row, marks=pytest.mark.data, id=row["file"]) for row in table("manifest.csv")
             if row.get(column, "x")]  # fmt: skip
    part = [pytest.param(PART, row, id=f"part-{row['file']}") for row in table("manifest.csv", PART) if row[column]]
    return pytest.mark.parametrize(("root", "row"), part + whole)


@cache
def facts_of(path: Path) -> Facts:
    return inspect_file(path)


def test_the_part_is_whole():
    """Every file in tests/data is in its manifest, which gives a licence, and is the one that it names."""
    rows = table("manifest.csv", PART)
    assert len(rows) > 100
    for row in rows:
        assert sha256((PART / row["file"]).read_bytes()).hexdigest() == row["sha256"], row["file"]
        assert row["license"].startswith(("MIT-style pydicom", "Apache-2.0"))
    assert {path.relative_to(PART).as_posix() for path in find_files(PART)} == {
        "manifest.csv", *(row["file"] for row in rows)
    }  # fmt: skip
    assert sum(path.stat().st_size for path in find_files(PART)) < 1_500_000


@rows_with("file")
def test_the_outcome_is_one_that_the_manifest_accepts(
    root: Path, row: dict[str, str], capfd: pytest.CaptureFixture[str]
):
    facts = facts_of(root / row["file"])
    assert facts.outcome in row["accept"].split(), facts
    assert facts.text
    assert bool(facts.hint) == (facts.outcome != "opens")
    assert capfd.readouterr() == ("", "")


@rows_with("ref_mean")
def test_stored_values_are_the_reference_values(root: Path, row: dict[str, str]):
    facts = facts_of(root / row["file"])
    if facts.outcome != "opens":
        return  # which the manifest accepts: see above
    assert (facts.rows, facts.cols) == (int(row["rows"]), int(row["cols"]))
    assert facts.frames == int(row["frames"])
    assert facts.stored is not None
    lossy = "lossy" in row["ref_tolerance"]
    assert facts.stored["mean"] == pytest.approx(float(row["ref_mean"]), abs=LOSSY if lossy else DIGITS)
    if not lossy:
        assert facts.stored["min"] == pytest.approx(float(row["ref_min"]), abs=DIGITS)
        assert facts.stored["max"] == pytest.approx(float(row["ref_max"]), abs=DIGITS)


@rows_with("patient_name_expected")
def test_names_are_exact(root: Path, row: dict[str, str]):
    assert facts_of(root / row["file"]).patient_name == row["patient_name_expected"]


@rows_with("file")
def test_every_frame_of_a_file_that_opens_can_be_decoded(root: Path, row: dict[str, str]):
    study = open_path(root / row["file"])
    if isinstance(study, Failure):
        return
    for frame in study.frames:
        values = frame.modality_values()
        if isinstance(values, Failure):
            assert row["accept"] != "opens", values
        else:
            assert values.shape[:2] == (frame.rows, frame.cols)


@pytest.mark.data
@pytest.mark.parametrize("name", sorted({row.get("series", "(no corpus)") for row in table("series_order.csv")}))
def test_series_are_in_order(name: str):
    expected = [row for row in table("series_order.csv") if row["series"] == name]
    folder = read_folder(find_files(ROOT / name))
    assert len(folder.series) == 1
    series = folder.series[0]
    assert [path.relative_to(ROOT).as_posix() for path in series.paths] == [row["file"] for row in expected]
    assert series.origin is not None
    assert series.origin.series_uid == expected[0]["series_uid"]
    planes = [frame.place.plane for frame in series.frames if frame.place and frame.place.plane]
    assert [plane.offset for plane in planes] == pytest.approx([float(r["position_mm"]) for r in expected], abs=2e-3)
    assert series.time_points == len([row for row in expected if row["slice_rank_along_normal"] == "0"])
    assert series.notes == ()


@pytest.mark.data
def test_a_whole_folder_is_grouped(data_dir: Path):
    folder = read_folder(find_files(data_dir / "dicom" / "dicomdir-member" / "media"))
    assert all(len({frame.place.origin.series_uid for frame in s.frames if frame.place}) == 1 for s in folder.series)
    assert sum(len(series.frames) for series in folder.series) == 31
