"""Model folders that somebody made to do harm: small networks of tests/data/cases/attack, and edits of them."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from medview.core import resources

CASES = Path(__file__).resolve().parents[1] / "data" / "cases" / "attack"
GOOD = "model-nan"  # on its golden picture it answers like any other


def models(folder: Path, case: str, *shipped: str) -> Path:
    """A folder of models: `evil` of a case, and some of medview's own. Its path."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(CASES / case / "evil", folder / "evil")
    for id in shipped:
        shutil.copytree(resources.shipped("models") / id, folder / id)
    return folder


def edit(model: Path, name: str, data: bytes) -> None:
    """Put other bytes into a file of a model and their hash into its card."""
    old = hashlib.sha256((model / name).read_bytes()).hexdigest()
    (model / name).write_bytes(data)
    card = (model / "card.toml").read_text(encoding="utf-8")
    assert old in card
    (model / "card.toml").write_text(card.replace(old, hashlib.sha256(data).hexdigest()), encoding="utf-8")


def rewrite(model: Path, pattern: str, new: str) -> None:
    """Replace a part of a card, whose text must hold it."""
    card = (model / "card.toml").read_text(encoding="utf-8")
    changed, count = re.subn(pattern, lambda _: new, card)
    assert count == 1
    (model / "card.toml").write_text(changed, encoding="utf-8")


def npz(arrays: dict[str, Any]) -> bytes:
    """An .npz of arrays, pickles allowed."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def archive(members: dict[str, bytes]) -> bytes:
    """A ZIP of these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return file.getvalue()


def message(*fields: tuple[int, bytes | int]) -> bytes:
    """A protobuf message of (field, bytes or a whole number)."""
    return b"".join(
        varint(number << 3) + varint(value)
        if isinstance(value, int)
        else varint(number << 3 | 2) + varint(len(value)) + value
        for number, value in fields
    )


def varint(value: int) -> bytes:
    """A whole number as protobuf writes it."""
    rest, last = divmod(value, 128)
    return bytes([last | 0x80]) + varint(rest) if rest else bytes([last])
