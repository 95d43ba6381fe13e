"""Settings: declared, typed, and never in the way of the start."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_test
from hypothesis import strategies as st

from medview.core.settings import SETTINGS, Group, Setting, Settings, add_recent

# Any value that JSON can hold, also what no setting takes.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


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


@pytest.mark.parametrize("there_is_one", [False, True])
def test_a_folder_in_the_place_of_the_file_blocks_nothing(
    tmp_path: Path, there_is_one: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "settings.json"
    path.mkdir()
    if there_is_one:
        (tmp_path / "settings.json.broken").write_bytes(b"{")
    settings = Settings(path)
    settings["auto_analyse"] = False
    assert settings.save() is not there_is_one
    assert settings["auto_analyse"] is False
    assert "defaults" in caplog.text
    assert ("stays" in caplog.text) == there_is_one


def test_a_mark_that_an_editor_put_in_front_breaks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(b'\xef\xbb\xbf{"auto_analyse": false}')
    assert Settings(path)["auto_analyse"] is False


def test_unknown_keys_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    unknown = {"of_a_newer_one": {"keys": [["F5", 1.5, None]]}, "\ud800 é": 10**300}
    path.write_text(json.dumps({**unknown, "auto_analyse": False}), encoding="ascii")
    settings = Settings(path)
    settings["auto_analyse"] = True
    settings["device"] = "cpu"
    assert settings.save()
    assert json.loads(path.read_text(encoding="ascii")) == {**unknown, "device": "cpu"}


@pytest.mark.parametrize("deep", ["[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900, "[" * 9 + "]" * 9])
def test_an_unknown_key_that_cannot_be_written_back_is_dropped(
    tmp_path: Path, deep: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(f'{{"deep": {deep}, "flat": {"[" * 8 + "]" * 8}}}', encoding="ascii")
    settings = Settings(path)
    assert caplog.text.count("dropped") == 1
    assert settings.save()
    assert list(json.loads(path.read_text(encoding="ascii"))) == ["flat"]


def test_wrong_types_are_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "settings.json"
    values = {"device": 1, "auto_analyse": "no", "heatmap_opacity": True, "recent_files": [1], "mask_opacity": 1}
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


@pytest.mark.parametrize(("value", "kept"), [("cuda", True), ("", False), ("CPU", False), ("tpu", False)])
def test_only_what_is_offered_is_taken(
    tmp_path: Path, value: str, kept: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"device": value}), encoding="ascii")
    assert Settings(path)["device"] == (value if kept else "auto")
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
    with pytest.raises(ValueError, match="not offered"):
        settings["device"] = "tpu"
    with pytest.raises(ValueError, match="not offered"):
        settings["mask_opacity"] = 1.01


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
    labels = [setting.label for setting in SETTINGS]
    assert all(labels)
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_default_fits_its_own_declaration(setting: Setting) -> None:
    settings = Settings()
    settings[setting.key] = setting.default
    assert settings[setting.key] == setting.default
    assert (setting.bounds is not None) == (setting.type in (int, float))
    assert all(type(value) is setting.type and name for value, name in setting.choices)
    assert setting.group in get_args(Group)


@pytest.mark.expected_logs
@settings_of_test(max_examples=50)
@given(st.dictionaries(st.sampled_from([s.key for s in SETTINGS] + ["x"]), ANYTHING))
def test_no_file_stops_the_start_or_the_next_save(content: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.json"
        path.write_text(json.dumps(content), encoding="ascii")
        settings = Settings(path)
        before = {setting.key: settings[setting.key] for setting in SETTINGS}
        assert settings.save()
        again = Settings(path)
        assert {setting.key: again[setting.key] for setting in SETTINGS} == before


def test_recent_files_are_unique_newest_first_and_few() -> None:
    recent: list[str] = []
    for name in ("a", "b", "a", *map(str, range(20))):
        recent = add_recent(recent, Path(name))
    assert recent[0] == "19"
    assert len(recent) == len(set(recent)) == 12
    assert add_recent(["a", "b"], Path("b")) == ["b", "a"]
