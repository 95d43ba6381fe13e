"""Where medview's own files go, and the log file."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from medview.core import log, paths


def test_medview_home_overrides_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDVIEW_HOME", str(tmp_path))
    assert {paths.config_dir().parent, paths.data_dir().parent, paths.log_dir().parent.parent} == {tmp_path}
    assert len({paths.config_dir(), paths.data_dir(), paths.log_dir()}) == 3


def test_linux_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("MEDVIEW_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/c")
    monkeypatch.setenv("XDG_DATA_HOME", "relative is invalid")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert paths.config_dir() == Path("/c/medview")
    assert paths.data_dir() == Path.home() / ".local/share/medview"
    assert paths.log_dir() == Path.home() / ".local/state/medview/log"


def test_windows_follows_appdata(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delenv("MEDVIEW_HOME")
    monkeypatch.setenv("APPDATA", str(tmp_path / "Roaming"))
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    assert paths.config_dir() == tmp_path / "Roaming" / "medview"
    assert paths.data_dir() == Path.home() / "AppData/Local/medview"


def test_the_log_file_gets_what_is_logged(tmp_path: Path) -> None:
    path = log.set_up(tmp_path / "é ж 你")
    assert path is not None
    logging.getLogger("medview.test").info("hello 你")
    assert "medview.test: hello 你" in path.read_text(encoding="utf-8")


def test_a_log_that_cannot_be_written_does_not_stop_the_program(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert log.set_up(tmp_path / "file" / "log") is None


def test_a_log_is_its_owners_alone_and_holds_no_control_characters(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "medview.log").write_text("of an earlier version\n")
    path = log.set_up(folder)
    assert path is not None
    logging.getLogger("medview.test").info("card \x1b[31m of %s\nsecond line", "ж")
    assert sys.platform == "win32" or path.stat().st_mode & 0o77 == 0
    assert path.read_text(encoding="utf-8").endswith("medview.test: card \\x1b[31m of ж\nsecond line\n")
    for handler in logging.getLogger().handlers:
        if getattr(handler, "baseFilename", "") == str(path):
            handler.doRollover()  # type: ignore[attr-defined]
    logging.getLogger("medview.test").info("after")
    assert sys.platform == "win32" or path.stat().st_mode & 0o77 == 0


def test_the_cache_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("MEDVIEW_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert paths.cache_dir() == Path("/c/medview")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/l")
    assert paths.cache_dir() == Path("/l/medview/cache")


@pytest.mark.expected_logs
def test_of_an_error_the_log_tells_the_kind_and_the_way_not_what_was_read(tmp_path: Path) -> None:
    path = log.set_up(tmp_path)
    assert path is not None
    read = "Müller^" + "Anna"
    try:
        raise ValueError(read)
    except ValueError:
        logging.getLogger("medview.test").exception("a file")
    text = path.read_text(encoding="utf-8")
    assert "Anna" not in text
    assert text.endswith("ValueError\n")
    assert "test_paths_and_log.py" in text
