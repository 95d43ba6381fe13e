"""`medview bench`: how fast this machine is, as JSON. Times are medians of many runs, so that two machines compare."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medview import __version__
from medview.cli import OK
from medview.core.failures import Failure
from medview.imaging.open import open_path
from medview.imaging.samples import samples
from medview.inference.engine import Engine
from medview.inference.preprocess import preprocess
from medview.inference.registry import Model, Registry
from medview.inference.runtime import physical_cores

COLD_RUNS = 5


def _times(run: Callable[[], object], runs: int) -> dict[str, float]:
    """Median and 90th percentile of `run` in milliseconds, after one run that is not counted."""
    run()
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        run()
        taken.append((time.perf_counter() - started) * 1e3)
    return {"median_ms": round(float(np.median(taken)), 2), "p90_ms": round(float(np.percentile(taken, 90)), 2)}


def _models(registry: Registry, runs: int) -> dict[str, Any]:
    """Per model: session load, self-test, and one run of preprocessing and network at batch 1."""
    rows: dict[str, Any] = {}
    picture = np.random.default_rng(0).integers(0, 256, (1024, 1024)).astype(np.uint8)
    for id, card in registry.cards.items():
        model = registry.load(id)
        if not isinstance(model, Model):
            rows[id] = {"off": model.text}
            continue
        tensor = preprocess(picture, card.preprocess)
        rows[id] = {
            "load_ms": round(model.load_ms, 1),
            "self_test_ms": round(model.self_test_ms, 1),
            "provider": model.network.provider,
            "preprocess_1024": _times(partial(preprocess, picture, card.preprocess), runs),
            "network": _times(partial(model.network.run, tensor), runs),
        }
    return rows


def _file_to_answer(engine: Engine, path: Path) -> None:
    study = open_path(path)
    assert not isinstance(study, Failure)
    engine.analyse(study.frames[study.middle], str(path))


def _process(arguments: list[str]) -> dict[str, float]:
    """Wall time of the whole program from start to end, median of a few."""
    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "medview"]
    taken = []
    for _ in range(COLD_RUNS):
        started = time.perf_counter()
        subprocess.run([*program, *arguments], stdout=subprocess.DEVNULL, check=True)
        taken.append((time.perf_counter() - started) * 1e3)
    return {"median_ms": round(float(np.median(taken)), 1)}


def _peak(path: Path) -> float | None:
    """Largest resident memory of one analysis in MiB, where the system tells (Linux): read by the child itself, since
    what the parent is told of its children counts the parent's own memory as well."""
    status = Path("/proc/self/status")
    if not status.exists() or getattr(sys, "frozen", False):
        return None
    code = (
        "import sys; from medview.cli import main; main(sys.argv[1:]); "
        "print([l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')][0], file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "analyze", str(path), "--json"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True, text=True)
    return round(int(done.stderr.split()[-1]) / 1024, 1)


def bench(options: argparse.Namespace) -> int:
    """Print one JSON object; see README, "Speed"."""
    engine = Engine(device=options.device)
    report: dict[str, Any] = {
        "medview": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": physical_cores(),
        "models": _models(engine.registry, options.runs),
        "file_to_answer_warm": {
            sample.path.name: _times(partial(_file_to_answer, engine, sample.path), options.runs)
            for sample in samples()
        },
        "version_cold": _process(["--version"]),
        "analyze_cold": _process(["analyze", str(samples()[0].path), "--json"]),
        "analyze_peak_mib": _peak(samples()[0].path),
    }
    print(json.dumps(report, indent=1))
    return OK
