"""Manifests to samples: which file, which label, which split, which patient, which source."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from medview.core.failures import Failure
from medview.imaging.open import open_path
from medview.imaging.raster import decode_mask
from medview.inference.quality import check_picture
from training.data.chest import chest_findings, chest_hospitals, chest_six
from training.data.layouts import LAYOUTS
from training.data.manifests import HEALTHY, Sample, hash_split, read_manifest

__all__ = ["HEALTHY", "MADE", "SETS", "Sample", "hash_split", "load_set", "manifest_hashes", "read_manifest"]

# Source of pictures that training/data/not_ours.py makes; their path is a number.
MADE = "made"
MADE_PICTURES = 1875


def skin_lesion(data: Path) -> list[Sample]:
    """HAM10000 by lesion group: full frames, and for training the sharper centre crops of the same lesions as well; the
    ISIC 2018 test half as an extra evaluation set. Val and test are full frames only."""
    rows = read_manifest(data / "skin/manifest.csv", ("file", "label", "lesion_group", "source", "split", "file224"))
    samples = [Sample(data / "skin" / r["file"], r["label"], r["split"], r["lesion_group"], r["source"]) for r in rows]
    samples += [
        Sample(data / "skin" / r["file224"], r["label"], r["split"], r["lesion_group"], "HAM10000 centre crop")
        for r in rows
        if r["file224"] and r["split"] == "train"
    ]
    extra = read_manifest(data / "skin/isic2018_test/manifest.csv", ("file", "label", "lesion_group", "source"))
    samples += [
        Sample(data / "skin" / r["file"], r["label"], "isic2018_test", r["lesion_group"], "ISIC 2018 test")
        for r in extra
    ]
    return samples


def skin_lesion_mask(data: Path) -> list[Sample]:
    """Skin lesions with their outlines: HAM10000 in its splits, and ISIC 2017 by the hash of the file name.

    Masks that mark everything outline nothing and are left out (two).
    """
    root = data / "skin"
    columns = ("file", "mask_file", "lesion_group", "split")
    samples = [
        Sample(root / r["file"], "lesion", r["split"], r["lesion_group"], "HAM10000", mask=root / r["mask_file"])
        for r in read_manifest(root / "manifest.csv", columns)
    ]
    samples += [
        Sample(
            root / r["file"],
            "lesion",
            hash_split(r["file"]),
            r["file"],
            "ISIC 2017",
            mask=root / r["mask_file"],
        )
        for r in read_manifest(root / "isic2017_seg/manifest.csv", ("file", "mask_file"))
    ]
    return [s for s in samples if s.mask and not _all_marked(s.mask)]


def _all_marked(mask: Path) -> bool:
    """Whether a mask file marks every pixel; a file that is missing is left to `load_set` to report."""
    return mask.is_file() and bool(decode_mask(mask.read_bytes(), (64, 64)).all())


TUMOURS = ("meningioma", "glioma", "pituitary")


def _figshare(data: Path) -> list[Sample]:
    root = data / "mri/figshare"
    rows = read_manifest(root / "manifest.csv", ("file", "mask", "label", "patient_group", "split"))
    return [
        Sample(
            root / r["file"],
            r["label"],
            r["split"],
            f"figshare:{r['patient_group']}",
            "figshare",
            mask=root / r["mask"],
            tags=(r["label"],),
        )
        for r in rows
    ]


def _tumour_free(data: Path) -> list[Sample]:
    samples = []
    for name, group in (("notumor", "group_id"), ("controls", "patient_id")):
        root = data / "mri" / name
        for r in read_manifest(root / "manifest.csv", ("file", "label", "split", "suspect", group)):
            if r["label"] != "no_tumour" or r["suspect"]:
                continue
            source = r["source"] if name == "controls" else name
            samples.append(
                Sample(root / r["file"], "no_tumour", r["split"], f"{name}:{r[group]}", source, tags=("no_tumour",))
            )
    return samples


def _brats_tumours(data: Path) -> list[Sample]:
    """Tumour slices of brats13, gliomas by the challenge's definition; the mask leaves the oedema out."""
    root = data / "mri/controls"
    return [
        Sample(
            root / r["file"],
            "glioma",
            r["split"],
            f"controls:{r['patient_id']}",
            r["source"],
            mask=root / r["mask_core"],
            tags=("glioma",),
        )
        for r in read_manifest(root / "manifest.csv", ("file", "label", "split", "source", "mask_core", "suspect"))
        if r["source"] == "brats13" and r["label"] == "tumour" and not r["suspect"]
    ]


