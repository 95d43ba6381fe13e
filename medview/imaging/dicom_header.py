"""The header of a DICOM file: parsed up to the pixels, with every way a header can lie met here.

pydicom does the parsing; it is asked for one value at a time, because a value is only converted (and only fails) when
it is asked for.
"""

from __future__ import annotations

import io
import logging
import math
import re
import struct
import threading
import warnings
import weakref
import zlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.dicom_elements import UNREAD, is_oversized, lenient_numbers, plain_value
from medview.imaging.dicom_repair import closed_sequences, first_syntax
from medview.imaging.files import Clipped, check_file, os_failure

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.2"
# A deflated file is inflated in memory; real ones are headers or single slices.
MAX_INFLATED = 256 * 1024 * 1024
# Pictures pack 2:1 to 10:1, a blank one more; zeros 1000:1. Small files may be anything.
MAX_INFLATE_RATIO, LEAST_INFLATED = 100, 32 * 1024 * 1024
_PIECE = 1024 * 1024
# Headers beyond these are no headers: real ones have hundreds of elements, and enhanced ones some MB of frame groups.
MAX_HEADER_BYTES = 32 * 1024 * 1024
MAX_ELEMENTS = 20_000
# Items in a sequence, those within them counted: each takes 10 to 20 us and 700 bytes. A series of 4,000 frames has
# 30,000. A segmentation of a hundred organs has 240,000, and is read when somebody asks for it.
MAX_ITEMS, MAX_SEGMENTATION_ITEMS = 60_000, 500_000
_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66."
# Nearly every header lies in the first bytes of its file: parsed from memory it takes a third of the time.
HEAD_BYTES = 128 * 1024
# Where the meta information of a file with the DICM prefix ends at the latest.
_INFLATE_HEAD = 132 + 4096
# Switches of character set (ISO 2022), which pydicom leaves in a text for some sets.
_ESCAPE = re.compile("\x1b[ -/]+[0-~]")
# Value representations of bytes (PS3.5 6.2).
_BYTES = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
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


def parse_errors() -> tuple[type[Exception], ...]:
    """What pydicom is known to raise on damaged files; asked for when something was raised, so imported by then.

    OSError is what it says of an element that is cut.
    """
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return (
        ValueError, TypeError, LookupError, AttributeError, NotImplementedError, ArithmeticError, AssertionError,
        OSError, EOFError, RecursionError, MemoryError, struct.error, zlib.error, BytesLengthException,
        InvalidDicomError,
    )  # fmt: skip


def damaged(text: Text, detail: str = "", code: Code = Code.CORRUPT) -> Failure:
    """A DICOM file that must not be shown."""
    hint = Text("Copy the file again from where it came from, or send it again from the archive.")
    return Failure(code, text, hint, detail)


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


def open_source(path: Path) -> Clipped | Failure:
    """The file, open for reading in pieces."""
    status = check_file(path)
    if isinstance(status, Failure):
        return status
    try:
        return Clipped(open(path, "rb"), status)
    except OSError as error:
        return os_failure(path, error)


def read_dicom_header(path: Path) -> Header | Failure:
    """Parse a DICOM file up to its pixels."""
    quiet_pydicom()
    source = open_source(path)
    if isinstance(source, Failure):
        return source
    try:
        with source:
            header = _parse(source, source.stamp)
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
    plain = inflate(source) if DEFLATED.encode() in head[:_INFLATE_HEAD] else None
    if isinstance(plain, Failure):
        return plain
    if plain:
        return replace(_parse_stream(plain, len(plain.getbuffer()), stamp), syntax=DEFLATED)
    if head[128:132] == b"DICM" and BIG_ENDIAN in head[:_INFLATE_HEAD]:
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


def inflate(source: Clipped) -> io.BytesIO | Failure | None:
    """A deflated file as if it were written in explicit VR little endian, or None when the file is not deflated.

    pydicom would inflate without a limit; a few MB can hold gigabytes of zeros.
    """
    head = source.read(_INFLATE_HEAD)
    source.seek(0)
    if head[128:132] != b"DICM" or DEFLATED.encode() not in head:
        return None
    position = 132
    meta = bytearray(head[:132])
    while position + 8 <= len(head) and head[position : position + 2] == b"\x02\x00":
        long_form = head[position + 4 : position + 6] in (b"OB", b"OW", b"UN", b"SQ", b"UT")
        (length,) = struct.unpack_from("<I" if long_form else "<H", head, position + (8 if long_form else 6))
        end = position + (12 if long_form else 8) + length
        element = head[position:end]
        if head[position : position + 4] == b"\x02\x00\x10\x00":
            if element[8:].rstrip(b"\0 ") != DEFLATED.encode():
                return None
            element = element[:6] + b"\x14\x00" + b"1.2.840.10008.1.2.1\0"
        if head[position : position + 4] != b"\x02\x00\x00\x00":
            meta += element
        position = end
    source.seek(position)
    room = min(MAX_INFLATED, max(LEAST_INFLATED, MAX_INFLATE_RATIO * source.size))
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = io.BytesIO()
    plain.write(meta)
    packed = source.read()
    # Piece by piece: the whole twice in memory would be half a gigabyte.
    while packed and not unpacker.eof:
        plain.write(unpacker.decompress(packed, _PIECE))
        packed = unpacker.unconsumed_tail
        if plain.tell() > room:
            text = Text("This compressed DICOM file is larger than medview opens.")
            return Failure(Code.TOO_LARGE, text, Text("Export it uncompressed."))
    plain.write(unpacker.flush())
    if not unpacker.eof:
        return damaged(Text("This compressed DICOM file ends too early."), "deflate stream", Code.TRUNCATED)
    plain.seek(0)
    return plain


