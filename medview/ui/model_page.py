"""A model's card as a page: what it saw, what it cannot see, for whom it was measured, and how well it did."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from PySide6.QtCore import QCoreApplication

from medview.inference.card import Card
from medview.ui import words
from medview.ui.help import table

translate = QCoreApplication.translate

# What of a card's `about` has a place of its own on the page; the rest follows as it stands.
PLACED = ("summary", "measured_for", "data", "cannot_see", "metrics", "licence")


def card_html(card: Card) -> str:
    """The whole card, most needed first."""
    about = card.about
    sections = (
        ("", f"<p>{escape(str(about['summary']))}</p>" if "summary" in about else ""),
        (translate("cards", "For whom it was measured"), _paragraph(about.get("measured_for"))),
        (translate("cards", "How well it did"), _metrics(about.get("metrics"))),
        (translate("cards", "What it cannot see"), _list(about.get("cannot_see"))),
        (translate("cards", "What it answers"), _labels(card)),
        (translate("cards", "What it does not judge"), _not_judged(card)),
        (translate("cards", "What it learned from"), _list(about.get("data"))),
        (translate("cards", "Which model this is"), _identity(card)),
        *((_words(key), _fact(value)) for key, value in about.items() if key not in PLACED),
    )
    # A table swallows the margin of the heading behind it; an empty paragraph gives it back.
    return "".join(
        (f"<h2>{escape(title)}</h2>" if title else "") + html + "<p></p>" for title, html in sections if html
    )


# Parts of the names of figures and facts that are no words by themselves.
SHORT = {"auc": "AUC", "ece": "calibration error", "ppv": "PPV", "npv": "NPV", "f1": "F1", "iou": "IoU", "hd95": "HD95"}


def _words(key: str) -> str:
    text = " ".join(SHORT.get(part, part) for part in key.replace("_", " ").split(" "))
    return text[:1].upper() + text[1:]


def _paragraph(text: Any) -> str:
    return f"<p>{escape(str(text))}</p>" if text else ""


def _list(items: Any) -> str:
    if not isinstance(items, list):
        return _paragraph(items)
    return "<ul>" + "".join(f"<li>{escape(str(item))}</li>" for item in items) + "</ul>"


def _labels(card: Card) -> str:
    heads = [
        translate("cards", "Label"),
        translate("cards", "Threshold"),
        translate("cards", "Sensitivity"),
        translate("cards", "Specificity"),
        translate("cards", "Right of those marked"),
        translate("cards", "What it means"),
    ]
    rows = []
    for label in card.shown:
        point = card.operating_points.get(label.id)
        shares = (point.threshold, point.sensitivity, point.specificity, point.ppv) if point else ()
        numbers = [words.percent(share) for share in shares] or [""] * 4
        rows.append([escape(label.name), *numbers, escape(label.about)])
    if not card.operating_points:
        heads[1:5] = []
        rows = [[row[0], row[5]] for row in rows]
    text = table(rows, [escape(head) for head in heads])
    if card.prediction_set:
        share = words.percent(card.prediction_set.coverage, 0)
        for band in card.prediction_set.bands:
            said = translate("cards", "The {0} set of an answer up to {1} holds every label of at least {2}.").format(
                share, words.percent(band.up_to, 0), words.percent(band.threshold)
            )
            text += _paragraph(said)
    return text


def _not_judged(card: Card) -> str:
    return table([[escape(item.name), escape(item.why)] for item in card.not_judged]) if card.not_judged else ""


def _identity(card: Card) -> str:
    tasks = {
        "classify": translate("cards", "classify"),
        "multilabel": translate("cards", "multilabel"),
        "segment": translate("cards", "segment"),
    }
    rows = [
        [translate("cards", "Model"), f"{escape(card.id)} {escape(card.version)}"],
        [translate("cards", "Task"), escape(tasks[card.task])],
        ["sha256", f"<code>{card.sha256}</code>"],
    ]
    if licence := card.about.get("licence"):
        rows.append([translate("cards", "Licence"), escape(str(licence))])
    return table(rows)


def _figures(values: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every figure with its interval in nested tables, with the path of its names."""
    if not isinstance(values, dict):
        return
    if {"value", "low", "high"} <= set(values):
        yield name, values
        return
    for key, value in values.items():
        yield from _figures(value, words.listed((name, str(key))) if name else str(key))


def _metrics(splits: Any) -> str:
    if not isinstance(splits, dict):
        return ""
    rows = [
        [escape(str(split)), escape(_words(name)), words.number(f["value"], 3), _interval(f)]
        for split, figures in splits.items()
        for name, f in _figures(figures)
    ]
    heads = (
        translate("cards", "Pictures"),
        translate("cards", "Figure"),
        translate("cards", "Value"),
        translate("cards", "95 % interval"),
    )
    return table(rows, [escape(head) for head in heads]) if rows else ""


def _interval(figure: dict[str, Any]) -> str:
    low, high = (words.number(figure[end], 3) for end in ("low", "high"))
    return escape(translate("cards", "{0} to {1}").format(low, high))


def _fact(value: Any) -> str:
    """A value of `about` as HTML, whatever its form."""
    if isinstance(value, dict):
        return table([[escape(str(key)), _fact(item)] for key, item in value.items()])
    if isinstance(value, list):
        return "<br>".join(_fact(item) for item in value)
    if isinstance(value, float):
        return escape(words.short(value))
    return escape(str(value))
