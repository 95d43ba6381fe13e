"""One frame in, one analysis out: the order of gate and models, refusals, force, and failures of single models."""

from __future__ import annotations

import re
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from medview.core import resources
from medview.core.failures import Code, Failure
from medview.core.jobs import Cancelled, Token
from medview.core.samples import samples
from medview.imaging.open import open_path
from medview.imaging.study import DAMAGED_PART, Frame, HeaderFacts
from medview.inference import lungs
from medview.inference.card import FirstStage
from medview.inference.corrections import Correction, quarter_turns
from medview.inference.engine import Engine, Sight, run_model
from medview.inference.field import find_field
from medview.inference.lungs import find_lungs
from medview.inference.postprocess import class_heatmaps, frame_maps
from medview.inference.preprocess import Preprocess, preprocess
from medview.inference.region import WHOLE
from medview.inference.registry import Model
from medview.inference.request import AnalysisRequest
from medview.inference.resample import shrunk


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(device="cpu")


def sample(kind: str) -> Frame:
    path = next(s.path for s in samples() if s.kind == kind)
    study = open_path(path)
    assert not isinstance(study, Failure)
    return study.frames[0]


def sample_grey(kind: str) -> NDArray[Any]:
    values = sample(kind).modality_values()
    assert not isinstance(values, Failure)
    return values if values.ndim == 2 else values[:, :, 0]


def ask(frame: Frame, **options: Any) -> AnalysisRequest:
    return AnalysisRequest(frame, "x", **options)


def made(values: NDArray[np.generic], inverted: bool = False) -> Frame:
    return Frame(Path("made.png"), 0, values.shape[0], values.shape[1], "", lambda: values, inverted)


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("chest_xray", {"chest-six"}),
        ("brain_mr", {"brain-tumour", "brain-tumour-mask"}),
        ("skin_lesion", {"skin-lesion"}),
    ],
)
def test_the_gate_chooses_the_models(engine: Engine, kind: str, known: set[str]) -> None:
    frame = sample(kind)
    analysis = engine.analyse(ask(frame))
    assert (analysis.status, analysis.kind, analysis.reason) == ("ok", kind, None)
    assert [r.card.id for r in analysis.results] == [card.id for card in engine.registry.for_kind(kind)]
    assert {r.card.id for r in analysis.results} >= known
    for result in analysis.results:
        if result.probabilities is not None:
            assert sum(result.probabilities.values()) == pytest.approx(1.0) or result.card.task == "multilabel"
            assert result.heatmaps is not None
            assert set(result.heatmaps) == set(result.probabilities)
        else:
            assert result.mask is not None
            assert result.mask.pixels.shape == (frame.rows, frame.cols)


def test_what_the_file_says_of_the_sequence_is_noted(engine: Engine) -> None:
    frame = sample("brain_mr")
    codes = {note.code for note in engine.analyse(ask(replace(frame, not_t1="an echo time of 90 ms"))).quality}
    assert Code.OTHER_SEQUENCE in codes
    assert Code.OTHER_SEQUENCE not in {note.code for note in engine.analyse(ask(frame)).quality}


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


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (np.zeros((20, 20), np.uint8), Code.TOO_SMALL),
        (np.zeros((1, 1), np.uint8), Code.TOO_SMALL),
        (np.full((300, 300), 77, np.uint16), Code.BLANK),
        (np.arange(100 * 900, dtype=np.uint32).reshape(100, 900).astype(np.uint8), Code.WRONG_SHAPE),
        (np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8), Code.OTHER_KIND),
    ],
)
def test_what_is_no_examination_is_refused_with_a_next_step(
    engine: Engine, values: NDArray[np.generic], code: Code
) -> None:
    analysis = engine.analyse(ask(made(values)))
    assert analysis.status == "refused"
    assert analysis.reason is not None
    assert analysis.reason.code is code
    assert analysis.reason.hint
    assert analysis.results == ()


def test_force_runs_a_model_on_a_refused_picture_and_records_it(engine: Engine) -> None:
    noise = made(np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8))
    analysis = engine.analyse(ask(noise, model="skin-lesion", force=True))
    assert (analysis.status, analysis.forced) == ("ok", True)
    assert [r.card.id for r in analysis.results] == ["skin-lesion"]
    assert analysis.reason is not None
    assert analysis.to_dict()["forced"] is True


@pytest.mark.parametrize("size", [(256, 256), (20, 20), (100, 900)])
def test_even_a_blank_or_tiny_picture_can_be_forced(engine: Engine, size: tuple[int, int]) -> None:
    analysis = engine.analyse(ask(made(np.zeros(size, np.uint8)), model="chest-six", force=True))
    assert (analysis.status, analysis.forced) == ("ok", True)
    assert analysis.results[0].heatmaps is not None


