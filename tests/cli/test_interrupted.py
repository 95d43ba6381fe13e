"""Results when a run is interrupted: signals, pipes whose reader has left, full disks, defects. No network runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from medview.cli.main import main
from medview.core.failures import Code
from medview.imaging import scan
from medview.inference.analysis import Analysis
from medview.inference.request import AnalysisRequest
from tests.cli.fakes import FakeEngine
from tests.cli.operate import ROOT, program, put, table

pytestmark = pytest.mark.usefixtures("fake_engine")
ANSWER = FakeEngine.analyse


def test_ctrl_c_keeps_what_was_answered(picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def impatient(self: FakeEngine, request: AnalysisRequest) -> Analysis:
        if request.file.endswith("b.png"):
            raise KeyboardInterrupt
        return ANSWER(self, request)

    monkeypatch.setattr(FakeEngine, "analyse", impatient)
    put(picture.with_name("b.png"))
    assert main(["analyze", str(picture.parent), "--out", str(tmp_path / "out")]) == 130
    assert [row["status"] for row in table(tmp_path / "out")] == ["ok"]


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

    read = scan.open_path
    monkeypatch.setattr(scan, "open_path", broken)
    for name in ("b.png", "c.png", "odd"):
        put(picture.with_name(name))
    assert main(["analyze", str(picture.parent), "--out", str(tmp_path / "out")]) == 1
    assert [row["status"] for row in table(tmp_path / "out")] == ["ok", "error", "ok", "error"]


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
