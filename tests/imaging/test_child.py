"""The child process that reads files: answers, and what happens when a file breaks it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.imaging.child import ChildReader
from tests.imaging.make import dicom

FAKE = """
import sys, json, os, time
for line in sys.stdin:
    path = json.loads(line)
    if "dies" in path: os.abort()
    if "hangs" in path: time.sleep(60)
    print(json.dumps([{"file": path}]), flush=True)
"""


def test_a_file_that_breaks_the_child_costs_only_itself():
    with ChildReader(command=[sys.executable, "-c", FAKE]) as reader:
        assert reader.inspect(Path("a")) == [{"file": "a"}]
        died = reader.inspect(Path("dies"))
        assert isinstance(died, Failure)
        assert died.code is Code.CORRUPT
        assert "damaged so badly" in died.text
        assert reader.inspect(Path("b")) == [{"file": "b"}]


def test_a_file_that_hangs_is_given_up():
    with ChildReader(limit_s=0.3, command=[sys.executable, "-c", FAKE]) as reader:
        hung = reader.inspect(Path("hangs"))
        assert isinstance(hung, Failure)
        assert "0.3 s" in hung.text
    with ChildReader(command=[sys.executable, "-c", FAKE]) as reader:
        assert reader.inspect(Path("b")) == [{"file": "b"}]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")
def test_the_child_cannot_swell():
    code = """
from medview.imaging import child
import numpy as np
child.LIMIT_BYTES = 100_000_000
child._limit_memory()
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
