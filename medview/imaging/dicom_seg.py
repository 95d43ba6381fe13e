"""A DICOM segmentation: its segments, and which of its frames marks what, and where (PS3.3 A.51, C.8.20).

Read on the same way as every DICOM file: header by `dicom_header`, frames by `dicom_pixels`, one at a time and only
when somebody asks (docs/adr/0011). What contradicts itself is a Failure, never a guess at what was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.archive import plain_file
from medview.imaging.colours import Rgb, lab_of_dicom, lab_to_rgb
from medview.imaging.dicom_dataset import group, item, numbers, text, value, whole
from medview.imaging.dicom_errors import damaged, parse_errors
from medview.imaging.dicom_header import Header, read_dicom_header
from medview.imaging.dicom_layout import Layout
from medview.imaging.dicom_pixels import Pixels, locate
from medview.imaging.dicom_place import read_origin, read_plane
from medview.imaging.dicom_terms import STORAGE
from medview.imaging.geometry import Plane
from medview.imaging.study import Origin

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# Segmentation Storage and Label Map Segmentation Storage.
BITS_CLASS, LABELS_CLASS = STORAGE + "66.4", STORAGE + "66.7"
# Whole-body segmentations have some 120 segments, those of the brain some 200.
MAX_SEGMENTS = 1000
ALL_FRAMES = -1
# JPEG, and JPEG-LS near lossless: what comes out is not what went in, and masks have no pixels that are nearly right.
_LOSSY = tuple("1.2.840.10008.1.2.4." + number for number in ("50", "51", "81"))
# Planes beyond these are no planes of a patient, and arithmetic with them overflows: mm from the origin, mm a pixel.
FARTHEST_MM, LEAST_MM, MOST_MM = 1e6, 1e-6, 1e4


@dataclass(frozen=True)
class Segment:
    """One thing that a segmentation marks.

    Attributes:
        number: by which frames refer to it. label: what the file calls it.
        colour: that the file recommends, sRGB, or None.
        algorithm_type: `MANUAL`, `SEMIAUTOMATIC`, `AUTOMATIC` or empty. algorithm: its name; may be empty.
    """

    number: int
    label: str
    colour: Rgb | None = None
    algorithm_type: str = ""
    algorithm: str = ""


@dataclass(frozen=True)
class Part:
    """One frame of a segmentation.

    Attributes:
        index: from 0. segment: what it marks; None in a label map, whose values are the numbers of segments.
        sources: pictures it was made from, as (SOP Instance UID, frame from 0 or `ALL_FRAMES`).
        plane: where it lies in the patient, or None. depth_mm: how far it reaches along the normal, or None.
    """

    index: int
    segment: int | None
    sources: frozenset[tuple[str, int]]
    plane: Plane | None
    depth_mm: float | None


@dataclass(frozen=True)
class Segmentation:
    """A segmentation file.

    Attributes:
        title: a line for people. origin: patient, study and series of the file itself.
        kind: `BINARY`, `FRACTIONAL` or `LABELMAP`. full: the value that stands for 1 in a fractional one.
        series: Series Instance UIDs of the pictures it was made from.
    """

    pixels: Pixels = field(repr=False)
    title: str
    origin: Origin
    kind: str
    segments: tuple[Segment, ...]
    parts: tuple[Part, ...] = field(repr=False)
    full: int = 1
    series: frozenset[str] = frozenset()

    @property
    def path(self) -> Path:
        """The file."""
        return self.pixels.path

    @property
    def size(self) -> tuple[int, int]:
        """(rows, cols) of its frames."""
        return (self.pixels.layout.rows, self.pixels.layout.cols)

    def marked(self, part: Part) -> dict[int, NDArray[np.uint8]] | Failure:
        """By number of the segment, what a frame marks: (rows, cols) of 0 and 1; without those it does not mark.

        Fractional frames mark where they say at least one half.
        """
        stored = self.pixels.stored(part.index)
        if isinstance(stored, Failure):
            return stored
        if stored.shape != self.size or stored.dtype.kind != "u":
            return damaged(Text("A frame of this segmentation does not decode to a mask."), f"frame {part.index}")
        if part.segment is None:
            found = np.flatnonzero(np.bincount(stored.reshape(-1)))
            known = {segment.number for segment in self.segments}
            return {int(n): (stored == n).view(np.uint8) for n in found if int(n) in known}
        if stored.max() > self.full:
            return damaged(
                Text("A frame of this segmentation holds values that its header rules out."), f"{stored.max()}"
            )
        mask = stored if self.kind == "BINARY" else (stored.astype(np.uint16) * 2 >= self.full).view(np.uint8)
        return {part.segment: mask} if mask.any() else {}


def is_segmentation(header: Header) -> bool:
    """Whether a header is that of a segmentation."""
    ds = header.dataset
    return str(value(ds, "SOPClassUID") or value(ds.file_meta, "MediaStorageSOPClassUID")) in (BITS_CLASS, LABELS_CLASS)


def read_segmentation(path: Path, step: Callable[[], None] = lambda: None) -> Segmentation | Failure:
    """Read a segmentation, packed by gzip or not, but for its masks. Never raises for anything a file may contain.

    `step` is called for every frame and may raise: 10,000 frames take some seconds.
    """
    file = plain_file(path)
    if isinstance(file, Failure):
        return file
    header = read_dicom_header(file)
    if isinstance(header, Failure):
        return header
    if not is_segmentation(header):
        return Failure(
            Code.UNKNOWN_FORMAT, Text("{name} is no DICOM segmentation.", name=path.name), Text("Choose another file.")
        )
    try:
        return _read(file, header, step)
    except parse_errors() as error:
        return damaged(Text("The header of this segmentation is damaged."), repr(error)[:500])


def _read(path: Path, header: Header, step: Callable[[], None]) -> Segmentation | Failure:
    ds = header.dataset
    if not header.pixel_tag:
        return damaged(Text("This segmentation was cut off before its masks begin."), code=Code.TRUNCATED)
    pixels = locate(path, header)
    if isinstance(pixels, Failure):
        return pixels
    labels = str(value(ds, "SOPClassUID")) == LABELS_CLASS
    kind = text(ds, "SegmentationType").upper() or ("LABELMAP" if labels else "")
    full = whole(ds, "MaximumFractionalValue", 255) if kind == "FRACTIONAL" else 1
    refused = _refused(ds, kind, full, pixels.layout) or _lossy(ds, kind, pixels.syntax)
    if refused or full is None:
        return refused or damaged(Text("This segmentation does not say how its fractions are written."))
    segments = _segments(ds, kind == "LABELMAP")
    if isinstance(segments, Failure):
        return segments
    known = None if kind == "LABELMAP" else {one.number for one in segments}
    parts = _parts(ds, pixels.layout.frames, known, step)
    if isinstance(parts, Failure):
        return parts
    origin = read_origin(ds)
    named = (text(series, "SeriesInstanceUID") for series in _items(ds, "ReferencedSeriesSequence"))
    return Segmentation(
        pixels,
        origin.series_title or text(ds, "ContentDescription") or path.name,
        origin, kind, segments, parts, full, frozenset(filter(None, named)),
    )  # fmt: skip


def _refused(ds: Dataset, kind: str, full: int | None, layout: Layout) -> Failure | None:
    """Why masks cannot be had from what the header declares, or None."""
    if kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
        return damaged(Text("This segmentation is of no kind that DICOM has."), kind[:32])
    if text(ds, "DimensionOrganizationType").startswith("TILED") or value(ds, "TotalPixelMatrixRows") is not None:
        return Failure(
            Code.UNSUPPORTED,
            Text("This is a segmentation of a microscope slide, in tiles, which medview does not lay over pictures."),
            Text("Open it in a program for microscopy."),
        )
    bits = {"BINARY": (1,), "FRACTIONAL": (8,), "LABELMAP": (8, 16)}[kind]
    colours = ("MONOCHROME2", "PALETTE COLOR") if kind == "LABELMAP" else ("MONOCHROME2",)
    if (
        layout.allocated not in bits
        or layout.stored != layout.allocated
        or layout.signed
        or layout.real
        or layout.photometric not in colours
    ):
        what = f"{kind} with {layout.stored} of {layout.allocated} bits, {layout.photometric}"
        return damaged(
            Text("The header of this segmentation contradicts itself: its masks are stored in another way."), what
        )
    if full is None or not 1 <= full <= 255:
        return damaged(Text("This segmentation does not say how its fractions are written."), f"maximum {full}")
    return None


def _lossy(ds: Dataset, kind: str, syntax: str) -> Failure | None:
    """The refusal of masks that were compressed with loss; fractions bear it."""
    if kind == "FRACTIONAL" or not (syntax in _LOSSY or text(ds, "LossyImageCompression") == "01"):
        return None
    return Failure(
        Code.UNSUPPORTED,
        Text(
            "The masks of this segmentation were compressed with loss: their borders are no longer "
            "those that were drawn."
        ),
        Text("Export it again without compression, or with one that loses nothing."),
        syntax,
    )


def _items(ds: Dataset, keyword: str) -> Iterator[Dataset]:
    """The items of a sequence; none where there is no such sequence."""
    from pydicom.sequence import Sequence

    sequence = value(ds, keyword)
    return iter(sequence) if isinstance(sequence, Sequence) else iter(())


def _segments(ds: Dataset, with_background: bool) -> tuple[Segment, ...] | Failure:
    """The declared segments; without number 0, which is the background of a label map."""
    found = []
    for one in _items(ds, "SegmentSequence"):
        number = whole(one, "SegmentNumber")
        if number is None or not (0 if with_background else 1) <= number <= 65_535:
            return damaged(Text("A segment of this segmentation has no valid number."), f"{number}")
        method = item(one, "SegmentationAlgorithmIdentificationSequence")
        property_type = item(one, "SegmentedPropertyTypeCodeSequence")
        label = text(one, "SegmentLabel") or (text(property_type, "CodeMeaning") if property_type is not None else "")
        lab = lab_of_dicom(numbers(one, "RecommendedDisplayCIELabValue"))
        name = text(one, "SegmentAlgorithmName") or (text(method, "AlgorithmName") if method is not None else "")
        how = text(one, "SegmentAlgorithmType")[:16].upper()
        found.append(
            Segment(number, label or Text("Segment {number}", number=number), lab and lab_to_rgb(lab), how, name)
        )
        if len(found) > MAX_SEGMENTS:
            return Failure(
                Code.TOO_LARGE,
                Text("This segmentation has over {max_segments} segments.", max_segments=MAX_SEGMENTS),
                Text("Export it in smaller groups."),
            )
    if len({one.number for one in found}) != len(found):
        return damaged(Text("Two segments of this segmentation have the same number."))
    segments = tuple(one for one in found if one.number)
    return segments or damaged(Text("This segmentation does not say what it marks."), "no SegmentSequence")


def _parts(ds: Dataset, frames: int, known: set[int] | None, step: Callable[[], None]) -> tuple[Part, ...] | Failure:
    """What each frame is; `known` numbers of segments, None in a label map."""
    groups = value(ds, "PerFrameFunctionalGroupsSequence")
    if groups is None or len(groups) != frames:
        count = "none" if groups is None else str(len(groups))
        return damaged(
            Text("This segmentation does not say where each of its frames lies."), f"{count} of {frames} frames"
        )
    parts = []
    for index in range(frames):
        step()
        segment = whole(group(ds, "SegmentIdentificationSequence", index), "ReferencedSegmentNumber")
        if known is None:
            segment = None
        elif segment not in known:
            return damaged(Text("A frame of this segmentation marks something it does not name."), f"segment {segment}")
        plane = read_plane(ds, index)
        if plane is not None and not plausible(plane):
            return damaged(Text("A frame of this segmentation lies where no patient is."), f"frame {index}")
        measures = group(ds, "PixelMeasuresSequence", index)
        depth = numbers(measures, "SpacingBetweenSlices") or numbers(measures, "SliceThickness")
        depth_mm = abs(depth[0]) if depth and depth[0] else None
        parts.append(Part(index, segment, frozenset(_sources(ds, index)), plane, depth_mm))
    return tuple(parts)


def plausible(plane: Plane) -> bool:
    """Whether a plane can be one in a patient."""
    near = all(abs(coordinate) <= FARTHEST_MM for coordinate in plane.position)
    return near and all(LEAST_MM <= spacing <= MOST_MM for spacing in plane.spacing)


def _sources(ds: Dataset, index: int) -> Iterator[tuple[str, int]]:
    """The pictures a frame was made from."""
    groups = (item(ds, "PerFrameFunctionalGroupsSequence", index), item(ds, "SharedFunctionalGroupsSequence"))
    holder = next((one for one in groups if one is not None and value(one, "DerivationImageSequence")), None)
    for derivation in _items(holder, "DerivationImageSequence") if holder is not None else ():
        for source in _items(derivation, "SourceImageSequence"):
            uid = text(source, "ReferencedSOPInstanceUID")
            if uid:
                frames = numbers(source, "ReferencedFrameNumber")
                yield from ((uid, int(number) - 1) for number in frames) if frames else ((uid, ALL_FRAMES),)


def may_be_segmentation(path: Path) -> bool:
    """Whether a file looks like a DICOM segmentation by its first bytes; a quick look, not a promise."""
    from medview.imaging.dicom_seg import BITS_CLASS, LABELS_CLASS
    from medview.imaging.files import HEAD, read_head

    head = read_head(path, HEAD)
    return isinstance(head, bytes) and any(uid.encode() in head for uid in (BITS_CLASS, LABELS_CLASS))
