"""An engine without a network, for tests of what the commands do with answers: every picture is fine.

`python -m tests.cli.fakes ARGUMENTS` is the whole program with it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from medview.cli import models
from medview.cli.main import main
from medview.core.failures import Code, Failure
from medview.core.jobs import Token
from medview.inference.analysis import Analysis, Result
from medview.inference.registry import ModelStatus
from medview.inference.request import AnalysisRequest
from tests.inference.cards import card

OFF = Failure(Code.MODEL_DAMAGED, "The model toy is damaged.", "Install it again.")


class FakeEngine:
    """Takes every picture for a chest X-ray and answers in exactly one millisecond."""

    def __init__(self, folder: Path | None = None, device: str = "auto") -> None:
        self.card = card()
        self.registry = SimpleNamespace(cards={"toy": self.card}, broken={}, folder=folder, load=lambda id: OFF)

    def model_ids(self) -> list[str]:
        return ["toy"]

    def statuses(self) -> list[ModelStatus]:
        return [ModelStatus("toy", self.card, None, 1.0, 0.0)]

    def analyse(self, request: AnalysisRequest, token: Token | None = None) -> Analysis:
        heat = {label.id: np.ones((2, 2), np.float32) for label in self.card.labels}
        chances = {"normal": 0.5, "a": 0.3, "b": 0.2}
        result = Result(self.card, "CPUExecutionProvider", 1.0, chances, (), heatmaps=heat)
        return Analysis(
            request.file, request.frame.index, "ok", None, "chest_xray", {"chest_xray": 1.0}, (result,), total_ms=1.0
        )


if __name__ == "__main__":
    models.Engine = FakeEngine  # type: ignore[assignment,misc]
    sys.exit(main())
