"""What the models of an engine are given: the picture within the black, its lungs, once, shrunk, as its positive."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from medview.core.failures import Code
from medview.inference import lungs
from medview.inference.corrections import Correction, quarter_turns
from medview.inference.engine import Engine
from medview.inference.field import find_field
from medview.inference.lungs import find_lungs
from medview.inference.postprocess import class_heatmaps, frame_maps
from medview.inference.preprocess import Preprocess, preprocess
from medview.inference.region import WHOLE
from medview.inference.registry import Model
from medview.inference.resample import shrunk
from tests.inference.asked import ask, made, sample, sample_grey


def test_the_skin_classifier_sees_what_lies_within_the_black_and_the_outline_all(engine: Engine) -> None:
    values = np.array(sample("skin_lesion").modality_values())
    rows, cols = values.shape[:2]
    across, down = np.meshgrid(np.arange(cols) - cols / 2, np.arange(rows) - rows / 2)
    values[np.hypot(across, down) > 0.42 * cols] = 0
    analysis = engine.analyse(ask(made(values)))
    regions = {result.card.id: result.region for result in analysis.results}
    assert regions == {"skin-lesion": find_field(values), "skin-lesion-mask": WHOLE}
    assert regions["skin-lesion"] != WHOLE
    heat = next(iter((analysis.results[0].heatmaps or {}).values()))
    assert not heat[:, 0].any()


def test_a_result_says_where_the_lungs_were_found(engine: Engine) -> None:
    frame = sample("chest_xray")
    values = frame.modality_values()
    assert isinstance(values, np.ndarray)
    analysis = engine.analyse(ask(frame))
    assert {result.region for result in analysis.results} == {find_lungs(values, frame.inverted)} != {WHOLE}
    assert not any(note.code is Code.NO_LUNGS for note in analysis.quality)
    told = analysis.to_dict()["results"][0]["region"]
    assert 0 <= told["top"] < told["bottom"] <= 1
    assert {result.region for result in engine.analyse(ask(sample("skin_lesion"))).results} == {WHOLE}


def test_the_lungs_of_a_film_are_looked_for_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    searches = []
    evened = lungs.even_contrast
    monkeypatch.setattr(lungs, "even_contrast", lambda values: searches.append(values.shape) or evened(values))
    frame = sample("chest_xray")
    assert len(engine.analyse(ask(frame)).results) > 1
    assert searches == [(frame.rows, frame.cols)]
    engine.analyse(ask(sample("skin_lesion")))
    assert len(searches) == 1


def test_heatmaps_lie_where_the_lungs_were_found(engine: Engine) -> None:
    film = sample("chest_xray").modality_values()
    assert isinstance(film, np.ndarray)
    wide = np.concatenate([film, np.zeros_like(film)], axis=1)
    for result in engine.analyse(ask(made(wide), force=True)).results:
        assert result.region.right < 0.55
        model = engine.registry.load(result.card.id)
        assert isinstance(model, Model)
        outputs = model.network.run(preprocess(wide, result.card.preprocess, region=result.region))
        shown = [index for index, label in enumerate(result.card.labels) if label.shown]
        maps = frame_maps(outputs, "both", result.region)[shown]
        expected = class_heatmaps(maps, list(result.probabilities or {}), result.card.task == "classify")
        for label, heatmap in (result.heatmaps or {}).items():
            np.testing.assert_array_equal(heatmap, expected[label])


def test_models_of_one_rule_share_their_input(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = []
    made_of = preprocess

    def noted(values: NDArray[np.generic], rule: Preprocess, *rest: object) -> NDArray[np.float32]:
        rules.append(rule)
        return made_of(values, rule, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("medview.inference.engine.preprocess", noted)
    results = engine.analyse(ask(sample("chest_xray"))).results
    assert len(results) == 2
    assert rules == [results[0].card.preprocess] == [results[1].card.preprocess]


@pytest.mark.parametrize("corrections", [("invert",), ("rotate_90",), ("invert", "rotate_270")])
def test_a_film_that_was_put_right_gets_the_answer_of_the_upright_one(
    engine: Engine, corrections: tuple[Correction, ...]
) -> None:
    grey = sample_grey("chest_xray")
    undo = np.rot90(255 - grey if "invert" in corrections else grey, quarter_turns(corrections))
    lying = made(np.ascontiguousarray(undo))
    refused = engine.analyse(ask(lying))
    assert refused.status == "refused"
    assert {note.correction for note in refused.quality} == set(corrections)
    analysis = engine.analyse(ask(lying, corrections=corrections))
    assert (analysis.status, analysis.corrected, analysis.quality) == ("ok", corrections, ())
    assert analysis.results[0].probabilities == pytest.approx(
        engine.analyse(ask(made(grey))).results[0].probabilities, abs=0.02
    )
    assert analysis.to_dict()["corrected"] == list(corrections)


def test_monochrome1_is_judged_as_its_positive(engine: Engine) -> None:
    grey = sample_grey("chest_xray")
    plain = engine.analyse(ask(made(grey))).results[0].probabilities
    negative = engine.analyse(ask(made(255 - grey, inverted=True))).results[0].probabilities
    assert plain is not None
    assert negative is not None
    # Area averages of 8-bit values are rounded, and rounding is not the same upside down.
    assert negative == pytest.approx(plain, abs=0.02)


def test_sixteen_bit_values_give_the_answer_of_eight_bit_ones(engine: Engine) -> None:
    grey = sample_grey("chest_xray")
    plain = engine.analyse(ask(made(grey))).results[0].probabilities
    deep = engine.analyse(ask(made(grey.astype(np.uint16) * 16 + 1000))).results[0].probabilities
    assert plain is not None
    assert deep == pytest.approx(plain, abs=0.02)


def test_a_large_film_is_shrunk_once_and_answered_the_same(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    film = sample("chest_xray").modality_values()
    assert isinstance(film, np.ndarray)
    large = cv2.resize(film.astype(np.uint16) * 16, (2400, 2800), interpolation=cv2.INTER_LINEAR)
    shrinkings = []
    monkeypatch.setattr("medview.inference.engine.shrunk", lambda v: shrinkings.append(v.shape) or shrunk(v))
    analysis = engine.analyse(ask(made(large), stability=True))
    assert shrinkings == [(2800, 2400)]
    monkeypatch.setattr("medview.inference.engine.shrunk", lambda v: v)
    whole = engine.analyse(ask(made(large), stability=True))
    for ours, theirs in zip(analysis.results, whole.results, strict=True):
        assert ours.probabilities == pytest.approx(theirs.probabilities, abs=0.02)
        assert ours.region.top == pytest.approx(theirs.region.top, abs=0.02)
        assert ours.stability is not None


def test_what_is_shrunk_keeps_enough_and_its_shape() -> None:
    assert shrunk(np.zeros((1279, 5000), np.uint8)).shape == (1279, 5000)
    assert shrunk(np.zeros((1280, 5000), np.uint8)).shape == (640, 2500)
    assert shrunk(np.zeros((3000, 2001, 3), np.uint16)).shape == (1000, 667, 3)
    np.testing.assert_array_equal(shrunk(np.full((1920, 1920), 7, np.int16)), np.full((640, 640), 7, np.int16))
