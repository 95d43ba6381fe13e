"""medview as a child of itself: what a folder of pictures may hold, and what is left when a process is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from medview.core import program, scratch
from tests.imaging.make import dicom, png, ramp_picture

EVIL = "open({mark!r}, 'a').write(__file__ + chr(10))\nraise SystemExit(7)\n"


def wait_for(what: object, seconds: float = 30) -> None:
    """Until `what()` is true."""
    until = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def evil(tmp_path: Path) -> tuple[Path, Path]:
    """A folder with two pictures and with modules that medview imports, and the file that these write when they run."""
    folder, mark = tmp_path / "é ж 你 ", tmp_path / "mark"
    code = EVIL.format(mark=str(mark))
    for package in ("medview", "numpy", "pydicom", "encodings"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text(code)
    for module in ("json", "cv2", "imagecodecs", "nibabel", "argparse", "site", "sitecustomize", "runpy", "struct"):
        (folder / f"{module}.py").write_text(code)
    (folder / "a.png").write_bytes(png(ramp_picture(), 2))
    (folder / "b.dcm").write_bytes(dicom(np.arange(6, dtype=np.uint16).reshape(2, 3)))
    return folder, mark


def test_nothing_of_the_current_folder_runs_in_a_child(evil: tuple[Path, Path]):
    folder, mark = evil
    code = """if True:
        import os, sys
        from pathlib import Path
        from medview.imaging.child import ChildReader
        os.chdir(sys.argv[1])
        os.environ["PYTHONPATH"] = os.pathsep.join((".", "", "relative", os.environ.get("PYTHONPATH", "")))
        with ChildReader() as reader:
            print([row["outcome"] for name in ("a.png", "b.dcm") for row in reader.inspect(Path(name))])
    """
    done = subprocess.run([sys.executable, "-P", "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout == "['opens', 'opens']\n"
    assert not mark.exists(), mark.read_text()


def test_the_benchmark_starts_its_children_as_safely(evil: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch):
    from medview.cli import bench

    folder, mark = evil
    monkeypatch.chdir(folder)
    monkeypatch.setattr(bench, "COLD_RUNS", 1)
    assert bench._process(["--version"])["median_ms"] > 0
    assert (bench._peak(["--version"]) or 1) > 0
    assert not mark.exists(), mark.read_text()


def test_a_child_keeps_the_places_that_do_not_depend_on_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", "lib", str(tmp_path), ""]))
    monkeypatch.setenv("KEPT", "é ж 你 ")
    assert program.environment()["PYTHONPATH"] == str(tmp_path)
    assert program.environment()["KEPT"] == "é ж 你 "
    monkeypatch.setenv("PYTHONPATH", ".")
    assert "PYTHONPATH" not in program.environment()


def test_a_frozen_program_is_its_own_child(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert program.command("inspect", "--worker") == [sys.executable, "inspect", "--worker"]


OWNER = """if True:
    import sys, time
    from medview.core import scratch
    folder = scratch.new_folder()
    open(folder.name + "/patient", "w").write("x")
    print(folder.name, flush=True)
    if sys.argv[1] == "stay":
        time.sleep(60)
"""


def owner(end: str) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen([sys.executable, "-c", OWNER, end], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_folders_go_with_their_process_or_at_the_next_start(own_home: Path):
    process, folder = owner("stay")
    other, gone = owner("end")
    assert other.wait() == 0
    assert not gone.parent.exists()
    assert (folder / "patient").is_file()
    scratch.sweep()
    assert (folder / "patient").is_file()  # its owner lives
    mine = scratch.new_folder()
    process.kill()
    process.wait()
    assert (folder / "patient").is_file()
    scratch.sweep()
    assert not folder.parent.exists()
    left = sorted(path.suffix for path in (own_home / "cache" / "unpacked").iterdir())
    assert left == ["", ".lock"]
    assert Path(mine.name).is_dir()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_nobody_else_may_look_into_a_folder():
    made = scratch.new_folder()
    folder = Path(made.name)
    assert [path.stat().st_mode & 0o777 for path in (scratch.root(), folder.parent, folder)] == [0o700] * 3


def test_a_child_ends_with_its_parent(tmp_path: Path):
    """The parent is killed while the child is at work: the child notices by its stdin, and does not go on."""
    mark = tmp_path / "alive"
    child = f"""if True:
        import sys, time
        from medview.core.program import end_with_parent
        end_with_parent()
        while True:
            open({str(mark)!r}, "a").write("x")
            time.sleep(0.02)
    """
    parent = f"""if True:
        import subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", {child!r}], stdin=subprocess.PIPE)
        time.sleep(60)
    """
    process = subprocess.Popen([sys.executable, "-c", parent])
    wait_for(mark.exists)
    process.kill()
    process.wait()

    def still() -> bool:
        size = mark.stat().st_size
        time.sleep(0.3)
        return mark.stat().st_size == size

    wait_for(still)


def test_the_next_start_removes_what_a_killed_program_left(own_home: Path, capsys: pytest.CaptureFixture[str]):
    from medview.cli.main import main

    process, folder = owner("stay")
    process.kill()
    process.wait()
    assert (folder / "patient").is_file()
    assert main(["inspect", str(own_home / "absent")]) == 1
    wait_for(lambda: not folder.parent.exists())


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the child")
def test_a_killed_inspection_ends_its_child_and_leaves_nothing_for_long(tmp_path: Path, own_home: Path):
    """`medview inspect` is killed while its child unpacks an archive: the child ends, the next start cleans up."""
    path = tmp_path / "large.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number in range(10_000):
            file.writestr(f"{number}", b"not a picture")
    parent = subprocess.Popen(program.command("inspect", str(path)), env=program.environment(), stdout=subprocess.PIPE)
    folder = own_home / "cache" / "unpacked"
    wait_for(lambda: len(list(folder.rglob("*"))) > 50 if folder.exists() else False)
    assert Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()  # it has one
    parent.kill()
    parent.wait()

    def swept() -> bool:
        # As long as the child lives it holds the lock on its folder.
        scratch.sweep()
        return not any(path.is_dir() for path in folder.iterdir())

    wait_for(swept)


@pytest.mark.skipif(sys.platform == "win32", reason="there a file that is open cannot be removed")
def test_a_folder_has_its_lock_although_a_sweep_comes_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDVIEW_HOME", str(tmp_path))
    take, calls = scratch._take, []

    def swept_before(file: IO[bytes]) -> None:
        calls.append(file)
        if len(calls) == 1:
            scratch.sweep()
        take(file)

    monkeypatch.setattr(scratch, "_take", swept_before)
    with scratch.new_folder() as folder:
        assert len(calls) == 3  # ours, the sweep's, and ours again
        assert Path(folder).parent.with_suffix(".lock").exists()
        scratch.sweep()
        assert Path(folder).exists()
