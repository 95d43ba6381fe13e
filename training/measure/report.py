"""report.html of a model folder: one file that opens offline, made of evaluation.json and the card alone."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from medview.core.files import write_atomic
from training.measure.report_plots import curve_plots, reliability_plot, robustness_plot
from training.ship.models_table import WORDS, number

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2em auto; padding: 0 1em; color: #1b1b1b; }
h2 { margin-top: 2em; border-bottom: 1px solid #ccc; } h3 { margin-top: 1.6em; }
table { border-collapse: collapse; margin: .6em 0; font-size: 13px; }
th, td { padding: .25em .7em; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
thead th { background: #f3f3f3; } small { color: #555; white-space: nowrap; } td.n { text-align: right; }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; } p.note { color: #444; max-width: 50em; }
"""
MEASURES = {
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "f1": "F1",
}
HOW = (
    "Every figure comes from medview's own road: gate, preprocessing, the shipped ONNX file, calibration. In brackets "
    "stands the 95 % interval: 2.5th to 97.5th percentile of 1000 bootstrap samples of whole patients or lesions. n is "
    "the number of pictures (for figures per patient or lesion, of those). A picture that the gate refuses counts as a "
    "wrong answer, but in AUC, curves, calibration and prediction sets, which are over the answered pictures."
)

Figure = dict[str, Any]


def is_figure(value: Any) -> bool:
    """Whether it is a figure with its interval."""
    return isinstance(value, dict) and {"value", "low", "high"} <= set(value)


def cell(figure: Figure | None) -> str:
    """A figure with interval and n, as HTML."""
    if not figure:
        return "–"
    n = f"; n {figure['n']}" if "n" in figure else ""
    return f"{number(figure['value'])} <small>({number(figure['low'])} to {number(figure['high'])}{n})</small>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table; heads are escaped, cells are HTML already."""
    top = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def words(key: str) -> str:
    """What people call a figure, or a table of it by something."""
    name, by, part = key.partition("_by_")
    return WORDS.get(name, name.replace("_", " ")) + (f" by {part}" if by else "")


def figure_table(title: str, figures: dict[str, Figure]) -> str:
    """One row per figure or source, with the number of groups the interval is drawn over."""
    rows = ((escape(WORDS.get(k, k)), cell(f), str(f.get("groups", "–"))) for k, f in figures.items())
    return table((title, "figure", "patients or lesions"), rows)


def confusion_table(confusion: dict[str, Any], names: dict[str, str]) -> str:
    """Rows are the truth, columns the answer; the darker, the larger the share of its row."""
    labels = [names.get(label, label) for label in confusion["labels"]]
    rows = []
    for name, counts in zip(labels, confusion["rows"], strict=False):
        total = max(1, sum(counts))
        cells = "".join(
            f'<td class="n" style="background:rgba(0,114,178,{0.6 * c / total:.2f})">{c}</td>' for c in counts
        )
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    head = "".join(f"<th>{escape(name)}</th>" for name in labels)
    return f"<table><thead><tr><th>truth \\ answer</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def label_table(figures: dict[str, Any], names: dict[str, str]) -> str:
    """AUC and the operating point of every label."""
    rows = [
        (
            escape(names.get(label, label)),
            str(f["positives"]),
            number(f.get("threshold")),
            *(cell(f.get(measure)) for measure in MEASURES),
        )
        for label, f in figures.items()
    ]
    return table(("label", "pictures with it", "operating point", *MEASURES.values()), rows)


def recall_table(recalls: dict[str, dict[str, Figure]], names: dict[str, str]) -> str:
    """Label by source."""
    sources = sorted({source for row in recalls.values() for source in row})
    rows = [(escape(names.get(label, label)), *(cell(row.get(s)) for s in sources)) for label, row in recalls.items()]
    return table(("recall", *sources), rows)


def within_table(figures: dict[str, Any], names: dict[str, str]) -> str:
    """How labels of one source are told apart."""
    rows = [
        (
            escape(source),
            escape(", ".join(names.get(label, label) for label in f["labels"])),
            cell(f["accuracy"]),
            cell(f["balanced_accuracy"]),
        )
        for source, f in figures.items()
    ]
    return table(("source", "told apart", "accuracy", "balanced accuracy"), rows)


