"""Models that somebody else made: tried in a child process first, within limits afterwards, never believed blindly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from medview.core import resources
from medview.core.failures import Code, Failure
from medview.core.paths import cache_dir
from medview.core.samples import samples
from medview.imaging.open import open_path
from medview.imaging.study import Frame
from medview.inference import registry, runtime, trial
from medview.inference.card import FirstStage
from medview.inference.card_reading import read_card
from medview.inference.engine import Engine
from medview.inference.preprocess import to_input
from medview.inference.registry import Model, Registry, load_model
from medview.inference.request import AnalysisRequest
from medview.inference.runtime import BadAnswer, Limits, Network
from tests.inference.hostile import CASES, GOOD, edit, message, models, npz, rewrite

BRIGHT = to_input(np.ones((64, 64, 3), np.float32))


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are loaded without a trial: what is tested comes before it or after it."""
    monkeypatch.setattr(registry, "tried", lambda folder, card, again: None)


def load(folder: Path) -> Model | Failure:
    return Registry(folder, "cpu").load("evil")


def frame(values: NDArray[np.uint8]) -> Frame:
    return Frame(Path("made.png"), 0, values.shape[0], values.shape[1], "", lambda: values)


# What is found without running anything


@pytest.mark.expected_logs
@pytest.mark.parametrize("name", ["card.toml", "model.onnx", "golden.npz"])
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such files there")
def test_a_pipe_or_a_device_in_place_of_a_file_hangs_nothing(tmp_path: Path, name: str) -> None:
    folder = models(tmp_path, GOOD)
    for make in (lambda path: os.mkfifo(path), lambda path: path.symlink_to("/dev/zero")):
        (folder / "evil" / name).unlink()
        make(folder / "evil" / name)
        found = load(folder)
        assert isinstance(found, Failure)
        assert found.code is Code.MODEL_DAMAGED


@pytest.mark.expected_logs
@pytest.mark.parametrize("name", ["../gate.npz", "/etc/passwd", "sub/gate.npz", "model.onnx"])
def test_a_card_that_names_files_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    folder = models(tmp_path, GOOD)
    rewrite(folder / "evil", '"files" = {', f'"files" = {{"{name}" = "{"0" * 64}", ')
    found = load(folder)
    assert isinstance(found, Failure)
    assert "files: golden.npz is needed, and none but" in found.detail


@pytest.mark.expected_logs
def test_a_network_with_weights_in_another_file_is_refused(tmp_path: Path) -> None:
    folder = models(tmp_path, GOOD)
    network = (folder / "evil" / "model.onnx").read_bytes()
    outside = message((1, 1), (2, 1), (8, b"w2"), (14, 1), (13, message((1, b"location"), (2, b"/etc/passwd"))))
    edit(folder / "evil", "model.onnx", network + message((7, message((5, outside)))))
    found = load(folder)
    assert isinstance(found, Failure)
    assert "keeps weights in another file" in found.detail


@pytest.mark.expected_logs
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda a: a.update(image=a["image"].astype(np.float64)), "a picture of float64"),
        (lambda a: a.update(image=a["image"][:5]), "a picture of uint8 (5, 64, 3)"),
        (lambda a: a.update(image=np.array([{}], dtype=object)), "no array of numbers"),
        (lambda a: a.pop("image"), "image"),
    ],
)
def test_a_golden_picture_of_another_kind_is_refused(tmp_path: Path, change: object, told: str) -> None:
    folder = models(tmp_path, GOOD)
    with np.load(folder / "evil" / "golden.npz") as file:
        arrays = dict(file)
    change(arrays)  # type: ignore[operator]
    edit(folder / "evil", "golden.npz", npz(arrays))
    found = load(folder)
    assert isinstance(found, Failure)
    assert told in found.detail


# The trial in a child process


def test_a_sound_model_of_somebody_else_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = models(tmp_path / "models", GOOD)
    assert isinstance(load(folder), Model)
    (known,) = (cache_dir() / "trials").iterdir()
    assert json.loads(known.read_bytes()) == {"failure": None}
    assert os.name == "nt" or known.stat().st_mode & 0o77 == 0
    monkeypatch.setattr(trial, "_try", lambda folder: pytest.fail("tried again"))
    assert isinstance(load(folder), Model)
    known.write_text("[" * 100_000)
    monkeypatch.setattr(trial, "_try", lambda folder: None)
    assert isinstance(load(folder), Model)


def test_a_shipped_model_needs_no_trial_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "tried", lambda *_: pytest.fail("tried"))
    folder = models(tmp_path, GOOD, "image-kind")
    assert isinstance(Registry(folder, "cpu").load("image-kind"), Model)
    assert not registry.is_shipped(folder / "evil")
    rewrite(folder / "image-kind", r"(?m)^version = .*$", 'version = "0.0.1"')
    assert not registry.is_shipped(folder / "image-kind")


