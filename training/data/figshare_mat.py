"""The brain tumours of Cheng et al. (figshare 1512427) as they are downloaded: MATLAB v7.3 files, one a slice.

They are written out as PNG once, with a manifest, beside the originals: the program reads no MATLAB files, and reading
HDF5 needs h5py only that once. PNG exports found elsewhere are not read: they have lost the patient, without whom no
split can be trusted.
"""

from __future__ import annotations

import csv
import logging
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.manifests import SHARES, Sample, hash_split, read_manifest, wrong_layout

log = logging.getLogger(__name__)

FOLDER = "figshare-png"
COLUMNS = ("file", "mask", "label", "patient")
CLASSES = {1: "meningioma", 2: "glioma", 3: "pituitary"}


def figshare_mat(data: Path) -> list[Sample]:
    """Tumour slices with their masks, grouped by patient, split by the hash of the patient.

    Serves as a set of classes and of masks. Raises ValueError when there are no such files, one of them holds something
    else, or h5py is missing.
    """
    root = data / FOLDER
    if not (root / "manifest.csv").is_file():
        _convert(data, root)
    return [
        Sample(
            root / r["file"],
            r["label"],
            hash_split(r["patient"], SHARES),
            f"figshare:{r['patient']}",
            "figshare",
            mask=root / r["mask"],
            tags=(r["label"],),
        )
        for r in read_manifest(root / "manifest.csv", COLUMNS)
    ]


def _convert(data: Path, root: Path) -> None:
    """Write every `cjdata` file as PNG; the manifest comes last, so that a broken-off conversion starts again."""
    files = sorted((p for p in data.rglob("*.mat") if p.stem.isdigit()), key=lambda p: int(p.stem))
    if not files:
        raise wrong_layout(data, "the MATLAB files 1.mat to 3064.mat of figshare 1512427, unpacked,")
    try:
        import h5py
    except ImportError as error:
        raise ValueError("MATLAB v7.3 files need h5py, which is not a part of medview: pip install h5py") from error
    log.info("writing %d slices to %s, once", len(files), root)
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True, exist_ok=True)
    rows = []
    for path in files:
        image, mask, label, patient = _read(h5py, path)
        row = {"file": f"images/{path.stem}.png", "mask": f"masks/{path.stem}.png", "label": label, "patient": patient}
        for key, picture in (("file", image), ("mask", mask)):
            (root / row[key]).write_bytes(cv2.imencode(".png", picture)[1].tobytes())
        rows.append(row)
    temporary = root / "manifest.csv.new"
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    os.replace(temporary, root / "manifest.csv")


def _read(h5py: Any, path: Path) -> tuple[NDArray[np.uint16], NDArray[np.uint8], str, str]:
    """Image (rows, cols), mask (rows, cols) of 0 and 255, class and patient of one file. HDF5 holds MATLAB's columns as
    rows, hence the transposes."""
    try:
        with h5py.File(path, "r") as file:
            record = file["cjdata"]
            image, mask = (np.asarray(record[name][()]).T for name in ("image", "tumorMask"))
            label = CLASSES[int(np.ravel(record["label"][()])[0])]
            patient = "".join(chr(int(c)) for c in np.ravel(record["PID"][()]))
    except (KeyError, OSError, IndexError) as error:
        raise ValueError(f"{path}: cjdata with image, label 1-3, PID and tumorMask expected, found: {error}") from error
    if image.ndim != 2 or image.shape != mask.shape:
        raise ValueError(f"{path}: image and mask of one size expected, found: {image.shape} and {mask.shape}")
    return np.clip(image, 0, 65535).astype(np.uint16), (mask > 0).astype(np.uint8) * 255, label, patient
