"""The table that a person reads: findings, bands, sets, what is not judged, columns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medview.cli.output import _lines
from medview.core.failures import Code, Failure
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis
from tests.ui.fakes import NEGATIVE, chest_analysis, skin_analysis, steady


def test_a_table_tells_bands_sets_and_what_is_not_judged() -> None:
    seen = chest_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    seen = replace(seen, quality=(NEGATIVE,), results=tuple(steady(result) for result in seen.results))
    shown = "\n".join(_lines(seen))
    for expected in (
        "The film looks like a negative. Invert it.\n    Try: --invert",
        "        looks for 5 labels only, each by itself; they do not add up to one\n",
        "        knows only these 6 classes; anything else is called one of them\n",
        "      * Pleural effusion                      81.0%  (from 30.0%)   72.9% to  97.2%  ###################\n",
        "      * Atelectasis                           52.0%  (from 40.0%)   46.8% to  62.4%  ############\n",
        "        Consolidation                          8.0%                  7.2% to   9.6%  ##\n",
        "90% set: Viral pneumonia, Bacterial pneumonia",
        "not judged: Nodule, Hernia",
        "unstable: small changes of the picture speak for or against Bacterial pneumonia",
    ):
        assert expected in shown


def test_an_empty_set_is_said() -> None:
    seen = chest_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    seen = replace(seen, results=tuple(replace(r, prediction_set=r.prediction_set and ()) for r in seen.results))
    shown = "\n".join(_lines(seen))
    assert shown.count("90% set: no label is likely enough") == 1


def test_each_model_of_a_forced_answer_is_called_not_valid() -> None:
    seen = chest_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    heads = (
        "Chest X-ray, findings (chest-findings 1.0.0, CPU, 8 ms)",
        "Chest X-ray, six classes (chest-six 1.1.0, CPU, 9 ms)",
    )
    shown = list(_lines(seen))
    assert [line.strip() for line in shown if line.strip() in heads] == list(heads)
    forced = list(_lines(replace(seen, forced=True)))
    assert [f"    {head}; not valid here" in forced for head in heads] == [True, True]
    assert any("90% set" in line for line in shown)
    assert not any("90% set" in line for line in forced)


def test_a_contradiction_is_in_the_table() -> None:
    found = Failure(Code.CONTRADICTION, "A: Normal is most probable. B: Mass.", "At least one of them is wrong.")
    seen = chest_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    assert list(_lines(replace(seen, contradictions=(found,))))[-1] == f"    {found.text} {found.hint}"


def test_how_a_picture_was_read_is_in_the_table() -> None:
    seen = chest_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    assert list(_lines(replace(seen, notes=("Picture 1 of 2 in the file.",))))[-1] == "    Picture 1 of 2 in the file."


@pytest.mark.parametrize(("code", "kind"), [(Code.BLANK, ""), (Code.OTHER_KIND, ""), (Code.ROTATED, "  brain_mri 19%")])
def test_a_picture_of_nothing_is_given_no_kind(code: Code, kind: str) -> None:
    reason = Failure(code, "It is so.", "Do this.")
    lines = list(_lines(Analysis("x.png", 0, "refused", reason, "brain_mri", {"brain_mri": 0.19, "other": 0.8})))
    assert lines == [f"x.png  refused{kind}", "    It is so. Do this."]


def test_the_columns_of_a_table_stand_below_each_other() -> None:
    seen = chest_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    rows = [line for line in _lines(seen) if line.startswith(("      * ", "      + ", "        ")) and "%  " in line]
    assert len(rows) == 11
    assert {line.index("%  ") for line in rows} == {50}
    assert {line.index("(from") for line in rows if "(from" in line} == {53}
    assert {line.rindex("  #") for line in rows if "#" in line} == {65}
    assert "      + Viral pneumonia                       46.0%  (from 15.0%)  ###########" in rows
    assert "        Normal                                 4.0%                #" in rows


def test_a_normal_label_has_no_point_in_the_table() -> None:
    seen = skin_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    (result,) = seen.results
    points = {**result.card.operating_points, "nv": result.card.operating_points["mel"]}
    card = replace(result.card, operating_points=points)
    lines = list(_lines(replace(seen, results=(replace(result, card=card),))))
    assert "        Melanocytic naevus                    60.2%                ##############" in lines
    assert "      + Melanoma                              34.1%  (from 21.0%)  ########" in lines


def test_without_operating_points_there_is_no_column_for_them() -> None:
    seen = skin_analysis(Frame(Path("x.png"), 0, 4, 4, "", lambda: np.zeros((4, 4), np.uint8)))
    card = replace(seen.results[0].card, operating_points={})
    lines = list(_lines(replace(seen, results=(replace(seen.results[0], card=card),))))
    assert "      + Melanoma                              34.1%  ########" in lines
