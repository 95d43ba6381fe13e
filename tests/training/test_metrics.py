"""Figures against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: make train-setup")

from training.metrics import (
    balanced_accuracy,
    calibration_error,
    confusion,
    dice,
    interval,
    macro_auc,
    youden_point,
)


def test_balanced_accuracy_is_the_mean_recall() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1])
    assert balanced_accuracy(truth, np.array([0, 0, 0, 1, 1, 0])) == pytest.approx((0.75 + 0.5) / 2)


def test_macro_auc_of_a_perfect_and_a_reversed_score() -> None:
    truth = np.array([0, 0, 1, 1])
    score = np.array([0.1, 0.2, 0.8, 0.9])
    assert macro_auc(truth, np.stack([1 - score, score], axis=1)) == 1.0
    assert macro_auc(truth, np.stack([score, 1 - score], axis=1)) == 0.0
    assert np.isnan(macro_auc(np.zeros(3, int), np.ones((3, 2)) / 2))


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probability = np.array([[0.8, 0.2]] * 10)
    assert calibration_error(np.array([0] * 8 + [1] * 2), probability) == pytest.approx(0.0)
    assert calibration_error(np.array([0] * 5 + [1] * 5), probability) == pytest.approx(0.3)


def test_youden_point_separates_what_can_be_separated() -> None:
    point = youden_point(np.array([False, False, True, True]), np.array([0.1, 0.3, 0.6, 0.9]))
    assert (point["sensitivity"], point["specificity"]) == (1.0, 1.0)
    assert 0.3 < point["threshold"] <= 0.6


def test_interval_draws_whole_groups() -> None:
    values = np.array([0.0] * 50 + [1.0] * 50)
    groups = ["a"] * 50 + ["b"] * 50
    figure = interval(groups, lambda i: float(values[i].mean()))
    assert figure["value"] == 0.5
    assert (figure["low"], figure["high"]) == (0.0, 1.0)
    alone = interval([str(i) for i in range(100)], lambda i: float(values[i].mean()))
    assert 0.35 < alone["low"] < 0.45
    assert 0.55 < alone["high"] < 0.65


def test_confusion_has_a_column_for_refusals() -> None:
    assert confusion(np.array([0, 0, 1]), np.array([0, 2, 1]), 2) == [[1, 0, 1], [0, 1, 0]]


def test_dice_of_two_empty_masks_is_one() -> None:
    assert dice(0, 0, 0) == 1.0
    assert dice(10, 10, 5) == 0.5
    assert dice(3, 0, 0) == 0.0
