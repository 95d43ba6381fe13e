"""What dcmtk makes of grey pictures: `python -m tests.imaging.dcmtk_reference` writes dcmtk_reference.json anew.

It needs dcmtk's command line (dcmj2pnm, dcml2pnm) and, for the files of the corpus, the corpus. Kept of each rendering
is a digest of its grey values (rows by columns, 8 bit) and their mean: no picture.

How dcmtk is called: overlays off (-O), no scaling, windows of the file (+Wi), tone curves of the file (+Wl), the whole
range (+Wm) and a window of our own (+Ww), these two as a straight line (+Wfl) and the last one as a sigmoid (+Wfs).
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.imaging.open import open_path
from medview.imaging.study import Frame
from medview.imaging.walk import find_files
from medview.imaging.window import Window
from tests.conftest import shared_data
from tests.imaging.seeds import DICOM, SHOWN

CORPUS = shared_data() / "dicom"
REFERENCE = Path(__file__).with_suffix(".json")
TOOLS = ("dcmj2pnm", "dcml2pnm")
# dcmtk 3.6.7 decodes this one (16 bits, encoded by libjpeg-turbo) to other values than were put in.
MISREAD = ("jpeg lossless",)


def first_grey(path: Path) -> tuple[Frame, NDArray[Any]] | None:
    """The first frame of a file and its modality values, None where it has no grey ones."""
    study = open_path(path)
    if isinstance(study, Failure):
        return None
    values = study.frames[0].modality_values()
    return None if isinstance(values, Failure) or values.ndim != 2 else (study.frames[0], values)


def cases(frame: Frame, values: NDArray[Any]) -> Iterator[tuple[str, Window]]:
    """How to call dcmtk, and the window that is the same."""
    whole = np.trunc(values)
    yield "+Wm +Wfl", Window.from_range(float(whole.min()), float(whole.max()))
    low, high = np.percentile(whole, (10, 90))
    own = Window(float(round((low + high) / 2)), float(max(2, round(high - low))))
    yield f"+Ww {own.centre:g} {own.width:g} +Wfl", own
    yield f"+Ww {own.centre:g} {own.width:g} +Wfs", Window(own.centre, own.width, sigmoid=True)
    windows = [preset.window for preset in frame.presets if preset.window.curve is None]
    curves = [preset.window for preset in frame.presets if preset.window.curve is not None]
    yield from ((f"+Wi {number}", window) for number, window in enumerate(windows, 1))
    if not frame.inverted:  # where dcmtk's range is one level short
        yield from ((f"+Wl {number}", window) for number, window in enumerate(curves, 1))


def digest(grey: NDArray[np.uint8]) -> list[Any]:
    """What the reference keeps of a rendering: the start of its SHA-256, and its mean to see how far off one is."""
    return [hashlib.sha256(grey.tobytes()).hexdigest()[:16], round(float(grey.mean()), 3)]


def rendered(path: Path, how: str) -> NDArray[np.uint8] | None:
    """dcmtk's picture, None where dcmtk does not make one."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.pgm"
        for tool in TOOLS:
            done = subprocess.run(
                [tool, "-q", "-O", "-S", "+op", *how.split(), str(path), str(out)],
                stderr=subprocess.DEVNULL,
                check=False,
            )
            if done.returncode == 0:
                return cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    return None


def reference_of(path: Path) -> dict[str, list[Any]]:
    """By the call, the digest of what dcmtk makes of a file."""
    found = first_grey(path)
    pictures = {how: rendered(path, how) for how, _ in cases(*found)} if found else {}
    return {how: digest(grey) for how, grey in pictures.items() if grey is not None}


def synthetic(folder: Path) -> dict[str, Path]:
    """The files that are made for the tests, by name."""
    paths = {}
    for name, data in ({name: file for name, (file, _) in DICOM.items()} | SHOWN).items():
        paths[name] = folder / f"{name}.dcm"
        paths[name].write_bytes(data)
    return paths


def main() -> None:
    """Write the reference."""
    with tempfile.TemporaryDirectory() as folder:
        made = {name: reference_of(path) for name, path in synthetic(Path(folder)).items() if name not in MISREAD}
    corpus = {path.relative_to(CORPUS).as_posix(): reference_of(path) for path in find_files(CORPUS)}
    version = subprocess.run([TOOLS[0], "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    tables = {"synthetic": made, "corpus": corpus}
    kept = {name: {file: found for file, found in table.items() if found} for name, table in tables.items()}
    REFERENCE.write_text(json.dumps({"dcmtk": version, **kept}, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
