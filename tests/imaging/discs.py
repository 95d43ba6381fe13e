"""Slices, ZIP archives and discs with a DICOMDIR, made here."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from tests.imaging.make import dicom

PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)


def slice_at(z: float) -> bytes:
    return dicom(
        PIXELS + int(z), SeriesInstanceUID="1.2", SOPInstanceUID=f"1.2.{int(z)}", PixelSpacing=[1, 1],
        ImagePositionPatient=[0, 0, z], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
    )  # fmt: skip


def make_zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def make_disc(folder: Path, file_ids: list[list[str]]) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    meta.MediaStorageSOPInstanceUID = "1.9"
    meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    ds = Dataset()
    ds.file_meta = meta
    records = []
    for file_id in file_ids:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.ReferencedFileID = file_id
        records.append(record)
    ds.DirectoryRecordSequence = Sequence(records)
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    path = folder / "DICOMDIR"
    path.write_bytes(out.getvalue())
    return path
