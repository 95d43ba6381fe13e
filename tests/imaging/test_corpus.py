"""The DICOM corpus of ../shared/data: the wanted outcome of every file, and stored values to compare with."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.imaging.dicom_header import read_dicom_header
from medview.imaging.dicom_pixels import locate
from medview.imaging.open import open_path

pytestmark = pytest.mark.data
OUTCOME = {
    Code.NO_PIXELS: "refuse-not-an-image",
    Code.UNKNOWN_FORMAT: "refuse-not-an-image",
    Code.EMPTY_FILE: "refuse-not-an-image",
    Code.UNSUPPORTED: "refuse-unsupported",
    Code.CORRUPT: "refuse-corrupt",
    Code.TRUNCATED: "refuse-corrupt",
}
# A PNG named .dcm opens here on purpose: medview goes by content.
ON_PURPOSE = {"not-dicom/png_named.dcm": "opens"}
# The float reference values were written with six digits.
DIGITS = 1e-3


def rows(root: Path) -> list[dict[str, str]]:
    with (root / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def outcome(path: Path) -> tuple[str, str]:
    study = open_path(path)
    if isinstance(study, Failure):
        return OUTCOME[study.code], study.text
    for frame in study.frames:
        values = frame.modality_values()
        if isinstance(values, Failure):
            return OUTCOME[values.code], values.text
        assert values.shape[:2] == (frame.rows, frame.cols)
    return "opens", ""


def test_every_file_ends_as_the_manifest_accepts(data_dir: Path, capfd: pytest.CaptureFixture[str]):
    root = data_dir / "dicom"
    wrong = []
    for row in rows(root):
        got, text = outcome(root / row["file"])
        if got not in [*row["accept"].split(), ON_PURPOSE.get(row["file"])]:
            wrong.append(f"{row['file']}: {got} ({text}), accepted: {row['accept']}")
    assert not wrong, "\n".join(wrong)
    assert capfd.readouterr().err == ""


def test_stored_values_are_the_reference_values(data_dir: Path):
    root = data_dir / "dicom"
    wrong, compared = [], 0
    for row in rows(root):
        if not row["ref_mean"] or row["expect"] != "opens":
            continue
        header = read_dicom_header(root / row["file"])
        assert not isinstance(header, Failure), row["file"]
        pixels = locate(root / row["file"], header)
        assert not isinstance(pixels, Failure), row["file"]
        values = pixels.stored(0)
        assert not isinstance(values, Failure), row["file"]
        compared += 1
        lossy = "lossy" in row["ref_tolerance"]
        ends = (float(values.min()), float(values.max()))
        expected = (float(row["ref_min"]), float(row["ref_max"]))
        mean = float(values.mean(dtype=np.float64))
        if abs(mean - float(row["ref_mean"])) > (0.6 if lossy else DIGITS):
            wrong.append(f"{row['file']}: mean {mean}, reference {row['ref_mean']}")
        if not lossy and not np.allclose(ends, expected, rtol=0, atol=DIGITS):
            wrong.append(f"{row['file']}: {ends}, reference {expected}")
    assert not wrong, "\n".join(wrong)
    assert compared > 150
