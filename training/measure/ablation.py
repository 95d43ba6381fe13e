"""The ablation of docs/adr/0022: a list of recipes, each measured on every source in four rounds of short runs.

Goes on where it stopped: finished runs are kept, and a recipe whose line stands in the table is not measured again.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import time
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.config import Config, Stage, load_config
from training.data import chest
from training.data.samples import Sample
from training.fit.short_runs import answers, val_figure, without
from training.measure.criterion import criterion, difference, lines, measured, sick_odds

log = logging.getLogger("training")
LISTS = Path(__file__).parent.parent / "ablations"
# Sources measured in a round, and what goes along with them (docs/adr/0022).
ROUNDS = (
    (chest.RSNA, chest.BIMCV, chest.RAHMAN),
    (chest.PAKISTAN, *chest.FIGURES),
    (chest.NIH, chest.TBX11K),
    (chest.KERMANY,),
)


@dataclass(frozen=True)
class Recipe:
    """A line of the table: a name, and the configurations whose logits stand for it, with what each counts."""

    name: str
    parts: tuple[tuple[Config, float], ...]

    @property
    def digest(self) -> str:
        """Hash of everything that its short runs depend on."""
        told = [
            (
                replace(c, stages=c.held_out_stages, drawn=c.held_out_drawn, frozen_layers=c.held_out_frozen).digest(),
                share,
            )
            for c, share in self.parts
        ]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:12]


def changed(config: Config, changes: dict[str, Any]) -> Config:
    """A configuration with the settings of a list changed. Raises TypeError for a setting that does not exist."""
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
    for name in ("held_out_stages", "stages"):
        if name in values:
            values[name] = tuple(Stage(**stage) for stage in values[name])
    if "augment" in values:
        values["augment"] = replace(config.augment, **values["augment"])
    return replace(config, **values)


def read_recipes(path: Path) -> list[Recipe]:
    """The recipes of a list, in their order: each is a `base` configuration with what is `set`, or the `mean_of`
    earlier ones with their shares. Raises ValueError naming what is wrong."""
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    recipes: dict[str, Recipe] = {}
    for one in raw["recipe"]:
        try:
            if "mean_of" in one:
                parts = [(c, s * share) for name, share in one["mean_of"].items() for c, s in recipes[name].parts]
            else:
                config = load_config(one.get("base", raw["base"]))
                parts = [(changed(config, raw.get("set", {}) | one.get("set", {})), 1.0)]
            recipes[one["name"]] = Recipe(one["name"], tuple(parts))
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path.name}, {one.get('name', 'a recipe without a name')}: {error}") from error
    return list(recipes.values())


@dataclass(frozen=True)
class Scored:
    """What a recipe says of the left-out films: their scores (n,), and `val`, the mean balanced accuracy of its runs on
    the sources that they know."""

    films: list[Sample]
    scores: NDArray[np.float64]
    val: float


def score(recipe: Recipe, samples: list[Sample], weights: Path, runs: Path, threads: int) -> Scored:
    """Train what is not trained yet and ask it. Raises ValueError for parts that do not know the same classes."""
    own: list[Sample] = []
    scores: list[NDArray[np.float64]] = []
    val: list[float] = []
    for sources in ROUNDS:
        asked = measured(samples, sources)
        told, labels = [], set()
        for config, share in recipe.parts:
            started = time.perf_counter()
            run = without(config, chest.left_with(sources), samples)
            told.append(share * answers(run, samples, asked, weights, runs, threads))
            labels.add(run.labels)
            val.append(val_figure(run, runs))
            log.info("%s, %s: run %s, %.0f s", recipe.name, sources[0], run.id, time.perf_counter() - started)
        if len(labels) > 1:
            raise ValueError(f"{recipe.name}: its parts know different classes where {', '.join(sources)} are left out")
        own += asked
        scores.append(sick_odds(np.sum(told, axis=0), labels.pop()))
    return Scored(own, np.concatenate(scores), float(np.mean(val)))


def line(recipe: Recipe, report: dict[str, Any]) -> dict[str, str]:
    """A row of the table: the means, then of each source its AUC, normals and sick flagged."""
    row = {"recipe": recipe.name, "digest": recipe.digest, "measured": time.strftime("%Y-%m-%dT%H:%M:%S")}
    row |= {name: f"{report[name]:.4f}" for name in ("flagged", "auc", "joint_auc", "val", "threshold")}
    for source, one in sorted(report["sources"].items()):
        short = source[:24]
        row[f"auc {short}"] = "" if one["auc"] is None else f"{one['auc']:.4f}"
        for name in ("normals_flagged", "sick_flagged"):
            row[f"{name} {short}"] = f"{one[name]['value']:.4f}" if one[name] else ""
    return row


def run_list(path: Path, samples: list[Sample], weights: Path, runs: Path, table: Path, threads: int) -> None:
    """Measure every recipe of a list that the table does not hold yet; a line is added as soon as one is known.
    The log tells what each differs by from the first."""
    recipes = read_recipes(path)
    for recipe in recipes:
        done = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines())) if table.exists() else []
        if any((row["recipe"], row["digest"]) == (recipe.name, recipe.digest) for row in done):
            continue
        found = score(recipe, samples, weights, runs, threads)
        report = criterion(found.films, found.scores) | {"val": found.val}
        row = line(recipe, report)
        table.parent.mkdir(parents=True, exist_ok=True)
        with table.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(done[0]) if done else list(row))
            if not done:
                writer.writeheader()
            writer.writerow(row)
        log.info("%s\n%s", recipe.name, "\n".join(lines(report)))
        if recipe != recipes[0]:
            start = score(recipes[0], samples, weights, runs, threads)
            for name, figure in difference(found.films, start.scores, found.scores).items():
                ends = (figure[k] for k in ("value", "low", "high"))
                log.info("%s against %s: %+.3f (%+.3f to %+.3f)", name, recipes[0].name, *ends)
