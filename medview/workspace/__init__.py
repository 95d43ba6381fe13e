"""The owner of state: what is listed, open and shown, and what the models said about it. QtCore only."""

from medview.workspace.workspace import Workspace

__all__ = ["Workspace"]
