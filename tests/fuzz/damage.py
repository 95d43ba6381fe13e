"""How much one-byte damage in compressed pictures is found: `python -m tests.fuzz.damage PATH ... [--count N]`.

In every file, `count` times one byte of the compressed data is set to another value. Of the changes that move a pixel
of the first frame by more than a tenth of its range, so many are refused, so many noted, the others pass unseen.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.imaging.dicom_header import read_dicom_header
from medview.imaging.dicom_pixels import locate
from medview.imaging.jpeg import parse_jpeg
from medview.imaging.open import open_path
from medview.imaging.study import DAMAGED_PART, Frame
from medview.imaging.walk import find_files

MOVED = 0.1
_NAMES = {
    "50": "JPEG baseline", "51": "JPEG extended", "57": "JPEG lossless", "70": "JPEG lossless", "80": "JPEG-LS",
    "81": "JPEG-LS near", "90": "JPEG 2000", "91": "JPEG 2000", "201": "HTJ2K", "202": "HTJ2K", "203": "HTJ2K",
}  # fmt: skip


def compressed_span(path: Path) -> tuple[str, int, int] | None:
    """The codec, and where the compressed data of the first frame lies in a file; None for others."""
    data = path.read_bytes()
    if data.startswith(b"\xff\xd8"):
        info = parse_jpeg(data)
        if info is None or not info.intervals:
            return None
        return f".jpg {'progressive' if info.process == 2 else 'baseline'}", *_outer(info.intervals)
    header = read_dicom_header(path)
    if isinstance(header, Failure) or not header.pixel_tag:
        return None
    pixels = locate(path, header)
    if isinstance(pixels, Failure) or not pixels.spans:
        return None
    name = "RLE" if header.syntax.endswith(".1.2.5") else _NAMES.get(header.syntax.rsplit(".", 1)[1])
    (start, _), *_ = pixels.spans[0]
    end = sum(pixels.spans[0][-1])
    info = parse_jpeg(data[start:end]) if name and name.startswith("JPEG") and "2000" not in name else None
    if info and info.intervals:
        first, last = _outer(info.intervals)
        return f"DICOM {name}", start + first, start + last
    # Behind the headers of the other streams, by a fair guess.
    return (f"DICOM {name}", start + min(64, (end - start) // 4), end) if name else None


def _outer(intervals: list[tuple[int, int]]) -> tuple[int, int]:
    return intervals[0][0], intervals[-1][1]


def first_values(path: Path) -> tuple[Frame, NDArray[Any]] | Failure:
    """The first frame of a file and its stored values."""
    study = open_path(path)
    if isinstance(study, Failure):
        return study
    values = study.frames[0].stored_values()
    return values if isinstance(values, Failure) else (study.frames[0], values)


def outcomes(path: Path, count: int, chance: random.Random, scratch: Path) -> Iterator[str]:
    """Of each change that moves a pixel: `refused`, `noted` or `unseen`; else `harmless`."""
    found, whole = compressed_span(path), first_values(path)
    if found is None or isinstance(whole, Failure):
        return
    frame, values = whole
    if DAMAGED_PART in frame.notes or frame.damage():
        yield "false alarm"
        return
    data, (_, start, end) = path.read_bytes(), found
    least = MOVED * (float(values.max()) - float(values.min()))
    for _ in range(count):
        changed = bytearray(data)
        changed[chance.randrange(start, end)] ^= chance.randrange(1, 256)
        scratch.write_bytes(changed)
        now = first_values(scratch)
        if isinstance(now, Failure):
            yield "refused"
        elif now[1].shape == values.shape and np.abs(now[1].astype(float) - values.astype(float)).max() <= least:
            yield "harmless"
        else:
            yield "noted" if DAMAGED_PART in now[0].notes or now[0].damage() else "unseen"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.damage", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=100, help="changes of each file")
    parser.add_argument("--files", type=int, default=20, help="files of each codec at most, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", action="store_true", help="a line for every file too")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    by_codec: dict[str, list[Path]] = defaultdict(list)
    for path in options.paths:
        for file in find_files(path):
            if found := compressed_span(file):
                by_codec[found[0]].append(file)
    with tempfile.TemporaryDirectory(prefix="medview-damage-") as name:
        for codec, files in sorted(by_codec.items()):
            told: Counter[str] = Counter()
            for file in chance.sample(files, min(options.files, len(files))):
                here = Counter(outcomes(file, options.count, chance, Path(name) / "changed"))
                told += here
                if options.each:
                    _say(f"  {file.name}", 1, here)
            _say(codec, min(options.files, len(files)), told)
    return 0


def _say(name: str, files: int, told: Counter[str]) -> None:
    moved = sum(told[outcome] for outcome in ("refused", "noted", "unseen"))
    share = (told["refused"] + told["noted"]) / moved if moved else 1.0
    counts = ", ".join(f"{outcome} {count}" for outcome, count in sorted(told.items()))
    sys.stdout.write(f"{name:<28} {files:3} files, {sum(told.values()):5} changes: {counts}; found {share:.1%}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
