"""The elements of a DICOM file as rows of text, for a table of tags. No pixel is read or decoded.

Everything is bounded: rows, depth, items, the length of a value, and the bytes that are looked at for it. What was left
out is said in a row of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableSequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.archive import plain_file
from medview.imaging.dicom_errors import parse_errors
from medview.imaging.dicom_header import Header, header_of
from medview.imaging.open_file import recognise

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

MAX_ROWS, MAX_DEPTH, MAX_CHARACTERS = 20_000, 16, 1024
# Items within one sequence, those within them counted: it is parsed as a whole, at 10 us each.
MAX_ITEMS = 20_000
# Bytes of a value that are converted; a multiple of 8, so that no number is torn.
_MAX_BYTES = 4096
_ITEM = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
_SHOWN_BYTES = 16


@dataclass(frozen=True)
class TagRow:
    """One element, an item of a sequence, or a remark on what was left out.

    Attributes:
        depth: how many sequences it lies in; 0 for the meta information and the dataset itself.
        tag: `(0010,0010)`; empty for items and remarks.
        vr: value representation, two letters; empty where there is none.
        name: what the standard, or pydicom's list of private elements, calls it.
        value: one line of printable text, at most `MAX_CHARACTERS`; several values are parted by a backslash.
        private: of a private group; `creator` is then whoever defined it, where the file tells.
    """

    depth: int
    tag: str
    vr: str
    name: str
    value: str
    private: bool = False
    creator: str = ""


def tags(path: Path) -> list[TagRow] | Failure:
    """The elements of a DICOM file before its pixels, meta information first. Never raises for what a file holds."""
    file = plain_file(path)
    if isinstance(file, Failure):
        return file
    known = recognise(file)
    if isinstance(known, Failure):
        return known
    with known.file:
        if known.kind != "dicom":
            return Failure(
                Code.UNKNOWN_FORMAT,
                Text("{name} is no DICOM file, and has no tags.", name=path.name),
                Text("Choose a DICOM file."),
            )
        header = header_of(file, known.file.source)
    if isinstance(header, Failure):
        return header
    rows: list[TagRow] = []
    for row in _file_rows(header):
        if len(rows) == MAX_ROWS:
            rows.append(
                TagRow(
                    0, "", "", Text("There are more elements; these are the first {max_rows:,}.", max_rows=MAX_ROWS), ""
                )
            )
            break
        rows.append(row)
    return rows


def _file_rows(header: Header) -> Iterator[TagRow]:
    meta: Any = header.dataset.file_meta
    yield from _rows(meta, 0)
    yield from _rows(header.dataset, 0)
    if header.pixel_tag:
        size = Text("compressed") if header.length < 0 else Text("{length:,} bytes", length=header.length)
        vr = {0x7FE00008: "OF", 0x7FE00009: "OD"}.get(header.pixel_tag, "OW")
        yield TagRow(0, _written(header.pixel_tag), vr, "Pixel Data", size)


def _rows(ds: Dataset, depth: int) -> Iterator[TagRow]:
    for tag in sorted(ds.keys()):
        try:
            row, element = _row(ds, tag, depth)
        except parse_errors() as error:
            yield TagRow(
                depth, _written(tag), "", Text("This element cannot be read."), _line(str(error))[:120], tag.is_private
            )
            continue
        yield row
        if element.VR == "SQ":
            yield from _items(element, depth + 1)


def _items(element: DataElement, depth: int) -> Iterator[TagRow]:
    if depth > MAX_DEPTH:
        yield TagRow(depth, "", "", Text("Deeper elements are not listed."), "")
        return
    for number, one in enumerate(element.value or (), 1):
        yield TagRow(depth, "", "", Text("Item {number}", number=number), "")
        yield from _rows(one, depth)


def _element(ds: Dataset, tag: Any) -> DataElement:
    """An element; of a long value only its beginning, of a sequence that is too long none."""
    from pydicom import hooks

    raw: Any = ds.get_item(tag)
    if raw.is_raw and len(raw.value or b"") > _MAX_BYTES:
        found: dict[str, Any] = {}
        hooks.raw_element_vr(raw, found, ds=ds)
        if found["VR"] != "SQ":
            ds[tag] = raw._replace(value=raw.value[:_MAX_BYTES])
        elif sum(map(raw.value.count, _ITEM)) > MAX_ITEMS:
            raise ValueError(f"more than {MAX_ITEMS:,} items")
    return ds[tag]


def _row(ds: Dataset, tag: BaseTag, depth: int) -> tuple[TagRow, DataElement]:
    raw: Any = ds.get_item(tag)
    length = len(raw.value or b"") if raw.is_raw else 0
    element = _element(ds, tag)
    name = str(element.name) or "Unknown"
    row = TagRow(
        depth, _written(tag), str(element.VR), name, _value(element, length), tag.is_private, _creator(ds, tag)
    )
    return row, element


def _value(element: DataElement, length: int) -> str:
    """The value as one line; `length`: its bytes in the file, 0 where that is not known any more."""
    value = element.value
    if element.VR == "SQ":
        return Text("1 item") if len(value) == 1 else Text("{count} items", count=len(value))
    if isinstance(value, bytes):
        return _bytes(value, length or len(value))
    several = value if isinstance(value, MutableSequence) else (value,)
    line = _line("\\".join("" if one is None else str(one) for one in several))
    cut = len(line) > MAX_CHARACTERS or length > _MAX_BYTES
    return line[: MAX_CHARACTERS - 1] + "…" if cut else line


def _bytes(value: bytes, length: int) -> str:
    """Bytes as text where they are some, else the first of them as numbers."""
    plain = value.rstrip(b" \0")
    if plain.isascii() and (text := plain.decode("ascii")).isprintable():
        line = text[: MAX_CHARACTERS - 1]
        return line if len(line) == len(text) and length <= _MAX_BYTES else line + "…"
    shown = value[:_SHOWN_BYTES].hex(" ") + ("…" if length > _SHOWN_BYTES else "")
    return Text("{value} ({length:,} bytes)", value=shown, length=length)


def _line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _creator(ds: Dataset, tag: BaseTag) -> str:
    """Who defined a private element: what stands in the element that reserves its block (PS3.5 7.8.1)."""
    if not tag.is_private or tag.element < 0x1000:
        return ""
    owner = ds.get((tag.group, tag.element >> 8))
    return _line(str(owner.value))[:64] if owner is not None and isinstance(owner.value, str) else ""


def _written(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
