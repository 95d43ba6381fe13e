"""`medview bench`: how fast this machine is, as JSON. Times are medians of many runs, so that two machines compare."""

from __future__ import annotations

import argparse
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
from medview.cli.console import OK, UNREADABLE, say
from medview.cli.models import make_engine
from medview.core import program
from medview.core.failures import Failure
from medview.core.samples import Sample, samples
from medview.core.texts import to_json
from medview.imaging.open import open_path
from medview.inference.engine import Engine
from medview.inference.gate import OTHER
from medview.inference.preprocess import preprocess
from medview.inference.registry import Model, Registry
from medview.inference.request import AnalysisRequest
from medview.inference.runtime import physical_cores

COLD_RUNS = 5


class NotMeasured(Exception):
    """Why there are no figures, in words: the time of a run that failed is no figure."""


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
    for id in sorted({*registry.cards, *registry.broken}):
        model = registry.load(id)
        if not isinstance(model, Model):
            raise NotMeasured(f"The model {id} is switched off. {model.text} {model.hint}")
        card = model.card
        tensor = preprocess(picture, card.preprocess)
        rows[id] = {
            "load_ms": round(model.load_ms, 1),
            "self_test_ms": round(model.self_test_ms, 1),
            "provider": model.network.provider,
            "preprocess_1024": _times(partial(preprocess, picture, card.preprocess), runs),
            "network": _times(partial(model.network.run, tensor), runs),
        }
    return rows


def _file_to_answer(engine: Engine, sample: Sample) -> None:
    """Open, decode and judge a sample. Raises NotMeasured when the answer is not what it should be."""
    study = open_path(sample.path)
    if isinstance(study, Failure):
        raise NotMeasured(f"The sample {sample.path.name} does not open. {study.text}")
    analysis = engine.analyse(AnalysisRequest(study.frames[study.middle], str(sample.path)))
    if analysis.warnings or analysis.status != ("refused" if sample.kind == OTHER else "ok"):
        why = next(filter(None, (analysis.reason, *analysis.warnings)), None)
        raise NotMeasured(f"The sample {sample.path.name}: {analysis.status}. {why.text if why else ''}")


def _child(command: list[str]) -> str:
    """Run a program to its end; its stderr. Raises NotMeasured when it fails."""
    done = subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        text=True,
        env=program.environment(),
    )
    if done.returncode:
        raise NotMeasured(f"{' '.join(command)} ended with {done.returncode}. {done.stderr.strip()[-500:]}")
    return done.stderr


def _process(arguments: list[str]) -> dict[str, float]:
    """Wall time of the whole program from start to end, median of a few."""
    taken = []
    for _ in range(COLD_RUNS):
        started = time.perf_counter()
        _child(program.command(*arguments))
        taken.append((time.perf_counter() - started) * 1e3)
    return {"median_ms": round(float(np.median(taken)), 1)}


def _peak(arguments: list[str]) -> float | None:
    """Largest resident memory of one run in MiB, where the system tells (Linux): read by the child itself, since what
    the parent is told of its children counts the parent's own memory as well."""
    status = Path("/proc/self/status")
    if not status.exists() or getattr(sys, "frozen", False):
        return None
    code = (
        "code = main(); "
        "print([l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')][0], file=sys.stderr); "
        "sys.exit(code)"
    )
    return round(int(_child(program.command(*arguments, code=code)).split()[-1]) / 1024, 1)


def _machine() -> dict[str, Any]:
    return {
        "medview": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": physical_cores(),
    }


def _report(engine: Engine, device: str, runs: int) -> dict[str, Any]:
    """All figures. Raises NotMeasured."""
    pictures = samples()
    if not pictures:
        raise NotMeasured("The samples of medview are missing. Install medview again.")
    analyze = ["analyze", str(pictures[0].path), "--json", "--device", device]
    return {
        **_machine(),
        "models": _models(engine.registry, runs),
        "file_to_answer_warm": {p.path.name: _times(partial(_file_to_answer, engine, p), runs) for p in pictures},
        "version_cold": _process(["--version"]),
        "analyze_cold": _process(analyze),
        "analyze_peak_mib": _peak(analyze),
    }


def bench(options: argparse.Namespace) -> int:
    """Print the figures as one JSON object."""
    if options.what == "imaging":
        from medview.cli.bench_imaging import measure

        figures = {**_machine(), "imaging": measure(options.runs, options.files, many=options.many)}
        print(to_json(figures, indent=1))
        return OK
    engine = make_engine(options.device)
    if engine is None:
        return UNREADABLE
    try:
        report = _report(engine, options.device, options.runs)
    except NotMeasured as reason:
        say(f"medview bench: {reason}")
        return UNREADABLE
    print(to_json(report, indent=1))
    return OK
