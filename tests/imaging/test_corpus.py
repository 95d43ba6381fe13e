"""The DICOM corpus of ../shared/data: outcome, stored values and names of every file, and the order of its series.

One test a file, all through what `medview inspect` prints.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest

from medview.core.failures import Failure
from medview.imaging.facts import Facts, inspect_file
from medview.imaging.files import find_files
from medview.imaging.open import open_path
from medview.imaging.series import read_folder
from tests.conftest import shared_data

pytestmark = pytest.mark.data
ROOT = shared_data() / "dicom"
# The float reference values were written with six digits.
DIGITS = 1e-3
LOSSY = 0.6


def table(name: str) -> list[dict[str, str]]:
    """Rows of a table of the corpus; one row that names nothing where there is no corpus, for `data` to skip."""
    path = ROOT / name
    if not path.is_file():
        return [{"file": "(no corpus)"}]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = table("manifest.csv")
files = pytest.mark.parametrize("row", ROWS, ids=[row["file"] for row in ROWS])

VALUES = [row for row in ROWS if row.get("ref_mean", "x")]
with_values = pytest.mark.parametrize("row", VALUES, ids=[row["file"] for row in VALUES])


@cache
def facts_of(file: str) -> Facts:
    return inspect_file(ROOT / file)


@files
def test_the_outcome_is_one_that_the_manifest_accepts(row: dict[str, str], capfd: pytest.CaptureFixture[str]):
    facts = facts_of(row["file"])
    assert facts.outcome in row["accept"].split(), facts
    assert facts.text
    assert bool(facts.hint) == (facts.outcome != "opens")
    assert capfd.readouterr() == ("", "")


@with_values
def test_stored_values_are_the_reference_values(row: dict[str, str]):
    facts = facts_of(row["file"])
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


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.get("patient_name_expected", "x")], ids=lambda row: row["file"]
)
def test_names_are_exact(row: dict[str, str]):
    assert facts_of(row["file"]).patient_name == row["patient_name_expected"]


@files
def test_every_frame_of_a_file_that_opens_can_be_decoded(row: dict[str, str]):
    study = open_path(ROOT / row["file"])
    if isinstance(study, Failure):
        return
    for frame in study.frames:
        values = frame.modality_values()
        if isinstance(values, Failure):
            assert row["accept"] != "opens", values
        else:
            assert values.shape[:2] == (frame.rows, frame.cols)


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


def test_a_whole_folder_is_grouped(data_dir: Path):
    folder = read_folder(find_files(data_dir / "dicom" / "dicomdir-member" / "media"))
    assert all(len({frame.place.origin.series_uid for frame in s.frames if frame.place}) == 1 for s in folder.series)
    assert sum(len(series.frames) for series in folder.series) == 31
