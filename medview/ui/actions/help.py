"""The pages that tell about medview."""

from __future__ import annotations

from medview.ui.actions.spec import QT_TRANSLATE_NOOP, Spec

ACTIONS: tuple[Spec, ...] = (
    Spec(
        id="help",
        text=QT_TRANSLATE_NOOP("Actions", "Help and shortcuts"),
        menu="help",
        keys=("F1",),
        icon="help",
        bar="icon",
        anywhere=True,
        run=lambda c: c.window.page.show_help(),
        about=QT_TRANSLATE_NOOP("Actions", "How medview is used"),
    ),
    Spec(
        id="models",
        text=QT_TRANSLATE_NOOP("Actions", "Models"),
        menu="help",
        anywhere=True,
        run=lambda c: c.window.page.show_models(),
        about=QT_TRANSLATE_NOOP("Actions", "The installed models, their hashes and self-tests"),
    ),
    Spec(
        id="about",
        text=QT_TRANSLATE_NOOP("Actions", "About medview"),
        menu="help",
        line_above=True,
        anywhere=True,
        run=lambda c: c.window.page.show_about(),
        about=QT_TRANSLATE_NOOP("Actions", "Versions, licences, where the log file is"),
    ),
)
