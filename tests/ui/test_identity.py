"""Whose picture it is: said above the picture, in the title and in the list; all of it gone with privacy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from medview.core.failures import Code, Failure
from medview.core.settings import Settings
from medview.imaging.study import Origin
from medview.ui import identity
from medview.ui.identity import Identity, identity_of
from medview.ui.window import MainWindow
from medview.workspace import Workspace
from medview.workspace.listing import Entry
from medview.workspace.runner import Job
from tests.imaging.make import dicom
from tests.ui.conftest import MakeWindow, Opened, write_png
from tests.ui.fakes import FakeEngine

JANE = {
    "PatientName": "Doe^Jane",
    "PatientID": "J-0815",
    "PatientBirthDate": "19700716",
    "PatientSex": "F",
    "StudyDate": "20170717",
    "StudyDescription": "Chest PA",
    "SeriesDescription": "Frontal",
    "StudyInstanceUID": "1.1",
    "SeriesInstanceUID": "1.1.1",
}
# What must not be read anywhere while privacy is on.
SECRETS = ("Doe", "Jane", "J-0815", "1970", "2017", "Chest PA", "47 years", "female")


def ready(window: MainWindow) -> bool:
    ws = window.workspace
    return ws.active.picture is not None and not any(
        ws.busy(lane) or ws.active.busy(lane) for lane in ("open", "scan", "series")
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two patients, one of them with two series, and a photo, all in files and folders with the first one's name."""
    place = tmp_path / "Doe Jane"
    place.mkdir()
    pixels = np.zeros((20, 30), np.uint8)
    for n, elements in enumerate(
        (
            JANE,
            {**JANE, "SeriesInstanceUID": "1.1.2", "SeriesDescription": "Lateral"},
            {
                "PatientName": "Roe^Richard", "PatientID": "R-1", "PatientAge": "003M", "StudyDate": "16/07/2017",
                "StudyDescription": "Chest PA", "StudyInstanceUID": "2.1", "SeriesInstanceUID": "2.1.1",
            },
        )
    ):  # fmt: skip
        (place / f"Doe Jane {n}.dcm").write_bytes(dicom(pixels, **elements))
    write_png(place / "Doe Jane.png", np.zeros((20, 30), np.uint8))
    (place / "Doe Jane.dcm").write_bytes(b"no picture")
    return place


@pytest.fixture
def listed(make_window: MakeWindow, folder: Path, qtbot: QtBot) -> MainWindow:
    window = make_window(auto_analyse=False)
    window.open_paths([folder])
    qtbot.waitUntil(lambda: ready(window))
    return window


def everything(window: MainWindow) -> Iterator[str]:
    """Every text of the window that can be read, pointed at or read aloud, hidden parts included."""
    yield window.windowTitle()
    for widget in window.findChildren(QWidget):
        yield from (widget.toolTip(), widget.accessibleName(), widget.accessibleDescription(), widget.windowTitle())
        if isinstance(widget, QLabel | QAbstractButton):
            yield widget.text()
    for action in window.findChildren(QAction):
        yield from (action.text(), action.toolTip())
    model = window.files.model
    roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole)
    for row in range(model.rowCount()):
        yield from (str(model.index(row).data(role)) for role in roles)


def told(window: MainWindow) -> list[str]:
    """Secrets that can be read."""
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    text = "\n".join(everything(window))
    return [secret for secret in SECRETS if secret in text]


