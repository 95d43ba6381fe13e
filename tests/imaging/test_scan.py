"""The one scanner: what files and folders hold, in which order, what is left out; that each file is opened once."""

from __future__ import annotations

import builtins
import io
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from medview.core.failures import Code, Failure
from medview.core.jobs import Cancelled, Step
from medview.imaging.scan import Found, Read, read_all, read_header, read_kind, scan
from medview.imaging.series import Contents
from medview.imaging.study import Study
from medview.imaging.walk import walk
from tests.imaging import seeds
from tests.imaging.discs import make_disc, make_zip, slice_at
from tests.imaging.make import png
from tests.imaging.niftis import header, write

PICTURE = png(seeds.GREY8, 0)
KINDS = {**{name: data for name, (data, _) in seeds.DICOM.items()}, **seeds.OTHERS, "text": b"hello", "empty": b""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two slices, a picture, a text, a DICOMDIR, an archive, a hidden file; one slice more in a folder below."""
    for z in (2, 1):
        (tmp_path / f"IM{z}").write_bytes(slice_at(z))
    (tmp_path / "a é ж 你.png").write_bytes(PICTURE)
    (tmp_path / "notes.txt").write_text("hello")
    make_disc(tmp_path, [["IM1"], ["IM2"]])
    make_zip(tmp_path / "more.zip", {"IM3": slice_at(3)})
    (tmp_path / ".hidden").write_bytes(slice_at(9))
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "IM4").write_bytes(slice_at(4))
    return tmp_path


def short(found: Found) -> tuple[str, str]:
    """The name of a file and what it is."""
    what = found.what
    return found.path.name, what.code if isinstance(what, Failure) else "frames" if what else "picture"


@pytest.mark.parametrize("read", [read_kind, read_header, read_all])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_is_opened_once(
    tmp_path: Path, kind: str, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(KINDS[kind])
    opened: Counter[str] = Counter()
    real = io.open

    def counted(file: Any, *args: Any, **options: Any) -> Any:
        opened[str(file)] += 1
        return real(file, *args, **options)

    monkeypatch.setattr(builtins, "open", counted)
    monkeypatch.setattr(io, "open", counted)
    (found,) = scan([tmp_path], read)
    assert found.path == tmp_path / "file"
    # An empty file need not be opened.
    assert opened[str(tmp_path / "file")] == (kind != "empty")


def test_a_folder_by_kinds_headers_and_pictures_only(folder: Path) -> None:
    none, other = str(Code.NO_PIXELS), str(Code.UNKNOWN_FORMAT)
    by_kind = [
        ("DICOMDIR", none), ("IM1", "frames"), ("IM2", "frames"), ("a é ж 你.png", "picture"), ("more.zip", "picture"),
        ("notes.txt", other), ("IM4", "frames"),
    ]  # fmt: skip
    assert [short(found) for found in scan([folder], read_kind)] == by_kind
    by_header = {**dict(by_kind), "a é ж 你.png": "frames", "more.zip": other}
    assert [short(found) for found in scan([folder], read_header)] == list(by_header.items())
    pictures = [("IM1", "frames"), ("IM2", "frames"), ("a é ж 你.png", "frames"), ("IM4", "frames")]
    assert [short(found) for found in scan([folder], read_all, pictures_only=True)] == pictures


def test_what_stands_for_other_files_is_opened_where_it_is_named(folder: Path) -> None:
    named = [folder / "more.zip", folder / "DICOMDIR"]
    assert [short(found) for found in scan(named, read_all, pictures_only=True)] == [
        ("more.zip", "frames"), ("DICOMDIR", "frames"),
    ]  # fmt: skip
    both = dict(map(short, scan([folder, *named], read_header, once=True)))
    assert (both["more.zip"], both["DICOMDIR"]) == ("frames", "frames")


def test_the_voxels_of_a_pair_are_passed_over(tmp_path: Path) -> None:
    made = header(magic=b"ni1", vox_offset=0)
    write(tmp_path / "a.hdr", made)
    (tmp_path / "a.hdr").write_bytes(made.binaryblock)
    (tmp_path / "a.img").write_bytes(bytes(20 * 16 * 6 * 2))
    assert [short(found) for found in scan([tmp_path], read_all, pictures_only=True)] == [("a.hdr", "frames")]


def test_a_file_that_is_named_or_found_again(folder: Path) -> None:
    paths = [folder / "IM2", folder, folder / "IM2"]
    names = [found.path.name for found in scan(paths, read_kind)]
    assert (names.count("IM2"), len(names)) == (3, 9)
    once = [found.path.name for found in scan(paths, read_kind, once=True)]
    assert (once[0], once.count("IM2"), len(once)) == ("IM2", 1, 7)
    assert [path.name for path in walk(paths)] == names


def test_a_folder_without_pictures_comes_itself(folder: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for _ in range(2):
        (found,) = scan([bare], read_all, pictures_only=True)
        assert (found.path, found.is_folder) == (bare, True)
        assert isinstance(found.what, Failure)
        assert found.what.text == "No picture was found in this folder."
        (bare / "notes").write_text("hello")
    assert [short(found) for found in scan([bare / "notes"], read_all, pictures_only=True)] == [
        ("notes", Code.UNKNOWN_FORMAT)
    ]
    # Not one whose pictures came before.
    again = list(scan([folder, folder / "below"], read_all, pictures_only=True, once=True))
    assert not any(found.is_folder for found in again)


def test_what_is_left_out_is_not_opened(folder: Path) -> None:
    def read(path: Path, follow: bool, step: Step) -> Study | Failure | None:
        assert path.name != "IM1"
        return read_kind(path, follow, step)

    left = [found.path.name for found in scan([folder], read, leave_out=lambda path: path.name == "IM1")]
    assert "IM1" not in left
    assert len(left) == 6


def test_a_scan_ends_at_its_limit_and_says_so(folder: Path) -> None:
    *read, last = scan([folder], read_kind, most=3)
    assert [found.path.name for found in read] == ["DICOMDIR", "IM1", "IM2"]
    assert isinstance(last.what, Failure)
    assert last.what.text == "The list ends after 3 files; what comes after them was left out."


def test_a_scan_stops_where_its_step_raises(folder: Path) -> None:
    heard: list[str] = []

    def step(path: Path) -> None:
        heard.append(path.name)
        if heard.count("more.zip") == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        # Named, so that it is unpacked: the step is called while that goes on.
        list(scan([folder / "IM1", folder / "more.zip", folder / "IM2"], read_header, step))
    assert heard == ["IM1", "more.zip", "more.zip"]


@pytest.mark.expected_logs
def test_a_file_on_which_medview_fails_costs_only_itself(folder: Path) -> None:
    def defect(path: Path, follow: bool, step: Step) -> Study | Failure | None:
        if path.name == "IM1":
            raise KeyError("a defect of medview")
        return read_kind(path, follow, step)

    found = dict(map(short, scan([folder], defect, pictures_only=True)))
    assert (found["IM1"], found["IM2"]) == (Code.INTERNAL, "frames")


def test_what_was_found_is_arranged_at_any_moment(folder: Path) -> None:
    contents, counts = Contents(), []
    for found in scan([folder], read_kind):
        contents.add(found.path, found.what)
        counts.append([len(series.frames) for series in contents.series()])
    assert counts == [[], [1], [2], [2], [2], [2], [3]]
    assert [path.name for path in contents.pictures] == ["a é ж 你.png", "more.zip"]
    assert [path.name for path in contents.refused] == ["DICOMDIR", "notes.txt"]
    (series,) = contents.series()
    assert [path.name for path in series.paths] == ["IM1", "IM2", "IM4"]


def test_walking_imports_no_library() -> None:
    code = "import sys; from medview.imaging import walk; print([m for m in ('numpy', 'pydicom') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
