"""The shipped samples, judged by the shipped models: what contradicts a title is never left without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from medview.core.samples import Sample, samples
from medview.imaging.open import open_path
from medview.imaging.study import Frame, Study
from medview.inference.analysis import Analysis
from medview.inference.engine import Engine
from medview.inference.request import AnalysisRequest
from medview.ui.widgets import MessageBox
from tests.ui.conftest import MakeWindow
from tests.ui.fakes import FakeEngine


@pytest.fixture(scope="module")
def judged(engine: Engine) -> dict[str, Analysis]:
    """What the shipped models say of each sample, by its file name."""
    made = {}
    for sample in samples():
        study = open_path(sample.path)
        assert isinstance(study, Study)
        made[sample.path.name] = engine.analyse(AnalysisRequest(study.frames[0], str(sample.path)))
    return made


def contradicted(sample: Sample, analysis: Analysis) -> Iterator[str]:
    """The names of all labels that were flagged and should not, or the other way round."""
    for result in analysis.results:
        there = set(sample.truth.get(result.card.id, result.findings))
        known = {one.id for one in result.card.shown} - set(sample.unsure.get(result.card.id, ()))
        for label in (set(result.findings) ^ there) & known:
            yield result.card.label(label).name


def test_every_truth_names_labels_that_there_are(judged: dict[str, Analysis]) -> None:
    for sample in samples():
        cards = {result.card.id: result.card for result in judged[sample.path.name].results}
        for table in (sample.truth, sample.unsure):
            for model, labels in table.items():
                assert set(labels) <= {label.id for label in cards[model].labels}, (sample.path.name, model)
        assert sample.truth or sample.kind == "other"


def test_a_sample_is_answered_by_its_truth_or_says_that_it_is_not(
    qtbot: QtBot, make_window: MakeWindow, judged: dict[str, Analysis]
) -> None:
    def answer(frame: Frame, force: bool) -> Analysis:
        return judged[frame.path.name]

    engine = FakeEngine(answer)
    engine.add_stability = lambda analysis, request, token: analysis  # type: ignore[method-assign]
    window = make_window(engine, samples())
    ws = window.workspace
    for sample in samples():
        window.open_paths([sample.path])
        qtbot.waitUntil(
            lambda name=sample.path.name: ws.active.title.startswith(name) and ws.active.analysis is not None
        )
        first = window.findings.widgets[0]
        wrong = set(contradicted(sample, judged[sample.path.name]))
        assert isinstance(first, MessageBox) is bool(wrong), sample.path.name
        if isinstance(first, MessageBox):
            assert re.search(r"Here the model(?:s are| is) wrong\.", first.accessibleName())
            assert all(name in first.text.text() for name in wrong)


def test_a_sample_is_known_however_its_path_is_written_and_without_asking_its_drive(
    qtbot: QtBot, make_window: MakeWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = samples()[0]
    monkeypatch.chdir(sample.path.parent)
    window = make_window(samples=samples(), auto_analyse=False)

    def asked(path: Path, strict: bool = False) -> Path:
        raise AssertionError(f"the drive of {path} is asked")

    monkeypatch.setattr(Path, "resolve", asked)
    window.open_paths([Path("..") / sample.path.parent.name / sample.path.name])
    qtbot.waitUntil(lambda: window.workspace.active.picture is not None and not window.workspace.active.busy("open"))
    first = window.findings.widgets[0]
    assert isinstance(first, QLabel)
    assert first.text() == f"Sample, known as: {sample.title}"


@pytest.mark.parametrize("kind", ["chest_xray", "brain_mr", "skin_lesion", "other"])
def test_of_every_kind_there_is_a_sample_that_is_answered_rightly(judged: dict[str, Analysis], kind: str) -> None:
    right = [s for s in samples() if s.kind == kind and not any(contradicted(s, judged[s.path.name]))]
    assert right
    if kind != "other":
        assert all(judged[sample.path.name].status == "ok" for sample in right)


def test_pictures_without_a_finding_that_are_rightly_not_flagged(judged: dict[str, Analysis]) -> None:
    """A film of an adult, a film of a child and a mole: a student sees what an unremarkable picture looks like."""
    for name in ("chest-normal-adult-2.webp", "chest-normal-child.webp", "skin-nevus-2.jpg"):
        assert not any(result.findings for result in judged[name].results), name


@pytest.mark.parametrize(("width", "columns"), [(1440, 6), (1024, 6), (900, 4), (800, 4)])
def test_the_samples_fit_beside_each_other(make_window: MakeWindow, width: int, columns: int) -> None:
    window = make_window(samples=samples())
    window.resize(width, 800)
    QApplication.processEvents()
    places = [QRect(box.pos(), box.size()) for box in window.empty.sample_buttons.values()]
    assert len({place.x() for place in places}) == columns
    assert window.empty.horizontalScrollBar().maximum() == 0
