"""Small pictures and DICOM files, made byte by byte or with the libraries that are there anyway."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset

MR = "1.2.840.10008.5.1.4.1.1.4"


def ramp_picture(rows: int = 40, cols: int = 60) -> NDArray[np.uint8]:
    """RGB without any symmetry: every orientation of it is another picture."""
    y, x = np.mgrid[0:rows, 0:cols]
    return np.stack([(x * 4) % 256, 255 - (x * 4) % 256, (y * 6) % 256], axis=-1).astype(np.uint8)


def photo(rows: int = 96, cols: int = 128) -> NDArray[np.uint8]:
    """A smooth colour picture with structure everywhere, as JPEG likes it (BGR)."""
    noise = np.random.default_rng(3).integers(0, 256, (rows, cols, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)


def encode(kind: str, bgr: NDArray[Any], *options: int) -> bytes:
    """A picture file by OpenCV; `kind` is the extension."""
    return cv2.imencode("." + kind, bgr, list(options))[1].tobytes()


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(values: NDArray[Any], colour: int, bits: int = 8, size: tuple[int, int] | None = None, *extra: bytes) -> bytes:
    """A PNG of (rows, cols[, samples]) values (bits 8 or 16), declared as `size` (rows, cols) if given."""
    rows, cols = size or values.shape[:2]
    raw = values.astype(">u2" if bits == 16 else np.uint8)
    lines = b"".join(b"\0" + line.tobytes() for line in raw)
    head = struct.pack(">IIBBBBB", cols, rows, bits, colour, 0, 0, 0)
    body = [chunk(b"IHDR", head), *extra, chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def exif(orientation: int) -> bytes:
    """An EXIF block that says nothing but the orientation."""
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)


def exif_jpeg(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG with an EXIF segment put in after its start marker."""
    body = b"Exif\0\0" + exif(orientation)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def tiff(pages: list[NDArray[Any]], photometric: int = 1, big: bool = False, **tags: tuple[int, int]) -> bytes:
    """An uncompressed little-endian TIFF or BigTIFF; `tags` are further entries t<number>=(type, value)."""
    out = bytearray(b"II+\0\x08\0\0\0" + bytes(8) if big else b"II*\0" + bytes(4))
    link, word = (8, "Q") if big else (4, "I")
    for values in pages:
        rows, cols = values.shape[:2]
        samples = values.shape[2] if values.ndim == 3 else 1
        data_at = len(out)
        out += values.tobytes()
        sample_format = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
        kind = 16 if big else 4
        entries = {256: (4, cols), 257: (4, rows), 259: (3, 1), 262: (3, photometric), 273: (kind, data_at)}
        entries |= {277: (3, samples), 278: (4, rows), 279: (kind, values.nbytes), 339: (3, sample_format)}
        entries |= {258: (3, values.itemsize * 8)} if samples == 1 else {}
        entries |= {int(name[1:]): entry for name, entry in tags.items()}
        struct.pack_into("<" + word, out, link, len(out))
        out += struct.pack("<Q" if big else "<H", len(entries) + (samples > 1))
        if samples > 1:
            entries[258] = (3, 0)
        bits_at = len(out) + len(entries) * (20 if big else 12) + (8 if big else 4)
        for number, (field, value) in sorted(entries.items()):
            many = number == 258 and samples > 1
            out += struct.pack("<HH" + word + word, number, field, samples if many else 1, bits_at if many else value)
        link = len(out)
        out += bytes(8 if big else 4) + struct.pack("<H", values.itemsize * 8) * samples
    return bytes(out)


def dicom(
    pixels: NDArray[Any] | bytes | None, syntax: str = "1.2.840.10008.1.2.1", preamble: bool = True, **elements: Any
) -> bytes:
    """A DICOM file of `pixels`, (rows, cols) or (rows, cols, 3) or (frames, rows, cols); elements override."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = elements.get("SOPClassUID", MR)
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = syntax
    ds = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = MR, "1.2.3", "MR"
    if isinstance(pixels, np.ndarray):
        rgb = pixels.ndim == 3 and pixels.shape[2] == 3
        ds.Rows, ds.Columns = pixels.shape[:2] if rgb else pixels.shape[-2:]
        ds.SamplesPerPixel = 3 if rgb else 1
        ds.PhotometricInterpretation = "RGB" if rgb else "MONOCHROME2"
        if pixels.ndim == 3 and not rgb:
            ds.NumberOfFrames = len(pixels)
        ds.BitsAllocated = ds.BitsStored = pixels.itemsize * 8
        ds.HighBit = ds.BitsStored - 1
        ds.PixelRepresentation = int(pixels.dtype.kind == "i")
        if rgb:
            ds.PlanarConfiguration = 0
    for name, value in elements.items():
        setattr(ds, name, value)
    if pixels is not None:
        ds.PixelData = pixels.tobytes() if isinstance(pixels, np.ndarray) else pixels
        ds["PixelData"].VR = "OB" if ds.get("BitsAllocated", 8) <= 8 else "OW"
        ds["PixelData"].is_undefined_length = syntax.startswith("1.2.840.10008.1.2.4") or syntax.endswith(".1.2.5")
    out = io.BytesIO()
    ds.set_original_encoding(syntax.endswith("10008.1.2"), not syntax.endswith("1.2.2"))
    ds.save_as(out, enforce_file_format=False)
    data = out.getvalue()
    return data if preamble else data[132:]
