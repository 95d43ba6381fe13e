"""Paths: what opens, what is refused by which name, and what a folder gives."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from medview.core.failures import Code, Failure
from medview.imaging import files
from medview.imaging.open import open_path
from medview.imaging.series import read_folder
from medview.imaging.study import Study
from medview.imaging.walk import find_files
from tests.imaging.make import dicom, encode, png, ramp_picture, tiff
from tests.imaging.reading import refused

NAME = "é ж 你 "
PICTURE = png(ramp_picture(), 2)


@pytest.mark.parametrize("data", [PICTURE, encode("jpg", ramp_picture()), dicom(np.zeros((3, 4), np.int16))])
def test_a_file_opens_by_content_and_in_any_name(tmp_path: Path, data: bytes):
    folder = tmp_path / NAME
    folder.mkdir()
    for name in (NAME, f"{NAME}.jpg", f"{NAME}.png", "no extension"):
        path = folder / name
        path.write_bytes(data)
        study = open_path(path)
        assert isinstance(study, Study), study
        frame = study.frames[0]
        values = frame.modality_values()
        assert not isinstance(values, Failure)
        assert values.shape[:2] == (frame.rows, frame.cols)


def test_a_picture_under_the_name_of_a_dicom_file_is_refused(tmp_path: Path):
    path = tmp_path / "scan.DCM"
    path.write_bytes(PICTURE)
    failure = refused(path)
    assert failure.code is Code.UNKNOWN_FORMAT
    assert "holds a PNG picture" in failure.text
    assert ".png" in failure.hint


def test_pages_become_frames(tmp_path: Path):
    path = tmp_path / "pages.tif"
    grey = ramp_picture()[:, :, 0].copy()
    path.write_bytes(tiff([grey, 255 - grey]))
    study = open_path(path)
    assert isinstance(study, Study)
    assert study.description == "TIFF, 60 x 40 pixels, 2 pictures"
    assert np.array_equal(study.frames[1].modality_values(), 255 - grey)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", Code.EMPTY_FILE),
        (b"plain text\n" * 50, Code.UNKNOWN_FORMAT),
        (b"%PDF-1.4 ...", Code.UNKNOWN_FORMAT),
        (b"PK\x03\x04" + bytes(40), Code.CORRUPT),
        (b"<!DOCTYPE html><html>", Code.UNKNOWN_FORMAT),
        (bytes(range(256)) * 4, Code.UNKNOWN_FORMAT),
        (bytes(5000), Code.UNKNOWN_FORMAT),
        (b"BM" + bytes(60), Code.UNKNOWN_FORMAT),
        (bytes(128) + b"DICM", Code.CORRUPT),
        (PICTURE[:100], Code.TRUNCATED),
        (b"\0\0\0\x18ftypheic" + bytes(20), Code.UNSUPPORTED),
    ],
    ids=lambda v: str(v)[:20],
)
def test_what_is_no_picture_is_refused_by_name(tmp_path: Path, data: bytes, code: Code):
    path = tmp_path / "file.png"
    path.write_bytes(data)
    assert refused(path).code is code


def test_no_file_a_folder_and_an_impossible_name(tmp_path: Path):
    assert refused(tmp_path / "absent.png").code is Code.NOT_FOUND
    assert refused(tmp_path).code is Code.UNKNOWN_FORMAT
    assert refused(Path("nul\0byte")).code is Code.NOT_FOUND
    assert refused(tmp_path / ("x" * 5000)).code is Code.READ_ERROR


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are a thing of POSIX systems")
def test_a_pipe_or_a_device_does_not_hang(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.dcm")
    began = time.monotonic()
    assert refused(tmp_path / "pipe.dcm").code is Code.UNSUPPORTED
    assert refused(Path("/dev/zero")).code is Code.UNSUPPORTED
    assert time.monotonic() - began < 1


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "secret.png"
    path.write_bytes(PICTURE)
    # Root may read everything, so the question is answered here in the system's place.
    monkeypatch.setattr(files.os, "access", lambda *_: False)
    assert refused(path).code is Code.NO_PERMISSION


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_for_real(tmp_path: Path):
    path = tmp_path / "secret.png"
    path.write_bytes(PICTURE)
    path.chmod(0)
    assert refused(path).code is Code.NO_PERMISSION


@pytest.mark.parametrize(("head", "code"), [(PICTURE[:8], Code.TOO_LARGE), (bytes(128) + b"DICM", Code.CORRUPT)])
def test_ten_gigabytes_are_not_read(tmp_path: Path, head: bytes, code: Code):
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.write(head)
        file.truncate(10 * 2**30)
    if path.stat().st_blocks * 512 > 2**20:
        pytest.skip("this file system has no sparse files")
    began = time.monotonic()
    assert refused(path).code is code
    assert time.monotonic() - began < 3


def test_a_file_that_disappears_after_opening(tmp_path: Path):
    for data in (PICTURE, dicom(np.zeros((3, 4), np.int16))):
        path = tmp_path / "gone"
        path.write_bytes(data)
        study = open_path(path)
        assert isinstance(study, Study)
        path.unlink()
        values = study.frames[0].modality_values()
        assert isinstance(values, Failure)
        assert values.code is Code.NOT_FOUND


def test_find_files_in_order_without_hidden_ones_and_loops(tmp_path: Path):
    for name in ("b.png", "a.png", ".hidden.png", "sub/c.png", "sub/.git/d.png", f"{NAME}/e.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "broken").symlink_to(tmp_path / "nothing")
    found = [str(p.relative_to(tmp_path)) for p in find_files(tmp_path)]
    assert found == ["a.png", "b.png", "broken", os.path.join("sub", "c.png"), os.path.join(NAME, "e.png")]
    assert list(find_files(tmp_path / "a.png")) == [tmp_path / "a.png"]
    assert list(find_files(tmp_path / "absent")) == [tmp_path / "absent"]


def test_a_closed_folder_does_not_stop_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("a/1", "b/2", "c/3"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"x")
    scandir = os.scandir

    def closed(folder: Path):
        if Path(folder).name == "b":
            raise PermissionError(13, "closed")
        return scandir(folder)

    monkeypatch.setattr(files.os, "scandir", closed)
    assert [p.name for p in find_files(tmp_path)] == ["1", "b", "3"]
    failure = refused(tmp_path / "b")
    assert (failure.code, failure.text) == (
        Code.NO_PERMISSION, "You may not look into the folder b; what is in it was left out.",
    )  # fmt: skip
    folder = read_folder(find_files(tmp_path))
    assert folder.refused[tmp_path / "b"].code is Code.NO_PERMISSION


def test_a_folder_that_breaks_off_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "b").mkdir()
    scandir = os.scandir

    def broken(folder: Path):
        if Path(folder).name == "b":
            raise OSError(5, "Input/output error")
        return scandir(folder)

    monkeypatch.setattr(files.os, "scandir", broken)
    assert [p.name for p in find_files(tmp_path)] == ["b"]
    assert refused(tmp_path / "b").text == "The folder b could not be read; what is in it was left out."


def test_thousands_of_files_come_one_by_one(tmp_path: Path):
    for n in range(3000):
        (tmp_path / f"{n:05}").touch()
    began = time.monotonic()
    first = next(find_files(tmp_path))
    assert first.name == "00000"
    assert len(list(find_files(tmp_path))) == 3000
    assert time.monotonic() - began < 5


def test_opening_imports_no_heavy_library():
    heavy = "cv2", "pydicom", "imagecodecs"
    code = f"import sys, medview.imaging.open, medview.imaging.dicom; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_mode_of_a_regular_file_is_looked_at(tmp_path: Path):
    (tmp_path / "x").write_bytes(PICTURE)
    status = files.check_file(tmp_path / "x")
    assert not isinstance(status, Failure)
    assert stat.S_ISREG(status.st_mode)
