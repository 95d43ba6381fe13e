"""One table of a card, read field by field: every value has a type and a range, and what nobody reads is a mistake.

All functions raise ValueError with the name of the field, and never show a value of it: it may be of any length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

LONGEST_TEXT = 2_000
# Ids become parts of file names, on Windows too, where `A` and `a` are one name.
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# Tables in tables: enough for any figure, and no recursion over them can end the program.
DEEPEST = 12


def depth_is_sound(value: Any) -> bool:
    """Whether no table or list lies deeper than `DEEPEST`; needs no recursion itself."""
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level if isinstance(outer, dict | list) for inner in _inside(outer)]
        if not level:
            return True
    return not any(isinstance(inner, dict | list) for inner in level)


def _inside(value: dict[str, Any] | list[Any]) -> Iterator[Any]:
    yield from (value.values() if isinstance(value, dict) else value)


class Fields:
    """A table of a card. Each method takes one field away; `end` is called when all are read."""

    def __init__(self, raw: Any, where: str = "") -> None:
        if not isinstance(raw, dict):
            raise ValueError(f"{where or 'the card'} is no table")
        self._raw: dict[str, Any] = dict(raw)
        self._where = where

    def __contains__(self, key: str) -> bool:
        """Whether the field is there."""
        return key in self._raw

    def wrong(self, key: str, what: str) -> ValueError:
        """The error of a field."""
        return ValueError(f"{self._where}{'.' if self._where else ''}{key}: {what}")

    def take(self, key: str, default: Any = None) -> Any:
        """The value as it stands; `default` where the field is not there, and without one an error."""
        if key not in self._raw and default is None:
            raise self.wrong(key, "is missing")
        return self._raw.pop(key, default)

    def text(self, key: str, default: str | None = None, longest: int = 200) -> str:
        """A text that can be shown: no line breaks, no control or direction characters."""
        value = self.take(key, default)
        if not isinstance(value, str) or len(value) > longest or not value.isprintable():
            raise self.wrong(key, f"is no text of at most {longest} characters that can be shown")
        if not value.strip() and default is None:
            raise self.wrong(key, "is empty")
        return value

    def id(self, key: str) -> str:
        """A name of small letters, digits, `-` and `_`."""
        value = self.text(key, longest=64)
        if not ID.fullmatch(value):
            raise self.wrong(key, "is not made of a-z, 0-9, - and _")
        return value

    def choice(self, key: str, known: tuple[str, ...], default: str | None = None) -> str:
        """One of the words that are known."""
        value = self.text(key, default)
        if value not in known:
            raise self.wrong(key, f"is not one of {', '.join(known)}")
        return value

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        """A number from `low` to `high`, both included; neither NaN nor a truth value."""
        return self._number(key, self.take(key, default), low, high)

    def _number(self, key: str, value: Any, low: float, high: float) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(key, f"is no number from {low:g} to {high:g}")
        return float(value)

    def share(self, key: str) -> float:
        """A number above 0 and below 1."""
        value = self.number(key, 0, 1)
        if not 0 < value < 1:
            raise self.wrong(key, "is not above 0 and below 1")
        return value

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from `low` to `high`, both included."""
        value = self.take(key, default)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(key, f"is no whole number from {low} to {high}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.take(key, default)
        if type(value) is not bool:
            raise self.wrong(key, "is neither true nor false")
        return value

    def table(self, key: str) -> Fields:
        """A table; an empty one where the field is not there."""
        return Fields(self.take(key, {}), f"{self._where}{'.' if self._where else ''}{key}")

    def tables(self, key: str, most: int) -> list[Fields]:
        """A list of tables, empty where the field is not there."""
        value = self.take(key, [])
        if not isinstance(value, list) or len(value) > most:
            raise self.wrong(key, f"is no list of at most {most} tables")
        return [Fields(item, f"{key}[{number}]") for number, item in enumerate(value)]

    def list_of_texts(self, key: str, most: int = 100) -> tuple[str, ...]:
        """A list of texts that can be shown, empty where the field is not there."""
        value = self.take(key, [])
        if not isinstance(value, list) or len(value) > most:
            raise self.wrong(key, f"is no list of at most {most} texts")
        inner = Fields({str(number): item for number, item in enumerate(value)}, key)
        return tuple(inner.texts(LONGEST_TEXT).values())

    def numbers(self, low: float, high: float) -> dict[str, float]:
        """The rest of the table, all numbers."""
        return {key: self._number(key, self._raw.pop(key), low, high) for key in list(self._raw)}

    def texts(self, longest: int = 200) -> dict[str, str]:
        """The rest of the table, all texts."""
        return {key: self.text(key, longest=longest) for key in list(self._raw)}

    def names(self) -> list[str]:
        """The fields that were not read yet."""
        return list(self._raw)

    def end(self) -> None:
        """Raise for a field that nobody reads: a misspelt one would silently not count."""
        if self._raw:
            raise self.wrong(next(iter(self._raw)), "is no field of a card")
