"""Files that come with the program are found in the source tree and in the frozen program, by one function."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from medview.core import resources
from medview.core.resources import FOLDERS, Resource
from medview.core.samples import samples

ROOT = Path(__file__).resolve().parents[2]
# Who may ask Python where a module lies: the finder, and the start, which runs before anything can be imported.
KNOW_THEIR_PLACE = {"medview/core/resources.py", "medview/__main__.py"}


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a frozen program as PyInstaller lays it out, with the folder `_internal` in it; both are empty."""
    program = tmp_path / "Programme é ж 你" / "medview"
    inside = program / "_internal"
    inside.mkdir(parents=True)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(inside), raising=False)
    monkeypatch.setattr(sys, "executable", str(program / "medview"))
    return program


@pytest.mark.parametrize("resource", sorted(FOLDERS.keys() - {"languages"}))
def test_the_source_tree_has_them(resource: Resource) -> None:
    assert resources.find(resource) == ROOT / FOLDERS[resource]
    assert resources.find(resource).is_dir()


@pytest.mark.parametrize("resource", sorted(FOLDERS))
def test_the_frozen_program_has_them_inside_or_beside(frozen: Path, resource: Resource) -> None:
    name = FOLDERS[resource]
    # The place is named although nothing is there: messages tell it.
    assert resources.find(resource) == frozen / "_internal" / name
    (frozen / name).mkdir(parents=True)
    assert resources.find(resource) == frozen / name
    (frozen / "_internal" / name).mkdir(parents=True)
    assert resources.find(resource) == frozen / "_internal" / name


def test_a_link_to_the_executable_is_followed(frozen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (frozen / "medview").write_bytes(b"")
    try:
        (tmp_path / "bin").symlink_to(frozen / "medview")
    except OSError:
        pytest.skip("no links here")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin"))
    (frozen / "models_onnx").mkdir()
    assert resources.find("models") == frozen / "models_onnx"


def test_the_environment_names_another_folder_of_models(
    frozen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDVIEW_MODELS", str(tmp_path / "mine"))
    assert resources.find("models") == tmp_path / "mine"
    assert resources.shipped("models") == frozen / "_internal" / "models_onnx"
    monkeypatch.setenv("MEDVIEW_MODELS", "")
    assert resources.find("models") == frozen / "_internal" / "models_onnx"


def test_samples_are_read_from_where_the_frozen_program_has_them(frozen: Path) -> None:
    assert samples() == []
    folder = frozen / "_internal" / "medview" / "samples"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"")
    keys = "".join(f'{key} = "x"\n' for key in ("title", "source", "licence", "kind", "citation"))
    (folder / "samples.toml").write_text(f'[[sample]]\nfile = "a.png"\n{keys}', encoding="utf-8")
    assert [sample.path for sample in samples()] == [folder / "a.png"]


def own_places(source: str) -> Iterator[str]:
    """What a module asks for to know where it lies or which models there are."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id == "__file__":
            yield node.id
        elif isinstance(node, ast.Constant) and node.value in ("_MEIPASS", "models_onnx", "MEDVIEW_MODELS"):
            yield str(node.value)


def test_nobody_else_looks_for_files_of_the_program() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): sorted(set(own_places(path.read_text(encoding="utf-8"))))
        for path in ROOT.glob("medview/**/*.py")
    }
    assert {path for path, places in found.items() if places} == KNOW_THEIR_PLACE
    assert list(own_places("Path(__file__)")) == ["__file__"]
    assert list(own_places('getattr(sys, "_MEIPASS")')) == ["_MEIPASS"]