def split_section(split: str, figures: dict[str, Any], names: dict[str, str]) -> str:
    """All figures of one split."""
    own = {k: f for k, f in figures.items() if is_figure(f)}
    facts = [
        f"{figures[k]} {w}" for k, w in (("images", "pictures"), ("refused", "refused by the gate")) if k in figures
    ]
    parts = [f"<h2>Split: {escape(split)}</h2>", f"<p>{escape(', '.join(facts))}</p>" if facts else ""]
    if own:
        parts.append(figure_table("figure", own))
    if figures.get("hidden"):
        hidden = ", ".join(names.get(label, label) for label in figures["hidden"])
        parts.append(f"<p>Not shown to users, since too weak on val: {escape(hidden)}.</p>")
    tables = {
        "per_label": ("Labels", label_table),
        "confusion": ("Confusion matrix", confusion_table),
        "recall_by_source": ("Recall by source", recall_table),
        "within_source": ("Labels of one source told apart", within_table),
    }
    for key, (title, render) in tables.items():
        if figures.get(key):
            parts += [f"<h3>{title}</h3>", render(figures[key], names)]
    if figures.get("curves"):
        parts += ["<h3>Curves</h3>", *curve_plots(split, figures["curves"], names)]
    if figures.get("reliability"):
        parts += ["<h3>Calibration</h3>", reliability_plot(split, figures["reliability"])]
    for key, value in figures.items():
        if isinstance(value, dict) and key not in (*tables, "curves", "reliability") and not is_figure(value):
            parts.append(_nested(key, value, names))
    return "\n".join(parts)


def _nested(key: str, value: dict[str, Any], names: dict[str, str]) -> str:
    """A table of whatever figures a part holds; its own parts follow."""
    own = {names.get(k, k): f for k, f in value.items() if is_figure(f)}
    plain = {k: v for k, v in value.items() if isinstance(v, int | float | str)}
    deeper = [_nested(k, v, names) for k, v in value.items() if isinstance(v, dict) and not is_figure(v)]
    title = words(key)
    parts = [f"<h3>{escape(title[:1].upper() + title[1:])}</h3>" if own or plain else ""]
    if plain:
        parts.append(f"<p>{escape('; '.join(f'{words(k)}: {v}' for k, v in plain.items()))}</p>")
    if own:
        parts.append(figure_table("", own))
    return "\n".join([*parts, *deeper])


def robustness_section(report: dict[str, Any], names: dict[str, str]) -> str:
    """Curves and the table behind them."""
    told = list(report["unchanged"].get("called", ()))
    head = ("change", "level", report["figure"], "refused by the gate", *(f"called {names.get(k, k)}" for k in told))

    def row(name: str, level: str, p: dict[str, Any]) -> Sequence[str]:
        return (name, level, cell(p), number(p["refused"]), *(number(p["called"][k], 2) for k in told))

    rows = [row("as it is", "", report["unchanged"])]
    for name, change in report["changes"].items():
        rows += [row(escape(name), f"{p['level']:g} {escape(change['unit'])}", p) for p in change["levels"]]
    note = (
        f"{report['figure']} over {report['pictures']} test pictures, a fixed random part, each made worse; the model "
        "was asked even where the gate would refuse, and the dotted line is the share that it would refuse."
    )
    return f'<h2>Worse pictures</h2><p class="note">{note}</p>{robustness_plot(report)}{table(head, rows)}'


def pointing_section(report: dict[str, Any], names: dict[str, str]) -> str:
    """Heatmaps against radiologists' boxes."""
    rows = [
        (
            escape(finding),
            escape(", ".join(f"{names.get(label, label)} ({n})" for label, n in f["labels"].items())),
            cell(f["hit_rate"]),
            cell(f["blind_guess"]),
        )
        for finding, f in report.items()
    ]
    note = (
        "Does the strongest point of the heatmap lie in a box that a radiologist drew? Of several labels that a box "
        "may show as, the most probable is asked. A blind guess hits by the share of the picture that is boxed. "
        "Pictures of val and test."
    )
    head = ("box", "label compared (pictures)", "hit rate", "blind guess")
    return f'<h2>Heatmaps against boxes</h2><p class="note">{note}</p>{table(head, rows)}'


def held_out_section(report: dict[str, Any], names: dict[str, str]) -> str:
    """What is left on a source that training never saw."""
    rows = []
    for source, f in report["held_out"].items():
        for label, c in f["classes"].items():
            figure = {"value": c["recall"], "low": c["low"], "high": c["high"], "n": c["n"]}
            called = ", ".join(f"{names.get(k, k)} {n}" for k, n in c.get("called", {}).items())
            alone = ", ".join(f"{region} {value:.2f}" for region, value in f.get("alone", {}).items())
            rows.append((escape(source), escape(names.get(label, label)), cell(figure), escape(alone), escape(called)))
    head, note = ("source left out", "label", "recall", "each region alone", "called"), escape(report.get("note", ""))
    told = f'<h2>Leave one source out</h2><p class="note">{note}</p>{table(head, rows)}'
    return told + (strangers(report["criterion"]) if report.get("criterion") else "")


