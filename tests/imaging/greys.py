"""DICOM files of grey, and the grey that is shown of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medview.core.failures import Failure
from medview.imaging.open import open_path
from medview.imaging.study import Frame
from medview.imaging.window import render
from tests.imaging.make import dicom

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
SYNTAXES = pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
# 0 to 4032 in steps of 64, along the columns.
RAMP = np.tile(np.arange(64, dtype=np.uint16) * 64, (2, 1))
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def frame_of(
    tmp_path: Path, pixels: np.ndarray[Any, Any] | bytes = RAMP, syntax: str = EXPLICIT, **elements: Any
) -> Frame:
    """The first frame of a DICOM file."""
    path = tmp_path / "a.dcm"
    if not isinstance(pixels, bytes):
        pixels = dicom(pixels.astype(pixels.dtype.newbyteorder(">")) if syntax == BIG else pixels, syntax, **elements)
    path.write_bytes(pixels)
    study = open_path(path)
    assert not isinstance(study, Failure), study
    return study.frames[0]


def grey_of(frame: Frame) -> list[int]:
    """The grey of columns 0, 16, 32, 48 and 62 in the last row, as it is first shown."""
    values = frame.modality_values()
    assert not isinstance(values, Failure), values
    shown = render(values, frame.first_window(values), frame.inverted, padding=frame.padding)
    return [int(shown[-1, column]) for column in (0, 16, 32, 48, 62)]


def table(first: int, entries: np.ndarray[Any, Any], bits: int, vr: str, order: str = "<") -> Sequence:
    """A LUT sequence of one item; `vr`: that of the descriptor where the file tells it."""
    item = Dataset()
    count = len(entries) % 65536
    item.add_new(
        "LUTDescriptor", vr, [count, first & 0xFFFF if vr == "US" else (first & 0xFFFF ^ 0x8000) - 0x8000, bits]
    )
    item.add_new("LUTData", "OW", entries.astype(order + "u2").tobytes())
    return Sequence([item])


def patched(keyword_of: dict[str, str], syntax: str = EXPLICIT, **elements: Any) -> bytes:
    """A DICOM file whose numbers (DS, IS) are written as given, which pydicom would not do."""
    marks = {key: str(n) * (len(text) + len(text) % 2) for n, (key, text) in enumerate(keyword_of.items(), 1)}
    data = dicom(RAMP.astype(">u2") if syntax == BIG else RAMP, syntax, **elements, **marks)
    for keyword, text in keyword_of.items():
        assert data.count(marks[keyword].encode()) == 1, keyword
        data = data.replace(marks[keyword].encode(), text.encode().ljust(len(marks[keyword])))
    return data
