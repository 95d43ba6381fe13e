"""What imports what in this repository, read from its source: for the tests of the rings and the picture of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

# A part of medview may import parts with a smaller number, and itself. Equal numbers do not know each other.
RINGS = {
    "core": 0,
    "imaging": 1,
    "inference": 2,
    "report": 3,
    "exchange": 3,
    "store": 3,
    "learning": 3,
    "workspace": 4,
    "ui": 5,
    "cli": 6,
    "__main__": 7,
}


def sources(root: Path) -> dict[str, Path]:
    """The modules of medview and of training by their dotted names."""
    found = {}
    for path in sorted([*root.glob("medview/**/*.py"), *root.glob("training/**/*.py")]):
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


@cache
def _importing(source: str) -> tuple[tuple[ast.AST, bool], ...]:
    """The statements and calls of a module that may import, and whether only type checkers see them."""
    tree = ast.parse(source)
    hidden = {
        id(node)
        for choice in ast.walk(tree)
        if isinstance(choice, ast.If) and ast.unparse(choice.test).rpartition(".")[2] == "TYPE_CHECKING"
        for statement in choice.body
        for node in ast.walk(statement)
    }
    return tuple(
        (node, id(node) in hidden)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Call)
    )


def imported_names(path: Path, module: str, types: bool = True) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything a module imports, also inside functions; `from a import b` gives `a.b`, since
    b may be a module. `types`: also what only type checkers import."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node, hidden in _importing(path.read_text(encoding="utf-8")):
        if hidden and not types:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else [])]
            yield from ((node.lineno, ".".join([*base, alias.name])) for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__", "importorskip"):
                yield node.lineno, str(node.args[0].value)


def part_of(name: str) -> str:
    """The folder of medview that a dotted name belongs to: `medview.ui.canvas` -> `ui`; empty for medview itself."""
    return name.split(".")[1] if "." in name else ""


def graph(root: Path) -> dict[str, set[str]]:
    """For every module the modules of this repository that it imports when it runs."""
    files = sources(root)
    return {
        module: {found for _, name in imported_names(path, module, types=False) if (found := _module(name, files))}
        - {module}
        for module, path in files.items()
    }


def _module(name: str, files: dict[str, Path]) -> str:
    """The module that a dotted name is, or is from; empty when it is none of `files`."""
    while name and name not in files:
        name = name.rpartition(".")[0]
    return name


def circle(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import each other, the first of them again at the end; empty when there are none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
