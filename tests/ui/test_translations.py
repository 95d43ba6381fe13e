"""Every text that a person sees is found by the extractor and translated: in a language of other letters, the whole
window shows no plain English."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from medview.core.failures import Code
from medview.core.samples import Sample
from medview.core.texts import Text, counted, fill
from medview.report.folder import write_failure
from medview.ui import words
from medview.ui.results import ResultBox
from medview.ui.widgets import label
from medview.ui.window import MainWindow
from medview.workspace import opening
from medview.workspace.runner import Job
from tests.imaging.make import dicom
from tests.imaging.segs import seg, segment, slices
from tests.ui.conftest import MakeWindow, write_png
from tests.ui.fakes import FINDINGS, SIX
from tests.ui.foreign import ForeignEngine, failed, foreign, foreign_card, judged, refused, ruled_out
from tests.ui.pseudo import ROOT, extractor, pseudo, translator
from tests.ui.reading import said
from tests.ui.segmentations.marked import COUNT, SIZE, laid, mark

# What is written everywhere as it is: names, units, formats, keys, licences.
EVERYWHERE = (
    "medview DICOM HU mm ms GPU CPU CUDA MR CT PA AP sha Jan PNG JPEG TIFF BMP WebP GIF AVIF XL NIfTI NRRD MetaImage "
    "DCM ZIP NOTICE md Qt PySide Python numpy opencv python headless onnxruntime pydicom imagecodecs Essentials LGPL "
    "Apache License GNU Lesser General Public Sans Inter SIL Open Font "
    "Ctrl Shift Alt Esc Home End PgUp PgDown Left Right Up Down Space"
)
# What is not checked: the detail of a failure, which is for the log and the support person, and a line that was cut
# off, whose whole text is its accessible name.
APART = ("MessageBox.toolTip", "Elided.text")
WORD = re.compile(r"[A-Za-z]{2,}")


# ---- what reads the window ----

Check = Callable[[QWidget], None]


@pytest.fixture(scope="session")
def language(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return translator(tmp_path_factory.mktemp("language"))


@pytest.fixture
def check(
    qapp: QApplication, language: Any, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Check]:
    """Nothing in a window is plain English: neither what its widgets say nor what they paint."""
    painted: set[str] = set()
    draw = QPainter.drawText

    def drawn(painter: QPainter, *args: Any) -> Any:
        painted.update(one for one in args if isinstance(one, str))
        return draw(painter, *args)

    monkeypatch.setattr(QPainter, "drawText", drawn)
    qapp.installTranslator(language)
    known = {*EVERYWHERE.split(), *WORD.findall(" ".join(Code))}
    # Folders, the endings of file names in other letters, hashes.
    folder = re.escape(str(tmp_path_factory.getbasetemp()))
    data = re.compile(folder + r"\S*|(?<=[а-я0-9])\.[a-z]+\b|\b[0-9a-f]{8,}\b")

    def look(window: QWidget) -> None:
        painted.clear()
        for widget in (window, *window.findChildren(QWidget)):
            # Also what is scrolled out of sight, of those that paint themselves.
            if widget is window or "paintEvent" in vars(type(widget)):
                widget.grab()
        found = {*said(window), *(("painted", text) for text in painted)}
        plain = {
            (where, text)
            for where, text in found
            if where not in APART and any(word not in known for word in WORD.findall(data.sub("", text)))
        }
        assert not plain, "\n".join(f"{where}: {text!r}" for where, text in sorted(plain))

    yield look
    qapp.removeTranslator(language)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_png(tmp_path / "снимок.png", np.arange(4800, dtype=np.uint8).reshape(60, 80))


@pytest.fixture
def answered(make_window: MakeWindow, film: Path, qtbot: QtBot) -> Callable[..., MainWindow]:
    def make(judge: Any) -> MainWindow:
        window = make_window(ForeignEngine(judge))
        window.open_paths([film])
        viewport = window.workspace.active
        qtbot.waitUntil(lambda: viewport.analysis is not None and viewport.busy("stability") is None)
        return window

    return make


# ---- the texts of the rings below, each by itself ----


def test_every_text_from_below_the_window_is_translated_and_filled(qapp: QApplication, language: Any) -> None:
    """Also those of states that no test of the window reaches."""
    tool = extractor()
    found = {
        (one.source, one.plural)
        for path in sorted((ROOT / "medview").rglob("*.py"))
        for one in tool.messages(path.read_text(encoding="utf-8"))
        if one.context == tool.TEXTS
    }
    qapp.installTranslator(language)
    try:
        for source, plural in found:
            places = re.findall(r"\{(\w+)(?:!r)?(:[^}]*)?\}", source)
            args = {name: 7 if format else "ж" for name, format in places}
            text = counted("", source, 5, **args) if plural else Text(source, **args)
            assert words.shown(text) == fill(pseudo(source), args, 5 if plural else None), source
    finally:
        qapp.removeTranslator(language)
    assert len(found) > 500


# ---- the states ----


def test_before_anything_is_open(make_window: MakeWindow, check: Check, film: Path) -> None:
    check(make_window(notice_accepted=False))
    sample = Sample(film, *(foreign(text) for text in ("title", "source", "licence")), "other", "")
    window = make_window(samples=[sample], recent_files=[str(film)])
    check(window)
    for menu in window.menus.values():
        menu.aboutToShow.emit()
    check(window)


@pytest.mark.parametrize("judge", [judged, refused, ruled_out, failed])
def test_an_answer(answered: Callable[..., MainWindow], check: Check, judge: Any, qtbot: QtBot) -> None:
    window = answered(judge)
    check(window)
    viewport = window.workspace.active
    if judge is refused:
        viewport.analyse(force=True)
        qtbot.waitUntil(lambda: viewport.analysis is not None and viewport.busy("stability") is None)
        check(window)
        window.kind_menu.fill()
        viewport.set_kind("chest_xray")
        qtbot.waitUntil(lambda: viewport.analysis is not None and viewport.busy("stability") is None)
        check(window)
    if judge is judged:
        for shown in window.findings.findChildren(ResultBox):
            shown.unfold()
            for row in shown.rows.values():
                row.click()
                check(window)


def test_a_list_of_everything(make_window: MakeWindow, check: Check, tmp_path: Path, qtbot: QtBot) -> None:
    """A series with a gap, a picture, files that do not open; each is shown in turn, the patient hidden at the end."""
    folder = tmp_path / "папка"
    folder.mkdir()
    write_png(folder / "снимок.png", np.arange(4800, dtype=np.uint8).reshape(60, 80))
    (folder / "пустой.dcm").write_bytes(b"")
    (folder / "битый.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    (folder / "архив.zip").write_bytes(b"PK\3\4" + bytes(90))
    for number, z in enumerate((0, 2, 4, 9)):
        (folder / f"срез{number}.dcm").write_bytes(_slice(number, z))
    window = make_window(ForeignEngine(judged))
    ws = window.workspace
    window.open_paths([folder])
    qtbot.waitUntil(lambda: len(ws.listing.entries) == 5 and not ws.busy("scan") and ws.active.picture is not None)
    for place in range(len(ws.listing.entries)):
        ws.select_entry(place)
        qtbot.waitUntil(lambda: not ws.active.busy("open") and (ws.active.failure or ws.active.analysis) is not None)
        check(window)
    ws.set_setting("privacy", True)
    check(window)


def _slice(number: int, z: int, **elements: object) -> bytes:
    """A slice of a CT of a patient in other letters."""
    told = {name: "Имя" for name in ("PatientName", "PatientID", "StudyDescription", "SeriesDescription")}
    return dicom(
        np.full((16, 16), 30 * number, np.uint16), Modality="CT", SeriesInstanceUID="1.2",
        SOPInstanceUID=f"1.2.{number + 1}", InstanceNumber=number, PixelSpacing=[1, 1], StudyDate="20260102",
        PatientSex="F", PatientBirthDate="19500101", ImagePositionPatient=[0, 0, z],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0], SpecificCharacterSet="ISO_IR 192", **told, **elements,
    )  # fmt: skip


def test_segmentations(check: Check, make_window: MakeWindow, tmp_path: Path, qtbot: QtBot) -> None:
    folder = tmp_path / "папка"
    folder.mkdir()
    slices(folder, COUNT, SIZE, name="срез")
    marks = folder / "маска.dcm"
    things = [segment(number, foreign("thing"), SegmentAlgorithmName="Сеть") for number in (1, 2)]
    del things[1].SegmentLabel
    utf8 = {"SeriesDescription": "Печень", "SpecificCharacterSet": "ISO_IR 192"}
    marks.write_bytes(seg([mark(1, 0, 2, 3), mark(2, 1, 2, 4), mark(1, 99, 2, 3, "7")], segments=things, **utf8))
    window = make_window(ForeignEngine(judged), auto_analyse=False)
    window.open_paths([marks])
    laid(window, qtbot)
    check(window)


def test_while_the_models_work_and_when_they_were_stopped(
    check: Check, make_window: MakeWindow, film: Path, qtbot: QtBot
) -> None:
    engine = ForeignEngine(judged)
    engine.delay_s = 20.0
    window = make_window(engine)
    window.open_paths([film])
    viewport = window.workspace.active
    qtbot.waitUntil(lambda: not window.findings.busy.stop.isHidden())
    check(window)
    viewport.cancel_analysis()
    qtbot.waitUntil(lambda: viewport.cancelled)
    check(window)


def test_while_pictures_are_looked_for(make_window: MakeWindow, check: Check, qtbot: QtBot) -> None:
    window, found = make_window(), threading.Event()
    ws = window.workspace
    ws.lanes.start(Job("scan", Text("looking for pictures"), lambda token: found.wait(10)))
    try:
        check(window)
        assert window.viewer.title.facts.full_text() == pseudo("Looking for pictures") + "…"
    finally:
        found.set()
    qtbot.waitUntil(lambda: not ws.busy("scan"))


def test_plain_english_is_noticed(check: Check, make_window: MakeWindow) -> None:
    window = make_window()
    label("Not for translation", "muted").setParent(window)
    with pytest.raises(AssertionError, match=r"QLabel\.text: 'Not for translation'"):
        check(window)


@pytest.fixture
def series(check: Check, make_window: MakeWindow, tmp_path: Path, qtbot: QtBot) -> MainWindow:
    """A window with a CT of four slices, not analysed."""
    for number in range(4):
        (tmp_path / f"срез{number}.dcm").write_bytes(_slice(number, 2 * number))
    window = make_window(ForeignEngine(judged), auto_analyse=False)
    window.open_paths([tmp_path / "срез0.dcm"])
    viewport = window.workspace.active
    qtbot.waitUntil(lambda: viewport.study is not None and len(viewport.study.frames) == 4)
    return window


def test_a_series_its_planes_and_its_tags(series: MainWindow, check: Check, qtbot: QtBot) -> None:
    check(series)
    viewport = series.workspace.active
    viewport.show_plane("coronal")
    qtbot.waitUntil(lambda: viewport.plane is not None and viewport.picture is not None and not viewport.busy("plane"))
    check(series)
    viewport.show_plane(None)
    series.action("tags").trigger()
    qtbot.waitUntil(lambda: series.tags.model.rowCount() > 0)
    rows = [series.tags.model.rows[number] for number in series.tags.model.shown]
    # Names of elements are the standard's.
    assert not {row.name for row in rows if not row.tag and WORD.search(words.shown(row.name))}
    series.workspace.set_setting("privacy", True)


def test_pages_and_messages(make_window: MakeWindow, check: Check, qtbot: QtBot, tmp_path: Path) -> None:
    window = make_window(ForeignEngine(judged))
    for failure in (
        opening.NO_PICTURES,
        opening.none_opened(3),
        write_failure(tmp_path / "снимок.png", OSError(28, "Диск")),
    ):
        window.workspace.actionFailed.emit(failure)
        check(window)
    window.workspace.saved.emit([tmp_path / "а.png", tmp_path / "б.png"])
    check(window)
    for page in ("help", "about"):
        window.action(page).trigger()
        check(window)
    window.action("models").trigger()
    qtbot.waitUntil(lambda: pseudo("Self-test passed") in window.page.browser.toPlainText())
    check(window)
    window.page.show_card(foreign_card(replace(SIX, unavailable=FINDINGS.unavailable)))
    check(window)
