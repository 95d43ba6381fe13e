"""How an action is declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from medview.core.texts import Text
from medview.ui.actions import when
from medview.ui.actions.context import Context
from medview.ui.actions.when import Condition

Run = Callable[[Context], object]


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One action, whole.

    Attributes:
        text: as it stands in its `menu`, with a line above it where a group begins. about: what the help and the
            tooltip say.
        keys: portable key texts. on_canvas: these keys (arrows) only count while the picture, or the message in its
            place, has the focus.
        icon: its name. bar: how it stands in the toolbar; empty for not at all. short: its words there, where they
            are others.
        enabled: when it can be done. checked: when it is ticked; None for an action that has no tick.
        anywhere: it leaves what is open alone, so that it can also be done where a page of the Help menu hides that.
        run: does it.
    """

    id: str
    text: Text
    menu: str
    line_above: bool = False
    keys: tuple[str, ...] = ()
    icon: str = ""
    bar: Literal["", "icon", "words"] = ""
    short: Text | None = None
    enabled: Condition = when.always
    checked: Condition | None = None
    anywhere: bool = False
    on_canvas: bool = False
    run: Run
    about: Text

    @property
    def follows(self) -> frozenset[str]:
        """The topics that can change whether it is enabled or ticked."""
        ticked = self.checked.follows if self.checked else frozenset[str]()
        return self.enabled.follows | ticked | (frozenset[str]() if self.anywhere else when.in_sight.follows)


def switch(key: str) -> Run:
    """What turns a setting on and off."""
    return lambda context: context.workspace.set_setting(key, not context.workspace.settings[key])
