"""What the box of a result makes clear beside the numbers: whether they count, and what the model cannot say."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from medview.core.failures import Code, Failure
from medview.core.jobs import Token
from medview.core.samples import Sample, samples
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from medview.inference.card import Label
from medview.inference.request import AnalysisRequest
from medview.ui.results import ResultBox
from medview.ui.widgets import MessageBox
from medview.ui.window import MainWindow
from tests.ui.conftest import MakeWindow, Opened
from tests.ui.fakes import (
    LYING,
    SIX,
    FakeEngine,
    Make,
    chest_analysis,
    mri_analysis,
    refused,
    skin_analysis,
)
from tests.ui.operate import messages, press, result_boxes, steady, texts

# ---- an answer that was forced ----


def forced_cards(qtbot: QtBot, opened: Opened, path: Path, make: Callable[[Frame], Analysis]) -> list[ResultBox]:
    """The boxes of what `make` gives, after the gate refused and the user insisted."""

    def answer(frame: Frame, force: bool) -> Analysis:
        if force:
            return replace(make(frame), reason=LYING.failure(), forced=True)
        return Analysis(str(frame.path), 0, "refused", LYING.failure(), "chest_xray", {"chest_xray": 0.97})

    window = opened(path, FakeEngine(answer))
    press(window.findings, "Analyse all the same")
    qtbot.waitUntil(lambda: bool(result_boxes(window)))
    return result_boxes(window)


def test_a_forced_answer_is_no_finding(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    findings, six = forced_cards(qtbot, opened, grey, chest_analysis)
    assert findings.verdict.text() == "Not valid here: finding: Pleural effusion, Atelectasis"
    assert six.verdict.text() == "Not valid here: worth a look: Viral pneumonia, Bacterial pneumonia"
    for box in (findings, six):
        assert box.verdict.property("role") == "caution"
        assert "90 % set" not in texts(box)
        assert not any(row.is_finding for row in box.rows.values())
        assert not any("finding" in row.accessibleName() for row in box.rows.values())


def test_a_forced_answer_that_flags_nothing_is_not_valid_either(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    def calm(frame: Frame) -> Analysis:
        done = chest_analysis(frame)
        six = replace(done.results[1], probabilities={"normal": 0.9, "viral": 0.1}, findings=())
        return replace(done, results=(six, mri_analysis(frame, marked=False).results[0]))

    six, outline = forced_cards(qtbot, opened, grey, calm)
    assert six.verdict.text() == "Not valid here: no finding. Most probable: Normal"
    assert outline.verdict.text() == "Not valid here: nothing marked"
    assert six.verdict.property("role") == outline.verdict.property("role") == "caution"


def test_an_answer_that_was_not_forced_counts(opened: Opened, grey: Path) -> None:
    findings, six = result_boxes(opened(grey, FakeEngine(chest_analysis)))
    assert findings.verdict.text() == "Finding: Pleural effusion, Atelectasis"
    assert findings.verdict.property("role") == "finding"
    assert six.rows["viral"].is_finding


# ---- nothing moves away from the mouse ----


def places(window: MainWindow) -> dict[tuple[str, str], int]:
    """Where each visible row is in the window, by model and label."""
    QApplication.processEvents()
    return {
        (box.result.card.id, name): row.mapTo(window, QPoint(0, 0)).y()
        for box in result_boxes(window)
        for name, row in box.rows.items()
        if row.isVisible()
    }


class Waiting(FakeEngine):
    """Holds the stability back until `go` is set."""

    def __init__(self) -> None:
        super().__init__(chest_analysis)
        self.go = threading.Event()

    def add_stability(self, analysis: Analysis, request: AnalysisRequest, token: Token | None = None) -> Analysis:
        assert self.go.wait(10)
        return super().add_stability(analysis, request, token)


@pytest.mark.parametrize("size", [(1024, 700), (1440, 900)])
def test_no_row_moves_when_the_stability_comes(qtbot: QtBot, opened: Opened, grey: Path, size: tuple[int, int]) -> None:
    engine = Waiting()
    window = opened(grey, engine)
    window.resize(*size)
    before = places(window)
    assert len(before) == 6
    engine.go.set()
    qtbot.waitUntil(lambda: steady(window))
    assert all(box.unsteady.text().startswith("Unstable") for box in result_boxes(window))
    assert places(window) == before


@pytest.mark.parametrize("size", [(1024, 700), (1440, 900)])
def test_the_row_that_is_clicked_stays_where_it_is(
    qtbot: QtBot, opened: Opened, grey: Path, size: tuple[int, int]
) -> None:
    window = opened(grey, FakeEngine(chest_analysis), heatmap_on=False)
    window.resize(*size)
    qtbot.waitUntil(lambda: steady(window))
    findings, six = result_boxes(window)
    before = places(window)
    bar = window.findings.area.verticalScrollBar()

    for box, name, said in (
        (findings, "effusion", "Fluid between lung and chest wall."),
        (six, "bacterial", "Infection of the lung by bacteria."),
        (findings, "atelectasis", "threshold of 40.0 %"),
    ):
        window.findings.area.ensureWidgetVisible(box.rows[name])
        seen, at = places(window), bar.value()
        qtbot.mouseClick(box.rows[name], Qt.MouseButton.LeftButton)
        assert places(window) == seen
        assert bar.value() == at
        assert said in window.findings.popover.text.text().replace("\u00a0", " ")
    assert window.findings.switches.legend.isVisible()
    bar.setValue(0)
    qtbot.mouseClick(findings.rows["atelectasis"], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(findings.rows["atelectasis"], Qt.MouseButton.LeftButton)
    assert places(window) == before


# ---- models that contradict each other ----


def test_a_contradiction_is_told_before_the_answers(opened: Opened, grey: Path) -> None:
    found = Failure(Code.CONTRADICTION, "A: Normal is most probable. B: Mass.", "At least one of them is wrong.")
    window = opened(grey, FakeEngine(lambda frame, force: replace(chest_analysis(frame), contradictions=(found,))))
    (message,) = messages(window)
    assert "The models contradict each other\n" in texts(message)
    assert (message.text.text(), message.hint.text()) == (found.text, found.hint)
    assert window.findings.widgets.index(message) < window.findings.widgets.index(result_boxes(window)[0])


# ---- a heatmap in which there is nothing to see ----


@pytest.mark.parametrize(
    ("top", "said"),
    [
        (0.0, "No evidence for this label in this picture."),
        (0.29, "Too little evidence for this label to be drawn, beside that for the others."),
        (0.31, ""),
    ],
)
def test_a_heatmap_with_nothing_to_see_is_explained(opened: Opened, grey: Path, top: float, said: str) -> None:
    def pale(frame: Frame, force: bool) -> Analysis:
        done = chest_analysis(frame)
        findings, six = done.results
        heat = {**(findings.heatmaps or {}), "effusion": np.eye(7, dtype=np.float32) * np.float32(top)}
        return replace(done, results=(replace(findings, heatmaps=heat), six))

    window = opened(grey, FakeEngine(pale), heatmap_on=False)
    findings, _ = result_boxes(window)
    switches, popover = window.findings.switches, window.findings.popover
    findings.rows["effusion"].click()
    lines = popover.text.text().split("\n")
    assert lines[0] == "Fluid between lung and chest wall."
    assert (said in lines) if said else "evidence" not in popover.text.text()
    assert switches.note.full_text() == said
    assert (switches.note.isVisible(), switches.legend.isVisible()) == (bool(said), not said)
    findings.rows["atelectasis"].click()
    assert "evidence" not in popover.text.text()
    assert (switches.note.isVisible(), switches.legend.isVisible()) == (False, True)


def test_the_words_on_evidence_come_and_go_with_the_heatmap(opened: Opened, grey: Path) -> None:
    def empty(frame: Frame, force: bool) -> Analysis:
        done = skin_analysis(frame)
        heat = {label: np.zeros((7, 7), np.float32) for label in done.results[0].heatmaps or {}}
        return replace(done, results=(replace(done.results[0], heatmaps=heat),))

    window = opened(grey, FakeEngine(empty), heatmap_on=False)
    switches = window.findings.switches
    place = switches.mask_switch.y()
    assert not switches.note.isVisible()
    window.workspace.active.set_layers(heatmap_on=True)
    assert switches.note.isVisible()
    assert switches.note.full_text() == "No evidence for this label in this picture."
    QApplication.processEvents()
    assert switches.mask_switch.y() == place


# ---- what a model cannot say ----


def test_one_finding_alone_is_named_as_such(opened: Opened, grey: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one(frame: Frame, force: bool) -> Analysis:
        done = chest_analysis(frame)
        result = replace(done.results[0], probabilities={"effusion": 0.1}, findings=(), heatmaps=None)
        return replace(done, results=(result,))

    engine = FakeEngine(one)
    monkeypatch.setattr(engine, "add_stability", lambda analysis, *_, **__: analysis)
    (box,) = result_boxes(opened(grey, engine))
    assert "Looks for this finding only.\n" in texts(box)
    assert "add up" not in texts(box)


def test_what_another_card_judges_is_not_called_not_judged(opened: Opened, grey: Path) -> None:
    def shared(frame: Frame, force: bool) -> Analysis:
        done = chest_analysis(frame)
        findings, six = done.results
        hidden = Label("emphysema", "Emphysema", shown=False, why_hidden="Too weak.")
        card = replace(findings.card, labels=(*findings.card.labels, hidden))
        return replace(done, results=(replace(findings, card=card), six))

    findings, _ = result_boxes(opened(grey, FakeEngine(shared)))
    assert findings.not_judged.text() == "Not judged: Nodule, Hernia"
    assert "Emphysema" not in findings.not_judged.toolTip()


# ---- findings that are rather absent than present ----


@pytest.mark.parametrize(
    ("atelectasis", "said", "role"),
    [
        (0.5, "Finding: Pleural effusion, Atelectasis", "finding"),
        (0.499, "Finding: Pleural effusion. Worth a look: Atelectasis", "finding"),
        (0.02, "Finding: Pleural effusion. Worth a look: Atelectasis", "finding"),
    ],
)
def test_an_unlikely_finding_is_worth_a_look_and_no_more(
    opened: Opened, grey: Path, atelectasis: float, said: str, role: str
) -> None:
    def rare(frame: Frame, force: bool) -> Analysis:
        done = chest_analysis(frame)
        own = {**(done.results[0].probabilities or {}), "atelectasis": atelectasis}
        return replace(done, results=(replace(done.results[0], probabilities=own), done.results[1]))

    findings, six = result_boxes(opened(grey, FakeEngine(rare)))
    assert (findings.verdict.text(), findings.verdict.property("role")) == (said, role)
    likely = atelectasis >= 0.5
    spoken = findings.rows["atelectasis"].accessibleName()
    assert (", finding, " in spoken, ", worth a look, " in spoken) == (likely, not likely)
    assert six.verdict.text() == "Worth a look: Viral pneumonia, Bacterial pneumonia"
    assert six.verdict.property("role") == "caution"


# ---- what is known of a sample ----


def right(frame: Frame, force: bool = False) -> Analysis:
    """What is known of the sample of a child with pneumonia."""
    done = chest_analysis(frame)
    card = replace(SIX, labels=(Label("normal", "Normal", normal=True), Label("pneumonia_bacterial", "Bacterial")))
    six = replace(done.results[1], card=card, probabilities={"pneumonia_bacterial": 0.9, "normal": 0.1})
    return replace(done, results=(replace(six, findings=("pneumonia_bacterial",), heatmaps=None, prediction_set=None),))


def test_a_sample_says_what_it_is_known_to_show(
    qtbot: QtBot, make_window: MakeWindow, grey: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_samples = samples()
    window = make_window(FakeEngine(right), all_samples)
    monkeypatch.chdir(all_samples[0].path.parent)
    child = next(sample.path for sample in all_samples if sample.path.name == "chest-pneumonia-child.webp")
    for path in (child, Path(child.name)):
        window.open_paths([path])
        qtbot.waitUntil(lambda: bool(result_boxes(window)))
        first = window.findings.widgets[0]
        assert isinstance(first, QLabel)
        assert first.text() == "Sample, known as: Chest X-ray of a child, bacterial pneumonia"
        assert first.property("role") == "muted"
    window.open_paths([grey])
    qtbot.waitUntil(lambda: window.workspace.active.title == grey.name and bool(result_boxes(window)))
    assert "Sample, known as" not in texts(window.findings)


def test_a_sample_that_a_model_gets_wrong_says_so(qtbot: QtBot, make_window: MakeWindow, grey: Path) -> None:
    truth = {"chest-findings": ("effusion", "mass"), "chest-six": ()}
    sample = Sample(grey, "Effusion and a mass", "nowhere", "CC0", "chest_xray", "", truth, {"chest-six": ("viral",)})
    window = make_window(FakeEngine(chest_analysis), [sample])
    window.open_paths([grey])
    qtbot.waitUntil(lambda: bool(result_boxes(window)))
    notice = window.findings.widgets[0]
    assert notice is messages(window)[0]
    assert "Known: Effusion and a mass. Here the models are wrong." in texts(notice)
    assert messages(window)[0].text.text().split("\n") == [
        "Chest X-ray, findings flags what is not there: Atelectasis.",
        "Chest X-ray, findings does not flag what is there: Mass.",
        "Chest X-ray, six classes flags what is not there: Bacterial pneumonia.",
    ]


@pytest.mark.parametrize(
    ("kind", "make", "said"),
    [
        ("other", refused, ""),
        ("skin", refused, "It was not judged, although medview has models for it."),
        ("other", skin_analysis, "It is none of the pictures that medview judges, and it was judged."),
    ],
)
def test_a_sample_that_the_gate_gets_wrong_says_so(
    qtbot: QtBot, make_window: MakeWindow, grey: Path, kind: str, make: Make, said: str
) -> None:
    window = make_window(FakeEngine(make), [Sample(grey, "A sample", "nowhere", "CC0", kind, "")])
    window.open_paths([grey])
    qtbot.waitUntil(lambda: window.workspace.active.analysis is not None)
    first = window.findings.widgets[0]
    if said:
        assert isinstance(first, MessageBox)
        assert first.text.text() == said
    else:
        assert isinstance(first, QLabel)
        assert first.text() == "Sample, known as: A sample"


# ---- a picture of nothing has no kind ----


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (Code.BLANK, False),
        (Code.TOO_SMALL, False),
        (Code.WRONG_SHAPE, False),
        (Code.OTHER_KIND, False),
        (Code.UNFAMILIAR, False),
        (Code.TOO_DARK, True),
    ],
)
def test_a_picture_of_nothing_is_given_no_kind(opened: Opened, grey: Path, code: Code, told: bool) -> None:
    def nothing(frame: Frame, force: bool) -> Analysis:
        scores = {"brain_mri": 0.19, "other": 0.8}
        return Analysis(str(frame.path), 0, "refused", Failure(code, "It is so.", "Do this."), "brain_mri", scores)

    window = opened(grey, FakeEngine(nothing))
    assert ("Kind of picture: a brain MR slice (19 %)" in texts(window.findings)) is told
    assert ("Kind of picture" in texts(window.findings)) is told
