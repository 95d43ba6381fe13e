"""Frames to analyse, of the samples and made here, and what is asked for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.core.samples import samples
from medview.imaging.open import open_path
from medview.imaging.study import Frame
from medview.inference.request import AnalysisRequest


def sample(kind: str) -> Frame:
    path = next(s.path for s in samples() if s.kind == kind)
    study = open_path(path)
    assert not isinstance(study, Failure)
    return study.frames[0]


def sample_grey(kind: str) -> NDArray[Any]:
    values = sample(kind).modality_values()
    assert not isinstance(values, Failure)
    return values if values.ndim == 2 else values[:, :, 0]


def ask(frame: Frame, **options: Any) -> AnalysisRequest:
    return AnalysisRequest(frame, "x", **options)


def made(values: NDArray[np.generic], inverted: bool = False) -> Frame:
    return Frame(Path("made.png"), 0, values.shape[0], values.shape[1], "", lambda: values, inverted)
