"""The head that tells dermatoscopy from what only looks like it as a whole. Needs PyTorch's environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("sklearn", reason="scikit-learn is not installed: make train-setup")
pytest.importorskip("tomli_w", reason="tomli-w is not installed: make train-setup")

from sklearn.datasets import load_sample_image

from medview.inference.engine import Engine
from medview.inference.gate import lookalike
from medview.inference.request import AnalysisRequest
from medview.inference.runtime import Network
from tests.inference.asked import made
from tests.training.toy import toy_config
from training.data.samples import Sample
from training.ship import gate_lookalike


class Brightness:
    """Features of one number that tells: the mean."""

    def run(self, tensor: NDArray[Any]) -> dict[str, NDArray[Any]]:
        return {"features": np.array([[tensor.mean(), 1.0]], np.float32)}


def picture(sample: Sample) -> tuple[NDArray[np.uint8], bool]:
    """Skin is bright, all else dark."""
    rng = np.random.default_rng(int(sample.path.name))
    return rng.integers(0, 60, (48, 64, 3)).astype(np.uint8) + np.uint8(150 * (sample.label == "skin_lesion")), False


def test_the_head_is_fitted_on_train_and_its_limit_lets_the_skin_of_val_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_lookalike, "read_values", picture)
    monkeypatch.setattr(gate_lookalike, "VIEWS", 2)
    found = []
    for number in range(40):
        label, source = [("skin_lesion", "s"), ("other", "made"), ("skin_lesion", "s"), ("other", "ood photo")][
            number % 4
        ]
        found.append(Sample(Path(str(number)), label, "train" if number < 28 else "val", str(number), source))
    config = toy_config(labels=("skin_lesion", "other"), colour="rgb")
    network = cast(Network, Brightness())
    arrays, limits = gate_lookalike.fit_lookalike(network, found, config)
    assert set(arrays) == {"lookalike_weights_skin_lesion", "lookalike_bias_skin_lesion"}
    assert (arrays["lookalike_weights_skin_lesion"].shape, arrays["lookalike_bias_skin_lesion"].shape) == ((2,), ())
    limit = limits["max_lookalike_skin_lesion"]
    rows, owners = gate_lookalike.part_features(network, found[28:], config)
    assert np.bincount(owners).tolist() == [3] * 12
    scores = [lookalike(row, arrays, "skin_lesion") for row in rows]
    ours = np.array([s.label == "skin_lesion" for s in found[28:]])
    # 99.5 per cent of six pictures: all but the darkest.
    assert (np.array(scores)[ours] > limit).sum() == 1
    assert (np.array(scores)[~ours] > limit).all()


def test_a_random_part_is_half_of_each_side_at_least() -> None:
    values = np.zeros((40, 60, 3), np.uint8)
    for seed in range(50):
        rows, cols = sorted(gate_lookalike.random_part(np.random.default_rng(seed), values).shape[:2])
        assert 16 <= rows <= 60
        assert 20 <= cols <= 60


@pytest.mark.parametrize("name", ["flower.jpg", "china.jpg"])
def test_a_photo_that_passed_as_skin_once_is_refused(name: str) -> None:
    engine = Engine(device="cpu")
    analysis = engine.analyse(AnalysisRequest(made(np.ascontiguousarray(load_sample_image(name))), name))
    assert (analysis.status, analysis.kind) == ("refused", "other")
