"""What tests of inference share."""

from __future__ import annotations

import pytest

from medview.inference.engine import Engine


@pytest.fixture(scope="session")
def engine() -> Engine:
    """With the models that come with medview; for all tests that do not change it."""
    return Engine(device="cpu")
