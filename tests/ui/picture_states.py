"""States of the window with one picture, or none, that are worth a screenshot."""

from __future__ import annotations

import shutil

import cv2
from PySide6.QtCore import QPoint, Qt

from medview.ui.app import make_app
from medview.ui.results import ResultBox
from medview.ui.widgets import MessageBox
from tests.ui.fakes import FakeEngine, chest_analysis, mri_analysis, outlined, refused, skin_analysis
from tests.ui.shots import (
    DATA,
    HOME,
    SAMPLE,
    Shots,
    click_correction,
    first,
    idle,
    mixed_folder,
    steady,
    through_a_round_opening,
    wait,
)

CHEST, BRAIN, SKIN = "cxr/images/*", "mri/figshare/images/*", "skin/images/*"


def shoot_notice(shots: Shots) -> None:
    shots.take(shots.window(notice_accepted=False), "notice")


def shoot_empty(shots: Shots) -> None:
    recent = [str(first(CHEST)), str(first(BRAIN)), str(first(SKIN))]
    window = shots.window(recent_files=recent)
    wait(idle(window))
    shots.take(window, "empty")


def shoot_chest(shots: Shots) -> None:
    window = shots.window()
    window.open_paths([first(CHEST)])
    wait(steady(window))
    shots.take(window, "chest", close=False)
    window.workspace.active.set_layers(heatmap_on=True)
    wait()
    shots.take(window, "chest-heatmap")


def shoot_two(shots: Shots) -> None:
    window = shots.window(FakeEngine(chest_analysis))
    window.open_paths([first(CHEST)])
    wait(steady(window))
    shots.take(window, "two-models", close=False)
    for box in window.findings.widgets:
        if isinstance(box, ResultBox):
            box.unfold()
    wait()
    bar = window.findings.area.verticalScrollBar()
    bar.setValue(bar.maximum())
    shots.take(window, "two-models-unfolded", close=False)
    next(box for box in window.findings.widgets if isinstance(box, ResultBox)).card_button.click()
    wait()
    shots.take(window, "card")


def shoot_quality(shots: Shots) -> None:
    turned = HOME / "negative on its side.png"
    cv2.imwrite(str(turned), cv2.rotate(255 - cv2.imread(str(SAMPLE), 0), cv2.ROTATE_90_COUNTERCLOCKWISE))
    window = shots.window()
    for name in ("quality-refused", "quality-half", "quality-fixed"):
        window.open_paths([turned]) if name == "quality-refused" else click_correction(window)
        wait(steady(window))
        shots.take(window, name, close=name == "quality-fixed")


def shoot_warned(shots: Shots) -> None:
    soft = HOME / "blurred and photographed.png"
    image = cv2.GaussianBlur(cv2.imread(str(SAMPLE)), (0, 0), 2.2)
    cv2.imwrite(str(soft), (image * (0.8, 0.92, 1.0)).astype("uint8"))
    window = shots.window()
    window.open_paths([soft])
    wait(steady(window))
    shots.take(window, "quality-warned")


def shoot_brain(shots: Shots) -> None:
    window = shots.window(FakeEngine(mri_analysis))
    window.open_paths([first(BRAIN)])
    wait(steady(window))
    shots.take(window, "brain-mask")


def shoot_skin(shots: Shots) -> None:
    window = shots.window(FakeEngine(skin_analysis))
    window.open_paths([first(SKIN)])
    wait(steady(window))
    window.findings.area.verticalScrollBar().setValue(0)
    shots.take(window, "skin")


def shoot_round(shots: Shots) -> None:
    window = shots.window()
    window.open_paths([through_a_round_opening(first(SKIN))])
    wait(steady(window))
    window.workspace.active.set_layers(heatmap_on=True)
    wait()
    shots.take(window, "round")


def shoot_outlined(shots: Shots) -> None:
    window = shots.window(FakeEngine(outlined))
    window.open_paths([first(SKIN)])
    wait(steady(window))
    shots.take(window, "skin-outlined")


