"""The fuzz harness works, is deterministic, and a first hundred of its mutants do no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import worker
from tests.fuzz.mutants import made_seeds, mutant


def test_a_mutant_is_known_by_its_seed_and_number() -> None:
    assert mutant(3, 14) == mutant(3, 14)
    assert len({mutant(seed, number)[1] for seed in (1, 2) for number in range(20)}) > 35
    changed = [data != made_seeds()[name] for name, data in (mutant(1, number) for number in range(50))]
    assert sum(changed) > 45


def test_a_hundred_mutants_do_no_harm(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    told = [worker.trial(tmp_path / "mutant", mutant(13, number)[1]) for number in range(100)]
    assert [one["escape"] for one in told if "escape" in one] == []
    assert {one["outcome"] for one in told} > {"opens", "refuse-corrupt"}
    assert capfd.readouterr() == ("", "")


def test_an_escape_is_told_with_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> str:
        raise KeyError(path.name)

    monkeypatch.setattr(worker, "read", fail)
    assert "KeyError: 'mutant'" in worker.trial(tmp_path / "mutant", b"")["escape"]
