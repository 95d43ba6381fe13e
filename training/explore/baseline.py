"""What a set gives away without a network: classical features, and shortcuts that see nothing medical.

A network is worth its name only as far as it beats these. Everything is fitted on `train`, compared by cross-validation
over patients there, and measured once on `test` with 95 % intervals over patients.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from medview.inference.preprocess import Preprocess, to_canonical
from training.config import CONFIGS, Config, load_config
from training.data.batches import read_values
from training.data.manifests import Sample
from training.explore import classical
from training.explore.explore import association
from training.measure.metrics import Bootstrap, balanced_accuracy

log = logging.getLogger(__name__)

FOLDS = 3
KEPT = 200
SEED = 1
# A source counts for the figures inside one source from so many test pictures on.
ENOUGH = 30
SOURCE_NAME = "source name alone"
# Cramér's V of class and framing from which a source is named in the note.
TELLING = 0.5


@dataclass
class Table:
    """Features of some samples: matrices (n, features) float32 by name, class numbers (n,), patients and sources."""

    matrices: dict[str, NDArray[np.float32]]
    truth: NDArray[np.int64]
    groups: list[str]
    sources: list[str]


@dataclass(frozen=True)
class Candidate:
    """One line of the study: which matrix goes into which estimator."""

    name: str
    preprocessing: str
    features: str
    matrix: str
    estimator: Any


def config_of(name: str) -> Config:
    """The configuration of a classifier of the set `name`, or the TOML file at that path.

    Raises ValueError where there is none, and for sets of masks or of several labels a picture: a classical classifier
    of one class a picture says nothing about those.
    """
    found = [load_config(name)] if name.endswith(".toml") else []
    found += [c for p in sorted(CONFIGS.glob("*.toml")) if (c := load_config(p.stem)).data == name]
    if not found:
        raise ValueError(f"no configuration trains on the set {name!r}; give the path of one (a .toml file) instead")
    fitting = [c for c in found if c.task == "classify"]
    if not fitting:
        what = {"segment": "masks", "multilabel": "several labels a picture"}[found[0].task]
        raise ValueError(f"not applicable: {name} is a set of {what}; these baselines give one class a picture")
    return next((c for c in fitting if c.id == name), fitting[0])


def chosen(samples: list[Sample], split: str, config: Config, limit: int) -> list[Sample]:
    """Samples of a split whose class is known, at most `limit` of them (0: all), the same for the same limit."""
    known = [s for s in samples if s.split == split and s.label in config.labels]
    if limit and limit < len(known):
        picks = np.sort(np.random.default_rng(SEED).choice(len(known), limit, replace=False))
        known = [known[i] for i in picks]
    return known


def table_of(samples: list[Sample], config: Config) -> Table:
    """Read every picture once, prepare it as the program does, and compute all features.

    Raises ValueError naming the files that cannot be read.
    """
    rule = Preprocess((classical.SIDE, classical.SIDE), config.colour, config.intensity)
    rows: dict[str, list[NDArray[np.float32]]] = {n: [] for n in (*classical.PREPROCESSING, "border", "thumbnail")}
    problems = []
    for number, sample in enumerate(samples, 1):
        try:
            values, inverted = read_values(sample)
        except ValueError as error:
            problems.append(f"{sample.path}: {error}")
            continue
        picture = np.rint(to_canonical(values, rule, inverted) * 255).astype(np.uint8)
        for name, change in classical.PREPROCESSING.items():
            rows[name].append(classical.describe(change(picture)))
        rows["border"].append(classical.border(values, picture))
        rows["thumbnail"].append(classical.thumbnail(picture))
        if number % 1000 == 0:
            log.info("features of %d of %d pictures", number, len(samples))
    if problems:
        raise ValueError("pictures that cannot be read:\n" + "\n".join(problems[:10]))
    return Table(
        {name: np.stack(vectors) for name, vectors in rows.items()},
        np.array([config.labels.index(s.label) for s in samples]),
        [s.group for s in samples],
        [s.source for s in samples],
    )


def add_sources(train: Table, test: Table) -> None:
    """Adds the matrix `source` to both: which of the sources of `train` a picture is from, one column each."""
    names = sorted(set(train.sources))
    for table in (train, test):
        table.matrices["source"] = np.array([[s == n for n in names] for s in table.sources], np.float32)


def candidates(features: int, classes: int) -> list[Candidate]:
    """The lines of the study, for so many classical features and classes."""
    from xgboost import XGBClassifier

    def linear(strength: float) -> Any:
        return LogisticRegression(C=strength, max_iter=500, tol=1e-3, class_weight="balanced", random_state=SEED)

    kept = min(KEPT, features)
    selected = f"HOG, LBP, co-occurrence, grey levels or colours: {kept} of {features} by F test"
    trees = XGBClassifier(
        n_estimators=80,
        max_depth=4,
        learning_rate=0.2,
        max_bin=64,
        subsample=0.8,
        colsample_bytree=0.5,
        objective="binary:logistic" if classes == 2 else "multi:softprob",
        n_jobs=1,
        random_state=SEED,
    )
    border = make_pipeline(StandardScaler(), linear(0.1))
    small = make_pipeline(StandardScaler(), linear(0.003))
    lines = [
        Candidate(SOURCE_NAME, "none", "the collection's name, which no picture shows", "source", linear(10)),
        Candidate("shortcut: border", "none", "border ring, file size, mean, standard deviation", "border", border),
        Candidate("shortcut: thumbnail", "none", "a thumbnail's pixels (and colour histograms)", "thumbnail", small),
    ]
    for name in classical.PREPROCESSING:
        chain = make_pipeline(VarianceThreshold(), StandardScaler(), SelectKBest(f_classif, k=kept), linear(0.03))
        lines.append(Candidate("logistic regression", name, selected, name, chain))
        chain = make_pipeline(VarianceThreshold(), SelectKBest(f_classif, k=kept), trees)
        lines.append(Candidate("xgboost", name, selected, name, chain))
    return lines


def fitted(estimator: Any, x: NDArray[np.float32], truth: NDArray[np.int64]) -> Any:
    """A copy of the estimator, fitted; trees get class weights here, as the linear ones have them built in."""
    model = clone(estimator)
    last = model.steps[-1][0] if hasattr(model, "steps") else ""
    weights = {f"{last}__sample_weight": compute_sample_weight("balanced", truth)} if last == "xgbclassifier" else {}
    return model.fit(x, truth, **weights)


def cross_validated(candidate: Candidate, train: Table) -> float:
    """Balanced accuracy of the predictions for patients left out of the fit, over all folds together."""
    x, guess = train.matrices[candidate.matrix], np.zeros_like(train.truth)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    for seen, left_out in folds.split(x, train.truth, train.groups):
        guess[left_out] = fitted(candidate.estimator, x[seen], train.truth[seen]).predict(x[left_out])
    return balanced_accuracy(train.truth, guess)


def measured(candidate: Candidate, train: Table, test: Table, draws: Bootstrap) -> tuple[dict[str, Any], Any]:
    """The row of a candidate, and its answers on test (n,). `draws` are of the patients of `test`."""
    model = fitted(candidate.estimator, train.matrices[candidate.matrix], train.truth)
    probability = np.asarray(model.predict_proba(test.matrices[candidate.matrix]), np.float64)
    guess, truth = probability.argmax(axis=1), test.truth
    one_of_n = truth[:, None] == np.arange(probability.shape[1])
    row = {
        "name": candidate.name,
        "preprocessing": candidate.preprocessing,
        "features": candidate.features,
        "cv_balanced_accuracy": round(cross_validated(candidate, train), 4),
        "accuracy": told(draws.ratio(guess == truth)),
        "balanced_accuracy": told(draws.recalls(truth, guess)),
        "macro_auc": told(draws.mean_auc(one_of_n, probability, np.ones(len(truth), np.bool_))),
    }
    log.info("%s, %s: %s", candidate.name, candidate.preprocessing, row["balanced_accuracy"])
    return row, guess


def told(figure: dict[str, float]) -> dict[str, float | None]:
    """Value and interval as the file holds them; None where a figure is not defined."""
    return {key: round(figure[key], 4) if isfinite(figure[key]) else None for key in ("value", "low", "high")}


def inside_sources(test: Table, guess: NDArray[np.int64], labels: tuple[str, ...]) -> list[str]:
    """How well classes are told apart where all are of one source, so that the source is no help."""
    lines = []
    for source, count in sorted(Counter(test.sources).items()):
        here = np.array([s == source for s in test.sources])
        present = np.unique(test.truth[here])
        if count >= ENOUGH and len(present) > 1:
            figure = balanced_accuracy(test.truth[here], guess[here])
            names = ", ".join(labels[c] for c in present)
            lines.append(f"{source} ({names}; {count} pictures): {figure:.3f}")
    return lines


def told_by_framing(samples: list[Sample]) -> list[str]:
    """Sources in which the framing (lung crop or full frame) tells the class: a shortcut that their name is not."""
    lines = []
    for source in sorted({s.source for s in samples}):
        inside = [s for s in samples if s.source == source]
        strength = association([s.label for s in inside], [s.framing for s in inside])
        if strength >= TELLING:
            lines.append(f"{source} ({strength:.2f})")
    return lines


def note(rows: list[dict[str, Any]], inside: list[str], best: dict[str, Any], config: Config) -> str:
    """What a reader must know about the figures, with the figures that explain those that look too good."""
    source = next(r for r in rows if r["name"] == SOURCE_NAME)["balanced_accuracy"]["value"]
    chance = 1 / len(config.labels)
    sentences = [
        f"Pictures prepared as the program does ({config.colour}, {config.intensity}) at {classical.SIDE} x "
        f"{classical.SIDE}. Fitted on train, {FOLDS}-fold cross-validation over patients there, test read once; "
        f"intervals over patients. Chance is {chance:.3f}.",
        f"The name of the collection alone, which no picture shows, gives a balanced accuracy of {source:.3f}: "
        + (
            "class and source are confounded, so part of every figure is the source and not the disease."
            if source > chance + 0.05
            else "no more than chance, so the source does not explain the figures."
        ),
    ]
    if config.colour == "rgb":
        sentences.append("A thumbnail in colour still shows the lesion: a cheap classifier rather than a shortcut.")
    if inside:
        sentences.append(
            f"Inside one source, where the name is no help, the best classical row by validation ({best['name']}; "
            f"preprocessing {best['preprocessing']}) reaches a balanced accuracy of: {'; '.join(inside)}."
        )
    return " ".join(sentences)


def study(name: str, samples: list[Sample], config: Config, limit: int = 0) -> dict[str, Any]:
    """The whole study of a set, as its JSON file holds it.

    Raises ValueError for unreadable pictures and for classes with fewer patients than folds.
    """
    picked = [chosen(samples, split, config, limit) for split in ("train", "test")]
    for label in config.labels:
        patients = len({s.group for s in picked[0] if s.label == label})
        if patients < FOLDS:
            raise ValueError(f"class {label} has {patients} patients in train; {FOLDS} folds need {FOLDS} or more")
    if not picked[1]:
        raise ValueError(f"the set {name} has no test pictures of a known class")
    train, test = (table_of(part, config) for part in picked)
    add_sources(train, test)
    draws = Bootstrap(test.groups)
    results = [measured(c, train, test, draws) for c in candidates(train.matrices["none"].shape[1], len(config.labels))]
    rows = [row for row, _ in results]
    classical_rows = [i for i, r in enumerate(rows) if r["name"] in ("logistic regression", "xgboost")]
    best = max(classical_rows, key=lambda i: rows[i]["cv_balanced_accuracy"])
    inside = inside_sources(test, results[best][1], config.labels)
    text = note(rows, inside, rows[best], config)
    if framed := told_by_framing(picked[1]):
        text += f" The framing tells the class inside {', '.join(framed)} (Cramér's V): a shortcut there as well."
    for split, part in zip(("train", "test"), picked, strict=True):
        if len(part) < (whole := len(chosen(samples, split, config, 0))):
            text += f" Only {len(part)} of the {whole} {split} pictures were used (--limit {limit})."
    pictures = {"train": len(picked[0]), "test": len(picked[1])}
    return {"set": name, "pictures": pictures, "rows": rows, "note": text}


def write_study(found: dict[str, Any], folder: Path) -> Path:
    """Write `<folder>/<set>.json`; the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found['set']}.json"
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
