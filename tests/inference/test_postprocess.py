"""Outputs to probabilities, findings, heatmaps and masks: exact values."""

from __future__ import annotations

import numpy as np
import pytest

from medview.inference.postprocess import (
    class_heatmaps,
    drop_small,
    frame_maps,
    read_classes,
    read_mask,
    sigmoid,
    softmax,
)
from medview.inference.region import WHOLE, Region
from tests.inference.cards import card

POINT = {"sensitivity": 0.9, "specificity": 0.9, "ppv": 0.9}
MASK = {"task": "segment", "labels": [{"id": "tumour", "name": "Tumour"}]}


def classes(logits: list[float], **changes: object) -> dict[str, float]:
    outputs = {"logits": np.array([logits], np.float32), "maps": np.zeros((1, len(logits), 2, 2), np.float32)}
    reading = read_classes(card(**changes), outputs, (8, 8), None)
    assert reading.probabilities is not None
    return reading.probabilities


def test_evidence_of_the_film_and_of_its_lungs_lies_where_it_was_seen() -> None:
    region = Region(0.25, 0.5, 0.75, 1.0)
    outputs = {"maps": np.full((1, 2, 2, 2), 3.0), "lung_maps": np.ones((1, 2, 2, 2))}
    assert (frame_maps(outputs, "whole", WHOLE) == 3).all()
    alone = frame_maps({"maps": outputs["lung_maps"]}, "lungs", region)
    assert alone.shape == (2, 16, 16)
    expected = np.zeros((16, 16), np.float32)
    expected[4:12, 8:] = 1
    np.testing.assert_array_equal(alone, np.stack([expected] * 2))
    # A quarter of the film: there the lungs' evidence is four times as dense, so that its mean stays the same.
    np.testing.assert_allclose(frame_maps(outputs, "both", region), np.stack([3 + 4 * expected] * 2))


def test_softmax_and_sigmoid_are_exact_and_do_not_overflow() -> None:
    np.testing.assert_allclose(softmax(np.log([1.0, 2.0, 5.0])), [0.125, 0.25, 0.625], atol=1e-12)
    np.testing.assert_allclose(softmax([1e4, 0.0]), [1.0, 0.0])
    np.testing.assert_allclose(sigmoid([-1e4, 0.0, 1e4, np.log(3)]), [0.0, 0.5, 1.0, 0.75])


def test_temperature_divides_the_logits_before_the_softmax() -> None:
    assert classes([2.0, 0.0, 0.0], temperature=2.0)["normal"] == pytest.approx(np.e / (np.e + 2))


def test_multilabel_probabilities_do_not_sum_to_one() -> None:
    probabilities = classes([0.0, 0.0, 0.0], task="multilabel")
    assert list(probabilities.values()) == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("logits", "points", "expected"),
    [
        ([0, 5, 0], {}, ("a",)),
        ([5, 0, 0], {}, ()),
        ([0, 1, 1.2], {"a": 0.3, "b": 0.3, "normal": 0.1}, ("b", "a")),
        ([9, 0, 0], {"a": 0.3, "b": 0.3}, ()),
        ([9, 8, 0], {"a": 0.2, "b": 0.3}, ("a",)),
    ],
)
def test_findings_are_labels_at_their_operating_point_and_never_the_normal_one(
    logits: list[float], points: dict[str, float], expected: tuple[str, ...]
) -> None:
    toy = card(operating_points={k: {"threshold": v, **POINT} for k, v in points.items()})
    outputs = {"logits": np.array([logits], np.float32)}
    assert read_classes(toy, outputs, (8, 8), None).findings == expected


HIDDEN = {
    "task": "multilabel",
    "labels": [
        {"id": "x", "name": "X"},
        {"id": "y", "name": "Y", "shown": False, "why_hidden": "weak"},
        {"id": "z", "name": "Z"},
    ],
}


def test_a_hidden_label_has_no_probability_finding_or_heatmap() -> None:
    points = {name: {"threshold": 0.5, **POINT} for name in "xyz"}
    maps = np.zeros((1, 3, 1, 2), np.float32)
    maps[0, :, 0, 0] = [2.0, 9.0, 4.0]
    outputs = {"logits": np.array([[0.0, 9.0, np.log(3)]]), "maps": maps}
    reading = read_classes(card(operating_points=points, **HIDDEN), outputs, (8, 8), None)
    assert reading.probabilities == pytest.approx({"x": 0.5, "z": 0.75})
    assert reading.findings == ("z", "x")
    # The scale is that of the labels that are shown: evidence for the hidden one darkens nothing.
    assert {name: heat.tolist() for name, heat in (reading.heatmaps or {}).items()} == {
        "x": [[0.5, 0.0]],
        "z": [[1.0, 0.0]],
    }


