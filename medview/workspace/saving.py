"""Saving what the models said of the picture that is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from medview.core.failures import Failure
from medview.core.texts import Text
from medview.imaging.study import Study
from medview.inference.analysis import Analysis
from medview.report.saver import Options, Saver, SeenPicture
from medview.workspace.view import Picture, ViewState


def seen(study: Study, picture: Picture, view: ViewState) -> SeenPicture:
    """A picture of a study as it is on the screen."""
    frame = picture.frame
    return SeenPicture(
        frame, picture.shown, view.window_of(picture), view.inverts(picture), many=study.shares_file(frame)
    )


def save(analysis: Analysis, picture: SeenPicture, folder: Path, private: bool) -> list[Path] | Failure:
    """Write masks, overlays and `<stem>__results.json` of one analysis; the files written. `private`: the captions name
    neither patient nor file."""
    saver = Saver(folder, Options("findings", mask_overlay=True, table=True, private=private))
    saved = saver.folder.open() or saver.save(analysis, picture)
    if isinstance(saved, Failure):
        return replace(saved, text=Text("{text} Folder: {folder}", text=saved.text, folder=str(folder)))
    return list(saved.paths)
