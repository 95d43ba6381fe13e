"""The entropy-coded data of a sequential JPEG (ITU-T T.81 F.2) to its coefficients, and whether an encoder wrote it.

libjpeg keeps neither its place in the data nor its remarks about it, so the data is walked a second time here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.imaging.jpeg import JpegInfo
from medview.imaging.jpeg_walk import Impossible, Slot, Walk, code_table

# More than this is not walked: it would take a second, and hundreds of MB.
MAX_BYTES, MAX_BLOCKS = 2_500_000, 160_000
# Where the 64 coefficients of a block lie in it, in the order of the data (T.81 figure A.6).
ZIGZAG = np.array([
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
])  # fmt: skip


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


def read_codes(body: bytes) -> dict[int, tuple[bytes, bytes]]:
    """The Huffman tables of a DHT segment: how many codes there are of each length and what they stand for, by name."""
    found, at = {}, 0
    while at + 17 <= len(body):
        counts = body[at + 1 : at + 17]
        found[body[at]] = counts, body[at + 17 : at + 17 + sum(counts)]
        at += 17 + sum(counts)
    return found


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
        slots: list[Slot] = []
        tables: dict[int, int] = {}
        luts: list[NDArray[np.int32]] = []
        for number, names in members:
            for key in (names >> 4, 16 | names & 15):
                if key not in tables:
                    tables[key] = len(luts)
                    luts.append(code_table(*self.codes[key], key < 16, self.info.precision > 8))
            wide, high, _ = self.shapes[number] if len(members) > 1 else (1, 1, 0)
            slots += [Slot(number, tables[names >> 4], tables[16 | names & 15])] * (wide * high)
        parts = [self.data[start:end].rstrip(b"\xff").replace(b"\xff\0", b"\xff") for start, end in spans]
        units = _shares(across * down, self.restart, len(parts))
        coefficients = Walk(np.concatenate(luts), slots, parts, [n * len(slots) for n in units]).coefficients()
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
