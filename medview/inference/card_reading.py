"""`card.toml` of a model folder: read, and every field checked, its range too."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medview.core.failures import Failure
from medview.imaging.dicom_terms import MODALITIES, PART_NAMES
from medview.inference.card import (
    FORMAT,
    REGIONS,
    TASKS,
    Accepts,
    Band,
    Card,
    FirstStage,
    Label,
    NotJudged,
    OperatingPoint,
    PredictionSet,
    damaged,
)
from medview.inference.card_fields import LONGEST_TEXT, Fields, depth_is_sound
from medview.inference.model_files import read_inside
from medview.inference.preprocess import RULES, Preprocess

LONGEST_DETAIL = 500
CARD_BYTES = 1_000_000
MOST_LABELS = 200
# A network's input, pixels a side.
LARGEST_SIDE = 4096
# Of a gate's limits and of figures, either way.
LARGEST_LIMIT = 1e6
ARRAY_FILES = ("golden.npz", "gate.npz")
# What the files of a mask are called where those of a heatmap have their label.
MASK_NAMES = ("mask", "mask-overlay")
# The smallest share of a picture that is outlined: more of it would never be.
LARGEST_LEAST_AREA = 0.99
ACCEPTS = ("modalities", "body_parts", "not_views", "not_image_types")
# A key of many parts: the memory that tomllib takes for it grows with their square.
_LONG_KEY = re.compile(r"""(?:\.[ \t]*(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*){20}""")
_TOO_DEEP = "tables within tables, deeper than any card needs"


def read_card(folder: Path) -> Card | Failure:
    """Read `card.toml` of a model folder; every field is checked here, its range too."""
    try:
        text = read_inside(folder, "card.toml", CARD_BYTES).decode("utf-8")
        if _LONG_KEY.search(text):
            raise ValueError(_TOO_DEEP)
        return parse_card(tomllib.loads(text))
    except RecursionError:
        return damaged(folder, f"card.toml: {_TOO_DEEP}")
    except (OSError, ArithmeticError, ValueError) as error:
        return damaged(folder, f"card.toml: {str(error)[:LONGEST_DETAIL]}")


def parse_card(raw: dict[str, Any]) -> Card:
    """A card from its TOML tables. Raises ValueError naming the field that is wrong."""
    if not depth_is_sound(raw):
        raise ValueError(_TOO_DEEP)
    fields = Fields(raw)
    fields.whole("format", FORMAT, FORMAT)
    task, kind = fields.choice("task", TASKS), fields.id("kind")
    labels = _labels(fields, task)
    card = Card(
        id=_model_id(fields, "id"),
        version=fields.text("version", longest=40),
        name=fields.text("name"),
        task=task,
        kind=kind,
        sha256=_sha256(fields, "sha256"),
        labels=labels,
        preprocess=_preprocess(fields.table("preprocess"), task, kind),
        temperature=fields.number("temperature", 0.01, 100, 1.0),
        operating_points=_operating_points(fields.table("operating_points"), task, labels),
        mask_threshold=fields.share("mask_threshold") if "mask_threshold" in fields else 0.5,
        min_pixels=fields.whole("min_pixels", 0, LARGEST_SIDE**2, 0),
        min_area=fields.number("min_area", 0, LARGEST_LEAST_AREA, 0.0),
        accepts=_accepts(fields.table("accepts")) if "accepts" in fields else None,
        valid_for=fields.list_of_texts("valid_for"),
        gate=fields.table("gate").numbers(-LARGEST_LIMIT, LARGEST_LIMIT),
        files=_files(fields.table("files")),
        first_stage=_first_stage(fields.table("first_stage")) if "first_stage" in fields else None,
        prediction_set=_prediction_set(fields.table("prediction_set"), task) if "prediction_set" in fields else None,
        unavailable=tuple(map(_not_judged, fields.tables("unavailable", MOST_LABELS))),
        about=_about(fields.take("about", {})),
    )
    fields.end()
    return card


def _model_id(fields: Fields, key: str) -> str:
    value = fields.id(key)
    if "_" in value:
        raise fields.wrong(key, "is not made of a-z, 0-9 and -")
    return value


def _sha256(fields: Fields, key: str) -> str:
    value = fields.text(key)
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise fields.wrong(key, "is no sha256")
    return value


def _files(table: Fields) -> dict[str, str]:
    files = {name: _sha256(table, name) for name in table.names()}
    if "golden.npz" not in files or not set(files) <= set(ARRAY_FILES):
        raise ValueError(f"files: golden.npz is needed, and none but {', '.join(ARRAY_FILES)} is read")
    return files


def _preprocess(table: Fields, task: str, kind: str) -> Preprocess:
    size = table.take("size")
    sound = isinstance(size, list) and len(size) == 2
    if not sound or not all(type(side) is int and 0 < side <= LARGEST_SIDE for side in size):
        raise table.wrong("size", f"is not [rows, cols] of 1 to {LARGEST_SIDE}")
    needed = ("colour", "intensity")
    rules = {name: table.choice(name, known) for name, known in RULES.items() if name in table or name in needed}
    table.end()
    seen = Preprocess((size[0], size[1]), **rules)
    if task == "segment" and seen.region != "whole":
        raise ValueError("a mask covers the whole picture, so its network must see all of it")
    if seen.region not in ("whole", *REGIONS.get(kind, ())):
        raise ValueError(f"there is no region {seen.region} to look at on {kind}")
    return seen


def _labels(fields: Fields, task: str) -> tuple[Label, ...]:
    labels = tuple(_label(table, task) for table in fields.tables("labels", MOST_LABELS))
    if len({label.id for label in labels}) != len(labels):
        raise ValueError("labels: an id is there twice")
    if len({label.name for label in labels}) != len(labels):
        raise ValueError("labels: a name is there twice")
    least = 2 if task == "classify" else 1
    if len(labels) < least or (task == "segment" and len(labels) > 1):
        raise ValueError(f"labels: {len(labels)} of a {task} model")
    if not any(label.shown for label in labels):
        raise ValueError("labels: none is shown")
    return labels


def _label(table: Fields, task: str) -> Label:
    label = Label(
        id=table.id("id"),
        name=table.text("name"),
        normal=table.flag("normal", False),
        about=table.text("about", "", LONGEST_TEXT),
        codes=table.table("codes").texts(),
        shown=table.flag("shown", True),
        why_hidden=table.text("why_hidden", "", LONGEST_TEXT),
    )
    table.end()
    if not label.shown and not (label.why_hidden and task == "multilabel"):
        # One of n cannot be left out: the others would no longer add up to one.
        raise ValueError(f"label {label.id}: only a label of a multilabel model may be hidden, with the reason")
    if task != "segment" and label.id in MASK_NAMES:
        raise ValueError(f"label {label.id}: the files of a mask have this name")
    return label


def _operating_points(table: Fields, task: str, labels: tuple[Label, ...]) -> dict[str, OperatingPoint]:
    points = {}
    for id in table.names():
        if task == "segment" or id not in {label.id for label in labels}:
            raise table.wrong(id[:64], "is no label of a classifier's")
        point = table.table(id)
        measured = {name: point.number(name, 0, 1) for name in ("sensitivity", "specificity", "ppv")}
        points[id] = OperatingPoint(point.share("threshold"), **measured)
        point.end()
    return points


def _accepts(table: Fields) -> Accepts:
    accepts = Accepts(**{name: table.list_of_texts(name) for name in ACCEPTS})
    table.end()
    unknown = {*accepts.modalities} - set(MODALITIES) | {*accepts.body_parts} - set(PART_NAMES)
    if not accepts.modalities or unknown:
        # A word that medview does not know never rules anything out, so that the model would open for everything.
        raise ValueError(
            f"accepts: unknown {', '.join(sorted(unknown))[:200]}" if unknown else "accepts: no modalities"
        )
    return accepts


def _first_stage(table: Fields) -> FirstStage:
    stage = FirstStage(_model_id(table, "model"), table.id("unless"), table.share("probability"))
    table.end()
    return stage


def _not_judged(table: Fields) -> NotJudged:
    item = NotJudged(table.text("name"), table.text("why", longest=LONGEST_TEXT))
    table.end()
    return item


def _prediction_set(table: Fields, task: str) -> PredictionSet:
    bands = []
    for band in table.tables("bands", MOST_LABELS):
        bands.append(Band(band.number("up_to", 0, 1), band.number("threshold", 0, 1)))
        band.end()
    result = PredictionSet(table.share("coverage"), tuple(bands))
    table.end()
    ends = [band.up_to for band in bands]
    if task != "classify" or not ends or ends != sorted(set(ends)) or ends[0] == 0 or ends[-1] != 1:
        raise ValueError(f"prediction_set: bands up to {ends} of a {task} model")
    return result


def _about(raw: Any) -> dict[str, Any]:
    """What a card tells people. Shown as text whatever it is, but for figures, which are numbers."""
    if not isinstance(raw, dict):
        raise ValueError("about is no table")
    for split, figures in _tables(raw.get("metrics")):
        for name, figure in ((split, figures), *_tables(figures)):
            if isinstance(figure, dict) and {"value", "low", "high"} <= set(figure):
                table = Fields(figure, f"about.metrics.{name[:64]}")
                for end in ("value", "low", "high"):
                    table.number(end, -LARGEST_LIMIT, LARGEST_LIMIT)
    return dict(raw)


def _tables(value: Any) -> Iterator[tuple[str, Any]]:
    """Every table in nested tables, with its name."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, inner
            yield from _tables(inner)
