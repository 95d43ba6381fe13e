"""The report page: complete, escaped, and without anything to fetch."""

from __future__ import annotations

import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medview.core import resources

pytest.importorskip("sklearn", reason="scikit-learn is not installed: make train-setup")
pytest.importorskip("matplotlib", reason="matplotlib is not installed: make train-setup")

from tests.inference.cards import raw_card
from training.__main__ import main
from training.measure.evaluate import write_report
from training.measure.metrics import curves, reliability
from training.measure.report import cell, report_html
from training.ship.models_table import number

FIGURE = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 8, "groups": 4}
POINT = FIGURE | {"refused": 0.125, "called": {"a": 0.0625, "<b>": 0.9375}}


def toy_report() -> dict[str, Any]:
    """What an evaluation of two labels may hold, every part once."""
    truth, score = np.array([True, False, True, False]), np.array([0.9, 0.4, 0.3, 0.1])
    diagram = reliability(score, truth)
    split = {
        "images": 8,
        "groups": 4,
        "unit": "patient",
        "refused": 1,
        "accuracy": FIGURE,
        "ece": FIGURE,
        "recall": {"a": FIGURE},
        "accuracy_by_source": {"Hospital <1>": FIGURE, "kaggle_alz": FIGURE},
        "iou_per_patient_by_type": {"glioma": FIGURE},
        "per_label": {"a": {"positives": 3, "auc": FIGURE, "threshold": 0.4, "sensitivity": FIGURE}},
        "confusion": {"labels": ["normal", "a", "b", "refused"], "rows": [[1, 0, 0, 0], [0, 2, 0, 1], [0, 1, 3, 0]]},
        "recall_by_source": {"a": {"Hospital <1>": FIGURE}},
        "within_source": {"Hospital <1>": {"labels": ["a", "b"], "accuracy": FIGURE, "balanced_accuracy": FIGURE}},
        "prediction_set": {"promised": 0.9, "coverage": FIGURE, "coverage_by_label": {"a": FIGURE}},
        "curves": {"a": curves(truth, score)},
        "reliability": {"after": diagram, "before": diagram},
        "without_gate": {"accuracy": FIGURE},
    }
    changes = {"blur": {"unit": "sigma", "levels": [{"level": 1, **POINT}]}}
    return {
        "model": "toy",
        "sha256": "0" * 64,
        "splits": {"test": split, "far hospital": {"tumour": {"images": 4, "auc": FIGURE}}},
        "robustness": {"figure": "accuracy", "pictures": 4, "unchanged": POINT, "changes": changes},
        "stability": {"mean_band": FIGURE, "answer_changes": FIGURE},
        "pointing": {"lung_opacity": {"hit_rate": FIGURE, "blind_guess": FIGURE, "labels": {"a": 8}}},
        "held_out_sources": {
            "note": "short runs",
            "held_out": {
                "Hospital <1>": {"images": 5, "classes": {"a": {"recall": 0.6, "low": 0.2, "high": 0.9, "n": 5}}}
            },
            "criterion": {
                "auc": 0.875,
                "joint_auc": 0.8125,
                "flagged": 0.375,
                "threshold": -1.5,
                "sources": {
                    "Hospital <2>": {"auc": None, "normals_flagged": FIGURE | {"value": 0.4375}, "sick_flagged": None}
                },
            },
        },
        "baselines": {
            "rows": [{"name": "border ring", "accuracy": 0.25, "auc": None}, {"name": "b", "accuracy": FIGURE}]
        },
    }


