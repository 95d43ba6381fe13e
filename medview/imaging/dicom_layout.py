"""How the values of a DICOM frame are laid out (PS3.3 C.7.6.3.1), and uncompressed bytes turned into values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.dicom_dataset import value, whole
from medview.imaging.dicom_errors import damaged
from medview.imaging.dicom_header import Header
from medview.imaging.modality_lut import interleaved


@dataclass(frozen=True)
class Layout:
    """How stored values are laid out (PS3.3 C.7.6.3.1).

    Attributes:
        rows, cols, samples, frames: sizes.
        allocated, stored, high: bits of a sample; `high` is the most significant one used, from 0.
        signed: two's complement. planar: samples by plane. photometric: upper case. real: float values.
    """

    rows: int
    cols: int
    samples: int
    frames: int
    allocated: int
    stored: int
    high: int
    signed: bool
    planar: bool
    photometric: str
    real: bool = False

    @property
    def ends(self) -> tuple[int, int]:
        """Lowest and highest stored value that the bits allow; of float pixels -1 and 1."""
        if self.real or self.signed:
            return (-1, 1) if self.real else (-1 << (self.stored - 1), (1 << (self.stored - 1)) - 1)
        return 0, (1 << self.stored) - 1

    @property
    def frame_bits(self) -> int:
        """Bits of one uncompressed frame; YBR_FULL_422 shares its colour between two pixels."""
        samples = 2 if self.photometric == "YBR_FULL_422" else self.samples
        return self.rows * self.cols * samples * self.allocated

    @property
    def frame_bytes(self) -> int:
        """Bytes of one decoded frame, every sample in its own place."""
        return self.rows * self.cols * self.samples * max(1, self.allocated // 8)


def truncated() -> Failure:
    """Fewer pixels than the header promises."""
    return damaged(Text("This DICOM file ends too early; a part of the picture is missing."), code=Code.TRUNCATED)


def read_layout(header: Header) -> Layout | Failure:
    """The image pixel module, checked: sizes above zero, bit depths that exist, a known colour model."""
    ds = header.dataset
    real = header.pixel_tag != 0x7FE00010
    photometric = str(value(ds, "PhotometricInterpretation") or "").strip().upper() or "MONOCHROME2"
    rows, cols, frames = whole(ds, "Rows"), whole(ds, "Columns"), whole(ds, "NumberOfFrames", 1)
    samples = whole(ds, "SamplesPerPixel", 1)
    allocated = whole(ds, "BitsAllocated", 64 if header.pixel_tag == 0x7FE00009 else 32 if real else None)
    stored = whole(ds, "BitsStored", allocated)
    high = whole(ds, "HighBit", stored - 1 if stored else None)
    signed, planar = whole(ds, "PixelRepresentation", 0), whole(ds, "PlanarConfiguration", 0)
    if not rows or not cols or rows < 0 or cols < 0 or frames is None or samples is None:
        return damaged(
            Text("The header of this DICOM file gives no valid picture size."), f"{rows} x {cols} x {frames}"
        )
    # Some writers put 0 frames for one.
    frames = max(1, frames)
    if allocated is None or stored is None or high is None or not 1 <= stored <= allocated:
        return damaged(Text("The header of this DICOM file gives no valid bit depth."), f"{stored} of {allocated}")
    if allocated not in ((32, 64) if real else (1, 8, 16, 32)) or not stored - 1 <= high < allocated:
        return damaged(
            Text("This DICOM file stores {allocated} bits per value, which DICOM does not have.", allocated=allocated)
        )
    expected = 1 if photometric.startswith("MONOCHROME") or photometric == "PALETTE COLOR" else 3
    known = (
        "MONOCHROME1",
        "MONOCHROME2",
        "PALETTE COLOR",
        "RGB",
        "YBR_FULL",
        "YBR_FULL_422",
        "YBR_RCT",
        "YBR_ICT",
        "XYB",
    )
    if photometric not in known:
        return Failure(
            Code.UNSUPPORTED,
            Text("The colour model {photometric!r} of this file is not supported.", photometric=photometric[:32]),
            Text("Save it as RGB."),
        )
    if samples != expected:
        return damaged(
            Text(
                "The header contradicts itself: {photometric} with {samples} values per pixel.",
                photometric=photometric,
                samples=samples,
            )
        )
    return Layout(rows, cols, samples, frames, allocated, stored, high, signed == 1, planar == 1, photometric, real)


def native(data: bytes | NDArray[np.uint8], layout: Layout, little: bool, index: int) -> NDArray[Any]:
    """Uncompressed bytes of one frame to stored values, (rows, cols) or (rows, cols, 3); they may share memory."""
    rows, cols, samples = layout.rows, layout.cols, layout.samples
    if layout.allocated == 1:
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        skip = layout.frame_bits * index % 8
        return bits[skip : skip + rows * cols].reshape(rows, cols)
    kind = "f" if layout.real else "u"
    raw = np.frombuffer(data, np.dtype(f"{'<' if little else '>'}{kind}{layout.allocated // 8}"))
    if layout.photometric == "YBR_FULL_422":
        return _unpack_422(raw.reshape(rows, cols // 2, 4))
    values: NDArray[Any]
    if samples == 1:
        values = raw.reshape(rows, cols)
    elif layout.planar:
        values = interleaved(raw.reshape(samples, rows, cols))
    else:
        values = raw.reshape(rows, cols, samples)
    values = np.require(values, values.dtype.newbyteorder("="), ["C", "W"])
    return values if layout.real else unused_bits(values, layout)


def _unpack_422(raw: NDArray[Any]) -> NDArray[Any]:
    """Y1 Y2 Cb Cr of two neighbouring pixels (PS3.3 C.7.6.3.1.2) to (rows, cols, 3)."""
    rows, pairs, _ = raw.shape
    values = np.empty((rows, pairs * 2, 3), raw.dtype)
    values[:, :, 0] = raw[:, :, :2].reshape(rows, pairs * 2)
    values[:, 0::2, 1:] = raw[:, :, 2:]
    values[:, 1::2, 1:] = raw[:, :, 2:]
    return values


def unused_bits(values: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Keep `stored` bits up to `high`, extend the sign; what other bits hold (overlays, junk) is no picture."""
    size = values.itemsize * 8
    unsigned = values.view(f"u{values.itemsize}")
    left = size - 1 - layout.high
    right = size - layout.stored
    if left == 0 and right == 0:
        return unsigned.view(f"i{values.itemsize}") if layout.signed else unsigned
    shifted = np.left_shift(unsigned, left, dtype=unsigned.dtype)
    if layout.signed:
        shifted = shifted.view(f"i{values.itemsize}")
    moved: NDArray[Any] = shifted >> shifted.dtype.type(right)
    return moved
