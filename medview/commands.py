"""What the commands `analyze`, `models` and `demo` do; they print, so nothing else has to."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from medview.cli import OK, UNREADABLE, USAGE
from medview.core.failures import Code, Failure
from medview.imaging.open import find_files, open_path
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from medview.inference.engine import AUTO, Engine

# Suffixes that promise a picture: in a folder, such a file is reported even when it cannot be read, others are skipped.
PICTURE_SUFFIXES = frozenset(
    [
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".tif",
        ".tiff",
        ".bmp",
        ".dib",
        ".webp",
        ".gif",
        ".dcm",
        ".dicom",
        ".ima",
    ]
)


@dataclass
class Output:
    """Where results go: stdout as a table or JSON lines, and a folder when one is given."""

    json: bool
    folder: Path | None
    written: list[dict[str, Any]]
    stems: set[str]

    def stem(self, path: Path, frame: int, many: bool) -> str:
        """A file name stem for the results of a frame that no other frame of this run has."""
        base = f"{path.stem}-frame{frame}" if many else path.stem
        name, number = base, 2
        while name.casefold() in self.stems:
            name, number = f"{base}-{number}", number + 1
        self.stems.add(name.casefold())
        return name

    def add(self, analysis: Analysis, files: dict[tuple[str, str], str]) -> None:
        """Print one analysis and keep it for results.json."""
        row = analysis.to_dict(files)
        self.written.append(row)
        if self.json:
            print(json.dumps(row), flush=True)
        else:
            print(*_lines(analysis), sep="\n", flush=True)

    def close(self) -> Failure | None:
        """Write results.json, if a folder was given."""
        if self.folder is None:
            return None
        from medview.report.export import write_json

        return write_json(self.folder / "results.json", self.written)


def _lines(analysis: Analysis) -> Iterator[str]:
    """The readable rows of one analysis."""
    frame = f" [frame {analysis.frame}]" if analysis.frame else ""
    kind = f"  {analysis.kind} {analysis.kind_scores[analysis.kind]:.0%}" if analysis.kind else ""
    forced = "  (forced)" if analysis.forced else ""
    yield f"{analysis.file}{frame}  {analysis.status}{kind}{forced}"
    if analysis.reason:
        yield f"    {analysis.reason.text} {analysis.reason.hint}"
    for result in analysis.results:
        card = result.card
        where = result.provider.removesuffix("ExecutionProvider")
        yield f"    {card.name} ({card.id} {card.version}, {where}, {result.ms:.0f} ms)"
        if result.probabilities:
            for label, p in sorted(result.probabilities.items(), key=lambda item: -item[1]):
                mark = "*" if label in result.findings else " "
                yield f"      {mark} {card.label(label).name:<36} {p:6.1%}  {'#' * round(p * 24)}"
        if result.mask:
            area = f", {result.mask.area_mm2:.0f} mm2" if result.mask.area_mm2 is not None else ""
            yield f"        {result.mask.count} pixels marked, {result.mask.fraction:.2%} of the picture{area}"
    for warning in analysis.warnings:
        yield f"    {warning.text} {warning.hint}"


def _collect(paths: list[Path]) -> Iterator[Path | Analysis]:
    """Files to look at; of a folder without pictures, the analysis that says so."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = False
        for file in find_files(path):
            if file.suffix.lower() in PICTURE_SUFFIXES or not _unknown(file):
                found = True
                yield file
        if not found:
            reason = Failure(
                Code.NO_IMAGES, "No picture was found in this folder.", "Choose the folder with the pictures."
            )
            yield Analysis(str(path), 0, "error", reason)


def _unknown(file: Path) -> bool:
    study = open_path(file)
    return isinstance(study, Failure) and study.code in (Code.UNKNOWN_FORMAT, Code.EMPTY_FILE)


def _frames(frames: tuple[Frame, ...], middle: int, wanted: int | str) -> list[Frame] | Failure:
    if isinstance(wanted, str):
        return list(frames) if wanted == "all" else [frames[middle]]
    if wanted < len(frames):
        return [frames[wanted]]
    return Failure(
        Code.NO_SUCH_FRAME,
        f"The file has {len(frames)} frame(s), numbered from 0; there is no frame {wanted}.",
        f"Choose a number from 0 to {len(frames) - 1}.",
    )


