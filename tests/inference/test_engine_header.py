"""What the header rules out, what the user says a picture is, and what an answer is then limited to."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from medview.core import resources
from medview.core.failures import Code, Failure
from medview.core.samples import samples
from medview.imaging.open import open_path
from medview.imaging.study import HeaderFacts
from medview.inference.corrections import Correction
from medview.inference.engine import Engine
from tests.inference.asked import ask, made, sample

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
