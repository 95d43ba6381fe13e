"""Text of a file, a card or a name is never read as markup: Qt would fetch what it names, from wherever it points."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QAbstractListModel, QModelIndex, Qt
from PySide6.QtGui import QAction
from PySide6.QtGui import Qt as TextQt
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLabel, QTextBrowser, QWidget
from pytestqt.qtbot import QtBot

from medview.core.failures import Code, Failure
from medview.core.samples import Sample
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis, Result
from medview.inference.card import Card
from medview.inference.registry import ModelStatus
from medview.ui import words
from medview.ui.results import ResultBox
from medview.ui.widgets import LONG_LINE, MAX_TIP, plain_tip
from medview.ui.window import MainWindow
from tests.imaging.make import dicom
from tests.ui.conftest import MakeWindow, shown_of, write_png
from tests.ui.fakes import BLURRED, NEGATIVE, FakeEngine, chest_analysis, mri_analysis

MARKUP = "<img src='x.png'>"
UI = Path(__file__).resolve().parents[2] / "medview" / "ui"


# ---- the helper ----


@pytest.mark.parametrize("text", ["", "Melanoma", "a < b", "threshold 3 %\nClick", "x" * LONG_LINE])
def test_a_short_tooltip_stays_as_it_is(text: str) -> None:
    assert plain_tip(text) == text


@pytest.mark.parametrize(
    "text", [MARKUP, f"{MARKUP} and\n{MARKUP}", "&lt;b>", "<!doctype html>", "<?xml?>", "word " * 40, "a & b " * 40]
)
def test_markup_and_long_lines_are_shown_as_they_are(text: str) -> None:
    assert shown_of(plain_tip(text)).strip() == text.strip()


def test_no_tooltip_is_longer_than_can_be_read() -> None:
    assert len(shown_of(plain_tip("word " * 1_000_000))) <= MAX_TIP + 1


def test_only_the_helper_sets_tooltips_and_makes_labels() -> None:
    """So that nobody has to remember it."""
    banned = ("setToolTip", "setWhatsThis", "setTextFormat")
    for path in sorted(UI.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if path.name == "widgets.py" or not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            assert name not in banned, f"{path.name}:{node.lineno}: use set_tip or label of widgets.py"
            assert name not in ("QLabel", "QMessageBox"), f"{path.name}:{node.lineno}: use label of widgets.py"
            if name == "showText":
                assert "plain_tip" in ast.unparse(node), f"{path.name}:{node.lineno}: use plain_tip"


# ---- the window ----


def marked(value: Any) -> Any:
    """A card, or a part of one, with markup in every text that people read."""
    if isinstance(value, str):
        return f"{MARKUP} {value}"
    if isinstance(value, tuple):
        return tuple(marked(item) for item in value)
    if isinstance(value, list):
        return [marked(item) for item in value]
    if isinstance(value, dict):
        return {key: marked(item) for key, item in value.items()}
    return value


def marked_card(card: Card) -> Card:
    """With markup in names, texts and facts; ids are checked when a card is read."""
    labels = tuple(
        replace(label, name=marked(label.name), about=marked(label.about), why_hidden=marked(label.why_hidden))
        for label in card.labels
    )
    unavailable = tuple(replace(item, name=marked(item.name), why=marked(item.why)) for item in card.unavailable)
    about = {**marked(card.about), "summary": MARKUP, "cannot_see": [MARKUP], "extra": {MARKUP: MARKUP}}
    return replace(card, name=marked(card.name), version=MARKUP, labels=labels, unavailable=unavailable, about=about)


def marked_result(result: Result) -> Result:
    return replace(result, card=marked_card(result.card), provider=MARKUP)


def marked_analysis(frame: Frame, force: bool = False) -> Analysis:
    """Markup in every text of an analysis."""
    done = chest_analysis(frame)
    results = (*done.results, *mri_analysis(frame).results)
    notes = tuple(replace(note, text=MARKUP, hint=MARKUP) for note in (BLURRED, NEGATIVE))
    failure = Failure(Code.CONTRADICTION, MARKUP, MARKUP, MARKUP)
    said = {item.name: MARKUP for item in fields(Analysis) if item.name == "validity"}
    return replace(
        done,
        results=tuple(marked_result(result) for result in results),
        quality=notes,
        contradictions=(failure,),
        warnings=(replace(failure, code=Code.MODEL_FAILED),),
        **({"validity": (MARKUP,)} if said else {}),
    )


class MarkedEngine(FakeEngine):
    """An engine all of whose texts hold markup."""

    def kind_names(self) -> dict[str, str]:
        return {kind: f"{MARKUP} {name}" for kind, name in super().kind_names().items()}


def everything(window: MainWindow) -> Iterator[QWidget]:
    """Every widget of the program, popovers as well."""
    yield from QApplication.allWidgets()


def check(window: MainWindow) -> int:
    """Nothing in the window can be read as markup; how many texts hold some."""
    seen = 0
    for widget in everything(window):
        seen += MARKUP in shown_of(widget.toolTip())
        assert not TextQt.mightBeRichText(widget.whatsThis())
        if isinstance(widget, QLabel) and widget.metaObject().className() != "QTipLabel":
            assert widget.textFormat() == Qt.TextFormat.PlainText, widget.text()
            seen += MARKUP in widget.text()
        for action in (*widget.actions(), *widget.findChildren(QAction)):
            seen += MARKUP in shown_of(action.toolTip())
        if isinstance(widget, QTextBrowser):
            assert "\ufffc" not in widget.toPlainText()
            seen += MARKUP in widget.toPlainText()
        if isinstance(widget, QAbstractItemView) and widget.model() is not None:
            seen += sum(MARKUP in shown_of(tip) for tip in item_tips(widget))
    return seen


def item_tips(view: QAbstractItemView) -> Iterator[str]:
    model = view.model()
    for row in range(model.rowCount(QModelIndex())):
        columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount(QModelIndex())
        for column in range(columns):
            yield str(model.data(model.index(row, column), Qt.ItemDataRole.ToolTipRole) or "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files with markup in their names, their folder's name and every text of their header."""
    name = "<img src='x.png'> é" if os.name != "nt" else "x é"
    place = tmp_path / name
    place.mkdir()
    write_png(place / f"{name}.png", np.arange(4800, dtype=np.uint8).reshape(60, 80))
    (place / f"{name} broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    tags = ("PatientName", "PatientID", "StudyDescription", "SeriesDescription", "Manufacturer")
    told = {tag: MARKUP for tag in tags}
    values = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    (place / "a.dcm").write_bytes(dicom(values, **told, StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.4"))
    return place


def test_no_text_of_a_file_or_a_card_can_be_read_as_markup(
    qtbot: QtBot, make_window: MakeWindow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(folder.iterdir())
    sample = Sample(paths[-1], MARKUP, MARKUP, MARKUP, MARKUP, MARKUP)
    engine = MarkedEngine(marked_analysis)
    bad = Failure(Code.MODEL_DAMAGED, MARKUP, MARKUP, MARKUP)
    card = marked_card(chest_analysis_card())
    engine.statuses = lambda: [ModelStatus("a", card, None, 3.0), ModelStatus(MARKUP, None, bad)]  # type: ignore[method-assign]
    window = make_window(engine, samples=[sample], recent_files=[str(path) for path in paths])
    ws = window.workspace
    assert check(window) >= 3
    window.open_paths([folder])
    qtbot.waitUntil(lambda: len(ws.listing.entries) == 3 and not ws.busy("scan") and ws.active.analysis is not None)
    qtbot.waitUntil(lambda: ws.active.busy("stability") is None)
    for place in range(len(ws.listing.entries)):
        ws.select_entry(place)
        qtbot.waitUntil(
            lambda: not ws.active.busy("open") and (ws.active.failure is not None or ws.active.analysis is not None)
        )
        for shown in window.findings.findChildren(ResultBox):
            shown.unfold()
            for row in list(shown.rows.values())[:2]:
                row.click()
        assert check(window) >= 5
    ws.select_entry(next(n for n, entry in enumerate(ws.listing.entries) if entry.series is not None))
    qtbot.waitUntil(lambda: not ws.active.busy("open") and ws.active.picture is not None)
    window.action("tags").trigger()
    qtbot.waitUntil(lambda: window.tags.model.rowCount() > 0)
    assert check(window) >= 5
    window.tags.close()
    ws.actionFailed.emit(Failure(Code.WRITE_ERROR, MARKUP, MARKUP, MARKUP))
    assert check(window) >= 5
    window.page.show_card(card)
    assert check(window) >= 5
    window.page.show_models()
    qtbot.waitUntil(lambda: "Switched off" in window.page.browser.toPlainText())
    assert check(window) >= 5


def chest_analysis_card() -> Card:
    """A card with everything a card can have."""
    from tests.ui.fakes import FINDINGS, SIX

    return replace(SIX, unavailable=FINDINGS.unavailable)


def test_a_transfer_syntax_is_shown_as_it_stands(qtbot: QtBot, make_window: MakeWindow, tmp_path: Path) -> None:
    """It became the tooltip of the message of an error, and hovering it read the path it names."""
    named = "<img src='abc.png'>"
    path = tmp_path / "a.dcm"
    data = dicom(np.zeros((64, 64), np.uint16))
    path.write_bytes(data.replace(b"1.2.840.10008.1.2.1", named.encode(), 1))
    window = make_window()
    window.open_paths([path])
    qtbot.waitUntil(lambda: window.workspace.active.failure is not None)
    message = window.viewer.failure.message
    assert message is not None
    assert named in shown_of(message.toolTip())
    check(window)


def test_a_title_shows_what_qt_takes_for_the_mark_of_an_unsaved_file(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.setWindowTitle(words.in_file("a[*] [*][*].png", "medview"))
    window.show()
    assert window.windowHandle().title() == "a[*] [*][*].png - medview"
