"""What the command line may say of a picture: its kind, corrections, and that it is to be judged all the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from medview.cli.main import main
from medview.core import resources
from medview.core.samples import samples
from medview.report.caption import LEAST_WIDTH
from tests.cli.operate import analyze, sample
from tests.imaging.make import dicom

pytestmark = pytest.mark.usefixtures("one_engine")


@pytest.fixture
def negative_on_its_side(tmp_path: Path) -> Path:
    """The sample of a child's chest as a negative, turned a quarter anticlockwise."""
    path = next(s.path for s in samples() if s.path.name.startswith("chest-normal-child"))
    image = 255 - cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    made = tmp_path / "lying.png"
    made.write_bytes(cv2.imencode(".png", np.ascontiguousarray(np.rot90(image[:-9])))[1].tobytes())
    return made


def test_a_film_that_lies_wrong_is_refused_with_the_options_that_help(
    capsys: pytest.CaptureFixture[str], negative_on_its_side: Path
) -> None:
    assert main(["analyze", str(negative_on_its_side), "--kind", "chest_xray", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "refused" in out
    assert "Try: --invert" in out
    assert "Try: --rotate 90" in out


def test_a_film_is_put_right_before_it_is_judged_and_its_overlays_show_it_so(
    capsys: pytest.CaptureFixture[str], negative_on_its_side: Path, tmp_path: Path
) -> None:
    options = ["--kind", "chest_xray", "--invert", "--rotate", "90", "--stability", "--out", tmp_path / "out"]
    code, (row,) = analyze(capsys, negative_on_its_side, *options)
    assert (code, row["status"], row["corrected"]) == (0, "ok", ["invert", "rotate_90"])
    result = next(r for r in row["results"] if r["model"] == "chest-six")
    for label, (low, high) in result["stability"].items():
        assert low <= result["probabilities"][label] <= high
    overlay = cv2.imread(result["heatmaps"]["normal"])
    lying = cv2.imread(str(negative_on_its_side))
    assert overlay.shape[1] == max(lying.shape[0], LEAST_WIDTH)
    assert 0 < overlay.shape[0] - lying.shape[1] < 400


def test_the_user_says_the_kind_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, (row,) = analyze(capsys, sample("skin_lesion").path, "--kind", "chest_xray")
    assert (code, row["status"], row["kind"], row["kind_by_user"], row["forced"]) == (
        0,
        "ok",
        "chest_xray",
        True,
        False,
    )
    assert row["validity"][0] == "judged as a frontal chest X-ray, as you said"
    main(["analyze", str(sample("skin_lesion").path), "--kind", "chest_xray", "--device", "cpu"])
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.endswith("  ok  chest_xray (as you said)")
    assert second.startswith("    Judged as a frontal chest X-ray, as you said; ")


CORRECTIONS = (
    [],
    ["--invert"],
    ["--rotate", "90"],
    ["--rotate", "180"],
    ["--rotate", "270"],
    ["--invert", "--rotate", "90"],
)


@pytest.mark.parametrize("corrections", CORRECTIONS)
def test_no_option_but_the_kind_gets_an_answer_from_a_file_of_another_examination(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, corrections: list[str]
) -> None:
    """The pixels of a chest film in files that say that they are something else: only the header can refuse them."""
    film = cv2.imdecode(np.frombuffer(sample("chest_xray").path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    storage = "1.2.840.10008.5.1.4.1.1."
    others: dict[str, tuple[str, dict[str, str]]] = {
        "mammogram": (storage + "1.2", {"Modality": "MG", "BodyPartExamined": "BREAST", "ViewPosition": "MLO"}),
        "angiogram": (storage + "12.1", {"Modality": "XA"}),
        "hand": (storage + "1.1", {"Modality": "DX", "BodyPartExamined": "HAND"}),
        "ultrasound": (storage + "6.1", {"Modality": "US"}),
        "scanned ECG": (storage + "7", {"Modality": "ECG"}),
        "secondary capture of a breast": (storage + "7", {"Modality": "OT", "BodyPartExamined": "BREAST"}),
    }
    for name, (sop, elements) in others.items():
        (tmp_path / f"{name}.dcm").write_bytes(dicom(film, SOPClassUID=sop, **elements))
    code, rows = analyze(capsys, tmp_path, *corrections)
    assert (code, len(rows)) == (0, len(others))
    for row in rows:
        assert (row["status"], row["reason"]["code"], row["results"]) == ("refused", "other-modality", [])
        assert (row["kind"], row["kind_scores"], row["quality"]) == ("", {}, [])


def test_a_kind_that_there_is_not_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "x.png", "--kind", "knee"]) == 2
    assert "choose one of: chest_xray, brain_mr, skin_lesion." in capsys.readouterr().err


def test_without_the_gate_there_is_no_kind_to_choose_and_the_message_says_why(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(resources.find("models") / "chest-six", tmp_path / "chest-six")
    monkeypatch.setenv("MEDVIEW_MODELS", str(tmp_path))
    assert main(["analyze", "x.png", "--kind", "chest_xray"]) == 2
    assert capsys.readouterr().err == (
        "medview analyze: there is no kind of picture 'chest_xray'; choose one of: "
        "none, for the model image-kind, which knows the kinds, is missing or switched off.\n"
    )


def test_a_forced_answer_says_in_the_table_that_it_is_not_valid(
    capsys: pytest.CaptureFixture[str], negative_on_its_side: Path
) -> None:
    main(["analyze", str(negative_on_its_side), "--force", "--device", "cpu"])
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.endswith("  ok  (forced: not valid)")
    assert second.startswith("    Not valid here: the picture was refused")


def test_a_wrong_rotation_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "x.png", "--rotate", "45"]) == 2


def test_without_the_flag_there_is_no_stability(capsys: pytest.CaptureFixture[str]) -> None:
    _, (row,) = analyze(capsys, sample("skin_lesion").path)
    assert [r["stability"] for r in row["results"]] == [None] * len(row["results"])
