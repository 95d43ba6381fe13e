"""Manifests to samples: what is wrong with a set is said before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from training import samples
from training.batches import load_pool
from training.config import CONFIGS, load_config
from training.samples import Sample, hash_split, load_set, read_manifest


def rows(folder: Path) -> list[Sample]:
    for name in ("x", "y", "z", "w"):
        (folder / f"{name}.png").write_bytes(b"x")
    return [
        Sample(folder / "x.png", "a", "train", "p1", "s"),
        Sample(folder / "y.png", "b", "train", "p2", "s"),
        Sample(folder / "z.png", "a", "val", "p3", "s"),
    ]


def load(monkeypatch: pytest.MonkeyPatch, folder: Path, change: Callable[[list[Sample]], list[Sample]]) -> list[Sample]:
    chosen = change(rows(folder))
    monkeypatch.setitem(samples.SETS, "toy", lambda data: chosen)
    return load_set("toy", folder)


def test_a_sound_set_is_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert len(load(monkeypatch, tmp_path, lambda r: r)) == 3


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (Sample(Path("gone.png"), "a", "train", "p9", "s"), "file is missing"),
        (Sample(Path(), "a", "test", "p1", "s"), "in both train and test"),
        (Sample(Path(), "c", "val", "p8", "s"), "class c has no training image"),
        (Sample(Path("x.png"), "a", "train", "p1", "s"), "listed 2 times"),
    ],
)
def test_an_unsound_set_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, extra: Sample, message: str
) -> None:
    at = {Path(): "w.png", Path("x.png"): "x.png"}.get(extra.path)
    extra = replace(extra, path=tmp_path / at) if at else extra
    with pytest.raises(ValueError, match=message):
        load(monkeypatch, tmp_path, lambda r: [*r, extra])


def test_a_manifest_of_another_layout_names_what_was_expected_and_found(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("name,class\nx,y\n")
    with pytest.raises(ValueError, match=r"columns file, label expected, found: name, class"):
        read_manifest(tmp_path / "manifest.csv", ("file", "label"))


def write_lgg(folder: Path, case: str, slices: int, channels: int) -> None:
    (folder / "kaggle_3m" / case).mkdir(parents=True)
    for number in range(slices):
        shape = (64, 64, 3) if channels == 3 else (64, 64)
        image = np.random.default_rng(number).integers(0, 256, shape).astype(np.uint8)
        mask = np.zeros((64, 64), np.uint8)
        mask[:8] = 255 * (number % 2)
        for name, picture in ((f"{case}_{number}.tif", image), (f"{case}_{number}_mask.tif", mask)):
            (folder / "kaggle_3m" / case / name).write_bytes(cv2.imencode(".tif", picture)[1].tobytes())


@pytest.mark.parametrize("channels", [1, 3])
def test_the_lgg_layout_is_read_and_grouped_by_case(tmp_path: Path, channels: int) -> None:
    for case in ("TCGA_A", "TCGA_B", "TCGA_C"):
        write_lgg(tmp_path, case, 2, channels)
    found = load_set("lgg-mask", tmp_path)
    assert len(found) == 6
    assert {s.group for s in found} == {"TCGA_A", "TCGA_B", "TCGA_C"}
    colour = "rgb" if channels == 3 else "grey"
    pool = load_pool(found, replace(load_config("brain-tumour-mask"), size=64, colour=colour))
    assert pool.images.shape == ((6, 64, 64, 3) if channels == 3 else (6, 64, 64))
    assert pool.masks is not None
    assert [int((m > 0).sum()) for m in pool.masks[:2]] == [0, 8 * 64]


def test_another_layout_than_lgg_names_what_was_expected_and_found(tmp_path: Path) -> None:
    (tmp_path / "kaggle_3m" / "readme").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"CASE_N_mask.tif expected, found: readme"):
        load_set("lgg-mask", tmp_path)


def test_an_unknown_set_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="chest-six"):
        load_set("heart", tmp_path)


def test_hash_split_is_fixed_and_near_its_shares() -> None:
    names = [f"picture {i}" for i in range(2000)]
    splits = [hash_split(n) for n in names]
    assert splits == [hash_split(n) for n in names]
    assert splits.count("train") == pytest.approx(1200, abs=80)
    assert splits.count("val") == pytest.approx(400, abs=60)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda p: p.stem)
def test_every_configuration_loads_and_names_itself(path: Path) -> None:
    config = load_config(path.stem)
    assert config.id == path.stem
    assert config.data in samples.SETS
    assert config.size_at(config.epochs - 1) == config.stages[-1].size
    starts = {load_config(p.stem).encoder_from for p in CONFIGS.glob("*.toml")}
    assert (path.parent.parent / "cards" / path.name).exists() or config.id in starts


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text((CONFIGS / "chest-six.toml").read_text(encoding="utf-8").replace("crop", "corp"), encoding="utf-8")
    with pytest.raises(ValueError, match="corp"):
        load_config(str(path))


@pytest.mark.data
@pytest.mark.parametrize("name", sorted(set(samples.SETS) - {"lgg-mask"}))
def test_the_real_sets_are_sound(name: str, data_dir: Path) -> None:
    found = load_set(name, data_dir)
    assert {s.split for s in found} >= {"train", "val", "test"}
