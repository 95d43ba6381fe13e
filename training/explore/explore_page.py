"""The exploratory report as one HTML file: figures by plotly, its script inlined, nothing fetched."""

from __future__ import annotations

import base64
from collections import Counter
from html import escape
from pathlib import Path

import cv2
import numpy as np
import plotly.io as pio
from numpy.typing import NDArray
from plotly.offline import get_plotlyjs

from training.data.duplicates import MOST, Pair
from training.data.manifests import Sample
from training.explore import explore_figures as figures
from training.explore.explore import ALIKE, Facts, association, crossed, gather, log

PAIRS_LISTED, PAIRS_SHOWN = 200, 24
SHEET, SHEETS = 8, 80
# Whatever a library might want to fetch: a browser refuses it.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:"
)
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1180px; padding: 0 1rem; color: #1c2733; }
table { border-collapse: collapse; margin: .6rem 0; }
td, th { padding: .15rem .7rem; border-bottom: 1px solid #d5dce3; }
th { text-align: left; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
nav a { margin-right: 1rem; } figure { display: inline-block; margin: .2rem; } img { display: block; }
figcaption { font-size: 11px; color: #5a6875; max-width: 240px; overflow-wrap: anywhere; }
.scroll { max-height: 26rem; overflow: auto; }
"""


def page(name: str, facts: Facts) -> str:
    """The whole report. Its size is bounded: plots draw a few thousand points, sheets show a few hundred pictures."""
    pairs = facts.pairs
    sections = {
        "Overview": overview(facts, pairs),
        "Class balance": table(facts.classes, facts.splits, "class") + plot(figures.balance(facts)),
        "Sources and classes": sources(facts),
        "Sizes": plot(figures.sizes(facts)),
        "Grey levels": plot(figures.grey_levels(facts)) + plot(figures.grey_levels_by_source(facts)),
        "Simple features": simple_features(facts),
        "Projection": "".join(plot(figure) for figure in figures.projections(facts)),
        "Near-duplicates across splits": duplicates(facts, pairs),
        "Samples": sheets(facts),
        "Unreadable": unreadable(facts),
    }
    links = "".join(f'<a href="#s{i}">{escape(title)}</a>' for i, title in enumerate(sections))
    body = "".join(f'<h2 id="s{i}">{escape(title)}</h2>\n{text}\n' for i, (title, text) in enumerate(sections.items()))
    return (
        '<!doctype html>\n<html lang="en-GB"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escape(name)}: exploratory report</title><style>{STYLE}</style>"
        f"<script>{get_plotlyjs()}</script></head>\n"
        f"<body><h1>{escape(name)}</h1><nav>{links}</nav>\n{body}</body></html>\n"
    )


def plot(figure: figures.Figure) -> str:
    """A figure as a part of the page; the script is there already."""
    return str(pio.to_html(figure, include_plotlyjs=False, full_html=False, config={"displaylogo": False}))


def table(first: list[str], second: list[str], head: str) -> str:
    """Counts of two ways to sort the pictures."""
    rows, cols, counts = crossed(first, second)
    top = "".join(f"<th>{escape(c)}</th>" for c in cols)
    lines = "".join(
        f"<tr><td>{escape(r)}</td>" + "".join(f'<td class="n">{n}</td>' for n in line) + "</tr>"
        for r, line in zip(rows, counts, strict=True)
    )
    return f"<table><tr><th>{escape(head)}</th>{top}</tr>{lines}</table>"


def overview(facts: Facts, pairs: list[Pair]) -> str:
    """The set in a few lines."""
    groups = len({s.group for s in facts.samples})
    alike = f"At least {MOST} pairs" if len(pairs) == MOST else f"{len(pairs)} pairs"
    return (
        f"<p>{len(facts.samples)} pictures of {groups} patients, lesions or groups, from {len(set(facts.sources))} "
        f"sources, in the classes {escape(', '.join(sorted(set(facts.classes))))}. {len(facts.unreadable)} files could "
        f"not be read. {alike} across splits are nearly the same.</p>"
        "<p>This file holds thumbnails: the terms of the pictures hold for it as well.</p>"
    )


def sources(facts: Facts) -> str:
    """Which source holds which class, and how far one tells the other."""
    strength = association(facts.classes, facts.sources)
    return (
        f"<p>Cramér's V of class and source is {strength:.2f} (0: independent, 1: one tells the other). Near 1, a "
        "model can score well by knowing the source.</p>" + plot(figures.sources(facts))
    )


def simple_features(facts: Facts) -> str:
    """What a picture's plainest numbers say of its class and its source."""
    return (
        "<p>Share of the variance of each feature that class, source and split explain (eta squared, 0-1). A feature "
        "explained by class and source alike is a candidate for a shortcut; the split should explain nothing.</p>"
        + plot(figures.explained_shares(facts))
        + plot(figures.feature_correlation(facts))
        + plot(figures.feature_boxes(facts))
    )


def duplicates(facts: Facts, pairs: list[Pair]) -> str:
    """Pairs that cross a split border, by file name, the most alike as pictures."""
    if not pairs:
        return f"<p>None at a cosine of {ALIKE} or more.</p>"
    crossing = Counter(" / ".join(sorted((facts.splits[p.first], facts.splits[p.second]))) for p in pairs)
    counts = ", ".join(f"{name}: {count}" for name, count in sorted(crossing.items()))
    shown = "".join(
        f"<figure><div style='display:flex'>{image(facts.thumbnails[p.first])}{image(facts.thumbnails[p.second])}</div>"
        f"<figcaption>{p.similarity:.3f} {escape(facts.splits[p.first])}: {escape(facts.names[p.first])}<br>"
        f"{escape(facts.splits[p.second])}: {escape(facts.names[p.second])}</figcaption></figure>"
        for p in pairs[:PAIRS_SHOWN]
    )
    lines = "".join(
        f'<tr><td class="n">{p.similarity:.3f}</td>'
        + "".join(
            f"<td>{escape(facts.splits[i])}</td><td>{escape(facts.classes[i])}</td><td>{escape(facts.names[i])}</td>"
            for i in (p.first, p.second)
        )
        + "</tr>"
        for p in pairs[:PAIRS_LISTED]
    )
    return (
        f"<p>Pairs at a cosine of {ALIKE} or more: {escape(counts)}. The {PAIRS_LISTED} most alike are listed. "
        "Slices of one scan and films in one position are alike as well: look before you believe.</p>"
        f"<div>{shown}</div><div class='scroll'><table>{lines}</table></div>"
    )


def sheets(facts: Facts) -> str:
    """Up to eight pictures of each class in each source, drawn evenly."""
    cells: dict[tuple[str, str], list[int]] = {}
    for index, key in enumerate(zip(facts.classes, facts.sources, strict=True)):
        cells.setdefault(key, []).append(index)
    parts = []
    for (label, source), members in sorted(cells.items(), key=lambda item: (item[0][0], -len(item[1])))[:SHEETS]:
        picks = np.unique(np.linspace(0, len(members) - 1, SHEET).astype(int))
        pictures = "".join(
            f"<figure>{image(facts.thumbnails[members[i]], facts.names[members[i]])}</figure>" for i in picks
        )
        parts.append(f"<h3>{escape(label)}, {escape(source)} ({len(members)})</h3><div>{pictures}</div>")
    return "".join(parts)


def unreadable(facts: Facts) -> str:
    """Files that could not be read, the first hundred."""
    if not facts.unreadable:
        return "<p>Every file could be read.</p>"
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in facts.unreadable[:100]) + "</ul>"


def image(picture: NDArray[np.uint8], title: str = "") -> str:
    """A thumbnail (rows, cols, 3) RGB as an HTML image that holds its own bytes."""
    done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not done:
        raise ValueError(f"{title}: the thumbnail cannot be written")
    rows, cols = picture.shape[:2]
    source = base64.b64encode(data.tobytes()).decode("ascii")
    return f'<img width="{cols}" height="{rows}" title="{escape(title)}" src="data:image/jpeg;base64,{source}">'


def explore(name: str, samples: list[Sample], data: Path, out: Path) -> Path:
    """Write the report of the set `name` to `out`; the path. Raises ValueError and OSError."""
    facts = gather(samples, data)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(name, facts), encoding="utf-8")
    log.info("%s: %.1f MB", out, out.stat().st_size / 1e6)
    return out
