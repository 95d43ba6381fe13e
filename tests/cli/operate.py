"""Runs of the command line and what they write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from medview.cli.main import main
from medview.core.samples import Sample, samples

ROOT = Path(__file__).resolve().parents[2]
PICTURE = cv2.imencode(".png", np.random.default_rng(0).integers(0, 256, (60, 80)).astype(np.uint8))[1].tobytes()


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PICTURE)
    return path


def table(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def program(stdout: int, *arguments: object) -> tuple[int, str]:
    """Exit code and stderr of the program with the fake engine and this stdout."""
    command = [sys.executable, "-m", "tests.cli.fakes", *map(str, arguments)]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=buffered, check=False, timeout=60
    )
    return done.returncode, done.stderr


def sample(kind: str) -> Sample:
    return next(s for s in samples() if s.kind == kind)


def analyze(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict[str, Any]]]:
    code = main(["analyze", *map(str, arguments), "--json", "--device", "cpu"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]
