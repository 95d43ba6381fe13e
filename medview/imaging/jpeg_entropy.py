"""The entropy-coded data of a sequential JPEG (ITU-T T.81 F.2) to its coefficients, and whether an encoder wrote it.

libjpeg keeps neither its place in the data nor its remarks about it, so the data is walked a second time here. A code
is only known when those before it are, which would be slow in Python. But a reader that begins in the middle soon falls
into step with the codes: so a thousand readers begin at once, as arrays, each in a piece of its own; those that had not
fallen into step by the end of the piece before are started again, until all agree. Short data is walked code by code.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.imaging.jpeg import JpegInfo

Ints = NDArray[Any]

# Bits that one reader walks, and how many readers there are at a time: what they note takes 100 bytes a reader's bit.
_PIECE = 768
# Data of fewer bits is walked code by code, which is faster then, and looked at in pieces of so many bits.
_SHORT, _SHORT_PIECE = 200_000, 128
_READERS = 4096
# Steps between looks at who has finished; how often readers are started again.
_STRIDE, _ROUNDS = 16, 40
# More than this is not walked: it would take a second, and hundreds of MB.
MAX_BYTES, MAX_BLOCKS = 2_500_000, 160_000
# Where the 64 coefficients of a block lie in it, in the order of the data (T.81 figure A.6).
ZIGZAG = np.array([
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
])  # fmt: skip
# What a 16-bit window of the data begins with, packed: bits 0-5 length of code and number, 6-12 steps along the block,
# 13-16 bits of the number, then the flags.
_STEPS, _SIZE, _NO_CODE, _END, _RUN = 6, 13, 1 << 17, 1 << 18, 1 << 19
_BLOCK_DONE = 64


@dataclass(frozen=True)
class Component:
    """A colour component as it is coded.

    Attributes:
        coefficients: (block rows, block columns, 64) in zigzag order, not multiplied by `steps`.
        steps: (64,) of the quantisation, zigzag order.
        down, across: blocks of a minimum coded unit (MCU).
    """

    coefficients: NDArray[np.int16]
    steps: NDArray[np.float32]
    down: int
    across: int

    @cached_property
    def plane(self) -> NDArray[np.float32]:
        """The samples (8 x block rows, 8 x block columns), neither rounded nor cut to their range; 0 is mid-grey."""
        rows, cols, _ = self.coefficients.shape
        # Block by block: one large product would start the threads of BLAS, which costs more than all the rest.
        blocks = (self.coefficients.reshape(-1, 64) * self.steps)[:, _NATURAL].reshape(-1, 8, 8)
        pixels: NDArray[Any] = _WAVES.T @ blocks @ _WAVES
        plane: NDArray[np.float32] = pixels.reshape(rows, cols, 8, 8).transpose(0, 2, 1, 3).reshape(rows * 8, cols * 8)
        return plane


def _waves() -> NDArray[np.float32]:
    """(8 frequencies, 8 samples) of the inverse DCT of a line (T.81 A.3.3)."""
    u, x = np.arange(8)[:, None], np.arange(8)[None, :]
    waves = np.where(u == 0, np.sqrt(1 / 8), np.sqrt(2 / 8) * np.cos((2 * x + 1) * u * np.pi / 16))
    return waves.astype(np.float32)


_WAVES, _NATURAL = _waves(), np.argsort(ZIGZAG)


class Impossible(ValueError):
    """The data holds what no encoder writes."""


def read_codes(body: bytes) -> dict[int, tuple[bytes, bytes]]:
    """The Huffman tables of a DHT segment: how many codes there are of each length and what they stand for, by name."""
    found, at = {}, 0
    while at + 17 <= len(body):
        counts = body[at + 1 : at + 17]
        found[body[at]] = counts, body[at + 17 : at + 17 + sum(counts)]
        at += 17 + sum(counts)
    return found


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


def read_components(data: bytes, info: JpegInfo) -> tuple[Component, ...] | None:
    """The components of a baseline or extended sequential JPEG, Huffman coded.

    None for another process, for more data than `MAX_BYTES`, and where the readers do not fall into step.
    Raises Impossible where the data is not what an encoder writes, struct.error and IndexError for damaged tables.
    """
    if info.process not in (0, 1) or info.precision not in (8, 12) or not info.rows:
        return None
    if sum(end - start for start, end in info.intervals) > MAX_BYTES:
        return None
    frame = _Frame(data, info)
    spans = iter(info.scan_ends)
    first = 0
    for marker, start, end in info.segments:
        body = data[start:end]
        if marker == 0xDA:
            last = next(spans)
            if not frame.scan(body, info.intervals[first : last + 1]):
                return None
            first = last + 1
        else:
            frame.define(marker, body)
    return frame.components()


class _Frame:
    """What is collected over the segments of one JPEG."""

    def __init__(self, data: bytes, info: JpegInfo) -> None:
        self.data, self.info = data, info
        self.steps: dict[int, NDArray[np.float32]] = {}
        self.codes: dict[int, tuple[bytes, bytes]] = {}
        self.restart = 0
        # Component number by name, and by number: blocks across and down an MCU, table of quantisation.
        self.names: dict[int, int] = {}
        self.shapes: list[tuple[int, int, int]] = []
        self.found: dict[int, Component] = {}

    def define(self, marker: int, body: bytes) -> None:
        """Take in a segment of tables, the frame header or the restart interval."""
        at = 0
        if marker == 0xC4:
            self.codes |= read_codes(body)
        elif marker == 0xDB:
            while at < len(body):
                form = ">64H" if body[at] >> 4 else ">64B"
                self.steps[body[at] & 15] = np.array(struct.unpack_from(form, body, at + 1), np.float32)
                at += 1 + struct.calcsize(form)
        elif marker == 0xDD:
            (self.restart,) = struct.unpack_from(">H", body)
        elif marker in (0xC0, 0xC1) and not self.shapes:
            for number in range(self.info.components):
                name, sampling, table = body[6 + 3 * number : 9 + 3 * number]
                self.names[name] = number
                self.shapes.append((sampling >> 4, sampling & 15, table))

    def scan(self, body: bytes, spans: list[tuple[int, int]]) -> bool:
        """Read one scan; False where the readers do not fall into step."""
        members = [(self.names[body[1 + 2 * n]], body[2 + 2 * n]) for n in range(body[0])]
        across, down = self._units(members)
        if across * down * sum(w * h for w, h, _ in self.shapes) > MAX_BLOCKS:
            return False
        slots: list[_Slot] = []
        tables: dict[int, int] = {}
        luts: list[NDArray[np.int32]] = []
        for number, names in members:
            for key in (names >> 4, 16 | names & 15):
                if key not in tables:
                    tables[key] = len(luts)
                    luts.append(code_table(*self.codes[key], key < 16, self.info.precision > 8))
            wide, high, _ = self.shapes[number] if len(members) > 1 else (1, 1, 0)
            slots += [_Slot(number, tables[names >> 4], tables[16 | names & 15])] * (wide * high)
        parts = [self.data[start:end].rstrip(b"\xff").replace(b"\xff\0", b"\xff") for start, end in spans]
        units = _shares(across * down, self.restart, len(parts))
        coefficients = _Walk(np.concatenate(luts), slots, parts, [n * len(slots) for n in units]).coefficients()
        if coefficients is None:
            return False
        coefficients = coefficients.reshape(down, across, len(slots), 64)
        for number in dict.fromkeys(slot.component for slot in slots):
            mine = [n for n, slot in enumerate(slots) if slot.component == number]
            wide, high, table = self.shapes[number] if len(members) > 1 else (1, 1, self.shapes[number][2])
            blocks = coefficients[:, :, mine].reshape(down, across, high, wide, 64).transpose(0, 2, 1, 3, 4)
            shaped = blocks.reshape(down * high, across * wide, 64)
            self.found[number] = self._in_range(Component(shaped, self.steps[table], high, wide))
        return True

    def _in_range(self, component: Component) -> Component:
        # An orthonormal DCT of samples of -128 to 127 stays within 8 x 128, here and there less; and half a step.
        flat = component.coefficients.reshape(-1, 64).astype(np.int32)
        most = np.maximum(flat.max(axis=0), -flat.min(axis=0)) * component.steps
        if (most - component.steps > 4 << self.info.precision).any():
            raise Impossible("a coefficient that no samples have")
        return component

    def _units(self, members: list[tuple[int, int]]) -> tuple[int, int]:
        """MCUs (across, down) of a scan: one block where it has one component alone (T.81 A.2)."""
        most_across, most_down = (max(shape[n] for shape in self.shapes) for n in (0, 1))
        rows, cols = self.info.rows, self.info.cols
        if len(members) == 1:
            wide, high, _ = self.shapes[members[0][0]]
            rows, cols = -(-rows * high // most_down), -(-cols * wide // most_across)
            most_across = most_down = 1
        return -(-cols // (8 * most_across)), -(-rows // (8 * most_down))

    def components(self) -> tuple[Component, ...]:
        """All of them, in the order of the frame header."""
        if len(self.found) != len(self.shapes):
            raise Impossible("a component without a scan")
        return tuple(self.found[number] for number in range(len(self.shapes)))


def _shares(units: int, restart: int, parts: int) -> list[int]:
    """MCUs of each part between restart markers."""
    if parts != (-(-units // restart) if restart else 1):
        raise Impossible(f"{parts} restart intervals")
    return [restart] * (parts - 1) + [units - restart * (parts - 1)]


@dataclass(frozen=True)
class _Slot:
    """One block of an MCU: its component, and the numbers of its tables for DC and AC."""

    component: int
    direct: int
    alternating: int


class _Walk:
    """The walk over the data of one scan.

    A reader's state is the slot of its block times 128 plus the number of the next coefficient, 0 to 63.

    Args:
        table: `code_table`s one behind the other.
        slots: blocks of an MCU.
        parts: data between restart markers, without the zeros that follow FF.
        blocks: how many each part must hold.
    """

    def __init__(self, table: NDArray[np.int32], slots: list[_Slot], parts: list[bytes], blocks: list[int]) -> None:
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
