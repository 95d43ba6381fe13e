"""What a DICOM file says about showing its values: windows, tone curves, padding, spacing.

Sources: PS3.3 C.11.2 (VOI LUT), C.7.5.1.1.2 (padding), 10.7 (spacing).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medview.core.texts import Text
from medview.imaging.dicom_dataset import group, item, numbers, readable_numbers, text, value, whole
from medview.imaging.dicom_lut import read_lut
from medview.imaging.modality_lut import MOST, Rescale, apply_rescale
from medview.imaging.window import Curve, Preset, Window

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from medview.imaging.dicom_layout import Layout

_EXACT = ("LINEAR_EXACT", "SIGMOID")
_NARROW = Text("The file gives a window less than 1 wide, which DICOM does not have; it is shown as wide as it says.")
_ONE = Text("The file gives a window 1 wide for finer values, by DICOM two greys only; it is shown as wide as it says.")
_NO_WINDOW = Text("The file gives a window narrower than one step of its values, which shows nothing; it was left out.")
_NO_CURVE = Text("A tone curve (VOI LUT) of this file is empty or damaged, and was left out.")
_FLAT = Text("A tone curve (VOI LUT) of this file shows all values alike, and was left out.")
_SCALED = Text("The tone curve (VOI LUT) uses less than half of the grey it declares; it is shown from black to white.")
_BEYOND = Text("The tone curve (VOI LUT) goes beyond the grey it declares; it is shown from black to white.")
# Windows and curves of one frame that are offered; files with more mean nothing by them.
_MAX_PRESETS = 16


def read_presets(
    ds: Dataset, frame: int, little: bool, ends: tuple[float, float], step: float = 1.0
) -> tuple[tuple[Preset, ...], tuple[Text, ...]]:
    """All windows of a frame, then its tone curves, in the order of the file, but for those that cannot be used; and
    what to tell of them. `ends`: the lowest and highest modality value that the frame can have; `step`: the smallest
    difference of two."""
    holder = group(ds, "FrameVOILUTSequence", frame)
    centres, widths = readable_numbers(holder, "WindowCenter"), readable_numbers(holder, "WindowWidth")
    function = text(holder, "VOILUTFunction").upper()
    names = _names(holder)
    found: list[Preset] = []
    notes: dict[Text, None] = {}
    for number, (centre, width) in enumerate(zip(centres[:_MAX_PRESETS], widths, strict=False)):
        if centre is None or width is None:
            continue
        window = _window(centre, width, function, step)
        if window is not None:
            name = names[number] if number < len(names) else ""
            found.append(Preset(name, window))
        if 0 < width < 1 and function not in _EXACT:
            notes[_NO_WINDOW if window is None else _NARROW] = None
        elif width == 1 > step and function not in _EXACT:
            notes[_ONE] = None
    for number in range(_MAX_PRESETS):
        lut = item(holder, "VOILUTSequence", number)
        if lut is None:
            break
        curve, note = read_curve(lut, little, ends)
        if note:
            notes[note] = None
        if curve is not None:
            found.append(Preset(text(lut, "LUTExplanation"), Window.of_curve(curve)))
    return tuple(found[:_MAX_PRESETS]), tuple(notes)


def _names(holder: Dataset) -> list[str]:
    found: Any = value(holder, "WindowCenterWidthExplanation")
    several = [found] if isinstance(found, str) else list(found or [])
    return ["".join(c for c in str(name).strip() if c.isprintable())[:64] for name in several]


def _window(centre: float, width: float, function: str, step: float) -> Window | None:
    if width <= 0 or max(abs(centre), width) > MOST:
        return None
    if function == "SIGMOID":
        return Window(centre, width, sigmoid=True)
    if function == "LINEAR_EXACT" or step <= width < 1 or width == 1 > step:
        # LINEAR has no width below 1, and at 1 no ramp; for finer values, that wide a ramp is meant (docs/adr/0016).
        return Window.exact(centre, width)
    return Window(centre, width) if width >= 1 else None


def read_curve(item: Dataset, little: bool, ends: tuple[float, float]) -> tuple[Curve | None, Text | None]:
    """A tone curve (an item of the VOI LUT Sequence), None when it is empty, damaged or of no use; and what to tell of
    it. `ends` as in `read_presets`."""
    lut = read_lut(item, little)
    if lut is None:
        return None, _NO_CURVE
    top, note, first = 1 << lut.bits, None, lut.first(ends)
    brightest = int(lut.entries.max())
    if brightest == lut.entries.min() or ends[1] <= first or ends[0] >= first + len(lut.entries) - 1:
        return None, _FLAT
    if 0 < brightest < top // 2 or brightest >= top:
        # The number of bits is not that of the entries, but of their memory or of the pixels (docs/adr/0016).
        top, note = brightest + 1, _SCALED if brightest < top else _BEYOND
    return Curve(first, lut.entries / float(top)), note


def read_padding(ds: Dataset, layout: Layout, rescale: Rescale) -> tuple[float, float] | None:
    """Modality values (lowest, highest) of pixels that only fill the border (C.7.5.1.1.2), or None."""
    one = whole(ds, "PixelPaddingValue")
    if one is None or layout.samples > 1 or layout.real:
        return None
    other = whole(ds, "PixelPaddingRangeLimit", one)
    kind = np.dtype(f"{'i' if layout.signed else 'u'}{max(1, layout.allocated // 8)}")
    ends = sorted(_wrapped(end, layout) for end in (one, one if other is None else other))
    if layout.allocated < 8 or ends[0] < np.iinfo(kind).min or ends[1] > np.iinfo(kind).max:
        return None
    values = apply_rescale(np.array([ends], kind), rescale)
    return float(values.min()), float(values.max())


def _wrapped(number: int, layout: Layout) -> int:
    """A value that was written with the other sign, as the bit pattern that the pixels have."""
    if layout.signed and number >= 1 << (layout.stored - 1):
        return number - (1 << layout.stored)
    if not layout.signed and number < 0:
        return number + (1 << layout.stored)
    return number


def read_spacing(ds: Dataset, frame: int) -> tuple[tuple[float, float] | None, Text | None]:
    """(row, column) spacing in mm, None when there is none or it is not positive; and what to tell of it (10.7.1)."""
    imager = _pair(ds, "ImagerPixelSpacing")
    pixel = _pair(group(ds, "PixelMeasuresSequence", frame), "PixelSpacing")
    if pixel is not None:
        if imager == pixel and not text(ds, "PixelSpacingCalibrationType"):
            return pixel, _AT_DETECTOR
        return pixel, None
    if imager is not None:
        factor = numbers(ds, "EstimatedRadiographicMagnificationFactor")
        if factor and factor[0] >= 1:
            words = Text(
                "Sizes in mm are corrected for a magnification of {factor:g}, as the file estimates it.",
                factor=factor[0],
            )
            return (imager[0] / factor[0], imager[1] / factor[0]), words
        return imager, _AT_DETECTOR
    scanned = _pair(ds, "NominalScannedPixelSpacing")
    if scanned is not None:
        return scanned, Text("Sizes in mm are those on the scanned film.")
    return None, None


# Distances of pixels (mm) beyond are mistakes.
_LEAST, _MOST = 1e-6, 1e6
_AT_DETECTOR = Text("Sizes in mm are those at the detector; in the patient they are smaller.")


def _pair(ds: Dataset, keyword: str) -> tuple[float, float] | None:
    found = numbers(ds, keyword)
    return (found[0], found[1]) if len(found) == 2 and all(_LEAST <= one <= _MOST for one in found) else None


def read_aspect(ds: Dataset, spacing: tuple[float, float] | None) -> float:
    """How much taller than wide a pixel is: by its spacing, else by PixelAspectRatio (C.7.6.3.1.7), else 1."""
    pair = spacing or _pair(ds, "PixelAspectRatio")
    return pair[0] / pair[1] if pair else 1.0
