"""Grey as dcmtk renders it, of the corpus and of files made for it (dcmtk_reference.py; dcmtk itself is not needed).

The same to the last grey level, with these exceptions:

- dcmtk cuts modality values off to whole numbers before it windows them. PS3.3 C.11.1 knows no such step, so medview
  keeps the fraction. Where slopes are fractional, what is compared is our rendering of the values cut off, which must
  be dcmtk's; ours of the values themselves may differ from it by as much as a step of one value makes.
- dcmtk shows padding like any other value; medview shows it black (PS3.3 C.7.5.1.1.2). It is rendered here without.
- Tone curves of MONOCHROME1 pictures: dcmtk's inverted range is one level short, so black is 1; left out.
- JPEG 2000 and float pixels, which dcmtk does not read; left out.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from medview.imaging.window import Window, render
from tests.imaging.dcmtk_reference import CORPUS, REFERENCE, cases, digest, first_grey, synthetic

PART = Path(__file__).parent.parent / "data" / "dicom"
REFERENCES = json.loads(REFERENCE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return synthetic(tmp_path_factory.mktemp("made"))


@pytest.mark.parametrize("name", REFERENCES["synthetic"])
def test_made_files(made: dict[str, Path], name: str):
    compare(made[name], REFERENCES["synthetic"][name])


@pytest.mark.parametrize("file", [file for file in REFERENCES["corpus"] if (PART / file).is_file()])
def test_part_of_the_corpus(file: str):
    compare(PART / file, REFERENCES["corpus"][file])


@pytest.mark.data
@pytest.mark.parametrize("file", REFERENCES["corpus"])
def test_corpus(file: str):
    compare(CORPUS / file, REFERENCES["corpus"][file])


def compare(path: Path, reference: dict[str, list[object]]) -> None:
    found = first_grey(path)
    assert found is not None
    frame, values = found
    whole = values if values.dtype.kind != "f" else np.trunc(values)
    windows = dict(cases(frame, values))
    shown = {how: render(whole, windows[how], frame.inverted) for how in reference}
    assert {how: digest(grey) for how, grey in shown.items()} == reference
    if values.dtype.kind == "f":
        for how, grey in shown.items():
            off = np.abs(render(values, windows[how], frame.inverted).astype(int) - grey)
            assert off.max() <= _levels(windows[how])


def _levels(window: Window) -> float:
    """Grey levels that one modality value makes at most, and one for the cut."""
    steepest = 1 / window.width if window.sigmoid else 1 / max(window.width - 1, 1)
    return 255 * steepest + 1