def test_an_independent_label_without_an_operating_point_is_never_a_finding() -> None:
    outputs = {"logits": np.array([[9.0, 9.0, 9.0]])}
    points = {"x": {"threshold": 0.5, **POINT}}
    assert read_classes(card(operating_points=points, **HIDDEN), outputs, (8, 8), None).findings == ("x",)


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(0.99, ()), (0.6251, ()), (0.625, ("b",)), (0.25, ("b", "a")), (0.2501, ("b",)), (0.125, ("b", "a", "normal"))],
)
def test_the_conformal_set_holds_what_reaches_its_threshold_and_nothing_else(
    threshold: float, expected: tuple[str, ...]
) -> None:
    bands = [{"up_to": 0.6, "threshold": 0.0}, {"up_to": 0.625, "threshold": threshold}, {"up_to": 1, "threshold": 1}]
    toy = card(prediction_set={"coverage": 0.9, "bands": bands})
    outputs = {"logits": np.log([[0.125, 0.25, 0.625]])}
    assert read_classes(toy, outputs, (8, 8), None).prediction_set == expected
    assert read_classes(card(), outputs, (8, 8), None).prediction_set is None


def test_the_outline_of_something_harmless_is_no_finding() -> None:
    lesion = [{"id": "lesion", "name": "Lesion", "normal": True}]
    outputs = {"logits": np.full((1, 1, 4, 4), 9.0, np.float32)}
    reading = read_mask(card(task="segment", labels=lesion), outputs, (8, 8), None)
    assert reading.findings == ()
    assert reading.mask is not None
    assert reading.mask.count == 64


def test_heatmaps_share_one_scale_and_show_only_evidence_for_a_class() -> None:
    maps = np.zeros((3, 1, 2), np.float32)
    maps[0, 0] = [6.0, 0.0]
    maps[1, 0] = [0.0, 3.0]
    heat = class_heatmaps(maps, ["x", "y", "z"], one_of_n=True)
    np.testing.assert_allclose(heat["x"], [[1.0, 0.0]], atol=1e-6)
    np.testing.assert_allclose(heat["y"], [[0.0, 0.5]], atol=1e-6)
    np.testing.assert_allclose(heat["z"], [[0.0, 0.0]], atol=1e-6)


def test_maps_without_evidence_stay_dark() -> None:
    assert not any(m.any() for m in class_heatmaps(np.zeros((2, 3, 3)), ["x", "y"], one_of_n=False).values())


def test_small_regions_are_dropped_and_diagonal_pixels_belong_together() -> None:
    marked = np.zeros((6, 6), bool)
    marked[0, 0] = marked[1, 1] = marked[2, 2] = True
    marked[5, 5] = True
    kept = drop_small(marked, 3)
    assert kept.sum() == 3
    assert not kept[5, 5]


def logit_square() -> dict[str, np.ndarray]:
    logits = np.full((1, 1, 8, 8), -9.0, np.float32)
    logits[0, 0, 2:6, 2:6] = 9.0
    logits[0, 0, 0, 7] = 9.0
    return {"logits": logits}


def test_mask_has_the_size_of_the_frame_and_its_measures_follow_the_spacing() -> None:
    reading = read_mask(card(**MASK, min_pixels=2), logit_square(), (16, 32), (0.5, 2.0))
    mask = reading.mask
    assert mask is not None
    assert mask.pixels.shape == (16, 32)
    assert set(np.unique(mask.pixels)) == {0, 1}
    # 4 x 4 of 8 x 8 marked, enlarged to 8 x 16; linear enlargement rounds off the four corners.
    assert mask.count == 8 * 16 - 4
    assert mask.fraction == mask.count / (16 * 32)
    assert mask.area_mm2 == mask.count * 1.0
    assert not mask.pixels[:3, 25:].any()
    assert reading.findings == ("tumour",)


def test_a_mask_without_spacing_has_no_area() -> None:
    reading = read_mask(card(**MASK), logit_square(), (8, 8), None)
    assert reading.mask is not None
    assert reading.mask.area_mm2 is None
    assert reading.mask.count == 17


@pytest.mark.parametrize(("min_area", "count"), [(0.0, 17), (17 / 64, 17), (18 / 64, 0)])
def test_a_mask_of_less_than_the_smallest_area_marks_nothing(min_area: float, count: int) -> None:
    reading = read_mask(card(**MASK, min_area=min_area), logit_square(), (8, 8), None)
    assert reading.mask is not None
    assert (reading.mask.count, np.count_nonzero(reading.mask.pixels)) == (count, count)
    assert reading.findings == (("tumour",) if count else ())


def test_an_empty_segmentation_is_a_mask_of_no_pixels() -> None:
    reading = read_mask(card(**MASK), {"logits": np.full((1, 1, 8, 8), -9.0)}, (5, 7), (1.0, 1.0))
    assert reading.mask is not None
    assert (reading.mask.count, reading.mask.fraction, reading.mask.area_mm2) == (0, 0.0, 0.0)
    assert reading.findings == ()
    assert reading.probabilities is None
