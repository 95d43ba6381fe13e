"""The walk over the Huffman codes of a sequential JPEG (ITU-T T.81 F.2).

A code is only known when those before it are, which would be slow in Python. But a reader that begins in the middle
soon falls into step with the codes: so a thousand readers begin at once, as arrays, each in a piece of its own; those
that had not fallen into step by the end of the piece before are started again, until all agree. Short data is walked
code by code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[Any]

# Bits that one reader walks, and how many readers there are at a time: what they note takes 100 bytes a reader's bit.
_PIECE = 768
# Data of fewer bits is walked code by code, which is faster then, and looked at in pieces of so many bits.
_SHORT, _SHORT_PIECE = 200_000, 128
_READERS = 4096
# Steps between looks at who has finished; how often readers are started again.
_STRIDE, _ROUNDS = 16, 40
# What a 16-bit window of the data begins with, packed: bits 0-5 length of code and number, 6-12 steps along the block,
# 13-16 bits of the number, then the flags.
_STEPS, _SIZE, _NO_CODE, _END, _RUN = 6, 13, 1 << 17, 1 << 18, 1 << 19
_BLOCK_DONE = 64


class Impossible(ValueError):
    """The data holds what no encoder writes."""


def code_table(counts: bytes, symbols: bytes, direct: bool, deep: bool) -> NDArray[np.int32]:
    """What every 16 bits begin with, for a Huffman table (T.81 C): see `_STEPS`. `direct`: for DC."""
    table = np.full(1 << 16, 1 | _BLOCK_DONE << _STEPS | _NO_CODE, np.int32)
    most = (15 if deep else 11) if direct else (14 if deep else 10)
    code = number = 0
    for length in range(1, 17):
        for _ in range(counts[length - 1]):
            symbol = symbols[number]
            run, size = (0, symbol) if direct else (symbol >> 4, symbol & 15)
            entry = length + min(size, 15) | (run + 1) << _STEPS | min(size, 15) << _SIZE
            if size > most:
                entry |= _NO_CODE
            elif not direct and size == 0:
                entry = length | (16 << _STEPS | _RUN if run == 15 else _BLOCK_DONE << _STEPS | _END)
                entry |= _NO_CODE if 0 < run < 15 else 0
            table[code << 16 - length : (code + 1) << 16 - length] = entry
            code, number = code + 1, number + 1
        code <<= 1
    return table


@dataclass(frozen=True)
class Slot:
    """One block of an MCU: its component, and the numbers of its tables for DC and AC."""

    component: int
    direct: int
    alternating: int


class Walk:
    """The walk over the data of one scan.

    A reader's state is the slot of its block times 128 plus the number of the next coefficient, 0 to 63.

    Args:
        table: `code_table`s one behind the other.
        slots: blocks of an MCU.
        parts: data between restart markers, without the zeros that follow FF.
        blocks: how many each part must hold.
    """

    def __init__(self, table: NDArray[np.int32], slots: list[Slot], parts: list[bytes], blocks: list[int]) -> None:
        self.table, self.slots, self.blocks = table, slots, blocks
        data = np.frombuffer(b"".join(parts) + b"\xff" * 8, np.uint8).astype(np.int32)
        # Three bytes from each one on: 16 bits from any bit of it.
        self.windows = data[:-2] << 16 | data[1:-1] << 8 | data[2:]
        self.ends = np.cumsum([8 * len(part) for part in parts])
        self.starts = np.concatenate([[0], self.ends[:-1]])
        states = np.arange(len(slots) * 128)
        slot, step = states // 128, states % 128
        which = np.array([[one.direct, one.alternating] for one in slots])
        self.short = bool(self.ends[-1] < _SHORT)
        # Where the table of a state begins, and the state after one whose number went up to that.
        self.tables = which[slot, (step > 0).astype(int)] << 16
        self.following = np.where(step < _BLOCK_DONE, states, (slot + 1) % len(slots) * 128)

    def coefficients(self) -> NDArray[np.int16] | None:
        """(blocks, 64) in the order of the data, DC summed up; None where the readers do not fall into step."""
        begins, limits, firsts = self._pieces()
        if self.short:
            return self._collect(*self._one_by_one(begins, limits, firsts), limits)
        places, states = begins.copy(), np.zeros(len(begins), np.int64)
        after = self._run(places, states, limits)
        for _ in range(_ROUNDS):
            # Each goes on where the one before came to, but for the first of a part.
            place, state = (
                np.where(firsts, old, np.roll(new, 1)) for old, new in zip((places, states), after, strict=True)
            )
            late = np.flatnonzero((place != places) | (state != states))
            if not late.size:
                break
            places, states = place, state
            ended = self._run(places[late], states[late], limits[late])
            for whole, part in zip(after, ended, strict=True):
                whole[late] = part
        else:
            return None
        return self._collect(places, states, limits)

    def _one_by_one(self, begins: Ints, limits: Ints, firsts: NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """Where each reader begins, its place and state, by walking all codes in turn."""
        windows, table = self.windows.data, self.table.data
        tables, following = self.tables.tolist(), self.following.tolist()
        found: list[tuple[int, int]] = []
        place = state = 0
        for begin, limit, first in zip(begins.tolist(), limits.tolist(), firsts.tolist(), strict=True):
            if first:
                place, state = begin, 0
            found.append((place, state))
            while place < limit:
                entry = table[tables[state] + (windows[place >> 3] >> (8 - (place & 7)) & 0xFFFF)]
                place += entry & 63
                state = following[state + (entry >> _STEPS & 127)]
        places, states = np.array(found, np.int64).T
        return places, states

    def _pieces(self) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        """Per reader: its first bit, the bit from which the next one reads, whether it is the first of a part."""
        begins = [
            np.arange(start, max(end, start + 1), _SHORT_PIECE if self.short else _PIECE)
            for start, end in zip(self.starts, self.ends, strict=True)
        ]
        limits = [np.append(piece[1:], end) for piece, end in zip(begins, self.ends, strict=True)]
        firsts = [np.arange(len(piece)) == 0 for piece in begins]
        return np.concatenate(begins), np.concatenate(limits), np.concatenate(firsts)

    def _run(
        self, places: Ints, states: Ints, limits: Ints, notes: list[tuple[Ints, ...]] | None = None
    ) -> tuple[Ints, Ints]:
        """Let the readers walk up to their limits: where they are then. `notes`: of each step, all readers'."""
        place, state = places.copy(), states.copy()
        awake = np.arange(len(place))
        at, now, end = place.copy(), state.copy(), limits
        while awake.size:
            for _ in range(_STRIDE):
                going = at < end
                entry = self._entry(at, now)
                if notes is not None:
                    notes.append((awake[going], at[going], now[going], entry[going]))
                at = np.where(going, at + (entry & 63), at)
                now = np.where(going, self.following[now + (entry >> _STEPS & 127)], now)
            place[awake], state[awake] = at, now
            going = at < end
            awake, at, now, end = awake[going], at[going], now[going], end[going]
        return place, state

    def _entry(self, at: Ints, now: Ints) -> NDArray[np.int32]:
        window = self.windows[at >> 3] >> (8 - (at & 7)) & 0xFFFF
        return self.table[self.tables[now] + window]

    def _collect(self, places: Ints, states: Ints, limits: Ints) -> NDArray[np.int16]:
        """Walk once more from where each reader truly begins, and put the numbers into their blocks."""
        symbols: list[tuple[Ints, ...]] = []
        for first in range(0, len(places), _READERS):
            some = slice(first, first + _READERS)
            notes: list[tuple[Ints, ...]] = []
            last = self._run(places[some], states[some], limits[some], notes)
            reader, *rest = (np.concatenate(column) for column in zip(*notes, strict=True))
            # By reader, and for each in the order of its steps: 16-bit numbers are sorted without comparing.
            order = np.argsort(reader.astype(np.uint16), kind="stable")
            symbols.append(tuple(column[order] for column in rest))
        place, state, entry = (np.concatenate(column) for column in zip(*symbols, strict=True))
        step = state & 127
        opens = np.flatnonzero(step == 0)
        ends = self._true_ends(place[opens], (int(last[0][-1]), int(last[1][-1])))
        heads = np.searchsorted(place, self.starts)
        valid = place < np.repeat(ends, np.diff(np.append(heads, len(place))))
        place, step, entry = place[valid], step[valid], entry[valid]
        self._check(step, entry)
        return self._values(place, step, entry)

    def _true_ends(self, opens: Ints, last: tuple[int, int]) -> Ints:
        """Where the last block of each part ends. `opens`: where blocks begin; `last`: place and state at the end."""
        firsts = np.searchsorted(opens, self.starts)
        wanted = firsts + self.blocks
        limits = np.append(firsts[1:], len(opens))
        if (wanted > limits).any():
            raise Impossible("the data ends too early")
        # Where nothing follows its last block, a part ends with its last bit.
        ends = np.where(wanted < limits, np.append(opens, 0)[wanted], self.ends)
        if wanted[-1] == limits[-1]:
            ends[-1] = last[0] if last[1] % 128 == 0 else self.ends[-1] + 1
        rest = self.ends - ends
        if ((rest < 0) | (rest > 7)).any():
            raise Impossible("data is left over, or missing, at the end")
        # What fills the last byte are ones (T.81 F.1.2.3).
        bits = (self.windows[ends >> 3] >> (8 - (ends & 7)) & 0xFFFF) >> (16 - rest)
        if (bits != (1 << rest) - 1).any():
            raise Impossible("the bits after the last block are no filling")
        return ends

    @staticmethod
    def _check(step: Ints, entry: Ints) -> None:
        if (entry & _NO_CODE).any():
            raise Impossible("a code that is in no table")
        ended = entry & _END != 0
        beyond = step + (entry >> _STEPS & 127) + (entry & _RUN != 0) > 64
        if (beyond & ~ended).any():
            raise Impossible("a coefficient behind the last one")
        if (ended[1:] & (entry[:-1] & _RUN != 0)).any():
            raise Impossible("zeros before an end of block")

    def _values(self, place: Ints, step: Ints, entry: Ints) -> NDArray[np.int16]:
        block = np.cumsum(step == 0) - 1
        found = np.zeros((sum(self.blocks), 64), np.int16)
        filled = np.flatnonzero(entry >> _SIZE & 15)
        entry, step = entry[filled], step[filled]
        size = entry >> _SIZE & 15
        at = place[filled] + (entry & 63) - size
        bits = (self.windows[at >> 3] >> (8 - (at & 7)) & 0xFFFF) >> (16 - size)
        # T.81 F.2.2.1: the upper half of the numbers of a size is positive.
        value = np.where(bits >> (size - 1) != 0, bits, bits - (1 << size) + 1)
        found[block[filled], step + np.where(step > 0, (entry >> _STEPS & 127) - 1, 0)] = value
        component = np.array([slot.component for slot in self.slots])
        per_unit = found[:, 0].reshape(-1, len(self.slots))
        heads = np.cumsum([0, *self.blocks[:-1]]) // len(self.slots)
        for one in set(component.tolist()):
            sums = np.cumsum(per_unit[:, component == one], dtype=np.int64).reshape(per_unit.shape[0], -1)
            before = np.where(heads > 0, sums[heads - 1, -1], 0)
            units = np.diff(np.append(heads, len(sums)))
            per_unit[:, component == one] = np.clip(sums - np.repeat(before, units)[:, None], -32768, 32767)
        return found
