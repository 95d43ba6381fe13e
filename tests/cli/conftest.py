"""Commands with an engine that needs no network, or with one whose networks are loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from medview.cli import models
from medview.core import resources
from medview.inference.engine import Engine
from medview.inference.runtime import Device, cuda_usable
from tests.cli.fakes import FakeEngine
from tests.cli.operate import put


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands take the engine of tests/cli/fakes.py."""
    monkeypatch.setattr(models, "Engine", FakeEngine)


@pytest.fixture
def one_engine(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands share an engine, which has its models loaded, but those that ask for other models or a GPU."""

    def same(device: Device) -> Engine:
        shared = resources.find("models") == engine.registry.folder and (device == "cpu" or not cuda_usable())
        return engine if shared else Engine(device=device)

    monkeypatch.setattr(models, "Engine", same)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture alone in a folder."""
    return put(tmp_path / "in" / "a.png")
