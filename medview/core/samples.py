"""The sample pictures that come with the program."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from medview.core import resources


@dataclass(frozen=True)
class Sample:
    """One picture to try the program with.

    Attributes:
        path: the file. title: what it is known to show; said beside what the models say of it.
        kind: what the gate should take it for, `other` where no model fits.
        source, licence, citation: where it is from; NOTICE.md in its folder says what was changed.
        truth: by model, the labels that are there by the source; every other label of that model is not there.
        unsure: by model, the labels of which the source does not say whether they are there.
    """

    path: Path
    title: str
    source: str
    licence: str
    kind: str
    citation: str
    truth: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unsure: dict[str, tuple[str, ...]] = field(default_factory=dict)


def samples(folder: Path | None = None) -> list[Sample]:
    """All samples in the order of samples.toml; those whose file is missing are left out, and so is a broken list.

    `folder`: None for the samples that come with the program.
    """
    folder = folder or resources.find("samples")
    try:
        entries = tomllib.loads((folder / "samples.toml").read_text(encoding="utf-8")).get("sample", [])
        found = [
            Sample(
                folder / e["file"], e["title"], e["source"], e["licence"], e["kind"], e["citation"],
                _by_model(e.get("truth", {})), _by_model(e.get("unsure", {})),
            )
            for e in entries
        ]  # fmt: skip
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError, KeyError, TypeError):
        return []
    return [sample for sample in found if sample.path.is_file()]


def _by_model(table: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {model: tuple(labels) for model, labels in table.items()}
