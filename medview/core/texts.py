"""Texts as values, and text and numbers on their way out of the program."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

# Control characters, lone surrogates, separators of lines and paragraphs.
_BREAKING = frozenset(("Cc", "Cs", "Zl", "Zp"))
# Marks that turn the direction of what follows: with them a name can pretend to end in another suffix.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# What a template may hold beside its words: named places with a short format, no attribute and no width.
_TEMPLATE = re.compile(r"(?:[^{}]|\{\w+(?:!r)?(?::,?(?:\.\d)?[a-z%]?)?\})*")


class Text(str):
    """What a person reads: the English wording, which it is, and what its translation is made of.

    `Text("{name} is empty.", name=path.name)` is the string of this sentence for the command line, JSON, a log and a
    test. The window takes `template` and `args` apart again (`medview.ui.words.shown`). The template is always a
    literal, so that `make translations` finds it; places have names, and formats as `str.format` has them.

    Attributes:
        template: as a translator sees it.
        args: what stands at its places; a Text among them is translated by itself, any other string is data.
        number: the number that decides the form where the template has `%n`; see `counted`.
    """

    template: str
    args: Mapping[str, Any]
    number: int | None

    def __new__(cls, template: str, /, **args: Any) -> Text:
        return _made(template, args)

    def filled(self, **args: Any) -> Text:
        """This text with its places filled, where it was made without: for a table of texts."""
        return _made(self.template, args)

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (self.template, dict(self.args), self.number)


def _made(template: str, args: Mapping[str, Any], number: int | None = None) -> Text:
    text = str.__new__(Text, fill(template, args, number))
    text.template, text.args, text.number = template, MappingProxyType(args), number
    return text


def fill(template: str, args: Mapping[str, Any], number: int | None = None) -> str:
    """A template with its places filled. Raises KeyError, ValueError or IndexError where it has others than `args`."""
    if number is not None:
        template = template.replace("%n", str(number))
    return template.format(**args) if args else template


def counted(one: str, many: str, count: int, /, **args: Any) -> Text:
    """`one` for a single thing, else `many` with its number at `%n`: two literals, since English is not translated."""
    return _made(one, args) if count == 1 else _made(many, args, count)


def verbatim(data: str) -> Text:
    """Data where a Text is asked for, such as a title that a file gives: no translator sees it."""
    return _made("{data}", {"data": data})


def joined(parts: Iterable[str], between: str = ", ") -> Text:
    """Texts and data in a row, each translated by itself."""
    args = {f"part{number}": part for number, part in enumerate(parts)}
    return _made(between.join(f"{{{name}}}" for name in args), args)


def packed(text: str) -> Any:
    """A text as JSON carries it to another process, where `unpacked` makes it again."""
    if not isinstance(text, Text):
        return text
    args = {name: value if isinstance(value, int | float) else packed(value) for name, value in text.args.items()}
    return {"template": text.template, "args": args, "number": text.number}


def unpacked(row: Any) -> Text:
    """The text that `packed` packed. Raises ValueError for anything else: the other process may have been a model's."""
    if isinstance(row, str):
        return verbatim(row)
    try:
        template, args, number = row["template"], row["args"], row["number"]
        values = {name: value if isinstance(value, int | float) else unpacked(value) for name, value in args.items()}
        if not _TEMPLATE.fullmatch(template) or not isinstance(number, int | None):
            raise ValueError("no template")
        return _made(template, values, number)
    except (AttributeError, LookupError, TypeError, RecursionError) as error:
        raise ValueError("no text") from error


def one_line(name: str) -> str:
    """A file name as it can stand in a line: what would break the line, or cannot be shown, as an escape."""
    return "".join(
        c.encode("unicode_escape").decode() if c in _TURNING or unicodedata.category(c) in _BREAKING else c
        for c in name
    )


def person(name: str) -> str:
    """A DICOM person name as people write it: `Yamada^Tarou=山田^太郎` is `Yamada, Tarou (山田 太郎)`."""
    forms = [[one_line(part.strip()) for part in form.split("^") if part.strip()] for form in name.split("=")]
    first, *others = [parts for parts in forms if parts] or [[]]
    return ", ".join(first) + (f" ({', '.join(' '.join(parts) for parts in others)})" if others else "")


def printable(text: str) -> str:
    """`text` with everything escaped that would move a terminal's cursor, colour it, or cannot be shown at all."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def to_json(value: Any, indent: int | None = None, ascii_only: bool = True) -> str:
    """`value` as JSON that every reader takes: a number that is none (NaN, infinity) becomes null."""
    try:
        return json.dumps(value, indent=indent, ensure_ascii=ascii_only, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), indent=indent, ensure_ascii=ascii_only, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
