"""The chest sets: rows of the chest manifests to samples, and which hospitals they come from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from training.data.manifests import Sample, read_manifest

CHEST_COLUMNS = ("file", "label", "findings", "patient_id", "source", "split", "framing")
PNEUMONIAS = ("pneumonia_bacterial", "pneumonia_viral")
# NIH findings of which the set holds enough pictures (57 or more in train) to learn and to measure them.
FINDINGS = (
    "Emphysema",
    "Pneumothorax",
    "Infiltration",
    "Pneumonia",
    "Atelectasis",
    "Effusion",
    "Mass",
    "Consolidation",
    "Pleural_Thickening",
    "Edema",
    "Nodule",
)

KERMANY = "Kermany paediatric CXR"
NIH = "NIH ChestX-ray14"
RSNA = 'NIH ChestX-ray14 via RSNA 2018 "Normal" (COVID-19 Radiography DB)'
PAKISTAN = "Mendeley TB CXR (Pakistan)"
BIMCV = "BIMCV Valencia (ChestX6 COVID)"
RADIOGRAPHY_DB = "ChestX6 COVID (COVID-19 Radiography DB / Sait V4)"
CXNET = "COVID-CXNet"
IEEE = "ieee8023 covid-chestxray-dataset"
IEEE_ADULTS = "ieee8023 covid-chestxray-dataset (non-COVID adults)"
RAHMAN = "Rahman TB Chest Radiography Database"
TBX11K = "TBX11K"

# Left out together with a source: films of the same hospital, whose patients may be the same (NIH), and collections of
# the same figures of journals and the web.
FIGURES = (RADIOGRAPHY_DB, CXNET, IEEE, IEEE_ADULTS)
LINKED = {NIH: (RSNA,), **{source: FIGURES for source in FIGURES}}

# Numbers `bNNNN` of ChestX6's COVID-19 are those of the COVID-19 Radiography Database; above this all are of Valencia.
FIRST_OF_BIMCV = 1901
# Handwriting that may be names: these shares of the height are cut off (top, bottom), and the films are never shown.
PAKISTAN_CUT = (0.06, 0.15)

# One film under two names, found by `training.data.duplicates` and looked at: those of train whose twin is val or test,
# or of another class. ieee8023's own table calls a0009 a bacterial pneumonia; its wong-0000 is ChestX6's a1251 (val).
TWINS_OF_TRAIN = (
    "covid19__chestx6covid__a0009.webp",
    "covid19__ieee8023__E63574A7-4188-4C8D-8D17-9D67A18A-a7cf.webp",
    "covid19__covidcxnet__0422.webp",
    "pneumonia_viral__ieeeother__wong-0000.webp",
)


def left_with(sources: Iterable[str]) -> set[str]:
    """The sources and those that must be left out with them; any source that is not in `LINKED` goes alone."""
    return {other for source in sources for other in (source, *LINKED.get(source, ()))}


def source_of(file: str, source: str) -> str:
    """The hospital of a film of the manifest: its source, but the films of Valencia in ChestX6 are one of their own."""
    number = re.match(r"covid19__chestx6covid__b(\d+)\.", file)
    return BIMCV if number and int(number[1]) >= FIRST_OF_BIMCV else source


def _chest(data: Path, r: dict[str, str], folder: str = "cxr", **facts: Any) -> Sample:
    at = data / folder / "images" / r["file"]
    label, source = facts.pop("label", r["label"]), source_of(r["file"], r["source"])
    return Sample(at, label, r["split"], r["patient_id"], source, r["framing"], **facts)


def twins_of_train(data: Path) -> set[str]:
    """Files of train that show a film which stands in val or test as well, cropped or whole: a model that trained on
    them would know its own examination. Also one that two collections call by different diseases."""
    pairs = read_manifest(data / "cxr/cross_split_duplicates.csv", ("file", "split", "same_image_as", "its_split"))
    found = {r["file"] for r in pairs if r["split"] == "train"}
    found |= {r["same_image_as"] for r in pairs if r["its_split"] == "train"}
    return found | set(TWINS_OF_TRAIN)


def chest_six(data: Path) -> list[Sample]:
    """Six-class chest X-ray: the labelled rows of cxr/manifest.csv, and for training two corrections from NIH.

    All labelled pneumonias are children, so a network learns that adults have none. NIH pneumonias are adults whose
    cause is unknown: either pneumonia may be true. Where the radiologists of the RSNA challenge contradict NIH's
    text-mined label (a pneumonia they call normal, a normal they do not), the training picture is left out, and so is
    one that stands in val or test under another name.
    """
    read = {r["file"]: r["rsna_class"] for r in read_manifest(data / "cxr/expert_labels.csv", ("file", "rsna_class"))}
    twins = twins_of_train(data)
    samples = []
    for r in read_manifest(data / "cxr/manifest.csv", CHEST_COLUMNS):
        expert = read.get(r["file"], "")
        if r["file"] in twins:
            continue
        if r["label"]:
            if not (r["split"] == "train" and r["label"] == "normal" and expert not in ("", "Normal")):
                samples.append(_chest(data, r))
        elif r["split"] == "train" and "Pneumonia" in r["findings"].split("|") and expert != "Normal":
            samples.append(_chest(data, r, allowed=PNEUMONIAS))
    return samples


def chest_hospitals(data: Path) -> list[Sample]:
    """`chest_six` and the films of cxr2: normals that radiologists read, tuberculosis and normals of Pakistan, adult
    pneumonias. Which of them a run trains on is its configuration's choice (`leave_out`).

    The films of Pakistan lose the strips with handwriting and are not for showing; a thumbnail tells their two classes
    apart, so nothing is ever claimed of them, and their test films are left out. What a text says of the cause of an
    adult's pneumonia is not believed: either may be true.
    """
    samples = chest_six(data)
    twins = twins_of_train(data)
    for r in read_manifest(data / "cxr2/manifest.csv", CHEST_COLUMNS):
        if r["file"] in twins:
            continue
        if r["source"] == PAKISTAN:
            if r["split"] != "test":
                samples.append(_chest(data, r, "cxr2", cut=PAKISTAN_CUT, shown=False))
        elif r["source"] == IEEE_ADULTS:
            samples.append(_chest(data, r, "cxr2", label="", allowed=PNEUMONIAS))
        else:
            samples.append(_chest(data, r, "cxr2"))
    return samples


def chest_findings(data: Path) -> list[Sample]:
    """NIH findings, several of which may be true of one film: `allowed` holds the true ones, `label` stays empty."""
    samples = []
    for r in read_manifest(data / "cxr/manifest.csv", CHEST_COLUMNS):
        if r["findings"]:
            found = tuple(name.lower() for name in r["findings"].split("|") if name in FINDINGS)
            samples.append(_chest(data, r, label="", allowed=found))
    return samples
