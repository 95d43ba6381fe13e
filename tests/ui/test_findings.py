"""The findings of one analysis: rows of probabilities, the verdict over them, thresholds, masks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from medview.inference.card import OperatingPoint
from medview.ui.results import ResultBox
from tests.ui.conftest import Opened
from tests.ui.fakes import FakeEngine, mri_analysis, skin_analysis
from tests.ui.operate import rows, texts


def test_flagged_rows_come_first_and_all_are_spoken(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    melanoma, naevus, keratosis, vascular = rows(window)
    assert melanoma.accessibleName() == "Melanoma, 34.1 %, worth a look, threshold 21.0 %"
    assert naevus.accessibleName() == "Melanocytic naevus, 60.2 %"
    assert (keratosis.name, vascular.name) == ("Benign keratosis-like lesion", "Vascular lesion")


def test_the_bar_and_its_tick_stand_where_the_numbers_say(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    row = rows(opened(grey))[0]
    row.resize(300, row.height())
    image = row.grab().toImage()
    bar_y = row.height() - 5 - 8
    inset, width = 10.5, 300 - 1 - 20
    colours = [image.pixelColor(x, bar_y).name() for x in range(300)]
    filled = [x for x, name in enumerate(colours) if name == "#f4b54a"]
    assert filled[-1] == pytest.approx(inset + width * 0.3412, abs=2)
    tick = [x for x, name in enumerate(colours) if name == "#e8ecf0"]
    assert np.mean(tick) == pytest.approx(inset + width * 0.21, abs=1)


def test_a_click_on_a_row_shows_its_heatmap_and_what_it_means(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey)
    ws = window.workspace
    popover = window.findings.popover
    naevus = rows(window)[1]
    qtbot.mouseClick(naevus, Qt.MouseButton.LeftButton)
    assert (ws.active.layers.label, ws.active.layers.heatmap_on) == (("skin-lesion", "nv"), True)
    assert [row.isChecked() for row in rows(window)] == [False, True, False, False]
    assert popover.isVisible()
    assert (popover.title.text(), popover.text.text()) == ("Melanocytic naevus", "A common mole.")
    assert window.findings.switches.heat_switch.isChecked()
    qtbot.mouseClick(naevus, Qt.MouseButton.LeftButton)
    assert not ws.active.layers.heatmap_on
    assert not naevus.isChecked()
    assert not popover.isVisible()


def test_rows_work_from_the_keyboard(qtbot: QtBot, opened: Opened, grey: Path) -> None:
    window = opened(grey)
    row = rows(window)[2]
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_Space)
    assert window.workspace.active.layers.label == ("skin-lesion", "bkl")


@pytest.mark.parametrize(
    ("probabilities", "findings", "verdict"),
    [
        ({"nv": 0.9, "mel": 0.1}, (), "No finding. Most probable: Melanocytic naevus"),
        (
            {"nv": 0.3, "bkl": 0.45},
            (),
            "No finding: nothing reached its threshold. Most probable: Benign keratosis-like lesion",
        ),
        ({"nv": 0.6, "mel": 0.4}, ("mel",), "Worth a look: Melanoma. Most probable: Melanocytic naevus"),
        ({"mel": 0.6, "vasc": 0.4}, ("mel", "vasc"), "Finding: Melanoma. Worth a look: Vascular lesion"),
    ],
)
def test_the_verdict_agrees_with_the_bars(
    opened: Opened, grey: Path, probabilities: dict[str, float], findings: tuple[str, ...], verdict: str
) -> None:
    def said(frame: Frame, force: bool) -> Analysis:
        done = skin_analysis(frame)
        return replace(done, results=(replace(done.results[0], probabilities=probabilities, findings=findings),))

    (box,) = opened(grey, FakeEngine(said)).findings.findChildren(ResultBox)
    assert box.verdict.text() == verdict


def test_a_normal_label_has_no_tick(opened: Opened, grey: Path) -> None:
    def ticked(frame: Frame, force: bool) -> Analysis:
        done = skin_analysis(frame)
        (result,) = done.results
        points = {**result.card.operating_points, "nv": OperatingPoint(0.5, 0.9, 0.9, 0.9)}
        return replace(done, results=(replace(result, card=replace(result.card, operating_points=points)),))

    melanoma, naevus, *_ = rows(opened(grey, FakeEngine(ticked)))
    assert (naevus.name, naevus.threshold) == ("Melanocytic naevus", None)
    assert melanoma.threshold == 0.21
    # Nor is one explained.
    assert "the threshold of" in melanoma.accessibleDescription()
    assert "the threshold of" not in naevus.accessibleDescription()


def test_what_a_threshold_did_is_not_promised_for_other_pictures(opened: Opened, grey: Path) -> None:
    expected = (
        "On the validation pictures, from the same sources as the training, the threshold of 21.0 % found 88.0 % of "
        "such pictures and cleared 81.0 % of the others; 80.0 % of what it marked was right. Expect less elsewhere."
    )
    window = opened(grey)
    row = rows(window)[0]
    assert expected in row.accessibleDescription()
    row.click()
    assert expected in window.findings.popover.text.text().replace("\u00a0", " ")


def test_a_mask_is_measured(opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(mri_analysis))
    mask = window.workspace.active.mask
    assert mask is not None
    shown = texts(window.findings)
    assert f"{mask.count} pixels, {mask.fraction * 100:.2f} % of the picture" in shown
    assert "Area unknown: the file gives no pixel spacing" in shown
    assert window.action("mask").isEnabled()


def test_an_empty_mask_says_nothing_marked(opened: Opened, grey: Path) -> None:
    window = opened(grey, FakeEngine(lambda frame, force: mri_analysis(frame, marked=False)))
    assert "Nothing marked" in texts(window.findings)
    assert not window.action("mask").isEnabled()
    assert not window.findings.switches.mask_switch.isChecked()


def test_a_second_stage_that_was_ruled_out_says_by_which_model(opened: Opened, grey: Path) -> None:
    def skipped(frame: Frame, force: bool) -> Analysis:
        analysis = mri_analysis(frame, marked=False)
        return replace(analysis, results=(replace(analysis.results[0], skipped_by="brain-tumour"),))

    window = opened(grey, FakeEngine(skipped))
    assert "Not run: the model brain-tumour sees nothing to outline." in texts(window.findings)
    assert "brain-tumour-mask" not in window.status.ran.full_text()


def test_opacity_and_switches_are_remembered(opened: Opened, grey: Path) -> None:
    window = opened(grey)
    window.findings.switches.heat_switch.setChecked(True)
    window.findings.switches.heat_slider.setValue(30)
    settings = window.workspace.settings
    assert (settings["heatmap_on"], settings["heatmap_opacity"]) == (True, 0.3)
    assert window.workspace.active.layers.heatmap_opacity == 0.3
