"""What the commands `analyze`, `models` and `demo` do; they print, so nothing else has to."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from medview.cli.console import OK, UNREADABLE, USAGE, say
from medview.cli.models import make_engine
from medview.cli.output import Output
from medview.core.failures import Code, Failure
from medview.core.jobs import one_of_many
from medview.core.texts import Text, printable
from medview.imaging.scan import Found, read_all, scan
from medview.imaging.study import Frame, Study
from medview.inference.analysis import Analysis, ResultFiles
from medview.inference.corrections import INVERT, Correction, rotation
from medview.inference.engine import Engine
from medview.inference.gate import GATE_MODEL
from medview.inference.request import AUTO, AnalysisRequest


def _scan(paths: list[Path], out: Path | None, step: Callable[[Path], None]) -> Iterator[Found]:
    """What is to be judged. What lies in the folder `out` is left aside: the program must not judge its own results."""
    own, named = out.resolve() if out else None, frozenset(paths)

    def is_own(path: Path) -> bool:
        return own is not None and path not in named and path.resolve().is_relative_to(own)

    return scan(paths, read_all, step, pictures_only=True, leave_out=is_own)


def _frames(study: Study, wanted: int | str) -> list[Frame] | Failure:
    frames = study.frames
    if isinstance(wanted, str):
        return list(frames) if wanted == "all" else [frames[study.middle]]
    if wanted < len(frames):
        return [frames[wanted]]
    return Failure(
        Code.NO_SUCH_FRAME,
        Text(
            "There is no frame {wanted}; medview reads {frames} of this file ({description}), counted from 0.",
            wanted=wanted,
            frames=len(frames),
            description=study.description,
        ),
        Text("Choose a number from 0 to {last}.", last=len(frames) - 1)
        if len(frames) > 1
        else Text("Leave --frame away."),
    )


class _Progress:
    """One line on stderr that counts files, when a person is looking."""

    def __init__(self) -> None:
        self.shown, self.number = sys.stderr.isatty(), 1

    def show(self, path: Path) -> None:
        if self.shown:
            sys.stderr.write(f"\r\x1b[K{self.number}: {printable(path.name[:60])}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@dataclass(frozen=True)
class Wanted:
    """What is done with every file: the frame wanted (a number, `middle` or `all`), and what its request says."""

    frame: int | str = "middle"
    model: str = AUTO
    force: bool = False
    corrections: tuple[Correction, ...] = ()
    stability: bool = False
    kind: str = ""

    def request(self, frame: Frame, file: str, values: NDArray[Any]) -> AnalysisRequest:
        """What the engine is asked about one frame."""
        return AnalysisRequest(frame, file, values, self.model, self.corrections, self.kind, self.force, self.stability)


Answer = tuple[Analysis, Mapping[str, ResultFiles]]


def _judge(engine: Engine, found: Found, wanted: Wanted, output: Output) -> Iterator[Answer]:
    """Every wanted frame of one file, analysed and written."""
    study, file = found.what, str(found.path)
    assert study is not None, "read_all opens every file"
    frames = study if isinstance(study, Failure) else _frames(study, wanted.frame)
    if isinstance(study, Failure) or isinstance(frames, Failure):
        number = wanted.frame if isinstance(wanted.frame, int) and not found.is_folder else 0
        yield Analysis(file, number, "error", frames if isinstance(frames, Failure) else None), {}
        return
    for frame in frames:
        many = study.shares_file(frame)
        answer = one_of_many(partial(_judge_frame, engine, frame, file, wanted, output, many))
        yield (Analysis(file, frame.index, "error", answer), {}) if isinstance(answer, Failure) else answer


def _judge_frame(engine: Engine, frame: Frame, file: str, wanted: Wanted, output: Output, many: bool) -> Answer:
    """One frame, analysed and written; what cannot be written becomes a warning of the analysis."""
    started = time.perf_counter()
    values = frame.modality_values()
    decoding_ms = (time.perf_counter() - started) * 1e3
    if isinstance(values, Failure):
        return Analysis(file, frame.index, "error", values, total_ms=decoding_ms), {}
    analysis = engine.analyse(wanted.request(frame, file, values))
    analysis = replace(analysis, total_ms=decoding_ms + analysis.total_ms)
    if output.saver is None or not analysis.results:
        return analysis, {}
    from medview.report.saver import first_seen

    saved = output.saver.save(analysis, first_seen(frame, values, wanted.corrections, many))
    if isinstance(saved, Failure):
        output.failed = True
        return replace(analysis, warnings=(*analysis.warnings, saved)), {}
    return analysis, saved.files


def _run(engine: Engine, paths: list[Path], wanted: Wanted, output: Output) -> int:
    if not output.open():
        return USAGE
    progress, code = _Progress(), OK
    try:
        for found in _scan(paths, output.folder, progress.show):
            for analysis, files in _judge(engine, found, wanted, output):
                progress.clear()
                output.add(analysis, files)
                if analysis.status == "error":
                    code = UNREADABLE
            progress.number += 1
        output.explain()
    finally:  # also after Ctrl-C or another signal: what was answered is kept
        progress.clear()
        output.close()
        output.say_where()
    return UNREADABLE if output.failed else code


def analyze(options: argparse.Namespace) -> int:
    """`medview analyze`."""
    engine = make_engine(options.device)
    if engine is None:
        return UNREADABLE
    if options.model != AUTO and options.model not in engine.model_ids():
        known = ", ".join(engine.model_ids()) or "none installed"
        say(f"medview analyze: there is no model {options.model!r}; choose auto or one of: {known}.")
        return USAGE
    if options.kind and options.kind not in engine.kinds():
        known = ", ".join(engine.kinds()) or _no_kinds(engine)
        say(f"medview analyze: there is no kind of picture {options.kind!r}; choose one of: {known}.")
        return USAGE
    output = Output(options.json, options.out, options.private)
    turns: tuple[Correction, ...] = (rotation(options.rotate // 90),) if options.rotate else ()
    corrections = ((INVERT,) if options.invert else ()) + turns
    wanted = Wanted(options.frame, options.model, options.force, corrections, options.stability, options.kind)
    return _run(engine, [Path(p) for p in options.paths], wanted, output)


def _no_kinds(engine: Engine) -> str:
    """Why there is no kind of picture to choose."""
    if not engine.model_ids():
        return "none, for no model is installed"
    return f"none, for the model {GATE_MODEL}, which knows the kinds, is missing or switched off"


def demo(options: argparse.Namespace) -> int:
    """`medview demo`: the bundled samples, results as pictures and results.json."""
    from medview.core.samples import samples

    engine = make_engine("auto")
    if engine is None:
        return UNREADABLE
    output = Output(False, options.out)
    return _run(engine, [sample.path for sample in samples()], Wanted(), output)
