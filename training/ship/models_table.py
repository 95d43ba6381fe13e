"""The table of models in docs/models.md, from cards and evaluations, so that no figure is copied by hand."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- models -->", "<!-- /models -->"
# The figures that come first, and what people call them.
HEADLINES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_auc": "macro AUC",
    "mean_auc": "mean AUC of the labels shown",
    "ece": "calibration error",
    "melanoma_sensitivity_at_80_specificity": "melanoma sensitivity at 80 % specificity",
    "dice_per_patient": "Dice per patient",
    "dice_per_lesion": "Dice per lesion",
    "tumour_free_marked": "tumour-free slices marked",
}
WORDS = HEADLINES | {
    "accuracy_per_patient": "accuracy per patient (mean probability of the pictures)",
    "accuracy_per_lesion": "accuracy per lesion (mean probability of the pictures)",
    "auc": "AUC",
    "ece_before": "calibration error before calibration",
    "dice_per_slice": "Dice per picture",
    "hd95_pixels_per_patient": "HD95 per patient, pixels",
    "hd95_pixels_per_lesion": "HD95 per lesion, pixels",
    "iou_per_patient": "IoU per patient",
    "iou_per_lesion": "IoU per lesion",
    "missed": "pictures on which nothing was marked",
    "ruled_out": "pictures with something to mark that the first stage ruled out",
    "tumour_free_marked_percent": "area marked on tumour-free slices, % of the picture",
    "tumour_free_marked_percent_where_any": "the same, of slices on which anything is marked",
    "promised": "coverage promised by the card",
    "mean_size": "mean number of labels in the set",
    "single": "sets of one label",
    "mean_band": "width of the probability band under small changes of the picture",
    "answer_changes": "pictures whose answer changes with them",
    "without_gate": "the model alone, without the gate",
    "tumour": "tumour or not",
    "max_probability_difference": "largest difference of a probability",
    "onnxruntime_ms": "ONNX Runtime, ms a picture",
    "pytorch_eager_ms": "PyTorch eager, ms a picture",
}


def number(value: float | None, digits: int = 3) -> str:
    """A number for people; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def percent(figure: dict[str, float]) -> str:
    """A share with its 95 % interval, as people read it."""
    return f"{number(figure['value'])} ({number(figure['low'])} to {number(figure['high'])})"


def headline(figures: dict[str, Any]) -> list[str]:
    """The figures of one split that come first, each with its interval."""
    lines = [f"{words} {percent(figures[name])}" for name, words in HEADLINES.items() if name in figures]
    lines += [
        f"{framing} alone: {percent(figure)}" for framing, figure in figures.get("mean_auc_by_framing", {}).items()
    ]
    if alone := figures.get("without_gate"):
        lines.append(f"without the gate: balanced accuracy {percent(alone['balanced_accuracy'])}")
    if (tumour := figures.get("tumour")) is not None:
        if "accuracy_per_patient" in figures:
            lines.append(f"accuracy per patient {percent(figures['accuracy_per_patient'])}")
        lines.append(f"tumour or not: AUC {percent(tumour['auc'])}, accuracy {percent(tumour['accuracy'])}")
    if sets := figures.get("prediction_set"):
        size = f"{sets['mean_size']['value']:.2f} labels on average"
        lines.append(f"prediction set: holds the truth {percent(sets['coverage'])}, {size}")
    return lines


def strangers(found: dict[str, Any]) -> str:
    """What `training.measure.criterion` found at sources that short runs never saw."""
    return (
        f"sources left out, in short runs: AUC healthy against sick {number(found['auc'])}, "
        f"{number(found['flagged'])} of the normals flagged where 0.9 of the sick are"
    )


def rows(models: Path) -> list[str]:
    """Markdown rows: one per model and evaluation split."""
    found = []
    for folder in sorted(p.parent for p in models.glob("*/evaluation.json")):
        card = tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))
        report = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
        for split, figures in report["splits"].items():
            size = figures.get("images") or figures["tumour"]["images"]
            told = headline(figures)
            if split == "test" and (left_out := report.get("held_out_sources", {}).get("criterion")):
                told.append(strangers(left_out))
            text = "; ".join(told)
            found.append(f"| `{card['id']}` {card['version']} | {card['name']} | {split}, {size} pictures | {text} |")
    return found


def write_table(page: Path, models: Path) -> None:
    """Replace what stands between the two markers of a page. Raises ValueError when they are missing."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page.name}: the markers {BEGIN} and {END} are missing")
    head = ["| model | what | split | figures, with 95 % intervals over patients |", "|---|---|---|---|"]
    table = "\n".join([*head, *rows(models)])
    page.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