YESNO = "yesno253"


def _yesno(data: Path) -> list[Sample]:
    """yesno253: no licence was found for it, so it is for evaluation only, as a split of its own. Its tumours have no
    type: any tumour class may be true."""
    root = data / "mri/yesno253"
    samples = []
    for r in read_manifest(root / "manifest.csv", ("file", "label", "suspect", "group_id")):
        if not r["suspect"]:
            tumour = r["label"] == "tumour"
            label, allowed = ("", TUMOURS) if tumour else ("no_tumour", ())
            samples.append(Sample(root / r["file"], label, YESNO, f"{YESNO}:{r['group_id']}", YESNO, allowed=allowed))
    return samples


def brain_tumour(data: Path) -> list[Sample]:
    """Four-class brain MR slices, and yesno253 as an extra evaluation set. Rows marked suspect are left out."""
    return _figshare(data) + _tumour_free(data) + _brats_tumours(data) + _yesno(data)


def brain_tumour_mask(data: Path) -> list[Sample]:
    """Slices for segmentation: tumours with their masks, tumour-free slices with an empty one."""
    return _figshare(data) + _tumour_free(data) + _brats_tumours(data)


def brain_glioma_mask(data: Path) -> list[Sample]:
    """TCGA-LGG: FLAIR slices of low-grade gliomas with the outline of what is abnormal on FLAIR (oedema included), and
    the tumour-free slices of the same scans, whose mask is empty. Split by patient."""
    root = data / "mri/lgg"
    columns = ("flair", "mask", "label", "patient_id", "site", "split")
    samples = []
    for r in read_manifest(root / "manifest.csv", columns):
        mask = root / r["mask"] if r["mask"] else None
        label = "no_tumour" if r["label"] == "no_tumour" else "glioma"
        tags = (label,)
        samples.append(
            Sample(root / r["flair"], label, r["split"], r["patient_id"], f"lgg {r['site']}", mask=mask, tags=tags)
        )
    return samples


# Modalities of the DICOM corpus that may show what the gate must accept, and the MR files that do not (shoulder,
# abdomen, knee): looked at one by one.
OURS_IN_CORPUS = ("MR", "CR", "DX", "")
NO_BRAIN = ("MR_small", "examples_overlay", "MR-SIEMENS", "emri_small", "07_")


