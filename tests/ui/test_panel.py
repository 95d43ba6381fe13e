"""The panel: one headline over all models, what a refusal offers, popovers, and nothing that jumps while stepping."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QGraphicsOpacityEffect, QLabel
from pytestqt.qtbot import QtBot

from medview.core.failures import Code, Failure
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from medview.inference.quality import QualityNote
from medview.ui import theme
from medview.ui.headline import headline
from medview.ui.results import ResultBox
from medview.ui.window import MainWindow
from tests.imaging.make import tiff
from tests.ui.conftest import MakeWindow, Opened
from tests.ui.fakes import (
    FINDINGS,
    MASKS,
    REFUSAL,
    FakeEngine,
    chest_analysis,
    mri_analysis,
    refused,
    skin_analysis,
)
from tests.ui.test_answers import cards, messages, steady
from tests.ui.test_window import dark, press, texts

MAMMOGRAM = Failure(
    Code.OTHER_MODALITY, "This is a mammogram; medview has no model for it.", "If its header is wrong, say what it is."
)


def ruled_out(frame: Frame, force: bool = False) -> Analysis:
    """The header has the last word."""
    return Analysis(str(frame.path), frame.index, "refused", MAMMOGRAM)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """Six frames, each of one grey."""
    path = tmp_path / "stack.tif"
    path.write_bytes(tiff([np.full((60, 80), 20 * number, np.uint8) for number in range(1, 7)]))
    return path


# ---- the headline ----


def frame_of(path: Path = Path("a.png")) -> Frame:
    class Small:
        rows, cols, index = 40, 40, 0

    small = Small()
    small.path = path  # type: ignore[attr-defined]
    return small  # type: ignore[return-value]


def test_the_headline_is_over_all_models() -> None:
    said = headline(chest_analysis(frame_of()))
    assert said.text == (
        "Flagged: Pleural effusion (81 %), Atelectasis (52 %). "
        "Worth a look: Viral pneumonia (46 %), Bacterial pneumonia (42 %)"
    )
    assert said.tone == "finding"


def test_the_headline_is_no_all_clear() -> None:
    done = chest_analysis(frame_of())
    calm = replace(done, results=tuple(replace(result, findings=()) for result in done.results))
    assert headline(calm) == headline(calm)
    assert (headline(calm).text, headline(calm).tone) == ("Nothing flagged; 2 findings not judged", "neutral")
    one = replace(FINDINGS, unavailable=())
    results = (replace(calm.results[0], card=one), calm.results[1])
    assert headline(replace(calm, results=results)).text == "Nothing flagged; 1 finding not judged"
    assert headline(replace(calm, results=calm.results[1:])).text == "Nothing flagged"


def test_the_headline_names_what_two_models_find_once_and_what_is_outlined() -> None:
    done, marked = chest_analysis(frame_of()), mri_analysis(frame_of())
    weaker = replace(done.results[0], probabilities={"effusion": 0.4}, findings=("effusion",))
    said = headline(replace(done, results=(weaker, done.results[0], *marked.results)))
    assert said.text == "Flagged: Pleural effusion (81 %), Atelectasis (52 %), Tumour (outlined)"


def test_the_headline_of_a_forced_answer_is_not_valid() -> None:
    forced = replace(chest_analysis(frame_of()), forced=True)
    assert headline(forced).text.startswith("Not valid here: flagged: Pleural effusion (81 %)")
    assert headline(forced).tone == "caution"
    calm = replace(forced, results=tuple(replace(result, findings=()) for result in forced.results))
    assert headline(calm).text == "Not valid here: nothing flagged; 2 findings not judged"


def test_headline_validity_and_contradictions_stand_first_and_in_this_order(opened: Opened, grey: Path) -> None:
    found = Failure(Code.CONTRADICTION, "A: Normal is most probable. B: Mass.", "At least one of them is wrong.")
    limits = ("children only", "a photo of a film")

    def answer(frame: Frame, force: bool) -> Analysis:
        return replace(chest_analysis(frame), validity=limits, contradictions=(found,))

    window = opened(grey, FakeEngine(answer))
    head, valid, contradiction, first, *_ = window.findings.cards
    assert isinstance(head, QLabel)
    assert head.text().startswith("Flagged: Pleural effusion (81\u00a0%), ")
    assert isinstance(valid, QLabel)
    assert valid.text() == "Children only; a photo of a film"
    assert contradiction is messages(window)[0]
    assert isinstance(first, ResultBox)


def test_the_stronger_card_comes_first(opened: Opened, grey: Path) -> None:
    def answer(frame: Frame, force: bool) -> Analysis:
        done = chest_analysis(frame)
        findings, six = done.results
        nothing = replace(findings, card=replace(FINDINGS, id="other"), findings=())
        return replace(done, results=(nothing, six, findings))

    window = opened(grey, FakeEngine(answer))
    assert [card.result.card.id for card in cards(window)] == ["chest-findings", "chest-six", "other"]
    # The heatmap that is offered first is that of the first row.
    assert window.workspace.overlay.label == ("chest-findings", "effusion")


def test_flagged_rows_come_first_within_a_card(opened: Opened, grey: Path) -> None:
    def answer(frame: Frame, force: bool) -> Analysis:
        done = chest_analysis(frame)
        return replace(done, results=(replace(done.results[0], findings=("pneumothorax",)),))

    (card,) = cards(opened(grey, FakeEngine(answer)))
    assert list(card.rows) == ["pneumothorax", "effusion", "atelectasis", "mass", "consolidation"]


def test_no_verdict_is_green(opened: Opened, grey: Path) -> None:
    def calm(frame: Frame, force: bool) -> Analysis:
        done = skin_analysis(frame)
        results = (replace(done.results[0], findings=()), *mri_analysis(frame, marked=False).results)
        return replace(done, results=results)

    window = opened(grey, FakeEngine(calm))
    head = window.findings.cards[0]
    assert head.property("tone") == "neutral"
    image = window.findings.grab().toImage()
    green = QColor(theme.PASSED).name()
    seen = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(0, image.height(), 2)}
    assert green not in seen
    assert {card.verdict.property("role") for card in cards(window)} == {"neutral"}


# ---- what the header rules out ----


def test_what_the_header_rules_out_is_one_muted_line(opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(ruled_out))
    (line,) = window.findings.cards
    assert isinstance(line, QLabel)
    assert (line.text(), line.property("role")) == (MAMMOGRAM.text, "muted")
    assert messages(window) == []
    assert "Kind of picture" not in texts(window.findings)
    buttons = [made for made in ("Analyse all the same", "Say what it is", "Invert the picture")]
    assert not any(text in texts(window.findings) for text in buttons)


def test_scrolling_through_a_series_that_the_header_rules_out_changes_nothing(
    qtbot: QtBot, opened: Opened, stack: Path
) -> None:
    engine = FakeEngine(ruled_out)
    window = opened(stack, engine)
    ws = window.workspace
    seen: set[tuple[str, ...]] = set()

    def look() -> None:
        (line,) = window.findings.cards
        assert isinstance(line, QLabel)
        seen.add((line.text(), str(dimmed(window))))

    for signal in (ws.analysisChanged, ws.busyChanged, ws.pictureChanged):
        signal.connect(look)
    for _ in range(3):
        calls = len(engine.calls)
        ws.step_frame(1)
        qtbot.waitUntil(lambda calls=calls: len(engine.calls) > calls and ws.analysis is not None)
    assert seen == {(MAMMOGRAM.text, "False")}
    assert not window.findings.slice.isVisible()


def test_what_the_header_rules_out_can_be_called_something_else_in_the_menu(
    qtbot: QtBot, opened: Opened, grey: Path
) -> None:
    engine = FakeEngine(ruled_out)
    window = opened(grey, engine)
    menu = window.kind_menu
    assert menu.menuAction() in window.menus["analysis"].actions()
    assert menu.isEnabled()
    menu.fill()
    chest, *_, back = (action for action in menu.actions() if not action.isSeparator())
    assert (chest.text(), chest.isChecked()) == ("This is a frontal chest X-ray", False)
    assert (back.text(), back.isEnabled()) == ("Take back", False)
    chest.trigger()
    qtbot.waitUntil(lambda: bool(cards(window)))
    assert "You said this is a frontal chest X-ray" in texts(window.findings)
    menu.fill()
    chest, *_, back = (action for action in menu.actions() if not action.isSeparator())
    assert chest.isChecked()
    back.trigger()
    qtbot.waitUntil(lambda: steady(window) and cards(window) == [])
    assert engine.kinds_said == ["", "chest_xray", ""]


def test_nothing_can_be_said_of_what_no_model_looks_at(make_window: MakeWindow) -> None:
    assert not make_window().kind_menu.isEnabled()


def test_what_is_over_in_a_moment_is_not_shown_as_going_on(qtbot: QtBot, opened: Opened, stack: Path) -> None:
    window = opened(stack, FakeEngine(ruled_out))
    said: set[tuple[str, bool]] = set()
    busy = window.findings.busy
    window.workspace.busyChanged.connect(lambda: said.add((busy.text.full_text(), busy.stop.isVisible())))
    window.workspace.step_frame(1)
    qtbot.waitUntil(lambda: steady(window))
    assert said == {("Second look", False)}


# ---- what the network refuses ----


def test_a_refused_kind_has_no_fix_and_cannot_be_forced(opened: Opened, grey: Path) -> None:
    def lying_other(frame: Frame, force: bool) -> Analysis:
        note = QualityNote(
            Code.ROTATED, 0.99, 0.95, "It lies.", "Rotate it.", correction="rotate_90", severity="refuse"
        )
        return replace(refused(frame), reason=REFUSAL, quality=(replace(note, correction=""),))

    window = opened(grey, FakeEngine(lying_other))
    refusal = messages(window)[0]
    assert [made.text() for made in refusal.buttons] == ["Say what it is"]
    assert "Kind of picture" not in texts(window.findings)
    menu = refusal.buttons[0].menu()
    assert [action.text() for action in menu.actions()] == [
        "This is a frontal chest X-ray",
        "This is a brain MR slice",
        "This is a skin lesion",
    ]


def test_the_user_says_what_a_picture_is_and_takes_it_back(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    engine = FakeEngine(refused)
    doubt = QualityNote(Code.UNFAMILIAR, 0.02, 0.5, "medview takes it for something else.", "Mind what it is.")
    engine.said["chest_xray"] = lambda frame: replace(chest_analysis(frame), quality=(doubt,))
    window = opened(grey, engine)
    messages(window)[0].buttons[0].menu().actions()[0].trigger()
    qtbot.waitUntil(lambda: bool(cards(window)))
    assert engine.kinds_said == ["", "chest_xray"]
    assert window.workspace.kind == "chest_xray"
    (said,) = messages(window)
    assert "You said this is a frontal chest X-ray; medview did not recognise it" in texts(said)
    assert said.text.text() == "Mind what it is."
    first = window.findings.cards.index(cards(window)[0])
    assert window.findings.cards.index(said) < first
    assert window.workspace.analysis is not None
    assert window.workspace.analysis.to_dict()["kind_by_user"] is True
    press(window.findings, "Take back")
    qtbot.waitUntil(lambda: engine.kinds_said == ["", "chest_xray", ""] and steady(window))
    assert cards(window) == []
    assert window.workspace.kind == ""


def test_what_the_user_said_is_remembered_for_its_file(qtbot: QtBot, opened: Opened, grey: Path, colour: Path) -> None:
    engine = FakeEngine(refused)
    window = opened(grey, engine)
    ws = window.workspace
    ws.set_kind("skin")
    qtbot.waitUntil(lambda: steady(window))
    for path in (colour, grey):
        window.open_paths([path])
        qtbot.waitUntil(lambda path=path: ws.study is not None and ws.study.path == path and steady(window))
        assert ws.kind == ("skin" if path == grey else "")
        assert ws.analysis is not None
        assert ws.analysis.kind_by_user is (path == grey)
    assert len(engine.calls) == 3


# ---- stepping through a series ----


def dimmed(window: MainWindow) -> bool:
    body = window.findings.area.widget()
    effect = body.graphicsEffect() if body is not None else None
    return isinstance(effect, QGraphicsOpacityEffect) and effect.isEnabled()


def numbered(frame: Frame, force: bool = False) -> Analysis:
    """Another probability on every frame."""
    done = chest_analysis(frame)
    own = {**(done.results[0].probabilities or {}), "effusion": 0.8 + frame.index / 100}
    return replace(done, results=(replace(done.results[0], probabilities=own), done.results[1]))


def test_while_stepping_the_last_answer_stays_dimmed_and_named(qtbot: QtBot, opened: Opened, stack: Path) -> None:
    engine = FakeEngine(numbered)
    window = opened(stack, engine)
    ws, panel = window.workspace, window.findings
    ws.step_frame(2)
    qtbot.waitUntil(lambda: ws.busy("open") is None and steady(window))
    assert panel.slice.full_text() == "Frame 3"
    before, empty = panel.cards, []
    for signal in (ws.analysisChanged, ws.busyChanged, ws.pictureChanged, ws.overlayChanged):
        signal.connect(lambda: empty.append(len(cards(window)) != 2))
    engine.delay_s = 0.2
    ws.step_frame(1)
    ws.step_frame(1)
    qtbot.waitUntil(lambda: ws.busy("analyse") is not None)
    assert panel.cards is before
    assert dimmed(window)
    assert panel.slice.full_text() == "Frame 3; frame 5 follows"
    assert window.action("heatmap").isEnabled()
    assert panel.switches.heat_switch.isEnabled()
    qtbot.waitUntil(lambda: ws.analysis is not None)
    assert not dimmed(window)
    assert panel.slice.full_text() == "Frame 5"
    assert cards(window)[0].rows["effusion"].probability == pytest.approx(0.84)
    ws.step_frame(-2)
    assert not dimmed(window)
    assert panel.slice.full_text() == "Frame 3"
    assert not any(empty)


def test_a_dimmed_answer_cannot_be_acted_on(qtbot: QtBot, opened: Opened, stack: Path) -> None:
    engine = FakeEngine(lambda frame, force: dark(frame, force) if frame.index == 0 else numbered(frame))
    window = opened(stack, engine)
    ws = window.workspace
    assert messages(window)
    engine.delay_s = 0.3
    ws.step_frame(1)
    qtbot.waitUntil(lambda: dimmed(window))
    press(window.findings, "Analyse all the same")
    qtbot.waitUntil(lambda: ws.analysis is not None)
    assert [call[1:] for call in engine.calls] == [(0, False), (1, False)]
    ws.step_frame(1)
    qtbot.waitUntil(lambda: dimmed(window))
    row = cards(window)[0].rows["atelectasis"]
    row.click()
    assert not window.findings.popover.isVisible()
    assert not row.isChecked()
    assert ws.overlay.label == ("chest-findings", "effusion")


def test_place_focus_and_chosen_heatmap_stay_from_slice_to_slice(qtbot: QtBot, opened: Opened, stack: Path) -> None:
    def answer(frame: Frame, force: bool) -> Analysis:
        return replace(numbered(frame), total_ms=float(len(engine.calls)))

    engine = FakeEngine(answer)
    window = opened(stack, engine)
    window.resize(1000, 560)
    ws, bar = window.workspace, window.findings.area.verticalScrollBar()
    QApplication.processEvents()
    cards(window)[1].rows["bacterial"].click()
    bar.setValue(120)
    for again in (lambda: ws.step_frame(1), ws.analyse):
        old = cards(window)[1]
        old.rows["bacterial"].setFocus()
        again()
        qtbot.waitUntil(lambda: ws.analysis is not None)
        assert cards(window)[1] is not old
        assert bar.value() == 120
        assert ws.overlay.label == ("chest-six", "bacterial")
        assert cards(window)[1].rows["bacterial"].isChecked()
    # Another picture takes the keys to itself; one that is looked at again leaves them where they are.
    assert cards(window)[1].rows["bacterial"].hasFocus()


def test_another_file_never_shows_the_answer_of_the_one_before(
    qtbot: QtBot, opened: Opened, stack: Path, grey: Path
) -> None:
    engine = FakeEngine(numbered)
    window = opened(stack, engine)
    ws = window.workspace
    engine.delay_s = 0.3
    window.open_paths([grey])
    qtbot.waitUntil(lambda: ws.title == grey.name)
    assert ws.analysis is None
    assert ws.answer is None
    assert cards(window) == []
    assert not window.findings.slice.isVisible()
    qtbot.waitUntil(lambda: bool(cards(window)))


def test_without_automatic_analysis_a_frame_says_that_it_is_not_analysed(
    qtbot: QtBot, opened: Opened, stack: Path
) -> None:
    window = opened(stack, FakeEngine(numbered))
    ws = window.workspace
    ws.set_setting("auto_analyse", False)
    ws.step_frame(1)
    qtbot.waitUntil(lambda: ws.busy("open") is None)
    assert "Not analysed yet." in texts(window.findings)
    assert cards(window) == []


def test_a_cancelled_slice_says_so(qtbot: QtBot, opened: Opened, stack: Path) -> None:
    engine = FakeEngine(numbered)
    window = opened(stack, engine)
    engine.delay_s = 5
    window.workspace.step_frame(1)
    qtbot.waitUntil(lambda: window.workspace.busy("analyse") is not None)
    window.action("cancel").trigger()
    assert "The analysis was cancelled." in texts(window.findings)
    assert cards(window) == []


# ---- popovers ----


def test_a_popover_lies_below_its_row_and_moves_nothing(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    qtbot.waitUntil(lambda: steady(window))
    row = cards(window)[0].rows["effusion"]
    row.click()
    popover = window.findings.popover
    below = row.mapTo(window, QPoint(0, row.height()))
    assert popover.parentWidget() is window
    assert abs(popover.y() - below.y()) <= 3
    assert window.rect().contains(popover.geometry())
    assert popover.height() >= popover.text.heightForWidth(popover.text.width())
    assert (
        popover.facts.text()
        == "81.0\u00a0%, finding, threshold 30.0\u00a0%\nSmall changes of the picture: 72.9\u00a0% to 97.2\u00a0%"
        or (popover.facts.text() == "81.0\u00a0%, finding, threshold 30.0\u00a0%")
    )


def test_a_popover_at_the_end_of_the_window_lies_above(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    bar = window.findings.area.verticalScrollBar()
    for card in cards(window):
        card.unfold()
    QApplication.processEvents()
    row = cards(window)[1].rows["emphysema"]
    bar.setValue(bar.maximum())
    window.findings.area.ensureWidgetVisible(row)
    row.click()
    popover = window.findings.popover
    assert window.rect().contains(popover.geometry())
    assert not popover.geometry().intersects(window.statusBar().geometry())
    place = row.mapTo(window, QPoint(0, 0)).y()
    assert popover.geometry().bottom() <= place or popover.y() >= place + row.height()


@pytest.mark.parametrize("way", ["escape", "button", "click", "scroll", "another answer"])
def test_a_popover_closes(qtbot: QtBot, opened: Opened, grey: Path, way: str) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    qtbot.waitUntil(lambda: steady(window))
    window.resize(1000, 560)
    popover = window.findings.popover
    row = cards(window)[0].rows["effusion"]
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Space)
    assert popover.isVisible()
    assert row.hasFocus()
    if way == "escape":
        popover.text.setFocus()
        qtbot.keyClick(popover.text, Qt.Key.Key_Escape)
        assert row.hasFocus()
    elif way == "button":
        qtbot.mouseClick(popover.close_button, Qt.MouseButton.LeftButton)
    elif way == "click":
        qtbot.mouseClick(window.viewer.canvas, Qt.MouseButton.LeftButton)
    elif way == "scroll":
        bar = window.findings.area.verticalScrollBar()
        bar.setValue(bar.value() + 10)
    else:
        window.workspace.analyse()
    assert not popover.isVisible()
    assert popover.anchor is None


def test_escape_closes_the_popover_and_not_what_runs(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    row = cards(window)[0].rows["effusion"]
    row.click()
    stopped: list[bool] = []
    window.action("cancel").triggered.connect(lambda: stopped.append(True))
    window.action("cancel").setEnabled(True)
    qtbot.keyClick(window.viewer.canvas, Qt.Key.Key_Escape)
    assert not window.findings.popover.isVisible()
    assert stopped == []


def test_a_popover_is_read_with_its_row(opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    row = cards(window)[0].rows["effusion"]
    assert "Fluid between lung and chest wall." in row.accessibleDescription()
    row.click()
    popover = window.findings.popover
    assert popover.accessibleName() == "Pleural effusion"
    assert "Fluid between lung and chest wall." in popover.accessibleDescription()
    assert row.nextInFocusChain() is popover.close_button


def test_a_row_without_a_heatmap_is_explained_all_the_same(opened: Opened, grey: Path) -> None:
    def answer(frame: Frame, force: bool) -> Analysis:
        done = chest_analysis(frame)
        return replace(done, results=(replace(done.results[0], heatmaps=None),))

    window = opened(grey, FakeEngine(answer), heatmap_on=False)
    row = cards(window)[0].rows["effusion"]
    row.click()
    assert window.findings.popover.isVisible()
    assert not window.workspace.overlay.heatmap_on
    assert not row.isChecked()
    row.click()
    assert not window.findings.popover.isVisible()


def test_a_mask_says_what_it_marks_without_being_asked(opened: Opened, grey: Path) -> None:
    assert MASKS.labels[0].about in texts(opened(grey, FakeEngine(mri_analysis)).findings)