def test_a_second_stage_says_when_it_was_ruled_out(engine: Engine) -> None:
    card = replace(engine.registry.cards["brain-tumour-mask"], first_stage=FirstStage("brain-tumour", "glioma", 0.0))
    mask = engine.registry.load("brain-tumour-mask")
    first = engine.registry.load("brain-tumour")
    assert isinstance(mask, Model)
    assert isinstance(first, Model)
    frame = sample("brain_mr")
    values = frame.modality_values()
    assert not isinstance(values, Failure)
    sight = Sight(values, frame)
    earlier = [run_model(first, sight, [])]
    assert run_model(mask, sight, []).skipped_by == ""
    skipped = run_model(replace(mask, card=card), sight, earlier)
    assert skipped.skipped_by == "brain-tumour"
    assert skipped.mask is not None
    assert (skipped.mask.count, skipped.mask.pixels.shape) == (0, (frame.rows, frame.cols))


@pytest.mark.expected_logs
def test_a_network_that_raises_is_a_failure(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    model = engine.registry.load("image-kind")
    assert isinstance(model, Model)

    def broken(tensor: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(model.network, "run", broken)
    analysis = engine.analyse(ask(sample("chest_xray")))
    assert analysis.status == "error"
    assert analysis.reason is not None
    assert analysis.reason.code is Code.MODEL_FAILED


def test_a_model_of_another_kind_is_refused_unless_forced(engine: Engine) -> None:
    frame = sample("chest_xray")
    analysis = engine.analyse(ask(frame, model="skin-lesion"))
    assert analysis.status == "refused"
    assert analysis.reason is not None
    assert analysis.reason.code is Code.WRONG_MODEL
    forced = engine.analyse(ask(frame, model="skin-lesion", force=True))
    assert [r.card.id for r in forced.results] == ["skin-lesion"]
    assert forced.forced


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


MAMMOGRAM = HeaderFacts("MG", "1.2.840.10008.5.1.4.1.1.1.2", "BREAST")
EVERY_CORRECTION: tuple[tuple[Correction, ...], ...] = (
    (),
    ("invert",),
    ("rotate_90",),
    ("rotate_180",),
    ("rotate_270",),
    ("invert", "rotate_90"),
)


@pytest.mark.parametrize("corrections", EVERY_CORRECTION)
def test_what_the_header_rules_out_ends_there_whatever_is_done_to_the_picture(
    engine: Engine, corrections: tuple[Correction, ...]
) -> None:
    film = replace(sample("chest_xray"), header=MAMMOGRAM)
    analysis = engine.analyse(ask(film, corrections=corrections))
    assert analysis.reason is not None
    assert (analysis.status, analysis.reason.code) == ("refused", Code.OTHER_MODALITY)
    assert analysis.reason.text == "This is a mammogram; medview has no model for it."
    assert (analysis.kind, analysis.kind_scores, analysis.quality, analysis.results) == ("", {}, (), ())


def test_a_header_is_asked_before_any_pixel_is_read(engine: Engine) -> None:
    def never() -> NDArray[np.generic]:
        raise AssertionError("decoded")

    film = replace(sample("chest_xray"), header=MAMMOGRAM, decode=never)
    assert engine.analyse(ask(film)).status == "refused"


def test_a_forced_answer_on_what_the_header_rules_out_is_marked_as_not_valid(engine: Engine) -> None:
    film = replace(sample("chest_xray"), header=MAMMOGRAM)
    analysis = engine.analyse(ask(film, force=True))
    assert (analysis.status, analysis.forced, analysis.kind, analysis.kind_scores) == ("ok", True, "", {})
    assert analysis.reason is not None
    assert analysis.reason.code is Code.OTHER_MODALITY
    assert analysis.validity[0] == "not valid here: the picture was refused"
    named = engine.analyse(ask(film, model="chest-six", force=True))
    assert ([r.card.id for r in named.results], named.forced) == (["chest-six"], True)
    assert engine.analyse(ask(film, model="chest-six")).status == "refused"


def test_a_picture_that_looks_otherwise_than_its_header_says_is_refused(engine: Engine) -> None:
    slice_ = replace(sample("brain_mr"), header=HeaderFacts("CR", body_part="CHEST"))
    analysis = engine.analyse(ask(slice_))
    assert analysis.reason is not None
    assert analysis.reason.text == "This looks like a slice of a brain MR, but by its header it is an X-ray."
    assert (analysis.status, analysis.kind, analysis.kind_scores, analysis.quality) == ("refused", "", {}, ())


def test_the_right_header_changes_nothing(engine: Engine) -> None:
    film = sample("chest_xray")
    plain = engine.analyse(ask(film))
    headed = engine.analyse(ask(replace(film, header=HeaderFacts("DX", body_part="CHEST"), view="PA")))
    assert (headed.status, headed.kind, headed.kind_scores) == ("ok", "chest_xray", plain.kind_scores)
    assert [r.probabilities for r in headed.results] == [r.probabilities for r in plain.results]


def test_the_user_can_say_the_kind_and_the_result_carries_it(engine: Engine) -> None:
    film = replace(sample("chest_xray"), header=MAMMOGRAM)
    analysis = engine.analyse(ask(film, kind="chest_xray"))
    assert (analysis.status, analysis.kind, analysis.forced, analysis.reason) == ("ok", "chest_xray", False, None)
    assert analysis.kind_by_user
    assert analysis.to_dict()["kind_by_user"] is True
    assert analysis.validity[0] == "judged as a frontal chest X-ray, as you said"
    assert analysis.results == tuple(
        replace(ours, ms=theirs.ms)
        for ours, theirs in zip(engine.analyse(ask(sample("chest_xray"))).results, analysis.results, strict=True)
    )
    assert not engine.analyse(ask(sample("chest_xray"))).kind_by_user


def test_what_the_gate_thinks_of_the_word_of_the_user_is_noted(engine: Engine) -> None:
    skin = sample("skin_lesion")
    analysis = engine.analyse(ask(skin, kind="chest_xray"))
    assert (analysis.status, analysis.kind, analysis.kind_by_user) == ("ok", "chest_xray", True)
    told = [note for note in analysis.quality if note.code is Code.UNFAMILIAR]
    assert [note.text for note in told] == [
        "You say that this is a frontal chest X-ray; medview takes it for a dermatoscopic picture of a skin lesion."
    ]
    assert all(note.severity == "warn" for note in analysis.quality)
    assert {result.card.kind for result in analysis.results} == {"chest_xray"}


@pytest.mark.parametrize(
    ("values", "code"),
    [(np.full((300, 300), 77, np.uint16), Code.BLANK), (np.zeros((20, 20), np.uint8), Code.TOO_SMALL)],
)
def test_nothing_stays_nothing_whatever_the_user_says(engine: Engine, values: NDArray[np.generic], code: Code) -> None:
    analysis = engine.analyse(ask(made(values), kind="chest_xray"))
    assert analysis.reason is not None
    assert (analysis.status, analysis.reason.code, analysis.results) == ("refused", code, ())


def test_a_kind_that_no_model_is_for_cannot_be_judged(engine: Engine) -> None:
    assert set(engine.kinds()) == {"chest_xray", "brain_mr", "skin_lesion"}
    analysis = engine.analyse(ask(sample("chest_xray"), kind="knee_mr"))
    assert analysis.reason is not None
    assert (analysis.status, analysis.reason.code) == ("error", Code.NO_MODEL)


def test_a_film_that_only_its_fix_makes_look_like_one_is_refused_without_the_word_of_the_user(engine: Engine) -> None:
    path = next(s.path for s in samples() if s.path.name.startswith("chest-normal-child"))
    study = open_path(path)
    assert not isinstance(study, Failure)
    values = study.frames[0].modality_values()
    assert not isinstance(values, Failure)
    lying = made(np.ascontiguousarray(np.rot90(255 - values)))
    corrections: tuple[Correction, ...] = ("invert", "rotate_90")
    refused = engine.analyse(ask(lying, corrections=corrections))
    assert (refused.status, refused.kind) == ("refused", "")
    assert not [note for note in engine.analyse(ask(lying)).quality if note.correction]
    assert {note.correction for note in engine.analyse(ask(lying, kind="chest_xray")).quality} >= set(corrections)
    said = engine.analyse(ask(lying, corrections=corrections, kind="chest_xray"))
    assert (said.status, said.kind_by_user, said.corrected) == ("ok", True, corrections)


def test_of_the_models_of_a_kind_those_that_the_header_is_not_for_do_not_run(tmp_path: Path) -> None:
    for id in ("image-kind", "chest-six", "chest-findings"):
        shutil.copytree(resources.find("models") / id, tmp_path / id)
    path = tmp_path / "chest-findings" / "card.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"CR",', "", 1), encoding="utf-8")
    engine = Engine(tmp_path, "cpu")
    film = replace(sample("chest_xray"), header=HeaderFacts("CR"))
    assert [r.card.id for r in engine.analyse(ask(film)).results] == ["chest-six"]
    assert len(engine.analyse(ask(sample("chest_xray"))).results) == 2
    named = engine.analyse(ask(film, model="chest-findings"))
    assert named.reason is not None
    assert (named.status, named.reason.code) == ("refused", Code.WRONG_MODEL)
    assert engine.analyse(ask(film, model="chest-findings", kind="chest_xray")).status == "ok"


def test_an_answer_says_what_it_is_limited_to(engine: Engine) -> None:
    analysis = engine.analyse(ask(replace(sample("brain_mr"), not_t1="an echo time of 90 ms")))
    assert analysis.validity == ("another sequence than the models learned", "this slice only")
    assert analysis.to_dict()["validity"] == list(analysis.validity)


def test_a_refusal_for_quality_can_be_forced_and_is_in_the_json(engine: Engine) -> None:
    dark = made((sample_grey("chest_xray") // 8).astype(np.uint8))
    analysis = engine.analyse(ask(dark))
    assert analysis.reason is not None
    assert (analysis.status, analysis.reason.code) == ("refused", Code.TOO_DARK)
    note = analysis.to_dict()["quality"][0]
    assert set(note) == {"code", "measured", "limit", "text", "hint", "fix", "severity"}
    assert (note["code"], note["limit"], note["fix"], note["severity"]) == ("too-dark", 0.12, None, "refuse")
    forced = engine.analyse(ask(dark, force=True))
    assert (forced.status, forced.forced, forced.quality) == ("ok", True, analysis.quality)


def test_an_answer_says_how_the_picture_was_read(engine: Engine, tmp_path: Path) -> None:
    values = sample_grey("chest_xray")
    assert cv2.imwritemulti(str(tmp_path / "two.tif"), [values, 255 - values])
    study = open_path(tmp_path / "two.tif")
    assert not isinstance(study, Failure)
    found = [engine.analyse(AnalysisRequest(frame, "two.tif")) for frame in study.frames]
    assert [a.to_dict()["notes"] for a in found] == [["Picture 1 of 2 in the file."], ["Picture 2 of 2 in the file."]]
    assert [a.status for a in found] == ["ok", "refused"]
    assert engine.analyse(ask(sample("chest_xray"))).notes == ()


def test_stability_brackets_every_probability_and_can_be_had_later(engine: Engine) -> None:
    frame = sample("chest_xray")
    plain = engine.analyse(ask(frame))
    assert plain.results[0].stability is None
    steady = engine.analyse(ask(frame, stability=True)).results[0]
    assert steady.stability is not None
    assert steady.probabilities is not None
    for label, (low, high) in steady.stability.items():
        assert 0 <= low <= steady.probabilities[label] <= high <= 1
    later = engine.add_stability(plain, ask(frame)).results[0]
    assert later.stability == steady.stability
    token = Token()
    token.cancel()
    with pytest.raises(Cancelled):
        engine.add_stability(plain, ask(frame), token)


def test_two_models_of_one_kind_one_of_them_multilabel(tmp_path: Path) -> None:
    """The network of chest-six, its outputs read as six independent labels of which one is hidden."""
    for id in ("image-kind", "chest-six"):
        shutil.copytree(resources.find("models") / id, tmp_path / id)
    shutil.copytree(tmp_path / "chest-six", tmp_path / "chest-findings")
    path = tmp_path / "chest-findings" / "card.toml"
    text = re.sub(r"(?ms)^\[prediction_set\].*?^\]\n", "", path.read_text(encoding="utf-8"))
    text = text.replace('id = "chest-six"', 'id = "chest-findings"').replace('task = "classify"', 'task = "multilabel"')
    text = text.replace('id = "covid19"', 'id = "covid19"\nshown = false\nwhy_hidden = "Too few pictures."')
    path.write_text(text + '\n[[unavailable]]\nname = "Hernia"\nwhy = "No pictures."\n', encoding="utf-8")
    labels = {label["id"]: label["name"] for label in tomllib.loads(text)["labels"]}
    analysis = Engine(tmp_path, "cpu").analyse(ask(sample("chest_xray"), stability=True))
    assert (analysis.status, analysis.warnings) == ("ok", ())
    six, findings = analysis.results
    assert (six.card.id, findings.card.id) == ("chest-six", "chest-findings")
    shown = set(labels) - {"covid19"}
    assert findings.probabilities is not None
    assert set(findings.probabilities) == set(findings.heatmaps or {}) == set(findings.stability or {}) == shown
    assert "covid19" not in findings.findings
    told = analysis.to_dict()["results"][1]
    assert told["task"] == "multilabel"
    assert "covid19" not in told["probabilities"]
    assert [item["name"] for item in told["not_judged"]] == [labels["covid19"], "Hernia"]
    assert (told["sha256"], told["version"]) == (six.card.sha256, six.card.version)


def test_force_changes_nothing_where_nothing_is_refused(engine: Engine) -> None:
    analysis = engine.analyse(ask(sample("chest_xray"), force=True))
    assert (analysis.status, analysis.forced, analysis.reason) == ("ok", False, None)


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


def test_a_file_that_cannot_be_decoded_is_an_error(engine: Engine) -> None:
    broken = Failure(Code.CORRUPT, "damaged", "copy again")
    frame = Frame(Path("x"), 0, 10, 10, "", lambda: broken)
    analysis = engine.analyse(ask(frame))
    assert (analysis.status, analysis.reason) == ("error", broken)


def test_a_cancelled_analysis_raises_cancelled_and_nothing_else(engine: Engine) -> None:
    token = Token()
    token.cancel()
    with pytest.raises(Cancelled):
        engine.analyse(ask(sample("chest_xray")), token)


def test_progress_goes_up_and_names_what_is_done(engine: Engine) -> None:
    said: list[tuple[float, str]] = []
    engine.analyse(ask(sample("brain_mr")), Token(lambda share, text: said.append((share, text))))
    shares = [share for share, _ in said]
    assert shares == sorted(shares)
    assert any("Brain tumour" in text for _, text in said)


def test_a_damaged_picture_is_noted_and_not_judged_unless_forced(engine: Engine) -> None:
    whole = sample("chest_xray")
    told = replace(whole, examine=lambda: "data is left over")
    analysis = engine.analyse(ask(told))
    assert analysis.reason is not None
    assert (analysis.status, analysis.reason.code, analysis.results) == ("refused", Code.CORRUPT, ())
    assert analysis.reason.text == "Part of this picture is damaged, and so no model judges it."
    assert DAMAGED_PART in analysis.notes
    noted = engine.analyse(ask(replace(whole, notes=(DAMAGED_PART,))))
    assert noted.reason is not None
    assert (noted.status, noted.reason.code, noted.notes) == ("refused", Code.CORRUPT, (DAMAGED_PART,))
    forced = engine.analyse(ask(told, force=True))
    assert (forced.status, forced.forced) == ("ok", True)
    assert DAMAGED_PART in forced.notes


@pytest.mark.expected_logs
def test_one_damaged_model_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(resources.find("models"), tmp_path / "models"))
    (folder / "chest-six" / "model.onnx").write_bytes(b"damaged")
    analysis = Engine(folder, "cpu").analyse(ask(sample("chest_xray")))
    assert analysis.status == "ok"
    assert [r.card.id for r in analysis.results] == ["chest-findings"]
    assert [w.code for w in analysis.warnings] == [Code.MODEL_DAMAGED]


@pytest.mark.expected_logs
def test_without_the_gate_nothing_is_judged(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(resources.find("models"), tmp_path / "models"))
    (folder / "image-kind" / "model.onnx").write_bytes(b"damaged")
    analysis = Engine(folder, "cpu").analyse(ask(sample("chest_xray"), force=True))
    assert analysis.status == "error"
    assert analysis.results == ()


def test_an_accepted_picture_without_a_model_is_an_error_and_no_other_model_runs(tmp_path: Path) -> None:
    shutil.copytree(resources.find("models") / "image-kind", tmp_path / "image-kind")
    shutil.copytree(resources.find("models") / "chest-six", tmp_path / "chest-six")
    analysis = Engine(tmp_path, "cpu").analyse(ask(sample("skin_lesion")))
    assert analysis.status == "error"
    assert analysis.reason is not None
    assert analysis.reason.code is Code.NO_MODEL


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


def test_a_header_against_the_word_of_the_user_is_told_wherever_the_answer_is(engine: Engine) -> None:
    film = sample("chest_xray")
    analysis = engine.analyse(ask(replace(film, header=MAMMOGRAM), kind="chest_xray"))
    told = [note for note in analysis.quality if note.code is Code.AGAINST_HEADER]
    assert [(note.text, note.severity, note.correction) for note in told] == [
        ("You say that this is a frontal chest X-ray; by its header it is a mammogram.", "warn", "")
    ]
    assert analysis.validity[:2] == (
        "judged as a frontal chest X-ray, as you said",
        "its header says that it is something else",
    )
    agreed = engine.analyse(ask(replace(film, header=HeaderFacts("DX", body_part="CHEST")), kind="chest_xray"))
    assert not [note for note in agreed.quality if note.code is Code.AGAINST_HEADER]
