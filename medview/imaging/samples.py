"""The sample pictures that come with the program."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

# Beside the code, also in the frozen program: PyInstaller keeps `__file__` of collected packages inside its folder.
FOLDER = Path(__file__).resolve().parent.parent / "samples"


@dataclass(frozen=True)
class Sample:
    """One picture to try the program with.

    Attributes:
        path: the file. title: what it is known to show; said beside what the models say of it.
        kind: what the gate should take it for, `other` where no model fits.
        source, licence, citation: where it is from; NOTICE.md in its folder says what was changed.
    """

    path: Path
    title: str
    source: str
    licence: str
    kind: str
    citation: str


def samples(folder: Path = FOLDER) -> list[Sample]:
    """All samples in the order of samples.toml; those whose file is missing are left out, and so is a broken list."""
    try:
        entries = tomllib.loads((folder / "samples.toml").read_text(encoding="utf-8")).get("sample", [])
        found = [
            Sample(folder / e["file"], e["title"], e["source"], e["licence"], e["kind"], e["citation"]) for e in entries
        ]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError):
        return []
    return [sample for sample in found if sample.path.is_file()]