class _Progress:
    """One line on stderr that counts files, when a person is looking."""

    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()

    def show(self, number: int, path: Path) -> None:
        if self.shown:
            sys.stderr.write(f"\r\x1b[K{number}: {path.name[:60]}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _judge(
    engine: Engine, path: Path, wanted: int | str, model: str, force: bool, output: Output
) -> Iterator[tuple[Analysis, dict[tuple[str, str], str]]]:
    """Every wanted frame of one file, analysed and written."""
    study = open_path(path)
    frames = study if isinstance(study, Failure) else _frames(study.frames, study.middle, wanted)
    if isinstance(frames, Failure):
        yield Analysis(str(path), wanted if isinstance(wanted, int) else 0, "error", frames), {}
        return
    for frame in frames:
        values = frame.modality_values()
        if isinstance(values, Failure):
            yield Analysis(str(path), frame.index, "error", values), {}
            continue
        analysis = engine.analyse(frame, str(path), model=model, force=force, values=values)
        files: dict[tuple[str, str], str] = {}
        if output.folder is not None and analysis.results:
            written = _write(analysis, frame, values, output, many=len(frames) > 1)
            if isinstance(written, Failure):
                yield Analysis(str(path), frame.index, "error", written), {}
                continue
            files = written
        yield analysis, files


def _write(
    analysis: Analysis, frame: Frame, values: NDArray[Any], output: Output, many: bool
) -> dict[tuple[str, str], str] | Failure:
    from medview.report.export import write_outputs
    from medview.report.overlay import to_8bit

    assert output.folder is not None
    shown = to_8bit(values, frame.window, frame.inverted)
    return write_outputs(analysis, shown, output.folder, output.stem(frame.path, frame.index, many), mask_overlay=True)


def _say(failure: Failure) -> None:
    print(f"{failure.text} {failure.hint}", file=sys.stderr)


def _run(engine: Engine, paths: list[Path], wanted: int | str, model: str, force: bool, output: Output) -> int:
    progress, code = _Progress(), OK
    if output.folder is not None:
        try:
            output.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            print(f"The folder {output.folder} cannot be made: {error.strerror}.", file=sys.stderr)
            return USAGE
    for number, item in enumerate(_collect(paths), start=1):
        if isinstance(item, Analysis):
            code = UNREADABLE
            output.add(item, {})
            continue
        progress.show(number, item)
        for analysis, files in _judge(engine, item, wanted, model, force, output):
            progress.clear()
            output.add(analysis, files)
            if analysis.status == "error":
                code = UNREADABLE
    progress.clear()
    if failure := output.close():
        _say(failure)
        return UNREADABLE
    return code


def _quiet_pipe() -> None:
    """Let names that this console cannot show through, and end quietly when a reader such as `head` leaves early."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def analyze(options: argparse.Namespace) -> int:
    """`medview analyze`."""
    _quiet_pipe()
    engine = Engine(device=options.device)
    if options.model != AUTO and options.model not in engine.model_ids():
        print(
            f"medview analyze: there is no model {options.model!r}; choose auto or one of: "
            f"{', '.join(engine.model_ids()) or 'none installed'}.",
            file=sys.stderr,
        )
        return USAGE
    _warn_device(options.device)
    output = Output(options.json, options.out, [], set())
    try:
        return _run(engine, [Path(p) for p in options.paths], options.frame, options.model, options.force, output)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _warn_device(device: str) -> None:
    if device == "cuda":
        from medview.inference.runtime import cuda_usable

        if not cuda_usable():
            print("CUDA cannot be used on this machine; the CPU is used instead.", file=sys.stderr)


def models(options: argparse.Namespace) -> int:
    """`medview models`: every model folder, tested; exit code 1 when one is switched off."""
    _quiet_pipe()
    _warn_device(options.device)
    engine = Engine(device=options.device)
    rows = engine.statuses()
    if not rows:
        print(f"No models were found in {engine.registry.folder}.", file=sys.stderr)
        return UNREADABLE
    for row in rows:
        card = row.card
        state = "ok" if row.failure is None else f"off: {row.failure.text}"
        if options.json:
            record = {
                "id": row.folder,
                "version": card and card.version,
                "name": card and card.name,
                "task": card and card.task,
                "kind": card and card.kind,
                "sha256": card and card.sha256,
                "self_test": "ok" if row.failure is None else "failed",
                "self_test_ms": row.self_test_ms,
                "self_test_difference": row.self_test_difference,
                "reason": row.failure
                and {"code": row.failure.code, "text": row.failure.text, "hint": row.failure.hint},
            }
            print(json.dumps(record))
            continue
        print(f"{row.folder:<20} {card.version if card else '?':<8} {card.sha256[:16] if card else '?':<17} {state}")
        if row.failure is None:
            print(f"{'':<20} {card.name if card else ''}; self-test {row.self_test_ms:.0f} ms")
    return OK if all(row.failure is None for row in rows) else UNREADABLE


def demo(options: argparse.Namespace) -> int:
    """`medview demo`: the bundled samples, results as pictures and results.json."""
    from medview.imaging.samples import samples

    _quiet_pipe()
    output = Output(False, options.out, [], set())
    code = _run(Engine(), [sample.path for sample in samples()], "middle", AUTO, False, output)
    print(f"Result images and results.json are in {options.out}.")
    return code
