"""What a recipe is chosen by: does it tell healthy from sick at hospitals that the run never saw (docs/adr/0022)?

Every film is scored by a run that trained without its source; the score is the log odds of being sick. Known hospitals
have no say. No test film is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.manifests import few_of_each
from training.data.samples import HEALTHY, Sample
from training.measure.metrics import Bootstrap, Figure

# The share of the left-out sick that must be flagged; each source counts alike, however many films it has.
SENSITIVITY = 0.9
# A framing of a source tells healthy from sick only with so many of each.
FEWEST = 20
# The figures of a recipe.
MEANS = ("flagged", "auc", "joint_auc")
RESAMPLES = 200
# Films of one source, framing and side that are measured: more cost time and change the figures by less than a point.
MOST = 400


def is_healthy(sample: Sample) -> bool:
    """Whether the film is of somebody well; partly known classes are all diseases."""
    return sample.label in HEALTHY


def measured(samples: list[Sample], sources: Iterable[str], most: int = MOST) -> list[Sample]:
    """The train and val films of these sources that a criterion is measured on: at most `most` of each source, framing
    and side, the same ones every time."""
    wanted = set(sources)
    own = [s for s in samples if s.source in wanted and s.split in ("train", "val") and (s.label or s.allowed)]
    return few_of_each(own, lambda s: (s.source, s.framing, is_healthy(s)), most)


def sick_odds(logits: NDArray[Any], labels: tuple[str, ...]) -> NDArray[np.float64]:
    """Log odds of any disease (n,) from the logits (n, labels) of a one-of-n run. Raises ValueError for a run that does
    not know health."""
    well = np.isin(labels, HEALTHY)
    if well.sum() != 1:
        raise ValueError(f"the labels {', '.join(labels)} hold no healthy class")
    x = np.asarray(logits, np.float64)
    sick = x[:, ~well]
    top = sick.max(axis=1, keepdims=True)
    return (top + np.log(np.exp(sick - top).sum(axis=1, keepdims=True)))[:, 0] - x[:, well][:, 0]


def _alike(sources: NDArray[np.str_]) -> NDArray[np.float64]:
    """Weights (n,) with which every source counts the same; they sum to 1."""
    names, index, counts = np.unique(sources, return_inverse=True, return_counts=True)
    return np.asarray(1 / (len(names) * counts[index]))


def threshold(scores: NDArray[np.float64], sources: NDArray[np.str_], share: float = SENSITIVITY) -> float:
    """The highest score at or above which lies this share of the sick, each source counting alike."""
    order = np.argsort(-scores, kind="stable")
    reached = np.cumsum(_alike(sources)[order])
    return float(scores[order][int(np.searchsorted(reached, share - 1e-9))])


def auc(well: NDArray[np.float64], sick: NDArray[np.float64], weights: tuple[Any, Any] | None = None) -> float:
    """Share of pairs in which the sick film has the higher score, ties half; pairs count by the weights of both."""
    by_well, by_sick = weights or (np.full(len(well), 1 / len(well)), np.full(len(sick), 1 / len(sick)))
    order = np.argsort(well, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(by_well[order])])
    low, high = (np.searchsorted(well[order], sick, side) for side in ("left", "right"))
    return float(by_sick @ (below[low] + below[high]) / 2 / (by_well.sum() * by_sick.sum()))


def within(framings: NDArray[np.str_], well: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    """AUC inside one source, the mean over framings with enough of both: how a film is cut must not tell. None where no
    framing has both."""
    areas = []
    for framing in np.unique(framings):
        own = framings == framing
        if min((own & well).sum(), (own & ~well).sum()) >= FEWEST:
            areas.append(auc(scores[own & well], scores[own & ~well]))
    return float(np.mean(areas)) if areas else None


def criterion(samples: list[Sample], scores: NDArray[np.float64]) -> dict[str, Any]:
    """The figures of left-out films, `scores` (n,) from runs that never saw their source.

    `auc`: mean over the sources that have both sides, inside the source and one framing. `joint_auc`: all films of both
    sides, each source counting alike. `flagged`: mean over sources of the share of normals flagged at the one threshold
    that flags 90 % of the sick. `sources`: the same of each, with 95 % intervals over patients. Raises ValueError where
    one side has no film at all.
    """
    films = _Films.of(samples)
    sources, well = films.sources, films.well
    if not well.any() or well.all():
        raise ValueError("films of the healthy and of the sick are needed")
    limit = threshold(scores[~well], sources[~well])
    means = dict(zip(MEANS, films.means(np.arange(len(samples)), scores).tolist(), strict=True))
    return {
        **{name: value if np.isfinite(value) else None for name, value in means.items()},
        "threshold": limit,
        "sources": {str(name): _source(samples, scores, films, sources == name, limit) for name in np.unique(sources)},
    }


def difference(samples: list[Sample], first: NDArray[np.float64], second: NDArray[np.float64]) -> dict[str, Figure]:
    """What the criterion of the scores `second` (n,) has more than that of `first`, over the same films: `flagged`,
    `auc` and `joint_auc`, with 95 % intervals over `RESAMPLES` resamples of whole patients, the same ones for both."""
    films = _Films.of(samples)
    boot = Bootstrap([s.group for s in samples])
    every = np.arange(len(samples))
    value = films.means(every, second) - films.means(every, first)
    draws = []
    for times in boot.weights[:RESAMPLES]:
        rows = np.repeat(every, times.astype(int))
        draws.append(films.means(rows, second) - films.means(rows, first))
    return {name: boot.figure(value[i], np.array(draws)[:, i]) for i, name in enumerate(MEANS)}


@dataclass(frozen=True)
class _Films:
    """Source, framing and side of left-out films, (n,) each."""

    sources: NDArray[np.str_]
    framings: NDArray[np.str_]
    well: NDArray[np.bool_]

    @staticmethod
    def of(samples: list[Sample]) -> _Films:
        return _Films(
            np.array([s.source for s in samples]),
            np.array([s.framing for s in samples]),
            np.array([is_healthy(s) for s in samples], np.bool_),
        )

    def means(self, rows: NDArray[np.intp], scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The figures `MEANS` of some films; NaN where a side is missing."""
        sources, framings, well, told = self.sources[rows], self.framings[rows], self.well[rows], scores[rows]
        if not well.any() or well.all():
            return np.full(len(MEANS), np.nan)
        limit = threshold(told[~well], sources[~well])
        flagged = [float((told[well & (sources == name)] >= limit).mean()) for name in np.unique(sources[well])]
        areas = [within(framings[own], well[own], told[own]) for own in (sources == k for k in np.unique(sources))]
        known = [area for area in areas if area is not None]
        joint = auc(told[well], told[~well], (_alike(sources[well]), _alike(sources[~well])))
        return np.array([float(np.mean(flagged)), float(np.mean(known)) if known else np.nan, joint])


