"""Stored values to modality values or colours, as a DICOM file says it: rescale, modality LUT, palette."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.dicom_dataset import group, item, numbers, value
from medview.imaging.dicom_errors import damaged, parse_errors
from medview.imaging.dicom_layout import Layout
from medview.imaging.dicom_lut import read_lut
from medview.imaging.modality_lut import MOST, Rescale

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def read_rescale(ds: Dataset, frame: int) -> Rescale:
    """Slope and intercept of a frame (PS3.3 C.11.1); 1 and 0 where the file gives none or nonsense."""
    holder = group(ds, "PixelValueTransformationSequence", frame)
    slope, intercept = numbers(holder, "RescaleSlope"), numbers(holder, "RescaleIntercept")
    return Rescale(slope[0] if slope and slope[0] != 0 else 1.0, intercept[0] if intercept else 0.0)


def modality_table(ds: Dataset, layout: Layout, little: bool) -> tuple[NDArray[Any] | None, Text | None] | Failure:
    """The modality LUT as a table over all bit patterns of a stored value, None when the file has none or an empty one;
    and what to tell of it. `little`: the byte order of the file."""
    found = item(ds, "ModalityLUTSequence")
    if found is None:
        return None, None
    if value(found, "LUTDescriptor") is None or value(found, "LUTData") is None:
        return None, Text("The value table (modality LUT) of this file is empty, and was left out.")
    if layout.allocated not in (8, 16) or layout.real:
        return Failure(
            Code.UNSUPPORTED, Text("This file needs a value table for deep pixels."), Text("Export it as 16-bit.")
        )
    lut = read_lut(found, little)
    if lut is None:
        return damaged(Text("The value table (modality LUT) of this DICOM file is damaged."))
    kind = np.dtype(f"{'i' if layout.signed else 'u'}{layout.allocated // 8}")
    patterns = np.arange(1 << layout.allocated, dtype=f"u{layout.allocated // 8}").view(kind).astype(np.int64)
    at = np.clip(patterns - lut.first(layout.ends), 0, len(lut.entries) - 1)
    return lut.entries[at].astype(np.uint8 if lut.entries.max() < 256 and lut.bits <= 8 else np.uint16), None


def read_values(ds: Dataset, layout: Layout, frame: int, table: NDArray[Any] | None) -> Rescale | Failure:
    """How the grey stored values of a frame become modality values. `table`: the modality LUT of the file."""
    if table is not None:
        return Rescale(table=table)
    rescale = read_rescale(ds, frame)
    if max(map(abs, rescale.ends(*layout.ends))) > MOST:
        return damaged(
            Text("The rescale slope or intercept of this DICOM file leads to values that no measurement has."),
            f"slope {rescale.slope:g}, intercept {rescale.intercept:g}",
        )
    return rescale


def read_palette(ds: Dataset, layout: Layout) -> NDArray[np.uint8] | Failure:
    """The palette as (2**allocated, 3) RGB uint8 (PS3.3 C.7.6.3.1.5), segmented ones included."""
    from pydicom.pixels.processing import apply_color_lut

    if layout.allocated not in (8, 16):
        return damaged(Text("The palette of this DICOM file does not fit its pixels."))
    try:
        table = apply_color_lut(np.arange(1 << layout.allocated, dtype=f"u{layout.allocated // 8}"), ds)
    except parse_errors() as error:
        return damaged(Text("The colour palette of this DICOM file is damaged."), repr(error)[:500])
    if table.dtype != np.uint8:
        # Some writers put 8-bit colours into 16-bit entries.
        table = (table >> 8 if table.max() > 255 else table).astype(np.uint8)
    return np.ascontiguousarray(table[:, :3])
