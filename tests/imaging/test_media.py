"""Archives and discs: what they hold is opened, and nothing they do leaves the folder they belong in."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from medview.core.failures import Code, Failure
from medview.imaging import archive
from medview.imaging.archive import unpack
from medview.imaging.facts import inspect_path
from medview.imaging.open import open_path
from medview.imaging.study import Study
from tests.imaging.make import dicom, png

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


def refused(path: Path) -> Failure:
    failure = open_path(path)
    assert isinstance(failure, Failure), failure
    assert failure.text
    assert failure.hint
    return failure


def test_an_archive_opens_as_its_series(tmp_path: Path):
    members = {"CT/b": slice_at(1), "CT/a": slice_at(2), "read me.txt": b"hello", "é ж 你.png": png(PIXELS[:, :3], 0)}
    members |= {"__MACOSX/CT/._b": b"junk", "CT/.DS_Store": b"junk"}
    path = make_zip(tmp_path / "é ж 你.zip", members)
    study = open_path(path)
    assert isinstance(study, Study)
    assert study.description == "ZIP archive, 2 series, 3 pictures"
    assert [len(series.frames) for series in study.series] == [2, 1]
    assert np.array_equal(study.frames[0].modality_values(), PIXELS + 1)
    facts = inspect_path(path)
    assert [fact.file for fact in facts] == [f"{path}/{name}" for name in list(members)[:4]]
    assert [fact.outcome for fact in facts] == ["opens", "opens", "refuse-not-an-image", "opens"]


def test_names_cannot_leave_the_folder(tmp_path: Path):
    names = ["../../evil.dcm", "/etc/evil.dcm", "C:\\evil.dcm", "..", "a/../../..", "x\0y.dcm", "con.dcm", "e" * 300]
    path = make_zip(tmp_path / "a.zip", dict.fromkeys(names, slice_at(0)))
    unpacked = unpack(path)
    assert not isinstance(unpacked, Failure)
    folder = Path(unpacked.folder.name)
    assert all(file.parent == folder and file.is_file() for file, _ in unpacked.members)
    assert sorted(folder.iterdir()) == sorted(file for file, _ in unpacked.members)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip"]


def test_bombs_and_locked_archives_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    bomb = make_zip(tmp_path / "bomb.zip", {"zeros": bytes(80_000_000)})
    assert bomb.stat().st_size < 200_000
    assert refused(bomb).code is Code.TOO_LARGE
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
    many = make_zip(tmp_path / "many.zip", {f"{n}": b"x" for n in range(4)})
    assert refused(many).code is Code.TOO_LARGE
    locked = make_zip(tmp_path / "locked.zip", {"a": b"secret"}, zipfile.ZIP_STORED)
    data = bytearray(locked.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    locked.write_bytes(data)
    assert refused(locked).code is Code.UNSUPPORTED


def test_a_size_that_lies_is_damage(tmp_path: Path):
    path = make_zip(tmp_path / "lies.zip", {"a": bytes(100_000)})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = (50).to_bytes(4, "little")
    path.write_bytes(data)
    assert refused(path).code is Code.CORRUPT
    path.write_bytes(data[:60])
    assert refused(path).code is Code.CORRUPT


def test_an_archive_whose_contents_lie_before_its_beginning_is_damaged(tmp_path: Path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.png", b"x" * 50)
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, len(data) - 6)  # of the table of contents, in the last record
    struct.pack_into("<I", data, len(data) - 6, start + 1000)
    path.write_bytes(data)
    failure = refused(path)
    assert (failure.code, failure.text) == (Code.CORRUPT, "The archive a.zip is damaged.")


def test_archives_without_pictures(tmp_path: Path):
    assert refused(make_zip(tmp_path / "a.zip", {"a.txt": b"no"})).code is Code.UNKNOWN_FORMAT
    inner = make_zip(tmp_path / "inner.zip", {"a": slice_at(0)}).read_bytes()
    assert refused(make_zip(tmp_path / "b.zip", {"inner.zip": inner})).code is Code.UNKNOWN_FORMAT
    office = make_zip(tmp_path / "c.docx", {"[Content_Types].xml": b"<x/>", "media/a.png": png(PIXELS, 0)})
    assert "office document" in refused(office).text


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


def test_a_disc_opens_as_its_series(tmp_path: Path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a0").write_bytes(slice_at(5))
    (tmp_path / "images" / "A1").write_bytes(slice_at(3))
    path = make_disc(tmp_path, [["IMAGES", "A0"], ["IMAGES", "A1"], ["IMAGES", "MISSING"]])
    study = open_path(path)
    assert isinstance(study, Study)
    assert study.description == "DICOM disc, 1 series, 2 pictures"
    assert [frame.path.name for frame in study.frames] == ["A1", "a0"]
    assert open_path(path, follow=False).code is Code.NO_PIXELS  # type: ignore[union-attr]
    assert [fact.outcome for fact in inspect_path(path)] == ["opens"]


def test_a_disc_leads_nowhere_else(tmp_path: Path):
    inside = tmp_path / "disc"
    inside.mkdir()
    (tmp_path / "secret").write_bytes(slice_at(0))
    bad = [["..", "secret"], ["../secret"], ["/", "etc"], [str(tmp_path / "secret")], ["C:", "secret"], ["a"] * 20]
    failure = refused(make_disc(inside, bad))
    assert failure.code is Code.NO_PIXELS
    assert "none of the 0 files" in failure.text


@pytest.mark.data
def test_the_discs_of_the_corpus(data_dir: Path, tmp_path: Path):
    import shutil

    for folder in ("dicomdir", "dicomdir-member"):
        shutil.copytree(data_dir / "dicom" / folder / "media", tmp_path, dirs_exist_ok=True)
    whole = open_path(tmp_path / "DICOMDIR")
    assert isinstance(whole, Study)
    assert len(whole.frames) == 31
    for name in ("DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-reordered", "DICOMDIR-nooffset"):
        study = open_path(tmp_path / name)
        assert isinstance(study, Study), name
        assert [f.path.name for f in study.frames] == [f.path.name for f in whole.frames], name
    assert isinstance(open_path(tmp_path / "DICOMDIR-empty.dcm"), Failure)


def test_an_empty_archive_is_told_as_one(tmp_path: Path):
    path = tmp_path / "empty.zip"
    zipfile.ZipFile(path, "w").close()
    (facts,) = inspect_path(path)
    assert (facts.outcome, facts.code) == ("refuse-not-an-image", Code.NO_IMAGES)
