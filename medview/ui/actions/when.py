"""When an action can be done, and when it is ticked: questions, each with what can change its answer.

A topic names such a change: `listing`, `picture`, `view`, `layers`, `analysis` and `busy` are the signals of the
workspace, `page` is a page of the Help menu that comes or goes, `window` the state of the window, and a setting has a
topic of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from medview.imaging.volume import MprPlane
from medview.inference.analysis import mask_of
from medview.ui.actions.context import Context

TOPICS = ("listing", "picture", "view", "layers", "analysis", "busy", "page", "window")


def setting_topic(key: str) -> str:
    """The topic of a setting."""
    return f"setting {key}"


@dataclass(frozen=True)
class Condition:
    """A question with the topics that its answer follows. `a & b`: both."""

    ask: Callable[[Context], bool]
    follows: frozenset[str]

    def __call__(self, context: Context) -> bool:
        """The answer now."""
        return self.ask(context)

    def __and__(self, other: Condition) -> Condition:
        return Condition(lambda context: self(context) and other(context), self.follows | other.follows)


def follows(*topics: str) -> Callable[[Callable[[Context], bool]], Condition]:
    """Makes a condition of a function."""
    return lambda ask: Condition(ask, frozenset(topics))


def setting(key: str) -> Condition:
    """A setting is on."""
    return Condition(lambda context: bool(context.workspace.settings[key]), frozenset([setting_topic(key)]))


@follows()
def always(context: Context) -> bool:
    """At any time."""
    return True


# The notice was read.
accepted = setting("notice_accepted")


@follows("page")
def in_sight(context: Context) -> bool:
    """No page of the Help menu hides the pictures."""
    return not context.window.page_shown


@follows("window")
def full_screen(context: Context) -> bool:
    """The window fills the screen."""
    return context.window.isFullScreen()


@follows("listing")
def anything(context: Context) -> bool:
    """Something is open."""
    return bool(context.workspace.listing.entries)


@follows("listing")
def several_entries(context: Context) -> bool:
    """There is another entry to go to."""
    return len(context.workspace.listing.entries) > 1


@follows("picture")
def picture(context: Context) -> bool:
    """A picture is shown."""
    return context.pane.picture is not None


@follows("picture")
def file(context: Context) -> bool:
    """A file is shown, or could not be."""
    return context.pane.picture is not None or context.pane.failed_path is not None


@follows("picture")
def several_frames(context: Context) -> bool:
    """The study has another frame to go to."""
    study = context.pane.study
    return study is not None and len(study.frames) > 1


@follows("picture")
def several_times(context: Context) -> bool:
    """The study has another point in time to go to."""
    return context.pane.grid[1] > 1


@follows("picture")
def oriented(context: Context) -> bool:
    """The file says which sides of the patient lie at the edges."""
    shown = context.pane.picture
    return shown is not None and shown.frame.orientation is not None


@follows("picture")
def judged(context: Context) -> bool:
    """Models may look at what is shown."""
    return context.pane.picture is not None and context.pane.plane is None


def plane_is(plane: MprPlane | None) -> Condition:
    """The series is shown in this plane; None: as it was acquired."""
    return Condition(lambda context: context.pane.plane == plane, frozenset(["picture"]))


@follows("picture", "view")
def inverted(context: Context) -> bool:
    """Black and white are swapped by the user."""
    return context.pane.view.inverted


@follows("analysis", "busy")
def results(context: Context) -> bool:
    """There are results, and none are being saved."""
    analysis = context.pane.analysis
    return analysis is not None and bool(analysis.results) and not context.workspace.busy("save")


# An answer of the frame before stays while that of this one is on its way: by itself, or since it was asked for.
_ANSWER = ("analysis", "picture", "busy", setting_topic("auto_analyse"))


@follows(*_ANSWER)
def heatmaps(context: Context) -> bool:
    """A model has shown where its evidence lies, in this picture or in the one before while this one is looked at."""
    answer = context.pane.answer
    return answer is not None and any(result.heatmaps for result in answer.analysis.results)


@follows(*_ANSWER)
def marked(context: Context) -> bool:
    """A model has marked something, as with `heatmaps`."""
    answer = context.pane.answer
    mask = mask_of(answer.analysis) if answer else None
    return mask is not None and mask.count > 0


@follows("layers")
def heatmap_on(context: Context) -> bool:
    """The heatmap is to be shown where there is one."""
    return context.pane.layers.heatmap_on


@follows("layers")
def mask_on(context: Context) -> bool:
    """The mask is to be shown where there is one."""
    return context.pane.layers.mask_on


@follows("busy")
def busy(context: Context) -> bool:
    """Something runs that can be stopped."""
    return context.workspace.busy("scan") is not None or any(map(context.pane.busy, ("analyse", "open", "plane")))
