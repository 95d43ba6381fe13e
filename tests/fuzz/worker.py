"""The process that reads damaged files: a number comes in on a line, what happened goes out as a line of JSON.

With each mutant: how long it took (processor time, so that a busy machine does not count) and how far the memory went.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from medview.core.failures import Failure
from medview.imaging.dicom_seg import read_segmentation
from medview.imaging.facts import inspect_path
from medview.imaging.open import open_path
from medview.imaging.study import Study
from medview.imaging.window import to_8bit, usual_window
from medview.inference.preprocess import Preprocess, preprocess
from medview.inference.quality import measure
from tests.fuzz.mutants import mutant

FRAMES = 3
_RULES = (Preprocess((224, 224), "rgb", "range"), Preprocess((224, 224), "grey", "stretch", region="lungs"))


def read(path: Path) -> str:
    """All that medview does to a file before a network sees it; the outcome in a word."""
    facts = inspect_path(path)
    study = open_path(path)
    if not isinstance(study, Study):
        if study.code == "segmentation":
            read_segmentation(path)
        return facts[0].outcome if facts else "empty"
    for frame in study.frames[:FRAMES]:
        values = frame.modality_values()
        if isinstance(values, Failure):
            continue
        if values.shape[:2] != (frame.rows, frame.cols):
            raise AssertionError(f"{values.shape} for {frame.rows} x {frame.cols}")
        frame.damage()
        for overlay in frame.overlays:
            overlay.marked()
        to_8bit(values, frame.window or (usual_window(values, frame.padding) if values.ndim == 2 else None),
                frame.inverted, frame.padding)  # fmt: skip
        measure(values, frame.inverted)
        for rule in _RULES:
            preprocess(values, rule, frame.inverted)
    return facts[0].outcome if facts else "empty"


def trial(path: Path, data: bytes) -> dict[str, Any]:
    """Write a mutant, read it, tell: `outcome`, or `escape` with the traceback; `s`, and `mb` at the highest."""
    path.write_bytes(data)
    reset_peak()
    before = time.process_time()
    told: dict[str, Any] = {}
    try:
        told["outcome"] = read(path)
    except Exception:  # noqa: BLE001 - what is looked for
        told["escape"] = traceback.format_exc()
    return {**told, "s": round(time.process_time() - before, 3), "mb": round(peak_mb())}


def reset_peak() -> None:
    """Let the highest memory be counted anew (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_mb() -> float:
    """Highest resident memory since then, MB; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM")), 0)


def main() -> None:
    """`python -m tests.fuzz.worker SEED [FOLDER]`."""
    seed, folder = int(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(prefix="medview-fuzz-") as name:
        for line in sys.stdin:
            number = int(line)
            kind, data = mutant(seed, number, folder)
            told = {"number": number, "kind": kind, **trial(Path(name) / "mutant", data)}
            answers.write(json.dumps(told).encode() + b"\n")
            answers.flush()


if __name__ == "__main__":
    main()