@pytest.mark.expected_logs
def test_a_network_that_never_ends_is_switched_off_and_stays_so_until_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "LIMIT_S", 3.0)
    folder = models(tmp_path, "model-loop", "image-kind")
    found = load(folder)
    assert isinstance(found, Failure)
    assert found.code is Code.MODEL_FAILED
    assert found.text == "The model evil was switched off: when it was tried, it did not answer within 3 s."
    tries = []
    monkeypatch.setattr(trial, "_try", tries.append)
    assert load(folder) == found
    assert tries == []
    again = Registry(folder, "cpu")
    again.again = True
    monkeypatch.setattr(registry, "load_model", lambda *_: found)
    again.load("evil")
    assert tries == [folder / "evil"]


def test_a_child_that_ends_in_the_middle_is_a_failure_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = models(tmp_path, GOOD)
    card = read_card(folder / "evil")
    assert not isinstance(card, Failure)
    monkeypatch.setattr(trial, "command", lambda *_: [sys.executable, "-c", "import os; os._exit(7)"])
    found = trial.tried(folder / "evil", card)
    assert found is not None
    assert found.detail == "it ended the program that tried it (exit code 7)"


def test_a_trial_that_cannot_start_is_not_held_against_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = models(tmp_path, GOOD)
    card = read_card(folder / "evil")
    assert not isinstance(card, Failure)
    monkeypatch.setattr(trial, "command", lambda *_: [str(tmp_path / "missing")])
    found = trial.tried(folder / "evil", card)
    assert found is not None
    assert "could not be started" in found.text
    assert not (cache_dir() / "trials").exists()


def test_the_child_says_what_is_wrong_and_nothing_else(tmp_path: Path) -> None:
    folder = models(tmp_path, GOOD)
    with np.load(folder / "evil" / "golden.npz") as file:
        arrays = dict(file)
    edit(folder / "evil", "golden.npz", npz(arrays | {"logits": arrays["logits"] + 1}))
    command = [sys.executable, "-m", "medview", "models", "--worker", str(folder / "evil")]
    done = subprocess.run(command, stdin=subprocess.PIPE, capture_output=True, check=False, timeout=60)
    # Its stdin ends at once, which is how it learns that its parent is gone: it may or may not have answered by then.
    assert done.stdout == b"" or json.loads(done.stdout)["code"] == Code.MODEL_SELF_TEST


# Within limits afterwards


