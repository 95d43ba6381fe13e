"""`medview inspect` as a script sees it."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medview.cli.main import main
from medview.core.failures import Code, Failure
from medview.imaging.facts import refusal
from tests.imaging.make import dicom

FIELDS = [
    "file", "outcome", "code", "text", "hint", "modality", "transfer_syntax", "photometric", "frames", "rows", "cols",
    "stored", "patient_name", "study", "series", "position_mm", "view", "notes", "regions",
]  # fmt: skip
SLICE = {
    "PatientName": "Doe^Jo", "StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.1.1", "PixelSpacing": [1, 1],
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
}  # fmt: skip


def write(path: Path, z: float) -> Path:
    pixels = np.arange(6, dtype=np.int16).reshape(2, 3)
    uid = f"1.1.1.{int(z) + 100}"
    path.write_bytes(dicom(pixels, ImagePositionPatient=[0, 0, z], SOPInstanceUID=uid, RescaleSlope=2, **SLICE))
    return path


def inspect(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict[str, Any]]]:
    code = main(["inspect", "--json", *map(str, arguments)])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_field_of_every_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    write(tmp_path / "a.dcm", 4)
    (inner / "b.txt").write_text("no picture")
    code, rows = inspect(capsys, tmp_path)
    assert code == 0
    assert [list(row) for row in rows] == [FIELDS, FIELDS]
    assert rows[0] == {
        "file": str(tmp_path / "a.dcm"), "outcome": "opens", "code": None, "text": "DICOM MR, 3 x 2 pixels", "hint": "",
        "modality": "MR", "transfer_syntax": "1.2.840.10008.1.2.1", "photometric": "MONOCHROME2", "frames": 1,
        "rows": 2, "cols": 3, "stored": {"min": 0, "max": 5, "mean": 2.5}, "patient_name": "Doe^Jo", "study": "1.1",
        "series": "1.1.1", "position_mm": 4.0, "view": None, "notes": [], "regions": [],
    }  # fmt: skip
    assert (rows[1]["outcome"], rows[1]["code"]) == ("refuse-not-an-image", "unknown-format")
    assert rows[1]["hint"]


def test_the_view_of_a_film(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(dicom(np.arange(6, dtype=np.uint8).reshape(2, 3), Modality="DX", ViewPosition="LL"))
    _, (row,) = inspect(capsys, path)
    assert row["view"] == "LL"
    assert main(["inspect", str(path)]) == 0
    assert "DX, view LL, 3 x 2" in capsys.readouterr().out


def test_what_is_not_there_gives_exit_code_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, rows = inspect(capsys, tmp_path / "missing", write(tmp_path / "a", 0))
    assert code == 1
    assert [row["code"] for row in rows] == ["not-found", None]
    assert [row["outcome"] for row in rows] == ["not-read", "opens"]
    assert rows[0]["text"] == "There is no file 'missing'."
    assert main(["inspect"]) == 2


def test_text_for_people(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["inspect", str(write(tmp_path / "a\x1b[31m", 4))]) == 0
    out = capsys.readouterr().out
    assert "opens" in out
    assert "stored values 0 to 5, mean 2.5" in out
    assert "patient Doe^Jo" in out
    assert "\x1b" not in out


def test_series_in_display_order(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name, z in (("a", 2), ("b", 0), ("c", 1)):
        write(tmp_path / name, z)
    code, rows = inspect(capsys, "--series", tmp_path)
    assert code == 0
    assert len(rows) == 1
    assert rows[0]["series"] == "1.1.1"
    assert rows[0]["files"] == [str(tmp_path / name) for name in "bca"]
    assert rows[0]["positions_mm"] == [0, 1, 2]
    assert rows[0]["step_mm"] == 1
    assert main(["inspect", "--series", str(tmp_path)]) == 0
    assert "3 frames, 1 mm apart" in capsys.readouterr().out


def test_archives_and_empty_folders(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, z in (("a", 2), ("b", 0)):
            file.writestr(f"x/{name}", write(tmp_path / "slice", z).read_bytes())
    code, rows = inspect(capsys, path)
    assert code == 0
    assert [(row["file"], row["position_mm"]) for row in rows] == [(f"{path}/x/a", 2), (f"{path}/x/b", 0)]
    code, rows = inspect(capsys, "--series", path)
    assert (code, rows[0]["positions_mm"]) == (0, [0, 2])
    empty = tmp_path / "empty"
    empty.mkdir()
    assert inspect(capsys, empty) == (1, [])
    assert inspect(capsys, "--series", empty) == (1, [])


def test_one_file_and_one_frame_are_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.dcm").write_bytes(dicom(np.zeros((4, 5), np.uint8)))
    (tmp_path / "notes.txt").write_text("nothing")
    assert main(["inspect", str(tmp_path), "--series"]) == 0
    told = capsys.readouterr()
    assert "5 x 4, 1 frame\n" in told.out
    assert "1 file is no picture or cannot be read" in told.out + told.err


def test_series_name_what_may_not_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.dcm").write_bytes(dicom(np.zeros((4, 5), np.uint8)))
    (tmp_path / "locked").mkdir()

    def denied(place: str | os.PathLike[str]) -> Any:
        if Path(place).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scan(place)

    scan = os.scandir
    monkeypatch.setattr(os, "scandir", denied)
    code, rows = inspect(capsys, "--series", tmp_path)
    assert (code, len(rows)) == (1, 1)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_not_called_corrupt(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", 4)
    path.chmod(0)
    code, (row,) = inspect(capsys, path)
    assert (code, row["outcome"], row["code"]) == (1, "not-read", "no-permission")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(Code.NOT_FOUND, "not-read"), (Code.NO_PERMISSION, "not-read"), (Code.READ_ERROR, "refuse-corrupt")],
)
def test_what_lies_outside_the_file_says_nothing_about_it(code: Code, outcome: str) -> None:
    assert refusal("a.dcm", Failure(code, "It is so.", "Do this.")).outcome == outcome
