"""Figures from analyses, against values worked out by hand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: make train-setup")

from medview.core.failures import Code, Failure
from medview.inference.analysis import Analysis, Mask, Result
from tests.inference.cards import card
from training.evaluate import answers, classifier_figures, gate_figures, mask_figures, tumour_figures
from training.samples import Sample

TOY = card()
REFUSED = Failure(Code.OTHER_KIND, "no", "open another")


def sample(label: str, group: str, source: str = "a", **more: object) -> Sample:
    return Sample(Path("x.png"), label, "test", group, source, **more)  # type: ignore[arg-type]


def answer(**probabilities: float) -> Analysis:
    return Analysis("x", 0, "ok", None, "chest_xray", {}, (Result(TOY, "CPU", 1.0, probabilities, ()),))


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
        return Analysis("x", 0, "ok", results=(Result(TOY, "CPU", 1.0, None, (), Mask(pixels, count)),))

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
