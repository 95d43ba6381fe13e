"""One headline over all models, and the order of what stands below it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel

from medview.core.failures import Code, Failure
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from medview.ui import theme
from medview.ui.headline import headline
from medview.ui.results import ResultBox
from tests.ui.conftest import Opened
from tests.ui.fakes import FINDINGS, FakeEngine, chest_analysis, mri_analysis, skin_analysis
from tests.ui.operate import messages, result_boxes


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
    head, valid, contradiction, first, *_ = window.findings.widgets
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
    assert [box.result.card.id for box in result_boxes(window)] == ["chest-findings", "chest-six", "other"]
    # The heatmap that is offered first is that of the first row.
    assert window.workspace.active.layers.label == ("chest-findings", "effusion")


def test_flagged_rows_come_first_within_a_card(opened: Opened, grey: Path) -> None:
    def answer(frame: Frame, force: bool) -> Analysis:
        done = chest_analysis(frame)
        return replace(done, results=(replace(done.results[0], findings=("pneumothorax",)),))

    (box,) = result_boxes(opened(grey, FakeEngine(answer)))
    assert list(box.rows) == ["pneumothorax", "effusion", "atelectasis", "mass", "consolidation"]


def test_no_verdict_is_green(opened: Opened, grey: Path) -> None:
    def calm(frame: Frame, force: bool) -> Analysis:
        done = skin_analysis(frame)
        results = (replace(done.results[0], findings=()), *mri_analysis(frame, marked=False).results)
        return replace(done, results=results)

    window = opened(grey, FakeEngine(calm))
    head = window.findings.widgets[0]
    assert head.property("tone") == "neutral"
    image = window.findings.grab().toImage()
    green = QColor(theme.PASSED).name()
    seen = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(0, image.height(), 2)}
    assert green not in seen
    assert {box.verdict.property("role") for box in result_boxes(window)} == {"neutral"}
