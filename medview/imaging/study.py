"""Study > Series > Frame: what is open, header first; pixels are decoded when somebody asks for them."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.core.texts import Text
from medview.imaging.geometry import Orientation, Plane, Vector, dot
from medview.imaging.series_window import SeriesWindow
from medview.imaging.window import Preset, Window, usual_window

DAMAGED_PART = Text(
    "Part of this picture is damaged: its data is broken, and what is shown may be shifted, grey or missing."
)


@dataclass(frozen=True)
class Origin:
    """Whose picture a DICOM file is and what it belongs to, as plain text; empty where the file does not say.

    Attributes:
        patient_name: all its forms as DICOM writes them, e.g. `Yamada^Tarou=山田^太郎`.
        birth_date, study_date: as written, YYYYMMDD; `medview.imaging.dates.date_text` makes text of it.
        sex: M, F or O. age: as written, `042Y`. series_number: None when missing.
    """

    patient_name: str = ""
    patient_id: str = ""
    study_uid: str = ""
    study_date: str = ""
    study_title: str = ""
    series_uid: str = ""
    series_number: int | None = None
    series_title: str = ""
    modality: str = ""
    birth_date: str = ""
    sex: str = ""
    age: str = ""


@dataclass(frozen=True)
class ObjectPart:
    """A file that is one of the parts that an object was cut into (a concatenation, PS3.3 C.7.6.16.2.2.4).

    Attributes:
        uid: of the whole object; may be empty.
        number: of this part, from 1. count: how many parts there are. first: how many frames of the object come before
            this part. Of each None where the file does not say.
    """

    uid: str
    number: int | None
    count: int | None
    first: int | None


@dataclass(frozen=True)
class Place:
    """Where a DICOM frame belongs among the others of its series.

    Attributes:
        origin: patient, study and series.
        uid: SOP Instance UID of its file; copies have the same, and so have pictures of careless programs.
        plane: where it lies in the patient, None when the file does not say.
        time: (temporal position, acquisition time in s, trigger time in ms), 0 for what is missing; only compared.
        number: instance number. acquisition: its number; None when missing.
        echo: echo time in ms or echo number. kind: ImageType, what the frame was computed as.
        tilt: of the gantry in degrees, as the file says it.
        position: of the first pixel in mm, with or without a plane. thickness: of the slice in mm.
        part: which part of an object its file is. dimensions: its dimension index values. in_stack: its stack, by
            number and name, and its position there. location: slice location in mm. Of each None, or empty, where the
            file does not say.
        representative: index of the frame that its file opens at; -1 for a file of one frame.
    """

    origin: Origin
    uid: str = ""
    plane: Plane | None = None
    time: tuple[float, ...] = ()
    number: int | None = None
    acquisition: int | None = None
    echo: str = ""
    kind: str = ""
    tilt: float = 0.0
    position: Vector | None = None
    thickness: float | None = None
    part: ObjectPart | None = None
    dimensions: tuple[int, ...] = ()
    in_stack: tuple[int, str, int] | None = None
    location: float | None = None
    representative: int = -1


@dataclass(frozen=True)
class HeaderFacts:
    """What a DICOM header says of what the picture shows, as plain text; empty where it does not say.

    Attributes:
        modality, body_part: in the file's own words, upper case.
        sop_class: UID of what kind of object it is.
        regions: codes of the anatomic region, of SNOMED RT or CT.
        image_type: the values of Image Type, upper case.
    """

    modality: str = ""
    sop_class: str = ""
    body_part: str = ""
    regions: tuple[str, ...] = ()
    image_type: tuple[str, ...] = ()


@dataclass(frozen=True)
class OverlayPlane:
    """A drawing over a frame (PS3.3 C.9.2): text, arrows, outlines that the machine burnt into no pixel.

    Attributes:
        title: what the file calls it.
        read: gives the marked pixels; call `marked`.
    """

    title: str
    read: Callable[[], NDArray[np.bool_] | Failure] = field(repr=False, compare=False)

    def marked(self) -> NDArray[np.bool_] | Failure:
        """(rows, cols) of the frame, True where something is drawn."""
        return self.read()


@dataclass(frozen=True)
class CalibratedRegion:
    """A part of an ultrasound picture with a measure of its own.

    Attributes:
        rows, cols: first and last ones, from 0, both within.
        steps: from one pixel to the next along (row, column) in `units`, None where the file does not say.
        units: of a step along (row, column): mm, s, cm/s ...; empty for none.
        kind: 2D, M-mode, spectral, wave form or graphics; empty where the file does not say.
    """

    rows: tuple[int, int]
    cols: tuple[int, int]
    steps: tuple[float, float] | None
    units: tuple[str, str]
    kind: str = ""

    @property
    def spacing_mm(self) -> tuple[float, float] | None:
        """(row, column) distance of pixel centres in mm; None where the steps are no lengths."""
        return self.steps if self.units == ("mm", "mm") else None

    def is_all_of(self, rows: int, cols: int) -> bool:
        """Whether the region is all of a picture of this size."""
        return self.rows == (0, rows - 1) and self.cols == (0, cols - 1)

    def holds(self, row: float, column: float) -> bool:
        """Whether a point of the picture lies in the region."""
        return self.rows[0] <= row <= self.rows[1] and self.cols[0] <= column <= self.cols[1]


@dataclass(frozen=True)
class Frame:
    """One picture.

    Attributes:
        path: the file it is in.
        index: its number in that file, from 0.
        rows, cols: size after any EXIF rotation.
        modality: DICOM modality (`CR`, `MR`, ...) or empty for a picture file.
        decode: gives the modality values; call `modality_values` instead.
        inverted: True when low values are bright (MONOCHROME1).
        window: the window the file asks for, or None.
        presets: all windows and tone curves the file offers, the first one included.
        few_bits: (lowest, highest) modality value that the file's bits allow, where it stores fewer than 8 of them;
            shown from black to white unless the file asks for a window.
        padding: modality values (lowest, highest) that fill the border and are no picture, or None.
        spacing_mm: (row, column) distance of pixel centres in mm, or None when the file does not say, or says it only
            for `regions`.
        regions: parts of an ultrasound picture that have a measure of their own; `spacing_between` asks them.
        aspect: how much taller than wide a pixel is; 1 for square ones.
        overlays: drawings that the file keeps apart from the picture (groups 60xx).
        view: the view of a projection image in the file's own word (`PA`, `LL` ...), or empty.
        lateral: that view is from the side.
        not_t1: why an MR slice is not T1-weighted, by its header in words; None where it does not tell.
        said_orientation: the sides of the patient at its edges in the file's own letters, of a picture without plane.
        header: what the header says it shows; None for a file without one, such as a PNG.
        notes: what the user should know about how the picture was read.
        place: patient, series and position of a DICOM frame, else None.
        stored: gives the values as the file stores them; call `stored_values` instead.
        coded: gives the bytes that the file has for it, compressed or not.
        examine: tells what is damaged in its compressed data; call `damage` instead.
        shared: the automatic window of its series, None where it has one by itself.
    """

    path: Path
    index: int
    rows: int
    cols: int
    modality: str
    decode: Callable[[], NDArray[Any] | Failure] = field(repr=False, compare=False)
    inverted: bool = False
    window: Window | None = None
    spacing_mm: tuple[float, float] | None = None
    notes: tuple[Text, ...] = ()
    place: Place | None = None
    presets: tuple[Preset, ...] = ()
    padding: tuple[float, float] | None = None
    aspect: float = 1.0
    overlays: tuple[OverlayPlane, ...] = ()
    stored: Callable[[], NDArray[Any] | Failure] | None = field(default=None, repr=False, compare=False)
    view: str = ""
    lateral: bool = False
    not_t1: Text | None = None
    said_orientation: Orientation | None = None
    few_bits: tuple[float, float] | None = None
    header: HeaderFacts | None = None
    coded: Callable[[], NDArray[np.uint8] | Failure] | None = field(default=None, repr=False, compare=False)
    examine: Callable[[], str] | None = field(default=None, repr=False, compare=False)
    shared: SeriesWindow | None = field(default=None, repr=False, compare=False)
    regions: tuple[CalibratedRegion, ...] = ()

    @property
    def orientation(self) -> Orientation | None:
        """The sides of the patient that lie at the edges of the picture; None when the file does not say."""
        plane = self.place.plane if self.place else None
        return plane.orientation if plane else self.said_orientation

    @cached_property
    def content(self) -> tuple[int, bytes] | None:
        """Length and hash of the bytes that the file has for the frame, read once; None where they cannot be read."""
        data = self.coded() if self.coded else self.stored_values()
        return None if isinstance(data, Failure) else (data.nbytes, _hash(data))

    @cached_property
    def decoded_content(self) -> bytes | None:
        """Hash of the stored values, read once; None where they cannot be decoded."""
        values = self.stored_values()
        return None if isinstance(values, Failure) else _hash(values)

    def spacing_between(self, points: Iterable[tuple[float, float]]) -> tuple[float, float] | None:
        """The (row, column) spacing in mm that holds for all of some (row, column) points: of the picture, or of the
        region that they lie in. None across regions, outside of them, and where regions there contradict each other."""
        if self.spacing_mm is not None or not self.regions:
            return self.spacing_mm
        points = tuple(points)
        within = [one.spacing_mm for one in self.regions if all(one.holds(*point) for point in points)]
        known = {spacing for spacing in within if spacing is not None}
        return known.pop() if len(known) == 1 else None

    def first_window(self, grey: NDArray[Any]) -> Window:
        """The window that the `grey` modality values of the frame are first shown with: that of its file, over all its
        few bits, that of its series, or its own. The first of a series to ask has a few frames decoded."""
        if self.window is not None:
            return self.window
        if self.few_bits:
            return Window.from_range(*self.few_bits)
        shared = self.shared.window() if self.shared and grey.dtype != np.uint8 else None
        return shared or usual_window(grey, self.padding)

    def stored_values(self) -> NDArray[Any] | Failure:
        """Values as the file stores them: no modality LUT, no palette, no conversion of colours (YBR stays YBR)."""
        return self.stored() if self.stored else self.decode()

    def damage(self) -> str:
        """Why its compressed data cannot be what an encoder wrote, for the log; empty where nothing speaks against it.

        A decoder fills up, shifts or invents what is damaged and says nothing (`medview.imaging.jpeg_damage`). Reads
        the file and decodes it, so it is asked once, before a picture is judged.
        """
        return self.examine() if self.examine else ""

    def modality_values(self) -> NDArray[Any] | Failure:
        """Values after the modality LUT: (rows, cols) grey or (rows, cols, 3) RGB uint8/uint16; HU for CT.

        Grey is uint8, uint16, int16, int32 or float32. Polarity is not applied: `inverted` tells it. Reads the file
        each time; whoever needs the values twice keeps them.
        """
        return self.decode()


def _hash(values: NDArray[Any]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(values).data, digest_size=16).digest()


@dataclass(frozen=True)
class Series:
    """Frames that belong together, in display order.

    Attributes:
        title: a line for people.
        frames: of one file (pages, frames), or of all files of a DICOM series (`medview.imaging.series`).
        origin: whose they are; None for picture files.
        notes: what is odd about the series (gaps, copies, a tilted gantry), one sentence each.
        step_mm: distance of neighbouring slices where it is the same all along, else None.
        time_points: how many frames every position has.
        start: number of the frame it opens at; None for that of the middle position.
    """

    title: str
    frames: tuple[Frame, ...]
    origin: Origin | None = None
    notes: tuple[Text, ...] = ()
    step_mm: float | None = None
    time_points: int = 1
    start: int | None = None

    @property
    def opens_at(self) -> int:
        """Number of the frame that is shown first."""
        positions, times = self.grid
        middle = (positions - 1) // 2 * times
        return middle if self.start is None else min(self.start, len(self.frames) - 1)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of the frames in display order, each once."""
        return tuple(dict.fromkeys(frame.path for frame in self.frames))

    @cached_property
    def grid(self) -> tuple[int, int]:
        """(positions, points in time): every position has all of them, one after the other. (frames, 1) without time,
        or where a position lacks some."""
        count, times = len(self.frames), self.time_points
        if times < 2 or count % times:
            return count, 1
        planes = [frame.place.plane for frame in self.frames if frame.place and frame.place.plane]
        if not planes or count == times:
            return count // times, times
        if len(planes) < count:
            return count, 1
        offsets = [dot(plane.position, planes[0].normal) for plane in planes]
        steps = [abs(after - before) for before, after in itertools.pairwise(offsets[::times])]
        within = (abs(offset - offsets[n - n % times]) for n, offset in enumerate(offsets))
        # A position that lacks some shifts those after it, so that two positions stand in one row of the grid.
        return (count // times, times) if max(within) < 0.5 * min(steps) else (count, 1)


def pixel_size(cols: int, rows: int) -> Text:
    """The size of a picture, as descriptions say it."""
    return Text("{cols} x {rows} pixels", cols=cols, rows=rows)


@dataclass(frozen=True)
class Study:
    """What one file, or one study of a folder, holds.

    `description` is for the title line (format, modality, size).
    """

    path: Path
    description: Text
    series: tuple[Series, ...]

    @property
    def frames(self) -> tuple[Frame, ...]:
        """All frames of all series, in order."""
        if len(self.series) == 1:
            return self.series[0].frames
        return tuple(frame for series in self.series for frame in series.frames)

    @property
    def grid(self) -> tuple[int, int]:
        """(positions, points in time) of its series; (frames, 1) where it has several."""
        return self.series[0].grid if len(self.series) == 1 else (len(self.frames), 1)

    @property
    def sliced(self) -> bool:
        """Whether its frames lie somewhere in the patient, so that one is called a slice."""
        place = self.series[0].frames[0].place
        return place is not None and place.plane is not None

    def number(self, frame: Frame) -> int:
        """Where a frame is among `frames`; 0 for one that is not there."""
        wanted = (frame.path, frame.index)
        return next((n for n, one in enumerate(self.frames) if (one.path, one.index) == wanted), 0)

    def shares_file(self, frame: Frame) -> bool:
        """Whether the file of a frame has other frames too."""
        return any(one.path == frame.path and one.index != frame.index for one in self.frames)

    @property
    def middle(self) -> int:
        """Index of the middle frame, which the command line judges unless another is asked for."""
        return (len(self.frames) - 1) // 2
