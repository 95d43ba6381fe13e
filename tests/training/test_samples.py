"""Manifests to samples: what is wrong with a set is said before anything is trained."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.config import CONFIGS, chain, load_config
from training.data import samples
from training.data.batches import load_pool
from training.data.layouts import LAYOUTS
from training.data.samples import Sample, hash_split, load_set, read_manifest


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
    others = [load_config(p.stem) for p in CONFIGS.glob("*.toml")]
    used = {id for c in others for id in (c.encoder_from, *c.soup, *c.ensemble)}
    lists = [tomllib.loads(p.read_text(encoding="utf-8")) for p in (path.parent.parent / "ablations").glob("*.toml")]
    used |= {one["base"] for one in lists}
    assert (path.parent.parent / "cards" / path.name).exists() or config.id in used


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text((CONFIGS / "chest-six.toml").read_text(encoding="utf-8").replace("crop", "corp"), encoding="utf-8")
    with pytest.raises(ValueError, match="corp"):
        load_config(str(path))


@pytest.mark.parametrize("shares", [(0.5, 0.4), (0.4, 0.3, 0.3), (1.0,)])
def test_shares_that_do_not_fit_the_averaged_runs_are_refused(tmp_path: Path, shares: tuple[float, ...]) -> None:
    text = (CONFIGS / "chest-findings.toml").read_text(encoding="utf-8")
    (tmp_path / "x.toml").write_text(f"shares = {list(shares)}\n{text}", encoding="utf-8")
    with pytest.raises(ValueError, match="shares need"):
        load_config(str(tmp_path / "x.toml"))


def test_even_classes_of_a_model_that_is_not_one_of_n_are_refused(tmp_path: Path) -> None:
    text = (CONFIGS / "chest-findings.toml").read_text(encoding="utf-8")
    (tmp_path / "x.toml").write_text(f"even_classes = true\n{text}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.toml: even_classes"):
        load_config(str(tmp_path / "x.toml"))


def test_runs_count_alike_where_no_shares_are_told() -> None:
    assert load_config("chest-findings").share_of == {"chest-findings": 0.5, "chest-findings-lungs": 0.5}


def test_slices_of_gliomas_have_their_outline_and_tumour_free_ones_an_empty_one(tmp_path: Path) -> None:
    root = tmp_path / "mri/lgg"
    root.mkdir(parents=True)
    (root / "manifest.csv").write_text(
        "flair,t1ce,mask,label,patient_id,site,split\n"
        "images/1.webp,images/1t.webp,,no_tumour,lgg:a,DU,train\n"
        "images/2.webp,,masks/2.png,tumour,lgg:b,HT,test\n"
    )
    free, ill = samples.brain_glioma_mask(tmp_path)
    assert (free.path, free.mask, free.label, free.tags) == (root / "images/1.webp", None, "no_tumour", ("no_tumour",))
    assert (ill.mask, ill.label, ill.split, ill.group) == (root / "masks/2.png", "glioma", "test", "lgg:b")
    assert (free.source, ill.source) == ("lgg DU", "lgg HT")


@pytest.mark.data
@pytest.mark.parametrize("name", sorted(set(samples.SETS) - set(LAYOUTS)))
def test_the_real_sets_are_sound(name: str, data_dir: Path) -> None:
    found = load_set(name, data_dir)
    assert {s.split for s in found} >= {"train", "val", "test"}


def test_the_digest_tells_trainings_apart_and_nothing_else() -> None:
    config = load_config("chest-six")
    assert replace(config, version="9", views=4, soup=(), shares=(), sensitivity=0.5).digest() == config.digest()
    assert replace(config, lr=1e-5).digest() != config.digest()
    assert replace(config, augment=replace(config.augment, crop=0.5)).digest() != config.digest()


def test_another_architecture_is_another_run() -> None:
    config = load_config("chest-six", "resnet50")
    assert (config.id, config.arch, config.encoder_from, config.soup) == ("chest-six-resnet50", "resnet50", "", ())
    assert load_config("chest-six", "mobilenet_v2") == load_config("chest-six")


def test_the_chain_names_every_run_a_model_needs_in_order() -> None:
    ids = [config.id for config in chain(load_config("chest-findings"))]
    assert ids == ["chest-six-base", "chest-six", "chest-findings", "chest-six-lungs", "chest-findings-lungs"]
    ids = [config.id for config in chain(load_config("chest-six"))]
    assert ids == ["chest-six-base", "chest-six", "chest-six-lungs"]


def test_runs_that_start_from_each_other_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    first = replace(load_config("chest-six-base"), encoder_from="chest-six-base")
    monkeypatch.setattr("training.config.load_config", lambda _: first)
    with pytest.raises(ValueError, match="cannot start from itself"):
        chain(first)


def test_a_model_of_two_regions_is_calibrated_on_both_planes(tmp_path: Path) -> None:
    config = replace(load_config("chest-six"), size=32)
    assert (config.preprocess.region, config.shipped.region) == ("whole", "both")
    assert load_config("chest-six-lungs").shipped.region == "lungs"
    path = tmp_path / "film.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8))
    film = [Sample(path, "normal", "val", "a", "b")]
    pool = load_pool(film, config, config.shipped)
    assert pool.images.shape == (1, 32, 32, 2)
    np.testing.assert_array_equal(pool.images[..., 0], load_pool(film, config).images)


def test_a_region_that_no_network_can_see_is_refused(tmp_path: Path) -> None:
    text = (CONFIGS / "chest-six-lungs.toml").read_text(encoding="utf-8")
    (tmp_path / "x.toml").write_text(text.replace('region = "lungs"', 'region = "both"'), encoding="utf-8")
    with pytest.raises(ValueError, match="region"):
        load_config(str(tmp_path / "x.toml"))
