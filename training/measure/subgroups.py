"""Facts about the samples beyond source and framing: age group, sex, from the manifests beside the pictures."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from training.data.samples import Sample, read_manifest

# The only children among the chest X-rays, whose manifest has no ages (Kermany et al. 2018: one to five years).
CHILDREN = "Kermany"
AGES = ((30.0, "under 30"), (60.0, "30 to 59"), (float("inf"), "60 and older"))


@cache
def _rows(manifest: Path) -> dict[str, dict[str, str]]:
    return {row["file"]: row for row in read_manifest(manifest, ("file",))}


def row_of(sample: Sample) -> dict[str, str]:
    """The sample's row in the manifest of its folder or of the folder above; empty when there is none."""
    for folder in sample.path.parents[:2]:
        if (folder / "manifest.csv").is_file():
            rows = _rows(folder / "manifest.csv")
            name = sample.path.relative_to(folder).as_posix()
            return rows.get(name) or rows.get(sample.path.name) or {}
    return {}


def age_group(sample: Sample, kind: str) -> str:
    """Age group of the patient, or empty. `kind` of picture as the gate names it."""
    if kind == "chest_xray":
        return "children, 1 to 5 years" if sample.source.startswith(CHILDREN) else "mostly adults"
    age = row_of(sample).get("age", "")
    return next(name for limit, name in AGES if float(age) < limit) if age else ""


def sex(sample: Sample) -> str:
    """`female` or `male`, or empty."""
    told = row_of(sample).get("sex", "")
    return told if told in ("female", "male") else ""
