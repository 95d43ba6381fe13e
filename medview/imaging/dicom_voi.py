"""What a DICOM file says about showing its values: windows, tone curves, padding, spacing.

Sources: PS3.3 C.11.2 (VOI LUT), C.7.5.1.1.2 (padding), 10.7 (spacing).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medview.imaging.dicom_header import group, item, numbers, parse_errors, text, value, whole
from medview.imaging.values import Rescale, apply_rescale
from medview.imaging.window import Curve, Preset, Window

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from medview.imaging.dicom_pixels import Layout

# Windows and curves of one frame that are offered; files with more mean nothing by them.
_MAX_PRESETS = 16


def read_presets(ds: Dataset, frame: int, little: bool) -> tuple[Preset, ...]:
    """All windows of a frame, then its tone curves, in the order of the file, but for those that cannot be used."""
    holder = group(ds, "FrameVOILUTSequence", frame)
    centres, widths = numbers(holder, "WindowCenter"), numbers(holder, "WindowWidth")
    function = text(holder, "VOILUTFunction").upper()
    names = _names(holder)
    found = []
    for number, (centre, width) in enumerate(zip(centres, widths, strict=False)):
        window = _window(centre, width, function)
        if window is not None:
            name = names[number] if number < len(names) and names[number] else f"Window {number + 1}"
            found.append(Preset(name, window))
    number = 0
    while len(found) < _MAX_PRESETS and (lut := item(holder, "VOILUTSequence", number)) is not None:
        curve = read_curve(lut, little)
        number += 1
        if curve is not None:
            found.append(Preset(text(lut, "LUTExplanation") or f"Curve {number}", Window.of_curve(curve)))
    return tuple(found[:_MAX_PRESETS])


def _names(holder: Dataset) -> list[str]:
    found: Any = value(holder, "WindowCenterWidthExplanation")
    several = [found] if isinstance(found, str) else list(found or [])
    return ["".join(c for c in str(name).strip() if c.isprintable())[:64] for name in several]


def _window(centre: float, width: float, function: str) -> Window | None:
    if function == "LINEAR_EXACT":
        return Window.exact(centre, width) if width > 0 else None
    if function == "SIGMOID":
        return Window(centre, width, sigmoid=True) if width > 0 else None
    return Window(centre, width) if width >= 1 else None


def read_curve(lut: Dataset, little: bool = True) -> Curve | None:
    """A tone curve (an item of the VOI LUT Sequence), None when it is damaged.

    `little`: the byte order of the file, in which 16-bit entries stored as bytes are.
    """
    described: Any = value(lut, "LUTDescriptor")
    data: Any = value(lut, "LUTData")
    try:
        count, first, bits = (int(number) for number in described)
        if isinstance(data, bytes):
            wide = bits > 8 or len(data) >= 2 * (count or 65536)
            entries = np.frombuffer(data, ("<u2" if little else ">u2") if wide else np.uint8)
        else:
            entries = np.array([data] if isinstance(data, int) else list(data), np.int64) & 0xFFFF
    except parse_errors():
        return None
    entries = entries[: count or 65536]
    if not 1 <= bits <= 16 or len(entries) < max(1, count or 65536):
        return None
    return Curve(first, np.minimum(entries, (1 << bits) - 1) / float(1 << bits))


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


def read_spacing(ds: Dataset, frame: int) -> tuple[tuple[float, float] | None, str]:
    """(row, column) spacing in mm, None when there is none or it is not positive; and what to tell of it (10.7.1)."""
    imager = _pair(ds, "ImagerPixelSpacing")
    pixel = _pair(group(ds, "PixelMeasuresSequence", frame), "PixelSpacing")
    if pixel is not None:
        if imager == pixel and not text(ds, "PixelSpacingCalibrationType"):
            return pixel, _AT_DETECTOR
        return pixel, ""
    if imager is not None:
        factor = numbers(ds, "EstimatedRadiographicMagnificationFactor")
        if factor and factor[0] >= 1:
            words = f"Sizes in mm are corrected for a magnification of {factor[0]:g}, as the file estimates it."
            return (imager[0] / factor[0], imager[1] / factor[0]), words
        return imager, _AT_DETECTOR
    scanned = _pair(ds, "NominalScannedPixelSpacing")
    if scanned is not None:
        return scanned, "Sizes in mm are those on the scanned film."
    return _ultrasound_spacing(ds), ""


_AT_DETECTOR = "Sizes in mm are those at the detector; in the patient they are smaller."


def _pair(ds: Dataset, keyword: str) -> tuple[float, float] | None:
    found = numbers(ds, keyword)
    return (found[0], found[1]) if len(found) == 2 and min(found) > 0 else None


def _ultrasound_spacing(ds: Dataset) -> tuple[float, float] | None:
    """Spacing of an ultrasound picture that has one calibrated region (C.8.5.5); with several, none holds for all."""
    region = item(ds, "SequenceOfUltrasoundRegions")
    if region is None or item(ds, "SequenceOfUltrasoundRegions", 1) is not None:
        return None
    units = whole(region, "PhysicalUnitsXDirection"), whole(region, "PhysicalUnitsYDirection")
    columns, rows = numbers(region, "PhysicalDeltaX"), numbers(region, "PhysicalDeltaY")
    if units != (3, 3) or not columns or not rows or not columns[0] or not rows[0]:
        return None
    return abs(rows[0]) * 10, abs(columns[0]) * 10  # cm


def read_aspect(ds: Dataset, spacing: tuple[float, float] | None) -> float:
    """How much taller than wide a pixel is: by its spacing, else by PixelAspectRatio (C.7.6.3.1.7), else 1."""
    pair = spacing or _pair(ds, "PixelAspectRatio")
    return pair[0] / pair[1] if pair else 1.0
