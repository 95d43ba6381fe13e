"""Where pixels are in the patient: planes, coordinates in mm, lengths with the spacing that applies.

Patient coordinates are DICOM's (PS3.3 C.7.6.2.1.1): x to the patient's left, y to the back, z to the head, in mm.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float, float]
# The sides of the patient (PS3.3 C.7.6.1.1.1) that x, y and z come from, and those that they grow to.
_LOW, _HIGH = "RAF", "LPH"
_OPPOSITE = str.maketrans(_LOW + _HIGH, _HIGH + _LOW)
# A direction is named by one side up to so many degrees from it, by two beyond.
OBLIQUE_DEGREES = 10.0
# How far cosines of a file may be from unit length and from a right angle: they are written with few digits.
COSINE_TOLERANCE = 0.01


class Orientation(NamedTuple):
    """The sides of the patient that lie at the edges of a picture, as the letters of `letters`."""

    left: str
    top: str
    right: str
    bottom: str

    def turned(self, turns: int) -> Orientation:
        """Those of the picture turned clockwise by so many quarters."""
        around = (self.top, self.right, self.bottom, self.left)
        top, right, bottom, left = (around[(n - turns) % 4] for n in range(4))
        return Orientation(left, top, right, bottom)


@dataclass(frozen=True)
class Plane:
    """The plane of a frame in the patient.

    Attributes:
        position: centre of the first pixel (row 0, column 0), mm.
        across, down: unit vectors of growing column and of growing row.
        spacing: (row, column) distance of pixel centres, mm.
        reference: frame of reference UID; only planes of the same one share their coordinates. May be empty.
    """

    position: Vector
    across: Vector
    down: Vector
    spacing: tuple[float, float]
    reference: str = ""

    @property
    def normal(self) -> Vector:
        """Unit vector across x down: for axial slices towards the head."""
        (ax, ay, az), (dx, dy, dz) = self.across, self.down
        return (ay * dz - az * dy, az * dx - ax * dz, ax * dy - ay * dx)

    @property
    def offset(self) -> float:
        """Position along the normal, mm: what slices of one orientation are ordered by."""
        return dot(self.position, self.normal)

    @property
    def orientation(self) -> Orientation:
        """The sides of the patient at the edges of the picture."""
        right, bottom = letters(self.across), letters(self.down)
        return Orientation(opposite(right), opposite(bottom), right, bottom)

    def affine(self, step: Vector) -> NDArray[np.float64]:
        """4 x 4: (slice, row, column, 1) to (x, y, z, 1) in mm; `step` is the way to the next slice, mm."""
        matrix = np.eye(4)
        matrix[:3, 0] = step
        matrix[:3, 1] = np.multiply(self.down, self.spacing[0])
        matrix[:3, 2] = np.multiply(self.across, self.spacing[1])
        matrix[:3, 3] = self.position
        return matrix

    def to_patient(self, row: float, column: float) -> Vector:
        """Patient coordinates (mm) of a point of the picture; whole numbers are pixel centres."""
        down, across = row * self.spacing[0], column * self.spacing[1]
        x, y, z = (p + a * across + d * down for p, a, d in zip(self.position, self.across, self.down, strict=True))
        return (x, y, z)

    def to_pixel(self, point: Vector) -> tuple[float, float, float]:
        """(row, column, distance): the foot of a patient point (mm) in the picture, and its height above it in mm."""
        x, y, z = (a - b for a, b in zip(point, self.position, strict=True))
        way = (x, y, z)
        row, column = dot(way, self.down) / self.spacing[0], dot(way, self.across) / self.spacing[1]
        return (row, column, dot(way, self.normal))

    def parallel(self, other: Plane, tolerance: float = COSINE_TOLERANCE) -> bool:
        """Whether both lie the same way round in the patient."""
        mine, theirs = (*self.across, *self.down), (*other.across, *other.down)
        return all(abs(a - b) <= tolerance for a, b in zip(mine, theirs, strict=True))


def letters(direction: Vector) -> str:
    """The side of the patient that a unit vector points to: R or L, A or P, H or F; if oblique the two nearest ones,
    the nearer first."""
    # Rounded, so that two that are equally near do not change places from slice to slice.
    parts = [(round(abs(part), 3), (_HIGH if part > 0 else _LOW)[axis]) for axis, part in enumerate(direction)]
    (_, first), (second, also), _ = sorted(parts, key=lambda part: -part[0])
    return first + (also if second > math.sin(math.radians(OBLIQUE_DEGREES)) else "")


def opposite(side: str) -> str:
    """The letters of the other side: `AR` becomes `PL`."""
    return side.translate(_OPPOSITE)


def named_orientation(across: str, down: str) -> Orientation | None:
    """The sides by the letters of growing column and of growing row (Patient Orientation); None where these are no two
    directions of a person."""
    if not all(re.fullmatch("[RLAPHF]{1,3}", side) for side in (across, down)):
        return None
    if down[0] in (across[0], opposite(across[0])):
        return None
    return Orientation(opposite(across), opposite(down), across, down)


def dot(a: Vector, b: Vector) -> float:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def make_plane(
    position: tuple[float, ...],
    orientation: tuple[float, ...],
    spacing: tuple[float, float] | None,
    reference: str = "",
) -> Plane | None:
    """A plane from ImagePositionPatient and ImageOrientationPatient; None when they cannot be what they claim."""
    if len(position) != 3 or len(orientation) != 6 or spacing is None:
        return None
    across, down = _unit(orientation[:3]), _unit(orientation[3:])
    if across is None or down is None or abs(dot(across, down)) > COSINE_TOLERANCE:
        return None
    return Plane((position[0], position[1], position[2]), across, down, spacing, reference)


def _unit(vector: tuple[float, ...]) -> Vector | None:
    length = math.sqrt(sum(v * v for v in vector))
    if abs(length - 1) > COSINE_TOLERANCE:
        return None
    return (vector[0] / length, vector[1] / length, vector[2] / length)


@dataclass(frozen=True)
class Length:
    """A measured length. `unit` is `mm`, or `px` where the file gives no spacing."""

    value: float
    unit: str


def distance(start: tuple[float, float], end: tuple[float, float], spacing_mm: tuple[float, float] | None) -> Length:
    """The length from (row, column) to (row, column), in mm with a (row, column) spacing, else in pixels."""
    rows, columns = spacing_mm or (1.0, 1.0)
    value = math.hypot((end[0] - start[0]) * rows, (end[1] - start[1]) * columns)
    return Length(value, "mm" if spacing_mm else "px")
