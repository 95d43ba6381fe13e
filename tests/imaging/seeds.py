"""One small file of every kind that medview reads, made here: a clone without the corpus tests every way to a picture.

They hold no data of anybody: the pictures are arithmetic.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import imagecodecs
import nibabel
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from tests.imaging.make import dicom, encode, exif_jpeg, photo, png, ramp_picture, tiff

ROWS, COLS = 24, 20
GREY8 = (np.add.outer(np.arange(ROWS) * 5, np.arange(COLS) * 3) % 251).astype(np.uint8)
GREY12 = (np.add.outer(np.arange(ROWS) * 97, np.arange(COLS) * 31) % 4096).astype(np.uint16)
SIGNED = (GREY12.astype(np.int32) * 8 - 16000).astype(np.int16)
RGB = np.stack([GREY8, GREY8[::-1], GREY8[:, ::-1]], axis=-1)
FRAMES = np.stack([GREY8, GREY8[::-1], 255 - GREY8])
UID = "1.2.840.10008.1.2"
BITS12 = {"BitsStored": 12, "HighBit": 11}


def packed(frames: list[bytes], syntax: str, like: NDArray[Any], **elements: Any) -> bytes:
    """A compressed DICOM file of encoded frames like `like`; with NumberOfFrames given, `frames` are items already."""
    colour = like.ndim == 3
    bits = like.itemsize * 8
    ds: dict[str, Any] = {
        "Rows": like.shape[0], "Columns": like.shape[1], "SamplesPerPixel": 3 if colour else 1,
        "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2", "BitsAllocated": bits, "BitsStored": bits,
        "HighBit": bits - 1, "PixelRepresentation": int(like.dtype.kind == "i"),
    }  # fmt: skip
    ds |= {"PlanarConfiguration": 0} if colour else {}
    ds |= {"NumberOfFrames": len(frames)} if len(frames) > 1 else {}
    return dicom(
        b"".join(frames) if "NumberOfFrames" in elements else encapsulate(frames), syntax, **{**ds, **elements}
    )


def _rle(pixels: NDArray[Any], **elements: Any) -> bytes:
    from pydicom.pixels.encoders import RLELosslessEncoder

    bits, signed = pixels.itemsize * 8, int(pixels.dtype.kind == "i")
    data = RLELosslessEncoder.encode(
        pixels.tobytes(), rows=ROWS, columns=COLS, number_of_frames=1, samples_per_pixel=3 if pixels.ndim == 3 else 1,
        bits_allocated=bits, bits_stored=bits, planar_configuration=0, pixel_representation=signed,
        photometric_interpretation="RGB" if pixels.ndim == 3 else "MONOCHROME2",
    )  # fmt: skip
    return packed([data], f"{UID}.5", pixels, **elements)


def deflated(data: bytes) -> bytes:
    """A file in explicit VR little endian as a deflated one."""
    start = data.index(b"\x08\0\x16\0")
    packer = zlib.compressobj(wbits=-15)
    meta = data[:start].replace(f"{UID}.1\0".encode(), f"{UID}.1.99".encode())
    at = meta.index(b"\x02\0\x10\0UI") + 6
    meta = meta[:at] + (len(UID) + 5 + (len(UID) + 5) % 2).to_bytes(2, "little") + meta[at + 2 :]
    return meta + packer.compress(data[start:]) + packer.flush()


def _enhanced() -> bytes:
    groups = []
    for number in range(len(FRAMES)):
        position, content, group = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, 5 * number]
        content.TemporalPositionIndex = 1
        group.PlanePositionSequence, group.FrameContentSequence = Sequence([position]), Sequence([content])
        groups.append(group)
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, orientation.ImageOrientationPatient = ["2", "1"], [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([orientation])
    return dicom(
        FRAMES, PerFrameFunctionalGroupsSequence=Sequence(groups), SharedFunctionalGroupsSequence=Sequence([shared])
    )


def _palette() -> bytes:
    elements: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, step in (("Red", 1), ("Green", 3), ("Blue", 7)):
        elements[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        elements[f"{name}PaletteColorLookupTableData"] = ((np.arange(256) * step % 256) * 257).astype("<u2").tobytes()
    return dicom(GREY8, **elements)


def _float() -> bytes:
    data = dicom(None, Rows=ROWS, Columns=COLS, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2",
                 BitsAllocated=32, FloatPixelData=(GREY12 / 7).astype("<f4").tobytes())  # fmt: skip
    return data


def _zip(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/b.dcm", data)
    return out.getvalue()


def _jpeg_lossless(pixels: NDArray[Any]) -> bytes:
    return imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=1)


def _jpeg2k(pixels: NDArray[Any]) -> bytes:
    return imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", reversible=True)


def _unsigned(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels.view(f"u{pixels.itemsize}")


def _nifti(kind: Callable[..., Any] = nibabel.Nifti1Image) -> bytes:
    return kind(np.stack([SIGNED, SIGNED + 1], axis=-1), np.diag([2.0, 2.0, 3.0, 1.0])).to_bytes()


def _nrrd(encoding: str, data: bytes) -> bytes:
    head = (
        f"NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: {COLS} {ROWS} 1\n"
        f"space directions: (2,0,0) (0,2,0) (0,0,3)\nkinds: domain domain domain\nendian: little\n"
        f"encoding: {encoding}\nspace origin: (1,2,3)\n\n"
    )
    return head.encode() + data


def _metaimage(packed: str, data: bytes) -> bytes:
    head = (
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = {packed}\n"
        f"TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 1 2 3\nElementSpacing = 2 2 3\nDimSize = {COLS} {ROWS} 1\n"
        f"ElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    return head.encode() + data


# Name: (file, stored values of the first frame where they are exact).
DICOM: dict[str, tuple[bytes, NDArray[Any] | None]] = {
    "implicit": (dicom(SIGNED, UID), SIGNED),
    "explicit": (dicom(SIGNED, f"{UID}.1"), SIGNED),
    "deflated": (deflated(dicom(SIGNED, f"{UID}.1")), SIGNED),
    "big endian": (dicom(SIGNED.astype(">i2"), f"{UID}.2"), SIGNED),
    "no preamble": (dicom(GREY8, f"{UID}.1", preamble=False), GREY8),
    "12 of 16 bits": (dicom(GREY12 | 0xF000, **BITS12, PixelRepresentation=0), GREY12),
    "32 bits": (dicom(GREY12.astype(np.uint32) * 1000), GREY12.astype(np.uint32) * 1000),
    "float": (_float(), (GREY12 / 7).astype(np.float32)),
    "rgb": (dicom(RGB), RGB),
    "rgb by plane": (dicom(RGB, PlanarConfiguration=1), None),
    "ybr full": (dicom(RGB, PhotometricInterpretation="YBR_FULL"), RGB),
    "palette": (_palette(), GREY8),
    "frames": (dicom(FRAMES), GREY8),
    "enhanced": (_enhanced(), GREY8),
    "rle": (_rle(SIGNED), SIGNED),
    "rle rgb": (_rle(RGB), RGB),
    "jpeg baseline": (packed([imagecodecs.jpeg8_encode(GREY8, level=95)], f"{UID}.4.50", GREY8), None),
    "jpeg baseline rgb": (
        packed([imagecodecs.jpeg8_encode(RGB, level=95)], f"{UID}.4.50", RGB, PhotometricInterpretation="YBR_FULL"),
        None,
    ),
    "jpeg extended": (
        packed([imagecodecs.jpeg8_encode(GREY12, level=95, bitspersample=12)], f"{UID}.4.51", GREY12, **BITS12),
        None,
    ),
    "jpeg lossless": (packed([_jpeg_lossless(_unsigned(SIGNED))], f"{UID}.4.57", SIGNED), SIGNED),
    "jpeg lossless sv1": (packed([_jpeg_lossless(GREY8)], f"{UID}.4.70", GREY8), GREY8),
    "jpeg-ls": (packed([imagecodecs.jpegls_encode(_unsigned(SIGNED))], f"{UID}.4.80", SIGNED), SIGNED),
    "jpeg-ls near": (packed([imagecodecs.jpegls_encode(GREY8, level=2)], f"{UID}.4.81", GREY8), None),
    "jpeg 2000": (packed([_jpeg2k(GREY8), _jpeg2k(FRAMES[1])], f"{UID}.4.90", GREY8), GREY8),
    "jpeg 2000 rgb": (packed([_jpeg2k(RGB)], f"{UID}.4.91", RGB, PhotometricInterpretation="YBR_RCT"), RGB),
    "htj2k": (packed([imagecodecs.htj2k_encode(GREY12, reversible=True)], f"{UID}.4.201", GREY12, **BITS12), GREY12),
}
OTHERS: dict[str, bytes] = {
    "png": png(GREY8, 0), "png rgb": png(RGB, 2), "jpeg": exif_jpeg(encode("jpg", photo(20, 24)), 6),
    "tiff": tiff([GREY8, GREY8]), "big tiff": tiff([GREY8], big=True), "bmp": encode("bmp", photo(12, 16)),
    "gif": encode("gif", photo(12, 16)), "webp": encode("webp", ramp_picture(12, 16)), "nifti": _nifti(),
    "nifti 2": _nifti(nibabel.Nifti2Image), "nifti.gz": gzip.compress(_nifti(), mtime=0), "zip": _zip(dicom(GREY8)),
    "dcm.gz": gzip.compress(dicom(GREY8), mtime=0), "zip in zip": _zip(_zip(dicom(GREY8))),
    "nrrd": _nrrd("raw", SIGNED.tobytes()), "nrrd gzip": _nrrd("gzip", gzip.compress(SIGNED.tobytes(), mtime=0)),
    "avif": imagecodecs.avif_encode(RGB, level=80, speed=8), "jpeg xl": imagecodecs.jpegxl_encode(RGB, lossless=True),
    "jpeg xl, lossy": imagecodecs.jpegxl_encode(GREY8, level=80, usecontainer=True),
    "jp2": imagecodecs.jpeg2k_encode(RGB, codecformat="jp2", reversible=True), "j2k": _jpeg2k(GREY8),
    "metaimage": _metaimage("False", SIGNED.tobytes()),
    "metaimage zlib": _metaimage("True", zlib.compress(SIGNED.tobytes())),
}  # fmt: skip


def _table(first: int, bits: int, entries: NDArray[Any]) -> Sequence:
    """A modality or VOI LUT sequence of one item."""
    lut = Dataset()
    lut.LUTDescriptor = [len(entries), first, bits]
    lut.LUTData = entries.astype("<u2").tobytes()
    lut["LUTDescriptor"].VR, lut["LUTData"].VR = "US" if first >= 0 else "SS", "OW"
    return Sequence([lut])


_CURVE = np.sqrt(np.linspace(0, 1, 4096))
# Pictures for what there is to do between stored values and the eye: name to file.
SHOWN: dict[str, bytes] = {
    "inverted": dicom(GREY12, **BITS12, PhotometricInterpretation="MONOCHROME1", WindowCenter=1500, WindowWidth=2001),
    "inverted 8 bits": dicom(GREY8, PhotometricInterpretation="MONOCHROME1", WindowCenter=128, WindowWidth=256),
    "several windows": dicom(SIGNED, WindowCenter=[40, -600, 0.5], WindowWidth=[400, 1500, 1]),
    "narrow windows": dicom(GREY8, WindowCenter=[100, 100.5, 127.5], WindowWidth=[1, 2, 3.5]),
    "rescaled": dicom(GREY12, **BITS12, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400),
    "steep": dicom(SIGNED, RescaleSlope=-3, RescaleIntercept=7, WindowCenter=1000, WindowWidth=30000),
    "fractional": dicom(
        GREY12, **BITS12, RescaleSlope=0.684, RescaleIntercept=200, WindowCenter=1600, WindowWidth=2800
    ),
    "modality table": dicom(
        GREY12, **BITS12, ModalityLUTSequence=_table(0, 16, _CURVE * 60000), WindowCenter=30000, WindowWidth=50000
    ),
    "tone curve": dicom(GREY12, **BITS12, VOILUTSequence=_table(0, 8, _CURVE * 255)),
    "tone curve of 16 bits": dicom(GREY12, **BITS12, VOILUTSequence=_table(0, 16, _CURVE[::-1] * 65535)),
    "short tone curve": dicom(SIGNED, VOILUTSequence=_table(-500, 12, np.linspace(4095, 0, 1000))),
    "sigmoid": dicom(GREY12, **BITS12, WindowCenter=2048, WindowWidth=1500, VOILUTFunction="SIGMOID"),
    "padded": dicom(SIGNED, PixelPaddingValue=int(SIGNED[0, 0]), WindowCenter=0, WindowWidth=20000),
    "10 of 16 bits, signed": dicom(
        (GREY12.astype(np.int16) // 4 - 512), BitsStored=10, HighBit=9, WindowCenter=-100, WindowWidth=555.5
    ),
}
