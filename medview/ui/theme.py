"""Colours, spacing and the style sheet of the whole program. Dark, so that the picture is the brightest thing."""

from __future__ import annotations

from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from medview.report import fonts

# Spacing in steps of 8 logical pixels (4 inside small things).
HALF, STEP, DOUBLE, TRIPLE = 4, 8, 16, 24
RADIUS = 8
# Of texts, and of the smallest of them, in logical pixels.
TEXT_SIZE, SMALL_SIZE = 13, 12

CANVAS = "#07090b"
WINDOW = "#12161b"
PANEL = "#171c22"
BOX = "#1f262e"
RAISED = "#2a333d"
LINE = "#313b46"
TEXT = "#e8ecf0"
MUTED = "#a6b2be"
FAINT = "#7f8c99"
# Signs of what cannot be done now: 3 to 1 against the bars they stand on, as WCAG 1.4.11 asks of those that can.
DISABLED = "#6b7885"
ACCENT = "#55b9e6"
ACCENT_DEEP = "#1f6f95"
FINDING = "#f4b54a"
# Of self-tests that were passed, and of no answer: nothing that a model says is an all-clear.
PASSED = "#74cfa2"
ALARM = "#f0857a"

STYLE = f"""
* {{ outline: none; }}
QWidget {{ color: {TEXT}; background: transparent; selection-background-color: {ACCENT_DEEP}; }}
QMainWindow, QDialog {{ background: {WINDOW}; }}
QToolTip {{ background: {RAISED}; color: {TEXT}; border: 1px solid {LINE}; padding: 4px 8px; }}

QMenuBar {{ background: {WINDOW}; padding: 2px 4px; }}
QMenuBar::item {{ padding: 4px 8px; border-radius: 4px; }}
QMenuBar::item:selected {{ background: {RAISED}; }}
QMenu {{ background: {BOX}; border: 1px solid {LINE}; padding: 4px; }}
QMenu::item {{ padding: 6px 24px 6px 12px; border-radius: 4px; }}
QMenu::icon {{ padding-left: 8px; }}
QMenu::item:selected {{ background: {ACCENT_DEEP}; }}
QMenu::item:disabled {{ color: {FAINT}; background: transparent; }}
QMenu::separator {{ height: 1px; background: {LINE}; margin: 4px 8px; }}

QToolBar {{ background: {WINDOW}; border: none; border-bottom: 1px solid {LINE}; padding: 4px 8px; spacing: 4px; }}
QToolBar::separator {{ background: {LINE}; width: 1px; margin: 4px 4px; }}
QToolButton {{ padding: 4px 8px; border: 1px solid transparent; border-radius: 6px; }}
QToolBar QToolButton {{ padding: 4px 6px; }}
#qt_toolbar_ext_button {{ padding: 0; }}
QToolButton:hover {{ background: {RAISED}; }}
QToolButton:checked {{ background: {RAISED}; border-color: {ACCENT_DEEP}; }}
QToolButton:pressed {{ background: {ACCENT_DEEP}; }}
QToolButton:focus {{ border-color: {ACCENT}; }}
QToolButton:disabled {{ color: {FAINT}; }}
#windowButton {{ color: {MUTED}; padding: 2px 18px; }}
#windowButton:hover {{ color: {TEXT}; }}
#windowButton::menu-indicator {{ subcontrol-origin: padding; subcontrol-position: right center; right: 6px; }}

QPushButton {{ background: {RAISED}; border: 1px solid {LINE}; border-radius: 6px; padding: 6px 16px; }}
QPushButton:hover {{ background: #35404c; }}
QPushButton:pressed {{ background: {ACCENT_DEEP}; }}
QPushButton:focus {{ border-color: {ACCENT}; }}
QPushButton:disabled {{ color: {FAINT}; background: {BOX}; }}
QPushButton[role="primary"] {{ background: {ACCENT_DEEP}; border-color: {ACCENT}; font-weight: 600; }}
QPushButton[role="primary"]:hover {{ background: #2784b0; }}
QPushButton[role="link"] {{ background: transparent; border-color: transparent; color: {ACCENT}; padding: 4px 8px; }}
QPushButton[role="link"]:hover {{ color: {TEXT}; }}
QPushButton[role="link"]:focus {{ border-color: {ACCENT}; }}

QPushButton[role="name"] {{ background: transparent; border-color: transparent; padding: 2px 4px; text-align: left; }}
QPushButton[role="name"][here="false"] {{ color: {MUTED}; }}
QPushButton[role="name"]:hover {{ color: {ACCENT}; }}
QPushButton[role="name"]:focus {{ border-color: {ACCENT}; }}

QPushButton[role="icon"] {{ background: transparent; border-color: transparent; padding: 4px; }}
QPushButton[role="icon"]:hover {{ background: {RAISED}; }}
QPushButton[role="icon"]:focus {{ border-color: {ACCENT}; }}

QSlider {{ min-height: 20px; }}
QSlider::groove:horizontal {{ height: 4px; background: {LINE}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {ACCENT_DEEP}; border-radius: 2px; }}
QSlider::handle:horizontal {{ width: 14px; margin: -5px 0; border-radius: 7px; background: {MUTED}; }}
QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus {{ background: {ACCENT}; }}
QSlider::handle:horizontal:disabled {{ background: {LINE}; }}
QSlider::sub-page:horizontal:disabled {{ background: {LINE}; }}

QScrollArea {{ border: none; }}
QScrollBar:vertical {{ width: 10px; background: transparent; margin: 0; }}
QScrollBar:horizontal {{ height: 10px; background: transparent; margin: 0; }}
QScrollBar::handle {{ background: {LINE}; border-radius: 5px; min-height: 32px; min-width: 32px; }}
QScrollBar::handle:hover {{ background: {FAINT}; }}
QScrollBar::handle:disabled {{ background: transparent; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}

QSplitter::handle {{ background: #0c0f13; }}
QSplitter::handle:hover {{ background: {ACCENT_DEEP}; }}
QStatusBar {{ background: {WINDOW}; border-top: 1px solid {LINE}; color: {MUTED}; }}
QStatusBar::item {{ border: none; }}
QListView {{ background: {PANEL}; border: none; padding: 4px; }}
QListView::item {{ padding: 6px 8px; border-radius: 4px; }}
QListView::item:hover {{ background: {BOX}; }}
QListView::item:selected {{ background: {ACCENT_DEEP}; color: {TEXT}; }}
QTableView {{ background: {PANEL}; border: 1px solid {LINE}; border-radius: 6px; }}
QTableView::item {{ padding: 0 6px; }}
QTableView::item:selected {{ background: {ACCENT_DEEP}; color: {TEXT}; }}
QTableView:focus {{ border-color: {ACCENT}; }}
QHeaderView {{ background: {BOX}; }}
QHeaderView::section {{ background: {BOX}; color: {MUTED}; border: none; border-bottom: 1px solid {LINE};
  padding: 4px 9px; font-weight: 600; }}
QTextBrowser {{ background: transparent; border: none; }}
QLineEdit {{ background: {BOX}; border: 1px solid {LINE}; border-radius: 6px; padding: 4px 8px; }}
QLineEdit:focus, QComboBox:focus {{ border-color: {ACCENT}; }}
QComboBox {{ background: {RAISED}; border: 1px solid {LINE}; border-radius: 6px; padding: 4px 8px; }}
QComboBox QAbstractItemView {{ background: {BOX}; border: 1px solid {LINE}; }}
QProgressBar {{ background: {LINE}; border: none; border-radius: 2px; max-height: 4px; min-height: 4px; }}
QProgressBar::chunk {{ background: {ACCENT}; border-radius: 2px; }}

#canvasColumn {{ background: {CANVAS}; }}
#panel, #fileColumn, #titleRow, #frameRow {{ background: {PANEL}; }}
#titleRow {{ border-bottom: 1px solid {LINE}; }}
#frameRow {{ border-top: 1px solid {LINE}; }}
#box {{ background: {BOX}; border: 1px solid {LINE}; border-radius: {RADIUS}px; }}
#box[tone="alarm"] {{ border-color: #8a4a44; }}
#box[tone="caution"] {{ border-color: #86683a; }}
#page {{ background: {WINDOW}; }}
#switches {{ border-top: 1px solid {LINE}; }}
#popover {{ background: {RAISED}; border: 1px solid {FAINT}; border-radius: {RADIUS}px; }}
#messageBar {{ background: {BOX}; border: 1px solid {LINE}; border-radius: {RADIUS}px; }}
#messageBar[tone="alarm"] {{ border-color: #8a4a44; }}
QLabel[role="title"] {{ font-size: 22px; font-weight: 600; }}
QLabel[role="heading"] {{ font-size: 15px; font-weight: 600; }}
QLabel[role="section"] {{ color: {MUTED}; font-weight: 600; }}
QLabel[role="muted"] {{ color: {MUTED}; }}
QLabel[role="small"] {{ color: {MUTED}; font-size: {SMALL_SIZE}px; }}
QLabel[role="finding"] {{ color: {FINDING}; font-weight: 600; }}
QLabel[role="caution"] {{ color: {FINDING}; }}
QLabel[role="neutral"] {{ color: {MUTED}; font-weight: 600; }}
QLabel[role="headline"] {{ color: {MUTED}; font-size: 15px; font-weight: 600; }}
QLabel[role="headline"][tone="finding"], QLabel[role="headline"][tone="caution"] {{ color: {FINDING}; }}
"""


