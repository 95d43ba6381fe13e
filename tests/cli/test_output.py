"""What happens to results when names, disks, pipes or people misbehave. No network runs in here."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from medview.cli import bench
from medview.cli.main import main
from medview.cli.output import _lines
from medview.core.failures import Code, Failure
from medview.core.texts import printable
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from medview.report import saver
from tests.cli.fakes import FakeEngine
from tests.cli.operate import put, table
from tests.imaging.make import dicom
from tests.ui.fakes import NEGATIVE, chest_analysis

pytestmark = pytest.mark.usefixtures("fake_engine")
needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names are bytes only there")


@needs_linux
def test_a_name_that_is_no_utf8_loses_nothing(picture: Path, tmp_path: Path) -> None:
    odd = put(tmp_path / os.fsdecode(b"caf\xe9.png"))
    assert main(["analyze", str(odd), str(picture), "--out", str(tmp_path / "out é")]) == 0
    rows = table(tmp_path / "out é")
    assert [row["file"] for row in rows] == [str(odd), str(picture)]
    assert "out é" in (tmp_path / "out é" / "results.json").read_text(encoding="utf-8")
    assert all(Path(path).is_file() for row in rows for path in row["results"][0]["heatmaps"].values())


@pytest.mark.parametrize("name", ["a" * 300, "a/" + "b" * 300 + "/c.png"])
def test_a_path_that_cannot_be_is_an_error_and_stops_no_other(
    capsys: pytest.CaptureFixture[str], picture: Path, name: str
) -> None:
    assert main(["analyze", name, str(picture), "--json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["status"] for row in rows] == ["error", "ok"]


def test_a_write_that_fails_is_a_warning_of_the_analysis(
    capsys: pytest.CaptureFixture[str], picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes, **options: bool) -> None:
        if path.suffix == ".png":
            raise OSError(28, "No space left on device")
        write(path, data, **options)

    write = saver.write_atomic
    monkeypatch.setattr(saver, "write_atomic", full)
    assert main(["analyze", str(picture), "--json", "--out", str(tmp_path / "out")]) == 1
    (row,) = table(tmp_path / "out")
    assert json.loads(capsys.readouterr().out) == row
    assert row["status"] == "ok"
    assert row["results"][0]["probabilities"]["normal"] == 0.5
    assert [warning["code"] for warning in row["warnings"]] == [Code.WRITE_ERROR]


def test_results_of_a_long_name_are_written(picture: Path, tmp_path: Path) -> None:
    long = put(picture.with_name("aé" * 80 + ".png"))
    assert main(["analyze", str(long), str(long), "--out", str(tmp_path / "out")]) == 0
    names = [Path(row["results"][0]["heatmaps"]["a"]).name for row in table(tmp_path / "out")]
    assert names == ["aé" * 33 + "a__toy__a.png", "aé" * 33 + "a-2__toy__a.png"]


def test_another_run_into_the_same_folder_replaces_nothing(
    capsys: pytest.CaptureFixture[str], picture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert main(["analyze", str(picture), "--out", str(out)]) == 0
    assert f"The result files are in {out}, the list of them is results.json." in capsys.readouterr().out
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    put(tmp_path / "other" / "a.png")
    assert main(["analyze", str(tmp_path / "other" / "a.png"), "--json", "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert captured.err == f"{out} has the results of an earlier run; the list of this one is results-2.json.\n"
    assert {name: (out / name).read_bytes() for name in before} == before
    assert {path.name for path in out.iterdir()} - set(before) == {
        *(f"a-2__toy__{label}.png" for label in ("normal", "a", "b")),
        "results-2.json",
        "results-2.jsonl",
    }
    (row,) = json.loads((out / "results-2.json").read_text(encoding="utf-8"))
    assert Path(row["results"][0]["heatmaps"]["a"]).name == "a-2__toy__a.png"


def test_private_is_passed_to_the_captions(picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []

    def lines(analysis: Analysis, frame: Frame, result: Any, label: Any, private: bool) -> list[str]:
        told.append(private)
        return ["A line"]

    monkeypatch.setattr(saver, "caption_lines", lines)
    main(["analyze", str(picture), "--out", str(tmp_path / "a")])
    main(["analyze", str(picture), "--private", "--out", str(tmp_path / "b")])
    assert told == [False] * 3 + [True] * 3


def test_demo_claims_no_results_that_are_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert main(["demo", "--out", str(tmp_path / "file" / "x")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "cannot be used" in captured.err


def test_total_time_includes_decoding(capsys: pytest.CaptureFixture[str], picture: Path) -> None:
    main(["analyze", str(picture), "--json"])
    assert json.loads(capsys.readouterr().out)["total_ms"] > 1.0  # what the fake engine says alone


def test_a_dicomdir_in_a_folder_is_no_error(capsys: pytest.CaptureFixture[str], picture: Path) -> None:
    index = picture.with_name("DICOMDIR")
    index.write_bytes(dicom(None, SOPClassUID="1.2.840.10008.1.3.10"))
    assert main(["analyze", str(picture.parent), "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    shutil.copy(index, picture.with_name("report.dcm"))
    assert main(["analyze", str(picture.parent)]) == 1
    assert main(["analyze", str(index)]) == 1


def test_a_wrong_frame_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "x.png", "--frame", "first"]) == 2
    assert "a frame number from 0, or all" in capsys.readouterr().err


def test_of_an_animation_it_is_said_that_only_the_first_picture_is_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pictures = [np.full((60, 80, 3), level, np.uint8) for level in (0, 90, 180)]
    path = tmp_path / "a.gif"
    path.write_bytes(cv2.imencodemulti(".gif", pictures)[1].tobytes())
    assert main(["analyze", str(path), "--frame", "2"]) == 1
    out = capsys.readouterr().out
    said = "GIF, 80 x 60 pixels, the first of 3 pictures"
    assert f"There is no frame 2; medview reads 1 of this file ({said}), counted from 0. Leave --frame away." in out
    assert main(["inspect", "--json", str(path)]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["text"], row["frames"]) == (said, 1)


def test_control_characters_of_a_name_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str], picture: Path
) -> None:
    assert main(["analyze", "a\x1b[31m\n.png", str(picture.with_name("ж 你.png"))]) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"a\x1b[31m\n.png  error" in out
    assert "ж 你.png" in out
    assert printable("a\udce9\u202eb") == r"a\udce9\u202eb"


def test_control_characters_of_an_argument_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "a.png", "--\x1b[31m"]) == 2
    assert capsys.readouterr().err.endswith("unrecognized arguments: --\\x1b[31m\n")


@pytest.mark.parametrize("command", [["analyze", "a.png", "b.png"], ["demo"], ["models"], ["bench"]])
@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_without_models_it_is_said_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], folder: str
) -> None:
    monkeypatch.undo()  # the real engine
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDVIEW_MODELS", str(tmp_path / folder))
    (tmp_path / "empty").mkdir()
    assert main(command) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count(str(tmp_path / folder)) == len(captured.err.splitlines()) == 1
    assert os.listdir(tmp_path) == ["empty"]


@pytest.mark.parametrize("runs", ["0", "-1", "many"])
def test_bench_needs_a_run(capsys: pytest.CaptureFixture[str], runs: str) -> None:
    assert main(["bench", f"--runs={runs}"]) == 2
    assert "is not a number from 1" in capsys.readouterr().err


def test_bench_measures_no_model_that_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--runs", "1"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "The model toy is switched off" in captured.err


def test_bench_measures_no_sample_that_is_not_answered(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = Failure(Code.MODEL_DAMAGED, "The gate is damaged.", "Install it again.")
    monkeypatch.setattr(bench, "_models", lambda *_: {})
    monkeypatch.setattr(FakeEngine, "analyse", lambda self, request: Analysis(request.file, 0, "error", failure))
    assert main(["bench", "--runs", "1"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "The gate is damaged" in captured.err


@pytest.mark.parametrize(
    ("done", "said"),
    [
        ((), "Try: --invert"),
        (("invert",), "Try: without --invert"),
        (("rotate_90",), "Try: --invert --rotate 90"),
        (("invert", "rotate_90"), "Try: --rotate 90"),
    ],
)
def test_what_is_to_be_tried_counts_what_was_done_already(done: tuple[Any, ...], said: str) -> None:
    seen = chest_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    lines = list(_lines(replace(seen, quality=(NEGATIVE,), corrected=done)))
    assert f"    {said}" in lines
    assert ("    Corrected before: inverted." in lines) is (done == ("invert",))
