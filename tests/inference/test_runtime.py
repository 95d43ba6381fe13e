"""ONNX Runtime keeps to itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from medview.core.resources import SOURCE, find

LOADED = """
from pathlib import Path
from medview.inference.runtime import Network
Network(Path({model!r}).read_bytes(), "cpu")
"""


def test_it_collects_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    smallest = min(find("models").glob("*/model.onnx"), key=lambda path: path.stat().st_size)
    places = {name: str(tmp_path) for name in ("TMPDIR", "TEMP", "TMP", "HOME")}
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(
        [sys.executable, "-c", LOADED.format(model=str(smallest))], env=kept | places, cwd=SOURCE, check=True
    )
    assert list(tmp_path.iterdir()) == []
