"""Readers for public sets as they are downloaded, so that whoever has the originals can train on them.

`--data` names the folder of the set, or the folder that holds it. Official test splits stay test; what has no split is
split by the hash of the patient, lesion or case. Every reader raises ValueError naming what it expected and what it
found when the layout is another one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from training.data.figshare_mat import figshare_mat
from training.data.manifests import SHARES, Sample, hash_split, read_manifest, wrong_layout

# Share of val where only the test split is official.
VAL_SHARE = 0.15
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
SPLIT_FOLDERS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val"}
SPLIT_FOLDERS |= {"test": "test", "testing": "test"}
CHEST_FOLDERS = {
    "normal": "normal",
    "pneumoniabacterial": "pneumonia_bacterial",
    "bacterialpneumonia": "pneumonia_bacterial",
    "pneumoniaviral": "pneumonia_viral",
    "viralpneumonia": "pneumonia_viral",
    "covid": "covid19",
    "covid19": "covid19",
    "tuberculosis": "tuberculosis",
    "tb": "tuberculosis",
    "emphysema": "emphysema",
}
# Patients as the file names of Kermany et al. and of NIH ChestX-ray14 tell them.
KERMANY = re.compile(r"(person\d+)_(?:bacteria|virus)|(?:NORMAL2-)?(IM-\d+)-\d+", re.IGNORECASE)
NIH = re.compile(r"(\d{8})_\d{3}$")
NIH_COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
NO_FINDING = "No Finding"
NIH_FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
)
HAM_COLUMNS = ("lesion_id", "image_id", "dx")
HAM_CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


def _homes(data: Path) -> Iterable[Path]:
    """The folder itself, then the folders in it: where a set may begin."""
    yield data
    yield from sorted(p for p in data.iterdir() if p.is_dir())


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def chest_folders(data: Path) -> list[Sample]:
    """ChestX6: a folder for each of the six classes, below train, val and test folders or not.

    Its files are numbered, not named after patients. Where a name is that of Kermany or NIH, pictures are grouped by
    that patient; otherwise each is a group of its own, so without official split folders crops of one original may
    part.
    """
    wanted = sorted(set(CHEST_FOLDERS.values()))
    expected = f"a folder for each of {', '.join(wanted)} (or train, val and test folders with these)"
    for root in _homes(data):
        splits = {p: SPLIT_FOLDERS[p.name.lower()] for p in root.iterdir() if p.name.lower() in SPLIT_FOLDERS}
        samples = [s for folder in splits or {root: ""} for s in _class_folders(root, folder, splits)]
        if samples:
            missing = set(wanted) - {s.label for s in samples}
            if missing:
                raise wrong_layout(root, f"pictures of {', '.join(sorted(missing))} as well: {expected}")
            return samples
    raise wrong_layout(data, expected)


def _class_folders(root: Path, folder: Path, splits: dict[Path, str]) -> list[Sample]:
    samples = []
    for home in sorted(p for p in folder.iterdir() if p.is_dir() and _plain(p.name) in CHEST_FOLDERS):
        for path in sorted(p for p in home.rglob("*") if p.suffix.lower() in PICTURES):
            group = _chest_patient(path) or path.relative_to(root).as_posix()
            split = _with_val(splits[folder], group, "val" in splits.values()) if splits else hash_split(group, SHARES)
            samples.append(Sample(path, CHEST_FOLDERS[_plain(home.name)], split, group, "ChestX6"))
    return samples


def _chest_patient(path: Path) -> str:
    if match := KERMANY.search(path.stem):
        return f"kermany:{match[1] or match[2]}".lower()
    match = NIH.search(path.stem)
    return f"nih:{match[1]}" if match else ""


def _with_val(split: str, group: str, has_val: bool) -> str:
    """An official split; where it has no val part, a share of train by the hash of the group."""
    return hash_split(group, (1 - VAL_SHARE, VAL_SHARE)) if split == "train" and not has_val else split


def nih14(data: Path) -> list[Sample]:
    """NIH ChestX-ray14 (Wang et al. 2017, arXiv 1705.02315): `Data_Entry_2017*.csv`, the pictures below `images*`
    folders, and the official `train_val_list.txt` and `test_list.txt` where they are.

    Several findings may be true of one film: `allowed` holds them by our ids (`Pleural_Thickening` is
    `pleural_thickening`), `label` stays empty, as in the set chest-findings.
    """
    tables = [t for home in _homes(data) for t in sorted(home.glob("Data_Entry_2017*.csv"))]
    if not tables:
        raise wrong_layout(data, "Data_Entry_2017.csv (or Data_Entry_2017_v2020.csv) beside images folders")
    root = tables[0].parent
    files = {p.name: p for folder in sorted(root.glob("images*")) for p in folder.rglob("*.png")}
    if not files:
        raise wrong_layout(root, "PNG files below images or images_001 to images_012")
    official = {
        name: split
        for split, at in (("train", "train_val_list.txt"), ("test", "test_list.txt"))
        for name in _lines(root / at)
    }
    samples = []
    for r in read_manifest(tables[0], NIH_COLUMNS, filled=NIH_COLUMNS):
        name, group = r["Image Index"], f"nih:{r['Patient ID']}"
        told = r["Finding Labels"].split("|")
        if unknown := set(told) - {NO_FINDING, *NIH_FINDINGS}:
            raise ValueError(
                f"{tables[0].name}, {name}: findings among {NO_FINDING}, {', '.join(NIH_FINDINGS)} expected, "
                f"found: {', '.join(sorted(unknown))}"
            )
        found = tuple(f.lower() for f in told if f != NO_FINDING)
        if official and name not in official:
            raise ValueError(f"{name} of {tables[0].name} is neither in train_val_list.txt nor in test_list.txt")
        split = _with_val(official[name], group, False) if official else hash_split(group, SHARES)
        samples.append(Sample(files.get(name, root / "images" / name), "", split, group, "NIH", allowed=found))
    return samples


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.is_file() else []


def ham10000(data: Path) -> list[Sample]:
    """HAM10000 (Tschandl et al. 2018): `HAM10000_metadata.csv` (on Dataverse without the ending) and the pictures in
    `HAM10000_images_part_1` and `_2`, or in one folder. Grouped by lesion; it has no split of its own."""
    tables = [t for home in _homes(data) for t in sorted(home.glob("HAM10000_metadata*")) if t.is_file()]
    if not tables:
        raise wrong_layout(data, "HAM10000_metadata.csv beside HAM10000_images_part_1 and HAM10000_images_part_2")
    root = tables[0].parent
    files = {p.stem: p for p in sorted(root.glob("*/ISIC_*.jpg")) if not p.stem.endswith("_segmentation")}
    samples = []
    for r in read_manifest(tables[0], HAM_COLUMNS, filled=HAM_COLUMNS):
        if r["dx"] not in HAM_CLASSES:
            raise ValueError(f"{tables[0].name}: dx one of {', '.join(HAM_CLASSES)} expected, found: {r['dx']!r}")
        path = files.get(r["image_id"], root / "HAM10000_images_part_1" / f"{r['image_id']}.jpg")
        split = hash_split(r["lesion_id"], SHARES)
        samples.append(Sample(path, r["dx"], split, r["lesion_id"], r.get("dataset") or "HAM10000"))
    if missing := set(HAM_CLASSES) - {s.label for s in samples}:
        raise ValueError(f"{tables[0].name}: pictures of {', '.join(HAM_CLASSES)} expected, none of: {sorted(missing)}")
    return samples


def lgg_mask(data: Path) -> list[Sample]:
    """TCGA-LGG as Buda et al. published it: `kaggle_3m/CASE/CASE_N.tif` with `CASE_N_mask.tif`, grouped by case.

    Slices have three channels (pre-contrast, FLAIR, post-contrast; `colour = "rgb"` in the configuration) or one.
    """
    root = data / "kaggle_3m" if (data / "kaggle_3m").is_dir() else data
    masks = sorted(root.glob("*/*_mask.tif"))
    if not masks:
        raise wrong_layout(root, "kaggle_3m with CASE/CASE_N.tif and CASE/CASE_N_mask.tif")
    return [
        Sample(
            mask.with_name(mask.name.replace("_mask.tif", ".tif")),
            "tumour",
            hash_split(mask.parent.name, SHARES),
            mask.parent.name,
            "TCGA-LGG",
            mask=mask,
            tags=("lgg",),
        )
        for mask in masks
    ]


LAYOUTS: dict[str, Callable[[Path], list[Sample]]] = {
    "chest-six-folders": chest_folders,
    "nih14": nih14,
    "ham10000": ham10000,
    "lgg-mask": lgg_mask,
    "figshare-mat": figshare_mat,
}
