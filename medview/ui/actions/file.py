"""What is opened, saved and closed."""

from __future__ import annotations

from medview.ui.actions import when
from medview.ui.actions.spec import QT_TRANSLATE_NOOP, Spec

ACTIONS: tuple[Spec, ...] = (
    Spec(
        id="open",
        text=QT_TRANSLATE_NOOP("Actions", "Open…"),
        menu="file",
        keys=("Ctrl+O",),
        icon="open",
        bar="words",
        enabled=when.accepted,
        anywhere=True,
        run=lambda c: c.window.ask_file(),
        about=QT_TRANSLATE_NOOP("Actions", "Open one or several pictures"),
    ),
    Spec(
        id="open_folder",
        text=QT_TRANSLATE_NOOP("Actions", "Open folder…"),
        menu="file",
        keys=("Ctrl+Shift+O",),
        enabled=when.accepted,
        anywhere=True,
        run=lambda c: c.window.ask_folder(),
        about=QT_TRANSLATE_NOOP("Actions", "List a whole folder"),
    ),
    Spec(
        id="close",
        text=QT_TRANSLATE_NOOP("Actions", "Close"),
        menu="file",
        keys=("Ctrl+W",),
        enabled=when.anything,
        run=lambda c: c.workspace.close_all(),
        about=QT_TRANSLATE_NOOP("Actions", "Close the picture and the list"),
    ),
    Spec(
        id="save",
        text=QT_TRANSLATE_NOOP("Actions", "Save result images…"),
        menu="file",
        line_above=True,
        keys=("Ctrl+S",),
        icon="save",
        bar="words",
        short=QT_TRANSLATE_NOOP("Actions", "Save"),
        enabled=when.results,
        run=lambda c: c.window.ask_save(),
        about=QT_TRANSLATE_NOOP("Actions", "Write masks, heatmaps and the numbers (JSON) into a folder"),
    ),
    Spec(
        id="tags",
        text=QT_TRANSLATE_NOOP("Actions", "DICOM tags…"),
        menu="file",
        keys=("Ctrl+I",),
        enabled=when.file,
        run=lambda c: c.window.tags.open(),
        about=QT_TRANSLATE_NOOP("Actions", "Every element of the file, private ones too, to search and copy"),
    ),
    Spec(
        id="quit",
        text=QT_TRANSLATE_NOOP("Actions", "Quit"),
        menu="file",
        line_above=True,
        keys=("Ctrl+Q",),
        anywhere=True,
        run=lambda c: c.window.close(),
        about=QT_TRANSLATE_NOOP("Actions", "Leave medview"),
    ),
)
