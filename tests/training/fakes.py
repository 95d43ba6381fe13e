"""An engine that needs no network, for the tests of the evaluation."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from medview.core.failures import Code, Failure
from medview.inference.analysis import Analysis, Result
from medview.inference.request import AnalysisRequest
from tests.inference.cards import card

TOY = card(
    labels=[{"id": "dark", "name": "Dark"}, {"id": "bright", "name": "Bright"}, {"id": "pneumonia", "name": "P"}]
)
REFUSED = Failure(Code.OTHER_KIND, "no", "open another")


class Brightness:
    """Calls a picture bright by its mean, refuses what is black, and points at the brightest quarter."""

    registry = SimpleNamespace(cards={"toy": TOY})

    def analyse(self, request: AnalysisRequest) -> Analysis:
        values = request.frame.modality_values() if request.values is None else request.values
        assert not isinstance(values, Failure)
        share = float(values.mean()) / 255
        probabilities = {"dark": 1 - share, "bright": share, "pneumonia": 0.0}
        rows, cols = (n // 2 * 2 for n in values.shape[:2])
        grid = values[:rows, :cols].reshape(2, rows // 2, 2, cols // 2).mean(axis=(1, 3)).astype(np.float32)
        bands = {k: (max(0.0, p - 0.1), p + 0.1) for k, p in probabilities.items()} if request.stability else None
        result = Result(
            TOY, "CPU", 1.0, probabilities, (), heatmaps=dict.fromkeys(probabilities, grid), stability=bands
        )
        return Analysis(request.file, 0, "ok", REFUSED if share < 0.05 else None, results=(result,))


def picture(folder: Path, name: str, level: int) -> Path:
    path = folder / name
    path.write_bytes(cv2.imencode(".png", np.full((64, 64), level, np.uint8))[1].tobytes())
    return path
