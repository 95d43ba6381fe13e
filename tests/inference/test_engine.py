"""One frame in, one analysis out: the order of gate and models, refusals, force, and failures of single models."""

from __future__ import annotations

import re
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from medview.core import resources
from medview.core.failures import Code, Failure
from medview.core.jobs import Cancelled, Token
from medview.imaging.open import open_path
from medview.imaging.study import DAMAGED_PART, Frame
from medview.inference.card import FirstStage
from medview.inference.engine import Engine, Sight, run_model
from medview.inference.registry import Model
from medview.inference.request import AnalysisRequest
from tests.inference.asked import ask, made, sample, sample_grey


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
