"""Damaged files, each known by a seed and a number: the same pair gives the same file again, on any machine."""

from __future__ import annotations

import binascii
import random
import re
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

EXTREMES = (b"\xff", b"\0", b"\x7f", b"\x80", b"\x01", b"\xfe")
# Group 0028 describes the pixels, 0008 and 0020 the file and its place; in explicit VR two letters follow the tag.
_ELEMENT = re.compile(rb"[\x08\x10\x18\x20\x28\x40]\x00..(?:[A-Z]{2}..|.\x00\x00\x00)", re.DOTALL)
# Files of a folder that are larger than this are no seeds: a mutant should take milliseconds.
MAX_SEED = 300_000

Mutation = Callable[[bytearray, random.Random], None]


@cache
def made_seeds() -> dict[str, bytes]:
    """One small file of every kind, made by the tests."""
    from tests.imaging.seeds import DICOM, OTHERS, SHOWN
    from tests.imaging.segs import Mark, blob, seg

    marks = [Mark(blob(n), position=(0.0, 0.0, 5.0 * n)) for n in range(3)]
    return {
        **{f"dicom {name}": data for name, (data, _) in DICOM.items()},
        **{f"shown {name}": data for name, data in SHOWN.items()},
        **OTHERS,
        "segmentation": seg(marks),
    }


@cache
def seeds(folder: Path | None) -> list[tuple[str, bytes]]:
    """The made seeds and, with a folder, the small files below it, by name."""
    found = list(made_seeds().items())
    if folder:
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size <= MAX_SEED)
        found += [(str(path.relative_to(folder)), path.read_bytes()) for path in files]
    return found


def mutant(seed: int, number: int, folder: Path | None = None) -> tuple[str, bytes]:
    """What mutant `number` of a run was made of, and its bytes."""
    chance = random.Random(f"{seed}/{number}")
    name, data = chance.choice(seeds(folder))
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        if changed:
            chance.choice(MUTATIONS)(changed, chance)
    if name.startswith("png") and chance.random() < 0.7:
        _repair_png(changed)
    return name, bytes(changed)


def _place(data: bytearray, chance: random.Random) -> int:
    """Half of the places near the beginning, where headers are."""
    return chance.randrange(len(data) if chance.random() < 0.5 else min(len(data), 700))


def _flip(data: bytearray, chance: random.Random) -> None:
    data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _replace(data: bytearray, chance: random.Random) -> None:
    data[_place(data, chance)] = chance.randrange(256)


def _extreme(data: bytearray, chance: random.Random) -> None:
    at, size = _place(data, chance), chance.choice((2, 4, 8))
    first = chance.choice(EXTREMES)
    value = first + chance.choice((b"\0", b"\xff")) * (size - 1)
    data[at : at + size] = value if chance.random() < 0.5 else value[::-1]


def _remove(data: bytearray, chance: random.Random) -> None:
    at = _place(data, chance)
    del data[at : at + chance.choice((1, 2, 7, 64, 1000))]


def _insert(data: bytearray, chance: random.Random) -> None:
    at = _place(data, chance)
    data[at:at] = chance.randbytes(chance.choice((1, 2, 16, 200)))


def _truncate(data: bytearray, chance: random.Random) -> None:
    del data[_place(data, chance) + 1 :]


def _swap(data: bytearray, chance: random.Random) -> None:
    size = chance.choice((4, 32, 256))
    one, two = sorted((_place(data, chance), _place(data, chance)))
    if one + size <= two:
        data[one : one + size], data[two : two + size] = data[two : two + size], data[one : one + size]


def _repeat(data: bytearray, chance: random.Random) -> None:
    at, size = _place(data, chance), chance.choice((8, 100, 1000))
    data[at:at] = data[at : at + size] * chance.choice((1, 3, 300))


def _number(data: bytearray, chance: random.Random) -> None:
    """A number of 2 or 4 bytes, as sizes and counts are, set to one that is small, large or one off."""
    at, form = _place(data, chance), chance.choice(("<H", ">H", "<I", ">I"))
    if at + 4 > len(data):
        return
    (old,) = struct.unpack_from(form, data, at)
    top = 0xFFFF if form[1] == "H" else 0xFFFFFFFF
    new = chance.choice((0, 1, 2, old + 1, old - 1, old * 2, 4096, 32767, 65535, top, top // 2)) & top
    struct.pack_into(form, data, at, new)


def _element(data: bytearray, chance: random.Random) -> None:
    """A DICOM element: another VR, another length, or another value."""
    found = [match.start() for match in _ELEMENT.finditer(bytes(data[:20_000]))]
    if not found:
        return _number(data, chance)
    at = chance.choice(found)
    what = chance.randrange(4)
    if what == 0:
        data[at + 4 : at + 6] = chance.choice((b"SQ", b"UN", b"US", b"DS", b"IS", b"OB", b"OW", b"UI", b"PN", b"FD"))
    elif what == 1:
        data[at + 6 : at + 8] = chance.choice((b"\0\0", b"\xff\xff", b"\x02\0", b"\x01\0", b"\0\x10"))
    elif what == 2:
        data[at + 8 : at + 10] = chance.choice(
            (b"\0\0", b"\x01\0", b"\xff\xff", b"\0\x80", b"\x07\0", b"\x20\0", b"-1")
        )
    else:
        data[at : at + 4] = bytes(data[chance.choice(found) :][:4])
    return None


MUTATIONS: tuple[Mutation, ...] = (
    _flip, _flip, _replace, _replace, _extreme, _remove, _insert, _truncate, _swap, _repeat, _number, _number,
    _element, _element,
)  # fmt: skip


def _repair_png(data: bytearray) -> None:
    """Right sums of the chunks, so that a changed number is read and not refused for its sum."""
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            return
        struct.pack_into(">I", data, at + 8 + length, binascii.crc32(data[at + 4 : at + 8 + length]))
        at += 12 + length
