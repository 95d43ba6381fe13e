"""The compressed DICOM files of a folder, decoded by medview and by what else is installed, in turns.

Peers: pydicom with the plug-ins that are there, SimpleITK, and dcmtk's command line. medview, pydicom and SimpleITK are
measured from path to array in this process, dcmtk as a whole process that writes an uncompressed file. SimpleITK and
dcmtk decode every frame of a file, the others the first.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.imaging.dicom_codecs import JPEG, JPEG_LS, NATIVE, RLE
from medview.imaging.open import open_path
from medview.imaging.walk import find_files

_TOOLS = {RLE: "dcmdrle", **dict.fromkeys(JPEG, "dcmdjpeg"), **dict.fromkeys(JPEG_LS, "dcmdjpls")}
_PLUGINS = ("pydicom", "pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle", "gdcm", "SimpleITK")


class NoPeer(RuntimeError):
    """Why a peer has no figure for a file."""


def measure_peers(folder: Path, runs: int) -> dict[str, Any]:
    """Medians of processor time in ms by file, medview's in `ratio` to a peer's (measured in turns), and by peer the
    files that it decodes faster than medview."""
    rows = {str(path.relative_to(folder)): _row(path, syntax, runs) for path, syntax in _compressed(folder)}
    peers = sorted({name for row in rows.values() for name in row["ratio"]})
    return {
        "versions": dict(_versions()),
        "cpu_ms": rows,
        "slower_than": {peer: [name for name, row in rows.items() if row["ratio"].get(peer, 0) > 1] for peer in peers},
    }


def _versions() -> Iterator[tuple[str, str]]:
    for name in _PLUGINS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)
    if shutil.which("dcmdjpeg"):
        done = subprocess.run(["dcmdjpeg", "--version"], capture_output=True, text=True, check=False)
        yield "dcmtk", done.stdout.split()[2]


def _compressed(folder: Path) -> Iterator[tuple[Path, str]]:
    """The compressed files that medview decodes, with their transfer syntax."""
    from medview.imaging.dicom_header import read_dicom_header

    for path in find_files(folder):
        header = read_dicom_header(path)
        if isinstance(header, Failure) or header.syntax in NATIVE or not header.pixel_tag:
            continue
        if not isinstance(first_frame(path), Failure):
            yield path, header.syntax


def first_frame(path: Path) -> NDArray[Any] | Failure:
    """Stored values of the first frame of a file."""
    study = open_path(path)
    return study if isinstance(study, Failure) else study.frames[0].stored_values()


def first_frame_by_pydicom(path: Path) -> NDArray[Any]:
    """The same by pydicom alone. Raises what pydicom does."""
    from pydicom import dcmread
    from pydicom.pixels import pixel_array

    return pixel_array(dcmread(path), index=0, raw=True)


def _row(path: Path, syntax: str, runs: int) -> dict[str, Any]:
    from medview.imaging.dicom_errors import parse_errors

    row: dict[str, Any] = {"medview": _median_ms(lambda: first_frame(path), runs)}
    refused, ratio = {}, {}
    errors: tuple[type[Exception], ...] = (RuntimeError, *parse_errors())
    with tempfile.TemporaryDirectory(prefix="medview-bench-") as folder:
        for name, run in _peers(path, syntax, Path(folder)).items():
            try:
                mine, row[name] = _in_turns(lambda: first_frame(path), run, runs)
                ratio[name] = round(mine / row[name], 2) if row[name] else 1.0
            except errors as error:
                row[name], refused[name] = None, type(error).__name__
    return {**row, "ratio": ratio, **({"not_read": refused} if refused else {})}


def _peers(path: Path, syntax: str, folder: Path) -> dict[str, Callable[[], float | None]]:
    """By name what to run; it returns its own processor time in ms, None for that of this process."""

    def pydicom() -> None:
        first_frame_by_pydicom(path)

    def simpleitk() -> None:
        library = importlib.import_module("SimpleITK")
        library.ProcessObject.SetGlobalWarningDisplay(False)
        library.GetArrayFromImage(library.ReadImage(str(path)))

    def dcmtk() -> float:
        return _process_ms([_TOOLS[syntax], "-q", str(path), str(folder / "out.dcm")])

    peers: dict[str, Callable[[], float | None]] = {"pydicom": pydicom}
    if importlib.util.find_spec("SimpleITK"):
        peers["simpleitk"] = simpleitk
    if syntax in _TOOLS and shutil.which(_TOOLS[syntax]):
        peers["dcmtk"] = dcmtk
    return peers


def _process_ms(command: list[str]) -> float:
    """Processor time of a whole process. Raises NoPeer where it fails or the system does not tell (outside Unix)."""
    try:
        import resource
    except ImportError as error:
        raise NoPeer from error
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise NoPeer
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def _timed(run: Callable[[], Any]) -> float:
    started = time.process_time()
    told = run()
    return told if isinstance(told, float) else (time.process_time() - started) * 1e3


def _median_ms(run: Callable[[], Any], runs: int) -> float:
    _timed(run)
    return round(float(np.median([_timed(run) for _ in range(runs)])), 2)


def _in_turns(ours: Callable[[], Any], theirs: Callable[[], Any], runs: int) -> tuple[float, float]:
    """Medians in ms, measured in turns: what else runs on the machine meets both."""
    _timed(ours), _timed(theirs)
    pairs = [(_timed(ours), _timed(theirs)) for _ in range(runs)]
    mine, peer = np.median(pairs, axis=0)
    return round(float(mine), 2), round(float(peer), 2)
