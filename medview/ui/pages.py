"""The pages of the Help menu, shown in the window itself: help and shortcuts, models, about. Esc leads back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from html import escape
from importlib import metadata

from PySide6.QtCore import QCoreApplication, Qt, Signal, qVersion
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QTextBrowser, QVBoxLayout, QWidget

from medview import __version__
from medview.core import paths
from medview.inference.card import Card
from medview.inference.registry import ModelStatus
from medview.ui import theme, words
from medview.ui.help import help_html, table
from medview.ui.model_page import card_html
from medview.ui.widgets import button, label
from medview.workspace import Workspace

LIBRARIES = ("PySide6_Essentials", "numpy", "opencv-python-headless", "onnxruntime", "pydicom", "imagecodecs")

SHEET = f"""
body {{ color: {theme.TEXT}; font-size: 14px; }}
h1 {{ font-size: 19px; margin-top: 28px; margin-bottom: 4px; }}
h2 {{ font-size: 16px; margin-top: 20px; margin-bottom: 6px; }}
p, li {{ margin-top: 4px; margin-bottom: 4px; }}
td, th {{ padding: 5px 20px 5px 0; text-align: left; vertical-align: top; }}
th {{ color: {theme.MUTED}; font-weight: 600; }}
.muted {{ color: {theme.MUTED}; }} .bad {{ color: {theme.ALARM}; }} .good {{ color: {theme.PASSED}; }}
code, .key {{ font-family: monospace; color: {theme.ACCENT}; }}
"""


translate = QCoreApplication.translate


class Page(QWidget):
    """A page of text with a title and a way back. opened: it has a text that wants to be seen."""

    opened = Signal()

    def __init__(self, workspace: Workspace, back: Callable[[], object], log_path: str = "") -> None:
        super().__init__()
        self.workspace, self._log_path = workspace, log_path
        self._lists_models = False
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._back = back
        column = QVBoxLayout(self)
        column.setContentsMargins(48, theme.TRIPLE, 48, theme.TRIPLE)
        column.setSpacing(theme.STEP)
        row = QHBoxLayout()
        self.title = label("", "title")
        self.close_button = button(self.tr("Back"), back, "primary")
        row.addWidget(self.title, 1)
        row.addWidget(self.close_button)
        column.addLayout(row)
        self.browser = QTextBrowser()
        self.browser.setOpenLinks(False)
        self.browser.document().setDefaultStyleSheet(SHEET)
        self.browser.document().setDocumentMargin(0)
        column.addWidget(self.browser, 1)

        workspace.modelsListed.connect(self._on_models_listed)

    def show_help(self) -> None:
        """How medview is used."""
        self._open(self.tr("Help"), help_html())

    def show_about(self) -> None:
        """Versions, places and licences."""
        self._open(self.tr("About medview"), about_html(self._log_path))

    def show_card(self, card: Card) -> None:
        """What a model tells of itself."""
        self._open(card.name, card_html(card))

    def show_models(self) -> None:
        """The list of models, tested now."""
        self._open(self.tr("Models"), f"<p>{self.tr('Testing the models…')}</p>")
        self._lists_models = True
        self.workspace.list_models()

    def _on_models_listed(self, statuses: list) -> None:
        if self._lists_models and not self.isHidden():
            self._set_html(models_html(statuses))

    def _open(self, title: str, html: str) -> None:
        if not self.workspace.settings["notice_accepted"]:
            return
        self._lists_models = False
        self.title.setText(title)
        self.browser.setAccessibleName(title)
        self._set_html(html)
        self.browser.setFocus()
        self.opened.emit()

    def _set_html(self, html: str) -> None:
        self.browser.setHtml(f"<body>{html}</body>")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc leads back."""
        if event.key() == Qt.Key.Key_Escape:
            self._back()
            return
        super().keyPressEvent(event)


def about_html(log_path: str) -> str:
    """Versions and places, for the support person."""
    rows = [["medview", __version__], ["Python", sys.version.split()[0]], ["Qt", qVersion()]]
    for name in LIBRARIES:
        try:
            rows.append([name, metadata.version(name)])
        except metadata.PackageNotFoundError:
            continue
    places = [
        [translate("pages", "Settings"), escape(str(paths.config_dir()))],
        [translate("pages", "Log file"), escape(log_path or str(paths.log_dir()))],
    ]
    intro = translate(
        "pages",
        "An offline second look at chest X-rays, brain MR slices and skin images. Second look, not a diagnosis. "
        "Not a medical device.",
    )
    own = translate("pages", "each has its own: see NOTICE.md in its folder")
    licences = [
        ["medview", "Apache License 2.0"],
        ["Qt, PySide6", "GNU Lesser General Public License 3 (LGPL-3.0)"],
        ["medview Sans (Inter)", "SIL Open Font License 1.1"],
        [translate("pages", "Models, samples"), own],
    ]
    terms = translate("pages", "Licences")
    versions, here = translate("pages", "Versions"), translate("pages", "On this computer")
    return (
        f"<p>{intro}</p><h2>{versions}</h2>{table(rows)}<h2>{here}</h2>{table(places)}<h2>{terms}</h2>{table(licences)}"
    )


def models_html(statuses: list[ModelStatus]) -> str:
    """One section per model folder: its state, and what its card tells people."""
    if not statuses:
        return f"<p>{translate('pages', 'No model is installed. Install medview again, with its models.')}</p>"
    return "".join(_model(status) for status in statuses)


def _state(status: ModelStatus) -> str:
    if failure := status.failure:
        off = words.named(translate("pages", "Switched off"), words.told(failure))
        return f"<span class='bad'>{escape(off)}</span>"
    passed = f"<span class='good'>{escape(translate('pages', 'Self-test passed'))}</span>"
    return words.beside(passed, words.milliseconds(status.self_test_ms or 0))


def _model(status: ModelStatus) -> str:
    card = status.card
    name = escape(card.name if card else status.folder)
    return f"<h1>{name}</h1><p>{_state(status)}</p>{card_html(card) if card else ''}"
