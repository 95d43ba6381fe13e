"""The second look: started, stopped, by itself or not."""

from __future__ import annotations

from medview.core.texts import Text
from medview.ui.actions import when
from medview.ui.actions.context import Context
from medview.ui.actions.spec import Spec, switch


def _cancel(context: Context) -> None:
    context.workspace.cancel_opening(context.pane)
    context.pane.cancel_analysis()


ACTIONS: tuple[Spec, ...] = (
    Spec(
        id="analyse",
        text=Text("Analyse"),
        menu="analysis",
        keys=("F5",),
        icon="analyse",
        bar="words",
        enabled=when.judged,
        run=lambda c: c.pane.analyse(),
        about=Text("Let the models look at this picture (again)"),
    ),
    Spec(
        id="cancel",
        text=Text("Cancel"),
        menu="analysis",
        keys=("Esc",),
        icon="cancel",
        enabled=when.busy,
        run=_cancel,
        about=Text("Stop what is running"),
    ),
    Spec(
        id="auto",
        text=Text("Analyse when a picture opens"),
        menu="analysis",
        line_above=True,
        checked=when.setting("auto_analyse"),
        anywhere=True,
        run=switch("auto_analyse"),
        about=Text("Switch the automatic second look on or off"),
    ),
)