def image_kind(data: Path) -> list[Sample]:
    """The gate's set: our three kinds from their own sets, and everything else. Sets without a split are split by the
    hash of the file name."""
    samples = [_as_kind(s, "chest_xray") for s in chest_six(data) if s.label]
    samples += [_as_kind(s, "brain_mr") for s in brain_tumour_mask(data)]
    samples += [_as_kind(s, "skin_lesion") for s in skin_lesion(data)]
    root = data / "skin"
    for r in read_manifest(root / "manifest.csv", ("file224", "lesion_group", "split")):
        if r["file224"] and r["split"] != "train":
            at = root / r["file224"]
            samples.append(Sample(at, "skin_lesion", r["split"], r["lesion_group"], "HAM10000 centre crop"))
    for r in read_manifest(root / "isic2017_seg/manifest.csv", ("file",)):
        samples.append(Sample(root / r["file"], "skin_lesion", hash_split(r["file"]), r["file"], "ISIC 2017"))
    for r in read_manifest(root / "ood/manifest.csv", ("file", "kind")):
        # Its chest X-rays are pictures of the chest set once more, in splits of their own.
        if r["kind"] != "other_modality":
            samples.append(Sample(root / r["file"], "other", hash_split(r["file"]), r["file"], f"ood {r['kind']}"))
    root = data / "dicom"
    for r in read_manifest(root / "manifest.csv", ("file", "modality", "expect", "rows", "cols", "bits")):
        name = Path(r["file"]).name
        other = r["modality"] not in OURS_IN_CORPUS or (r["modality"] == "MR" and name.startswith(NO_BRAIN))
        if r["expect"] == "opens" and other and _is_picture(root / r["file"]):
            # Many corpus files hold one picture in several encodings: they must share a split.
            group = f"dicom {r['modality']} {r['rows']}x{r['cols']}"
            samples.append(Sample(root / r["file"], "other", hash_split(group), group, f"dicom {r['modality']}"))
    for number in range(MADE_PICTURES):
        name = f"{number:05d}"
        samples.append(Sample(Path(MADE) / name, "other", hash_split(name), name, MADE))
    return samples


def _as_kind(sample: Sample, kind: str) -> Sample:
    return replace(sample, label=kind, mask=None, allowed=(), tags=())


def _is_picture(path: Path) -> bool:
    """Whether the file opens and passes the gate's first check, which needs no network."""
    study = open_path(path)
    if isinstance(study, Failure):
        return False
    values = study.frames[study.middle].modality_values()
    return not isinstance(values, Failure) and check_picture(values) is None


SETS: dict[str, Callable[[Path], list[Sample]]] = {
    "chest-six": chest_six,
    "chest-hospitals": chest_hospitals,
    "chest-findings": chest_findings,
    "skin-lesion": skin_lesion,
    "skin-lesion-mask": skin_lesion_mask,
    "brain-tumour": brain_tumour,
    "brain-tumour-mask": brain_tumour_mask,
    "brain-glioma-mask": brain_glioma_mask,
    "image-kind": image_kind,
    **LAYOUTS,
}


def load_set(name: str, data: Path) -> list[Sample]:
    """The samples of a named set, checked: files exist, no group in two splits, no empty class in train.

    Raises ValueError with everything that is wrong, before any hour is spent on training.
    """
    if name not in SETS:
        raise ValueError(f"unknown set {name!r}; known: {', '.join(SETS)}")
    if not data.is_dir():
        raise ValueError(f"{data} is not a folder; give the data folder with --data")
    samples = SETS[name](data)
    problems = [f"{s.path}: file is missing" for s in samples if s.source != MADE and not s.path.is_file()]
    problems += [f"{s.mask}: mask is missing" for s in samples if s.mask and not s.mask.is_file()]
    paths = Counter(s.path for s in samples)
    problems += [f"{path}: listed {count} times" for path, count in paths.items() if count > 1]
    homes: dict[str, str] = {}
    for sample in samples:
        if homes.setdefault(sample.group, sample.split) != sample.split:
            problems.append(f"{sample.group} is in both {homes[sample.group]} and {sample.split}")
    counts = Counter((s.split, s.label) for s in samples)
    labels = {s.label for s in samples if s.label}
    problems += [f"class {label} has no training image" for label in sorted(labels) if not counts["train", label]]
    if problems:
        more = f"\n… and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise ValueError(f"the set {name} is not usable:\n" + "\n".join(problems[:10]) + more)
    return samples


def manifest_hashes(samples: list[Sample], data: Path) -> dict[str, str]:
    """SHA-256 of every manifest the samples came from, by its path below the data folder."""
    folders = {data / s.path.relative_to(data).parts[0] for s in samples if s.source != MADE}
    manifests = sorted(m for folder in folders for m in folder.rglob("manifest.csv"))
    return {m.relative_to(data).as_posix(): hashlib.sha256(m.read_bytes()).hexdigest() for m in manifests}
