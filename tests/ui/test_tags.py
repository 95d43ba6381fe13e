"""The window of DICOM tags: search, filter, copies, privacy, and what it says of other files."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from medview.ui import tags
from medview.ui.tags import NAME, TAG, VALUE, TagDialog
from medview.workspace import opening
from tests.imaging.make import dicom
from tests.ui.conftest import MakeWindow, Opened, shown_of

MARKUP = "<img src='/dev/zero'><b>x"


def film(**more: object) -> bytes:
    elements = {"PatientName": "Doe^Jane", "PatientID": "J-0815", "BodyPartExamined": "CHEST", **more}
    return dicom(np.zeros((9, 9), np.uint8), **elements)


def with_extras(data: bytes) -> bytes:
    """A private element and a sequence with an item put into a DICOM file, in their places."""
    import io

    import pydicom
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    ds = pydicom.dcmread(io.BytesIO(data))
    ds.private_block(0x0019, "ACME & <b>Sons", create=True).add_new(0x10, "LO", MARKUP)
    code = Dataset()
    code.CodeValue, code.CodeMeaning = "T-D3000", "Chest of Jane"
    ds.AnatomicRegionSequence = Sequence([code])
    made = io.BytesIO()
    ds.save_as(made, enforce_file_format=False)
    return made.getvalue()


def rows(dialog: TagDialog) -> list[tuple[str, ...]]:
    return [dialog.model.texts(row) for row in range(dialog.model.rowCount())]


def value_of(dialog: TagDialog, tag: str) -> str:
    (found,) = [row[VALUE] for row in rows(dialog) if row[TAG] == tag]
    return found


@pytest.fixture
def dialog(opened: Opened, tmp_path: Path, qtbot: QtBot) -> TagDialog:
    """The dialog over a file with a private element and a sequence."""
    path = tmp_path / "Doe.dcm"
    path.write_bytes(with_extras(film()))
    window = opened(path, auto_analyse=False)
    qtbot.keyClick(window, Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.tags.model.rowCount() > 0)
    return window.tags


def test_it_shows_every_element_and_does_not_block(dialog: TagDialog) -> None:
    assert dialog.isVisible()
    assert not dialog.isModal()
    assert dialog.windowTitle() == "Doe.dcm - DICOM tags"
    assert value_of(dialog, "(0010,0010)") == "Doe^Jane"
    assert [row[NAME] for row in rows(dialog) if row[VALUE] == MARKUP] == ["Private tag data (ACME & <b>Sons)"]
    count = dialog.model.rowCount()
    assert dialog.count.text() == f"{count} rows"
    assert [row[TAG] for row in rows(dialog) if row[TAG]] == [row.tag for row in dialog.model.rows if row.tag]


def test_text_of_the_file_is_never_markup(dialog: TagDialog) -> None:
    (row,) = [n for n, texts in enumerate(rows(dialog)) if texts[VALUE] == MARKUP]
    index = dialog.model.index(row, VALUE)
    assert index.data() == MARKUP
    tip = index.data(Qt.ItemDataRole.ToolTipRole)
    assert "<img" not in tip
    assert shown_of(tip) == MARKUP


def test_search_takes_all_words_anywhere_and_keeps_the_sequence(dialog: TagDialog) -> None:
    dialog.search.setText("JANE  patient's")
    assert [row[TAG] for row in rows(dialog)] == ["(0010,0010)"]
    dialog.search.setText("t-d3000")
    assert [row[:3] for row in rows(dialog)] == [
        ("(0008,2218)", "SQ", "Anatomic Region Sequence"),
        ("", "", "Item 1"),
        ("(0008,0100)", "SH", "Code Value"),
    ]
    assert dialog.model.index(2, TAG).data() == f"{tags.INDENT}(0008,0100)"
    dialog.search.setText("0010,0020")
    assert [row[VALUE] for row in rows(dialog)] == ["J-0815"]
    dialog.search.setText("nothing like it")
    assert rows(dialog) == []
    assert dialog.count.text().startswith("0 of ")


def test_filters(dialog: TagDialog) -> None:
    dialog.which.setCurrentIndex(tags.PRIVATE)
    assert {row[TAG][:6] for row in rows(dialog)} == {"(0019,"}
    assert len(rows(dialog)) == 2
    dialog.which.setCurrentIndex(tags.PERSON)
    assert "(0010,0010)" in {row[TAG] for row in rows(dialog)}
    assert "(0018,0015)" not in {row[TAG] for row in rows(dialog)}


def test_values_and_rows_are_copied(dialog: TagDialog, qtbot: QtBot) -> None:
    assert not dialog.copy_value.isEnabled()
    dialog.search.setText("0010,00")
    dialog.table.selectRow(0)
    dialog.copy_value.click()
    assert QGuiApplication.clipboard().text() == "Doe^Jane"
    dialog.copy_row.click()
    assert QGuiApplication.clipboard().text() == "(0010,0010)\tPN\tPatient's Name\tDoe^Jane"
    dialog.table.selectAll()
    dialog.table.setFocus()
    qtbot.keyClick(dialog.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Doe^Jane\nJ-0815"


def test_privacy_hides_values_from_eye_search_and_clipboard(dialog: TagDialog) -> None:
    dialog.workspace.set_setting("privacy", True)
    assert value_of(dialog, "(0010,0010)") == "hidden"
    assert value_of(dialog, "(0008,0104)") == "hidden"
    assert value_of(dialog, "(0018,0015)") == "CHEST"
    assert not any(secret in str(rows(dialog)) for secret in ("Doe", "Jane", "J-0815", MARKUP))
    assert dialog.windowTitle() == "DICOM tags"
    dialog.table.selectAll()
    dialog.copy(values_only=False)
    assert "Doe" not in QGuiApplication.clipboard().text()
    dialog.search.setText("doe")
    assert rows(dialog) == []
    dialog.search.clear()
    dialog.workspace.set_setting("privacy", False)
    assert value_of(dialog, "(0010,0010)") == "Doe^Jane"


def test_it_follows_the_series_and_keeps_its_place(make_window: MakeWindow, tmp_path: Path, qtbot: QtBot) -> None:
    for z in range(4):
        (tmp_path / f"{z}.dcm").write_bytes(
            film(
                SeriesInstanceUID="1.2", SOPInstanceUID=f"1.2.{z + 1}", ImagePositionPatient=[0, 0, z],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[1, 1],
            )
        )  # fmt: skip
    window = make_window(auto_analyse=False)
    window.open_paths([tmp_path])
    qtbot.waitUntil(lambda: window.workspace.active.picture is not None)
    window.action("tags").trigger()
    dialog = window.tags
    qtbot.waitUntil(lambda: dialog.model.rowCount() > 0)
    before = value_of(dialog, "(0008,0018)")
    dialog.table.selectRow(4)
    window.workspace.active.step_frame(1)
    qtbot.waitUntil(lambda: value_of(dialog, "(0008,0018)") != before)
    assert [index.row() for index in dialog.table.selectionModel().selectedRows()] == [4]


def test_other_files_say_that_they_have_none(opened: Opened, grey: Path, qtbot: QtBot) -> None:
    window = opened(grey, auto_analyse=False)
    window.action("tags").trigger()
    dialog = window.tags
    qtbot.waitUntil(lambda: "is no DICOM file" in dialog.message.text())
    assert dialog.pages.currentWidget() is dialog.message
    assert grey.name in dialog.message.text()
    assert dialog.message.textFormat() is Qt.TextFormat.PlainText
    window.workspace.set_setting("privacy", True)
    qtbot.waitUntil(lambda: grey.name not in dialog.message.text())


def test_a_dicom_file_without_a_picture_has_tags(opened: Opened, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "report.dcm"
    path.write_bytes(film(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")[:-150])
    window = opened(path, auto_analyse=False)
    assert window.workspace.active.failure is not None
    assert window.action("tags").isEnabled()
    window.action("tags").trigger()
    qtbot.waitUntil(lambda: window.tags.model.rowCount() > 0)
    assert value_of(window.tags, "(0010,0010)") == "Doe^Jane"


def test_it_is_not_offered_where_there_is_no_file(make_window: MakeWindow) -> None:
    assert not make_window().action("tags").isEnabled()


def test_the_title_is_that_of_the_rows_while_another_file_is_read(
    dialog: TagDialog, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, read = threading.Event(), opening.read_tags

    def slow(path: Path) -> object:
        assert go_on.wait(60)
        return read(path)

    monkeypatch.setattr(opening, "read_tags", slow)
    other = tmp_path / "Roe.dcm"
    other.write_bytes(film(PatientName="Roe^Richard"))
    ws = dialog.workspace
    ws.open_paths([other])
    qtbot.waitUntil(lambda: ws.busy(tags.LANE) is not None)
    assert (dialog.windowTitle(), value_of(dialog, "(0010,0010)")) == ("Doe.dcm - DICOM tags", "Doe^Jane")
    go_on.set()
    qtbot.waitUntil(lambda: ws.busy(tags.LANE) is None)
    assert (dialog.windowTitle(), value_of(dialog, "(0010,0010)")) == ("Roe.dcm - DICOM tags", "Roe^Richard")
