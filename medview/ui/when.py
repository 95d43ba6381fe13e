"""When an action can be done: what the table of actions asks of the workspace."""

from __future__ import annotations

from collections.abc import Callable

from medview.inference.analysis import mask_of
from medview.workspace import Workspace

When = Callable[[Workspace], bool]


def accepted(ws: Workspace) -> bool:
    """The notice was read."""
    return bool(ws.settings["notice_accepted"])


def picture(ws: Workspace) -> bool:
    """A picture is shown."""
    return ws.active.picture is not None


def file(ws: Workspace) -> bool:
    """A file is shown, or could not be."""
    return ws.active.picture is not None or ws.active.failed_path is not None


def several_entries(ws: Workspace) -> bool:
    """There is another entry to go to."""
    return len(ws.listing.entries) > 1


def several_frames(ws: Workspace) -> bool:
    """The study has another frame to go to."""
    return ws.active.study is not None and len(ws.active.study.frames) > 1


def several_times(ws: Workspace) -> bool:
    """The study has another point in time to go to."""
    return ws.active.grid[1] > 1


def results(ws: Workspace) -> bool:
    """There are results, and none are being saved."""
    return ws.active.analysis is not None and bool(ws.active.analysis.results) and not ws.busy("save")


def heatmaps(ws: Workspace) -> bool:
    """A model has shown where its evidence lies, in this picture or in the one before while this one is looked at."""
    answer = ws.active.answer
    return answer is not None and any(result.heatmaps for result in answer.analysis.results)


def marked(ws: Workspace) -> bool:
    """A model has marked something, as with `heatmaps`."""
    mask = mask_of(ws.active.answer.analysis) if ws.active.answer else None
    return mask is not None and mask.count > 0


def sided(ws: Workspace) -> bool:
    """The file says which sides of the patient lie at the edges."""
    return ws.active.picture is not None and ws.active.picture.frame.orientation is not None


def judged(ws: Workspace) -> bool:
    """Models may look at what is shown."""
    return ws.active.picture is not None and ws.active.plane is None


def busy(ws: Workspace) -> bool:
    """Something runs that can be stopped."""
    return ws.busy("scan") is not None or any(map(ws.active.busy, ("analyse", "open", "plane")))


def anything(ws: Workspace) -> bool:
    """Something is open."""
    return bool(ws.listing.entries)


def always(ws: Workspace) -> bool:
    """At any time."""
    return True
