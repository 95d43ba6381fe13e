"""The picture of the window in README.md, made anew: `make screenshot`, or `python docs/screenshot.py FILE [SAMPLE]`.

A window of 1440 x 900 with a bundled sample, and the heatmap of what the models that come with medview answer first.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402

from medview.ui.app import make_app  # noqa: E402
from tests.ui.shots import HOME, Shots, steady, wait  # noqa: E402

QUALITY = 90


def main(target: Path, sample: str = "chest-pneumonia-child") -> None:
    """Write the picture as WebP. Raises StopIteration where there is no such sample, and OSError."""
    make_app()
    shots = Shots(HOME, (1440, 900))
    window = shots.window()
    window.open_paths([next((ROOT / "medview/samples").glob(f"{sample}.*"))])
    wait(steady(window))
    window.action("heatmap").trigger()
    wait()
    shots.take(window, "window")
    picture = cv2.imread(str(HOME / "window.png"))
    target.write_bytes(cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1].tobytes())
    shutil.rmtree(HOME, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
