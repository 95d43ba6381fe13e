"""Archives: what they hold is opened, and nothing they do leaves the folder they belong in."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from medview.core import scratch
from medview.core.failures import Code, Failure
from medview.core.jobs import Cancelled, Step
from medview.imaging import archive
from medview.imaging.archive import Unpacked, unpack
from medview.imaging.dicom_tags import tags
from medview.imaging.facts import inspect_path
from medview.imaging.files import Clipped, open_start
from medview.imaging.open import open_path
from medview.imaging.series import read_folder, series_of
from medview.imaging.study import Study
from tests.imaging.discs import PIXELS, make_zip, slice_at
from tests.imaging.make import png
from tests.imaging.reading import refused


def unpacked_of(path: Path, step: Step = lambda: None) -> Unpacked | Failure:
    file = open_start(path)
    assert not isinstance(file, Failure)
    with file:
        return unpack(file, step)


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


class Stopping:
    """A step that raises when it is called for the `at`th time."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled


@pytest.mark.parametrize(("name", "at"), [("a.zip", 0), ("a.zip", 2), ("a.dcm.gz", 0)])
def test_unpacking_stops_when_it_is_cancelled_and_leaves_nothing(tmp_path: Path, own_home: Path, name: str, at: int):
    path = tmp_path / name
    members = {f"{n}.dcm": slice_at(n) for n in range(4)}
    make_zip(path, members) if name == "a.zip" else path.write_bytes(gzip.compress(slice_at(0)))
    with pytest.raises(Cancelled):
        open_path(path, step=Stopping(at))
    assert [file for file in (own_home / "cache").rglob("*") if file.suffix == ".dcm"] == []
    # Whoever asks next gets it whole.
    assert isinstance(open_path(path), Study)


def test_reading_what_was_unpacked_stops_when_it_is_cancelled(tmp_path: Path):
    path = make_zip(tmp_path / "a.zip", {f"{n}.dcm": slice_at(n) for n in range(4)})
    assert isinstance(unpacked_of(path), Unpacked)
    with pytest.raises(Cancelled):
        open_path(path, step=Stopping(2))


def test_one_archive_does_not_wait_for_another(tmp_path: Path):
    slow, quick = (make_zip(tmp_path / f"{name}.zip", {"a.dcm": slice_at(0)}) for name in ("slow", "quick"))
    begun, go_on = threading.Event(), threading.Event()

    def halt() -> None:
        begun.set()
        assert go_on.wait(20)

    thread = threading.Thread(target=unpacked_of, args=(slow, halt))
    thread.start()
    assert begun.wait(20)
    assert isinstance(unpacked_of(quick), Unpacked)
    # Whoever waits for the same one can be stopped.
    with pytest.raises(Cancelled):
        unpacked_of(slow, Stopping(0))
    assert thread.is_alive()
    go_on.set()
    thread.join(20)
    assert len(unpacked_of(slow).members) == 1  # type: ignore[union-attr]


def test_all_archives_together_stay_within_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    first, second = (make_zip(tmp_path / f"{name}.zip", {"a": bytes(60_000)}) for name in ("a", "b"))
    held = sum(one.size for one in archive._UNPACKED.values())
    monkeypatch.setattr(archive, "MAX_BYTES", held + 100_000)
    assert unpacked_of(first).size == 60_000  # type: ignore[union-attr]
    assert unpacked_of(second).code is Code.TOO_LARGE  # type: ignore[union-attr]
    archive.release(first)
    assert unpacked_of(second).size == 60_000  # type: ignore[union-attr]
    archive.release(second)


def test_names_cannot_leave_the_folder(tmp_path: Path):
    names = ["../../evil.dcm", "/etc/evil.dcm", "C:\\evil.dcm", "..", "a/../../..", "x\0y.dcm", "con.dcm", "e" * 300]
    path = make_zip(tmp_path / "a.zip", dict.fromkeys(names, slice_at(0)))
    unpacked = unpacked_of(path)
    assert not isinstance(unpacked, Failure)
    folder = Path(unpacked.folder.name)
    assert all(file.is_relative_to(folder) and file.is_file() for file, _ in unpacked.members)
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(file for file, _ in unpacked.members)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip"]


