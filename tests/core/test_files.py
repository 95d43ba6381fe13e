"""Files appear whole or not at all, take nobody else's name, and are their owner's alone where that is asked for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from medview.core import files
from medview.core.files import make_private, write_atomic

needs_modes = pytest.mark.skipif(os.name == "nt", reason="there are no such modes there")


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
