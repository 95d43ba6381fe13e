"""The rings of DESIGN.md: imports go downwards only. Every import statement counts, also inside functions."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

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
# Qt modules by part; a part that is not named has none.
QT = {
    "ui": None,  # all of it
    "workspace": {"QtCore"},
    "report": {"QtCore", "QtGui"},
}
ORT_PARTS = {"inference"}
TRAINING_ONLY = {"torch", "monai", "onnx", "sklearn", "pandas", "matplotlib", "scipy", "safetensors"}
HEAVY = ["numpy", "cv2", "PySide6", "onnxruntime", "pydicom", "imagecodecs"]


def imported_names(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything a module imports; `from a import b` gives `a.b`, since b may be a module."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
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


def complaint(importer: str, name: str) -> str:
    """Why `importer` (a dotted module) may not import `name`; empty when it may."""
    package, top = importer.split(".")[0], name.split(".")[0]
    if package == "training":
        return "training never imports the user interface" if name.startswith("medview.ui") else ""
    part = part_of(importer)
    if top == "medview":
        other = part_of(name)
        if part and other in RINGS and other != part and RINGS[other] >= RINGS[part]:
            return f"{part} may not import {other}: imports go downwards only"
        if not part and other in RINGS:
            return "medview/__init__.py imports nothing"
        return ""
    if top == "training":
        return "nothing in medview imports training"
    if part == "core" and top not in sys.stdlib_module_names:
        return "core imports no third party"
    if top in TRAINING_ONLY:
        return f"{top} is for training, never at run time"
    if top == "onnxruntime" and part not in ORT_PARTS:
        return f"{part} may not import onnxruntime"
    if top == "PySide6":
        if part not in QT:
            return f"no Qt in {part or 'medview/__init__.py'}"
        allowed = QT[part]
        if allowed is not None and (name.count(".") == 0 or name.split(".")[1] not in allowed):
            return f"{part} may use only {', '.join(sorted(allowed))} of Qt"
    return ""


def violations(root: Path) -> list[str]:
    """Every import below `root`/medview and `root`/training that breaks a rule, as `file:line: why`."""
    found = []
    for path in sorted([*root.glob("medview/**/*.py"), *root.glob("training/**/*.py")]):
        relative = path.relative_to(root)
        module = ".".join(relative.with_suffix("").parts)
        is_package = path.name == "__init__.py"
        if is_package:
            module = module.removesuffix(".__init__")
        if module.startswith("medview.") and part_of(module) not in RINGS:
            found.append(f"{relative}:1: {part_of(module)} is in no ring: add it to DESIGN's rings and to this test")
            continue
        for line, name in imported_names(path.read_text(encoding="utf-8"), module, is_package):
            if why := complaint(module, name):
                found.append(f"{relative}:{line}: imports {name}: {why}")
    return found


def test_imports_go_downwards_only() -> None:
    assert violations(ROOT) == []


def test_packaging_and_models_are_no_packages() -> None:
    """A package named `packaging` at the top would hide the library of that name."""
    assert not list(ROOT.glob("packaging/__init__.py")) + list(ROOT.glob("models_onnx/**/__init__.py"))


@pytest.mark.parametrize(
    ("file", "source", "why"),
    [
        ("medview/imaging/a.py", "from medview.inference import card", "downwards"),
        ("medview/imaging/a.py", "def f():\n    from medview.ui.canvas.canvas import Canvas", "downwards"),
        ("medview/imaging/a.py", "from ..workspace import Workspace", "downwards"),
        ("medview/imaging/a.py", "from medview import ui", "downwards"),
        ("medview/imaging/__init__.py", "from ..ui import canvas", "downwards"),
        ("medview/store/a.py", "import medview.report.export", "downwards"),
        ("medview/workspace/a.py", "from medview.ui import actions", "downwards"),
        ("medview/core/a.py", "import numpy as np", "no third party"),
        ("medview/core/a.py", "if True:\n    import yaml", "no third party"),
        ("medview/imaging/a.py", "import onnxruntime", "onnxruntime"),
        ("medview/inference/a.py", "from PySide6.QtCore import QObject", "no Qt"),
        ("medview/workspace/a.py", "from PySide6.QtGui import QImage", "only QtCore"),
        ("medview/report/a.py", "from PySide6 import QtWidgets", "only QtCore, QtGui"),
        ("medview/report/a.py", "import PySide6", "only QtCore, QtGui"),
        ("medview/inference/a.py", "def f():\n    import torch", "for training"),
        ("medview/ui/a.py", "import importlib\nimportlib.import_module('onnx.helper')", "for training"),
        ("medview/cli/a.py", "from training import fit", "imports training"),
        ("medview/__init__.py", "from .imaging import study", "imports nothing"),
        ("medview/novel.py", "", "in no ring"),
        ("training/a.py", "from medview.ui import canvas", "user interface"),
    ],
)
def test_the_checker_sees_a_violation(tmp_path: Path, file: str, source: str, why: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(source, encoding="utf-8")
    found = violations(tmp_path)
    assert len(found) == 1, found
    assert why in found[0]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("medview/core/a.py", "import json\nfrom medview.core import jobs\nfrom . import failures"),
        (
            "medview/imaging/a.py",
            "import numpy\nfrom medview.core import jobs\nfrom medview import __version__",
        ),
        ("medview/report/a.py", "from PySide6.QtGui import QPdfWriter\nfrom PySide6 import QtCore"),
        ("medview/workspace/a.py", "from PySide6.QtCore import QThreadPool"),
        ("medview/ui/a.py", "from PySide6 import QtWidgets\nfrom medview.workspace import Workspace"),
        ("medview/cli/a.py", "def f():\n    from medview.ui import app"),
        ("training/a.py", "import torch\nfrom medview.inference.preprocess import preprocess"),
    ],
)
def test_the_checker_allows_what_the_design_allows(tmp_path: Path, file: str, source: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(source, encoding="utf-8")
    assert violations(tmp_path) == []


@pytest.mark.parametrize("module", ["medview", "medview.cli.main"])
def test_importing_it_loads_no_heavy_library(module: str) -> None:
    """`medview --version` must answer at once."""
    code = f"import sys, {module}; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []
