"""Every kind of file that medview reads, exact where it can be, whole and damaged. Needs no corpus."""

from __future__ import annotations

import random
import struct
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from medview.core.failures import Failure
from medview.imaging.facts import CORRUPT, NOT_AN_IMAGE, OPENS, UNSUPPORTED, inspect_path
from medview.imaging.open import open_path
from tests.imaging.make import dicom
from tests.imaging.seeds import DICOM, FRAMES, OTHERS, UID, deflated, packed

SEEDS = [*(data for data, _ in DICOM.values()), *OTHERS.values()]
MUTANTS = 1500
GROWTH_MIB = 200


@pytest.mark.parametrize("name", DICOM)
def test_dicom_of_every_kind(tmp_path: Path, name: str):
    data, stored = DICOM[name]
    path = tmp_path / "file"
    path.write_bytes(data)
    study = open_path(path)
    assert not isinstance(study, Failure), study
    for frame in study.frames:
        values = frame.modality_values()
        assert not isinstance(values, Failure), values
        assert values.shape[:2] == (frame.rows, frame.cols)
    if stored is not None:
        assert np.array_equal(study.frames[0].stored_values(), stored)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", OTHERS)
def test_pictures_of_every_kind(tmp_path: Path, name: str):
    path = tmp_path / "file"
    path.write_bytes(OTHERS[name])
    assert [facts.outcome for facts in inspect_path(path)] == [OPENS]


def test_a_deflated_bomb_is_refused(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(deflated(dicom(np.zeros((100, 3000, 200), np.uint16), f"{UID}.1")))
    assert path.stat().st_size < 150_000
    assert [facts.code for facts in inspect_path(path)] == ["too-large"]


def test_frames_in_several_fragments_with_any_table(tmp_path: Path):
    """Three JPEG-LS frames, each in two fragments: with the right table, none, and one that is wrong."""
    frames = [imagecodecs.jpegls_encode(frame) for frame in FRAMES]
    halves = [half for data in frames for half in (data[:40], data[40:] + b"\0" * (len(data) % 2))]
    starts = [sum(len(half) + 8 for half in halves[: 2 * n]) for n in range(3)]
    for table in (starts, [], [0, 7, 11]):
        items = [struct.pack(f"<{len(table)}I", *table), *halves]
        body = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(item)) + item for item in items)
        path = tmp_path / "file"
        path.write_bytes(packed([body], f"{UID}.4.80", FRAMES[0], NumberOfFrames=3))
        study = open_path(path)
        assert not isinstance(study, Failure), study
        for frame, expected in zip(study.frames, FRAMES, strict=True):
            assert np.array_equal(frame.stored_values(), expected)  # type: ignore[arg-type]


def mutate(data: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, set to extremes, removed or put in; half of them near the beginning, where headers are."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if not changed:
            break
        at = chance.randrange(len(changed) if chance.random() < 0.5 else min(len(changed), 600))
        what = chance.randrange(5)
        if what == 0:
            changed[at] ^= 1 << chance.randrange(8)
        elif what == 1:
            changed[at : at + 4] = chance.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\0\0\0\x80"))
        elif what == 2:
            del changed[at : at + chance.randrange(1, 64)]
        elif what == 3:
            changed[at:at] = chance.randbytes(chance.randrange(1, 16))
        else:
            del changed[at + 1 :]
    return bytes(changed)


def peak_mib() -> float:
    """Largest resident memory of this process so far; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_damaged_files_of_every_kind_are_answered(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """No exception, no word on stderr, no growth; a decoder that ends the process would end this one."""
    chance = random.Random(20260101)
    path = tmp_path / "mutant"
    for data in SEEDS:  # what is loaded and kept anyway is no growth
        path.write_bytes(data)
        inspect_path(path)
    before, outcomes = peak_mib(), set()
    for _ in range(MUTANTS):
        path.write_bytes(mutate(chance.choice(SEEDS), chance))
        outcomes |= {facts.outcome for facts in inspect_path(path)}
    assert outcomes == {OPENS, CORRUPT, NOT_AN_IMAGE, UNSUPPORTED}
    assert peak_mib() - before < GROWTH_MIB
    assert capfd.readouterr() == ("", "")
