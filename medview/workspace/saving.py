"""Saving what the models said of the picture that is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from medview.core.failures import Failure
from medview.core.texts import Text
from medview.inference.analysis import Analysis
from medview.workspace.view import Picture


@dataclass(frozen=True)
class ToSave:
    """What is written of a picture and its analysis.

    Attributes:
        picture: with the window it is seen with. inverted: whether the user sees it with black and white swapped.
        many: whether its file has several pictures. private: captions name neither patient nor file.
    """

    analysis: Analysis
    picture: Picture
    inverted: bool = False
    many: bool = False
    private: bool = False


def save(what: ToSave, folder: Path) -> list[Path] | Failure:
    """Write masks, overlays and `<stem>__results.json` of one analysis, as the picture is seen; the files written."""
    from medview.imaging.window import to_8bit
    from medview.report import export
    from medview.report.folder import ResultFolder

    picture, frame = what.picture, what.picture.frame
    swapped = (frame.inverted and picture.shown.ndim == 2) != what.inverted
    image = to_8bit(picture.shown, picture.window, swapped, frame.padding)
    target = ResultFolder(folder)
    failure = target.open()
    if failure is None:
        options = export.Options("findings", mask_overlay=True, table=True, private=what.private)
        saved = export.save(what.analysis, image, frame, target, what.many, options)
        if not isinstance(saved, Failure):
            return list(saved.paths)
        failure = saved
    return replace(failure, text=Text("{text} Folder: {folder}", text=failure.text, folder=str(folder)))
