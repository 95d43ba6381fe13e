"""The README's table of models, from each model's card and evaluation.json, so that no figure is copied by hand."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- models -->", "<!-- /models -->"


def percent(figure: dict[str, float]) -> str:
    """A share with its 95 % interval, as people read it."""
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def headline(figures: dict[str, Any]) -> list[str]:
    """The figures of one split that come first, each with its interval."""
    wanted = {
        "accuracy": "accuracy",
        "balanced_accuracy": "balanced accuracy",
        "macro_auc": "macro AUC",
        "ece": "calibration error",
        "dice_per_patient": "Dice per patient",
        "tumour_free_marked": "tumour-free slices marked",
    }
    lines = [f"{words} {percent(figures[name])}" for name, words in wanted.items() if name in figures]
    if alone := figures.get("without_gate"):
        lines.append(f"without the gate: balanced accuracy {percent(alone['balanced_accuracy'])}")
    if tumour := figures.get("tumour"):
        lines.append(f"tumour or not: AUC {percent(tumour['auc'])}, accuracy {percent(tumour['accuracy'])}")
    return lines


def rows(models: Path) -> list[str]:
    """Markdown rows: one per model and evaluation split."""
    found = []
    for folder in sorted(p.parent for p in models.glob("*/evaluation.json")):
        card = tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))
        report = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
        for split, figures in report["splits"].items():
            size = figures.get("images") or figures["tumour"]["images"]
            text = "; ".join(headline(figures))
            found.append(f"| `{card['id']}` {card['version']} | {card['name']} | {split}, {size} pictures | {text} |")
    return found


def write_table(readme: Path, models: Path) -> None:
    """Replace what stands between the two markers of the README. Raises ValueError when they are missing."""
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{readme.name}: the markers {BEGIN} and {END} are missing")
    head = ["| model | what | split | figures, with 95 % intervals over patients |", "|---|---|---|---|"]
    table = "\n".join([*head, *rows(models)])
    readme.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
