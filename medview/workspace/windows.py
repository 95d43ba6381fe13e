"""The windows that are offered for a picture: those of its file, those by convention, automatic and full range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from medview.imaging.window import Window, auto_window, full_window, presets_of
from medview.workspace.view import Picture, ViewState

AUTO, FULL, FILE, USUAL = "auto", "full", "file", "usual"


@dataclass(frozen=True)
class Offer:
    """One window to choose.

    Attributes:
        key: tells it from the others; kept in the view while it is used.
        group: `file`, `usual`, `auto` or `full`.
        name: as the file or the convention calls it; empty for `auto` and `full`, and where the file does not.
        number: its place among those of the file, from 1; 0 for the others.
        window: None where it has to be measured on the picture.
    """

    key: str
    group: str
    name: str = ""
    window: Window | None = None
    number: int = 0


def offers(picture: Picture | None) -> tuple[Offer, ...]:
    """Everything that is offered, in display order; nothing for a colour picture."""
    if picture is None or picture.window is None:
        return ()
    frame = picture.frame
    own = (Offer(f"{FILE}:{n}", FILE, one.name, one.window, n + 1) for n, one in enumerate(frame.presets))
    usual = (Offer(f"{USUAL}:{p.name}", USUAL, p.name, p.window) for p in presets_of(frame.modality))
    return (*own, *usual, Offer(AUTO, AUTO), Offer(FULL, FULL))


def changes(picture: Picture, offer: Offer) -> dict[str, Any]:
    """What of the view changes by choosing `offer`."""
    if offer.window is not None and offer.window == picture.frame.window:
        # Each frame has its own, and keeps it.
        return {"window": None, "preset": ""}
    if offer.key == AUTO == active(picture, ViewState()):
        # What is shown first is automatic: the window that the series shares, or each picture's own.
        return {"window": None, "preset": ""}
    measure = full_window(picture.shown) if offer.key == FULL else auto_window(picture.shown, picture.frame.padding)
    return {"window": offer.window or measure, "preset": offer.key}


def active(picture: Picture, view: ViewState) -> str:
    """The key of the offer whose window is shown; empty for a window of the user's own."""
    if view.window is not None:
        return view.preset
    if picture.frame.window is None:
        return FULL if picture.shown.dtype == np.uint8 or picture.frame.few_bits else AUTO
    return next((offer.key for offer in offers(picture) if offer.window == picture.frame.window), "")
