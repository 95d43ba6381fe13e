"""The header of a DICOM file: parsed up to the pixels by pydicom, with every way a header can lie met here."""

from __future__ import annotations

import io
import logging
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.dicom_dataset import value
from medview.imaging.dicom_errors import damaged, parse_errors
from medview.imaging.dicom_inflate import DEFLATED, META_BYTES, inflate
from medview.imaging.dicom_repair import closed_sequences, first_syntax
from medview.imaging.dicom_terms import STORAGE
from medview.imaging.files import Clipped, open_source, os_failure

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

BIG_ENDIAN = b"1.2.840.10008.1.2.2"
# Headers beyond these are no headers: real ones have hundreds of elements, and enhanced ones some MB of frame groups.
MAX_HEADER_BYTES = 32 * 1024 * 1024
MAX_ELEMENTS = 20_000
# Items in a sequence, those within them counted: each takes 10 to 20 us and 700 bytes. A series of 4,000 frames has
# 30,000. A segmentation of a hundred organs has 240,000, and is read when somebody asks for it.
MAX_ITEMS, MAX_SEGMENTATION_ITEMS = 60_000, 500_000
_SEGMENTATION = STORAGE + "66."
# Nearly every header lies in the first bytes of its file: parsed from memory it takes a third of the time.
HEAD_BYTES = 128 * 1024
_PIXEL_TAGS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))


@dataclass(frozen=True)
class Header:
    """A parsed header and where the pixels are.

    Attributes:
        dataset: every element before the pixels.
        syntax: transfer syntax UID; implied when the file has no meta information.
        little: byte order of the pixels.
        pixel_tag: 0x7FE00010, 0x7FE00008 (float), 0x7FE00009 (double) or 0 when there are none.
        start: offset of the first byte of the pixel value (in the inflated data of a deflated file).
        length: declared bytes of the value, -1 when encapsulated (undefined length).
        size: bytes of the file (inflated, for a deflated one).
        stamp: (bytes, mtime in ns) of the file on disk, to see that it has not changed since.
        words: whether bytes of the pixels are swapped in pairs: big endian words (VR OW) that hold 8-bit values.
        cut: whether the file ends within an element before any pixels.
    """

    dataset: Dataset
    syntax: str
    little: bool
    pixel_tag: int
    start: int
    length: int
    size: int
    stamp: tuple[int, int]
    words: bool = False
    cut: bool = False


def quiet_pydicom() -> None:
    """Keep pydicom's remarks about unusual files off stderr: what matters becomes a note or a Failure here."""
    logger = logging.getLogger("pydicom")
    # Its remarks may quote names and dates of the patient: they do not belong in a log either.
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    import pydicom.charset
    import pydicom.config

    # Latin alphabet No. 9 (PS3.3 C.12.1.1.2), which pydicom 3.0 does not know.
    for name in ("ISO_IR 203", "ISO 2022 IR 203"):
        pydicom.charset.python_encoding.setdefault(name, "iso8859_15")
    pydicom.charset.CODES_TO_ENCODINGS.setdefault(b"\x1b-b", "iso8859_15")
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    # pydicom points its warnings at the caller, which is this package as often as pydicom itself. The same rule twice
    # is kept once by the warnings module.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"(pydicom|medview\.imaging)(\.|$)")


def read_dicom_header(path: Path) -> Header | Failure:
    """Parse a DICOM file up to its pixels."""
    source = open_source(path)
    if isinstance(source, Failure):
        return source
    with source:
        return header_of(path, source)


def header_of(path: Path, source: Clipped) -> Header | Failure:
    """`read_dicom_header` of a file that is open."""
    quiet_pydicom()
    try:
        source.seek(0)
        header = _parse(source, source.stamp)
        source.budget = None
        if isinstance(header, Failure):
            return header
        kind = str(value(header.dataset, "SOPClassUID"))
        most = MAX_SEGMENTATION_ITEMS if kind.startswith(_SEGMENTATION) else MAX_ITEMS
        return _too_many_items(most) if _has_more_items(header.dataset, most) else header
    except OSError as error:
        if error.errno is None:
            # Raised by pydicom about what it read, not by the operating system.
            return damaged(Text("The header of this DICOM file is damaged."), str(error)[:500])
        return os_failure(path, error)
    except RecursionError:
        return damaged(Text("This DICOM file nests its elements deeper than any real one does."), "RecursionError")
    except parse_errors() as error:
        return damaged(Text("The header of this DICOM file is damaged."), repr(error)[:500])


