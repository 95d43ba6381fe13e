"""The picture of the rings, made from the imports: `make rings`, or `python docs/rings.py`, writes docs/rings.md."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.imports import RINGS, graph, part_of  # noqa: E402

PAGE = ROOT / "docs/rings.md"
WIDTH = 108
# Modules that are named as the most imported ones: how many, and of how many importers at least.
MOST, IMPORTERS = 6, 3
INTRO = """# Rings

Which part of medview imports which, made from the imports by `make rings`; what each part is for stands in
[development.md](development.md#layout). `tests/test_rings.py` holds the rules: a part imports only parts below it, no
modules import each other in a circle, and this page is as it would be made now.

A row has an x below every part that it imports. It ends before its own column, since imports go downwards only.
"""
LEVELS = """
## Modules

A module stands above all those of its part that it imports: at the top is what other parts open, at the bottom what
needs nothing else of its part. A folder within a part stands before the name, as in `canvas.layers`.
"""


def parts(imports: dict[str, set[str]]) -> list[str]:
    """The parts of medview that there are, the lowest first."""
    found = {part_of(module) for module in imports if module.startswith("medview.")}
    return sorted(found - {"__main__"}, key=lambda part: (RINGS[part], part))


def table(imports: dict[str, set[str]]) -> str:
    """Parts that import (rows, the highest first) and that are imported (columns)."""
    names = parts(imports)
    pairs = {(part_of(module), part_of(name)) for module in imports if "medview" in module for name in imports[module]}
    lines = [" " * 11 + "  ".join(names)]
    for row in reversed(names):
        below = names[: names.index(row)]
        cells = "  ".join(("x" if (row, name) in pairs else ".").center(len(name)) for name in below)
        lines.append(f"{row:11}{cells}".rstrip())
    return "\n".join(lines)


def levels(inner: dict[str, set[str]]) -> list[list[str]]:
    """The modules of one part, the highest first; each stands one above the highest of those that it imports."""
    found: list[list[str]] = []
    left = dict(inner)
    while left:
        lowest = sorted(module for module, names in left.items() if not names & left.keys())
        found.insert(0, lowest)
        left = {module: names for module, names in left.items() if module not in lowest}
    return found


def drawn(imports: dict[str, set[str]], package: str) -> str:
    """One part: its modules by level, and those of them that most modules import."""
    folders = {module.rpartition(".")[0] for module in imports}
    modules = {m for m in imports if m.startswith(f"{package}.") and m not in folders}
    short = {module: module.removeprefix(f"{package}.") for module in modules}
    rows = []
    for level in levels({module: imports[module] & modules for module in modules}):
        rows += textwrap.wrap("  ".join(short[module] for module in level), WIDTH)
    # What a package hands on is imported from the module that has it.
    counts = Counter(
        name
        for found in imports.values()
        for imported in found
        for name in (imports[imported] if imported == package else {imported})
    )
    most = sorted((m for m in modules if counts[m] >= IMPORTERS), key=lambda module: (-counts[module], module))[:MOST]
    used = ", ".join(f"`{short[module]}`" for module in most)
    return "```\n" + "\n".join(rows) + "\n```\n" + (f"\nMost imported: {used}.\n" if most else "")


def page() -> str:
    """The text of docs/rings.md."""
    imports = graph(ROOT)
    training = {part_of(name) for module, found in imports.items() if module.startswith("training") for name in found
                if name.startswith("medview.")}  # fmt: skip
    pieces = [INTRO, f"```\n{table(imports)}\n```"]
    pieces.append(f"\nBeside them stands `training`, which imports {', '.join(sorted(training))}; nothing imports it.")
    pieces.append(LEVELS)
    pieces += [f"### {part}\n\n{drawn(imports, f'medview.{part}')}" for part in reversed(parts(imports))]
    return "\n".join(pieces)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
