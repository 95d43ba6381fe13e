"""Pictures of the window in every state, to look at by hand: `python tests/ui/screenshots.py FOLDER [--size WxH]`.

Not a test. Uses the real models and the shared images (MEDVIEW_DATA or ../shared/data), and stand-ins where they are
missing. Runs on any Qt platform; under Xvfb it is what a user sees.
"""

from __future__ import annotations

import argparse
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
from PySide6.QtCore import QEventLoop, QPoint, Qt, QTimer  # noqa: E402
from PySide6.QtWidgets import QWidget  # noqa: E402

from medview.core.settings import Settings  # noqa: E402
from medview.imaging.series import read_folder  # noqa: E402
from medview.ui.app import make_app  # noqa: E402
from medview.ui.results import ResultBox  # noqa: E402
from medview.ui.widgets import MessageBox  # noqa: E402
from medview.ui.window import MainWindow  # noqa: E402
from medview.workspace import Workspace  # noqa: E402
from tests.imaging.segs import Mark, seg, segment  # noqa: E402
from tests.ui.fakes import FakeEngine, chest_analysis, mri_analysis, outlined, refused, skin_analysis  # noqa: E402

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
    return lambda: not any(ws.busy(lane) for lane in ("open", "scan", "analyse", "models", "thumbnails", "plane"))


def steady(window: MainWindow) -> Callable[[], bool]:
    """Answered, and its stability known."""
    ws = window.workspace
    return lambda: ws.analysis is not None and ws.busy("stability") is None


def click_fix(window: MainWindow) -> None:
    """Press the first button that puts something right."""
    cards = [card for card in window.findings.cards if isinstance(card, MessageBox)]
    next(made for card in cards for made in card.buttons if made.property("role") == "primary").click()


def segmented(window: MainWindow, count: int) -> Callable[[], bool]:
    """So many segmentations are on, and drawn."""
    ws = window.workspace
    return lambda: len(ws.segments.shown) == count and not any(ws.busy(lane) for lane in ("open", "scan", "outlines"))


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


