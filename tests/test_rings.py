"""The rings of DESIGN.md: imports go downwards only. Every import statement counts, also inside functions."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.imports import RINGS, circle, graph, imported_names, part_of, sources

ROOT = Path(__file__).resolve().parent.parent

# Qt modules by part; a part that is not named has none.
QT = {
    "ui": None,  # all of it
    "workspace": {"QtCore"},
    "report": {"QtCore", "QtGui"},
}
ORT_PARTS = {"inference"}
TRAINING_ONLY = {"torch", "monai", "onnx", "sklearn", "pandas", "matplotlib", "scipy", "safetensors"}
HEAVY = ["numpy", "cv2", "PySide6", "onnxruntime", "pydicom", "imagecodecs"]


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
    for module, path in sources(root).items():
        relative = path.relative_to(root)
        if module.startswith("medview.") and part_of(module) not in RINGS:
            found.append(f"{relative}:1: {part_of(module)} is in no ring: add it to tests/imports.py")
            continue
        for line, name in imported_names(path, module):
            if why := complaint(module, name):
                found.append(f"{relative}:{line}: imports {name}: {why}")
    return found


def test_imports_go_downwards_only() -> None:
    assert violations(ROOT) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(graph(ROOT)) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("from medview.core import b", "import medview.core.a"),
        ("from . import b", "from .a import thing"),
        ("def f():\n    from medview.core.b import thing", "from medview.core.a import thing"),
        ("import importlib\nimportlib.import_module('medview.core.b')", "from medview.core import a"),
    ],
)
def test_a_circle_is_seen(tmp_path: Path, first: str, second: str) -> None:
    folder = tmp_path / "medview/core"
    folder.mkdir(parents=True)
    for name, source in (("a", first), ("b", second), ("c", "from medview.core import a, b"), ("__init__", "")):
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    found = circle(graph(tmp_path))
    assert set(found) == {"medview.core.a", "medview.core.b"}
    assert found[0] == found[-1]
    # What is imported for its types alone is not there when the program runs.
    (folder / "b.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from medview.core import a\n", encoding="utf-8"
    )
    assert circle(graph(tmp_path)) == []


def test_the_picture_of_the_rings_is_the_one_that_would_be_made_now() -> None:
    spec = importlib.util.spec_from_file_location("docs_rings", ROOT / "docs/rings.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (ROOT / "docs/rings.md").read_text(encoding="utf-8") == script.page(), "`make rings` makes it anew"


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
        ("medview/store/a.py", "import medview.report.saver", "downwards"),
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