@cache
def _tag(keyword: str) -> BaseTag:
    from pydicom.datadict import tag_for_keyword
    from pydicom.tag import Tag

    number = tag_for_keyword(keyword)
    assert number is not None
    return Tag(number)


def value(dataset: Dataset, keyword: str) -> Any:
    """The value of an element, None when it is missing, empty or cannot be read."""
    # Straight from pydicom's dictionary: a header is asked for some 70 values, and `get_item` takes longest of all.
    tag = _tag(keyword)
    element: Any = dataset._dict.get(tag)
    if element is None:
        return None
    try:
        if element.is_raw:
            vr = element.VR or _vr(tag)
            if is_oversized(element, vr):
                return None
            # Left raw where it is plain, so each time anew: still faster than an object.
            found = plain_value(element, vr)
            if found is UNREAD:
                found = dataset[tag].value
                found = None if _other_kind(found, tag) else found
        else:
            found = None if _other_kind(element.value, tag) else element.value
    except parse_errors():
        return None
    return None if found is None or (isinstance(found, str) and not found) else found


@cache
def _sequence() -> Any:
    from pydicom.sequence import Sequence

    return Sequence


def _other_kind(found: Any, tag: BaseTag) -> bool:
    """Whether a file gives a sequence, or bytes, for an element that the standard has as text or numbers."""
    if isinstance(found, _sequence()):
        return _vr(tag) != "SQ"
    return isinstance(found, bytes) and not _BYTES.intersection(_vr(tag).split(" or "))


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


@cache
def _vr(tag: BaseTag) -> str:
    """The VR of an element in a file that does not tell it."""
    from pydicom.datadict import dictionary_VR

    return dictionary_VR(tag)


def whole(dataset: Dataset, keyword: str, default: int | None = None) -> int | None:
    """A whole number, `default` when missing, empty or of another kind, None when it is no whole number."""
    found = value(dataset, keyword)
    try:
        return default if found is None else int(found)
    except (TypeError, ValueError, OverflowError):
        several = readable_numbers(dataset, keyword)
        first = several[0] if several else None
        return int(first) if first is not None and first == int(first) else None


def text(dataset: Dataset, keyword: str, length: int = 120) -> str:
    """A value as one line of printable text, at most `length` characters; empty when there is none."""
    found = value(dataset, keyword)
    return as_line(str(found), length) if found is not None else ""


def as_line(said: str, length: int = 120) -> str:
    """What a file says as one line of printable text, at most `length` characters."""
    line = " ".join(_ESCAPE.sub("", said).split())
    return line[:length] if line.isprintable() else "".join(c for c in line if c.isprintable())[:length]


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Finite numbers of an element, in order; empty when any of them cannot be read."""
    found = readable_numbers(dataset, keyword)
    return () if None in found else found  # type: ignore[return-value]


def readable_numbers(dataset: Dataset, keyword: str) -> tuple[float | None, ...]:
    """The numbers of an element in their places, None for one that cannot be read or is not finite; empty values at
    the end are left out."""
    tag = _tag(keyword)
    element: Any = dataset._dict.get(tag)
    if element is None:
        return ()
    vr = element.VR or _vr(tag)
    if element.is_raw and isinstance(element.value, bytes) and vr in ("DS", "IS"):
        if is_oversized(element, vr):
            return ()
        return tuple(map(_finite, lenient_numbers(element.value)))
    found = value(dataset, keyword)
    if found is None:
        return ()
    several = not isinstance(found, str) and hasattr(found, "__iter__")
    return tuple(map(_finite, found if several else (found,)))


def _finite(found: Any) -> float | None:
    try:
        number = float(found)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def item(dataset: Dataset, keyword: str, index: int = 0) -> Dataset | None:
    """One item of a sequence, or None."""
    sequence = value(dataset, keyword)
    if not isinstance(sequence, _sequence()):
        return None
    try:
        return sequence[index] if 0 <= index < len(sequence) else None
    except parse_errors():
        return None


def group(dataset: Dataset, keyword: str, frame: int) -> Dataset:
    """The functional group `keyword` of a frame (PS3.3 C.7.6.16): its own, the shared one, or the dataset itself."""
    for groups in _groups_of(dataset, frame):
        found = item(groups, keyword)
        if found is not None:
            return found
    return dataset


class _LastGroups(threading.local):
    """The functional groups that were asked for last in a thread: of one frame a dozen are, one after the other."""

    asked: tuple[weakref.ref[Any], int] | None = None
    found: tuple[Any, ...] = ()


_LAST = _LastGroups()


def _groups_of(dataset: Dataset, frame: int) -> tuple[Dataset, ...]:
    """The items with the functional groups of a frame: its own, then the shared ones."""
    if _LAST.asked is not None and _LAST.asked[1] == frame and _LAST.asked[0]() is dataset:
        return tuple(found for ref in _LAST.found if (found := ref()) is not None)
    own = item(dataset, "PerFrameFunctionalGroupsSequence", frame)
    shared = item(dataset, "SharedFunctionalGroupsSequence")
    groups = tuple(found for found in (own, shared) if found is not None)
    _LAST.asked, _LAST.found = (weakref.ref(dataset), frame), tuple(map(weakref.ref, groups))
    return groups
