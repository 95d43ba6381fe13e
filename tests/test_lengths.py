"""Files hold one idea and functions one step: their lengths are limited, and the exceptions have names and shrink."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES, FUNCTION_LINES = 400, 60
# What is longer, and how long it may be. Shorten one and lower its number; add none.
LONGER: dict[str, int] = {}


def sources(root: Path) -> Iterator[Path]:
    """Every Python file of the project."""
    for folder in ("medview", "training", "packaging", "tests", "docs"):
        yield from sorted(root.joinpath(folder).glob("**/*.py"))


def longer(root: Path) -> dict[str, int]:
    """Files (`path`) and functions (`path::name`, methods with their class) beyond the limits, with their lines."""
    found = {}
    for path in sources(root):
        text, name = path.read_text(encoding="utf-8"), path.relative_to(root).as_posix()
        if (lines := len(text.splitlines())) > FILE_LINES:
            found[name] = lines
        for function, where in functions(ast.parse(text)):
            lines = (function.end_lineno or 0) - function.lineno + 1
            if lines > FUNCTION_LINES:
                found[f"{name}::{where}"] = lines
    return found


def functions(tree: ast.AST, within: str = "") -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    """Every function below `tree` and its name; those inside a function are part of it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, within + node.name
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{within}{node.name}.")


def test_nothing_is_longer_than_one_idea() -> None:
    found = longer(ROOT)
    assert {name: lines for name, lines in found.items() if lines > LONGER.get(name, 0)} == {}
    assert {name: most for name, most in LONGER.items() if found.get(name) != most} == {}, (
        "shorter now: lower the number"
    )


def test_a_long_file_and_a_long_method_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "medview"
    folder.mkdir()
    body = "        x = 1\n" * FUNCTION_LINES
    (folder / "a.py").write_text("x = 1\n" * (FILE_LINES + 1), encoding="utf-8")
    (folder / "b.py").write_text(f"class A:\n    def b(self):\n{body}", encoding="utf-8")
    (folder / "c.py").write_text("x = 1\n" * FILE_LINES, encoding="utf-8")
    assert longer(tmp_path) == {"medview/a.py": FILE_LINES + 1, "medview/b.py::A.b": FUNCTION_LINES + 1}
