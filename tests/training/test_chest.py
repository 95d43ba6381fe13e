"""The chest sets: which films, of which hospital, and what is left out."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data import chest
from training.data.batches import read_values
from training.data.manifests import Sample
from training.explore.explore import gather

TWIN = "covid19__covidcxnet__0422.webp"


def write(path: Path, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder of a few rows; the pictures themselves are not there."""
    write(
        tmp_path / "cxr/manifest.csv",
        chest.CHEST_COLUMNS,
        [
            ("n1.webp", "normal", "No Finding", "1", chest.NIH, "train", "full-frame"),
            ("n2.webp", "normal", "No Finding", "2", chest.NIH, "train", "full-frame"),
            ("n3.webp", "normal", "No Finding", "3", chest.NIH, "test", "full-frame"),
            ("p1.webp", "", "Pneumonia|Mass", "4", chest.NIH, "train", "full-frame"),
            ("p2.webp", "", "Pneumonia", "5", chest.NIH, "train", "full-frame"),
            ("p3.webp", "", "Mass", "6", chest.NIH, "train", "full-frame"),
            (TWIN, "covid19", "", "7", chest.CXNET, "train", "full-frame"),
            ("crop.webp", "covid19", "", "8", chest.RADIOGRAPHY_DB, "train", "lung-crop"),
            ("whole.webp", "covid19", "", "9", chest.CXNET, "test", "full-frame"),
            ("first.webp", "covid19", "", "10", chest.RADIOGRAPHY_DB, "val", "lung-crop"),
            ("second.webp", "covid19", "", "11", chest.CXNET, "train", "full-frame"),
            ("covid19__chestx6covid__b1900.webp", "covid19", "", "12", chest.RADIOGRAPHY_DB, "train", "lung-crop"),
            ("covid19__chestx6covid__b1901.webp", "covid19", "", "13", chest.RADIOGRAPHY_DB, "train", "lung-crop"),
            ("covid19__chestx6covid__a2000.webp", "covid19", "", "14", chest.RADIOGRAPHY_DB, "train", "lung-crop"),
        ],
    )
    write(
        tmp_path / "cxr/expert_labels.csv", ("file", "rsna_class"), [("n2.webp", "Lung Opacity"), ("p2.webp", "Normal")]
    )
    write(
        tmp_path / "cxr/cross_split_duplicates.csv",
        ("file", "split", "same_image_as", "its_split"),
        [("crop.webp", "train", "whole.webp", "test"), ("first.webp", "val", "second.webp", "train")],
    )
    write(
        tmp_path / "cxr2/manifest.csv",
        chest.CHEST_COLUMNS,
        [
            ("r.webp", "normal", "", "20", chest.RSNA, "train", "full-frame"),
            ("k1.webp", "normal", "", "21", chest.PAKISTAN, "train", "full-frame"),
            ("k2.webp", "tuberculosis", "", "22", chest.PAKISTAN, "val", "full-frame"),
            ("k3.webp", "tuberculosis", "", "23", chest.PAKISTAN, "test", "full-frame"),
            ("a1.webp", "pneumonia_viral", "", "24", chest.IEEE_ADULTS, "train", "full-frame"),
            ("a2.webp", "", "Pneumonia", "25", chest.IEEE_ADULTS, "train", "full-frame"),
            ("pneumonia_viral__ieeeother__wong-0000.webp", "pneumonia_viral", "", "26", chest.IEEE_ADULTS, "train", ""),
        ],
    )
    return tmp_path


def test_a_film_of_train_that_stands_elsewhere_too_is_left_out_and_never_one_of_val_or_test(data: Path) -> None:
    names = {s.path.name for s in chest.chest_six(data)}
    assert not names & {TWIN, "crop.webp", "second.webp"}
    assert names >= {"whole.webp", "first.webp"}


def test_what_radiologists_contradict_is_left_out_and_adult_pneumonias_are_either(data: Path) -> None:
    found = {s.path.name: s for s in chest.chest_six(data) if s.source == chest.NIH}
    assert set(found) == {"n1.webp", "n3.webp", "p1.webp"}
    assert (found["p1.webp"].label, found["p1.webp"].allowed) == ("", chest.PNEUMONIAS)


def test_the_films_of_valencia_are_a_source_of_their_own(data: Path) -> None:
    sources = {s.path.name: s.source for s in chest.chest_six(data)}
    assert sources["covid19__chestx6covid__b1901.webp"] == chest.BIMCV
    assert sources["covid19__chestx6covid__b1900.webp"] == chest.RADIOGRAPHY_DB
    assert sources["covid19__chestx6covid__a2000.webp"] == chest.RADIOGRAPHY_DB


def test_the_hospitals_add_the_second_set_with_its_rules(data: Path) -> None:
    known = len(chest.chest_six(data))
    more = {s.path.name: s for s in chest.chest_hospitals(data)[known:]}
    assert set(more) == {"r.webp", "k1.webp", "k2.webp", "a1.webp", "a2.webp"}
    assert more["r.webp"].path == data / "cxr2/images/r.webp"
    assert (more["r.webp"].label, more["r.webp"].cut, more["r.webp"].shown) == ("normal", (0.0, 0.0), True)
    assert (more["k2.webp"].label, more["k2.webp"].cut, more["k2.webp"].shown) == ("tuberculosis", (0.06, 0.15), False)
    assert (more["a1.webp"].label, more["a1.webp"].allowed) == ("", chest.PNEUMONIAS)


def test_sources_that_share_a_hospital_or_figures_go_together() -> None:
    assert chest.left_with([chest.NIH]) == {chest.NIH, chest.RSNA}
    assert chest.left_with([chest.RSNA]) == {chest.RSNA}
    assert chest.left_with([chest.IEEE]) == set(chest.FIGURES)
    assert chest.left_with(["elsewhere", chest.BIMCV]) == {"elsewhere", chest.BIMCV}


def test_a_cut_takes_its_shares_off_top_and_bottom_and_a_hidden_film_is_black_in_the_report(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    film = np.repeat(np.arange(100, dtype=np.uint8)[:, None] + 50, 80, axis=1)
    cv2.imwrite(str(path), film)
    sample = Sample(path, "normal", "train", "p", "s", cut=(0.06, 0.15), shown=False)
    values, _ = read_values(sample)
    assert values.shape[:2] == (79, 80)
    assert (int(values.reshape(79, -1).min()), int(values.reshape(79, -1).max())) == (56, 134)
    assert read_values(Sample(path, "normal", "train", "p", "s"))[0].shape[:2] == (100, 80)
    assert gather([sample], tmp_path).thumbnails.max() == 0
    assert gather([Sample(path, "normal", "train", "p", "s")], tmp_path).thumbnails.min() > 0


@pytest.mark.data
def test_the_sources_of_the_real_set_are_those_that_the_ablation_leaves_out(data_dir: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: make train-setup")
    from training.measure.ablation import ROUNDS

    found = chest.chest_hospitals(data_dir)
    assert {s.source for s in found} == {source for sources in ROUNDS for source in sources}
    assert sum(s.source == chest.BIMCV for s in found) == 512
    assert sum(s.source == chest.RSNA for s in found) == 1000
    assert {s.split for s in found if s.source == chest.PAKISTAN} == {"train", "val"}
