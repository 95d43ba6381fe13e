"""Baselines: features do what they say, patients stay together, and the file says what the figures mean."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("xgboost")
pytest.importorskip("sklearn")

from tests.training.toy import toy_config
from training.data.manifests import Sample
from training.explore import classical
from training.explore.baseline import (
    Candidate,
    Table,
    candidates,
    chosen,
    config_of,
    cross_validated,
    inside_sources,
    study,
    told,
    told_by_framing,
    write_study,
)

CONFIG = toy_config()


def bright_and_dark(folder: Path, patients: int = 8) -> list[Sample]:
    """Two pictures a patient; bright ones differ from dark ones by their mean alone, before the stretch."""
    rng = np.random.default_rng(0)
    samples = []
    for split, count in (("train", patients), ("test", patients)):
        for patient in range(count):
            for number in (0, 1):
                label = ("dark", "bright")[patient % 2]
                values = rng.integers(0, 60, (40, 48)) + 150 * (label == "bright")
                path = folder / f"{split}_{patient}_{number}.png"
                path.write_bytes(cv2.imencode(".png", values.astype(np.uint8))[1].tobytes())
                source = "one" if patient < 4 else "two"
                samples.append(Sample(path, label, split, f"{split}{patient}", source))
    return samples


def test_the_whole_study_of_a_toy_set(tmp_path: Path) -> None:
    found = study("toy", bright_and_dark(tmp_path), CONFIG)
    path = write_study(found, tmp_path / "out")
    assert path == tmp_path / "out" / "toy.json"
    told_again = json.loads(path.read_text(encoding="utf-8"))
    assert told_again == found
    assert found["pictures"] == {"train": 16, "test": 16}
    assert [r["name"] for r in found["rows"][:3]] == [
        "source name alone",
        "shortcut: border",
        "shortcut: thumbnail",
    ]
    assert {(r["name"], r["preprocessing"]) for r in found["rows"][3:]} == {
        (name, step) for name in ("logistic regression", "xgboost") for step in classical.PREPROCESSING
    }
    border = found["rows"][1]
    assert border["cv_balanced_accuracy"] == 1.0
    assert border["accuracy"]["value"] == 1.0
    # All right for eight patients: the exact lower end of Clopper and Pearson.
    assert border["accuracy"]["low"] == pytest.approx(0.025 ** (1 / 8), abs=1e-4)
    source = found["rows"][0]
    assert source["balanced_accuracy"]["value"] == 0.5
    assert "no more than chance" in found["note"]


def test_a_limited_study_says_so(tmp_path: Path) -> None:
    found = study("toy", bright_and_dark(tmp_path, 10), CONFIG, limit=18)
    assert found["pictures"] == {"train": 18, "test": 18}
    assert "Only 18 of the 20 train pictures were used (--limit 18)." in found["note"]


def test_a_framing_that_tells_the_class_is_named() -> None:
    def sample(label: str, source: str, framing: str) -> Sample:
        return Sample(Path("x"), label, "test", "p", source, framing)

    telling = [sample("a", "one", "crop"), sample("b", "one", "full")]
    silent = [sample(label, "two", framing) for label in "ab" for framing in ("crop", "full")]
    assert told_by_framing(telling + silent) == ["one (1.00)"]


def test_folds_never_cut_a_patient() -> None:
    # Noise that only says which patient it is of: whoever has seen the patient knows the class.
    rng = np.random.default_rng(1)
    marks = rng.normal(size=(30, 12)).astype(np.float32)
    patients = np.repeat(np.arange(30), 4)
    truth = rng.permutation(np.repeat([0, 1], 15))[patients]
    table = Table({"marks": marks[patients]}, truth, [str(p) for p in patients], ["s"] * 120)
    nearest = next(c for c in candidates(12, 2) if c.name == "xgboost").estimator
    figure = cross_validated(Candidate("x", "none", "", "marks", nearest), table)
    assert figure < 0.75


def test_figures_inside_a_source_leave_the_others_out() -> None:
    truth = np.array([0, 1] * 20 + [0] * 40)
    table = Table({}, truth, [str(i) for i in range(80)], ["both"] * 40 + ["one class"] * 40)
    guess = truth.copy()
    guess[1:11:2] = 0
    assert inside_sources(table, guess, ("a", "b")) == ["both (a, b; 40 pictures): 0.875"]


def test_a_figure_that_is_not_defined_is_none() -> None:
    assert told({"value": 0.5, "low": float("nan"), "high": float("nan"), "n": 3}) == {
        "value": 0.5,
        "low": None,
        "high": None,
    }


def test_a_limit_takes_the_same_pictures_each_time(tmp_path: Path) -> None:
    samples = bright_and_dark(tmp_path)
    picked = chosen(samples, "train", CONFIG, 5)
    assert len(picked) == 5
    assert picked == chosen(samples, "train", CONFIG, 5)
    assert chosen([replace(s, label="") for s in samples], "train", CONFIG, 0) == []


def test_a_class_of_too_few_patients_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"class dark has 2 patients in train; 3 folds need 3 or more"):
        study("toy", bright_and_dark(tmp_path, 4), CONFIG)


def test_a_corrupt_picture_is_named(tmp_path: Path) -> None:
    samples = bright_and_dark(tmp_path)
    samples[3].path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=samples[3].path.name):
        study("toy", samples, CONFIG)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("brain-tumour-mask", "not applicable: brain-tumour-mask is a set of masks"),
        ("nih14", "no configuration trains on the set 'nih14'"),
    ],
)
def test_sets_it_is_not_for_are_told_so(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config_of(name)


def test_the_configuration_of_the_set_is_used() -> None:
    assert config_of("skin-lesion").colour == "rgb"


# ---- features ------------------------------------------------------------------------------------------------------


def ramp() -> np.ndarray:
    return np.tile(np.arange(0, 256, 2, dtype=np.uint8), (128, 1))


def test_gradients_of_a_ramp_point_across() -> None:
    cells = classical.oriented_gradients(ramp()).reshape(-1, 9)
    assert cells[:, 0].min() > 0.4
    assert np.abs(cells[:, 1:]).max() == pytest.approx(0, abs=1e-6)


def test_local_patterns_of_a_flat_picture_are_all_ones() -> None:
    shares = classical.local_patterns(np.full((128, 128), 7, np.uint8)).reshape(16, 10)
    assert shares[:, 8].tolist() == [1.0] * 16


def test_local_patterns_do_not_turn_with_the_picture() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (130, 130)).astype(np.uint8)
    shares = [classical.local_patterns(np.ascontiguousarray(p)).reshape(16, 10) for p in (picture, picture[::-1, ::-1])]
    assert np.allclose(shares[0], shares[1][::-1])


def test_co_occurrence_of_a_flat_and_of_a_striped_picture() -> None:
    flat = classical.co_occurrence(np.full((32, 32), 100, np.uint8)).reshape(8, 4)
    assert flat.tolist() == [[0, 1, 1, 1]] * 8
    stripes = np.tile(np.array([0, 255], np.uint8), (32, 16))
    found = classical.co_occurrence(stripes).reshape(8, 4)
    # Across by one the levels are 15 apart and opposed; down they are equal.
    assert found[0, 0] == 225
    assert found[0, 3] == pytest.approx(-1, abs=0.01)
    assert found[1, 0] == 0


def test_grey_levels_of_a_ramp() -> None:
    found = classical.grey_levels(ramp())
    assert np.allclose(found[:32], 1 / 32)
    assert found[32] == pytest.approx(127 / 255, abs=1e-4)
    assert found[36] == pytest.approx(5)


def test_every_preprocessing_keeps_shape_and_type() -> None:
    for shape in ((128, 128), (128, 128, 3)):
        picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        lengths = set()
        for change in classical.PREPROCESSING.values():
            changed = change(picture)
            assert (changed.shape, changed.dtype) == (picture.shape, np.uint8)
            lengths.add(classical.describe(changed).shape)
        assert lengths == {(810,) if len(shape) == 2 else (864,)}


def test_the_border_does_not_see_the_middle() -> None:
    picture = np.zeros((128, 128), np.uint8)
    changed = picture.copy()
    changed[32:96, 32:96] = 200
    values = np.zeros((64, 96), np.uint8)
    assert (classical.border(values, picture) == classical.border(values, changed)).all()
    assert classical.border(values, picture)[-5:].tolist() == [0.25, 0.375, 1.5, 0, 0]
