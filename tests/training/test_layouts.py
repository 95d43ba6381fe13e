"""Public sets as they are downloaded: read where they are right, refused with what was expected where they are not."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.config import load_config
from training.data.batches import load_pool
from training.data.layouts import HAM_CLASSES, NIH_FINDINGS, ham10000, nih14
from training.data.manifests import hash_split, read_manifest
from training.data.samples import load_set

CHEST = ("COVID-19", "Emphysema", "Normal", "Pneumonia-Bacterial", "Pneumonia-Viral", "Tuberculosis")
CHEST_IDS = {"covid19", "emphysema", "normal", "pneumonia_bacterial", "pneumonia_viral", "tuberculosis"}


def picture(path: Path, side: int = 16, channels: int = 1, seed: int = 0) -> Path:
    shape = (side, side) if channels == 1 else (side, side, channels)
    values = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, values)[1].tobytes())
    return path


def table(path: Path, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


# ---- ChestX6 -------------------------------------------------------------------------------------------------------


def test_official_chest_folders_keep_their_split(tmp_path: Path) -> None:
    for split, count in (("train", 4), ("val", 1), ("test", 2)):
        for name in CHEST:
            for number in range(count):
                picture(tmp_path / "ChestX6 é" / split / name / f"{name} ({number}).png")
    (tmp_path / "ChestX6 é" / "train" / "Normal" / "Thumbs.db").write_bytes(b"x")
    found = load_set("chest-six-folders", tmp_path)
    assert Counter(s.split for s in found) == {"train": 24, "val": 6, "test": 12}
    assert {s.label for s in found} == CHEST_IDS
    assert all(s.path.parent.parent.name == s.split for s in found)


def test_without_a_val_folder_val_comes_out_of_train_and_test_stays(tmp_path: Path) -> None:
    for name in CHEST:
        for number in range(30):
            picture(tmp_path / "train" / name / f"{number}.png")
        picture(tmp_path / "test" / name / "0.png")
    found = load_set("chest-six-folders", tmp_path)
    folders = {(s.path.parent.parent.name, s.split) for s in found}
    assert folders == {("train", "train"), ("train", "val"), ("test", "test")}
    assert sum(s.split == "test" for s in found) == 6


def test_chest_files_named_after_patients_are_grouped_by_them(tmp_path: Path) -> None:
    for name in CHEST:
        for number in range(20):
            picture(tmp_path / name / f"{number}.png")
    for number in (1, 2, 3):
        picture(tmp_path / "Pneumonia-Viral" / f"person7_virus_{number}.jpeg")
        picture(tmp_path / "Normal" / f"NORMAL2-IM-0123-000{number}.jpeg")
        picture(tmp_path / "Emphysema" / f"00000013_00{number}.png")
    groups = Counter(s.group for s in load_set("chest-six-folders", tmp_path))
    assert {g: n for g, n in groups.items() if n > 1} == {"kermany:person7": 3, "kermany:im-0123": 3, "nih:00000013": 3}


def test_a_chest_patient_in_two_official_splits_is_refused(tmp_path: Path) -> None:
    for name in CHEST:
        picture(tmp_path / "train" / name / "0.png")
        picture(tmp_path / "val" / name / "0.png")
    picture(tmp_path / "train" / "Normal" / "IM-0001-0001.jpeg")
    picture(tmp_path / "val" / "Normal" / "IM-0001-0002.jpeg")
    with pytest.raises(ValueError, match="kermany:im-0001 is in both train and val"):
        load_set("chest-six-folders", tmp_path)


def test_chest_folders_without_a_class_name_the_missing_one(tmp_path: Path) -> None:
    for name in CHEST[:-1]:
        picture(tmp_path / name / "0.png")
    (tmp_path / "Tuberculosis").mkdir()
    with pytest.raises(ValueError, match=r"pictures of tuberculosis as well.*found: COVID-19/, Emphysema/"):
        load_set("chest-six-folders", tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chest-six-folders", "a folder for each of covid19, emphysema"),
        ("nih14", "Data_Entry_2017.csv"),
        ("ham10000", "HAM10000_metadata.csv"),
        ("lgg-mask", "CASE_N_mask.tif"),
        ("figshare-mat", "1.mat to 3064.mat"),
    ],
)
def test_another_layout_names_what_was_expected_and_found(tmp_path: Path, name: str, expected: str) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "readme.txt").write_text("x")
    with pytest.raises(ValueError, match=rf"{expected}.* expected, found: holiday/, readme.txt"):
        load_set(name, tmp_path)


# ---- NIH ChestX-ray14 ----------------------------------------------------------------------------------------------

NIH_COLUMNS = ("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "View Position")


def write_nih(folder: Path, patients: int = 12) -> list[str]:
    rows, names = [], []
    for patient in range(patients):
        for number, finding in enumerate(("No Finding", "Effusion|Pleural_Thickening")):
            name = f"{patient:08d}_{number:03d}.png"
            picture(folder / f"images_{patient % 3:03d}" / "images" / name)
            rows.append((name, finding, str(number), str(patient), "PA"))
            names.append(name)
    table(folder / "Data_Entry_2017_v2020.csv", NIH_COLUMNS, rows)
    return names


def test_nih_lists_are_kept_and_val_comes_out_of_train(tmp_path: Path) -> None:
    names = write_nih(tmp_path, 20)
    (tmp_path / "train_val_list.txt").write_text("\n".join(names[:32]))
    (tmp_path / "test_list.txt").write_text("\r\n".join(names[32:]))
    found = load_set("nih14", tmp_path)
    assert [s.path.name for s in found if s.split == "test"] == names[32:]
    assert [s.split for s in found[:32]] == [hash_split(s.group, (0.85, 0.15)) for s in found[:32]]
    assert {s.allowed for s in found} == {(), ("effusion", "pleural_thickening")}
    assert {s.label for s in found} == {""}


def test_nih_without_lists_is_split_by_patient(tmp_path: Path) -> None:
    write_nih(tmp_path, 40)
    found = load_set("nih14", tmp_path)
    assert {s.split for s in found} == {"train", "val", "test"}
    assert all(s.split == hash_split(s.group, (0.7, 0.15)) for s in found)


def test_a_film_that_no_nih_list_names_is_refused(tmp_path: Path) -> None:
    names = write_nih(tmp_path)
    (tmp_path / "test_list.txt").write_text("\n".join(names[1:]))
    with pytest.raises(ValueError, match=rf"{names[0]} .*neither in train_val_list.txt nor in test_list.txt"):
        load_set("nih14", tmp_path)


def test_an_nih_film_that_is_not_there_is_named(tmp_path: Path) -> None:
    names = write_nih(tmp_path)
    next(tmp_path.rglob(names[3])).unlink()
    with pytest.raises(ValueError, match=rf"{names[3]}: file is missing"):
        load_set("nih14", tmp_path)


def test_an_unknown_nih_finding_is_refused(tmp_path: Path) -> None:
    write_nih(tmp_path)
    table(tmp_path / "Data_Entry_2017_v2020.csv", NIH_COLUMNS, [("a.png", "Cold|Mass", "0", "1", "PA")])
    with pytest.raises(ValueError, match="found: Cold"):
        load_set("nih14", tmp_path)


def answer(read: Callable[[], list[Any]]) -> list[Any] | str:
    """What a reader gives, or the reason why it gives nothing; any other exception is a fault."""
    try:
        return read()
    except ValueError as error:
        return str(error)


CELL = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(
        st.tuples(CELL, st.lists(st.sampled_from((*NIH_FINDINGS, "No Finding")), min_size=1, max_size=3), CELL),
        max_size=5,
    )
)
def test_any_nih_table_gives_its_samples_or_a_reason(tmp_path: Path, rows: list[tuple[str, list[str], str]]) -> None:
    picture(tmp_path / "images" / "a.png")
    lines = [(name, "|".join(findings), patient) for name, findings, patient in rows]
    table(tmp_path / "Data_Entry_2017.csv", ("Image Index", "Finding Labels", "Patient ID"), lines)
    found = answer(partial(nih14, tmp_path))
    if isinstance(found, str):
        assert "Data_Entry_2017.csv" in found
    else:
        assert [s.allowed for s in found] == [tuple(f.lower() for f in r[1] if f != "No Finding") for r in rows]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_as_a_table_give_rows_or_a_reason(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.csv").write_bytes(b"file,label\n" + data)
    rows = answer(partial(read_manifest, tmp_path / "m.csv", ("file", "label"), filled=("file",)))
    if isinstance(rows, str):
        assert rows.startswith("m.csv: ")
    else:
        assert all(r["file"].strip() and isinstance(r["label"], str) for r in rows)


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"\xef\xbb\xbffile,label\r\nx.png,a\r\n")
    assert read_manifest(tmp_path / "m.csv", ("file", "label")) == [{"file": "x.png", "label": "a"}]


# ---- HAM10000 ------------------------------------------------------------------------------------------------------


def write_ham(folder: Path, ending: str = ".csv") -> None:
    rows = []
    for lesion in range(70):
        for number in (0, 1):
            name = f"ISIC_{lesion * 2 + number:07d}"
            picture(folder / f"HAM10000_images_part_{number + 1}" / f"{name}.jpg", channels=3)
            rows.append((f"HAM_{lesion:07d}", name, HAM_CLASSES[lesion % 7], "histo"))
    table(folder / f"HAM10000_metadata{ending}", ("lesion_id", "image_id", "dx", "dx_type"), rows)


@pytest.mark.parametrize("ending", [".csv", ""])
def test_ham10000_is_grouped_by_lesion(tmp_path: Path, ending: str) -> None:
    write_ham(tmp_path / "dataverse", ending)
    found = load_set("ham10000", tmp_path)
    assert Counter(s.label for s in found) == dict.fromkeys(HAM_CLASSES, 20)
    assert all(s.split == hash_split(s.group, (0.7, 0.15)) for s in found)
    pool = load_pool(found[:4], replace(load_config("skin-lesion"), size=32))
    assert pool.images.shape == (4, 32, 32, 3)
    assert [HAM_CLASSES[int(i)] for i in pool.allowed.argmax(axis=1)] == ["akiec", "akiec", "bcc", "bcc"]


def test_a_corrupt_picture_is_named_before_training(tmp_path: Path) -> None:
    write_ham(tmp_path)
    broken = tmp_path / "HAM10000_images_part_1" / "ISIC_0000000.jpg"
    broken.write_bytes(b"no picture at all")
    with pytest.raises(ValueError, match=r"pictures that cannot be read:\n.*ISIC_0000000.jpg"):
        load_pool(load_set("ham10000", tmp_path), replace(load_config("skin-lesion"), size=32))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("HAM_1", "ISIC_0000000", "wart", "x"), "dx one of akiec.* found: 'wart'"),
        (("", "ISIC_0000000", "nv", "x"), "row 1 has no lesion_id"),
        (("HAM_1", "ISIC_0000000", "nv", "x"), r"none of: \['akiec', 'bcc', 'bkl', 'df', 'mel', 'vasc'\]"),
    ],
)
def test_an_unsound_ham10000_table_is_refused(tmp_path: Path, row: tuple[str, ...], message: str) -> None:
    write_ham(tmp_path)
    table(tmp_path / "HAM10000_metadata.csv", ("lesion_id", "image_id", "dx", "dx_type"), [row])
    with pytest.raises(ValueError, match=message):
        ham10000(tmp_path)


# ---- TCGA-LGG ------------------------------------------------------------------------------------------------------


def write_lgg(folder: Path, case: str, slices: int, channels: int) -> None:
    for number in range(slices):
        picture(folder / case / f"{case}_{number}.tif", 64, channels, seed=number)
        mask = np.zeros((64, 64), np.uint8)
        mask[:8] = 255 * (number % 2)
        (folder / case / f"{case}_{number}_mask.tif").write_bytes(cv2.imencode(".tif", mask)[1].tobytes())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("home", ["kaggle_3m", "."])
def test_the_lgg_layout_is_read_and_grouped_by_case(tmp_path: Path, channels: int, home: str) -> None:
    for case in ("TCGA_A", "TCGA_B", "TCGA_C"):
        write_lgg(tmp_path / home, case, 2, channels)
    found = load_set("lgg-mask", tmp_path)
    assert len(found) == 6
    assert {s.group for s in found} == {"TCGA_A", "TCGA_B", "TCGA_C"}
    colour = "rgb" if channels == 3 else "grey"
    pool = load_pool(found, replace(load_config("brain-tumour-mask"), size=64, colour=colour))
    assert pool.images.shape == ((6, 64, 64, 3) if channels == 3 else (6, 64, 64))
    assert pool.masks is not None
    assert [int((m > 0).sum()) for m in pool.masks[:2]] == [0, 8 * 64]


# ---- figshare brain tumours ----------------------------------------------------------------------------------------


class Dataset:
    """What h5py gives for a dataset, as far as the reader asks."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def __getitem__(self, key: tuple[()]) -> Any:
        return self.values[key]