def _parse(source: Clipped, stamp: tuple[int, int]) -> Header | Failure:
    head = source.read(HEAD_BYTES)
    source.seek(0)
    if head[128:134] == b"DICM\0\0":
        # A command set (group 0000) is never in a file; pydicom would read a file of zeros as one, element by element.
        return damaged(Text("This file begins like DICOM, but nothing in it can be read."))
    plain = inflate(source) if DEFLATED.encode() in head[:META_BYTES] else None
    if isinstance(plain, Failure):
        return plain
    if plain:
        return replace(_parse_stream(plain, len(plain.getbuffer()), stamp), syntax=DEFLATED)
    if head[128:132] == b"DICM" and BIG_ENDIAN in head[:META_BYTES]:
        head = closed_sequences(head)
    try:
        header = _parse_stream(io.BytesIO(head), source.size, stamp)
    except parse_errors():
        if source.size <= len(head):
            raise
    else:
        if header.pixel_tag or source.size <= len(head):
            return _labelled(header, head)
    source.budget = MAX_HEADER_BYTES
    return _labelled(_parse_stream(source, source.size, stamp), head)


def _labelled(header: Header, head: bytes) -> Header:
    """The header with the right one of two transfer syntaxes."""
    syntax = first_syntax(head)
    return replace(header, syntax=syntax) if syntax else header


def _parse_stream(stream: Any, size: int, stamp: tuple[int, int]) -> Header:
    """The header in `stream`, up to the pixels. Raises what pydicom does."""
    from pydicom.filereader import read_partial

    where: dict[str, Any] = {}
    elements = 0

    def at_pixels(tag: BaseTag, vr: str | None, length: int) -> bool:
        nonlocal elements
        elements += 1
        if elements > MAX_ELEMENTS:
            raise ValueError("more elements than a header can have")
        # (7FE0,0001) and (7FE0,0002) before it tell where frames begin, so stop only at the value itself.
        if tag in _PIXEL_TAGS:
            where.update(tag=int(tag), vr=vr, length=length)
            return True
        return False

    dataset = read_partial(stream, at_pixels, force=True)
    implicit, little = dataset.original_encoding
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", "") or "")
    if not syntax:
        syntax = "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"
    start, length = 0, 0
    if where:
        # read_partial leaves the stream at the tag; explicit VR of pixels: tag 4, VR 2, reserved 2, length 4.
        # pydicom passes no VR in implicit VR, also where it found the label of the file to be wrong.
        start = stream.tell() + (8 if where["vr"] is None else 12)
        length = -1 if where["length"] == 0xFFFFFFFF else int(where["length"])
    words = not little and where.get("vr") == "OW"
    cut = not where and _is_cut(dataset)
    return Header(dataset, syntax, bool(little), where.get("tag", 0), start, length, size, stamp, words, cut)


def _is_cut(dataset: Dataset) -> bool:
    """Whether there are fewer bytes than the last element declares. To be asked before any value is converted."""
    last = next(reversed(list(dataset.keys())), None)
    element: Any = None if last is None else dataset.get_item(last)
    return element is not None and element.is_raw and len(element.value or b"") < element.length < 0xFFFFFFFF


def _has_more_items(dataset: Dataset, most: int) -> bool:
    """Whether the bytes of an element hold more than so many items (either byte order)."""
    values = (element.value for element in map(dataset.get_item, dataset.keys()) if element.is_raw)
    return any(
        max(data.count(b"\xfe\xff\x00\xe0"), data.count(b"\xff\xfe\xe0\x00")) > most
        for data in values
        if data is not None and len(data) > 8 * most
    )


def _too_many_items(most: int) -> Failure:
    return Failure(
        Code.TOO_LARGE,
        Text("The header of this DICOM file describes more than {most:,} items, and so it was not read.", most=most),
        Text("Export fewer frames at a time, or as an older, not enhanced series."),
    )
