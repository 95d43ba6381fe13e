"""The plotly figures of the exploratory report, from its facts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import qualitative
from plotly.subplots import make_subplots

from training.explore.explore import BINS, FEATURES, Facts, crossed, explained, projection

COLOURS = qualitative.Dark24
# A scatter of more points is no clearer, and the file grows with each.
POINTS = 4000
PANELS = 12

Figure = Any


def _laid_out(figure: Figure, title: str, height: int = 420, **further: Any) -> Figure:
    figure.update_layout(title=title, height=height, template="plotly_white", margin={"t": 60, "b": 60}, **further)
    return figure


def _colour(names: list[str]) -> dict[str, str]:
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(sorted(set(names)))}


def balance(facts: Facts) -> Figure:
    """Pictures of each class, by split."""
    classes, splits, counts = crossed(facts.classes, facts.splits)
    bars = [go.Bar(name=split, x=classes, y=counts[:, i]) for i, split in enumerate(splits)]
    return _laid_out(go.Figure(bars), "Pictures by class and split", barmode="group", yaxis_title="pictures")


def sources(facts: Facts) -> Figure:
    """How many pictures of each class each source holds."""
    names, classes, counts = crossed(facts.sources, facts.classes)
    shade = np.log10(counts + 1.0)
    cells = go.Heatmap(z=shade, x=classes, y=names, text=counts, texttemplate="%{text}", colorscale="Blues")
    cells.update(showscale=False, hovertemplate="%{y}, %{x}: %{text}<extra></extra>")
    return _laid_out(go.Figure(cells), "Pictures by source and class", 160 + 32 * len(names))


def sizes(facts: Facts) -> Figure:
    """Rows and cols as they are in the files; the area of a mark grows with how often a size occurs."""
    shapes = facts.features[:, :2].astype(int)
    counts = Counter(zip(facts.sources, shapes[:, 0].tolist(), shapes[:, 1].tolist(), strict=True))
    colour = _colour(facts.sources)
    figure = go.Figure()
    for source in sorted(colour):
        found = [(cols, rows, n) for (s, rows, cols), n in counts.most_common(POINTS) if s == source]
        if found:
            cols, rows, number = (list(column) for column in zip(*found, strict=True))
            marks = {"size": 5 + 6 * np.log10(number), "color": colour[source], "opacity": 0.7}
            figure.add_scatter(x=cols, y=rows, mode="markers", name=source, marker=marks, text=number)
    figure.update_traces(hovertemplate="%{x} x %{y}: %{text} pictures")
    return _laid_out(figure, "Sizes", 460, xaxis_title="cols", yaxis_title="rows")


def _mean_histogram(facts: Facts, here: list[bool], name: str, colour: str, **further: Any) -> Figure:
    levels = (np.arange(BINS) + 0.5) / BINS
    shares = facts.histograms[np.array(here)].mean(axis=0)
    return go.Scatter(x=levels, y=shares, name=name, mode="lines", line={"color": colour}, **further)


def grey_levels(facts: Facts) -> Figure:
    """Mean histogram of each class and of each source."""
    figure = make_subplots(1, 2, subplot_titles=("by class", "by source"), shared_yaxes=True)
    for column, names in ((1, facts.classes), (2, facts.sources)):
        for name, colour in _colour(names).items():
            line = _mean_histogram(facts, [n == name for n in names], name, colour, legend=f"legend{column}")
            figure.add_trace(line, 1, column)
    legends = {
        f"legend{c}": {"orientation": "h", "x": x, "y": -0.15, "xanchor": "left"} for c, x in ((1, 0), (2, 0.55))
    }
    return _laid_out(figure, "Grey levels (share of pixels, 0 black to 1 white)", 560, **legends)


def grey_levels_by_source(facts: Facts) -> Figure:
    """Mean histogram of each source inside each class: where lines of one class part, the source shows."""
    classes = [name for name, _ in Counter(facts.classes).most_common(PANELS)]
    lines = -(-len(classes) // 3)
    figure = make_subplots(lines, 3, subplot_titles=classes, shared_xaxes=True)
    told: set[str] = set()
    colours = _colour(facts.sources)
    for place, label in enumerate(classes):
        inside = [s if c == label else "" for s, c in zip(facts.sources, facts.classes, strict=True)]
        for source in sorted(set(inside) - {""}):
            here = [s == source for s in inside]
            line = _mean_histogram(facts, here, source, colours[source], legendgroup=source)
            line.showlegend = source not in told
            told.add(source)
            figure.add_trace(line, place // 3 + 1, place % 3 + 1)
    return _laid_out(figure, "Grey levels by class and source", 140 + 240 * lines)


def explained_shares(facts: Facts) -> Figure:
    """Share of each feature's variance that class, source and split explain."""
    ways = {"class": facts.classes, "source": facts.sources, "split": facts.splits}
    shares = np.stack([explained(facts.features, names) for names in ways.values()])
    cells = go.Heatmap(z=shares, x=FEATURES, y=list(ways), zmin=0, zmax=1, colorscale="Reds")
    cells.update(text=np.round(shares, 2), texttemplate="%{text}")
    return _laid_out(go.Figure(cells), "Variance explained (eta squared)", 300)