class Page(HTMLParser):
    """What a page would fetch, the tags left open, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br", "img", "link"):
            self.open.append(tag)
        told = dict(attrs)
        self.ids += [told["id"] or ""] if "id" in told else []
        sources = [told.get(k) for k in ("src", "href", "xlink:href", "srcset", "action", "data")]
        self.fetched += [s for s in sources if s and not s.startswith(("#", "data:"))]
        self.fetched += [tag] if tag in ("script", "link", "iframe", "object", "embed") else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(page: str) -> Page:
    parser = Page()
    parser.feed(page)
    return parser


def test_the_page_fetches_nothing_and_is_well_formed() -> None:
    text = report_html(toy_report(), raw_card())
    page = read(text)
    assert page.fetched == []
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert re.findall(r"@import|url\((?!#)", text) == []
    # Names of XML, which nobody fetches.
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert text.count("<svg") == 4
    assert len(text) < 400_000


def test_the_page_tells_every_part() -> None:
    text = report_html(toy_report(), raw_card())
    words = " ".join(read(text).words)
    assert "0.500" in words
    assert "(0.250 to 0.750; n 8)" in words
    assert "Split: test" in words
    assert "Split: far hospital" in words
    assert "Hospital <1>" in words
    assert "Hospital <1>" not in text
    assert "0.600" in words
    assert "(0.200 to 0.900; n 5)" in words
    for title in ("Leave one source out", "Worse pictures", "Small changes of the picture", "Heatmaps against boxes"):
        assert title in words
    assert "border ring" in words
    assert "kaggle_alz" in words
    assert "called <b>" in words
    assert {"0.06", "0.94"} <= set(words.split())
    assert "Healthy or sick" in words
    assert "Hospital <2>" in words
    assert {"0.875", "0.375", "0.438"} <= set(words.split())
    assert "sources counting alike, 0.812." in words
    assert "IoU per patient by type" in words
    assert "this network" in words


def test_parts_that_were_not_measured_are_left_out() -> None:
    report = {"model": "toy", "sha256": "0" * 64, "splits": {"test": {"images": 2, "accuracy": FIGURE}}}
    words = " ".join(read(report_html(report, raw_card())).words)
    assert "Split: test" in words
    assert "Leave one source out" not in words
    assert "Heatmaps" not in words


def test_a_figure_that_is_undefined_is_a_dash() -> None:
    assert number(None) == "–"
    assert cell({"value": None, "low": None, "high": None, "n": 0}) == "– <small>(– to –; n 0)</small>"
    assert cell(None) == "–"


def test_the_report_is_written_beside_its_figures(tmp_path: Path) -> None:
    import tomli_w

    home = tmp_path / "toy"
    home.mkdir()
    (home / "card.toml").write_text(tomli_w.dumps(raw_card()), encoding="utf-8")
    report = toy_report()
    report["splits"]["test"]["macro_auc"] = FIGURE | {"value": float("nan")}
    write_report(report, tmp_path)
    assert sorted(p.name for p in home.iterdir()) == ["card.toml", "evaluation.json", "report.html"]
    kept = json.loads((home / "evaluation.json").read_text(encoding="utf-8"))
    assert kept["splits"]["test"]["macro_auc"]["value"] is None
    assert kept["splits"]["test"]["accuracy"] == FIGURE
    assert (home / "report.html").read_text(encoding="utf-8") == report_html(kept, raw_card())


def test_the_reports_of_shipped_models_are_made_of_committed_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "skin-lesion-mask"
    home.mkdir()
    for name in ("card.toml", "evaluation.json"):
        shutil.copy(resources.shipped("models") / home.name / name, home)
    monkeypatch.setattr(sys, "argv", ["training", "reports", "--models", str(tmp_path)])
    assert main() == 0
    assert capsys.readouterr().out == f"{home / 'report.html'}\n"
    figures = json.loads((home / "evaluation.json").read_text(encoding="utf-8"))["splits"]["test"]
    words = " ".join(read((home / "report.html").read_text(encoding="utf-8")).words)
    assert "Skin lesion, outline" in words
    assert number(figures["dice_per_lesion"]["value"]) in words


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    import tomli_w

    home = tmp_path / "toy"
    home.mkdir()
    (home / "card.toml").write_text(tomli_w.dumps(raw_card()), encoding="utf-8")
    (home / "evaluation.json").write_text("old", encoding="utf-8")
    (home / "report.html").mkdir()
    with pytest.raises(OSError, match="report"):
        write_report(toy_report(), tmp_path)
    assert (home / "evaluation.json").read_text(encoding="utf-8") == "old"
    assert sorted(p.name for p in home.iterdir()) == ["card.toml", "evaluation.json", "report.html"]
