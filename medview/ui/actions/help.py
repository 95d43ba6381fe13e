"""The pages that tell about medview."""

from __future__ import annotations

from medview.core.texts import Text
from medview.ui.actions.spec import Spec

ACTIONS: tuple[Spec, ...] = (
    Spec(
        id="help",
        text=Text("Help and shortcuts"),
        menu="help",
        keys=("F1",),
        icon="help",
        bar="icon",
        anywhere=True,
        run=lambda c: c.window.page.show_help(),
        about=Text("How medview is used"),
    ),
    Spec(
        id="models",
        text=Text("Models"),
        menu="help",
        anywhere=True,
        run=lambda c: c.window.page.show_models(),
        about=Text("The installed models, their hashes and self-tests"),
    ),
    Spec(
        id="about",
        text=Text("About medview"),
        menu="help",
        line_above=True,
        anywhere=True,
        run=lambda c: c.window.page.show_about(),
        about=Text("Versions, licences, where the log file is"),
    ),
)
