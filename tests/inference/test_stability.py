"""The range of each probability over small changes of the picture."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from medview.core.jobs import Cancelled, Token
from medview.inference.analysis import Result
from medview.inference.postprocess import class_probabilities, sigmoid
from medview.inference.registry import Model
from medview.inference.stability import variations, with_stability
from tests.inference.cards import card

RAMP = np.linspace(0.0, 1.0, 100, dtype=np.float32)[None].repeat(50, axis=0)
POINT = {"threshold": 0.5, "sensitivity": 0.9, "specificity": 0.8, "ppv": 0.8}


class Answers:
    """A network that gives one row of logits after the other."""

    def __init__(self, rows: list[list[float]]) -> None:
        self.rows = iter(rows)
        self.seen: list[NDArray[Any]] = []

    def run(self, tensor: NDArray[Any]) -> dict[str, NDArray[Any]]:
        self.seen.append(tensor)
        return {"logits": np.array([next(self.rows)])}


def steadied(first: list[float], rows: list[list[float]], **changes: Any) -> Result:
    made = card(**changes)
    result = Result(made, "CPU", 1.0, class_probabilities(made, np.array(first)), ())
    model = cast(Model, SimpleNamespace(card=made, network=Answers(rows)))
    return with_stability(model, result, np.zeros((4, 4), np.float32), Token())


def test_the_seven_changes_are_what_they_say() -> None:
    right, down, smaller, larger, lighter, darker, mirrored = variations(RAMP)
    step = RAMP[0, 1]
    assert right[10, 50] == pytest.approx(RAMP[10, 48], abs=1e-6)
    assert (right[:, :3] == 0).all()
    assert down == pytest.approx(RAMP, abs=1e-6)
    assert larger[10, 90] - larger[10, 10] == pytest.approx(80 * step / 1.03, rel=0.01)
    assert smaller[10, 90] - smaller[10, 10] == pytest.approx(80 * step / 0.97, rel=0.01)
    assert lighter == pytest.approx(RAMP**0.9)
    assert darker == pytest.approx(RAMP**1.1)
    assert (mirrored == RAMP[:, ::-1]).all()
    assert all(changed.dtype == np.float32 and changed.shape == RAMP.shape for changed in variations(RAMP))


def test_rows_move_down_and_colours_stay_together() -> None:
    tall = np.repeat(RAMP.T[:, :, None], 3, axis=2)
    down = list(variations(tall))[1]
    assert down.shape == tall.shape
    assert down[50, 10] == pytest.approx(tall[48, 10], abs=1e-6)


def test_the_band_holds_the_answer_and_every_change() -> None:
    rows = [[0.0, 0.0, 0.0]] * 6 + [[2.0, 0.0, 0.0]]
    result = steadied([1.0, 0.0, 0.0], rows)
    stated = np.exp([1.0, 0.0, 0.0]) / np.exp([1.0, 0.0, 0.0]).sum()
    most = np.exp(2.0) / (np.exp(2.0) + 2)
    assert result.probabilities is not None
    assert result.probabilities["normal"] == pytest.approx(stated[0])
    assert result.stability is not None
    assert result.stability["normal"] == pytest.approx((1 / 3, most))
    assert result.stability["a"] == pytest.approx((1 / (np.exp(2.0) + 2), 1 / 3))
    assert result.unstable == ()


def test_a_label_that_comes_out_first_makes_the_answer_unstable() -> None:
    rows = [[1.0, 0.0, 0.0]] * 6 + [[0.0, 0.0, 3.0]]
    assert steadied([1.0, 0.0, 0.0], rows).unstable == ("b",)


def test_an_independent_label_is_unstable_when_it_crosses_its_operating_point() -> None:
    points = {"a": POINT, "b": POINT}
    rows = [[0.0, 0.2, -3.0]] * 6 + [[0.0, -0.1, -2.0]]
    result = steadied([0.0, 0.1, -3.0], rows, task="multilabel", operating_points=points)
    assert result.stability is not None
    assert result.stability["a"] == pytest.approx((float(sigmoid([-0.1])[0]), float(sigmoid([0.2])[0])))
    assert result.unstable == ("a",)


def test_a_segmentation_has_no_band_and_a_cancelled_job_stops() -> None:
    made = card()
    model = cast(Model, SimpleNamespace(card=made, network=Answers([])))
    outline = Result(made, "CPU", 1.0, None, ())
    assert with_stability(model, outline, RAMP, Token()) is outline
    token = Token()
    token.cancel()
    with pytest.raises(Cancelled):
        with_stability(model, Result(made, "CPU", 1.0, {"normal": 1.0}, ()), RAMP, token)
