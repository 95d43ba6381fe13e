"""Where the files that come with the program are, in the source tree and in the frozen program.

The frozen program (PyInstaller) holds them in a folder of its own, `sys._MEIPASS`, by the same names as the source
tree; what is not there is looked for beside the executable. Whoever reads a file of the program asks here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

Resource = Literal["models", "samples", "fonts", "languages", "templates"]

# The folder that holds the package `medview`.
SOURCE = Path(__file__).resolve().parents[2]
# By resource, its folder below `SOURCE` and below the folder of the frozen program. Templates: arrays that code
# compares pictures with, which lie beside that code.
FOLDERS: dict[Resource, str] = {
    "models": "models_onnx",
    "samples": "medview/samples",
    "fonts": "medview/fonts",
    "languages": "medview/languages",
    "templates": "medview/inference",
}
# The environment variable that names another folder, where a resource has one.
OVERRIDES: dict[Resource, str] = {"models": "MEDVIEW_MODELS"}


def find(resource: Resource) -> Path:
    """The folder of a resource: the one that its environment variable names, else the one that came with the program.

    It need not exist.
    """
    name = OVERRIDES.get(resource)
    folder = os.environ.get(name) if name else None
    return Path(folder) if folder else shipped(resource)


def shipped(resource: Resource) -> Path:
    """The folder of a resource that came with the program, whatever the environment says. It need not exist."""
    places = [place / FOLDERS[resource] for place in _places()]
    return next((place for place in places if place.is_dir()), places[0])


def _places() -> list[Path]:
    """Folders that may hold the resources, the program's own first."""
    if not getattr(sys, "frozen", False):
        return [SOURCE]
    beside = Path(sys.executable).resolve().parent
    return [Path(getattr(sys, "_MEIPASS", beside)), beside]