class File:
    """A MATLAB file as h5py shows it, its content in a NumPy archive."""

    def __init__(self, path: Path, mode: str) -> None:
        assert mode == "r"
        try:
            with np.load(path) as archive:
                self.record = {name: Dataset(archive[name]) for name in archive.files}
        except ValueError as error:
            raise OSError("file signature not found") from error

    def __enter__(self) -> dict[str, Any]:
        return {"cjdata": self.record}

    def __exit__(self, *_: object) -> None: ...


def write_mat(folder: Path, number: int, patient: str, label: int = 1) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    image = np.arange(8 * 6, dtype=np.int16).reshape(8, 6) * 50
    mask = np.zeros((8, 6), np.uint8)
    mask[0, :3] = 1
    codes = np.array([[ord(c)] for c in patient], np.uint16)
    with (folder / f"{number}.mat").open("wb") as file:
        np.savez(file, image=image.T, tumorMask=mask.T, label=np.array([[label]], float), PID=codes)


@pytest.fixture
def h5py_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", SimpleNamespace(File=File))


@pytest.mark.usefixtures("h5py_there")
def test_figshare_files_become_pictures_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 31):
        write_mat(tmp_path / "brainTumorDataPublic_1-766", number, f"MR{number // 2}", number % 3 + 1)
    (tmp_path / "cvind.mat").write_bytes(b"not a slice")
    found = load_set("figshare-mat", tmp_path)
    assert [s.label for s in found[:3]] == ["glioma", "pituitary", "meningioma"]
    assert [s.group for s in found[:3]] == ["figshare:MR0", "figshare:MR1", "figshare:MR1"]
    pixels = cv2.imdecode(np.frombuffer(found[0].path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels.dtype == np.uint16
    assert (pixels == np.arange(48).reshape(8, 6) * 50).all()
    pool = load_pool(found[:2], replace(load_config("brain-tumour-mask"), size=32))
    assert pool.masks is not None
    assert (pool.masks[0] > 0).mean() == pytest.approx(3 / 48, abs=0.03)
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert load_set("figshare-mat", tmp_path) == found


def test_without_h5py_the_figshare_reader_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mat(tmp_path, 1, "MR1")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ValueError, match="pip install h5py"):
        load_set("figshare-mat", tmp_path)


@pytest.mark.usefixtures("h5py_there")
def test_a_broken_figshare_file_is_named_and_the_conversion_starts_again(tmp_path: Path) -> None:
    for number in range(1, 30):
        write_mat(tmp_path, number, f"MR{number}")
    (tmp_path / "17.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(ValueError, match=r"17.mat: cjdata with image, label 1-3, PID and tumorMask expected"):
        load_set("figshare-mat", tmp_path)
    write_mat(tmp_path, 17, "MR17", label=4)
    with pytest.raises(ValueError, match=r"17.mat: .* found: 4"):
        load_set("figshare-mat", tmp_path)
    write_mat(tmp_path, 17, "MR17")
    assert len(load_set("figshare-mat", tmp_path)) == 29
