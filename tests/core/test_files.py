"""Files appear whole or not at all, take nobody else's name, and are their owner's alone where that is asked for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from medview.core import files
from medview.core.files import make_durable, make_private, write_atomic

needs_modes = pytest.mark.skipif(os.name == "nt", reason="there are no such modes there")
needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="names of open files are only there")


def test_a_write_that_fails_leaves_neither_half_nor_old_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(target, b"new")
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_is_taken_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:

        def link(*_: object) -> None:
            raise PermissionError(1, "no links on this file system")

        monkeypatch.setattr(files.os, "link", link, raising=False)
    write_atomic(tmp_path / "a", b"first", replace=False)
    with pytest.raises(FileExistsError):
        write_atomic(tmp_path / "a", b"second", replace=False)
    assert (tmp_path / "a").read_bytes() == b"first"
    write_atomic(tmp_path / "a", b"third")
    assert (tmp_path / "a").read_bytes() == b"third"
    assert os.listdir(tmp_path) == ["a"]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done to the disk, in order: `sync` of a file or folder by its name, `name` of a file."""
    done: list[str] = []
    sync, replace, link = os.fsync, os.replace, os.link

    def synced(handle: int) -> None:
        done.append(f"sync {Path(os.readlink(f'/proc/self/fd/{handle}')).name}")
        sync(handle)

    monkeypatch.setattr(files.os, "fsync", synced)
    monkeypatch.setattr(files.os, "replace", lambda a, b: (done.append(f"name {b.name}"), replace(a, b)))
    monkeypatch.setattr(files.os, "link", lambda a, b: (done.append(f"name {b.name}"), link(a, b)))
    return done


@needs_proc
@pytest.mark.parametrize("replace", [True, False])
def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_after(
    tmp_path: Path, steps: list[str], replace: bool
) -> None:
    write_atomic(tmp_path / "a", b"x", replace=replace)
    part, *rest = steps
    assert part.startswith("sync .medview-")
    assert rest == ["name a", f"sync {tmp_path.name}"]


@needs_proc
def test_many_files_are_on_the_disk_before_their_names_are(tmp_path: Path, steps: list[str]) -> None:
    paths = [tmp_path / f"{number}" for number in range(12)]
    for path in paths:
        write_atomic(path, b"x", durable=False)
    assert steps == [f"name {path.name}" for path in paths]
    steps.clear()
    make_durable(paths)
    assert sorted(steps[:-1]) == sorted(f"sync {path.name}" for path in paths)
    assert steps[-1] == f"sync {tmp_path.name}"
    make_durable([])


def test_what_does_not_reach_the_disk_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(files.os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        write_atomic(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]
    with pytest.raises(OSError, match="Input/output"):
        make_durable([tmp_path / "a"])


def test_a_folder_that_cannot_be_synced_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, and on some network drives."""
    opened = os.open

    def no_folder(path: Path, flags: int, *mode: int) -> int:
        if Path(path).is_dir():
            raise PermissionError(13, "a folder cannot be opened")
        return opened(path, flags, *mode)

    monkeypatch.setattr(files.os, "open", no_folder)
    write_atomic(tmp_path / "a", b"x")
    make_durable([tmp_path / "a"])
    assert (tmp_path / "a").read_bytes() == b"x"


def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    write_atomic(tmp_path / ("a" * 255), b"x")
    assert os.listdir(tmp_path) == ["a" * 255]


@needs_modes
def test_private_files_and_folders_are_their_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_private(tmp_path / "new" / "deep")
        write_atomic(tmp_path / "new" / "deep" / "secret", b"x", private=True)
        write_atomic(tmp_path / "open", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new" / "deep").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new" / "deep" / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o666


@needs_modes
def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    make_private(tmp_path / "shared")
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o755
