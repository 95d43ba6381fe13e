"""What happens to results when names, disks, pipes or people misbehave. No network runs in here."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from medview.cli import analyze, bench, models
from medview.cli.main import main
from medview.cli.output import _lines
from medview.core.failures import Code, Failure
from medview.core.texts import printable
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from medview.inference.request import AnalysisRequest
from medview.report import export
from tests.cli.fakes import FakeEngine
from tests.imaging.make import dicom
from tests.ui.fakes import NEGATIVE, chest_analysis, skin_analysis, steady

ANSWER = FakeEngine.analyse
ROOT = Path(__file__).resolve().parents[2]
PICTURE = cv2.imencode(".png", np.random.default_rng(0).integers(0, 256, (60, 80)).astype(np.uint8))[1].tobytes()
needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names are bytes only there")


@pytest.fixture(autouse=True)
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "Engine", FakeEngine)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return put(tmp_path / "in" / "a.png")


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PICTURE)
    return path


def table(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


@needs_linux
def test_a_name_that_is_no_utf8_loses_nothing(picture: Path, tmp_path: Path) -> None:
    odd = put(tmp_path / os.fsdecode(b"caf\xe9.png"))
    assert main(["analyze", str(odd), str(picture), "--out", str(tmp_path / "out é")]) == 0
    rows = table(tmp_path / "out é")
    assert [row["file"] for row in rows] == [str(odd), str(picture)]
    assert "out é" in (tmp_path / "out é" / "results.json").read_text(encoding="utf-8")
    assert all(Path(path).is_file() for row in rows for path in row["results"][0]["heatmaps"].values())


def test_ctrl_c_keeps_what_was_answered(picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def impatient(self: FakeEngine, request: AnalysisRequest) -> Analysis:
        if request.file.endswith("b.png"):
            raise KeyboardInterrupt
        return ANSWER(self, request)

    monkeypatch.setattr(FakeEngine, "analyse", impatient)
    put(picture.with_name("b.png"))
    assert main(["analyze", str(picture.parent), "--out", str(tmp_path / "out")]) == 130
    assert [row["status"] for row in table(tmp_path / "out")] == ["ok"]


def program(stdout: int, *arguments: object) -> tuple[int, str]:
    """Exit code and stderr of the program with the fake engine and this stdout."""
    command = [sys.executable, "-m", "tests.cli.fakes", *map(str, arguments)]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=buffered, check=False, timeout=60
    )
    return done.returncode, done.stderr


@pytest.fixture
def closed_pipe() -> int:
    """The writing end of a pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.skipif(os.name == "nt", reason="a closed pipe is another error there")
@pytest.mark.parametrize("arguments", [["--help"], ["models"], ["analyze", "missing.png"]])
def test_a_reader_that_leaves_ends_it_without_a_word(closed_pipe: int, arguments: list[str]) -> None:
    assert program(closed_pipe, *arguments) == (1, "")


@pytest.mark.skipif(os.name == "nt", reason="a closed pipe is another error there")
def test_a_reader_that_leaves_does_not_stop_result_files(closed_pipe: int, picture: Path, tmp_path: Path) -> None:
    assert program(closed_pipe, "analyze", picture, picture, "--json", "--out", tmp_path / "out") == (0, "")
    assert len(table(tmp_path / "out")) == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("with_out", [False, True])
def test_a_full_disk_behind_stdout_is_told(picture: Path, tmp_path: Path, with_out: bool) -> None:
    out = ["--out", tmp_path / "out"] if with_out else []
    with open("/dev/full", "w") as full:
        code, said = program(full.fileno(), "analyze", picture, picture, *out)
    assert code == 1
    assert said.count("No space left on device") == len(said.splitlines()) == 1
    assert not with_out or len(table(tmp_path / "out")) == 2


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

    write = export.write_atomic
    monkeypatch.setattr(export, "write_atomic", full)
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


@pytest.mark.skipif(os.name == "nt", reason="signals are others there")
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_keeps_what_was_answered(
    capsys: pytest.CaptureFixture[str],
    picture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    code: int,
) -> None:
    number = getattr(signal, name)

    def ended(self: FakeEngine, request: AnalysisRequest) -> Analysis:
        if request.file.endswith("b.png"):
            os.kill(os.getpid(), number)
            time.sleep(10)
        return ANSWER(self, request)

    monkeypatch.setattr(FakeEngine, "analyse", ended)
    put(picture.with_name("b.png"))
    assert main(["analyze", str(picture.parent), "--out", str(tmp_path / "out")]) == code
    assert "Stopped." in capsys.readouterr().err
    assert [Path(row["file"]).name for row in table(tmp_path / "out")] == ["a.png"]
    assert signal.getsignal(number) is signal.SIG_DFL