@pytest.mark.parametrize("case", ["model-loops-later", "model-swells"])
def test_a_network_that_loops_or_swells_on_other_pictures_is_stopped(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(0.5, runtime.OTHERS.arena_bytes)
    monkeypatch.setattr(registry, "OTHERS", limits)
    card = read_card(CASES / case / "evil")
    assert not isinstance(card, Failure)
    model = load_model(CASES / case / "evil", card, "cpu")
    assert isinstance(model, Model), model
    if case == "model-swells":
        with pytest.raises(Exception, match="requested bytes"):
            model.network.run(BRIGHT)
        assert model.network.run(-BRIGHT)["logits"].shape == (1, 3)
        return
    assert model.network.run(-BRIGHT)["logits"].shape == (1, 3)
    with pytest.raises(BadAnswer, match=r"did not answer within 0\.5 s"):
        model.network.run(BRIGHT)
    with pytest.raises(BadAnswer, match="not asked again"):
        model.network.run(-BRIGHT)


class Answers:
    """Stands in for a session of ONNX Runtime: gives the outputs it is told."""

    def __init__(self, **outputs: object) -> None:
        self.outputs = outputs

    def run(self, *_: object) -> list[object]:
        return list(self.outputs.values())


def network(**outputs: object) -> Network:
    made = Network((resources.shipped("models") / "image-kind" / "model.onnx").read_bytes(), "cpu")
    made._session = Answers(**outputs)
    made.outputs = tuple(outputs)
    return made


@pytest.mark.parametrize(
    "value",
    [
        np.array([[1.0, np.nan]]),
        np.array([[1.0, np.inf]], np.float32),
        np.array([[1.0, -np.inf]], np.float16),
        np.array([[1.0, 2e9]], np.float32),
        np.array([["text"]], object),
        np.array([[1]], np.int64),
        [{"a": 1.0}],
    ],
)
@pytest.mark.parametrize("name", ["logits", "features", "maps"])
def test_an_output_that_is_no_number_is_a_failure(name: str, value: object) -> None:
    with pytest.raises(BadAnswer, match=f"its output {name} "):
        network(**{name: value}).run(BRIGHT)


def test_an_output_of_another_size_than_at_the_self_test_is_a_failure() -> None:
    made = network(logits=np.zeros((1, 3), np.float32))
    made.shapes = {"logits": (1, 3)}
    made.run(BRIGHT)
    made.shapes = {"logits": (1, 4)}
    with pytest.raises(BadAnswer, match=r"has the shape \(1, 3\), not \(1, 4\)"):
        made.run(BRIGHT)


# What the engine makes of it


def sample_frame(name: str) -> Frame:
    study = open_path(next(s.path for s in samples() if s.path.name == name))
    assert not isinstance(study, Failure)
    return study.frames[0]


@pytest.fixture
def skin() -> Frame:
    return sample_frame("skin-melanoma.jpg")


@pytest.mark.expected_logs
@pytest.mark.usefixtures("in_process")
def test_no_number_is_no_answer(tmp_path: Path, skin: Frame) -> None:
    analysis = Engine(models(tmp_path, GOOD, "image-kind"), "cpu").analyse(AnalysisRequest(skin, "x", stability=True))
    assert (analysis.status, analysis.results) == ("error", ())
    assert analysis.reason is not None
    assert analysis.reason.code is Code.MODEL_FAILED
    assert "its output logits holds values that are no numbers" in analysis.reason.text
    json.dumps(analysis.to_dict(), allow_nan=False)


@pytest.mark.expected_logs
def test_a_gate_that_gives_no_number_lets_nothing_pass(skin: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(device="cpu")
    gatekeeper = engine.registry.load("image-kind")
    assert isinstance(gatekeeper, Model)
    answer = gatekeeper.network.run

    def nan(tensor: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        given = answer(tensor)
        runtime._check("features", given["features"] * np.float32(np.nan), {})
        return given

    monkeypatch.setattr(gatekeeper.network, "run", nan)
    analysis = engine.analyse(AnalysisRequest(skin, "x"))
    assert (analysis.status, analysis.kind, analysis.results) == ("error", "", ())
    assert analysis.reason is not None
    assert analysis.reason.code is Code.MODEL_FAILED


def failing(engine: Engine, id: str, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded model gives no number any more from its `after`-th run on."""
    model = engine.registry.load(id)
    assert isinstance(model, Model)
    answer, runs = model.network.run, []

    def run(tensor: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        runs.append(1)
        if len(runs) > after:
            raise BadAnswer("its output logits holds values that are no numbers")
        return answer(tensor)

    monkeypatch.setattr(model.network, "run", run)


@pytest.fixture
def brain() -> Frame:
    return sample_frame("brain-glioma.webp")


@pytest.mark.expected_logs
def test_nothing_is_outlined_when_the_model_that_must_answer_first_fails(
    brain: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(device="cpu")
    failing(engine, "brain-tumour", 0, monkeypatch)
    analysis = engine.analyse(AnalysisRequest(brain, "x"))
    assert (analysis.status, analysis.results) == ("error", ())
    told = [analysis.reason, *analysis.warnings]
    assert [failure and failure.code for failure in told] == [Code.MODEL_FAILED] * 2
    assert told[1] is not None
    assert "brain-tumour-mask was not run, since brain-tumour, which has to answer first, did not" in told[1].text
    # By name it runs alone, as before.
    assert [r.card.id for r in engine.analyse(AnalysisRequest(brain, "x", model="brain-tumour-mask")).results] == [
        "brain-tumour-mask"
    ]


@pytest.mark.expected_logs
def test_a_failure_while_the_picture_is_varied_is_told(brain: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(device="cpu")
    failing(engine, "brain-tumour", 3, monkeypatch)
    analysis = engine.analyse(AnalysisRequest(brain, "x", stability=True))
    assert analysis.status == "ok"
    assert [result.stability for result in analysis.results] == [None, None]
    assert [failure.code for failure in analysis.warnings] == [Code.MODEL_FAILED]


@pytest.mark.expected_logs
@pytest.mark.parametrize(
    "stage",
    [
        FirstStage("brain-tumour", "normal", 0.9),  # no label of its
        FirstStage("skin-lesion", "nv", 0.9),  # another kind of picture
        FirstStage("brain-tumour-mask", "no_tumour", 0.9),  # itself
    ],
)
def test_a_second_stage_needs_a_first_one_that_can_speak_of_it(
    stage: FirstStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(folder: Path) -> object:
        card = read_card(folder)
        return replace(card, first_stage=stage) if folder.name == "brain-tumour-mask" else card

    monkeypatch.setattr(registry, "read_card", read)
    found = Registry(device="cpu")
    assert "brain-tumour-mask" not in found.cards
    assert "has no say about it" in found.broken["brain-tumour-mask"].detail
