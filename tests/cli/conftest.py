"""Commands with an engine that needs no network."""

from __future__ import annotations

from pathlib import Path

import pytest

from medview.cli import models
from tests.cli.fakes import FakeEngine
from tests.cli.operate import put


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands take the engine of tests/cli/fakes.py."""
    monkeypatch.setattr(models, "Engine", FakeEngine)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture alone in a folder."""
    return put(tmp_path / "in" / "a.png")
