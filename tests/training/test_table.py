"""The table in docs/models.md is what the evaluations say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medview.core import resources
from training.ship.models_table import BEGIN, END, headline, rows, write_table

PAGE = Path(__file__).resolve().parents[2] / "docs/models.md"


def test_the_page_shows_the_figures_of_the_shipped_models() -> None:
    shown = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    expected = rows(resources.find("models"))
    assert len(expected) >= 5
    assert [line for line in expected if line not in shown] == []


def test_every_evaluation_belongs_to_its_model_file() -> None:
    import tomllib

    for path in resources.find("models").glob("*/evaluation.json"):
        card = tomllib.loads((path.parent / "card.toml").read_text(encoding="utf-8"))
        assert json.loads(path.read_text(encoding="utf-8"))["sha256"] == card["sha256"], path


def test_a_table_is_written_between_the_markers_only(tmp_path: Path) -> None:
    model = tmp_path / "models" / "m"
    model.mkdir(parents=True)
    (model / "card.toml").write_text('id = "m"\nversion = "2"\nname = "M"\n')
    figure = {"value": 0.5, "low": 0.25, "high": 0.75}
    report = {"splits": {"test": {"images": 8, "accuracy": figure}}}
    (model / "evaluation.json").write_text(json.dumps(report))
    page = tmp_path / "models.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_table(page, tmp_path / "models")
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| `m` 2 | M | test, 8 pictures | accuracy 0.500 (0.250 to 0.750) |" in text


def test_what_left_out_sources_say_stands_with_the_test_split(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/card.toml").write_text('id = "m"\nversion = "2"\nname = "M"\n')
    split = {"images": 8}
    found = {"auc": None, "flagged": 0.25, "joint_auc": 0.5, "sources": {}}
    report = {"splits": {"test": split, "far": split}, "held_out_sources": {"criterion": found}}
    (tmp_path / "m/evaluation.json").write_text(json.dumps(report))
    auc, flagged = "AUC healthy against sick –", "0.250 of the normals flagged where 0.9 of the sick are"
    assert rows(tmp_path) == [
        f"| `m` 2 | M | test, 8 pictures | sources left out, in short runs: {auc}, {flagged} |",
        "| `m` 2 | M | far, 8 pictures |  |",
    ]


def test_a_page_without_markers_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "models.md").write_text("nothing")
    with pytest.raises(ValueError, match="markers"):
        write_table(tmp_path / "models.md", tmp_path)


def test_a_headline_tells_what_matters_of_each_task() -> None:
    figure = {"value": 0.5, "low": 0.25, "high": None}
    text = "0.500 (0.250 to –)"
    assert headline({"mean_auc": figure}) == [f"mean AUC of the labels shown {text}"]
    assert headline({"dice_per_lesion": figure}) == [f"Dice per lesion {text}"]
    sets = {"coverage": figure, "mean_size": {"value": 1.375, "low": 1, "high": 2}}
    assert headline({"prediction_set": sets}) == [f"prediction set: holds the truth {text}, 1.38 labels on average"]
    brain = {"accuracy_per_patient": figure, "tumour": {"auc": figure, "accuracy": figure}}
    assert headline(brain) == [f"accuracy per patient {text}", f"tumour or not: AUC {text}, accuracy {text}"]
