"""Names of result files: safe on every file system, taken once, and the list that grows with every answer."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.core.failures import Code, Failure
from medview.report.folder import STEM_BYTES, ResultFolder, json_bytes, safe_stem, same_name

LONGEST_NAME = 255


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.png", "a"),
        ("é ж 你.dcm", "é ж 你"),
        ("x" * 240 + ".dcm", "x" * 100),
        ("你" * 80 + ".png", "你" * 33),
        ("x" + "你" * 80 + ".png", "x" + "你" * 33),
        ("a:b*c?.png", "a_b_c_"),
        ("a\nb\x1b.png", "a_b_"),
        (os.fsdecode(b"caf\xe9.png"), "caf_"),
        ("..png", "picture"),
        (" .png", "picture"),
        (".hidden.png", "hidden"),
        ("end. .png", "end"),
    ],
)
def test_a_stem_is_a_name_on_every_file_system(name: str, stem: str) -> None:
    assert safe_stem(name) == stem


@given(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=250))
def test_any_name_gives_a_stem_that_fits(name: str) -> None:
    stem = safe_stem(name)
    assert 0 < len(stem.encode()) <= STEM_BYTES
    assert stem.isprintable()
    assert not set(stem) & set('<>:"/\\|?*')
    longest = f"{stem}-frame99999-999__{'m' * 64}__{'l' * 64}.png"
    assert len(longest.encode()) <= LONGEST_NAME


def opened(path: Path) -> ResultFolder:
    folder = ResultFolder(path)
    assert folder.open() is None
    return folder


def test_stems_of_a_run_and_of_what_is_there_are_different(tmp_path: Path) -> None:
    (tmp_path / "A__toy__b__c.png").write_bytes(b"")
    (tmp_path / "readme.txt").write_bytes(b"")
    folder = opened(tmp_path)
    assert [folder.stem(Path("a.png"), 0, False) for _ in range(2)] == ["a-2", "a-3"]
    assert folder.stem(Path("a__toy.png"), 0, False) == "a__toy-2"
    assert folder.stem(Path("readme.png"), 0, False) == "readme"
    assert folder.stem(Path("a.png"), 7, True) == "a-frame7"


def test_every_run_has_a_list_of_its_own(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    assert first.start_list() is None
    assert second.start_list() is None
    assert (first.list_name, second.list_name) == ("results.json", "results-2.json")
    (tmp_path / "results-3.json").write_text("[]")  # of a version that wrote no lines
    third = opened(tmp_path)
    assert third.start_list() is None
    assert third.list_name == "results-4.json"
    for folder in (first, second, third):
        assert folder.end_list([]) is None


def test_a_line_is_in_the_file_as_soon_as_it_is_added(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    assert folder.start_list() is None
    for number in range(3):
        assert folder.add_line({"file": "é", "number": number}) is None
        lines = (tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["number"] for line in lines] == list(range(number + 1))
    assert folder.end_list([{"file": "é"}]) is None
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8")) == [{"file": "é"}]
    assert folder.add_line({}) is None
    assert os.name == "nt" or (tmp_path / "results.jsonl").stat().st_mode & 0o77 == 0


def test_lines_that_cannot_be_written_are_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = opened(tmp_path)
    assert folder.start_list() is None

    def full(*_: object) -> int:
        return 1

    monkeypatch.setattr("medview.report.folder.os.write", full)
    failure = folder.add_line({"file": "a"})
    assert isinstance(failure, Failure)
    assert failure.code is Code.WRITE_ERROR
    assert failure.text == "results.jsonl could not be written: No space left on device."
    assert folder.add_line({"file": "b"}) is None


def test_a_list_that_came_meanwhile_is_left_alone(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    assert folder.start_list() is None
    (tmp_path / "results.json").write_text("theirs")
    assert folder.end_list([{}]) is None
    assert folder.list_name == "results-2.json"
    assert (tmp_path / "results.json").read_text() == "theirs"
    assert json.loads((tmp_path / "results-2.json").read_text(encoding="utf-8")) == [{}]


def test_what_is_no_number_or_no_utf8_is_json_all_the_same() -> None:
    assert json.loads(json_bytes([float("nan"), os.fsdecode(b"caf\xe9")])) == [None, os.fsdecode(b"caf\xe9")]


def test_a_list_that_cannot_be_written_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    folder = opened(tmp_path)
    monkeypatch.setattr("medview.report.folder.write_atomic", full)
    failure = folder.end_list([])
    assert isinstance(failure, Failure)
    assert failure.text == "results.json could not be written: No space left on device."


@pytest.mark.parametrize("name", ["é", "ǖ ẍ", "Å", "한국", "ж 你", "ﬁ ß"])
def test_a_name_is_the_same_however_its_accents_are_coded(name: str) -> None:
    assert len({same_name(unicodedata.normalize(form, name)) for form in ("NFC", "NFD")} | {same_name(name)}) == 1


def test_a_name_is_the_same_in_capitals() -> None:
    assert same_name("É.png") == same_name("e\u0301.PNG") != same_name("e.png")
