"""Colours of segments: DICOM's CIELab to sRGB, and colours that can be told apart.

Sources: PS3.3 C.10.7.1.1 (encoding of CIELab in 16 bits), CIE 15 (L*a*b*), IEC 61966-2-1 (sRGB). The white point is
sRGB's own, D65: dcmtk, dcmqi and highdicom write with it, although the standard means that of ICC profiles, D50.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

Rgb = tuple[int, int, int]
Lab = tuple[float, float, float]

_WHITE = (0.95047, 1.0, 1.08883)
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
_FROM_XYZ = np.linalg.inv(_TO_XYZ)
_LINEAR_BELOW = 6 / 29
# Closer than this in CIELab, two outlines on a grey picture are taken for one; darker than this, one is not seen.
APART, LIGHT_ENOUGH = 25.0, 35.0
# For segments whose file says no colour, or one that is taken: light, and far from each other for every colour vision
# (after Okabe and Ito, 2008). None is the cyan of the models' mask.
PALETTE: tuple[Rgb, ...] = (
    (255, 176, 0), (240, 110, 200), (120, 220, 90), (255, 110, 70), (170, 140, 255), (250, 240, 110),
    (190, 255, 220), (225, 60, 90), (90, 150, 255), (200, 160, 110), (60, 190, 130), (255, 200, 210),
)  # fmt: skip


def lab_of_dicom(values: Sequence[float]) -> Lab | None:
    """L* (0-100), a* and b* (-128 to 127) of a DICOM CIELab value; None for what is none."""
    if len(values) != 3 or not all(0 <= value <= 65535 for value in values):
        return None
    light, a, b = values
    return (light * 100 / 65535, a * 255 / 65535 - 128, b * 255 / 65535 - 128)


def lab_to_rgb(lab: Lab) -> Rgb:
    """sRGB (0-255) of a colour; what sRGB cannot show is clipped."""
    y = (lab[0] + 16) / 116
    xyz = [white * _cube(f) for white, f in zip(_WHITE, (y + lab[1] / 500, y, y - lab[2] / 200), strict=True)]
    red, green, blue = (_gamma(float(channel)) for channel in _FROM_XYZ @ np.array(xyz))
    return (red, green, blue)


def rgb_to_lab(rgb: Rgb) -> Lab:
    """L*, a*, b* (white point D65) of an sRGB colour (0-255)."""
    xyz = _TO_XYZ @ np.array([_linear(channel / 255) for channel in rgb])
    x, y, z = (_root(float(value) / white) for value, white in zip(xyz, _WHITE, strict=True))
    return (116 * y - 16, 500 * (x - y), 200 * (y - z))


def _cube(f: float) -> float:
    return f**3 if f > _LINEAR_BELOW else 3 * _LINEAR_BELOW**2 * (f - 4 / 29)


def _root(share: float) -> float:
    return math.cbrt(share) if share > _LINEAR_BELOW**3 else share / (3 * _LINEAR_BELOW**2) + 4 / 29


def _gamma(channel: float) -> int:
    encoded = 12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055
    return round(255 * min(1.0, max(0.0, encoded)))


def _linear(encoded: float) -> float:
    return encoded / 12.92 if encoded <= 0.04045 else float(((encoded + 0.055) / 1.055) ** 2.4)


def distinct(wanted: Iterable[Rgb | None], taken: Iterable[Rgb]) -> list[Rgb]:
    """One colour for each of `wanted`: that itself where it can be seen and told from all before it and from `taken`.

    Otherwise the one of the palette that is furthest from them; beyond a dozen, colours come close to each other.
    """
    used = [rgb_to_lab(colour) for colour in taken]
    palette = [(colour, rgb_to_lab(colour)) for colour in PALETTE]
    found = []
    for wish in wanted:
        lab = rgb_to_lab(wish) if wish is not None else None
        if wish is None or lab is None or lab[0] < LIGHT_ENOUGH or _gap(lab, used) < APART:
            wish, lab = max(palette, key=lambda entry: _gap(entry[1], used))
        found.append(wish)
        used.append(lab)
    return found


def _gap(lab: Lab, used: Iterable[Lab]) -> float:
    """Distance to the nearest colour that is in use (CIE 1976)."""
    return min((math.dist(lab, other) for other in used), default=math.inf)
