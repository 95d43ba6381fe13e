"""The child process that reads files: answers, and what happens when a file breaks it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.imaging import child, facts
from medview.imaging.child import ChildReader
from medview.imaging.facts import Facts, refusal
from tests.imaging.make import dicom

FAKE = """
import sys, json, os, signal, threading, time
def tell(**what): print(json.dumps(what), flush=True)
if "mute" in sys.argv: sys.exit(3)
tell(ready=True)
for line in sys.stdin:
    path = json.loads(line)
    if "dies" in path: os.abort()
    if "killed" in path: os.kill(os.getpid(), signal.SIGKILL)
    if "hangs" in path: time.sleep(60)
    if "spins" in path:
        for second in range(100): tell(work=second)
        time.sleep(60)
    if "works" in path:
        for second in range(0, 100, 5): tell(work=second); tell(step=True)
    tell(row={"file": path})
    if "half" in path: os.abort()
    tell(end=True)
"""


def fake(*arguments: str, wait_s: float = 60) -> ChildReader:
    return ChildReader(command=[sys.executable, "-c", FAKE, *arguments], wait_s=wait_s)


def failed(reader: ChildReader, name: str) -> Failure:
    failure = reader.inspect(Path(name))
    assert isinstance(failure, Failure)
    assert failure.hint
    return failure


def test_a_file_that_breaks_the_child_costs_only_itself():
    with fake() as reader:
        assert reader.inspect(Path("a")) == [{"file": "a"}]
        died = failed(reader, "dies")
        assert died.code is Code.CORRUPT
        assert died.text == "dies is damaged so badly that reading it fails."
        assert reader.inspect(Path("b")) == [{"file": "b"}]


def test_an_archive_that_breaks_the_child_in_its_middle_keeps_what_was_read():
    with fake() as reader:
        first, last = reader.inspect(Path("half"))
        assert first == {"file": "half"}
        assert (last["file"], last["outcome"]) == ("half", "refuse-corrupt")


def test_a_file_that_takes_too_much_work_is_given_up_but_not_one_that_gets_on():
    with fake() as reader:
        spun = failed(reader, "spins")
        assert (spun.code, spun.text) == (
            Code.CORRUPT, "spins was not read after 30 s of work; reading it was stopped.",
        )  # fmt: skip
        assert reader.inspect(Path("works")) == [{"file": "works"}]


OWN = "The file itself was not judged."


@pytest.mark.skipif(os.name != "posix", reason="signals are a thing of POSIX systems")
def test_a_reader_that_is_ended_from_outside_says_nothing_of_the_file():
    with fake() as reader:
        killed = failed(reader, "killed")
        assert killed.code is Code.READER_FAILED
        assert killed.text == f"The process that reads files was ended while it read killed. {OWN}"
        assert reader.inspect(Path("b")) == [{"file": "b"}]


def test_a_reader_that_waits_says_nothing_of_the_file():
    with fake(wait_s=0.5) as reader:
        hung = failed(reader, "hangs")
        assert hung.code is Code.READER_FAILED
        assert OWN in hung.text


def test_a_reader_that_cannot_start_says_nothing_of_the_file(tmp_path: Path):
    with fake("mute") as reader:
        mute = failed(reader, "a.png")
        assert mute.code is Code.READER_FAILED
        assert mute.text == f"medview could not start the process that reads a.png. {OWN}"
        assert mute.detail == "exit 3"
    with ChildReader(command=[str(tmp_path / "no program")]) as reader:
        assert failed(reader, "a.png").code is Code.READER_FAILED
    assert refusal("a.png", mute).outcome == "not-read"


def test_a_defect_says_nothing_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: object):
    def defect(*_: object, **__: object) -> Iterator[Facts]:
        raise KeyError("a defect of medview")

    monkeypatch.setattr(facts, "inspect_each", defect)
    told: list[dict[str, Any]] = []
    child._answer(tmp_path / "a.png", lambda **message: told.append(message))
    assert [list(message) for message in told] == [["row"], ["end"]]
    assert (told[0]["row"]["outcome"], told[0]["row"]["code"]) == ("not-read", "internal")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_the_child_cannot_swell():
    code = """
from medview.core.program import limit_memory
import numpy as np
limit_memory(100_000_000)
np.ones(5_000_000, np.uint8)
try:
    np.ones(200_000_000, np.uint8)
except MemoryError:
    print("no more")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "no more\n"


@pytest.mark.parametrize("name", ["plain.dcm", "é ж 你.dcm", 'quote".dcm'])
def test_the_real_child_answers(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(dicom(np.arange(6, dtype=np.uint16).reshape(2, 3)))
    with ChildReader() as reader:
        found = reader.inspect(path)
    assert not isinstance(found, Failure)
    assert found[0]["stored"] == {"min": 0, "max": 5, "mean": 2.5}
    assert json.loads(json.dumps(found)) == found


def test_the_child_reads_a_large_archive_and_leaves_nothing_behind(tmp_path: Path, own_home: Path):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number in range(500):
            file.writestr(f"{number}.txt", b"no picture")
    with ChildReader() as reader:
        found = reader.inspect(path)
        assert not isinstance(found, Failure)
        assert len(found) == 500
        (own,) = (own_home / "cache" / "unpacked").glob("*[!k]")
        assert list(own.iterdir()) == []
    assert list((own_home / "cache" / "unpacked").iterdir()) == []
