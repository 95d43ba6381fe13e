"""What the help page says. The shortcuts come from the table of actions, the messages from the codes of failures."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QKeySequence

from medview.core.failures import Code
from medview.ui import actions, words
from medview.ui.actions import QT_TRANSLATE_NOOP

_PANEL = (
    QT_TRANSLATE_NOOP(
        "help",
        "Each card is one model. Its last line says which model, version, hash and processor it was, and how long it "
        "took.",
    ),
    QT_TRANSLATE_NOOP(
        "help",
        "Bars are calibrated probabilities. The white tick is the threshold from which the label counts as a finding; "
        "the word Finding stands beside every one that reached it.",
    ),
    QT_TRANSLATE_NOOP(
        "help",
        "Click a row to see where the evidence for that label lies. A heatmap shows what the model looked at, not the "
        "outline of a disease.",
    ),
    QT_TRANSLATE_NOOP(
        "help",
        "A small probability is not the absence of disease: the models know only the labels they list.",
    ),
)

_MOUSE = (
    (
        QT_TRANSLATE_NOOP("help", "Left drag"),
        QT_TRANSLATE_NOOP("help", "Window of a grey picture: right is wider, down is darker. Moves a colour picture"),
    ),
    (
        QT_TRANSLATE_NOOP("help", "Middle or right drag, or left with Space or Ctrl"),
        QT_TRANSLATE_NOOP("help", "Move the picture"),
    ),
    (QT_TRANSLATE_NOOP("help", "Wheel"), QT_TRANSLATE_NOOP("help", "Zoom at the cursor")),
    (QT_TRANSLATE_NOOP("help", "Double click"), QT_TRANSLATE_NOOP("help", "Fit")),
)


def _tr(text: str) -> str:
    return escape(QCoreApplication.translate("help", text))


def table(rows: list[list[str]], head: list[str] | None = None) -> str:
    """An HTML table; the cells are HTML already."""
    first = "<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>" if head else ""
    lines = ("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table cellspacing='0'>{first}{''.join(lines)}</table>"


def shortcuts() -> str:
    """Every action with its keys."""
    native = QKeySequence.SequenceFormat.NativeText
    rows = []
    for spec in actions.specs():
        shown = ", ".join(f"<span class='key'>{escape(key.toString(native))}</span>" for key in actions.keys(spec))
        rows.append([escape(actions.tr(spec.text)), shown, escape(actions.tr(spec.about))])
    heads = (
        QT_TRANSLATE_NOOP("help", "Action"),
        QT_TRANSLATE_NOOP("help", "Keys"),
        QT_TRANSLATE_NOOP("help", "What it does"),
    )
    return table(rows, [_tr(head) for head in heads])


def help_html() -> str:
    """How medview is used."""
    intro = QT_TRANSLATE_NOOP(
        "help",
        "medview shows a picture and gives a second look at it: what kind of picture it takes it for, how probable "
        "each of a few findings is, where the evidence lies, and, for brain MR slices, what it would mark as tumour. "
        "It is not a medical device and it makes no diagnosis.",
    )
    refusal = QT_TRANSLATE_NOOP(
        "help",
        "A gate looks first whether the picture is one of the kinds the models learned. If it is not, medview says so "
        "and gives no numbers. Analyse all the same runs the models anyway; do not trust what they say then.",
    )
    messages = QT_TRANSLATE_NOOP("help", "Every message says what to do next. These are all there are:")
    sections = (
        ("", f"<p>{_tr(intro)}</p>"),
        (
            QT_TRANSLATE_NOOP("help", "Reading the panel"),
            "<ul>" + "".join(f"<li>{_tr(text)}</li>" for text in _PANEL) + "</ul>",
        ),
        (QT_TRANSLATE_NOOP("help", "When medview refuses"), f"<p>{_tr(refusal)}</p>"),
        (QT_TRANSLATE_NOOP("help", "Mouse"), table([[_tr(what), _tr(does)] for what, does in _MOUSE])),
        (QT_TRANSLATE_NOOP("help", "Actions and keys"), shortcuts()),
        (
            QT_TRANSLATE_NOOP("help", "Messages"),
            f"<p>{_tr(messages)}</p>"
            + table([[f"<code>{code.value}</code>", escape(words.title(code))] for code in Code]),
        ),
    )
    return "".join((f"<h2>{_tr(title)}</h2>" if title else "") + html for title, html in sections)
