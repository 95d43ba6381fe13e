"""What is opened, saved and closed."""

from __future__ import annotations

from medview.core.texts import Text
from medview.ui.actions import when
from medview.ui.actions.spec import Spec

ACTIONS: tuple[Spec, ...] = (
    Spec(
        id="open",
        text=Text("Open…"),
        menu="file",
        keys=("Ctrl+O",),
        icon="open",
        bar="words",
        enabled=when.accepted,
        anywhere=True,
        run=lambda c: c.window.ask_file(),
        about=Text("Open one or several pictures"),
    ),
    Spec(
        id="open_folder",
        text=Text("Open folder…"),
        menu="file",
        keys=("Ctrl+Shift+O",),
        enabled=when.accepted,
        anywhere=True,
        run=lambda c: c.window.ask_folder(),
        about=Text("List a whole folder"),
    ),
    Spec(
        id="close",
        text=Text("Close"),
        menu="file",
        keys=("Ctrl+W",),
        enabled=when.anything,
        run=lambda c: c.workspace.close_all(),
        about=Text("Close the picture and the list"),
    ),
    Spec(
        id="save",
        text=Text("Save result images…"),
        menu="file",
        line_above=True,
        keys=("Ctrl+S",),
        icon="save",
        bar="words",
        short=Text("Save"),
        enabled=when.results,
        run=lambda c: c.window.ask_save(),
        about=Text("Write masks, heatmaps and the numbers (JSON) into a folder"),
    ),
    Spec(
        id="tags",
        text=Text("DICOM tags…"),
        menu="file",
        keys=("Ctrl+I",),
        enabled=when.file,
        run=lambda c: c.window.tags.open(),
        about=Text("Every element of the file, private ones too, to search and copy"),
    ),
    Spec(
        id="quit",
        text=Text("Quit"),
        menu="file",
        line_above=True,
        keys=("Ctrl+Q",),
        anywhere=True,
        run=lambda c: c.window.close(),
        about=Text("Leave medview"),
    ),
)
