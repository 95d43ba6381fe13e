"""Pictures of the window in every state, to look at by hand: `python tests/ui/screenshots.py FOLDER [--size WxH]`.

Not a test. Uses the real models and the shared images (MEDVIEW_DATA or ../shared/data), and stand-ins where they are
missing. Runs on any Qt platform; under Xvfb it is what a user sees.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.ui.shots import HOME, Shots  # isort: skip  # first: it gives medview its home
from medview.ui.app import make_app
from tests.ui import picture_states, series_states

STATES = {
    name.removeprefix("shoot_").replace("_", "-"): shoot
    for module in (picture_states, series_states)
    for name, shoot in vars(module).items()
    if name.startswith("shoot_")
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="1440x900")
    parser.add_argument("states", nargs="*", help=f"all, or some of: {', '.join(STATES)}")
    options = parser.parse_args()
    if unknown := set(options.states) - set(STATES):
        parser.error(f"no such states: {', '.join(sorted(unknown))}")
    width, height = map(int, options.size.split("x"))
    make_app()
    shots = Shots(options.folder, (width, height))
    for name, shoot in STATES.items():
        if not options.states or name in options.states:
            shoot(shots)
    shutil.rmtree(HOME, ignore_errors=True)


if __name__ == "__main__":
    main()
