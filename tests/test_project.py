"""The repository itself: no machine in it, no file too long, nothing pinned that its licence forbids to ship."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from medview.cli.main import main
from medview.inference.analysis import Analysis
from medview.inference.card_reading import parse_card

ROOT = Path(__file__).resolve().parent.parent
# Written in pieces, so that this file does not find itself.
MACHINE_PATHS = re.compile("|".join("/" + name for name in ("work/", "farm/", "root/", "home/[a-z]+/", "tmp/[a-z]+/")))
ADDRESS = re.compile(r"\w+://|--(extra-)?index-url|--find-links|\bfile:")
BINARY = {".onnx", ".npz", ".png", ".jpg", ".jpeg", ".dcm", ".tif", ".tiff", ".bmp", ".otf", ".ico", ".gz", ".pdf"}


def tracked() -> list[Path]:
    """Files that are in git or would be added by `git add .`."""
    if not (shutil.which("git") and (ROOT / ".git").exists()):
        pytest.skip("needs git and a clone")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    # safe.directory: in a container the clone may belong to somebody else
    listing = subprocess.run(
        [command[0], "-c", f"safe.directory={ROOT}", *command[1:]], cwd=ROOT, capture_output=True, check=True
    ).stdout
    return [path for name in listing.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_no_machine_path_in_tracked_files() -> None:
    found = []
    for path in tracked():
        if path.suffix.lower() in BINARY:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if MACHINE_PATHS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_tracked_files_stay_small() -> None:
    """60 MiB together; a model belongs into models_onnx, a data set nowhere."""
    assert sum(path.stat().st_size for path in tracked()) <= 60 * 2**20


def test_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


# ---- requirements/*.txt ----


def pins(name: str) -> dict[str, str]:
    """Pinned version by canonical name, of the lines that count on this machine."""
    result = {}
    for line in (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith((" ", "#")) or not line.strip():
            continue
        requirement = Requirement(line.rstrip("\\ "))
        if requirement.marker is None or requirement.marker.evaluate():
            (specifier,) = requirement.specifier
            assert specifier.operator == "==", line
            result[canonicalize_name(requirement.name)] = specifier.version
    return result


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements/*.txt")), ids=lambda path: path.name)
def test_pins_are_hashed_and_name_no_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not ADDRESS.search(text)
    for block in re.split(r"\n(?=[A-Za-z])", text.strip()):
        assert "--hash=sha256:" in block, block


def test_pinned_files_agree_with_each_other() -> None:
    """One version of a library, whatever is installed together."""
    seen: dict[str, str] = {}
    for name in ("build", "cpu", "gpu", "dev", "train"):
        for library, version in pins(name).items():
            assert seen.setdefault(library, version) == version, f"{library} in {name}.txt"


def test_the_two_builds_of_onnxruntime_stay_apart() -> None:
    assert "onnxruntime-gpu" not in pins("cpu")
    assert "onnxruntime" not in pins("gpu")
    for name in ("dev", "train"):
        assert not {"onnxruntime", "onnxruntime-gpu"} & set(pins(name))


def test_torch_and_cuda_are_not_pinned_for_training() -> None:
    """Which build of PyTorch fits is the machine's affair; see docs/adr/0002."""
    assert not [name for name in pins("train") if name in ("torch", "triton") or name.startswith("nvidia-")]


def runtime_pins() -> dict[str, str]:
    """The pinned closure of what is installed here: the CPU build, or the GPU build where that is."""
    for variant, distribution in (("gpu", "onnxruntime-gpu"), ("cpu", "onnxruntime")):
        try:
            importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
        return pins(variant)
    pytest.fail("no build of ONNX Runtime is installed")


def test_what_is_installed_is_what_is_pinned() -> None:
    wanted = runtime_pins() | pins("dev")
    assert {name: importlib.metadata.version(name) for name in wanted} == wanted


def licences(distribution: importlib.metadata.Distribution) -> Iterator[str]:
    """Every statement a distribution makes about its licence. A licence's full text is cut to its title."""
    metadata = distribution.metadata
    yield from metadata.get_all("License-Expression", [])
    yield from (text[:120] for text in metadata.get_all("License", []))
    yield from (text for text in metadata.get_all("Classifier", []) if text.startswith("License ::"))


def only_gpl(statements: list[str]) -> bool:
    """True when every statement that names a GNU licence leaves nothing but GPL or AGPL.

    PySide6 offers `LGPL-3.0-only OR GPL-...`: the LGPL is taken, so that one is fine.
    """
    gnu = [text for text in statements if re.search(r"\bA?GPL|GNU (Affero )?General", text)]
    return bool(gnu) and not any(re.search(r"LGPL|Lesser", text) for text in statements)


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        (["GPL-3.0-or-later"], True),
        (["MIT", "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"], True),
        (["AGPL-3.0-only"], True),
        (["LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only"], False),
        (["License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"], False),
        (["BSD-3-Clause"], False),
    ],
)
def test_the_licence_check_tells_gpl_from_lgpl(statements: list[str], verdict: bool) -> None:
    assert only_gpl(statements) is verdict


