"""Settings: declared, typed, and never in the way of the start."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from medview.core.settings import SETTINGS, Settings


def test_a_setting_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "é ж 你" / "settings.json"
    settings = Settings(path)
    settings["heatmap_opacity"] = 0.25
    settings["recent_files"] = ["a é ж 你.png"]
    assert settings.save()
    again = Settings(path)
    assert again["heatmap_opacity"] == 0.25
    assert again["recent_files"] == ["a é ж 你.png"]


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    settings = Settings(path)
    settings["mask_on"] = True  # the default
    settings["auto_analyse"] = False
    settings.save()
    assert json.loads(path.read_text(encoding="utf-8")) == {"auto_analyse": False}


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe\x00", b"", b'{"recent_files":' + b"[" * 200_000])
def test_a_broken_file_is_set_aside(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    assert Settings(path)["auto_analyse"] is True
    assert not path.exists()
    assert (tmp_path / "settings.json.broken").read_bytes() == content
    assert "defaults" in caplog.text


def test_unknown_keys_and_wrong_types_are_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "settings.json"
    values = {"nonsense": 1, "auto_analyse": "no", "heatmap_opacity": True, "recent_files": [1], "mask_opacity": 1}
    path.write_text(json.dumps(values), encoding="utf-8")
    settings = Settings(path)
    assert settings["auto_analyse"] is True
    assert settings["heatmap_opacity"] == 0.6
    assert settings["recent_files"] == []
    assert settings["mask_opacity"] == 1.0
    assert caplog.text.count("dropped") == 4


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-Infinity", "1" + "0" * 400, "-0.1", "1.1", "[" * 900 + "]" * 900]
)
def test_an_opacity_that_is_none_is_dropped(tmp_path: Path, value: str, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "settings.json"
    path.write_text(f'{{"heatmap_opacity": {value}, "auto_analyse": false}}', encoding="utf-8")
    settings = Settings(path)
    assert settings["heatmap_opacity"] == 0.6
    assert settings["auto_analyse"] is False
    assert "dropped" in caplog.text


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("33554432", True), ("8589934592", True), ("33554431", False), ("8589934593", False), ("-1", False),
        ("1e9", False), ("true", False), ('"1000000000"', False), ("1" + "0" * 400, False),
    ],
)  # fmt: skip
def test_the_memory_for_pictures_is_bounded(
    tmp_path: Path, value: str, kept: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(f'{{"picture_bytes": {value}}}', encoding="utf-8")
    assert Settings(path)["picture_bytes"] == (int(value) if kept else 256 * 1024 * 1024)
    assert caplog.text.count("dropped") == (not kept)


@pytest.mark.skipif(sys.platform == "win32", reason="file names are UTF-16 there, lone surrogates included")
def test_names_that_no_file_can_have_are_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "settings.json"
    path.write_text(r'{"recent_files": ["a.png", "\ud800.png"], "last_folder": "a\u0000b"}', encoding="utf-8")
    settings = Settings(path)
    assert (settings["recent_files"], settings["last_folder"]) == ([], "")
    assert caplog.text.count("dropped") == 2


@pytest.mark.skipif(sys.platform == "win32", reason="file names are UTF-16 there")
def test_a_file_name_that_is_no_utf8_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    name = os.fsdecode(b"r\xf6ntgen.png")
    settings = Settings(path)
    settings["recent_files"] = [name]
    assert settings.save()
    assert Settings(path)["recent_files"] == [name]


def test_a_failed_save_leaves_nothing_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(tmp_path / "settings.json")
    settings["auto_analyse"] = False
    (tmp_path / "settings.json").mkdir()
    assert not settings.save()
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]
    assert "cannot be saved" in caplog.text


def test_wrong_use_is_an_error() -> None:
    settings = Settings()
    with pytest.raises(KeyError):
        settings["nonsense"]
    with pytest.raises(TypeError):
        settings["auto_analyse"] = 1


def test_a_list_given_out_is_a_copy() -> None:
    settings = Settings()
    settings["recent_files"].append("x")
    assert settings["recent_files"] == []


def test_a_disk_that_cannot_be_written_is_no_crash(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(tmp_path / "file" / "settings.json")
    assert not settings.save()
    assert "cannot be saved" in caplog.text


def test_every_setting_says_what_it_does() -> None:
    assert all(setting.text.endswith(".") for setting in SETTINGS)
    assert len({setting.key for setting in SETTINGS}) == len(SETTINGS)