def feature_correlation(facts: Facts) -> Figure:
    """Pearson correlation of the features with each other; those that never change are left out."""
    moving = [i for i in range(len(FEATURES)) if facts.features[:, i].std() > 1e-6]
    table = np.atleast_2d(np.corrcoef(facts.features[:, moving], rowvar=False)) if len(moving) > 1 else np.ones((1, 1))
    names = [FEATURES[i] for i in moving] or ["(none changes)"]
    cells = go.Heatmap(z=np.round(table, 2), x=names, y=names, zmin=-1, zmax=1, colorscale="RdBu")
    return _laid_out(go.Figure(cells), "Correlation of the features", 520)


def feature_boxes(facts: Facts) -> Figure:
    """Spread of one feature in each class: box of the quartiles, whiskers from 2.5 to 97.5 %; a menu picks it."""
    figure = go.Figure()
    classes = sorted(set(facts.classes))
    for index in range(len(FEATURES)):
        inside = [facts.features[np.array([c == name for c in facts.classes]), index] for name in classes]
        ends = np.stack([np.percentile(values, (2.5, 25, 50, 75, 97.5)) for values in inside], axis=1)
        box = go.Box(x=classes, lowerfence=ends[0], q1=ends[1], median=ends[2], q3=ends[3], upperfence=ends[4])
        figure.add_trace(box.update(visible=index == 0, showlegend=False))
    menu = [
        {"label": name, "method": "update", "args": [{"visible": [i == index for i in range(len(FEATURES))]}]}
        for index, name in enumerate(FEATURES)
    ]
    place = {"x": 1, "xanchor": "right", "y": 1.15, "yanchor": "top"}
    return _laid_out(figure, "A feature by class", updatemenus=[{"buttons": menu, **place}])


def projections(facts: Facts) -> list[Figure]:
    """Every picture (or an even choice) at its first two principal components, coloured by class and by source."""
    points, shares = projection(facts.small)
    picks = np.unique(np.linspace(0, len(points) - 1, POINTS).astype(int))
    found = []
    for title, names in (("class", facts.classes), ("source", facts.sources)):
        figure = go.Figure()
        for name, colour in _colour(names).items():
            here = [i for i in picks if names[i] == name]
            marks = {"size": 4, "color": colour, "opacity": 0.6}
            text = [facts.names[i] for i in here]
            figure.add_scatter(x=points[here, 0], y=points[here, 1], mode="markers", name=name, marker=marks, text=text)
        figure.update_traces(hovertemplate="%{text}")
        axes = [f"component {i + 1} ({share:.0%} of the variance)" for i, share in enumerate(shares)]
        title = f"Principal components of the pictures at 32 x 32, by {title}"
        found.append(_laid_out(figure, title, 560, xaxis_title=axes[0], yaxis_title=axes[1]))
    return found
