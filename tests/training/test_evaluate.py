"""Figures from analyses, against values worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: make train-setup")

from medview.core.failures import Code, Failure
from medview.inference.analysis import Analysis, Mask, Result
from medview.inference.card import Card
from tests.inference.cards import card
from training.data.samples import Sample
from training.measure.class_figures import classifier_figures, multilabel_figures, tumour_figures
from training.measure.evaluate import answers, gate_figures, to_json
from training.measure.mask_figures import mask_figures

TOY = card()
REFUSED = Failure(Code.OTHER_KIND, "no", "open another")


def sample(label: str, group: str, source: str = "a", **more: object) -> Sample:
    return Sample(Path("x.png"), label, "test", group, source, **more)  # type: ignore[arg-type]


def answer(made_by: Card = TOY, sets: tuple[str, ...] | None = None, **probabilities: float) -> Analysis:
    result = Result(made_by, "CPU", 1.0, probabilities, (), prediction_set=sets)
    return Analysis("x", 0, "ok", None, "chest_xray", {}, (result,))


def test_a_refused_picture_counts_as_wrong_but_not_in_the_auc() -> None:
    samples = [sample("a", "1"), sample("b", "2"), sample("b", "3", "other hospital"), sample("normal", "4")]
    found = [
        answer(normal=0.1, a=0.8, b=0.1),
        answer(normal=0.1, a=0.2, b=0.7),
        Analysis("x", 0, "refused", REFUSED),
        answer(normal=0.2, a=0.7, b=0.1),
    ]
    figures = classifier_figures(samples, found, ["normal", "a", "b"], "toy")
    assert (figures["images"], figures["refused"]) == (4, 1)
    assert figures["accuracy"]["value"] == 0.5
    assert figures["balanced_accuracy"]["value"] == pytest.approx((0 + 1 + 0.5) / 3)
    assert figures["recall"]["b"]["value"] == 0.5
    assert figures["accuracy_by_source"]["other hospital"]["value"] == 0.0
    assert figures["confusion"]["rows"] == [[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]]
    assert figures["macro_auc"]["value"] == 1.0


def test_tumour_figures_count_refusals_as_wrong_and_take_any_type_for_a_tumour() -> None:
    samples = [sample("no_tumour", "1"), sample("", "2"), sample("glioma", "3")]
    found = [answer(no_tumour=0.9, x=0.1), answer(no_tumour=0.2, x=0.8), Analysis("x", 0, "refused", REFUSED)]
    figures = tumour_figures(samples, found, "toy")
    assert figures["accuracy"]["value"] == pytest.approx(2 / 3)
    assert figures["auc"]["value"] == 1.0
    assert figures["refused"] == 1


def test_dice_is_pooled_over_the_slices_of_a_patient(tmp_path: Path) -> None:
    paths = {}
    for name, marked in (("big", 100), ("small", 10), ("none", 0)):
        image = np.zeros((20, 20), np.uint8)
        image.reshape(-1)[:marked] = 255
        paths[name] = tmp_path / f"{name}.png"
        paths[name].write_bytes(cv2.imencode(".png", image)[1].tobytes())

    def found(count: int) -> Analysis:
        pixels = np.zeros((20, 20), np.uint8)
        pixels.reshape(-1)[:count] = 1
        skipped_by = "" if count else "toy-first-stage"
        result = Result(TOY, "CPU", 1.0, None, (), Mask(pixels, count), skipped_by=skipped_by)
        return Analysis("x", 0, "ok", results=(result,))

    def slice_of(name: str, group: str, kind: str) -> Sample:
        mask = paths[name] if name != "none" else None
        source = "figshare" if mask else "controls"
        return Sample(paths["big"], kind, "test", group, source, mask=mask, tags=(kind,))

    samples = [
        slice_of("big", "p1", "glioma"),
        slice_of("small", "p1", "glioma"),
        slice_of("small", "p2", "meningioma"),
        slice_of("big", "p3", "pituitary"),
        slice_of("none", "c1", "no_tumour"),
        slice_of("none", "c2", "no_tumour"),
    ]
    figures = mask_figures(samples, [found(n) for n in (100, 0, 10, 50, 0, 3)], "toy")
    p1, p2, p3 = 2 * 100 / (100 + 110), 1.0, 2 * 50 / 150
    assert figures["dice_per_patient"]["value"] == pytest.approx((p1 + p2 + p3) / 3)
    assert figures["dice_per_patient_by_type"]["glioma"]["value"] == pytest.approx(p1)
    assert figures["dice_per_slice"]["value"] == pytest.approx((1 + 0 + 1 + p3) / 4)
    assert figures["tumour_free_marked"]["value"] == 0.5
    assert figures["tumour_free_marked_percent"]["value"] == pytest.approx(100 * 3 / 400 / 2)
    assert figures["tumour_free_marked_percent_where_any"]["value"] == pytest.approx(100 * 3 / 400)
    assert (figures["missed"]["value"], figures["ruled_out"]["value"]) == (0.25, 0.25)


def test_a_lesion_set_has_no_types_and_no_empty_references(tmp_path: Path) -> None:
    """Lesions are pooled by group, whatever the source; a refused picture is marked empty."""
    image = np.zeros((20, 20), np.uint8)
    image[:10] = 255
    path = tmp_path / "mask.png"
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    skin = card(task="segment", kind="skin_lesion", labels=[{"id": "lesion", "name": "Lesion"}])
    pixels = np.zeros((20, 20), np.uint8)
    pixels[:5] = 1
    half = Analysis("x", 0, "ok", results=(Result(skin, "CPU", 1.0, None, (), Mask(pixels, 100)),))

    def picture(group: str, source: str) -> Sample:
        return Sample(path, "lesion", "test", group, source, mask=path)

    samples = [picture("l1", "HAM10000"), picture("l2", "ISIC 2017")]
    figures = mask_figures(samples, [half, Analysis("x", 0, "refused", REFUSED)], "toy")
    assert (figures["unit"], figures["refused"]) == ("lesion", 1)
    assert figures["dice_per_lesion"]["value"] == pytest.approx((2 / 3 + 0) / 2)
    assert figures["iou_per_lesion"]["value"] == pytest.approx((1 / 2 + 0) / 2)
    assert figures["hd95_pixels_per_lesion"]["value"] == pytest.approx(5.0)
    assert figures["missed"]["value"] == 0.5
    assert figures["dice_per_lesion_by_type"] == {}
    assert figures["dice_per_lesion_by_source"]["HAM10000"]["value"] == pytest.approx(2 / 3)
    assert "tumour_free_marked" not in figures


def test_calibration_is_told_with_and_without_the_temperature() -> None:
    sure = answer(card(temperature=0.5), normal=0.0, a=0.9, b=0.1)
    figures = classifier_figures([sample("a", str(i)) for i in range(4)], [sure] * 4, ["normal", "a", "b"], "toy")
    assert figures["ece"]["value"] == pytest.approx(0.1)
    assert figures["ece_before"]["value"] == pytest.approx(1 - 0.9**0.5 / (0.9**0.5 + 0.1**0.5))
    plain = classifier_figures([sample("a", "1")], [answer(normal=0.0, a=1.0, b=0.0)], ["normal", "a", "b"], "toy")
    assert "ece_before" not in plain
    assert [*plain["reliability"]] == ["after"]


POINTS = {"a": {"threshold": 0.5, "sensitivity": 0.9, "specificity": 0.9, "ppv": 0.9}}


def test_an_operating_point_is_measured_with_refusals_as_misses() -> None:
    toy = card(operating_points=POINTS)
    samples = [sample("a", "1"), sample("a", "2"), sample("a", "3"), sample("b", "4"), sample("normal", "5")]
    found = [
        answer(toy, normal=0.1, a=0.8, b=0.1),
        answer(toy, normal=0.5, a=0.4, b=0.1),
        Analysis("x", 0, "refused", REFUSED),
        answer(toy, normal=0.1, a=0.6, b=0.3),
        answer(toy, normal=0.8, a=0.1, b=0.1),
    ]
    label = classifier_figures(samples, found, ["normal", "a", "b"], "toy")["per_label"]["a"]
    assert label["positives"] == 3
    assert label["sensitivity"]["value"] == pytest.approx(1 / 3)
    assert label["specificity"]["value"] == 0.5
    assert label["ppv"]["value"] == 0.5
    assert label["npv"]["value"] == 0.5
    assert label["f1"]["value"] == pytest.approx(2 * 1 / (2 * 1 + 1 + 2))
    assert label["auc"]["value"] == 0.75


def test_patients_are_judged_by_the_mean_of_their_pictures() -> None:
    samples = [sample("a", "p1"), sample("a", "p1"), sample("b", "p2")]
    found = [
        answer(normal=0.0, a=0.4, b=0.6),
        answer(normal=0.0, a=0.9, b=0.1),
        Analysis("x", 0, "refused", REFUSED),
    ]
    figures = classifier_figures(samples, found, ["normal", "a", "b"], "toy")
    assert figures["accuracy"]["value"] == pytest.approx(1 / 3)
    assert figures["accuracy_per_patient"]["value"] == 0.5
    assert figures["accuracy_per_patient"]["n"] == 2


def test_a_prediction_set_covers_what_it_holds() -> None:
    toy = card(prediction_set={"coverage": 0.9, "bands": [{"up_to": 1, "threshold": 0.2}]})
    samples = [sample("a", "1"), sample("b", "2")]
    found = [
        answer(toy, ("a",), normal=0.1, a=0.8, b=0.1),
        answer(toy, ("a", "normal"), normal=0.3, a=0.6, b=0.1),
    ]
    sets = classifier_figures(samples, found, ["normal", "a", "b"], "toy")["prediction_set"]
    assert sets["promised"] == 0.9
    assert (sets["coverage"]["value"], sets["mean_size"]["value"], sets["single"]["value"]) == (0.5, 1.5, 0.5)
    assert sets["coverage_by_label"]["b"]["value"] == 0.0
    assert {k: (f["value"], f["n"]) for k, f in sets["coverage_by_probability"].items()} == {
        "up to 0.6": (0.0, 1),
        "up to 0.9": (1.0, 1),
    }


def test_labels_of_one_source_are_told_apart_among_themselves() -> None:
    samples = [sample("ab"[i % 2], str(i), "one hospital") for i in range(20)]
    samples.append(sample("normal", "20", "another"))
    found = [answer(normal=0.9, a=0.08 if i % 2 == 0 else 0.01, b=0.02) for i in range(21)]
    figures = classifier_figures(samples, found, ["normal", "a", "b"], "toy")
    assert figures["accuracy"]["value"] == pytest.approx(1 / 21)
    assert [*figures["within_source"]] == ["one hospital"]
    assert figures["within_source"]["one hospital"]["labels"] == ["a", "b"]
    assert figures["within_source"]["one hospital"]["accuracy"]["value"] == 1.0


def test_several_labels_may_be_true_and_hidden_ones_are_named() -> None:
    several = card(task="multilabel", operating_points=POINTS)
    samples = [sample("", str(i), allowed=allowed) for i, allowed in enumerate([("a", "b"), ("a",), ("b",), ()])]
    scores = [(0.9, 0.9), (0.8, 0.2), (0.3, 0.3), (0.1, 0.4)]
    found = [answer(several, a=a, b=b) for a, b in scores]
    figures = multilabel_figures(samples, found, ["normal", "a", "b"], "toy")
    assert figures["hidden"] == ["normal"]
    assert figures["per_label"]["a"]["auc"]["value"] == 1.0
    assert figures["per_label"]["b"]["auc"]["value"] == 0.75
    assert figures["mean_auc"]["value"] == pytest.approx(0.875)
    assert figures["per_label"]["a"]["sensitivity"]["value"] == 1.0
    assert "sensitivity" not in figures["per_label"]["b"]


def test_the_gate_is_right_when_it_accepts_ours_and_refuses_others() -> None:
    samples = [sample("chest_xray", "1"), sample("other", "2"), sample("other", "3"), sample("brain_mr", "4")]
    found = [answer(a=1.0), Analysis("x", 0, "refused", REFUSED), answer(a=1.0), answer(a=1.0)]
    figures = gate_figures(samples, found)
    assert figures["accuracy"]["value"] == 0.5
    assert figures["by_kind"]["other"]["value"] == 0.5
    assert figures["refusals"] == {"other-kind": 1}


def test_a_model_that_fails_stops_the_evaluation() -> None:
    class Broken:
        def analyse(self, *_: object, **__: object) -> Analysis:
            return Analysis("x", 0, "error", Failure(Code.MODEL_DAMAGED, "damaged", "copy anew"))

    made = Sample(Path("00001"), "other", "test", "1", "made")
    with pytest.raises(ValueError, match="damaged"):
        answers(Broken(), [made], "auto")  # type: ignore[arg-type]


def test_lists_of_numbers_take_one_line() -> None:
    text = to_json({"curve": [0.5, None, 1e-05], "rows": [[1, 2], [3, 4]], "words": ["a, b", "c"]})
    assert '"curve": [0.5, null, 1e-05]' in text
    assert "[1, 2]" in text
    assert json.loads(text) == {"curve": [0.5, None, 1e-05], "rows": [[1, 2], [3, 4]], "words": ["a, b", "c"]}
