"""The samples that come with the program: they open, are named in the notice, and are small."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medview.core import resources
from medview.core.failures import Failure
from medview.core.samples import samples
from medview.imaging.open import open_path
from medview.imaging.study import Study

FOLDER = resources.find("samples")


def test_every_sample_opens_and_has_its_licence():
    found = samples()
    assert len(found) == 12
    notice = (FOLDER / "NOTICE.md").read_text(encoding="utf-8")
    for sample in found:
        assert sample.title
        assert sample.licence
        assert f"`{sample.path.name}`" in notice
        assert sample.kind in ("chest_xray", "brain_mr", "skin_lesion", "other")
        study = open_path(sample.path)
        assert isinstance(study, Study), study
        values = study.frames[0].modality_values()
        assert not isinstance(values, Failure)
        assert int(np.ptp(values)) > 50
        # Grey pictures must be windowed, so they must be grey.
        assert (values.ndim == 3) == (sample.kind == "skin_lesion")


def test_nothing_else_lies_there():
    listed = {sample.path.name for sample in samples()} | {"samples.toml", "NOTICE.md"}
    there = {path.name for path in FOLDER.iterdir() if path.is_file() and path.suffix != ".py"}
    assert there == listed
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 600_000


def test_a_missing_or_broken_list_gives_no_samples(tmp_path: Path):
    assert samples(tmp_path) == []
    (tmp_path / "samples.toml").write_text("[[sample]]\nfile = 3", encoding="utf-8")
    assert samples(tmp_path) == []
    (tmp_path / "samples.toml").write_text("not toml", encoding="utf-8")
    assert samples(tmp_path) == []
