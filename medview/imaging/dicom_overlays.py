"""Overlays of a DICOM picture, groups 6000 to 601E (PS3.3 C.9.2): drawings of one bit a pixel."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.imaging.dicom_codecs import native_syntax
from medview.imaging.dicom_errors import parse_errors
from medview.imaging.study import OverlayPlane

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from medview.imaging.dicom_pixels import Pixels

_GROUPS = range(0x6000, 0x6020, 2)


def overlay_groups(ds: Dataset) -> tuple[int, ...]:
    """The groups of overlays that the file has (those with Overlay Rows)."""
    # As plain numbers: comparing pydicom's tags takes ten times as long.
    tags = set(map(int, ds.keys()))
    return tuple(group for group in _GROUPS if group << 16 | 0x10 in tags)


def read_overlays(ds: Dataset, groups: tuple[int, ...], pixels: Pixels, frame: int) -> tuple[OverlayPlane, ...]:
    """The overlays of a frame; those that are damaged or lie outside the picture are left out."""
    planes = (_read(ds, base, pixels, frame) for base in groups)
    return tuple(plane for plane in planes if plane is not None)


def _read(ds: Dataset, base: int, pixels: Pixels, frame: int) -> OverlayPlane | None:
    try:
        rows, cols = (int(_element(ds, base, number)) for number in (0x10, 0x11))
        top, left = (int(number) - 1 for number in (_element(ds, base, 0x50) or (1, 1)))
        count, first = int(_element(ds, base, 0x15) or 1), int(_element(ds, base, 0x51) or 1) - 1
        title = str(_element(ds, base, 0x22) or _element(ds, base, 0x1500) or "Overlay").strip()[:64]
        data, bit = _element(ds, base, 0x3000), int(_element(ds, base, 0x102) or 0)
    except parse_errors():
        return None
    number = frame - first
    if rows <= 0 or cols <= 0 or (count > 1 and not 0 <= number < count):
        return None
    title = "".join(c for c in title if c.isprintable())
    size = (pixels.layout.rows, pixels.layout.cols)
    if data is None:
        embedded = pixels.layout.samples == 1 and not pixels.layout.real and native_syntax(pixels.syntax)
        outside = bit > pixels.layout.high or bit <= pixels.layout.high - pixels.layout.stored
        if not embedded or not outside or bit >= pixels.layout.allocated or (rows, cols) != size:
            return None
        return OverlayPlane(title, partial(_embedded, pixels, frame, bit))
    start = number * rows * cols if count > 1 else 0
    packed = bytes(data[start // 8 : (start + rows * cols + 7) // 8])
    if (start % 8 + rows * cols + 7) // 8 > len(packed):
        return None
    return OverlayPlane(title, partial(_unpack, packed, start % 8, (rows, cols), (top, left), size))


def _element(ds: Dataset, base: int, number: int) -> Any:
    element = ds.get((base, number))
    return None if element is None or element.value is None or element.value == "" else element.value


def _unpack(
    packed: bytes, skip: int, own: tuple[int, int], origin: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.bool_]:
    """The bits of a plane of `own` (rows, cols), laid into a picture of `size` with its first pixel at `origin`."""
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
    plane = bits[skip : skip + own[0] * own[1]].reshape(own).astype(bool)
    marked = np.zeros(size, bool)
    rows, cols = (slice(max(0, at), min(all_, at + length)) for at, length, all_ in zip(origin, own, size, strict=True))
    if rows.start < rows.stop and cols.start < cols.stop:
        part = plane[rows.start - origin[0] : rows.stop - origin[0], cols.start - origin[1] : cols.stop - origin[1]]
        marked[rows, cols] = part
    return marked


def _embedded(pixels: Pixels, frame: int, bit: int) -> NDArray[np.bool_] | Failure:
    """An overlay in a bit of the pixels that the picture leaves free (retired, but scanners of its time still send)."""
    raw = pixels.raw(frame)
    if isinstance(raw, Failure):
        return raw
    marked: NDArray[np.bool_] = (raw.view(f"u{raw.itemsize}") >> raw.dtype.type(bit)) & 1 == 1
    return marked