def shoot(shots: Shots, wanted: set[str]) -> None:
    """Every state, or those named."""
    chest, brain, skin = first("cxr/images/*"), first("mri/figshare/images/*"), first("skin/images/*")

    def state(name: str) -> bool:
        return not wanted or name in wanted

    if state("notice"):
        shots.take(shots.window(notice_accepted=False), "notice")
    if state("empty"):
        recent = [str(chest), str(brain), str(skin)]
        window = shots.window(recent_files=recent)
        wait(idle(window))
        shots.take(window, "empty")
    if state("chest"):
        window = shots.window()
        window.open_paths([chest])
        wait(lambda: window.workspace.analysis is not None)
        shots.take(window, "chest", close=False)
        window.workspace.set_overlay(heatmap_on=True)
        wait()
        shots.take(window, "chest-heatmap")
    if state("two"):
        window = shots.window(FakeEngine(chest_analysis))
        window.open_paths([chest])
        wait(steady(window))
        shots.take(window, "two-models", close=False)
        for card in window.findings.cards:
            if isinstance(card, ResultBox):
                card.unfold()
        wait()
        bar = window.findings.area.verticalScrollBar()
        bar.setValue(bar.maximum())
        shots.take(window, "two-models-unfolded", close=False)
        next(card for card in window.findings.cards if isinstance(card, ResultBox)).card_button.click()
        wait()
        shots.take(window, "card")
    if state("quality"):
        turned = HOME / "negative on its side.png"
        cv2.imwrite(str(turned), cv2.rotate(255 - cv2.imread(str(SAMPLE), 0), cv2.ROTATE_90_COUNTERCLOCKWISE))
        window = shots.window()
        for name in ("quality-refused", "quality-half", "quality-fixed"):
            window.open_paths([turned]) if name == "quality-refused" else click_fix(window)
            wait(steady(window))
            shots.take(window, name, close=name == "quality-fixed")
    if state("warned"):
        soft = HOME / "blurred and photographed.png"
        image = cv2.GaussianBlur(cv2.imread(str(SAMPLE)), (0, 0), 2.2)
        cv2.imwrite(str(soft), (image * (0.8, 0.92, 1.0)).astype("uint8"))
        window = shots.window()
        window.open_paths([soft])
        wait(steady(window))
        shots.take(window, "quality-warned")
    if state("brain"):
        window = shots.window(FakeEngine(mri_analysis))
        window.open_paths([brain])
        wait(lambda: window.workspace.analysis is not None)
        shots.take(window, "brain-mask")
    if state("skin"):
        window = shots.window(FakeEngine(skin_analysis))
        window.open_paths([skin])
        wait(lambda: window.workspace.analysis is not None)
        window.findings.area.verticalScrollBar().setValue(0)
        shots.take(window, "skin")
    if state("round"):
        window = shots.window()
        window.open_paths([through_a_round_opening(skin)])
        wait(lambda: window.workspace.analysis is not None)
        window.workspace.set_overlay(heatmap_on=True)
        wait()
        shots.take(window, "round")
    if state("outlined"):
        window = shots.window(FakeEngine(outlined))
        window.open_paths([skin])
        wait(steady(window))
        shots.take(window, "skin-outlined")
    if state("refused"):
        window = shots.window(FakeEngine(refused))
        window.open_paths([skin])
        wait(lambda: window.workspace.analysis is not None)
        shots.take(window, "refused")
    if state("kind"):
        window = shots.window(FakeEngine(refused))
        window.open_paths([chest])
        wait(lambda: window.workspace.analysis is not None)
        (card,) = (card for card in window.findings.cards if isinstance(card, MessageBox))
        card.buttons[0].menu().popup(card.buttons[0].mapToGlobal(QPoint(0, card.buttons[0].height())))
        wait()
        shots.take(window, "kind-menu", close=False, screen=True)
        card.buttons[0].menu().close()
        window.workspace.set_kind("chest_xray")
        wait(steady(window))
        shots.take(window, "kind-by-user")
    if state("header"):
        window = shots.window()
        window.open_paths([DATA / "dicom/series-ct-B"])
        wait(lambda: window.workspace.analysis is not None)
        shots.take(window, "header")
    if state("popover"):
        window = shots.window(FakeEngine(chest_analysis))
        window.open_paths([chest])
        wait(steady(window))
        (first_card, *_) = (card for card in window.findings.cards if isinstance(card, ResultBox))
        next(iter(first_card.rows.values())).click()
        wait()
        shots.take(window, "popover")
    if state("stepping"):
        engine = FakeEngine(mri_analysis)
        window = shots.window(engine)
        window.open_paths([DATA / "dicom/series-mr-A"])
        wait(steady(window))
        wait(idle(window))
        shots.take(window, "stepping-before", close=False)
        engine.delay_s = 3
        window.workspace.step_frame(2)
        wait(lambda: window.workspace.busy("analyse") is not None, ms=500)
        shots.take(window, "stepping")
    if state("samples"):
        window = shots.window()
        for name in ("chest-normal-adult", "skin-nevus-2", "mr-small"):
            window.open_paths([path for path in SAMPLE.parent.iterdir() if path.stem == name])
            wait(steady(window))
            shots.take(window, f"sample-{name}", close=name == "mr-small")
    if state("error"):
        broken = HOME / "broken.png"
        broken.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
        window = shots.window()
        window.open_paths([broken])
        wait(lambda: window.workspace.failure is not None)
        shots.take(window, "error")
    if state("busy"):
        window = shots.window(FakeEngine(mri_analysis, delay_s=2.0))
        window.open_paths([brain])
        wait(lambda: window.workspace.busy("analyse") is not None, ms=900)
        shots.take(window, "busy")
    if state("long"):
        folder = HOME / "a long folder name with é ж 你 in it"
        folder.mkdir(exist_ok=True)
        long = folder / ("patient 0042 thorax p.a. im Liegen, Verlaufskontrolle é ж 你 " + "sehr " * 20 + "lang.webp")
        shutil.copy(chest, long)
        window = shots.window(FakeEngine(skin_analysis))
        window.open_paths([long])
        wait(lambda: window.workspace.analysis is not None)
        window.bar.say("7 files were saved.", str(folder))
        wait()
        shots.take(window, "long")
    if state("rtl"):
        app = make_app()
        app.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        window = shots.window(FakeEngine(skin_analysis))
        window.open_paths([skin])
        wait(lambda: window.workspace.analysis is not None)
        window.workspace.set_overlay(heatmap_on=True)
        wait()
        shots.take(window, "rtl")
        window = shots.window(FakeEngine(mri_analysis))
        window.open_paths([mixed_folder()])
        wait(idle(window))
        window.workspace.select_entry(0)
        wait(idle(window))
        shots.take(window, "rtl-list")
        app.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    if state("folder"):
        window = shots.window()
        folder = HOME / "folder"
        folder.mkdir()
        for path in sorted((DATA / "cxr/images").iterdir())[:60]:
            shutil.copy(path, folder)
        (folder / "aaa broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
        window.open_paths([folder])
        wait(lambda: window.workspace.analysis is not None)
        wait(idle(window))
        shots.take(window, "folder")
    if state("series"):
        window = shots.window(FakeEngine(mri_analysis))
        window.open_paths([DATA / "dicom" / name for name in ("series-ct-B", "series-mr-A", "series-mr-4d-C")])
        wait(idle(window))
        shots.take(window, "series", close=False)
        window.workspace.select_entry(1)
        wait(idle(window))
        shots.take(window, "series-mr")
    if state("dynamic"):
        window = shots.window(FakeEngine(mri_analysis))
        window.open_paths([DATA / "dicom/series-mr-4d-C"])
        wait(idle(window))
        window.workspace.step_time(1)
        wait(idle(window))
        shots.take(window, "dynamic", close=False)
        window.open_paths([DATA / "dicom/multiframe-us/US-PAL-8-10x-echo"])
        wait(idle(window))
        shots.take(window, "multi-frame")
    if state("private"):
        window = shots.window(FakeEngine(mri_analysis), privacy=True)
        window.open_paths([mixed_folder()])
        wait(idle(window))
        shots.take(window, "private")
    if state("tags"):
        window = shots.window(FakeEngine(mri_analysis))
        window.open_paths([DATA / "dicom/series-mr-A"])
        wait(idle(window))
        window.action("tags").trigger()
        tags = window.tags
        wait(lambda: tags.model.rowCount() > 0)
        tags.table.selectRow(3)
        shots.take(tags, "tags", close=False)
        tags.search.setText("procedure code")
        wait()
        shots.take(tags, "tags-search", close=False)
        tags.search.clear()
        window.workspace.set_setting("privacy", True)
        wait()
        shots.take(tags, "tags-private", close=False)
        window.open_paths([chest])
        wait(idle(window))
        wait()
        shots.take(tags, "tags-none", close=False)
        window.close()
    if state("menu"):
        window = shots.window(FakeEngine(mri_analysis))
        window.open_paths([DATA / "dicom/series-mr-A"])
        wait(idle(window))
        window.context_menu().popup(window.viewer.canvas.mapToGlobal(QPoint(80, 80)))
        wait()
        shots.take(window, "context-menu", screen=True)
    if state("presets"):
        window = shots.window(FakeEngine(mri_analysis))
        window.open_paths([DATA / "dicom/series-ct-B"])
        wait(idle(window))
        menu = window.viewer.facts.window_menu
        menu.actions()[3].trigger()
        button = window.viewer.facts.window_button
        menu.popup(button.mapToGlobal(button.rect().topLeft()) - QPoint(0, menu.sizeHint().height()))
        wait()
        shots.take(window, "presets-menu", screen=True)
    if state("planes"):
        window = shots.window(FakeEngine(mri_analysis))
        window.open_paths([DATA / "dicom" / name for name in ("series-ct-B", "series-mr-A", "series-mr-4d-C")])
        wait(idle(window))
        view = window.menus["view"]
        view.popup(window.mapToGlobal(QPoint(60, 28)))
        view.setActiveAction(window.menus["plane"].menuAction())
        wait()
        shots.take(window, "plane-menu", close=False, screen=True)
        view.close()
        for number, cut in ((2, "coronal"), (2, "sagittal"), (0, "axial")):
            window.workspace.select_entry(number)
            wait(idle(window))
            window.action(f"plane_{cut}").trigger()
            wait(idle(window))
            shots.take(window, f"plane-{cut}", close=False)
        window.close()
    if state("plane-refused"):
        window = shots.window(FakeEngine(mri_analysis))
        window.open_paths([mixed_folder() / "mr"])
        wait(idle(window))
        window.action("plane_coronal").trigger()
        wait(idle(window))
        shots.take(window, "plane-refused")
    if state("segments"):
        folder = HOME / "segments"
        shutil.copytree(DATA / "dicom/series-ct-B", folder)
        shutil.copy(DATA / "dicom/bits-1-seg/liver_nonbyte_aligned.dcm", folder / "liver.dcm")
        window = shots.window(FakeEngine(refused))
        window.open_paths([folder / "liver.dcm"])
        wait(segmented(window, 1))
        shots.take(window, "segments-one", close=False)
        window.open_paths([organs(folder)])
        wait(segmented(window, 2))
        shots.take(window, "segments-several", close=False)
        window.open_paths([DATA / "dicom/seg/seg_image_ct_binary.dcm"])
        wait(idle(window))
        shots.take(window, "segments-of-others", close=False)
        window.workspace.close_all()
        window.open_paths([DATA / "dicom/seg/seg_image_ct_binary.dcm"])
        wait(lambda: window.workspace.failure is not None)
        shots.take(window, "segments-alone")
    if state("mixed"):
        window = shots.window(FakeEngine(skin_analysis))
        window.open_paths([mixed_folder()])
        wait(idle(window))
        shots.take(window, "mixed", close=False)
        window.workspace.select_entry(len(window.workspace.listing.entries) - 1)
        wait(idle(window))
        shots.take(window, "mixed-end")
    if state("names"):
        window = shots.window(FakeEngine(skin_analysis))
        folder = HOME / "names"
        shutil.copytree(DATA / "dicom/names-charset", folder)
        shutil.copy(chest, folder / ("Verlaufskontrolle é ж 你 " + "sehr " * 20 + "lang.webp"))
        window.open_paths([folder])
        wait(idle(window))
        shots.take(window, "names")
    if state("help"):
        for name in ("help", "about", "models"):
            window = shots.window()
            window.action(name).trigger()
            wait(idle(window))
            shots.take(window, name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="1440x900")
    parser.add_argument("states", nargs="*")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    make_app()
    shoot(Shots(options.folder, (width, height)), set(options.states))
    shutil.rmtree(HOME, ignore_errors=True)


if __name__ == "__main__":
    main()