def test_members_keep_the_names_that_people_see(tmp_path: Path):
    picture = png(PIXELS[:, :3], 0)
    names = ["é ж 你 .png", "x/É Ж 你 .png", "y/a.png", "z/A.PNG", "nul.png", "b. ", "00003", "a:b.png", "A_B.PNG"]
    path = make_zip(tmp_path / "a.zip", dict.fromkeys(names, picture))
    shown = ["é ж 你 .png", "É Ж 你 .png", "a.png", "A.PNG", "_nul.png", "b", "00003", "a_b.png", "A_B.PNG"]
    assert [file.name for file, _ in unpacked_of(path).members] == shown  # type: ignore[union-attr]
    study = open_path(path)
    assert isinstance(study, Study)
    assert sorted(series.title for series in study.series) == sorted(shown)
    broken = make_zip(tmp_path / "b.zip", {"a.png": picture[:60]})
    assert [fact.file for fact in inspect_path(broken)] == [f"{broken}/a.png"]


def test_headers_in_an_archive_find_their_voxels(tmp_path: Path):
    values = np.arange(24, dtype=np.uint8).reshape(4, 6)
    head = "ObjectType = Image\nNDims = 2\nDimSize = 6 4\nElementType = MET_UCHAR\nElementDataFile = v.raw\n"
    members = {"a/v.mhd": head.encode(), "a/v.raw": values.tobytes()}
    members |= {"b/v.mhd": head.encode(), "b/v.raw": (values + 100).tobytes()}
    study = open_path(make_zip(tmp_path / "a.zip", members))
    assert isinstance(study, Study)
    assert study.description == "ZIP archive, 2 series, 2 pictures"
    assert [int(frame.stored_values().min()) for frame in study.frames] == [0, 100]  # type: ignore[union-attr]


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
    office = make_zip(tmp_path / "c.docx", {"[Content_Types].xml": b"<x/>", "media/a.png": png(PIXELS, 0)})
    assert "office document" in refused(office).text


def test_archives_inside_of_archives_open_to_a_depth(tmp_path: Path):
    inner = make_zip(tmp_path / "inner.zip", {"é ж 你.dcm": slice_at(0)}).read_bytes()
    middle = make_zip(tmp_path / "middle.zip", {"x/inner.zip": inner, "b.dcm": slice_at(1), "t.txt": b"x"}).read_bytes()
    outer = make_zip(tmp_path / "outer.zip", {"middle.zip": middle, "c.dcm": slice_at(2)})
    study = open_path(outer)
    assert isinstance(study, Study)
    assert study.description == "ZIP archive, 1 series, 3 pictures"
    assert [frame.modality_values()[0, 0] for frame in study.frames] == [0, 1, 2]  # type: ignore[index]
    names = ["middle.zip/x/inner.zip/é ж 你.dcm", "middle.zip/b.dcm", "middle.zip/t.txt", "c.dcm"]
    assert [fact.file for fact in inspect_path(outer)] == [f"{outer}/{name}" for name in names]
    further = make_zip(tmp_path / "further.zip", {"outer.zip": outer.read_bytes()})
    deepest = {fact.file.removeprefix(f"{further}/"): fact.text for fact in inspect_path(further)}
    assert deepest["outer.zip/middle.zip/x/inner.zip"] == "inner.zip is a ZIP archive, not a picture."


def test_an_inner_archive_that_cannot_be_unpacked_is_told(tmp_path: Path):
    broken = make_zip(tmp_path / "inner.zip", {"a": slice_at(0)}).read_bytes()[:-30]
    office = make_zip(tmp_path / "o.docx", {"[Content_Types].xml": b"<x/>"}).read_bytes()
    path = make_zip(tmp_path / "a.zip", {"inner.zip": broken, "c.dcm": slice_at(2), "o.docx": office})
    study = open_path(path)
    assert isinstance(study, Study)
    assert study.description == "ZIP archive, 1 series, 1 picture; 2 files in it could not be read"
    assert [(fact.file, fact.code) for fact in inspect_path(path)] == [
        (f"{path}/c.dcm", None), (f"{path}/inner.zip", "corrupt"), (f"{path}/o.docx", "unknown-format"),
    ]  # fmt: skip
    alone = make_zip(tmp_path / "b.zip", {"inner.zip": broken})
    assert refused(alone).text == "The archive inner.zip is damaged."


