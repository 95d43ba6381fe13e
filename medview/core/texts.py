"""Text and numbers on their way out of the program."""

from __future__ import annotations

import json
import math
import unicodedata
from typing import Any

# Control characters, lone surrogates, separators of lines and paragraphs.
_BREAKING = frozenset(("Cc", "Cs", "Zl", "Zp"))
# Marks that turn the direction of what follows: with them a name can pretend to end in another suffix.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


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
