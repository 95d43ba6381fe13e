"""What the panel says beside the probabilities: notes about the picture, bands, sets, several models, their cards."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from medview.core.failures import Code
from medview.core.jobs import Token
from medview.imaging.study import DAMAGED_PART, Frame
from medview.inference.analysis import Analysis
from medview.inference.quality import QualityNote
from medview.inference.request import AnalysisRequest
from medview.ui import theme
from medview.ui.model_page import card_html
from tests.ui.conftest import Opened, write_png
from tests.ui.fakes import (
    BLURRED,
    FINDINGS,
    SIX,
    FakeEngine,
    chest_analysis,
    lying,
    mri_analysis,
    outlined,
    skin_analysis,
)
from tests.ui.operate import messages, press, result_boxes, steady, texts

# ---- what is wrong with the picture ----


def test_a_note_has_a_button_that_puts_the_picture_right_for_eye_and_models(
    qtbot: QtBot, opened: Opened, tmp_path: Path
) -> None:
    values = np.arange(60 * 80, dtype=np.uint16).reshape(60, 80).astype(np.uint8)
    engine = FakeEngine(lying)
    window = opened(write_png(tmp_path / "lying.png", values), engine)
    ws = window.workspace
    refused, *others = messages(window)
    assert "Not analysed: the film is not upright" in texts(refused)
    assert [made.text() for made in refused.buttons] == ["Rotate by 90° clockwise", "Analyse all the same"]
    assert [made.text() for box in others for made in box.buttons] == ["Invert the picture"]
    assert result_boxes(window) == []

    ws.active.set_view(scale=3.0, centre=(1.0, 1.0))
    refused.buttons[0].click()
    qtbot.waitUntil(lambda: ws.active.analysis is not None)
    assert ws.active.picture is not None
    assert (ws.active.picture.values == np.rot90(values, -1)).all()
    assert (ws.active.picture.frame.rows, ws.active.picture.frame.cols) == (80, 60)
    assert (ws.active.view.scale, ws.active.view.centre) == (None, None)
    assert [asked.corrections for asked in engine.requests] == [(), ("rotate_90",)]
    assert len(result_boxes(window)) == 2
    assert "The models and you see the picture rotated by 90° clockwise." in texts(window.findings)
    assert "The film looks like a negative." in texts(window.findings)
    assert "The picture is blurred" in texts(window.findings)

    ws.active.set_view(inverted=True)
    press(window.findings, "Invert the picture")
    qtbot.waitUntil(lambda: ws.active.analysis is not None)
    assert engine.requests[-1].corrections == ("invert", "rotate_90")
    assert ws.active.picture is not None
    assert ws.active.picture.frame.inverted
    assert not ws.active.view.inverted
    assert "The film looks like a negative." not in texts(window.findings)

    press(window.findings, "As in the file")
    qtbot.waitUntil(lambda: ws.active.analysis is not None)
    assert engine.requests[-1].corrections == ()
    assert ws.active.picture is not None
    assert (ws.active.picture.values == values).all()
    assert not ws.active.picture.frame.inverted


def test_what_was_put_right_is_remembered_for_its_file(
    qtbot: QtBot, opened: Opened, tmp_path: Path, colour: Path
) -> None:
    path = write_png(tmp_path / "lying.png", np.arange(60 * 80, dtype=np.uint16).reshape(60, 80).astype(np.uint8))
    engine = FakeEngine(lying)
    window = opened(path, engine)
    ws = window.workspace
    ws.active.set_corrections(("rotate_90",))
    qtbot.waitUntil(lambda: steady(window))
    for other in (colour, path):
        window.open_paths([other])
        qtbot.waitUntil(
            lambda other=other: ws.active.study is not None and ws.active.study.path == other and steady(window)
        )
    assert ws.active.corrections == ("rotate_90",)
    assert ws.active.picture is not None
    assert ws.active.picture.frame.rows == 80
    assert len(engine.requests) == 3


@pytest.mark.parametrize("code", [Code.TOO_DARK, Code.BLURRED, Code.SATURATED])
def test_a_refusal_for_quality_can_be_overruled(qtbot: QtBot, opened: Opened, grey: Path, code: Code) -> None:
    note = QualityNote(code, 0.1, 0.2, "It is so.", "Do something.", severity="refuse")

    def answer(frame: Frame, force: bool) -> Analysis:
        seen = replace(skin_analysis(frame), reason=note.failure(), quality=(note,))
        return replace(seen, forced=True) if force else replace(seen, status="refused", results=())

    window = opened(grey, FakeEngine(answer))
    press(window.findings, "Analyse all the same")
    qtbot.waitUntil(lambda: bool(result_boxes(window)))
    assert texts(window.findings).count("It is so.") == 1
    assert "Analysed at your own request" in texts(window.findings)


def test_notes_without_a_fix_share_one_message(opened: Opened, grey: Path) -> None:
    small = QualityNote(Code.TOO_SMALL, 90, 128, "The picture is small.", "Open the original picture.")
    window = opened(grey, FakeEngine(lambda frame, force: replace(skin_analysis(frame), quality=(small, BLURRED))))
    (message,) = messages(window)
    assert texts(message).startswith("\n2 notes about this picture\n")
    assert message.text.text().split("\n") == [f"• {small.text} {small.hint}", f"• {BLURRED.text} {BLURRED.hint}"]
    assert message.hint.text() == ""
    assert message.buttons == []


def test_what_the_analysis_knows_of_the_reading_is_told(opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(lambda frame, force: replace(skin_analysis(frame), notes=(DAMAGED_PART,))))
    assert window.findings.notes.text() == DAMAGED_PART


def test_one_note_stands_under_its_own_title(opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(lambda frame, force: replace(skin_analysis(frame), quality=(BLURRED,))))
    (message,) = messages(window)
    assert texts(message).startswith("\nThe picture is blurred\n")
    assert (message.text.text(), message.hint.text()) == (BLURRED.text, BLURRED.hint)


# ---- stability ----


def test_the_band_appears_behind_the_answer_and_leaves_the_cards_alone(
    qtbot: QtBot, opened: Opened, grey: Path
) -> None:
    window = opened(grey)
    (box,) = result_boxes(window)
    qtbot.waitUntil(lambda: steady(window))
    assert result_boxes(window) == [box]
    row = box.rows["nv"]
    assert row.band == pytest.approx((0.6021 * 0.9, 0.6021 * 1.2))
    assert "Small changes of the picture: 54.2 % to 72.3 %" in row.toolTip()
    assert box.unsteady.text() == "Unstable: Melanoma"
    assert box.unsteady.toolTip() == "Small changes of the picture make Melanoma the most probable."
    row.resize(300, row.height())
    image = row.grab().toImage()
    y = row.height() - 5 - 10 + 6 + 3
    inset, width = 10.5, 300 - 1 - 20
    drawn = [x for x in range(300) if image.pixelColor(x, y).name() == theme.MUTED]
    assert drawn[0] == pytest.approx(inset + width * row.band[0], abs=2)
    assert drawn[-1] == pytest.approx(inset + width * row.band[1], abs=2)


def test_a_chosen_heatmap_survives_the_band(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey)
    window.workspace.active.set_layers(label=("skin-lesion", "bkl"), heatmap_on=True)
    qtbot.waitUntil(lambda: steady(window))
    assert window.workspace.active.layers.label == ("skin-lesion", "bkl")
    assert window.workspace.active.analysis is not None
    assert window.workspace.active.analysis.results[0].stability is not None
    window.workspace.select_entry(0)
    qtbot.waitUntil(lambda: steady(window))
    assert window.workspace.active.analysis.results[0].stability is not None


def test_a_band_that_was_not_waited_for_comes_when_the_file_is_shown_again(
    qtbot: QtBot, opened: Opened, grey: Path, colour: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine()
    quick = engine.add_stability

    def slow(analysis: Analysis, request: AnalysisRequest, token: Token) -> Analysis:
        while True:
            token.check()
            time.sleep(0.01)

    monkeypatch.setattr(engine, "add_stability", slow)
    window = opened(grey, engine)
    ws = window.workspace
    assert ws.active.busy("stability") is not None
    window.open_paths([colour])
    qtbot.waitUntil(
        lambda: ws.active.study is not None and ws.active.study.path == colour and ws.active.analysis is not None
    )
    monkeypatch.setattr(engine, "add_stability", quick)
    window.open_paths([grey])
    qtbot.waitUntil(lambda: ws.active.study is not None and ws.active.study.path == grey and steady(window))
    assert ws.active.analysis is not None
    assert ws.active.analysis.results[0].stability is not None
    assert len(engine.requests) == 2


def test_a_forced_analysis_still_offers_the_fix(qtbot: QtBot, opened: Opened, tmp_path: Path) -> None:
    window = opened(write_png(tmp_path / "lying.png", np.zeros((60, 80), np.uint8)), FakeEngine(lying))
    press(window.findings, "Analyse all the same")
    qtbot.waitUntil(lambda: bool(result_boxes(window)))
    press(window.findings, "Rotate by 90° clockwise")
    qtbot.waitUntil(lambda: window.workspace.active.corrections == ("rotate_90",))


def test_a_mask_alone_has_no_stability_to_ask_for(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    engine = FakeEngine(mri_analysis)
    window = opened(grey, engine)
    qtbot.waitUntil(lambda: steady(window))
    assert engine.steadied == 0


# ---- several models ----


def test_independent_labels_say_so_and_several_cards_are_folded(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    findings, six = result_boxes(window)
    shown = [name for name, row in findings.rows.items() if not row.isHidden()]
    assert shown == ["effusion", "atelectasis", "pneumothorax"]
    assert list(findings.rows) == ["effusion", "atelectasis", "pneumothorax", "mass", "consolidation"]
    assert findings.rows["mass"].threshold == 0.2
    assert "Finding: Pleural effusion, Atelectasis" in texts(findings)
    assert "\nLooks for these 5 findings only. Each label by itself: they do not add up to 100 %.\n" in texts(findings)
    assert "\nKnows only these 6 classes; anything else is called one of them.\n" in texts(six)
    assert "Each label by itself" not in texts(six)
    assert "Not judged: Nodule, Hernia" in texts(findings)
    assert findings.not_judged.toolTip() == (
        "Nodule: The lower bound of its AUC is under 0.65.\nHernia: 4 training pictures show one."
    )
    assert "90 % set: Viral pneumonia, Bacterial pneumonia" in texts(six)
    assert findings.more is not None
    findings.more.click()
    assert not any(row.isHidden() for row in findings.rows.values())
    assert findings.more.isHidden()


def unsure(frame: Frame, force: bool = False) -> Analysis:
    """No label of the one-of-n model reaches the threshold of its set."""
    seen = chest_analysis(frame)
    return replace(seen, results=tuple(replace(r, prediction_set=r.prediction_set and ()) for r in seen.results))


def test_an_empty_set_says_that_nothing_is_likely_enough(opened: Opened, grey: Path) -> None:
    _, six = result_boxes(opened(grey, FakeEngine(unsure)))
    assert "90 % set: empty. No label is likely enough; take this answer for unknown." in texts(six)


def test_an_outline_that_is_no_finding_is_not_called_one(opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(outlined))
    lesion, outline = result_boxes(window)
    assert window.findings.widgets[0].property("tone") == "caution"
    assert lesion.verdict.text() == "Worth a look: Melanoma. Most probable: Melanocytic naevus"
    assert outline.verdict.text() == "Outlined: Skin lesion"
    assert outline.verdict.property("role") == "neutral"
    assert window.workspace.active.mask is not None


def test_a_row_of_a_folded_card_is_explained(opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    findings, _ = result_boxes(window)
    assert not window.findings.popover.isVisible()
    findings.rows["effusion"].click()
    assert "Fluid between lung and chest wall." in window.findings.popover.text.text()


def test_an_independent_label_that_crosses_its_threshold_is_told(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    qtbot.waitUntil(lambda: steady(window))
    findings, six = result_boxes(window)
    assert findings.unsteady.text() == "Unstable: Atelectasis"
    assert findings.unsteady.toolTip() == "Small changes of the picture carry Atelectasis across the threshold."
    assert six.unsteady.full_text() == "Unstable: Bacterial pneumonia"
    assert six.unsteady.toolTip() == "Small changes of the picture make Bacterial pneumonia the most probable."


def test_no_finding_of_independent_labels_names_no_most_probable_one(opened: Opened, grey: Path) -> None:
    def answer(frame: Frame, force: bool) -> Analysis:
        done = chest_analysis(frame)
        return replace(done, results=(replace(done.results[0], findings=()),))

    (box,) = result_boxes(opened(grey, FakeEngine(answer)))
    assert box.verdict.text() == "None of the 5 findings that it judges reached its threshold."


# ---- the card of a model ----


def test_the_card_of_a_model_is_one_click_away_and_esc_leads_back(opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(chest_analysis))
    _, six = result_boxes(window)
    assert isinstance(six.card_button, QPushButton)
    six.card_button.click()
    assert window.stack.currentWidget() is window.page
    assert window.page.title.text() == SIX.name
    shown = window.page.browser.toPlainText()
    for expected in (
        "For whom it was measured",
        "The test split of the training sources.",
        "What it cannot see",
        "Lateral views.",
        "Balanced accuracy",
        "0.851 to 0.894",
        "What it learned from",
        "border ring",
        "A shortcut, not medicine.",
        SIX.sha256,
        "The 90 % set of an answer up to 100 % holds every label of at least 18.0 %.",
    ):
        assert expected in shown
    window.leave_page()
    assert window.stack.currentWidget() is window.splitter


def test_a_card_tells_what_is_not_judged_and_escapes_its_texts() -> None:
    html = card_html(replace(FINDINGS, about={"summary": "<b>bold</b>", "baselines": [{"a": 0.123456}, "text"]}))
    assert "&lt;b&gt;bold" in html
    assert "0.1235" in html
    assert "The lower bound of its AUC is under 0.65." in html
    assert html.index("What it answers") < html.index("What it does not judge")
    assert "Nodule" not in html[: html.index("What it does not judge")]