def test_limits_hold_for_all_archives_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    inner = make_zip(tmp_path / "i.zip", {f"{n}": bytes(100_000) for n in range(5)}).read_bytes()
    path = make_zip(tmp_path / "a.zip", {f"{n}.zip": inner for n in range(5)})
    assert len(unpacked_of(path).members) == 25  # type: ignore[union-attr]
    archive.release(path)
    monkeypatch.setattr(archive, "MAX_MEMBERS", 20)
    assert [fact.code for fact in inspect_path(path)].count("too-large") == 2
    archive.release(path)
    monkeypatch.setattr(archive, "SMALL", 1_000_000)
    monkeypatch.setattr(archive, "MAX_RATIO", 1)
    monkeypatch.setattr(archive, "MAX_MEMBERS", 100)
    assert [fact.code for fact in inspect_path(path)].count("too-large") == 4


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_is_damaged_in_any_packing_is_damage(tmp_path: Path, method: int):
    noise = np.random.default_rng(0).bytes(3000)
    path = make_zip(tmp_path / "a.zip", {"a.dcm": slice_at(0) + noise}, method)
    data = path.read_bytes()
    start = 30 + len("a.dcm")
    for at in range(start, start + 3000, 97):
        for change in (b"\0" * 8, b"\xff" * 8):
            path.write_bytes(data[:at] + change + data[at + 8 :])
            if path.read_bytes() != data:
                failure = refused(path)
                assert (failure.code, failure.text) == (Code.CORRUPT, "The archive a.zip is damaged.")


def test_a_packing_that_is_not_known_is_no_damage(tmp_path: Path):
    path = make_zip(tmp_path / "a.zip", {"a.dcm": slice_at(0)})
    data = bytearray(path.read_bytes())
    data[8:10] = data[data.index(b"PK\1\2") + 10 : data.index(b"PK\1\2") + 12] = b"\x09\0"  # deflate64
    path.write_bytes(data)
    assert refused(path).code is Code.UNSUPPORTED


@pytest.mark.parametrize("path", ["a.zip", "a.dcm.gz"])
def test_a_full_drive_is_not_called_damage(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch):
    packed = tmp_path / path
    make_zip(packed, {"a.dcm": slice_at(0)}) if path == "a.zip" else packed.write_bytes(gzip.compress(slice_at(0)))
    kept, opened = scratch.new_folder(), Path.open

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", lambda self, mode="r", **kw: Full() if "x" in mode else opened(self, mode, **kw))
    failure = refused(packed)
    assert Path(kept.name).is_dir()
    assert failure.code is Code.NO_ROOM
    assert failure.text == (
        f"{path} could not be unpacked: there is no room left in {scratch.root()}. The file itself was not judged."
    )
    assert [fact.outcome for fact in inspect_path(packed)] == ["not-read"]


def test_an_archive_on_a_drive_that_fails_is_not_told_as_missing_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = open_start(make_zip(tmp_path / "a.zip", {"a.dcm": slice_at(0)}))
    assert not isinstance(file, Failure)

    def read(self: Clipped, size: int | None = -1) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Clipped, "read", read)
    with file:
        failure = unpack(file)
    assert isinstance(failure, Failure)
    assert (failure.code, failure.text) == (Code.READ_ERROR, "a.zip could not be read.")


def test_a_folder_that_cannot_be_made_is_not_called_damage(tmp_path: Path, own_home: Path):
    (own_home / "cache").write_text("a file in its place")
    failure = refused(make_zip(tmp_path / "a.zip", {"a.dcm": slice_at(0)}))
    assert failure.code is Code.NO_ROOM
    assert "medview cannot write to" in failure.text