def _source(
    samples: list[Sample],
    scores: NDArray[np.float64],
    films: _Films,
    own: NDArray[np.bool_],
    limit: float,
) -> dict[str, Any]:
    def flagged(rows: NDArray[np.bool_]) -> Figure | None:
        chosen = np.flatnonzero(rows)
        boot = Bootstrap([samples[i].group for i in chosen]) if len(chosen) else None
        return boot.ratio(scores[chosen] >= limit) if boot else None

    return {
        "auc": within(films.framings[own], films.well[own], scores[own]),
        "normals_flagged": flagged(own & films.well),
        "sick_flagged": flagged(own & ~films.well),
    }


def lines(report: dict[str, Any]) -> list[str]:
    """The report as lines of text: a source each, then the mean."""

    def share(figure: Figure | None) -> str:
        return f"{figure['value']:.2f} of {figure['n']}" if figure else "–"

    def area(value: float | None) -> str:
        return "–" if value is None else f"{value:.3f}"

    told = [
        f"{name[:50]}: AUC {area(one['auc'])}, normals flagged {share(one['normals_flagged'])}, "
        f"sick flagged {share(one['sick_flagged'])}"
        for name, one in report["sources"].items()
    ]
    return [
        *told,
        f"mean: AUC {area(report['auc'])}, joint AUC {area(report['joint_auc'])}, normals flagged "
        f"{report['flagged']:.3f} where {SENSITIVITY:.0%} of the sick are",
    ]
