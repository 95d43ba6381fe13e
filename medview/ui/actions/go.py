"""The way through the list and through a series."""

from __future__ import annotations

from medview.core.texts import Text
from medview.ui.actions import when
from medview.ui.actions.spec import Spec

# Frames that are passed by Page Up and Page Down.
MANY = 10
# More than any series has.
ALL = 1_000_000

ACTIONS: tuple[Spec, ...] = (
    Spec(
        id="previous_file",
        text=Text("Previous in the list"),
        menu="go",
        keys=("Left",),
        icon="previous",
        enabled=when.several_entries,
        on_canvas=True,
        run=lambda c: c.workspace.step_entry(-1),
        about=Text("The series or file before this one"),
    ),
    Spec(
        id="next_file",
        text=Text("Next in the list"),
        menu="go",
        keys=("Right",),
        icon="next",
        enabled=when.several_entries,
        on_canvas=True,
        run=lambda c: c.workspace.step_entry(1),
        about=Text("The series or file after this one"),
    ),
    Spec(
        id="previous_frame",
        text=Text("Previous frame"),
        menu="go",
        line_above=True,
        keys=("Up",),
        enabled=when.several_frames,
        on_canvas=True,
        run=lambda c: c.pane.step_frame(-1),
        about=Text("One frame back in the series"),
    ),
    Spec(
        id="next_frame",
        text=Text("Next frame"),
        menu="go",
        keys=("Down",),
        enabled=when.several_frames,
        on_canvas=True,
        run=lambda c: c.pane.step_frame(1),
        about=Text("One frame on in the series"),
    ),
    Spec(
        id="frames_back",
        text=Text("Ten frames back"),
        menu="go",
        keys=("PgUp",),
        enabled=when.several_frames,
        on_canvas=True,
        run=lambda c: c.pane.step_frame(-MANY),
        about=Text("Ten frames back in the series, or to the first"),
    ),
    Spec(
        id="frames_on",
        text=Text("Ten frames on"),
        menu="go",
        keys=("PgDown",),
        enabled=when.several_frames,
        on_canvas=True,
        run=lambda c: c.pane.step_frame(MANY),
        about=Text("Ten frames on in the series, or to the last"),
    ),
    Spec(
        id="first_frame",
        text=Text("First frame"),
        menu="go",
        keys=("Home",),
        enabled=when.several_frames,
        on_canvas=True,
        run=lambda c: c.pane.step_frame(-ALL),
        about=Text("The beginning of the series"),
    ),
    Spec(
        id="last_frame",
        text=Text("Last frame"),
        menu="go",
        keys=("End",),
        enabled=when.several_frames,
        on_canvas=True,
        run=lambda c: c.pane.step_frame(ALL),
        about=Text("The end of the series"),
    ),
    Spec(
        id="previous_time",
        text=Text("Earlier"),
        menu="go",
        line_above=True,
        keys=(",", "Ctrl+Up"),
        enabled=when.several_times,
        on_canvas=True,
        run=lambda c: c.pane.step_time(-1),
        about=Text("The same slice, one point in time back"),
    ),
    Spec(
        id="next_time",
        text=Text("Later"),
        menu="go",
        keys=(".", "Ctrl+Down"),
        enabled=when.several_times,
        on_canvas=True,
        run=lambda c: c.pane.step_time(1),
        about=Text("The same slice, one point in time on"),
    ),
)
