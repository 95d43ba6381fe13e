"""States of the window with folders and series that are worth a screenshot."""

from __future__ import annotations

import shutil

from PySide6.QtCore import QPoint

from tests.ui.fakes import FakeEngine, mri_analysis, refused, skin_analysis
from tests.ui.shots import DATA, HOME, Shots, first, idle, mixed_folder, organs, segmented, steady, wait


def shoot_folder(shots: Shots) -> None:
    window = shots.window()
    folder = HOME / "folder"
    folder.mkdir()
    for path in sorted((DATA / "cxr/images").iterdir())[:60]:
        shutil.copy(path, folder)
    (folder / "aaa broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    window.open_paths([folder])
    wait(steady(window))
    wait(idle(window))
    shots.take(window, "folder")


def shoot_series(shots: Shots) -> None:
    window = shots.window(FakeEngine(mri_analysis))
    window.open_paths([DATA / "dicom" / name for name in ("series-ct-B", "series-mr-A", "series-mr-4d-C")])
    wait(idle(window))
    shots.take(window, "series", close=False)
    window.workspace.select_entry(1)
    wait(idle(window))
    shots.take(window, "series-mr")


def shoot_dynamic(shots: Shots) -> None:
    window = shots.window(FakeEngine(mri_analysis))
    window.open_paths([DATA / "dicom/series-mr-4d-C"])
    wait(idle(window))
    window.workspace.active.step_time(1)
    wait(idle(window))
    shots.take(window, "dynamic", close=False)
    window.open_paths([DATA / "dicom/multiframe-us/US-PAL-8-10x-echo"])
    wait(idle(window))
    shots.take(window, "multi-frame")


def shoot_private(shots: Shots) -> None:
    window = shots.window(FakeEngine(mri_analysis), privacy=True)
    window.open_paths([mixed_folder()])
    wait(idle(window))
    shots.take(window, "private")


def shoot_tags(shots: Shots) -> None:
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
    window.open_paths([first("cxr/images/*")])
    wait(idle(window))
    wait()
    shots.take(tags, "tags-none", close=False)
    window.close()


def shoot_menu(shots: Shots) -> None:
    window = shots.window(FakeEngine(mri_analysis))
    window.open_paths([DATA / "dicom/series-mr-A"])
    wait(idle(window))
    window.context_menu().popup(window.viewer.canvas.mapToGlobal(QPoint(80, 80)))
    wait()
    shots.take(window, "context-menu", screen=True)


def shoot_presets(shots: Shots) -> None:
    window = shots.window(FakeEngine(mri_analysis))
    window.open_paths([DATA / "dicom/series-ct-B"])
    wait(idle(window))
    menu = window.viewer.facts.window_menu
    menu.actions()[3].trigger()
    button = window.viewer.facts.window_button
    menu.popup(button.mapToGlobal(button.rect().topLeft()) - QPoint(0, menu.sizeHint().height()))
    wait()
    shots.take(window, "presets-menu", screen=True)


def shoot_planes(shots: Shots) -> None:
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


def shoot_plane_refused(shots: Shots) -> None:
    window = shots.window(FakeEngine(mri_analysis))
    window.open_paths([mixed_folder() / "mr"])
    wait(idle(window))
    window.action("plane_coronal").trigger()
    wait(idle(window))
    shots.take(window, "plane-refused")


def shoot_segments(shots: Shots) -> None:
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
    wait(lambda: window.workspace.active.failure is not None)
    shots.take(window, "segments-alone")


def shoot_mixed(shots: Shots) -> None:
    window = shots.window(FakeEngine(skin_analysis))
    window.open_paths([mixed_folder()])
    wait(idle(window))
    shots.take(window, "mixed", close=False)
    window.workspace.select_entry(len(window.workspace.listing.entries) - 1)
    wait(idle(window))
    shots.take(window, "mixed-end")


def shoot_names(shots: Shots) -> None:
    window = shots.window(FakeEngine(skin_analysis))
    folder = HOME / "names"
    shutil.copytree(DATA / "dicom/names-charset", folder)
    shutil.copy(first("cxr/images/*"), folder / ("Verlaufskontrolle é ж 你 " + "sehr " * 20 + "lang.webp"))
    window.open_paths([folder])
    wait(idle(window))
    shots.take(window, "names")
