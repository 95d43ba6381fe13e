"""What the val split decides, on numbers made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: make train-setup")

from hypothesis import given
from hypothesis import strategies as st

from medview.inference.postprocess import sigmoid
from tests.training.toy import toy_config, toy_pool
from training.ship.calibrate import (
    COVERAGE,
    HIGHEST_THRESHOLD,
    calibrate_labels,
    calibrate_mask,
    conformal_bands,
    conformal_threshold,
    fit_temperature,
    platt_scaling,
    sensitivity_point,
)


def test_the_temperature_undoes_logits_that_are_too_sure() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(3, p=p) for p in chances])
    assert fit_temperature(logits * 3, truth) == pytest.approx(3, rel=0.1)


def test_platt_scaling_finds_scale_and_offset_and_never_turns_a_label_round() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(8000, 2))
    truth = rng.random((8000, 2)) < sigmoid(np.stack([2 * logits[:, 0] - 1, -3 * logits[:, 1]], axis=1))
    scales, offsets = platt_scaling(logits, truth)
    assert scales[0] == pytest.approx(2, rel=0.1)
    assert offsets[0] == pytest.approx(-1, abs=0.1)
    assert scales[1] == 0.0


def test_the_operating_point_is_the_highest_threshold_that_reaches_the_sensitivity() -> None:
    probability = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.15, 0.25, 0.45])
    truth = np.array([False, False, False, True, True, True, True, True])
    point = sensitivity_point(truth, probability, 0.8)
    assert point == {"threshold": 0.25, "sensitivity": 0.8, "specificity": 1.0, "ppv": 1.0}


def test_a_sensitivity_that_would_flag_nearly_everybody_is_given_up() -> None:
    truth = np.array([False] * 8 + [True] * 4)
    probability = np.array([0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.1, 0.12, 0.01, 0.3, 0.4, 0.45])
    assert sensitivity_point(truth, probability, 1.0) == {
        "threshold": 0.3,
        "sensitivity": 0.75,
        "specificity": 1.0,
        "ppv": 1.0,
    }


def test_of_a_rare_label_few_findings_are_right() -> None:
    truth = np.array([True] + [False] * 9)
    probability = np.array([0.04, 0.05, 0.03, 0.03, *[0.01] * 6])
    point = sensitivity_point(truth, probability, 0.9)
    assert (point["threshold"], point["ppv"]) == (0.04, 0.5)


def test_an_easy_class_needs_no_more_than_a_majority() -> None:
    point = sensitivity_point(np.array([False, True, True]), np.array([0.1, 0.9, 0.95]), 0.9)
    assert point == {"threshold": HIGHEST_THRESHOLD, "sensitivity": 1.0, "specificity": 1.0, "ppv": 1.0}


@given(st.lists(st.floats(0, 1), min_size=10, max_size=200))
def test_the_prediction_set_covers_what_it_promises(given_to_truth: list[float]) -> None:
    values = np.array(given_to_truth)
    threshold = conformal_threshold(values)
    assert (values >= threshold).mean() >= COVERAGE
    assert threshold in values


def test_too_few_pictures_give_no_prediction_set_smaller_than_all() -> None:
    assert conformal_threshold(np.array([0.9] * 8)) == 0.0


def test_doubtful_answers_have_a_threshold_of_their_own() -> None:
    sure, doubtful = np.tile([0.95, 0.05], (100, 1)), np.tile([0.55, 0.45], (40, 1))
    probability = np.concatenate([sure, doubtful])
    true = np.concatenate([np.full(97, 0.95), np.full(3, 0.05), np.full(22, 0.55), np.full(18, 0.45)])
    # None of them lies between 0.6 and 0.9: that band joins the last.
    expected = [{"up_to": 0.6, "threshold": 0.45}, {"up_to": 1.0, "threshold": 0.6}]
    assert conformal_bands(probability, true) == expected
    alone = [{"up_to": 1.0, "threshold": 0.95}]
    assert conformal_bands(sure, true[:100]) == alone


def test_a_label_without_evidence_is_hidden() -> None:
    rng = np.random.default_rng(0)
    config, pool = toy_config(task="multilabel"), toy_pool(200)
    logits = np.stack([np.where(pool.allowed[:, 0], 3.0, -3.0), rng.normal(size=200)], axis=1)
    found = calibrate_labels(logits, pool, config)
    assert found["val"]["hidden"] == ["bright"]
    assert found["val"]["auc_within_one_framing"]["dark"]["value"] == 1.0
    assert set(found["operating_points"]) == {"dark", "bright"}


def test_a_label_that_only_knows_the_framing_is_hidden() -> None:
    config, pool = toy_config(task="multilabel"), toy_pool(200)
    pool.allowed[:, 1] = np.arange(200) % 4 == 0
    for index, sample in enumerate(pool.samples):
        # Every picture with the first label is a crop; so are a few without it.
        pool.samples[index] = replace(sample, framing="crop" if pool.allowed[index, 0] or index < 60 else "full")
    crops = np.array([s.framing == "crop" for s in pool.samples])
    knows_framing = np.where(crops, 3.0, -3.0)
    found = calibrate_labels(np.stack([knows_framing, np.where(pool.allowed[:, 1], 3.0, -3.0)], axis=1), pool, config)
    assert found["val"]["auc_within_one_framing"]["dark"]["value"] == 0.5
    assert found["val"]["auc_within_one_framing"]["dark"]["framing"] == "crop"
    assert found["val"]["hidden"] == ["dark"]


def test_the_mask_threshold_is_the_best_for_patients_and_spares_empty_pictures() -> None:
    masks = np.zeros((3, 16, 16), np.uint8)
    masks[:2, 4:12, 4:12] = 255
    logits = np.full((3, 1, 16, 16), -9.0)
    logits[:2, 0, 0:5, 0:5] = -1.2  # what a threshold of 0.2 would mark beside it
    logits[:2, 0, 4:12, 4:12] = 2.0  # the tumour of one patient, on two slices
    pool = toy_pool(3, 16)
    pool.masks = masks
    for index, sample in enumerate(pool.samples):
        pool.samples[index] = replace(sample, group="patient" if index < 2 else "healthy")
    found = calibrate_mask(logits, pool)
    assert (found["mask_threshold"], found["min_pixels"]) == (0.25, 0)
    assert found["val"] == {
        "images": 3,
        "mean_dice_per_group": 1.0,
        "mean_dice_without_min_area": 1.0,
        "empty_marked": 0.0,
        "empty_marked_without_min_area": 0.0,
    }
    logits[2, 0, 15, 15] = 3.0  # one pixel of the empty picture: only a smallest region keeps it out
    found = calibrate_mask(logits, pool)
    assert (found["mask_threshold"], found["min_pixels"]) == (0.25, 20)
    assert found["val"]["empty_marked"] == 0.0


def test_the_smallest_area_spares_specks_and_costs_no_tumour() -> None:
    masks = np.zeros((3, 64, 64), np.uint8)
    masks[0, 4:12, 4:12] = 255  # 64 of 4096 pixels: 0.0156
    logits = np.full((3, 1, 64, 64), -9.0)
    logits[0, 0, 4:12, 4:12] = 2.0
    logits[2, 0, 20, 20:23] = 2.0  # 3 pixels of an empty picture: 0.0007
    pool = toy_pool(3, 64)
    pool.masks = masks
    for index, sample in enumerate(pool.samples):
        pool.samples[index] = replace(sample, group=str(index))
    found = calibrate_mask(logits, pool)
    assert found["min_area"] == 0.003
    assert (found["val"]["empty_marked"], found["val"]["mean_dice_per_group"]) == (0.0, 1.0)
    logits[:] = -9.0
    logits[0, 0, 4, 4:8] = 2.0  # all that is found of the tumour: 0.00098
    assert calibrate_mask(logits, pool)["min_area"] == 0.0007
    masks[:] = 255
    assert calibrate_mask(logits, pool)["min_area"] == 0.0
