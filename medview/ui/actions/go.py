"""The way through the list and through a series."""

from __future__ import annotations

from medview.ui.actions import when
from medview.ui.actions.spec import QT_TRANSLATE_NOOP, Spec

# Frames that are passed by Page Up and Page Down.
MANY = 10
# More than any series has.
ALL = 1_000_000

ACTIONS: tuple[Spec, ...] = (
    Spec(
        id="previous_file",
        text=QT_TRANSLATE_NOOP("Actions", "Previous in the list"),
        menu="go",
        keys=("Left",),
        icon="previous",
        enabled=when.several_entries,
        on_canvas=True,
        run=lambda c: c.workspace.step_entry(-1),
        about=QT_TRANSLATE_NOOP("Actions", "The series or file before this one"),
    ),
    Spec(
        id="next_file",
        text=QT_TRANSLATE_NOOP("Actions", "Next in the list"),
        menu="go",
        keys=("Right",),
        icon="next",
        enabled=when.several_entries,
        on_canvas=True,
        run=lambda c: c.workspace.step_entry(1),
        about=QT_TRANSLATE_NOOP("Actions", "The series or file after this one"),
    ),
    Spec(
        id="previous_frame",
        text=QT_TRANSLATE_NOOP("Actions", "Previous frame"),
        menu="go",
        line_above=True,
        keys=("Up",),
        enabled=when.several_frames,
        on_canvas=True,
        run=lambda c: c.pane.step_frame(-1),
        about=QT_TRANSLATE_NOOP("Actions", "One frame back in the series"),
    ),
    Spec(
        id="next_frame",
        text=QT_TRANSLATE_NOOP("Actions", "Next frame"),
        menu="go",
        keys=("Down",),
        enabled=when.several_frames,
        on_canvas=True,
        run=lambda c: c.pane.step_frame(1),
        about=QT_TRANSLATE_NOOP("Actions", "One frame on in the series"),
    ),
    Spec(
        id="frames_back",
        text=QT_TRANSLATE_NOOP("Actions", "Ten frames back"),
        menu="go",
        keys=("PgUp",),
        enabled=when.several_frames,
        on_canvas=True,
        run=lambda c: c.pane.step_frame(-MANY),
        about=QT_TRANSLATE_NOOP("Actions", "Ten frames back in the series, or to the first"),
    ),
    Spec(
        id="frames_on",
        text=QT_TRANSLATE_NOOP("Actions", "Ten frames on"),
        menu="go",
        keys=("PgDown",),
        enabled=when.several_frames,
        on_canvas=True,
        run=lambda c: c.pane.step_frame(MANY),
        about=QT_TRANSLATE_NOOP("Actions", "Ten frames on in the series, or to the last"),
    ),
    Spec(
        id="first_frame",
        text=QT_TRANSLATE_NOOP("Actions", "First frame"),
        menu="go",
        keys=("Home",),
        enabled=when.several_frames,
        on_canvas=True,
        run=lambda c: c.pane.step_frame(-ALL),
        about=QT_TRANSLATE_NOOP("Actions", "The beginning of the series"),
    ),
    Spec(
        id="last_frame",
        text=QT_TRANSLATE_NOOP("Actions", "Last frame"),
        menu="go",
        keys=("End",),
        enabled=when.several_frames,
        on_canvas=True,
        run=lambda c: c.pane.step_frame(ALL),
        about=QT_TRANSLATE_NOOP("Actions", "The end of the series"),
    ),
    Spec(
        id="previous_time",
        text=QT_TRANSLATE_NOOP("Actions", "Earlier"),
        menu="go",
        line_above=True,
        keys=(",", "Ctrl+Up"),
        enabled=when.several_times,
        on_canvas=True,
        run=lambda c: c.pane.step_time(-1),
        about=QT_TRANSLATE_NOOP("Actions", "The same slice, one point in time back"),
    ),
    Spec(
        id="next_time",
        text=QT_TRANSLATE_NOOP("Actions", "Later"),
        menu="go",
        keys=(".", "Ctrl+Down"),
        enabled=when.several_times,
        on_canvas=True,
        run=lambda c: c.pane.step_time(1),
        about=QT_TRANSLATE_NOOP("Actions", "The same slice, one point in time on"),
    ),
)