def shoot_refused(shots: Shots) -> None:
    window = shots.window(FakeEngine(refused))
    window.open_paths([first(SKIN)])
    wait(steady(window))
    shots.take(window, "refused")


def shoot_kind(shots: Shots) -> None:
    window = shots.window(FakeEngine(refused))
    window.open_paths([first(CHEST)])
    wait(steady(window))
    (box,) = (box for box in window.findings.widgets if isinstance(box, MessageBox))
    box.buttons[0].menu().popup(box.buttons[0].mapToGlobal(QPoint(0, box.buttons[0].height())))
    wait()
    shots.take(window, "kind-menu", close=False, screen=True)
    box.buttons[0].menu().close()
    window.workspace.active.set_kind("chest_xray")
    wait(steady(window))
    shots.take(window, "kind-by-user")


def shoot_header(shots: Shots) -> None:
    window = shots.window()
    window.open_paths([DATA / "dicom/series-ct-B"])
    wait(steady(window))
    shots.take(window, "header")


def shoot_popover(shots: Shots) -> None:
    window = shots.window(FakeEngine(chest_analysis))
    window.open_paths([first(CHEST)])
    wait(steady(window))
    (first_box, *_) = (box for box in window.findings.widgets if isinstance(box, ResultBox))
    next(iter(first_box.rows.values())).click()
    wait()
    shots.take(window, "popover")


def shoot_stepping(shots: Shots) -> None:
    engine = FakeEngine(mri_analysis)
    window = shots.window(engine)
    window.open_paths([DATA / "dicom/series-mr-A"])
    wait(steady(window))
    wait(idle(window))
    shots.take(window, "stepping-before", close=False)
    engine.delay_s = 3
    window.workspace.active.step_frame(2)
    wait(lambda: window.workspace.active.busy("analyse") is not None, ms=500)
    shots.take(window, "stepping")


def shoot_samples(shots: Shots) -> None:
    window = shots.window()
    for name in ("chest-normal-adult", "skin-nevus-2", "mr-small"):
        window.open_paths([path for path in SAMPLE.parent.iterdir() if path.stem == name])
        wait(steady(window))
        shots.take(window, f"sample-{name}", close=name == "mr-small")


def shoot_error(shots: Shots) -> None:
    broken = HOME / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    window = shots.window()
    window.open_paths([broken])
    wait(lambda: window.workspace.active.failure is not None)
    shots.take(window, "error")


def shoot_busy(shots: Shots) -> None:
    window = shots.window(FakeEngine(mri_analysis, delay_s=2.0))
    window.open_paths([first(BRAIN)])
    wait(lambda: window.workspace.active.busy("analyse") is not None, ms=900)
    shots.take(window, "busy")


def shoot_long(shots: Shots) -> None:
    folder = HOME / "a long folder name with é ж 你 in it"
    folder.mkdir(exist_ok=True)
    long = folder / ("patient 0042 thorax p.a. im Liegen, Verlaufskontrolle é ж 你 " + "sehr " * 20 + "lang.webp")
    shutil.copy(first(CHEST), long)
    window = shots.window(FakeEngine(skin_analysis))
    window.open_paths([long])
    wait(steady(window))
    window.bar.say("7 files were saved.", str(folder))
    wait()
    shots.take(window, "long")


def shoot_rtl(shots: Shots) -> None:
    app = make_app()
    app.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    window = shots.window(FakeEngine(skin_analysis))
    window.open_paths([first(SKIN)])
    wait(steady(window))
    window.workspace.active.set_layers(heatmap_on=True)
    wait()
    shots.take(window, "rtl")
    window = shots.window(FakeEngine(mri_analysis))
    window.open_paths([mixed_folder()])
    wait(idle(window))
    window.workspace.select_entry(0)
    wait(idle(window))
    shots.take(window, "rtl-list")
    app.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


def shoot_help(shots: Shots) -> None:
    for name in ("help", "about", "models"):
        window = shots.window()
        window.action(name).trigger()
        wait(idle(window))
        shots.take(window, name)
