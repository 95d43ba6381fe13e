"""What a result's card makes clear beside the numbers: whether they count, and what the model cannot say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pytestqt.qtbot import QtBot

from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from medview.ui.results import ResultCard
from medview.ui.window import MainWindow
from tests.ui.fakes import (
    REFUSAL,
    FakeEngine,
    chest_analysis,
    mri_analysis,
)
from tests.ui.test_answers import cards
from tests.ui.test_window import press, texts

Opened = Callable[..., MainWindow]


# ---- an answer that was forced ----


def forced_cards(qtbot: QtBot, opened: Opened, path: Path, make: Callable[[Frame], Analysis]) -> list[ResultCard]:
    """The cards of what `make` gives, after the gate refused and the user insisted."""

    def answer(frame: Frame, force: bool) -> Analysis:
        if force:
            return replace(make(frame), reason=REFUSAL, forced=True)
        return Analysis(str(frame.path), 0, "refused", REFUSAL, "other", {"other": 0.97})

    window = opened(path, FakeEngine(answer))
    press(window.findings, "Analyse all the same")
    qtbot.waitUntil(lambda: bool(cards(window)))
    return cards(window)


def test_a_forced_answer_is_no_finding(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    findings, six = forced_cards(qtbot, opened, grey, chest_analysis)
    assert findings.verdict.text() == "Not valid here: finding: Pleural effusion, Atelectasis"
    assert six.verdict.text() == "Not valid here: finding: Viral pneumonia, Bacterial pneumonia"
    for card in (findings, six):
        assert card.verdict.property("role") == "caution"
        assert "90 % set" not in texts(card)
        assert not any(row.is_finding for row in card.rows.values())
        assert not any("finding" in row.accessibleName() for row in card.rows.values())


def test_a_forced_answer_is_not_calm_either(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    def calm(frame: Frame) -> Analysis:
        done = chest_analysis(frame)
        six = replace(done.results[1], probabilities={"normal": 0.9, "viral": 0.1}, findings=())
        return replace(done, results=(six, mri_analysis(frame, marked=False).results[0]))

    six, outline = forced_cards(qtbot, opened, grey, calm)
    assert six.verdict.text() == "Not valid here: no finding. Most probable: Normal"
    assert outline.verdict.text() == "Not valid here: nothing marked"
    assert six.verdict.property("role") == outline.verdict.property("role") == "caution"


def test_an_answer_that_was_not_forced_counts(opened: Opened, grey: Path) -> None:
    findings, six = cards(opened(grey, FakeEngine(chest_analysis)))
    assert findings.verdict.text() == "Finding: Pleural effusion, Atelectasis"
    assert findings.verdict.property("role") == "finding"
    assert six.rows["viral"].is_finding
