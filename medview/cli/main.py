"""The command line. Only the standard library is imported until a command needs more: `--version` is instant."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from medview import __version__
from medview.cli.console import SIGNALLED, UNREADABLE, USAGE, drop_stdout

EPILOG = """commands:
  medview [PATH ...]     open the window, with these files or folders
  medview analyze PATH   judge files without a window (medview analyze --help)
  medview inspect PATH   say what files are, and why one does not open
  medview models         list the models, their versions, hashes and self-tests
  medview demo           analyse the bundled samples and write result images
  medview bench          measure this machine, as JSON

medview is a second look for study and research. It is not a medical device."""


class Parser(argparse.ArgumentParser):
    """argparse, but help that cannot be written is an error, not silence, and an argument in a message, which may be a
    file's name, moves no terminal."""

    def _print_message(self, message: str, file: Any = None) -> None:
        lines = message.split("\n")
        if not all(map(str.isprintable, lines)):
            from medview.core.texts import printable

            lines = list(map(printable, lines))
        (file or sys.stderr).write("\n".join(lines))


class Stopped(KeyboardInterrupt):
    """A signal that asks the program to end, raised where it runs so that what it has is kept."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _window_parser() -> argparse.ArgumentParser:
    p = Parser(
        prog="medview",
        description="Open chest X-rays, brain MR slices and skin pictures, with calibrated local models.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("paths", nargs="*", type=_path, metavar="PATH", help="picture, DICOM file or folder to open")
    p.add_argument("--version", action="version", version=f"medview {__version__}")
    return p


def _frame(text: str) -> int | str:
    """`all`, `middle`, or a frame number from 0."""
    if text in ("all", "middle"):
        return text
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a frame number from 0, or all")
    return int(text)


def _count(text: str) -> int:
    """A number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def _path(text: str) -> str:
    """A path; an empty one, such as an unset variable of a shell gives, would mean the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("a path is empty")
    return text


def _analyze_parser() -> argparse.ArgumentParser:
    p = Parser(
        prog="medview analyze",
        description="Judge files or folders (searched with their subfolders). Exit code 0: every file was answered, "
        "which includes refused ones; 1: a file could not be read, or results could not be written; 2: wrong usage.",
    )
    p.add_argument("paths", nargs="+", type=_path, metavar="PATH", help="picture, DICOM file or folder")
    p.add_argument("--model", default="auto", metavar="ID", help="a model id of `medview models`, or auto (default)")
    p.add_argument(
        "--kind",
        default="",
        metavar="ID",
        help="say yourself what every picture is: chest_xray, brain_mr or skin_lesion; neither its header nor the gate "
        "overrules it, and it is recorded",
    )
    p.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where to run (default: auto)")
    p.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write masks, heatmap overlays with a caption and the list results.json here; nothing that is there is "
        "replaced, another run gets names with a number",
    )
    p.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    p.add_argument(
        "--frame",
        type=_frame,
        default="middle",
        metavar="N|all",
        help="frame of a file with several, from 0 (default: the middle one)",
    )
    p.add_argument(
        "--force",
        action="store_true",
        help="run the models on pictures that the gate refuses too; the results are not valid, and marked so",
    )
    p.add_argument("--invert", action="store_true", help="swap black and white of every picture before it is judged")
    p.add_argument(
        "--rotate", type=int, default=0, choices=(90, 180, 270), help="degrees clockwise, before it is judged"
    )
    p.add_argument(
        "--stability", action="store_true", help="with the range of each probability over small changes; slower"
    )
    p.add_argument("--private", action="store_true", help="captions name neither patient nor file")
    return p


def _inspect_parser() -> argparse.ArgumentParser:
    p = Parser(
        prog="medview inspect",
        description="Say of each file whether it opens, why not, and what it tells of itself. Folders are searched "
        "with their subfolders. Exit code 0: every file was described, which includes refused ones; 1: a file is not "
        "there or may not be read; 2: wrong usage.",
    )
    p.add_argument("paths", nargs="*", type=_path, metavar="PATH", help="file or folder")
    p.add_argument("--json", action="store_true", help="one JSON object a line instead of text")
    p.add_argument("--series", action="store_true", help="the series found, each with its files in display order")
    p.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return p


def _models_parser() -> argparse.ArgumentParser:
    p = Parser(prog="medview models", description="List the models with the result of their self-test.")
    p.add_argument("--json", action="store_true", help="one JSON object a line instead of a table")
    p.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where to run (default: auto)")
    p.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    return p


def _demo_parser() -> argparse.ArgumentParser:
    p = Parser(prog="medview demo", description="Analyse the bundled samples and write the results.")
    p.add_argument("--out", type=Path, metavar="DIR", default=Path("medview-demo"), help="default: ./medview-demo")
    return p


def _bench_parser() -> argparse.ArgumentParser:
    p = Parser(prog="medview bench", description="Measure how fast models and files are here, as JSON.")
    p.add_argument(
        "what",
        nargs="?",
        default="models",
        choices=("models", "imaging"),
        help="models (default), or imaging: reading files, against pydicom",
    )
    p.add_argument("--files", type=Path, metavar="DIR", help="imaging: also decode the compressed DICOM files in here")
    p.add_argument("--many", action="store_true", help="imaging: also index 10,000 files")
    p.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where to run (default: auto)")
    p.add_argument("--runs", type=_count, metavar="N", default=30, help="runs per figure (default: 30)")
    return p


def _analyze(options: argparse.Namespace) -> int:
    from medview.cli.analyze import analyze

    return analyze(options)


def _inspect(options: argparse.Namespace) -> int:
    from medview.cli.inspect import inspect

    return inspect(options)


def _models(options: argparse.Namespace) -> int:
    from medview.cli.models import models

    return models(options)


def _demo(options: argparse.Namespace) -> int:
    from medview.cli.analyze import demo

    return demo(options)


def _bench(options: argparse.Namespace) -> int:
    from medview.cli.bench import bench

    return bench(options)


COMMANDS: dict[str, tuple[Callable[[], argparse.ArgumentParser], Callable[[argparse.Namespace], int]]] = {
    "analyze": (_analyze_parser, _analyze),
    "inspect": (_inspect_parser, _inspect),
    "models": (_models_parser, _models),
    "demo": (_demo_parser, _demo),
    "bench": (_bench_parser, _bench),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run medview with the arguments of the process, or those given. Returns the exit code."""
    _fill_standard_streams()
    _show_any_name()
    try:
        code = _dispatch(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt as stop:
        print("Stopped.", file=sys.stderr)
        # As shells count: 130 for Ctrl-C, 143 for SIGTERM.
        return SIGNALLED + getattr(stop, "number", signal.SIGINT)
    except OSError as error:
        if error.filename is not None:  # not of a stream, so a defect
            raise
        drop_stdout()
        if not isinstance(error, BrokenPipeError):  # a reader such as `head` may leave early, without a word
            print(f"medview: the output cannot be written: {error.strerror}.", file=sys.stderr)
        return UNREADABLE


def _fill_standard_streams() -> None:
    """Where the program was started without stdin, stdout or stderr, they lead nowhere. Otherwise the first file that
    is opened would take their place, and what a library prints would end up in it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # It gets the lowest number that is free, which is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    # None also in a windowed program on Windows.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the whole run
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Within it, signals that would end the program at once raise `Stopped`; the first one, the others are ignored."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    # What ignores a signal, as nohup does, is left alone.
    numbers = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        numbers = []

    def stop(number: int, frame: object) -> None:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        raise Stopped(number)

    for number in numbers:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _dispatch(arguments: list[str]) -> int:
    try:
        if arguments and arguments[0] in COMMANDS:
            from medview.core.log import to_terminal

            make_parser, run = COMMANDS[arguments[0]]
            options = make_parser().parse_args(arguments[1:])
            to_terminal()
            _remove_left_files()
            with _stopped_by_signals():
                return run(options)
        parser = _window_parser()
        options = parser.parse_args(arguments)
        if meant := _mistyped(options.paths):
            parser.error(f"there is no file {options.paths[0]!r}; did you mean `medview {meant}`?")
        _remove_left_files()
        return _window(options)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE


def _remove_left_files() -> None:
    """Pictures of patients that a medview before this one had unpacked when it was killed; nobody waits for it."""
    from medview.core.scratch import sweep

    threading.Thread(target=sweep, daemon=True).start()


def _mistyped(paths: list[str]) -> str:
    """The command that the first path was probably meant to be, or empty: it is no file, and close to a command."""
    if not paths or os.path.lexists(paths[0]):
        return ""
    import difflib

    return next(iter(difflib.get_close_matches(paths[0], (*COMMANDS, "--version", "--help"), 1, 0.7)), "")


def _show_any_name() -> None:
    """Names that this console cannot show are written with escapes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _window(options: argparse.Namespace) -> int:
    try:
        from medview.ui.app import run
    except ImportError as error:
        print(
            f"The window cannot be opened: {error}\n"
            "`make run` in the source folder installs what is missing, or prints the command that does.\n"
            "`medview analyze` and `medview demo` work without a window.",
            file=sys.stderr,
        )
        return UNREADABLE
    return run(options.paths)
