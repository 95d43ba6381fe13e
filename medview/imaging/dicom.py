"""A DICOM file to a Study: what it is by name, and frames whose values are modality values or RGB.

Order of the steps (PS3.3 C.11, PS3.4 N.2): stored values -> modality LUT -> (here ends this module) -> window -> eye.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.imaging.dicom_header import (
    Header,
    damaged,
    group,
    item,
    numbers,
    parse_errors,
    read_dicom_header,
    text,
    value,
)
from medview.imaging.dicom_pixels import Layout, Pixels, locate, read_layout
from medview.imaging.study import Frame, Series, Study
from medview.imaging.values import Rescale, apply_rescale, palette_to_rgb, to_rgb
from medview.imaging.window import Window

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_STORAGE = "1.2.840.10008.5.1.4.1.1."
# What DICOM files may hold besides pictures, by the start of the SOP Class UID (PS3.4 B.5).
_NOT_PICTURES = (
    ("1.2.840.10008.1.3.10", "the table of contents of a disc (DICOMDIR)"),
    (_STORAGE + "88.", "a structured report"),
    (_STORAGE + "66.4", "a segmentation (masks over another picture)"),
    (_STORAGE + "66.7", "a segmentation (masks over another picture)"),
    (_STORAGE + "66.", "a registration, fiducials or raw data"),
    (_STORAGE + "481.2", "a radiotherapy dose"),
    (_STORAGE + "481.3", "a set of radiotherapy contours"),
    (_STORAGE + "481.4", "a radiotherapy treatment record"),
    (_STORAGE + "481.5", "a radiotherapy plan"),
    (_STORAGE + "481.8", "a radiotherapy plan"),
    (_STORAGE + "104.", "a document (PDF, CDA or 3-D model)"),
    (_STORAGE + "9.", "a curve over time (ECG, sound or another waveform)"),
    (_STORAGE + "11.", "a presentation state (how to show another picture)"),
    (_STORAGE + "4.2", "a spectrum (MR spectroscopy), not a picture"),
    (_STORAGE + "91.", "a set of annotations on a microscope slide"),
    ("1.2.840.10008.5.1.4.39.", "a colour palette"),
    ("1.2.840.10008.5.1.4.38.", "a display protocol"),
)
_BY_MODALITY = {
    "SR": "a structured report", "SEG": "a segmentation (masks over another picture)", "RTDOSE": "a radiotherapy dose",
    "RTSTRUCT": "a set of radiotherapy contours", "RTPLAN": "a radiotherapy plan", "PR": "a presentation state",
    "ECG": "an electrocardiogram", "DOC": "a document", "KO": "a list of key images", "ANN": "a set of annotations",
    "REG": "a registration", "AU": "sound",
}  # fmt: skip


def open_dicom(path: Path) -> Study | Failure:
    """Open a DICOM file. Never raises for anything a file may contain."""
    header = read_dicom_header(path)
    if isinstance(header, Failure):
        return header
    try:
        return _study(path, header)
    except parse_errors() as error:
        return damaged("The header of this DICOM file is damaged.", repr(error)[:500])


def _study(path: Path, header: Header) -> Study | Failure:
    refused = _no_picture(header)
    if refused:
        return refused
    pixels = locate(path, header)
    if isinstance(pixels, Failure):
        return pixels
    ds, layout = header.dataset, pixels.layout
    palette = read_palette(ds, layout) if layout.photometric == "PALETTE COLOR" else None
    if isinstance(palette, Failure):
        return palette
    table = None if layout.samples > 1 or palette is not None else modality_table(ds, layout)
    if isinstance(table, Failure):
        return table
    modality = text(ds, "Modality")[:16]
    frames = tuple(_frame(pixels, index, modality, table, palette) for index in range(layout.frames))
    count = f", {layout.frames} frames" if layout.frames > 1 else ""
    what = f"DICOM {modality}".strip()
    title = text(ds, "SeriesDescription") or modality or path.name
    return Study(path, f"{what}, {layout.cols} x {layout.rows} pixels{count}", (Series(title, frames),))


def _no_picture(header: Header) -> Failure | None:
    """The refusal of a file that is valid DICOM but no picture, by the name of what it is."""
    ds = header.dataset
    sop = str(value(ds, "SOPClassUID") or value(ds.file_meta, "MediaStorageSOPClassUID") or "")
    name = next((words for start, words in _NOT_PICTURES if sop.startswith(start)), "")
    name = name or _BY_MODALITY.get(text(ds, "Modality").upper(), "")
    if sop.startswith(_NOT_PICTURES[0][0]):
        return Failure(Code.NO_PIXELS, f"This file is {name}.", "Open the folder it is in, or one of the pictures.")
    if name:
        # A damaged file is called damaged, whatever it would have been.
        layout = read_layout(header) if header.pixel_tag else None
        if isinstance(layout, Failure) and layout.code is Code.CORRUPT:
            return layout
        return Failure(Code.NO_PIXELS, f"This DICOM file is {name}.", "Open a picture of the same examination.", sop)
    if header.pixel_tag:
        return None
    if not sop and value(ds, "Rows") is None and len(ds) < 3:
        return damaged("This file begins like DICOM, but nothing in it can be read.")
    return Failure(
        Code.NO_PIXELS,
        "This DICOM file holds no picture, or it was cut off before the picture begins.",
        "Choose another file of the examination, or copy this one again.",
        sop,
    )


def _frame(
    pixels: Pixels, index: int, modality: str, table: NDArray[Any] | None, palette: NDArray[np.uint8] | None
) -> Frame:
    ds, layout = pixels.header.dataset, pixels.layout
    rescale, window, notes = Rescale(), None, []
    if layout.samples == 1 and palette is None:
        rescale = read_rescale(ds, index) if table is None else Rescale(table=table)
        window, note = read_window(ds, index)
        notes += [note] if note else []
    elif layout.allocated > 16:
        notes.append("Colours of more than 16 bits were reduced to 16.")
    spacing, note = read_spacing(ds, index)
    notes += [note] if note else []
    return Frame(
        pixels.path, index, layout.rows, layout.cols, modality,
        partial(_decode, pixels, index, rescale, palette),
        layout.photometric == "MONOCHROME1", window, spacing, tuple(notes),
    )  # fmt: skip


def _decode(pixels: Pixels, index: int, rescale: Rescale, palette: NDArray[np.uint8] | None) -> NDArray[Any] | Failure:
    stored = pixels.stored(index)
    if isinstance(stored, Failure):
        return stored
    if palette is not None:
        return palette_to_rgb(stored, palette)
    if stored.ndim == 3:
        return to_rgb(stored, pixels.layout.photometric, pixels.layout.stored)
    return apply_rescale(stored, rescale)


def read_rescale(ds: Dataset, frame: int) -> Rescale:
    """Slope and intercept of a frame (PS3.3 C.11.1); 1 and 0 where the file gives none or nonsense."""
    holder = group(ds, "PixelValueTransformationSequence", frame)
    slope, intercept = numbers(holder, "RescaleSlope"), numbers(holder, "RescaleIntercept")
    return Rescale(slope[0] if slope and slope[0] != 0 else 1.0, intercept[0] if intercept else 0.0)


def modality_table(ds: Dataset, layout: Layout) -> NDArray[Any] | Failure | None:
    """The modality LUT as a table over all bit patterns of a stored value, or None when the file has none."""
    if item(ds, "ModalityLUTSequence") is None:
        return None
    from pydicom.pixels.processing import apply_modality_lut

    if layout.allocated not in (8, 16) or layout.real:
        return Failure(Code.UNSUPPORTED, "This file needs a value table for deep pixels.", "Export it as 16-bit.")
    kind = np.dtype(f"{'i' if layout.signed else 'u'}{layout.allocated // 8}")
    patterns = np.arange(1 << layout.allocated, dtype=f"u{layout.allocated // 8}").view(kind)
    try:
        return np.ascontiguousarray(apply_modality_lut(patterns, ds))
    except parse_errors() as error:
        return damaged("The value table (modality LUT) of this DICOM file is damaged.", repr(error)[:500])


def read_palette(ds: Dataset, layout: Layout) -> NDArray[np.uint8] | Failure:
    """The palette as (2**allocated, 3) RGB uint8 (PS3.3 C.7.6.3.1.5), segmented ones included."""
    from pydicom.pixels.processing import apply_color_lut

    if layout.allocated not in (8, 16):
        return damaged("The palette of this DICOM file does not fit its pixels.")
    try:
        table = apply_color_lut(np.arange(1 << layout.allocated, dtype=f"u{layout.allocated // 8}"), ds)
    except parse_errors() as error:
        return damaged("The colour palette of this DICOM file is damaged.", repr(error)[:500])
    if table.dtype != np.uint8:
        # Some writers put 8-bit colours into 16-bit entries.
        table = (table >> 8 if table.max() > 255 else table).astype(np.uint8)
    return np.ascontiguousarray(table[:, :3])


def read_window(ds: Dataset, frame: int) -> tuple[Window | None, str]:
    """The first window of a frame (PS3.3 C.11.2.1.2) and a note, where the file asks for more than a window."""
    holder = group(ds, "FrameVOILUTSequence", frame)
    centres, widths = numbers(holder, "WindowCenter"), numbers(holder, "WindowWidth")
    function = text(holder, "VOILUTFunction").upper()
    if not centres or not widths:
        return None, "The file's own tone curve (VOI LUT) is not used." if item(ds, "VOILUTSequence") else ""
    centre, width = centres[0], widths[0]
    if function == "LINEAR_EXACT" and width > 0:
        # C.11.2.1.3.2 without the half steps, written as the window whose ramp is the same.
        return Window(centre + 0.5, width + 1), ""
    if width < 1:
        return None, ""
    return Window(centre, width), "The file asks for a sigmoid curve; a straight one is used." if (
        function == "SIGMOID"
    ) else ""


def read_spacing(ds: Dataset, frame: int) -> tuple[tuple[float, float] | None, str]:
    """(row, column) spacing in mm, None when there is none or it is not positive; and what to tell of it."""
    spacing = numbers(group(ds, "PixelMeasuresSequence", frame), "PixelSpacing")
    if len(spacing) == 2 and min(spacing) > 0:
        return (spacing[0], spacing[1]), ""
    for keyword, words in (
        ("ImagerPixelSpacing", "Sizes in mm are those at the detector; in the patient they are smaller."),
        ("NominalScannedPixelSpacing", "Sizes in mm are those on the scanned film."),
    ):
        spacing = numbers(ds, keyword)
        if len(spacing) == 2 and min(spacing) > 0:
            return (spacing[0], spacing[1]), words
    return None, ""
