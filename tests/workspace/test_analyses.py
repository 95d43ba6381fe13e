"""The engine of the workspace, made when it is first needed."""

from __future__ import annotations

import pytest

from medview.workspace.analyses import LazyEngine


def test_an_engine_is_made_once_and_a_failed_making_is_tried_again() -> None:
    made: list[object] = []

    def factory() -> object:
        made.append(object())
        if len(made) == 1:
            raise OSError("not yet")
        return made[-1]

    engine = LazyEngine(factory)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="not yet"):
        engine.get()
    assert engine.get() is engine.get()
    assert len(made) == 2
