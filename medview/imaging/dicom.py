"""A DICOM file to a Study: what it is by name, and frames whose values are modality values or RGB.

Order of the steps (PS3.3 C.11, PS3.4 N.2): stored values -> modality LUT -> (here ends this module) -> window -> eye.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text, counted, joined
from medview.imaging.dicom_dataset import item, text
from medview.imaging.dicom_errors import damaged, parse_errors
from medview.imaging.dicom_header import Header, header_of
from medview.imaging.dicom_layout import Layout
from medview.imaging.dicom_modality import modality_table, read_palette, read_values
from medview.imaging.dicom_objects import no_picture
from medview.imaging.dicom_overlays import overlay_groups, read_overlays
from medview.imaging.dicom_pixels import Pixels, locate
from medview.imaging.dicom_place import FilePlace, file_place, read_origin, read_place
from medview.imaging.dicom_regions import read_regions
from medview.imaging.dicom_view import is_lateral, not_t1_weighted, read_facts, read_orientation, read_view
from medview.imaging.dicom_voi import read_aspect, read_padding, read_presets, read_spacing
from medview.imaging.files import OpenFile
from medview.imaging.modality_lut import MOST, Rescale, apply_rescale, palette_to_rgb, to_rgb
from medview.imaging.study import Frame, Origin, Series, Study, pixel_size

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# Grey of fewer bits is shown over all that these allow; 8 bits are shown as they are anyway.
FEW_BITS = 8
# Colour model against presentation LUT shape (PS3.3 C.8.11.3): docs/adr/0016.


def open_dicom(file: OpenFile) -> Study | Failure:
    """Open a DICOM file. Never raises for anything a file may contain."""
    header = header_of(file.path, file.source)
    return header if isinstance(header, Failure) else study_of(file, header)


def study_of(file: OpenFile, header: Header) -> Study | Failure:
    """The study of a DICOM file whose header was read. Never raises for anything a file may contain."""
    try:
        return _study(file, header)
    except parse_errors() as error:
        return damaged(Text("The header of this DICOM file is damaged."), repr(error)[:500])


def _study(file: OpenFile, header: Header) -> Study | Failure:
    path, refused = file.path, no_picture(header)
    if refused:
        return refused
    pixels = locate(path, header, file.source)
    if isinstance(pixels, Failure):
        return pixels
    ds, layout = header.dataset, pixels.layout
    palette = read_palette(ds, layout) if layout.photometric == "PALETTE COLOR" else None
    if isinstance(palette, Failure):
        return palette
    grey = layout.samples == 1 and palette is None
    table = modality_table(ds, layout, pixels.little) if grey else (None, None)
    if isinstance(table, Failure):
        return table
    origin = read_origin(ds)
    frames = _frames(header, pixels, origin, table if grey else None, palette)
    if isinstance(frames, Failure):
        return frames
    what = [f"DICOM {origin.modality}".strip(), pixel_size(layout.cols, layout.rows)]
    if layout.frames > 1:
        what.append(counted("1 frame", "%n frames", layout.frames))
    title = origin.series_title or origin.modality or path.name
    place = frames[0].place
    start = place.representative if place and layout.frames > 1 else None
    return Study(path, joined(what), (Series(title, frames, origin, start=start),))


# Frames with groups of their own: each takes a third of a millisecond. Where there are more, each must have as many
# bytes of the file as a small slice has: a long perfusion series opens, a short file cannot ask for minutes.
MAX_DESCRIBED, LEAST_FRAME = 4096, 2048
# A modality LUT, None for none, and what to tell of it.
_Table = tuple[NDArray[Any] | None, Text | None]


def _frames(
    header: Header, pixels: Pixels, origin: Origin, table: _Table | None, palette: NDArray[np.uint8] | None
) -> tuple[Frame, ...] | Failure:
    """All frames. What only enhanced objects give frame by frame is read once where they do not. `table`: None for
    colour."""
    ds, layout = header.dataset, pixels.layout
    enhanced = item(ds, "PerFrameFunctionalGroupsSequence") is not None
    if enhanced and layout.frames > max(MAX_DESCRIBED, header.stamp[0] // LEAST_FRAME):
        return Failure(
            Code.TOO_LARGE,
            Text(
                "This DICOM file describes {frames:,} frames one by one, more than medview reads.", frames=layout.frames
            ),
            Text("Export fewer frames at a time, or as an older, not enhanced series."),
        )
    facts = read_facts(ds)
    drawn = overlay_groups(ds)
    told = [*pixels.notes, *([table[1]] if table and table[1] else [])]
    if palette is None and table is None and layout.allocated > 16:
        told.append(Text("Colours of more than 16 bits were reduced to 16."))
    same, common = _of_file(ds, layout), file_place(ds, origin)
    made: list[Frame] = []
    about: dict[str, Any] = {}
    rescale = Rescale()
    for index in range(layout.frames):
        if enhanced or not made:
            about = _described(ds, layout, common, index, same)
            if table is not None:
                found = read_values(ds, layout, index, table[0])
                if isinstance(found, Failure):
                    return found
                rescale = found
                shown, notes = _shown(ds, pixels, index, rescale)
                about = {**about, **shown, "notes": (*about["notes"], *notes)}
            about["notes"] = (*about["notes"], *told)
        made.append(
            Frame(
                pixels.path, index, layout.rows, layout.cols, origin.modality,
                partial(_decode, pixels, index, rescale, palette), layout.photometric == "MONOCHROME1",
                stored=partial(pixels.stored, index), coded=partial(pixels.coded, index),
                examine=partial(pixels.damage, index),
                overlays=read_overlays(ds, drawn, pixels, index) if drawn else (), header=facts, **about,
            )
        )  # fmt: skip
    return tuple(made)


def _described(ds: Dataset, layout: Layout, common: FilePlace, index: int, same: dict[str, Any]) -> dict[str, Any]:
    """What a frame of any kind says of itself, as fields of `Frame`. `same`, `common`: what its file says for all."""
    spacing, note = read_spacing(ds, index)
    regions = same["regions"]
    if spacing is None and len(regions) == 1 and regions[0].is_all_of(layout.rows, layout.cols):
        spacing = regions[0].spacing_mm
    notes = [note] if note else []
    if same["lateral"]:
        notes.append(Text("A lateral view, as the file says ({view}).", view=same["view"]))
    place = read_place(ds, common, index)
    return {
        **same, "place": place, "spacing_mm": spacing, "aspect": read_aspect(ds, spacing), "notes": tuple(notes),
    }  # fmt: skip


def _of_file(ds: Dataset, layout: Layout) -> dict[str, Any]:
    """What a file says once for all of its frames, as fields of `Frame`."""
    view = read_view(ds)
    return {
        "view": view, "said_orientation": read_orientation(ds), "lateral": is_lateral(view),
        "not_t1": not_t1_weighted(ds), "regions": read_regions(ds, layout),
    }  # fmt: skip


def _shown(ds: Dataset, pixels: Pixels, index: int, rescale: Rescale) -> tuple[dict[str, Any], list[Text]]:
    """How the grey values of a frame are to be shown, as fields of `Frame`; and what to tell of it."""
    layout = pixels.layout
    ends = rescale.ends(*layout.ends) if not layout.real else (-MOST, MOST)
    step = 1.0 if rescale.table is not None else 0.0 if layout.real else abs(rescale.slope)
    presets, told = read_presets(ds, index, pixels.little, ends, step)
    found: dict[str, Any] = {"presets": presets, "window": presets[0].window if presets else None}
    found["padding"] = read_padding(ds, layout, rescale)
    found["few_bits"] = ends if layout.stored < FEW_BITS else None
    notes = list(told)
    shape = text(ds, "PresentationLUTShape", 16).upper()
    if shape == ("IDENTITY" if layout.photometric == "MONOCHROME1" else "INVERSE"):
        notes.append(
            Text(
                "The file contradicts itself on which values are dark ({photometric}, {shape}); the first is followed.",
                photometric=layout.photometric,
                shape=shape,
            )
        )
    return found, notes


def _decode(pixels: Pixels, index: int, rescale: Rescale, palette: NDArray[np.uint8] | None) -> NDArray[Any] | Failure:
    stored = pixels.stored(index)
    if isinstance(stored, Failure):
        return stored
    if palette is not None:
        return palette_to_rgb(stored, palette)
    if stored.ndim == 3:
        return to_rgb(stored, pixels.layout.photometric, pixels.layout.stored)
    return apply_rescale(stored, rescale)
