"""Worse pictures, and the pointing game, on a made-up engine."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: make train-setup")

from medview.inference.analysis import Analysis, Mask, Result
from medview.inference.request import AnalysisRequest
from tests.training.fakes import TOY, Brightness, picture
from tests.training.toy import toy_config
from training.data.samples import Sample
from training.measure.pointing import covered, hit, pointing_figures, read_boxes
from training.measure.robustness import CHANGES, as_8bit, choose, robustness, stability


def test_a_model_of_brightness_falls_with_the_polarity_alone(tmp_path: Path) -> None:
    samples = [
        Sample(picture(tmp_path, f"{n}.png", level), label, "test", str(n), "s")
        for n, (level, label) in enumerate([(230, "bright"), (200, "bright"), (0, "dark"), (40, "dark")])
    ]
    report = robustness(Brightness(), samples, toy_config())  # type: ignore[arg-type]
    assert (report["figure"], report["pictures"]) == ("accuracy", 4)
    assert (report["unchanged"]["value"], report["unchanged"]["refused"]) == (1.0, 0.25)
    assert set(report["changes"]) == set(CHANGES)
    worst = {name: change["levels"][-1]["value"] for name, change in report["changes"].items()}
    assert worst["inverted polarity"] == 0.0
    called = {name: change["levels"][-1]["called"] for name, change in report["changes"].items()}
    assert report["unchanged"]["called"] == {"dark": 0.5, "bright": 0.5}
    assert called["inverted polarity"] == {"dark": 0.5, "bright": 0.5}
    assert called["exposure, too bright"] == {"dark": 0.5, "bright": 0.5}
    assert worst["blur"] == worst["JPEG"] == worst["resolution"] == worst["noise"] == 1.0
    steady = stability(Brightness(), samples, toy_config())  # type: ignore[arg-type]
    assert steady["mean_band"]["value"] == pytest.approx(0.2)
    assert steady["answer_changes"]["value"] == 0.0


def test_a_window_is_narrower_or_wider_about_the_middle_of_the_greys() -> None:
    ramp = np.array([[50, 100, 150, 200, 250]], np.uint8)
    assert CHANGES["narrower window"].apply(ramp, 50).tolist() == [[0, 0, 128, 255, 255]]
    assert CHANGES["wider window"].apply(ramp, 200).tolist() == [[64, 96, 128, 159, 191]]
    assert CHANGES["narrower window"].apply(np.full((2, 2), 90, np.uint8), 40).tolist() == [[128, 128], [128, 128]]


def test_a_round_field_keeps_its_circle_alone() -> None:
    out = CHANGES["round field"].apply(np.full((30, 40), 200, np.uint8), 42.0)
    rows, cols = np.indices((30, 40))
    inside = (rows - 14.5) ** 2 + (cols - 19.5) ** 2 <= 16.8**2
    np.testing.assert_array_equal(out, np.where(inside, 200, 0))


def test_several_labels_a_picture_are_judged_by_their_mean_auc(tmp_path: Path) -> None:
    samples = [
        Sample(picture(tmp_path, f"{n}.png", level), "", "test", str(n), "s", allowed=allowed)
        for n, (level, allowed) in enumerate([(220, ("bright",)), (200, ("bright",)), (90, ("dark",)), (40, ("dark",))])
    ]
    config = toy_config(task="multilabel")
    report = robustness(Brightness(), samples, config)  # type: ignore[arg-type]
    assert report["figure"] == "mean AUC"
    assert report["unchanged"]["value"] == 1.0
    assert report["changes"]["inverted polarity"]["levels"][0]["value"] == 0.0
    steady = stability(Brightness(), samples, config)  # type: ignore[arg-type]
    assert steady["mean_band"]["value"] == pytest.approx((0.2 + 0.2 + 0.1) / 3)


class Outline:
    """Marks what is bright."""

    def analyse(self, request: AnalysisRequest) -> Analysis:
        assert request.values is not None
        pixels = (request.values > 127).astype(np.uint8)
        mask = Mask(pixels, int(pixels.sum()))
        return Analysis(request.file, 0, "ok", results=(Result(TOY, "CPU", 1.0, None, (), mask),))


def test_the_reference_of_a_mask_is_turned_with_its_picture(tmp_path: Path) -> None:
    spot = np.zeros((64, 64), np.uint8)
    spot[5:20, 30:50] = 255
    path = tmp_path / "spot.png"
    path.write_bytes(cv2.imencode(".png", spot)[1].tobytes())
    config = toy_config(task="segment", labels=("tumour",))
    report = robustness(Outline(), [Sample(path, "", "test", "1", "s", mask=path)], config)  # type: ignore[arg-type]
    assert report["unchanged"]["value"] == 1.0
    assert [level["value"] for level in report["changes"]["rotation"]["levels"]] == [1.0] * 4
    assert report["changes"]["inverted polarity"]["levels"][0]["value"] == 0.0
    assert stability(Outline(), [], config) == {}  # type: ignore[arg-type]


def test_changes_keep_the_size_and_what_they_promise() -> None:
    rng = np.random.default_rng(0)
    grey, colour = rng.integers(0, 256, (60, 80), np.uint8), rng.integers(0, 256, (60, 80, 3), np.uint8)
    for change in CHANGES.values():
        for level in change.levels:
            for image in (grey, colour):
                changed = change.apply(image, level)
                assert (changed.shape, changed.dtype) == (image.shape, np.uint8)
    assert np.array_equal(CHANGES["inverted polarity"].apply(grey, 1), 255 - grey)
    spot = np.zeros((61, 61), np.uint8)
    spot[30, 30] = 255
    assert CHANGES["rotation"].apply(spot, 45)[30, 30] == 255
    assert CHANGES["exposure, too bright"].apply(np.array([[0, 64, 255]], np.uint8), 0.5).tolist() == [[0, 128, 255]]


def test_deep_pictures_are_stretched_to_8_bit() -> None:
    deep = np.linspace(0, 4095, 100 * 100).reshape(100, 100).astype(np.uint16)
    assert as_8bit(deep).dtype == np.uint8
    assert (as_8bit(deep).min(), as_8bit(deep).max()) == (0, 255)


def test_the_same_pictures_are_chosen_each_time() -> None:
    samples = [Sample(Path(str(i)), "dark", "test", str(i), "s") for i in range(500)]
    chosen = choose(samples, toy_config())
    assert len(chosen) == len(set(chosen)) == 200
    assert chosen == choose(samples, toy_config())


def test_a_heatmap_hits_when_its_strongest_cell_lies_in_a_box() -> None:
    heatmap = np.zeros((4, 4), np.float32)
    heatmap[0, 3] = 1.0
    assert hit(heatmap, [(0.8, 0.0, 1.0, 0.2)])
    assert not hit(heatmap, [(0.0, 0.8, 0.2, 1.0)])
    assert not hit(np.zeros((4, 4)), [(0.0, 0.0, 1.0, 1.0)])
    assert covered([(0.0, 0.0, 0.5, 0.5), (0.25, 0.25, 0.5, 0.5)]) == 0.25


def test_boxes_of_val_and_test_are_compared_with_the_label_that_shows_them(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    quarter = np.zeros((64, 64), np.uint8)
    quarter[:32, 32:] = 200
    for name in ("nih__p1_000.png", "nih__p2_000.png"):
        (images / name).write_bytes(cv2.imencode(".png", quarter)[1].tobytes())
    rows = [
        "file,finding,x,y,w,h,split",
        "nih__p1_000.png,Lung_Opacity,512,0,512,512,test",
        "nih__p2_000.png,Lung_Opacity,0,512,512,512,val",
        "nih__p2_000.png,Nodule,0,0,512,512,val",
        "nih__p3_000.png,Lung_Opacity,0,0,9,9,train",
    ]
    (tmp_path / "bbox.csv").write_text("\n".join(rows), encoding="utf-8")
    assert len(read_boxes(tmp_path / "bbox.csv")) == 3
    samples = [Sample(images / "nih__p1_000.png", "dark", "test", "1", "s")]
    figures = pointing_figures(Brightness(), samples, "toy")  # type: ignore[arg-type]
    assert set(figures) == {"lung_opacity"}
    assert figures["lung_opacity"]["hit_rate"]["value"] == 0.5
    assert figures["lung_opacity"]["blind_guess"]["value"] == 0.25
    assert figures["lung_opacity"]["labels"] == {"pneumonia": 2}


def test_without_boxes_there_is_no_pointing_game(tmp_path: Path) -> None:
    assert pointing_figures(Brightness(), [Sample(tmp_path / "a/b.png", "", "test", "1", "s")], "toy") == {}  # type: ignore[arg-type]
