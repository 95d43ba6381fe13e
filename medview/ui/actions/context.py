"""What actions reach: the workspace, the active pane, and what the window does for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PySide6.QtWidgets import QDialog

from medview.ui.canvas.canvas import Canvas
from medview.workspace import Workspace
from medview.workspace.viewport import Viewport


class HelpPage(Protocol):
    """The pages of the Help menu."""

    def show_help(self) -> None: ...
    def show_models(self) -> None: ...
    def show_about(self) -> None: ...


class ActionWindow(Protocol):
    """The window, as far as actions know it."""

    @property
    def canvas(self) -> Canvas:
        """The canvas of the active pane."""

    @property
    def page(self) -> HelpPage:
        """A page of the Help menu, in the place of the pictures."""

    @property
    def page_shown(self) -> bool:
        """Whether it hides them."""

    @property
    def tags(self) -> QDialog:
        """The elements of the shown file."""

    def isFullScreen(self) -> bool: ...
    def toggle_full_screen(self) -> None: ...
    def ask_file(self) -> None: ...
    def ask_folder(self) -> None: ...
    def ask_save(self) -> None: ...
    def close(self) -> bool: ...


@dataclass(frozen=True)
class Context:
    """What an action is done with, and what its conditions ask."""

    workspace: Workspace
    window: ActionWindow

    @property
    def pane(self) -> Viewport:
        """The active pane."""
        return self.workspace.active

    @property
    def canvas(self) -> Canvas:
        """The canvas of the active pane."""
        return self.window.canvas