@pytest.mark.parametrize("name", ["é ж 你 .dcm.gz", "scan.gz", "scan.DCM.GZ", "no suffix"])
def test_a_single_file_packed_by_gzip_opens(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(gzip.compress(slice_at(3)))
    study = open_path(path, follow=False)
    assert isinstance(study, Study)
    assert study.path == path
    assert np.array_equal(study.frames[0].modality_values(), PIXELS + 3)
    (facts,) = inspect_path(path)
    assert (facts.file, facts.outcome, facts.modality, facts.stored) == (
        str(path), "opens", "MR", {"min": 3, "max": 14, "mean": 8.5},
    )  # fmt: skip


def test_other_pictures_packed_by_gzip_open(tmp_path: Path):
    path = tmp_path / "a.png.gz"
    path.write_bytes(gzip.compress(png(PIXELS[:, :3], 0)))
    study = open_path(path)
    assert isinstance(study, Study)
    assert study.frames[0].path == path
    assert np.array_equal(study.frames[0].modality_values(), PIXELS[:, :3])


def test_packed_slices_of_a_folder_are_one_series(tmp_path: Path):
    for z in range(3):
        (tmp_path / f"{z}.dcm.gz").write_bytes(gzip.compress(slice_at(z)))
    (series,) = read_folder(sorted(tmp_path.iterdir())).series
    assert [path.name for path in series.paths] == ["0.dcm.gz", "1.dcm.gz", "2.dcm.gz"]
    found = series_of(tmp_path / "1.dcm.gz", sorted(tmp_path.iterdir()))
    assert found is not None
    assert found[1] == 1
    rows = tags(tmp_path / "1.dcm.gz")
    assert not isinstance(rows, Failure)
    assert any(row.name == "Modality" and row.value == "MR" for row in rows)
    assert [frame.place.plane.offset for frame in series.frames] == [0, 1, 2]  # type: ignore[union-attr]


def tar_of(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        info = tarfile.TarInfo("a.dcm")
        info.size = len(data)
        file.addfile(info, io.BytesIO(data))
    return out.getvalue()


INSIDE = "What is packed in a.gz"
ZIPPED = io.BytesIO()
with zipfile.ZipFile(ZIPPED, "w") as zipped:
    zipped.writestr("a.dcm", slice_at(0))


@pytest.mark.parametrize(
    ("data", "code", "text"),
    [
        (gzip.compress(tar_of(slice_at(0))), Code.UNKNOWN_FORMAT, f"{INSIDE} is a tar archive, not a picture."),
        (gzip.compress(ZIPPED.getvalue()), Code.UNKNOWN_FORMAT, f"{INSIDE} is a ZIP archive, not a picture."),
        (gzip.compress(b"text" * 999), Code.UNKNOWN_FORMAT, f"{INSIDE} is no picture that medview knows."),
        (gzip.compress(slice_at(0))[:-9], Code.CORRUPT, "The archive a.gz is damaged."),
        (gzip.compress(slice_at(0))[:-8] + bytes(8), Code.CORRUPT, "The archive a.gz is damaged."),
        (b"\x1f\x8b\x08" + bytes(50), Code.CORRUPT, "The archive a.gz is damaged."),
        (
            gzip.compress(slice_at(0) + bytes(80_000_000)), Code.TOO_LARGE,
            "a.gz is not unpacked: what it holds is more than medview unpacks.",
        ),
        (bz2.compress(slice_at(0)), Code.UNKNOWN_FORMAT, "a.gz is a bzip2 archive, not a picture."),
        (lzma.compress(slice_at(0)), Code.UNKNOWN_FORMAT, "a.gz is an xz archive, not a picture."),
        (tar_of(slice_at(0)), Code.UNKNOWN_FORMAT, "a.gz is a tar archive, not a picture."),
        (b"7z\xbc\xaf\x27\x1c" + bytes(30), Code.UNKNOWN_FORMAT, "a.gz is a 7-Zip archive, not a picture."),
        (b"Rar!\x1a\x07\x01\0" + bytes(30), Code.UNKNOWN_FORMAT, "a.gz is a RAR archive, not a picture."),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_is_packed_otherwise_is_named(tmp_path: Path, own_home: Path, data: bytes, code: Code, text: str):
    path = tmp_path / "a.gz"
    path.write_bytes(data)
    failure = refused(path)
    assert (failure.code, failure.text) == (code, text)
    left = [path for path in (own_home / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert left == []


def test_an_empty_archive_is_told_as_one(tmp_path: Path):
    path = tmp_path / "empty.zip"
    zipfile.ZipFile(path, "w").close()
    (facts,) = inspect_path(path)
    assert (facts.outcome, facts.code) == ("refuse-not-an-image", Code.NO_IMAGES)
