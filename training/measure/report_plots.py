"""Plots of the evaluation report as inline SVG: small, sharp at any zoom, and nothing to fetch."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.measure.metrics import FALSE_RATES, RECALLS

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

# Okabe and Ito's colours, which people with any colour vision tell apart; more lines than colours become dashed.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
PANELS_A_ROW = 4


@dataclass(frozen=True)
class Line:
    """One line of a plot; `low` and `high` draw a band around it."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def _canvas(name: str, rows: int, cols: int, size: tuple[float, float]) -> tuple[Canvas, Any]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # Ids inside the SVG come from the salt: several plots of one page must not share any.
    mpl.rcParams["svg.hashsalt"] = name
    mpl.rcParams["svg.fonttype"] = "none"
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, cols, squeeze=False)
    for axis in axes.flat:
        axis.grid(color="#dddddd", linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, axes


def svg(figure: Canvas, title: str) -> str:
    """The figure as an SVG element for a page, without prolog and metadata."""
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.S)
    # Groups are never referred to, and their ids are the same in every plot.
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    # A tenth of a pixel is enough, and halves the file.
    text = re.sub(r"(?<=[\s\"])(-?\d+\.\d)\d+", r"\1", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)


def _draw(axis: Any, lines: Sequence[Line], marker: str = "") -> None:
    for number, line in enumerate(lines):
        colour, dash = COLOURS[number % len(COLOURS)], ("-", "--")[number // len(COLOURS) % 2]
        axis.plot(line.x, line.y, dash, color=colour, marker=marker, markersize=4, linewidth=1.5, label=line.name)
        if line.low:
            axis.fill_between(line.x, line.low, line.high, color=colour, alpha=0.15, linewidth=0)


def line_plot(title: str, lines: Sequence[Line], x: str, y: str, diagonal: bool = False, marker: str = "") -> str:
    """Lines over 0 to 1 on both axes, with their names."""
    figure, axes = _canvas(title, 1, 1, (5.2, 4.0))
    axis = axes[0, 0]
    if diagonal:
        axis.plot([0, 1], [0, 1], color="#888888", linewidth=0.8, linestyle=":")
    _draw(axis, lines, marker)
    axis.set(xlim=(0, 1), ylim=(0, 1.01), xlabel=x, ylabel=y)
    axis.legend(fontsize=7, frameon=False, loc="best")
    return svg(figure, title)


def curve_plots(split: str, curves: dict[str, Any], names: dict[str, str]) -> list[str]:
    """ROC and precision-recall curves of every label."""
    roc = [Line(names.get(k, k), [0.0, *FALSE_RATES], [0.0, *c["sensitivity"]]) for k, c in curves.items()]
    recall = [
        Line(f"{names.get(k, k)} (AP {c['average_precision']:.2f})", RECALLS.tolist(), c["precision"])
        for k, c in curves.items()
    ]
    return [
        line_plot(f"{split}: ROC curves", roc, "false alarm rate (1 - specificity)", "sensitivity", diagonal=True),
        line_plot(f"{split}: precision-recall curves", recall, "sensitivity (recall)", "PPV (precision)"),
    ]


def reliability_plot(split: str, diagrams: dict[str, Any]) -> str:
    """What was claimed against what came true, before and after calibration."""
    lines = [
        Line(f"{name} calibration", diagrams[name]["claimed"], diagrams[name]["true"])
        for name in ("after", "before")
        if name in diagrams
    ]
    title = f"{split}: reliability diagram"
    return line_plot(title, lines, "probability claimed", "share that came true", diagonal=True, marker="o")


def robustness_plot(report: dict[str, Any]) -> str:
    """One small panel per change, from the picture as it is to its worst; the dotted line is the share of refusals."""
    changes = report["changes"]
    rows = -(-len(changes) // PANELS_A_ROW)
    figure, axes = _canvas("robustness", rows, PANELS_A_ROW, (11.0, 2.6 * rows))
    start = report["unchanged"]
    for axis, (name, change) in zip(axes.flat, changes.items(), strict=False):
        points = [start, *change["levels"]]
        at = list(range(len(points)))
        _draw(axis, [Line(name, at, *([p[k] for p in points] for k in ("value", "low", "high")))], "o")
        axis.plot(at, [p["refused"] for p in points], color="#888888", linewidth=1, linestyle=":")
        axis.set_title(name, fontsize=9)
        axis.set(ylim=(0, 1.02), xlabel=change["unit"])
        axis.xaxis.label.set_size(7)
        axis.set_xticks(at, ["as it is", *(f"{p['level']:g}" for p in change["levels"])], fontsize=7)
    for axis in axes.flat[len(changes) :]:
        axis.set_axis_off()
    return svg(figure, "robustness")