def strangers(found: dict[str, Any]) -> str:
    """Healthy against sick at sources that the runs never saw (`training.measure.criterion`)."""
    rows = [
        (escape(name), number(one["auc"]), cell(one["normals_flagged"]), cell(one["sick_flagged"]))
        for name, one in found["sources"].items()
    ]
    rows.append(("<b>mean</b>", number(found["auc"]), number(found["flagged"]), ""))
    note = (
        "Scored by runs that never saw the source. AUC inside one source and one framing, where it has both sides; "
        f"over all left-out films together, sources counting alike, {number(found['joint_auc'])}. Flagged at the one "
        "threshold that flags 90 % of the left-out sick, sources counting alike."
    )
    head = ("source left out", "AUC healthy against sick", "normals flagged", "sick flagged")
    return f'<h3>Healthy or sick</h3><p class="note">{note}</p>{table(head, rows)}'


def baseline_section(report: dict[str, Any], test: dict[str, Any]) -> str:
    """What the network adds over a classical model and a shortcut; `test` are the network's own figures."""
    own = {k: test[k] for k in ("accuracy", "balanced_accuracy", "macro_auc") if k in test}
    rows = [{"name": "this network"} | own, *report.get("rows", [])]
    head = list(dict.fromkeys(k for row in rows for k in row))

    def text(value: Any) -> str:
        if is_figure(value):
            return cell(value)
        return number(value) if isinstance(value, float) else escape("–" if value is None else str(value))

    body = [[text(row.get(k)) for k in head] for row in rows]
    note = f'<p class="note">{escape(report.get("note", ""))}</p>'
    return (
        f"<h2>What the network adds: classical models and shortcuts</h2>{note}{table([words(h) for h in head], body)}"
    )


def card_section(card: dict[str, Any]) -> str:
    """For whom it was measured, what it cannot see, precision and speed."""
    about = card.get("about", {})
    parts = ["<h2>The model</h2>", f"<p>{escape(about.get('summary', ''))}</p>"]
    if "measured_for" in about:
        parts.append(f"<p><b>Measured for:</b> {escape(about['measured_for'])}</p>")
    if about.get("cannot_see"):
        items = "".join(f"<li>{escape(text)}</li>" for text in about["cannot_see"])
        parts.append(f"<p><b>What it cannot see:</b></p><ul>{items}</ul>")
    if parity := about.get("parity"):
        rows = [(escape(words(k)), f"{v:.4g}") for k, v in parity.items()]
        parts += ["<h3>Shipped file against PyTorch fp32</h3>", table(("", "measured at export"), rows)]
    return "\n".join(parts)


def report_html(report: dict[str, Any], card: dict[str, Any]) -> str:
    """The page. `report` is what evaluation.json holds, `card` the tables of card.toml."""
    names = {label["id"]: label["name"] for label in card["labels"]}
    title = f"{card['name']} ({card['id']} {card['version']})"
    parts = [
        f'<p class="note">A second look, not a diagnosis. SHA-256 of the network: {escape(report["sha256"])}.</p>',
        f'<p class="note">{HOW}</p>',
        card_section(card),
        *(split_section(split, figures, names) for split, figures in report["splits"].items()),
    ]
    if report.get("held_out_sources"):
        parts.append(held_out_section(report["held_out_sources"], names))
    if report.get("robustness"):
        parts.append(robustness_section(report["robustness"], names))
    if report.get("stability"):
        parts += ["<h2>Small changes of the picture</h2>", figure_table("figure", report["stability"])]
    if report.get("pointing"):
        parts.append(pointing_section(report["pointing"], names))
    if report.get("baselines"):
        parts.append(baseline_section(report["baselines"], report["splits"].get("test", {})))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n{chr(10).join(parts)}\n</body></html>\n"
    )


def write_page(home: Path, report: dict[str, Any] | None = None) -> Path:
    """Write report.html into a model folder, whole or not at all, from its card and `report`; without one from its
    evaluation.json. Returns the path. Raises OSError, and ValueError for a damaged file."""
    if report is None:
        report = json.loads((home / "evaluation.json").read_text(encoding="utf-8"))
    card = tomllib.loads((home / "card.toml").read_text(encoding="utf-8"))
    write_atomic(home / "report.html", report_html(report, card).encode())
    return home / "report.html"
