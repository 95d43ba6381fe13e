"""Set medview up from a clone, then start it: what `make run` and `make test` call, and what Windows calls directly.

    python packaging/bootstrap.py setup [--dev] [--reports] [--train]     install what is missing
    python packaging/bootstrap.py run [ARGUMENT...]     set up, then open the window (a sample, or ARGUMENTs)

Needs the standard library only, since it runs before anything is installed. Everything goes into `.venv` beside this
repository, from the pinned and hashed files in `requirements/`. What was installed is written into a stamp file: as
long as those files stay the same, nothing is installed again and the network is not used.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "medview-setup.json"
WINDOWS = os.name == "nt"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
MEDVIEW = VENV / ("Scripts/medview.exe" if WINDOWS else "bin/medview")
TORCH = "2.13.0"
CHOOSE_PYTHON = "With another one installed: make PYTHON=python3.11 ..."
OTHER_RUNTIME = {"cpu": "onnxruntime-gpu", "gpu": "onnxruntime"}

# What Qt loads, and the Debian package it comes from. Everything else these need comes with them.
LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libglib-2.0.so.0": "libglib2.0-0",
}
X11_LIBRARIES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
WAYLAND_LIBRARIES = {
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
}


class Stop(Exception):
    """Setting up cannot go on; the text tells a person why and what to do."""


def say(text: str) -> None:
    """Print at once, so that the lines of pip and apt stay in order."""
    print(f"medview: {text}", flush=True)


# ---- what the machine has ----


def loads(library: str) -> bool:
    """Whether the dynamic linker finds and loads a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def wanted_libraries(environ: Mapping[str, str]) -> dict[str, str]:
    """Shared libraries by Debian package, for the displays this environment names."""
    wanted = dict(LIBRARIES)
    if environ.get("DISPLAY"):
        wanted |= X11_LIBRARIES
    if environ.get("WAYLAND_DISPLAY"):
        wanted |= WAYLAND_LIBRARIES
    return wanted


def missing_packages() -> list[str]:
    """Debian packages without which Qt or the virtual environment cannot work here."""
    if not sys.platform.startswith("linux"):
        return []
    missing = [] if importlib.util.find_spec("ensurepip") else [f"python3.{sys.version_info.minor}-venv"]
    missing += [package for library, package in wanted_libraries(os.environ).items() if not loads(library)]
    return list(dict.fromkeys(missing))


def install_packages(packages: list[str]) -> None:
    """Install Debian packages as root; for anybody else say what to type."""
    names = " ".join(packages)
    if not shutil.which("apt-get"):
        raise Stop(
            f"these are missing (the names are Debian's): {names}\n"
            "Install them with the package manager of this system, then start again."
        )
    if os.geteuid() != 0:
        raise Stop(
            "some system packages are missing. An administrator has to install them, once:\n\n"
            f"    sudo apt-get update && sudo apt-get install -y --no-install-recommends {names}\n\n"
            "Then start again."
        )
    say(f"installing system packages: {names}")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *packages]):
        if subprocess.run(["apt-get", *command], env=environ, stdin=subprocess.DEVNULL, check=False).returncode:
            raise Stop(
                f"apt-get {command[0]} failed (its own message is above).\n"
                "The first set-up needs a network. When it works, start again."
            )


