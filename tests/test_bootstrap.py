"""The set-up script: what it decides and what it tells people. Nothing is installed here."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="system packages are a matter of Linux")


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with a made-up `.venv` whose Python exists, and no way to start anything."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "packaging/bootstrap.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, path in {"VENV": "", "STAMP": "stamp.json", "PYTHON": "python", "MEDVIEW": "medview"}.items():
        monkeypatch.setattr(module, name, tmp_path / path)
    (tmp_path / "python").touch()

    def forbidden(*args: object, **more: object) -> None:
        raise AssertionError(f"started {args[0]!r}")

    monkeypatch.setattr(module.subprocess, "run", forbidden)
    monkeypatch.setattr(module, "make_venv", lambda: None)
    monkeypatch.setattr(module, "missing_packages", list)
    return module


@pytest.fixture
def pip_calls(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What pip would have been asked for; nothing counts as installed."""
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(bootstrap, "pip", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(bootstrap, "installed", lambda name: "")
    return calls


def test_the_second_set_up_starts_nothing(bootstrap: ModuleType, pip_calls: list[tuple[str, ...]]) -> None:
    bootstrap.setup("cpu", dev=True)
    assert [call[-1] for call in pip_calls] == ["requirements/cpu.txt", ".", "requirements/dev.txt"]
    pip_calls.clear()
    bootstrap.setup("cpu", dev=True)
    bootstrap.setup("cpu")
    assert pip_calls == []


def test_pins_are_installed_with_hashes_and_without_resolving(
    bootstrap: ModuleType, pip_calls: list[tuple[str, ...]]
) -> None:
    bootstrap.setup("gpu", dev=True, train=True)
    from_files = [call for call in pip_calls if "-r" in call]
    assert len(from_files) == 3
    assert all({"--require-hashes", "--no-deps", ":all:"} <= set(call) for call in from_files)


def test_the_reports_need_no_torch(bootstrap: ModuleType, pip_calls: list[tuple[str, ...]]) -> None:
    bootstrap.setup("cpu")
    bootstrap.setup("cpu", reports=True)
    assert [call[-1] for call in pip_calls] == ["requirements/cpu.txt", ".", "requirements/train.txt"]
    bootstrap.setup("cpu", train=True)
    assert [call[-1] for call in pip_calls[3:]] == ["torch==2.13.0"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"base": "of other pins"}'])
def test_an_old_or_damaged_stamp_installs_again(
    bootstrap: ModuleType, pip_calls: list[tuple[str, ...]], text: str
) -> None:
    bootstrap.STAMP.write_text(text)
    bootstrap.setup("cpu")
    assert len(pip_calls) == 2


def test_a_set_up_that_was_cut_off_is_not_taken_for_done(
    bootstrap: ModuleType, pip_calls: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap.setup("gpu")

    def no_network(*arguments: str) -> None:
        raise bootstrap.Stop("no network")

    monkeypatch.setattr(bootstrap, "pip", no_network)
    with pytest.raises(bootstrap.Stop):
        bootstrap.setup("cpu")
    assert "base" not in json.loads(bootstrap.STAMP.read_text())


@pytest.mark.parametrize(("variant", "other"), [("cpu", "onnxruntime-gpu"), ("gpu", "onnxruntime")])
def test_the_other_build_of_onnxruntime_goes_first(
    bootstrap: ModuleType,
    pip_calls: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    variant: str,
    other: str,
) -> None:
    monkeypatch.setattr(bootstrap, "installed", lambda name: "1.0" if name == other else "")
    bootstrap.setup(variant)
    assert pip_calls[0][0] == "uninstall"
    assert {"onnxruntime", "onnxruntime-gpu"} <= set(pip_calls[0])


@pytest.mark.parametrize(("there", "asked"), [("", True), ("2.12.0", True), ("2.13.0", False), ("2.13.0+cu130", False)])
def test_a_fitting_torch_is_left_alone(
    bootstrap: ModuleType, pip_calls: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, there: str, asked: bool
) -> None:
    monkeypatch.setattr(bootstrap, "installed", lambda name: there if name == "torch" else "")
    bootstrap.install_torch()
    assert [call[-1] for call in pip_calls] == (["torch==2.13.0"] if asked else [])


def test_every_pinned_file_counts_for_the_stamp(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pyproject.toml", "packaging/bootstrap.py", "requirements/cpu.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    seen = {bootstrap.digest("cpu")}
    for name in ("pyproject.toml", "packaging/bootstrap.py", "requirements/cpu.txt"):
        (tmp_path / name).write_text("2")
        seen.add(bootstrap.digest("cpu"))
    assert len(seen) == 4


@linux_only
def test_without_root_the_exact_command_is_printed(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: name)
    with pytest.raises(bootstrap.Stop, match=r"apt-get install -y --no-install-recommends python3\.11-venv libgl1\n"):
        bootstrap.install_packages(["python3.11-venv", "libgl1"])


@linux_only
def test_as_root_they_are_installed_without_questions(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **more: object) -> subprocess.CompletedProcess[str]:
        assert more["stdin"] == subprocess.DEVNULL
        commands.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(bootstrap.os, "geteuid", lambda: 0)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: name)
    monkeypatch.setattr(bootstrap.subprocess, "run", run)
    bootstrap.install_packages(["libgl1"])
    assert [command[1] for command in commands] == ["update", "install"]
    assert commands[1][-1] == "libgl1"


@linux_only
def test_where_there_is_no_apt_the_names_are_told(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    with pytest.raises(bootstrap.Stop, match="libgl1 libegl1"):
        bootstrap.install_packages(["libgl1", "libegl1"])


def test_libraries_of_a_display_are_asked_for_only_with_a_display(bootstrap: ModuleType) -> None:
    assert "libxcb-cursor0" not in bootstrap.wanted_libraries({"DISPLAY": ""}).values()
    assert "libxcb-cursor0" in bootstrap.wanted_libraries({"DISPLAY": ":0"}).values()
    assert "libwayland-client0" in bootstrap.wanted_libraries({"WAYLAND_DISPLAY": "wayland-0"}).values()


@pytest.mark.parametrize(("driver", "variant"), [(True, "gpu"), (False, "cpu")])
def test_the_driver_decides_unless_one_is_asked_for(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, driver: bool, variant: str
) -> None:
    monkeypatch.setattr(bootstrap, "has_nvidia_driver", lambda: driver)
    assert bootstrap.choose_variant("auto") == variant
    assert bootstrap.choose_variant("cpu") == "cpu"
    assert bootstrap.choose_variant("gpu") == "gpu"


@pytest.mark.parametrize(("display", "wanted"), [(True, "sample.png"), (False, "demo")])
def test_run_opens_a_sample_or_runs_the_demonstration(
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    display: bool,
    wanted: str,
) -> None:
    def run(command: list[str], **more: object) -> subprocess.CompletedProcess[str]:
        assert command == [str(bootstrap.MEDVIEW), wanted]
        return subprocess.CompletedProcess(command, 7)

    monkeypatch.setattr(bootstrap.subprocess, "run", run)
    monkeypatch.setattr(bootstrap, "display_works", lambda: display)
    monkeypatch.setattr(bootstrap, "first_sample", lambda: ["sample.png"])
    assert bootstrap.run([]) == 7
    assert ("no display" in capsys.readouterr().out) is not display


@linux_only
def test_a_display_that_does_not_answer_counts_as_none(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "runs", lambda *command: False)
    monkeypatch.setenv("DISPLAY", ":99")
    assert not bootstrap.display_works()


def test_an_old_python_is_told_so(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (ROOT / "packaging/bootstrap.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 8))  # it must get as far as saying it
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    assert bootstrap.main(["setup"]) == 1
    assert "Python 3.11 or newer is needed" in capsys.readouterr().err
