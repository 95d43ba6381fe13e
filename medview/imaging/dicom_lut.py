"""Tables of values in a DICOM file (PS3.3 C.11.1.1.1, C.11.2.1.1): the modality LUT and tone curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medview.imaging.dicom_dataset import value
from medview.imaging.dicom_errors import parse_errors

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True)
class Lut:
    """One table.

    Attributes:
        entries: (n,) whole numbers from 0 to 65535.
        bits: of an entry, 1 to 16, as the file says.
        first_bits: the 16 bits of the value that the first entry is for; `first` tells which value they mean.
    """

    entries: NDArray[np.int64]
    bits: int
    first_bits: int

    def first(self, ends: tuple[float, float]) -> int:
        """The input value of the first entry; `ends`: the lowest and highest input value that there can be.

        Whether its bits have a sign depends on the input values (of a tone curve: the modality values, not the stored
        ones). Programs mistake it: of the two readings the one counts whose table covers more of the input.
        """
        bits, low, high = self.first_bits, *ends
        if bits < 0x8000:
            return bits

        def shared(first: int) -> float:
            return max(0.0, min(high, first + len(self.entries) - 1) - max(low, first) + 1)

        negative = bits - 0x10000
        if low >= 0:
            return negative if shared(bits) == 0 < shared(negative) else bits
        return bits if shared(bits) > shared(negative) else negative


def read_lut(item: Dataset, little: bool) -> Lut | None:
    """The table of a sequence item, None when it is empty or damaged. `little`: the byte order of the file, in which
    16-bit entries stored as bytes are."""
    described: Any = value(item, "LUTDescriptor")
    data: Any = value(item, "LUTData")
    try:
        count, first, bits = (int(number) for number in described)
        count = count & 0xFFFF or 65536
        if isinstance(data, bytes):
            wide = bits > 8 or len(data) >= 2 * count
            # Two entries of 8 bits share a word, the first in its low byte.
            words = np.frombuffer(data + bytes(len(data) % 2), "<u2" if little else ">u2").astype("<u2")
            entries = (words if wide else words.view(np.uint8))[:count].astype(np.int64)
        else:
            entries = np.array([data] if isinstance(data, int) else list(data)[:count], np.int64) & 0xFFFF
    except parse_errors():
        return None
    if not 1 <= bits <= 16 or len(entries) < count:
        return None
    return Lut(entries, bits, first & 0xFFFF)