def test_a_film_says_whose_it_is(opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(dicom(np.zeros((20, 30), np.uint8), Modality="CR", **JANE))
    window = opened(path, auto_analyse=False)
    title = window.viewer.title
    assert title.who.full_text() == "Doe, Jane"
    assert title.details.full_text() == "ID J-0815 · born 16 Jul 1970 · female · 47 years"
    assert title.name.full_text() == "17 Jul 2017 · Chest PA · film.dcm"
    assert title.patient_row.isVisible()
    assert window.windowTitle() == (
        "Doe, Jane · ID J-0815 · born 16 Jul 1970 · female · 47 years · 17 Jul 2017 · Chest PA - medview"
    )


def test_a_plain_picture_has_its_name_alone(opened: Opened, grey: Path) -> None:
    window = opened(grey, auto_analyse=False)
    assert not window.viewer.title.patient_row.isVisible()
    assert window.viewer.title.name.full_text() == grey.name
    assert window.viewer.title.name.property("role") == "heading"
    assert window.windowTitle() == f"{grey.name} - medview"


def test_the_height_of_the_strip_never_changes(qtbot: QtBot, opened: Opened, grey: Path, folder: Path) -> None:
    window = opened(grey, auto_analyse=False)
    heights = {window.viewer.title.height()}
    window.open_paths([folder])
    qtbot.waitUntil(lambda: ready(window) and window.workspace.active.title != grey.name)
    heights.add(window.viewer.title.height())
    window.action("privacy").trigger()
    heights.add(window.viewer.title.height())
    assert len(heights) == 1


def test_nothing_in_the_strip_moves_while_something_is_opened(listed: MainWindow, qtbot: QtBot) -> None:
    title, go_on = listed.viewer.title, threading.Event()
    parts = (title.who, title.details, title.name)
    before = [part.mapTo(title, part.rect().topLeft()).y() for part in parts]
    listed.workspace.active.lanes.start(Job("plane", "reading the slices", lambda token: go_on.wait(5)))
    assert title.stop.isVisible()
    assert title.facts.full_text() == "Reading the slices…"
    assert [part.mapTo(title, part.rect().topLeft()).y() for part in parts] == before
    inside = [title.rect().contains(part.geometry()) for part in (title.patient_row, title.stop, title.bar)]
    assert inside == [True, True, True]
    assert title.stop.geometry().bottom() < title.bar.geometry().top()
    go_on.set()
    qtbot.waitUntil(lambda: not title.stop.isVisible())


def test_the_list_has_id_and_age(listed: MainWindow) -> None:
    model = listed.files.model
    spoken = [model.index(n).data(Qt.ItemDataRole.AccessibleTextRole) for n in range(model.rowCount())]
    assert spoken[0] == "Doe, Jane, ID J-0815 · female · 47 years, 17 Jul 2017 · Chest PA"
    assert "Roe, Richard, ID R-1 · 3 months, unknown date · Chest PA" in spoken


def test_privacy_hides_all_of_it_and_comes_back(listed: MainWindow, qtbot: QtBot) -> None:
    assert set(told(listed)) == set(SECRETS)
    qtbot.keyClick(listed, Qt.Key.Key_X)
    assert listed.action("privacy").isChecked()
    assert told(listed) == []
    assert listed.windowTitle() == "medview"
    assert listed.viewer.title.who.full_text() == "Patient hidden"
    assert listed.viewer.title.name.full_text() == "Frontal"
    model = listed.files.model
    assert [model.index(n).data() for n in range(model.rowCount())] == [
        "Patient hidden", "Frontal", "Lateral", "Patient hidden", "MR", "Files", "PNG file", "Cannot be shown",
        "DCM file",
    ]  # fmt: skip
    assert not listed.recent_menu.isEnabled()
    qtbot.keyClick(listed, Qt.Key.Key_X)
    assert set(told(listed)) == set(SECRETS)


def test_privacy_lasts_whatever_is_opened(listed: MainWindow, folder: Path, qtbot: QtBot) -> None:
    listed.action("privacy").trigger()
    ws = listed.workspace
    for entry in ws.listing.entries:
        ws.select_entry(ws.listing.entries.index(entry))
        assert told(listed) == []
        qtbot.waitUntil(lambda: ws.active.busy("open") is None)
        assert told(listed) == []
    assert ws.active.failure is not None
    ws.close_all()
    assert told(listed) == []
    assert "Opened before" not in "\n".join(everything(listed))


def test_messages_name_no_file_while_privacy_is_on(listed: MainWindow, folder: Path) -> None:
    ws = listed.workspace
    failure = Failure(Code.WRITE_ERROR, f"{folder / 'Doe.json'} could not be written.", f"Not into {folder}.")
    ws.actionFailed.emit(failure)
    assert "Doe" in listed.bar.text.text()
    ws.set_setting("privacy", True)
    assert not listed.bar.isVisible()
    ws.actionFailed.emit(failure)
    assert (listed.bar.text.text(), listed.bar.hint.text()) == ("The result could not be saved", "")
    ws.saved.emit([folder / "Doe.png"])
    assert (listed.bar.text.text(), listed.bar.hint.text()) == ("1 file was saved.", "")


def test_privacy_is_remembered(tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "settings.json"
    first = MainWindow(Workspace(Settings(path), FakeEngine), [])
    qtbot.addWidget(first)
    first.action("privacy").trigger()
    first.close()
    assert first.workspace.close()
    again = MainWindow(Workspace(Settings(path), FakeEngine), [])
    qtbot.addWidget(again)
    assert again.action("privacy").isChecked()
    again.close()


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (None, None),
        (Origin(), None),
        (Origin(study_uid="1"), Identity("No patient name")),
        (Origin("Yamada^Tarou=山田^太郎", sex="O"), Identity("Yamada, Tarou (山田 太郎)", ("other sex",))),
        (
            Origin("<b>Doe", "x\ny", study_date="20171399", birth_date="1970", sex="?", age="001Y", study_title="MR"),
            Identity("<b>Doe", ("ID x\\ny", "unknown date of birth", "?", "1 year"), ("unknown date", "MR")),
        ),
    ],
)
def test_what_a_file_says(origin: Origin | None, said: Identity | None) -> None:
    assert identity_of(origin) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Doe.png", "PNG file"),
        ("a.nii.gz", "NII.GZ file"),
        ("a.Doe.gz", "GZ file"),
        ("Dr.Doe", "File"),
        ("Doe", "File"),
    ],
)
def test_a_hidden_file_keeps_no_more_than_a_known_ending(name: str, said: str) -> None:
    path = Path("folder of Doe") / name
    assert identity.hidden_file(path) == said
    assert identity.entry_name(Entry(path, path), hide=True) == said
    assert identity.without_name(f"{name} in {path.parent} is odd: {path}", path, hide=True).count("Doe") == 0
    assert identity.without_name(f"{name} is odd", path, hide=False) == f"{name} is odd"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("Doe.img", "Doe.img holds the voxels of Doe.hdr.", "IMG file holds the voxels of IMG file."),
        ("Doe.mhd", "Doe.mhd takes its voxels from Roe.raw, which is not beside it.", ""),
        ("scans.zip", "The archive of/Jane Doe.zip is damaged.", ""),
        ("scans.zip", "Doe.dcm is empty (0 bytes).", ""),
        ("scans.zip", "scans.zip has 2.5 MB, and 1.2.840 in it.", "ZIP file has 2.5 MB, and 1.2.840 in it."),
        ("12.dcm", "12.5 MB, of 12 x 12 pixels.", "12.5 MB, of 12 x 12 pixels."),
    ],
)
def test_messages_about_other_files_are_hidden_as_well(name: str, text: str, said: str) -> None:
    assert identity.without_name(text, Path("/scans") / name, hide=True) == said
