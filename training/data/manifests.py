"""What a set is made of: samples, read from the rows of a manifest."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path

# Labels of pictures that show nothing wrong.
HEALTHY = ("normal", "no_tumour")
# Shares of train and val where a public set has no split of its own.
SHARES = (0.7, 0.15)


@dataclass(frozen=True)
class Sample:
    """One picture of a set.

    Attributes:
        path: the file.
        label: class name; empty where the set has none for it.
        split: train, val, test, or the name of an extra evaluation set.
        group: patient or lesion; intervals are drawn over groups, splits never cut one.
        source: hospital or collection, for the per-source figures.
        framing: how the picture was cut (`full-frame`, `lung-crop`), or empty.
        mask: file of the reference mask, or None.
        allowed: class names that may be true where the class is known only in part ("some tumour"); of a set of several
            labels a picture (`multilabel`) those that are true.
        tags: further set-specific facts, for example the tumour type of a segmentation slice.
        cut: shares of the height cut off before anything else sees the picture, (top, bottom).
        shown: whether the picture may be shown, even as a thumbnail.
    """

    path: Path
    label: str
    split: str
    group: str
    source: str
    framing: str = ""
    mask: Path | None = None
    allowed: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cut: tuple[float, float] = (0.0, 0.0)
    shown: bool = True


def read_manifest(path: Path, needs: Iterable[str], filled: Iterable[str] = ()) -> list[dict[str, str]]:
    """Rows of a manifest CSV (UTF-8); a cell that a short row lacks is empty.

    Raises ValueError naming what was expected and found when a column of `needs` is missing, a cell of the columns
    `filled` is empty, or the file is no such table.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path.name}: a table of comma-separated values in UTF-8 expected: {error}") from error
    missing = set(needs) - set(rows[0] if rows else ())
    if missing:
        found = ", ".join(str(name) for name in rows[0]) if rows else "no rows"
        raise ValueError(f"{path.name}: columns {', '.join(sorted(missing))} expected, found: {found}")
    for number, row in enumerate(rows, 1):
        if empty := [name for name in filled if not row[name].strip()]:
            raise ValueError(f"{path.name}: row {number} has no {', '.join(empty)}")
    return rows


def hash_split(name: str, shares: tuple[float, float] = (0.6, 0.2)) -> str:
    """A fixed split for sets that come without one, from the name alone (share of train, share of val)."""
    point = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    return "train" if point < shares[0] else "val" if point < sum(shares) else "test"


def wrong_layout(folder: Path, expected: str) -> ValueError:
    """The error of a folder that is laid out otherwise: what was expected, and the first few names found."""
    names = sorted(p.name + "/" * p.is_dir() for p in folder.iterdir()) if folder.is_dir() else []
    found = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
    return ValueError(f"{folder}: {expected} expected, found: {found or 'nothing'}")


def few_of_each(samples: Iterable[Sample], key: Callable[[Sample], Hashable], most: int) -> list[Sample]:
    """At most `most` samples of each `key`, in the order of the hash of their names: the same ones every time."""
    taken: Counter[Hashable] = Counter()
    kept = []
    for sample in sorted(samples, key=lambda s: hashlib.sha256(s.path.name.encode()).hexdigest()):
        taken[key(sample)] += 1
        if taken[key(sample)] <= most:
            kept.append(sample)
    return kept