def has_nvidia_driver() -> bool:
    """Whether a driver for CUDA is loaded, on a system for which there is a GPU build of ONNX Runtime."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    return loads("nvcuda.dll" if WINDOWS else "libcuda.so.1") or Path("/proc/driver/nvidia/version").exists()


def choose_variant(wish: str) -> str:
    """`cpu` or `gpu`; `auto` looks for an NVIDIA driver."""
    if wish == "auto":
        return "gpu" if has_nvidia_driver() else "cpu"
    return wish


# ---- the virtual environment ----


def runs(*command: str | Path) -> bool:
    """Whether a command ends with 0; it says nothing."""
    try:
        return subprocess.run([*map(str, command)], capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def make_venv() -> None:
    """Make `.venv` unless a working one is there. It is replaced only when its Python or its pip no longer starts."""
    if PYTHON.exists() and runs(PYTHON, "-m", "pip", "--version"):
        return
    say("making the virtual environment .venv")
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if subprocess.run(command, check=False).returncode:
        raise Stop("the virtual environment could not be made (Python's own message is above).")


def pip(*arguments: str) -> None:
    """Run pip in `.venv`. Raises Stop when it fails."""
    # Somebody who waits in front of a slow line wants to see it move; a log does not.
    quiet = [] if sys.stdout.isatty() else ["-qq"]
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *quiet, *arguments]
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False, cwd=ROOT).returncode:
        raise Stop(
            "pip could not install what medview needs (its own message is above).\n"
            "The first set-up needs a network and about 1 GB of disk (4 GB with CUDA or PyTorch). Nothing is lost: "
            "start again when it works."
        )


def installed(distribution: str) -> str:
    """Version of a distribution in `.venv`, or an empty text."""
    code = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    result = subprocess.run([str(PYTHON), "-c", code, distribution], capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else ""


def pinned(*names: str) -> list[str]:
    """pip's arguments for the pinned files of these names. The files hold the whole closure: pip need not resolve."""
    arguments = ["install", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    for name in names:
        arguments += ["-r", f"requirements/{name}.txt"]
    return arguments


def install_base(variant: str) -> None:
    """The libraries medview runs with, and medview itself, editable: `models_onnx/` lies in the source tree."""
    if installed(OTHER_RUNTIME[variant]):
        say(f"replacing {OTHER_RUNTIME[variant]}: the two builds of ONNX Runtime cannot live together")
        pip("uninstall", "--yes", "onnxruntime", "onnxruntime-gpu")
    say(f"installing the libraries ({variant} build); the first time takes a few minutes")
    pip(*pinned("build", variant))
    pip("install", "--no-deps", "--no-build-isolation", "--editable", ".")


def install_dev() -> None:
    """What tests and checks need."""
    say("installing the tools for tests")
    pip(*pinned("dev"))


def install_reports() -> None:
    """What the pages of `make reports` need, and training too; all of it but PyTorch."""
    say("installing the libraries for training and its reports")
    pip(*pinned("train"))


def install_torch() -> None:
    """PyTorch, which only training needs. It is in no pinned file: which build fits is the machine's affair."""
    if installed("torch").split("+")[0] != TORCH:
        say(f"installing PyTorch {TORCH}, the build that pip's settings name (to have another, install it first)")
        pip("install", f"torch=={TORCH}")


def digest(*names: str) -> str:
    """Hash of everything that decides what an installation holds."""
    hashed = hashlib.sha256(f"{sys.version_info[:2]} {VENV}".encode())
    for name in ("pyproject.toml", "packaging/bootstrap.py", *(f"requirements/{n}.txt" for n in names)):
        hashed.update((ROOT / name).read_bytes())
    return hashed.hexdigest()


def read_stamp() -> dict[str, str]:
    """What was installed before, by group. A missing or damaged stamp counts as nothing."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) and PYTHON.exists() else {}


def setup(variant: str, dev: bool = False, reports: bool = False, train: bool = False) -> None:
    """Bring `.venv` to what the pinned files say. Raises Stop with a text for people."""
    missing = missing_packages()
    if missing:
        install_packages(missing)
    groups: dict[str, tuple[Callable[[], None], str]] = {
        "base": (lambda: install_base(variant), digest("build", variant))
    }
    if dev:
        groups["dev"] = (install_dev, digest("dev"))
    if reports or train:
        groups["reports"] = (install_reports, digest("train"))
    if train:
        groups["train"] = (install_torch, digest("train"))
    stamp = read_stamp()
    stale = {name: group for name, group in groups.items() if stamp.get(name) != group[1]}
    if not stale:
        return
    make_venv()
    stamp = read_stamp()  # a new environment holds nothing
    for name, (install, wanted) in stale.items():
        stamp.pop(name, None)  # cut off in the middle, it counts as not installed
        STAMP.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
        install()
        stamp[name] = wanted
        STAMP.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    say("set up")


# ---- starting ----


def display_works() -> bool:
    """Whether a window can be opened. Asked in a child process: Qt ends a program whose display it cannot reach."""
    if not sys.platform.startswith("linux"):
        return True
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    return runs(PYTHON, "-c", "from PySide6.QtGui import QGuiApplication; QGuiApplication([])")


def first_sample() -> list[str]:
    """The picture that stands first in the list of samples, or nothing where there is none."""
    import tomllib

    folder = ROOT / "medview" / "samples"
    try:
        table = tomllib.loads((folder / "samples.toml").read_text(encoding="utf-8"))
        return [str(folder / table["sample"][0]["file"])]
    except (OSError, LookupError, ValueError):
        return []


def run(arguments: list[str]) -> int:
    """Open the window, or run the demonstration where there is none. The exit code is medview's."""
    if display_works():
        arguments = arguments or first_sample()
    else:
        say("there is no display here, so no window can open; this is `medview demo` instead")
        arguments = ["demo"]
    return subprocess.run([str(MEDVIEW), *arguments], check=False).returncode


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wish = os.environ.get("MEDVIEW_VARIANT", "auto")
    parser.add_argument("--variant", choices=["auto", "cpu", "gpu"], default=wish, help="build of ONNX Runtime")
    commands = parser.add_subparsers(dest="command", required=True)
    setting_up = commands.add_parser("setup", help="install what is missing")
    setting_up.add_argument("--dev", action="store_true", help="also what tests and checks need")
    setting_up.add_argument("--reports", action="store_true", help="also what `make reports` needs")
    setting_up.add_argument("--train", action="store_true", help="also what training needs")
    commands.add_parser("run", help="set up and start").add_argument("arguments", nargs="*")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """0 when it worked; 1 with a message for people; for `run`, medview's own code."""
    options = parse(arguments)
    try:
        if sys.version_info < (3, 11):  # noqa: UP036 -- this file is started with whatever Python is there
            raise Stop(f"Python 3.11 or newer is needed; this is {platform.python_version()}. {CHOOSE_PYTHON}")
        variant = choose_variant(options.variant)
        if options.command == "run":
            setup(variant)
            return run(options.arguments)
        setup(variant, options.dev, options.reports, options.train)
    except Stop as stop:
        print(f"medview: {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