def dress(app: QApplication) -> None:
    """Give the program its look. Fusion, because the platform styles ignore half of a style sheet."""
    app.setStyle("Fusion")
    font = QFont(app.font())
    if family := fonts.load():
        font.setFamily(family)
    font.setPixelSize(TEXT_SIZE)
    app.setFont(font)
    app.setPalette(palette())
    app.setStyleSheet(STYLE)


def palette() -> QPalette:
    """The same colours for what the style sheet does not reach (text documents, item views, file dialogs)."""
    roles = QPalette.ColorRole
    result = QPalette()
    for role, colour in (
        (roles.Window, WINDOW),
        (roles.WindowText, TEXT),
        (roles.Base, PANEL),
        (roles.AlternateBase, BOX),
        (roles.Text, TEXT),
        (roles.Button, RAISED),
        (roles.ButtonText, TEXT),
        (roles.ToolTipBase, RAISED),
        (roles.ToolTipText, TEXT),
        (roles.PlaceholderText, FAINT),
        (roles.Highlight, ACCENT_DEEP),
        (roles.HighlightedText, TEXT),
        (roles.Link, ACCENT),
        (roles.LinkVisited, ACCENT),
    ):
        result.setColor(role, QColor(colour))
    for role in (roles.Text, roles.WindowText, roles.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(FAINT))
    return result
