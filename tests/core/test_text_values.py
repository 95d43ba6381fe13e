"""Texts as values: the English sentence, and the template and arguments that a translation is made of."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import asdict, replace
from typing import Any

import pytest

from medview.core.failures import Code, Failure
from medview.core.texts import Text, counted, joined, packed, to_json, unpacked, verbatim

WHY = Text("its {part} is {share:.0%} too large", part="header", share=0.5)
NESTED = Text("{name} cannot be shown: {why}.", name="a{b}.dcm", why=WHY)


def test_a_text_is_its_english_sentence() -> None:
    assert NESTED == "a{b}.dcm cannot be shown: its header is 50% too large."
    assert isinstance(NESTED, str)
    assert f"{NESTED}" == str(NESTED)
    assert json.loads(to_json({"text": NESTED})) == {"text": "a{b}.dcm cannot be shown: its header is 50% too large."}


def test_it_keeps_what_a_translation_is_made_of() -> None:
    assert NESTED.template == "{name} cannot be shown: {why}."
    assert dict(NESTED.args) == {"name": "a{b}.dcm", "why": WHY}
    assert NESTED.args["why"].template == "its {part} is {share:.0%} too large"
    with pytest.raises(TypeError):
        NESTED.args["name"] = "b.dcm"  # type: ignore[index]


def test_a_text_without_arguments_is_taken_as_it_stands() -> None:
    table = Text("{measured:.0f} pixels")
    assert table == "{measured:.0f} pixels"
    assert table.filled(measured=3.2) == "3 pixels"
    assert table.filled(measured=3.2).template == "{measured:.0f} pixels"


@pytest.mark.parametrize(
    ("count", "said", "template", "number"),
    [
        (0, "0 of the 5 files are missing", "%n of the {all} files are missing", 0),
        (1, "1 of the 5 files is missing", "1 of the {all} files is missing", None),
        (3, "3 of the 5 files are missing", "%n of the {all} files are missing", 3),
    ],
)
def test_a_number_decides_the_form(count: int, said: str, template: str, number: int | None) -> None:
    text = counted("1 of the {all} files is missing", "%n of the {all} files are missing", count, all=5)
    assert (text, text.template, text.number) == (said, template, number)


def test_parts_in_a_row() -> None:
    row = joined(("CT", Text("{n} slices", n=3), "x{y}"), "; ")
    assert row == "CT; 3 slices; x{y}"
    assert [type(part) for part in row.args.values()] == [str, Text, str]
    assert joined(()) == ""


def test_data_is_no_text_of_ours() -> None:
    assert verbatim("Thorax {pa}") == "Thorax {pa}"
    assert verbatim("Thorax {pa}").args == {"data": "Thorax {pa}"}


@pytest.mark.parametrize("text", [NESTED, Text("plain"), counted("1 file", "%n files", 4), joined(("a", WHY))])
def test_copies_are_texts(text: Text) -> None:
    failure = Failure(Code.CORRUPT, text, Text("Copy it again."))
    for made in (
        copy.deepcopy(text),
        pickle.loads(pickle.dumps(text)),
        unpacked(json.loads(json.dumps(packed(text)))),
        replace(failure, detail="x").text,
        asdict(failure)["text"],
    ):
        assert made == text
        assert (made.template, dict(made.args), made.number) == (text.template, dict(text.args), text.number)


def test_a_plain_string_crosses_as_data() -> None:
    assert unpacked(packed("a {b}")) == "a {b}"
    assert unpacked("a {b}").template == "{data}"


@pytest.mark.parametrize(
    "row",
    [
        None,
        3,
        [],
        {},
        {"template": "x"},
        {"template": "x", "args": [], "number": None},
        {"template": 3, "args": {}, "number": None},
        {"template": "%n", "args": {}, "number": "3"},
        {"template": "{a}", "args": {"b": "c"}, "number": None},
        {"template": "{a", "args": {"a": "c"}, "number": None},
        {"template": "{a.__class__}", "args": {"a": "c"}, "number": None},
        {"template": "{a[0]}", "args": {"a": "c"}, "number": None},
        {"template": "{a:999999999}", "args": {"a": "c"}, "number": None},
        {"template": "{a:.0f}", "args": {"a": "c"}, "number": None},
        {"template": "{a}", "args": {"a": None}, "number": None},
    ],
)
def test_what_is_no_text_does_not_come_back_as_one(row: Any) -> None:
    with pytest.raises(ValueError, match=r"template|text|format"):
        unpacked(row)


def test_a_row_without_bottom_is_no_text() -> None:
    row: Any = "end"
    for _ in range(5000):
        row = {"template": "{a}", "args": {"a": row}, "number": None}
    with pytest.raises(ValueError, match="no text"):
        unpacked(row)
