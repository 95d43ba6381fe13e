"""Figures against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: make train-setup")

from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from training.measure.metrics import (
    FALSE_RATES,
    RECALLS,
    Bootstrap,
    balanced_accuracy,
    calibration_error,
    confusion,
    curves,
    dice,
    interval,
    macro_auc,
    overlap,
    reliability,
    reliability_error,
    sensitivity_at,
    surface_distance,
    uncalibrated,
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


def test_overlap_is_the_share_of_the_union() -> None:
    assert overlap(0, 0, 0) == 1.0
    assert overlap(10, 10, 5) == pytest.approx(5 / 15)


def test_surface_distance_of_a_shifted_square_is_the_shift() -> None:
    pytest.importorskip("monai", reason="MONAI is not installed: make train-setup")
    one, two = np.zeros((32, 32), bool), np.zeros((32, 32), bool)
    one[5:15, 5:15] = True
    two[5:15, 8:18] = True
    assert surface_distance(one, two) == pytest.approx(3.0)
    assert surface_distance(one, one) == 0.0
    assert np.isnan(surface_distance(one, np.zeros((32, 32), bool)))


def test_every_figure_names_its_samples_and_groups() -> None:
    figure = Bootstrap(["p1", "p1", "p2", "p3"]).ratio(np.array([1, 0, 1, 1]), np.array([1, 1, 1, 0]))
    assert (figure["n"], figure["groups"]) == (3, 2)
    assert figure["value"] == 1.0


def test_ratio_and_the_slow_bootstrap_agree() -> None:
    rng = np.random.default_rng(0)
    groups = [str(g) for g in rng.integers(0, 30, 100)]
    hit, own = rng.random(100) < 0.6, rng.random(100) < 0.5
    boot = Bootstrap(groups)
    slow = boot.of(lambda i: float((hit & own)[i].sum() / own[i].sum()))
    fast = boot.ratio(hit & own, own)
    assert [fast[k] for k in ("value", "low", "high")] == pytest.approx([slow[k] for k in ("value", "low", "high")])
    truth, guess = rng.integers(0, 3, 100), rng.integers(0, 4, 100)
    slow = boot.of(lambda i: balanced_accuracy(truth[i], guess[i]))
    assert boot.recalls(truth, guess) == pytest.approx(slow)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_auc_of_the_resamples_is_that_of_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    truth, score = np.array([t for t, _ in rows]), np.array([s / 5 for _, s in rows])
    boot = Bootstrap([str(i // 2) for i in range(len(rows))])
    value, draws = boot.auc_draws(truth, score, np.ones(len(rows), bool))
    assert len(draws) == 1000
    if truth.all() or not truth.any():
        assert np.isnan(value)
        return
    assert value == pytest.approx(roc_auc_score(truth, score))
    picked = np.repeat(np.arange(len(rows)), boot.weights[0].astype(int))
    if truth[picked].any() and not truth[picked].all():
        assert draws[0] == pytest.approx(roc_auc_score(truth[picked], score[picked]))
    else:
        assert np.isnan(draws[0])


def test_mean_auc_leaves_out_what_has_no_auc() -> None:
    truth = np.array([[True, False], [False, False], [True, False], [False, False]])
    score = np.array([[0.9, 0.1], [0.1, 0.2], [0.3, 0.3], [0.5, 0.4]])
    figure = Bootstrap(["1", "2", "3", "4"]).mean_auc(truth, score, np.ones(4, bool))
    assert figure["value"] == 0.75


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(1, 9))
def test_an_interval_holds_its_value_and_stays_between_the_extremes(values: list[float], count: int) -> None:
    array = np.array(values)
    figure = Bootstrap([str(i % count) for i in range(len(values))]).ratio(array)
    if figure["groups"] < 2 and not np.isfinite(figure["low"]):
        return
    assert figure["low"] <= figure["high"]
    assert figure["low"] >= min(array.min(), 0.025) - 1e-9
    assert figure["value"] == pytest.approx(array.mean())


def test_a_share_of_all_or_none_has_the_exact_open_end() -> None:
    boot = Bootstrap([str(i) for i in range(20)])
    assert boot.ratio(np.ones(20))["low"] == pytest.approx(0.025 ** (1 / 20))
    assert boot.ratio(np.zeros(20))["high"] == pytest.approx(1 - 0.025 ** (1 / 20))


def test_one_patient_alone_has_no_interval() -> None:
    figure = Bootstrap(["p"] * 4).ratio(np.array([1, 0, 0, 0]))
    assert figure["value"] == 0.25
    assert np.isnan([figure["low"], figure["high"]]).all()


def test_temperature_is_undone() -> None:
    logits = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]])
    soft = np.exp(logits / 0.7) / np.exp(logits / 0.7).sum(axis=1, keepdims=True)
    plain = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert uncalibrated(soft, 0.7, one_of_n=True) == pytest.approx(plain)
    sigmoid = 1 / (1 + np.exp(-logits / 0.7))
    assert uncalibrated(sigmoid, 0.7, one_of_n=False) == pytest.approx(1 / (1 + np.exp(-logits)))


def test_the_reliability_diagram_keeps_filled_bins_only() -> None:
    claim, hit = np.array([0.1, 0.1, 0.95, 0.97]), np.array([False, True, True, True])
    diagram = reliability(claim, hit)
    assert diagram["n"] == [2, 2]
    assert diagram["claimed"] == pytest.approx([0.1, 0.96])
    assert diagram["true"] == [0.5, 1.0]
    assert reliability_error(claim, hit) == pytest.approx((0.4 + 0.04) / 2)


def test_sensitivity_at_a_specificity() -> None:
    truth = np.array([False] * 10 + [True] * 4)
    score = np.array([0.1] * 8 + [0.6, 0.7] + [0.5, 0.65, 0.8, 0.9])
    assert sensitivity_at(truth, score, 0.8) == 1.0
    assert sensitivity_at(truth, score, 0.9) == 0.75
    assert sensitivity_at(truth, score, 1.0) == 0.5
    assert np.isnan(sensitivity_at(np.ones(3, bool), np.ones(3), 0.8))


def test_curves_of_a_perfect_score() -> None:
    curve = curves(np.array([False, False, True]), np.array([0.1, 0.2, 0.9]))
    assert curve["sensitivity"] == [1.0] * len(FALSE_RATES)
    assert curve["precision"] == [1.0] * len(RECALLS)
    assert (curve["average_precision"], curve["prevalence"]) == (1.0, pytest.approx(1 / 3))
    assert curves(np.zeros(3, bool), np.ones(3)) == {}
