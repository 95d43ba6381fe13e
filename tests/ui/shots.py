"""What takes pictures of the window, and files to take them of. Uses the real models and the shared images
(MEDVIEW_DATA or ../shared/data). Importing it gives the program an empty home of its own, HOME.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
HOME = Path(tempfile.mkdtemp(prefix="medview-shots-"))
os.environ["MEDVIEW_HOME"] = str(HOME)

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from PySide6.QtCore import QEventLoop, QTimer  # noqa: E402
from PySide6.QtWidgets import QWidget  # noqa: E402

from medview.core.settings import Settings  # noqa: E402
from medview.imaging.series import read_folder  # noqa: E402
from medview.ui.widgets import MessageBox  # noqa: E402
from medview.ui.window import MainWindow  # noqa: E402
from medview.workspace import Workspace  # noqa: E402
from tests.imaging.segs import Mark, seg, segment  # noqa: E402

SAMPLE = ROOT / "medview/samples/chest-normal-adult.webp"
DATA = Path(os.environ.get("MEDVIEW_DATA") or ROOT.parent / "shared" / "data")


def wait(until: Callable[[], bool] | None = None, ms: int = 300, limit_s: float = 30) -> None:
    """Let Qt work until `until` holds, then for `ms` more."""
    loop, end = QEventLoop(), time.monotonic() + limit_s
    timer = QTimer()
    timer.timeout.connect(lambda: loop.quit() if until is None or until() or time.monotonic() > end else None)
    timer.start(20)
    loop.exec()
    timer.stop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()


class Shots:
    """One window after the other, each in one state, each grabbed into a file."""

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self.folder, self.size = folder, size
        folder.mkdir(parents=True, exist_ok=True)

    def window(self, engine: object | None = None, **settings: object) -> MainWindow:
        values = Settings()
        for key, value in {"notice_accepted": True, **settings}.items():
            values[key] = value
        made = MainWindow(Workspace(values, (lambda: engine) if engine else None))
        made.show()
        made.resize(*self.size)
        wait(ms=400)
        return made

    def take(self, window: QWidget, name: str, close: bool = True, screen: bool = False) -> None:
        """`screen`: with what lies over the window, such as an open menu."""
        place = window.geometry()
        whole = window.screen().grabWindow(0).copy(place) if screen else window.grab()
        whole.save(str(self.folder / f"{name}.png"))
        print(name, flush=True)  # noqa: T201
        if close:
            window.close()


def idle(window: MainWindow) -> Callable[[], bool]:
    ws = window.workspace
    return lambda: (
        not any(
            ws.busy(lane) or ws.active.busy(lane)
            for lane in ("open", "scan", "analyse", "models", "thumbnails", "plane")
        )
    )


def steady(window: MainWindow) -> Callable[[], bool]:
    """Answered, and its stability known."""
    ws = window.workspace
    return lambda: ws.active.analysis is not None and not any(map(ws.active.busy, ("open", "analyse", "stability")))


def click_correction(window: MainWindow) -> None:
    """Press the first button that corrects the picture."""
    messages = [box for box in window.findings.widgets if isinstance(box, MessageBox)]
    next(made for box in messages for made in box.buttons if made.property("role") == "primary").click()


def segmented(window: MainWindow, count: int) -> Callable[[], bool]:
    """So many segmentations are on, and drawn."""
    ws = window.workspace
    return lambda: (
        len(ws.active.segmentations.shown) == count
        and not any(ws.busy(lane) or ws.active.busy(lane) for lane in ("open", "scan", "outlines"))
    )


def organs(folder: Path) -> Path:
    """A segmentation made up over the CT: ellipses under the names of organs, as a program would write them."""
    names = ("Spleen", "Stomach with a name that is far too long for the list", "Aorta", "Left kidney", "Spine")
    places = ((330, 395, 60, 35), (190, 320, 45, 60), (300, 270, 14, 14), (335, 345, 30, 22), (350, 252, 30, 34))
    y, x = np.mgrid[0:512, 0:512]
    planes = [frame.place.plane for frame in read_folder(sorted(folder.iterdir())).series[0].frames if frame.place]
    marks = [
        Mark((((y - row) / high) ** 2 + ((x - col) / wide) ** 2 < 1).astype(np.uint8), number, plane.position)
        for number, (row, col, high, wide) in enumerate(places, 1)
        for plane in planes
        if plane
    ]
    things = [segment(number, name, SegmentAlgorithmName="organs 2.1") for number, name in enumerate(names, 1)]
    path = HOME / "organs.dcm"
    spacing = planes[0].spacing if planes[0] else (1.0, 1.0)
    reference = planes[0].reference if planes[0] else ""
    data = seg(marks, segments=things, spacing=spacing, FrameOfReferenceUID=reference, SeriesDescription="Organs")
    path.write_bytes(data)
    return path


def first(pattern: str) -> Path:
    return sorted(DATA.glob(pattern))[0]


def through_a_round_opening(path: Path) -> Path:
    """The picture in a circle on black."""
    image = cv2.imread(str(path))
    rows, cols = image.shape[:2]
    circle = cv2.circle(np.zeros((rows, cols), np.uint8), (cols // 2, rows // 2), int(0.45 * cols), 1, -1)
    at = HOME / "round.png"
    cv2.imwrite(str(at), image * circle[:, :, None])
    return at


def mixed_folder() -> Path:
    """Two series, one with gaps and copies, films, pictures, and files that are none."""
    folder = Path(tempfile.mkdtemp(dir=HOME)) / "mixed"
    shutil.copytree(DATA / "dicom/series-ct-B", folder / "ct")
    shutil.copytree(DATA / "dicom/series-mr-A", folder / "mr")
    slices = sorted((folder / "mr").iterdir())
    shutil.copy(slices[0], folder / "mr/copy of a slice.dcm")
    slices[5].unlink()
    for path in sorted((DATA / "skin/images").iterdir())[:4]:
        shutil.copy(path, folder)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    (folder / "report.pdf").write_bytes(b"%PDF-1.4")
    (folder / "notes.txt").write_text("nothing to see")
    return folder
