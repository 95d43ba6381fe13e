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
from medview.imaging.dicom_overlays import overlay_groups, read_overlays
from medview.imaging.dicom_pixels import Layout, Pixels, locate, read_layout
from medview.imaging.dicom_place import read_origin, read_place
from medview.imaging.dicom_seg import BITS_CLASS, LABELS_CLASS
from medview.imaging.dicom_view import is_lateral, not_t1_weighted, read_sides, read_view
from medview.imaging.dicom_voi import read_aspect, read_padding, read_presets, read_spacing
from medview.imaging.study import Frame, Origin, Series, Study
from medview.imaging.values import Rescale, apply_rescale, palette_to_rgb, to_rgb

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_STORAGE = "1.2.840.10008.5.1.4.1.1."
# What DICOM files may hold besides pictures, by the first components of the SOP Class UID (PS3.4 B.5).
NOT_PICTURES = (
    ("1.2.840.10008.1.3.10", "the table of contents of a disc (DICOMDIR)"),
    (_STORAGE + "88.59", "a list of key images"),
    (_STORAGE + "88", "a structured report"),
    (_STORAGE + "66.4", "a segmentation (masks over another picture)"),
    (_STORAGE + "66.7", "a segmentation (masks over another picture)"),
    (_STORAGE + "66.5", "a segmentation by surfaces"),
    (_STORAGE + "66.6", "a set of nerve tracts"),
    (_STORAGE + "66", "a registration, fiducials or raw data"),
    (_STORAGE + "67", "a table of what the values of a picture measure"),
    (_STORAGE + "78", "a set of measurements of the eye"),
    (_STORAGE + "79.1", "a set of measurements of the eye"),
    (_STORAGE + "80.1", "a set of measurements of the eye"),
    (_STORAGE + "481.10", "a radiotherapy intent"),
    (_STORAGE + "481.11", "a set of radiotherapy contours"),
    *((f"{_STORAGE}481.{number}", "a radiotherapy plan") for number in (12, 13, 14, 15, 21, 22, 25)),
    *((f"{_STORAGE}481.{number}", "a radiotherapy treatment record") for number in (16, 17, 18, 19, 20)),
    (_STORAGE + "481.2", "a radiotherapy dose"),
    (_STORAGE + "481.3", "a set of radiotherapy contours"),
    (_STORAGE + "481.4", "a radiotherapy treatment record"),
    (_STORAGE + "481.6", "a radiotherapy treatment record"),
    (_STORAGE + "481.7", "a radiotherapy treatment record"),
    (_STORAGE + "481.9", "a radiotherapy treatment record"),
    (_STORAGE + "481.5", "a radiotherapy plan"),
    (_STORAGE + "481.8", "a radiotherapy plan"),
    (_STORAGE + "104", "a document (PDF, CDA or 3-D model)"),
    (_STORAGE + "9", "a curve over time (ECG, sound or another waveform)"),
    (_STORAGE + "11", "a presentation state (how to show another picture)"),
    (_STORAGE + "4.2", "a spectrum (MR spectroscopy), not a picture"),
    (_STORAGE + "91", "a set of annotations on a microscope slide"),
    ("1.2.840.10008.5.1.4.39", "a colour palette"),
    ("1.2.840.10008.5.1.4.38", "a display protocol"),
)
_BY_MODALITY = {
    "SR": "a structured report", "SEG": "a segmentation (masks over another picture)", "RTDOSE": "a radiotherapy dose",
    "RTSTRUCT": "a set of radiotherapy contours", "RTPLAN": "a radiotherapy plan", "PR": "a presentation state",
    "ECG": "an electrocardiogram", "DOC": "a document", "KO": "a list of key images", "ANN": "a set of annotations",
    "REG": "a registration", "AU": "sound",
}  # fmt: skip


def open_dicom(path: Path, follow: bool = True) -> Study | Failure:
    """Open a DICOM file, with `follow` also what a DICOMDIR lists. Never raises for anything a file may contain."""
    header = read_dicom_header(path)
    if isinstance(header, Failure):
        return header
    if follow and is_disc(header):
        from medview.imaging.media import open_disc

        return open_disc(path)
    return study_of(path, header)


def is_disc(header: Header) -> bool:
    """Whether a header is that of a DICOMDIR."""
    ds = header.dataset
    sop = value(ds, "SOPClassUID") or value(ds.file_meta, "MediaStorageSOPClassUID")
    return str(sop).startswith(NOT_PICTURES[0][0])