@pytest.mark.skipif(os.name == "nt", reason="signals are others there")
def test_a_signal_that_is_ignored_stays_so(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(self: FakeEngine, request: AnalysisRequest) -> Analysis:
        os.kill(os.getpid(), signal.SIGHUP)
        return ANSWER(self, request)

    monkeypatch.setattr(FakeEngine, "analyse", ended)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert main(["analyze", str(picture)]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_every_answer_is_safe_before_the_next_file_is_read(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the program: nothing can be caught of `kill -9` or a power cut."""
    kept = []

    def look(self: FakeEngine, request: AnalysisRequest) -> Analysis:
        lines = (tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8").splitlines()
        kept.append([Path(json.loads(line)["file"]).name for line in lines])
        return ANSWER(self, request)

    monkeypatch.setattr(FakeEngine, "analyse", look)
    for name in ("b.png", "c.png"):
        put(picture.with_name(name))
    assert main(["analyze", str(picture.parent), "--out", str(tmp_path / "out")]) == 0
    assert kept == [[], ["a.png"], ["a.png", "b.png"]]
    lines = (tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == table(tmp_path / "out")


@pytest.mark.expected_logs
def test_a_defect_costs_one_file_alone(
    capsys: pytest.CaptureFixture[str], picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: FakeEngine, request: AnalysisRequest) -> Analysis:
        if request.file.endswith("b.png"):
            raise ValueError("Müller^Anna")
        return ANSWER(self, request)

    monkeypatch.setattr(FakeEngine, "analyse", broken)
    for name in ("b.png", "c.png"):
        put(picture.with_name(name))
    assert main(["analyze", str(picture.parent), "--json", "--out", str(tmp_path / "out")]) == 1
    rows = table(tmp_path / "out")
    assert [row["status"] for row in rows] == ["ok", "error", "ok"]
    assert rows[1]["reason"]["code"] == Code.INTERNAL
    assert "Anna" not in "".join(capsys.readouterr())


@pytest.mark.expected_logs
def test_a_reader_that_raises_costs_one_file_alone(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, **options: Any) -> Any:
        if path.name in ("b.png", "odd"):
            raise RuntimeError("LZMA")
        return read(path, **options)

    read = analyze.open_path
    monkeypatch.setattr(analyze, "open_path", broken)
    for name in ("b.png", "c.png", "odd"):
        put(picture.with_name(name))
    assert main(["analyze", str(picture.parent), "--out", str(tmp_path / "out")]) == 1
    assert [row["status"] for row in table(tmp_path / "out")] == ["ok", "error", "ok", "error"]


def test_private_is_passed_to_the_captions(picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []

    def lines(analysis: Analysis, frame: Frame, result: Any, label: Any, private: bool) -> list[str]:
        told.append(private)
        return ["A line"]

    monkeypatch.setattr(export, "caption_lines", lines)
    main(["analyze", str(picture), "--out", str(tmp_path / "a")])
    main(["analyze", str(picture), "--private", "--out", str(tmp_path / "b")])
    assert told == [False] * 3 + [True] * 3


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["analyze", "--help"]])
def test_help_into_a_full_disk_is_no_success(arguments: list[str], unbuffered: bool) -> None:
    command = [sys.executable, *(["-u"] if unbuffered else []), "-m", "medview", *arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "medview: the output cannot be written: No space left on device.\n"


@pytest.mark.skipif(os.name == "nt", reason="a shell closes no streams there")
def test_without_stdout_and_stderr_results_are_written_and_nothing_else_is_in_them(
    picture: Path, tmp_path: Path
) -> None:
    arguments = f"-m tests.cli.fakes analyze {picture} missing.png --out {tmp_path / 'out'}"
    command = ["sh", "-c", f"exec {sys.executable} {arguments} <&- >&- 2>&-"]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode == 1
    assert [row["status"] for row in table(tmp_path / "out")] == ["ok", "error"]
    lines = (tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["ok", "error"]


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


def test_a_table_tells_bands_sets_and_what_is_not_judged() -> None:
    seen = chest_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    seen = replace(seen, quality=(NEGATIVE,), results=tuple(steady(result) for result in seen.results))
    shown = "\n".join(_lines(seen))
    for expected in (
        "The film looks like a negative. Invert it.\n    Try: --invert",
        "        looks for 5 labels only, each by itself; they do not add up to one\n",
        "        knows only these 6 classes; anything else is called one of them\n",
        "      * Pleural effusion                      81.0%  (from 30.0%)   72.9% to  97.2%  ###################\n",
        "      * Atelectasis                           52.0%  (from 40.0%)   46.8% to  62.4%  ############\n",
        "        Consolidation                          8.0%                  7.2% to   9.6%  ##\n",
        "90% set: Viral pneumonia, Bacterial pneumonia",
        "not judged: Nodule, Hernia",
        "unstable: small changes of the picture speak for or against Bacterial pneumonia",
    ):
        assert expected in shown


def test_an_empty_set_is_said() -> None:
    seen = chest_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    seen = replace(seen, results=tuple(replace(r, prediction_set=r.prediction_set and ()) for r in seen.results))
    shown = "\n".join(_lines(seen))
    assert shown.count("90% set: no label is likely enough") == 1


def test_each_model_of_a_forced_answer_is_called_not_valid() -> None:
    seen = chest_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    heads = (
        "Chest X-ray, findings (chest-findings 1.0.0, CPU, 8 ms)",
        "Chest X-ray, six classes (chest-six 1.1.0, CPU, 9 ms)",
    )
    shown = list(_lines(seen))
    assert [line.strip() for line in shown if line.strip() in heads] == list(heads)
    forced = list(_lines(replace(seen, forced=True)))
    assert [f"    {head}; not valid here" in forced for head in heads] == [True, True]
    assert any("90% set" in line for line in shown)
    assert not any("90% set" in line for line in forced)


def test_a_contradiction_is_in_the_table() -> None:
    found = Failure(Code.CONTRADICTION, "A: Normal is most probable. B: Mass.", "At least one of them is wrong.")
    seen = chest_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    assert list(_lines(replace(seen, contradictions=(found,))))[-1] == f"    {found.text} {found.hint}"


def test_how_a_picture_was_read_is_in_the_table() -> None:
    seen = chest_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    assert list(_lines(replace(seen, notes=("Picture 1 of 2 in the file.",))))[-1] == "    Picture 1 of 2 in the file."


@pytest.mark.parametrize(("code", "kind"), [(Code.BLANK, ""), (Code.OTHER_KIND, ""), (Code.ROTATED, "  brain_mri 19%")])
def test_a_picture_of_nothing_is_given_no_kind(code: Code, kind: str) -> None:
    reason = Failure(code, "It is so.", "Do this.")
    lines = list(_lines(Analysis("x.png", 0, "refused", reason, "brain_mri", {"brain_mri": 0.19, "other": 0.8})))
    assert lines == [f"x.png  refused{kind}", "    It is so. Do this."]


def test_the_columns_of_a_table_stand_below_each_other() -> None:
    seen = chest_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    rows = [line for line in _lines(seen) if line.startswith(("      * ", "      + ", "        ")) and "%  " in line]
    assert len(rows) == 11
    assert {line.index("%  ") for line in rows} == {50}
    assert {line.index("(from") for line in rows if "(from" in line} == {53}
    assert {line.rindex("  #") for line in rows if "#" in line} == {65}
    assert "      + Viral pneumonia                       46.0%  (from 15.0%)  ###########" in rows
    assert "        Normal                                 4.0%                #" in rows


def test_a_normal_label_has_no_point_in_the_table() -> None:
    seen = skin_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    (result,) = seen.results
    points = {**result.card.operating_points, "nv": result.card.operating_points["mel"]}
    card = replace(result.card, operating_points=points)
    lines = list(_lines(replace(seen, results=(replace(result, card=card),))))
    assert "        Melanocytic naevus                    60.2%                ##############" in lines
    assert "      + Melanoma                              34.1%  (from 21.0%)  ########" in lines


def test_without_operating_points_there_is_no_column_for_them() -> None:
    seen = skin_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    card = replace(seen.results[0].card, operating_points={})
    lines = list(_lines(replace(seen, results=(replace(seen.results[0], card=card),))))
    assert "      + Melanoma                              34.1%  ########" in lines
