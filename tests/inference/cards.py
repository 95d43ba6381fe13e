"""Cards for tests, without a file."""

from __future__ import annotations

from typing import Any

from medview.inference.card import Card
from medview.inference.card_reading import parse_card


def raw_card(**changes: Any) -> dict[str, Any]:
    """The TOML tables of a small, valid card."""
    raw: dict[str, Any] = {
        "format": 1,
        "id": "toy",
        "version": "1",
        "name": "Toy",
        "task": "classify",
        "kind": "chest_xray",
        "sha256": "0" * 64,
        "files": {"golden.npz": "0" * 64},
        "labels": [
            {"id": "normal", "name": "Normal", "normal": True},
            {"id": "a", "name": "A"},
            {"id": "b", "name": "B"},
        ],
        "preprocess": {"size": [4, 4], "colour": "grey", "intensity": "stretch"},
    }
    return raw | changes


def card(**changes: Any) -> Card:
    """A small card with some tables replaced."""
    return parse_card(raw_card(**changes))
