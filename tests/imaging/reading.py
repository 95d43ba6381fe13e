"""Files opened in tests: as a study, or refused with something to say."""

from __future__ import annotations

from pathlib import Path

from medview.core.failures import Failure
from medview.imaging.open import open_path
from medview.imaging.study import Study


def opened(path: Path) -> Study:
    """The study of a file that opens."""
    study = open_path(path)
    assert isinstance(study, Study), study
    return study


def refused(path: Path) -> Failure:
    """Why a file does not open, in words and with what to do next."""
    failure = open_path(path)
    assert isinstance(failure, Failure), failure
    assert failure.text
    assert failure.hint
    return failure
