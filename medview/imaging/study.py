"""Study > Series > Frame: what is open, header first; pixels are decoded when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.imaging.window import Window


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
        spacing_mm: (row, column) distance of pixel centres in mm, or None when the file does not say.
        notes: what the user should know about how the picture was read.
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
    notes: tuple[str, ...] = ()

    def modality_values(self) -> NDArray[Any] | Failure:
        """Values after the modality LUT: (rows, cols) grey or (rows, cols, 3) RGB uint8/uint16; HU for CT.

        Grey is uint8, uint16, int16, int32 or float32. Polarity is not applied: `inverted` tells it. Reads the file
        each time; whoever needs the values twice keeps them.
        """
        return self.decode()


@dataclass(frozen=True)
class Series:
    """Frames that belong together, in display order. For a picture file, its pages; for DICOM, the frames of a file."""

    title: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class Study:
    """What one file holds. `description` is plain text for the title line (format, modality, size)."""

    path: Path
    description: str
    series: tuple[Series, ...]

    @property
    def frames(self) -> tuple[Frame, ...]:
        """All frames of all series, in order."""
        return tuple(frame for series in self.series for frame in series.frames)

    @property
    def middle(self) -> int:
        """Index of the middle frame, what is shown and analysed unless another is asked for."""
        return (len(self.frames) - 1) // 2
