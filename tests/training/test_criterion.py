"""The criterion of left-out hospitals: exact figures of films that can be counted by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: make train-setup")

from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from training.data.samples import Sample
from training.measure.criterion import FEWEST, auc, criterion, difference, lines, measured, sick_odds, threshold, within


def films(source: str, label: str, count: int, framing: str = "full-frame", split: str = "train") -> list[Sample]:
    return [Sample(Path(f"{source}-{label}-{i}"), label, split, f"{source}-{i}", source, framing) for i in range(count)]


def test_the_odds_of_being_sick_are_those_of_all_diseases_together() -> None:
    labels = ("covid19", "normal", "tuberculosis")
    p = np.array([[0.2, 0.7, 0.1], [0.5, 0.25, 0.25]])
    np.testing.assert_allclose(sick_odds(np.log(p) + 300, labels), np.log([0.3 / 0.7, 3.0]), atol=1e-9)
    with pytest.raises(ValueError, match="no healthy class"):
        sick_odds(np.zeros((1, 2)), ("covid19", "tuberculosis"))


def test_each_source_counts_alike_in_the_threshold() -> None:
    scores = np.array([5.0, 4.0, 3.0, 2.0, 1.0, 0.0, -1.0, -2.0, -3.0, -4.0, 9.0])
    sources = np.array(["large"] * 10 + ["small"])
    # The one film of the small source is half of the sick: eight of the ten others are needed for 90 %.
    assert threshold(scores, sources) == -2.0
    assert threshold(scores[:10], sources[:10]) == -3.0
    assert threshold(np.array([1.0]), np.array(["a"])) == 1.0


@given(
    st.lists(st.integers(-4, 4), min_size=1, max_size=12),
    st.lists(st.integers(-4, 4), min_size=1, max_size=12),
)
def test_the_area_is_that_of_scikit_learn(well: list[int], sick: list[int]) -> None:
    truth = [0] * len(well) + [1] * len(sick)
    expected = roc_auc_score(truth, well + sick)
    assert auc(np.array(well, float), np.array(sick, float)) == pytest.approx(expected)
    weights = np.arange(1, 1 + len(well)) / 7, np.arange(1, 1 + len(sick)) / 3
    expected = roc_auc_score(truth, well + sick, sample_weight=np.concatenate(weights))
    assert auc(np.array(well, float), np.array(sick, float), weights) == pytest.approx(expected)


def test_a_framing_with_one_side_alone_says_nothing_of_its_source() -> None:
    n = FEWEST
    framings = np.array(["full"] * 2 * n + ["crop"] * n)
    well = np.array([True] * n + [False] * 2 * n)
    scores = np.concatenate([np.zeros(n), np.ones(n), np.full(n, -9.0)])
    assert within(framings, well, scores) == 1.0
    assert within(framings[n:], well[n:], scores[n:]) is None
    assert within(framings[1:], well[1:], scores[1:]) is None  # one healthy film too few


def test_sources_of_one_side_count_through_the_common_threshold() -> None:
    samples = films("both", "normal", 20) + films("both", "covid19", 20) + films("well", "normal", 10)
    samples += films("ill", "tuberculosis", 10)
    scores = np.concatenate([np.full(20, -1.0), np.full(20, 1.0), np.full(5, 2.0), np.full(5, -2.0), np.full(10, 3.0)])
    report = criterion(samples, scores)
    assert report["threshold"] == 1.0
    assert report["auc"] == 1.0
    # Half of the healthy films (of the source `well`) lie below all sick, of the others half above half of the sick.
    assert report["joint_auc"] == pytest.approx(0.5 + 0.5 * (0.5 + 0.5 * 0.5))
    assert report["flagged"] == pytest.approx((0.0 + 0.5) / 2)
    assert report["sources"]["well"]["normals_flagged"]["value"] == 0.5
    assert report["sources"]["well"]["sick_flagged"] is None
    assert report["sources"]["ill"]["auc"] is None
    assert lines(report)[0] == "both: AUC 1.000, normals flagged 0.00 of 20, sick flagged 1.00 of 20"
    assert lines(report)[-1] == ("mean: AUC 1.000, joint AUC 0.875, normals flagged 0.250 where 90% of the sick are")


def test_the_difference_of_two_recipes_is_of_the_same_patients() -> None:
    samples = films("a", "normal", 20) + films("a", "covid19", 20)
    samples = [replace(s, group=f"{s.label}{i}") for i, s in enumerate(samples)]
    blind = np.zeros(40)
    right = np.where([s.label == "covid19" for s in samples], 1.0, -1.0)
    same = difference(samples, right, right)
    assert [same[name]["value"] for name in ("flagged", "auc", "joint_auc")] == [0.0, 0.0, 0.0]
    assert difference(samples, blind, right)["joint_auc"]["value"] == 0.5
    half = right.copy()
    half[:10] = 2.0
    found = difference(samples, right, half)["flagged"]
    assert found["value"] == 0.5
    assert 0.2 < found["low"] < 0.5 < found["high"] < 0.8


def test_one_side_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="healthy and of the sick"):
        criterion(films("a", "normal", 3), np.zeros(3))


def test_the_same_films_are_measured_every_time_and_none_of_test() -> None:
    samples = films("a", "normal", 30) + films("a", "covid19", 3) + films("a", "tuberculosis", 2, "lung-crop")
    samples += films("a", "emphysema", 9, split="test") + films("b", "normal", 9)
    found = measured(samples, ["a"], 10)
    assert sorted(s.label for s in found) == ["covid19"] * 3 + ["normal"] * 10 + ["tuberculosis"] * 2
    assert {s.split for s in found} == {"train"}
    assert measured(samples[::-1], ["a"], 10) == found
