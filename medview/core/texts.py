"""Text and numbers on their way out of the program."""

from __future__ import annotations

import json
import math
from typing import Any


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
