"""Age and sex come from the manifest beside the picture."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: make train-setup")

from training.data.samples import Sample
from training.measure.subgroups import age_group, sex


def test_age_and_sex_are_read_from_the_manifest(tmp_path: Path) -> None:
    rows = ["file,age,sex", "images/a.jpg,29.0,male", "images/b.jpg,60.0,unknown", "images/c.jpg,,female"]
    (tmp_path / "manifest.csv").write_text("\n".join(rows), encoding="utf-8")
    a, b, c, d = (Sample(tmp_path / f"images/{n}.jpg", "nv", "test", n, "HAM10000") for n in "abcd")
    assert [age_group(s, "skin_lesion") for s in (a, b, c, d)] == ["under 30", "60 and older", "", ""]
    assert [sex(s) for s in (a, b, c, d)] == ["male", "", "female", ""]


def test_the_children_of_the_chest_set_are_one_source() -> None:
    child = Sample(Path("x/y.webp"), "normal", "test", "1", "Kermany paediatric CXR")
    adult = Sample(Path("x/y.webp"), "normal", "test", "1", "TBX11K")
    assert age_group(child, "chest_xray") == "children, 1 to 5 years"
    assert age_group(adult, "chest_xray") == "mostly adults"