def study_of(path: Path, header: Header) -> Study | Failure:
    """The study of a DICOM file whose header was read. Never raises for anything a file may contain."""
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
    origin = read_origin(ds)
    frames = _frames(header, pixels, origin, table, palette)
    count = f", {layout.frames} frames" if layout.frames > 1 else ""
    what = f"DICOM {origin.modality}".strip()
    title = origin.series_title or origin.modality or path.name
    description = f"{what}, {layout.cols} x {layout.rows} pixels{count}"
    return Study(path, description, (Series(title, frames, origin),))


def _no_picture(header: Header) -> Failure | None:
    """The refusal of a file that is valid DICOM but no picture, by the name of what it is."""
    ds = header.dataset
    sop = str(value(ds, "SOPClassUID") or value(ds.file_meta, "MediaStorageSOPClassUID") or "")
    name = next((words for start, words in NOT_PICTURES if f"{sop}.".startswith(f"{start}.")), "")
    name = name or _BY_MODALITY.get(text(ds, "Modality").upper(), "")
    if sop.startswith(NOT_PICTURES[0][0]):
        return Failure(Code.NO_PIXELS, f"This file is {name}.", "Open the folder it is in, or one of the pictures.")
    if name:
        # A damaged file is called damaged, whatever it would have been.
        layout = read_layout(header) if header.pixel_tag else None
        if isinstance(layout, Failure) and layout.code is Code.CORRUPT:
            return layout
        if sop in (BITS_CLASS, LABELS_CLASS):
            hint = "Open the pictures it was made on first, then this file: its masks are laid over them."
            return Failure(Code.SEGMENTATION, f"This DICOM file is {name}.", hint, sop)
        return Failure(Code.NO_PIXELS, f"This DICOM file is {name}.", "Open a picture of the same examination.", sop)
    if header.pixel_tag:
        return None
    if not ds or (not sop and value(ds, "Rows") is None and len(ds) < 3):
        return damaged("This file begins like DICOM, but nothing in it can be read.")
    if header.cut:
        return damaged("This DICOM file ends too early, before any picture begins.", code=Code.TRUNCATED)
    return Failure(
        Code.NO_PIXELS,
        "This DICOM file holds no picture, or it was cut off before the picture begins.",
        "Choose another file of the examination, or copy this one again.",
        sop,
    )


def _frames(
    header: Header, pixels: Pixels, origin: Origin, table: NDArray[Any] | None, palette: NDArray[np.uint8] | None
) -> tuple[Frame, ...]:
    """All frames. What only enhanced objects give frame by frame is read once where they do not."""
    ds, layout = header.dataset, pixels.layout
    enhanced = item(ds, "PerFrameFunctionalGroupsSequence") is not None
    grey = layout.samples == 1 and palette is None

    def described(index: int) -> dict[str, Any]:
        spacing, note = read_spacing(ds, index)
        notes = [note] if note else []
        found: dict[str, Any] = {"place": read_place(ds, origin, index), "spacing_mm": spacing}
        found["aspect"] = read_aspect(ds, spacing)
        found["view"], found["said_sides"] = read_view(ds), read_sides(ds)
        found["lateral"], found["not_t1"] = is_lateral(found["view"]), not_t1_weighted(ds)
        if found["lateral"]:
            notes.append(f"A lateral view, as the file says ({found['view']}).")
        rescale = Rescale()
        if grey:
            rescale = read_rescale(ds, index) if table is None else Rescale(table=table)
            found["presets"] = read_presets(ds, index, pixels.little)
            found["window"] = found["presets"][0].window if found["presets"] else None
            found["padding"] = read_padding(ds, layout, rescale)
        elif palette is None and layout.allocated > 16:
            notes.append("Colours of more than 16 bits were reduced to 16.")
        return {**found, "notes": tuple(notes), "rescale": rescale}

    drawn = overlay_groups(ds)
    same = described(0) if not enhanced else {}
    made = []
    for index in range(layout.frames):
        about = dict(same) if same else described(index)
        decode = partial(_decode, pixels, index, about.pop("rescale"), palette)
        overlays = read_overlays(ds, drawn, pixels, index) if drawn else ()
        made.append(
            Frame(
                pixels.path, index, layout.rows, layout.cols, origin.modality, decode,
                layout.photometric == "MONOCHROME1", stored=partial(pixels.stored, index), overlays=overlays, **about,
            )
        )  # fmt: skip
    return tuple(made)


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
