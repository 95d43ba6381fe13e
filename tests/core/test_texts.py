"""What leaves the program: JSON that every reader takes, text that moves no terminal."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from medview.core.texts import printable, to_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def strict(text: str) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@given(VALUES)
def test_json_is_valid_whatever_is_in_it(value: Any) -> None:
    read = strict(to_json(value))
    if "NaN" not in json.dumps(value) and "Infinity" not in json.dumps(value):
        assert read == value


def test_a_number_that_is_none_becomes_null() -> None:
    assert to_json({"a": [float("nan"), 1.5], "b": (float("inf"),)}) == '{"a": [null, 1.5], "b": [null]}'
    assert to_json({"ж": 1}, ascii_only=False) == '{"ж": 1}'


def test_nothing_that_moves_a_terminal_is_left() -> None:
    assert printable("a\x1b[31mb\n\u202e\udce9ж 你") == r"a\x1b[31mb\n\u202e\udce9ж 你"