def test_nothing_under_the_gpl_is_shipped() -> None:
    forbidden, silent = [], []
    for name in runtime_pins():
        statements = list(licences(importlib.metadata.distribution(name)))
        if only_gpl(statements):
            forbidden.append((name, statements))
        elif not statements:
            silent.append(name)
    assert forbidden == []
    assert silent == []


def test_python_version_of_pyproject_is_the_one_the_set_up_asks_for() -> None:
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert "sys.version_info < (3, 11)" in (ROOT / "packaging/bootstrap.py").read_text(encoding="utf-8")
    assert sys.version_info >= (3, 11)


@pytest.mark.parametrize("command", ["analyze", "inspect", "models", "demo", "bench"])
def test_the_page_of_the_command_line_names_every_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert options
    assert [option for option in sorted(options) if option not in (ROOT / "docs/cli.md").read_text("utf-8")] == []


def test_what_medview_imports_is_declared() -> None:
    """Nothing is there by chance, because some other library needed it."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*table["dependencies"], *table["optional-dependencies"]["cpu"], *table["optional-dependencies"]["gpu"]]
    declared = {canonicalize_name(Requirement(line).name) for line in listed}
    sources = [path.read_text(encoding="utf-8") for path in ROOT.glob("medview/**/*.py")]
    imported = set(re.findall(r"^ *(?:import|from) (\w+)", "\n".join(sources), re.MULTILINE))
    by_import = importlib.metadata.packages_distributions()
    foreign = {name for name in imported & set(by_import) if name not in ("medview", "training")}
    assert {"numpy", "PySide6"} <= foreign
    used = {name: {canonicalize_name(d) for d in by_import[name]} for name in foreign}
    assert {name: owners for name, owners in used.items() if not owners & declared} == {}


def test_the_page_of_the_command_line_names_every_field_of_the_json() -> None:
    code = re.findall(r"`([a-z0-9_]+)`", (ROOT / "docs/cli.md").read_text("utf-8"))
    assert [name for name in Analysis("a.png", 0, "ok").to_dict() if name not in code] == []


# ---- what a newcomer reads ----

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTEXT.md", ROOT / "training/README.md"]
PAGES += sorted(ROOT.glob("docs/**/*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    """A page without its code, where brackets are no links."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(page: Path) -> set[str]:
    """The names by which the headings of a page are linked, as GitHub makes them."""
    heads = re.findall(r"^#+ +(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def broken_links(page: Path) -> list[str]:
    """The relative links of a page that lead nowhere."""
    found = []
    for link in LINK.findall(prose(page)):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        there = target.exists() and (not anchor or anchor in anchors(target))
        if not there and not re.match(r"\w+:", link):
            found.append(link)
    return found


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_resolves(page: Path) -> None:
    assert broken_links(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("## A model of your own\n")
    page = tmp_path / "a.md"
    page.write_text(
        "# A\n[b](b.md#a-model-of-your-own) [a](#a) [far](https://b.example/c) `[code](not.md)`\n"
        "[gone](gone.md) ![gone](gone.png) [no head](b.md#none) [none](#none)\n"
    )
    assert broken_links(page) == ["gone.md", "gone.png", "b.md#none", "#none"]


def test_every_page_is_linked_from_the_readme_or_a_page_it_links() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        targets = {(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(prose(page))}
        waiting += [target for target in targets if target.suffix == ".md" and target.is_file() and target not in seen]
    assert set(ROOT.glob("docs/*.md")) <= seen


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split())
    told = " ".join(re.findall(r"@echo '(.*)'", text))
    assert {"run", "reports", "screenshot"} <= targets
    assert [name for name in sorted(targets - {"help"}) if not re.search(rf"\b{name}\b", told)] == []


def test_the_picture_of_the_window_is_small() -> None:
    """`make screenshot` makes it."""
    assert LINK.findall(prose(ROOT / "README.md"))[0] == "docs/window.webp"
    assert (ROOT / "docs/window.webp").stat().st_size <= 250_000


def test_the_figures_of_the_readme_are_those_of_the_models() -> None:
    """docs/models.md has them from the evaluations, which tests/training/test_table.py checks."""
    line = re.compile(r"^\|.*`([a-z-]+)`.*$", re.MULTILINE)
    figure = re.compile(r"\d\.\d{3} \(\d\.\d{3} to \d\.\d{3}\)")
    measured: dict[str, str] = {}
    for row in line.finditer((ROOT / "docs/models.md").read_text(encoding="utf-8")):
        measured[row[1]] = measured.get(row[1], "") + row[0]
    rows = line.finditer((ROOT / "README.md").read_text(encoding="utf-8"))
    told = [(row[1], text) for row in rows for text in figure.findall(row[0])]
    assert len(told) >= 8
    assert [(model, text) for model, text in told if text not in measured[model]] == []


def test_the_card_of_the_page_of_models_is_one() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", (ROOT / "docs/models.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    card = parse_card(tomllib.loads(text))
    assert card.shown == card.labels
    assert card.operating_points["effusion"].threshold == 0.3
