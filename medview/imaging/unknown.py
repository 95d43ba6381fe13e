"""Files that are no picture here: the thing itself is named, since that is worth more than "unknown"."""

from __future__ import annotations

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.files import EMPTY_ZIP, GZIP, ZIP

KNOWN = Text(
    "Choose a DICOM, NIfTI, NRRD, MetaImage, PNG, JPEG, TIFF, BMP, WebP, GIF, AVIF, JPEG 2000 or JPEG XL file."
)
_UNPACK = Text("Unpack it first and open the pictures inside.")
# By (first bytes, where they stand): what it is and what to do next.
_OTHERS = (
    (b"%PDF", 0, Text("a PDF document"), Text("Open it in a PDF reader; export the picture itself to open it here.")),
    (ZIP, 0, Text("a ZIP archive"), Text("Open it by itself, or unpack it first and open the folder.")),
    (EMPTY_ZIP, 0, Text("an empty ZIP archive"), Text("Choose the archive with the pictures.")),
    (GZIP, 0, Text("a gzip archive"), _UNPACK),
    (b"Rar!", 0, Text("a RAR archive"), _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", 0, Text("a 7-Zip archive"), _UNPACK),
    (b"\xfd7zXZ\0", 0, Text("an xz archive"), _UNPACK),
    (b"BZh", 0, Text("a bzip2 archive"), _UNPACK),
    (b"\x28\xb5\x2f\xfd", 0, Text("a Zstandard archive"), _UNPACK),
    (b"\x04\x22\x4d\x18", 0, Text("an LZ4 archive"), _UNPACK),
    (b"LZIP", 0, Text("an lzip archive"), _UNPACK),
    (b"\x1f\x9d", 0, Text("a compress (.Z) archive"), _UNPACK),
    (b"MSCF", 0, Text("a Windows cabinet archive"), _UNPACK),
    (b"ustar", 257, Text("a tar archive"), _UNPACK),
    (b"MZ", 0, Text("a program"), Text("Choose a picture or a DICOM file.")),
    (b"\x7fELF", 0, Text("a program"), Text("Choose a picture or a DICOM file.")),
)
# Brands of the ISO container (ISO/IEC 23008-12): photos packed with HEVC or H.264.
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avci", b"avcs")


def unknown(name: str, head: bytes) -> Failure:
    """The refusal of a file called `name` that begins with `head` (some thousand bytes)."""
    for start, at, what, hint in _OTHERS:
        if head[at : at + len(start)] == start:
            return Failure(Code.UNKNOWN_FORMAT, Text("{name} is {what}, not a picture.", name=name, what=what), hint)
    text = head.lstrip()[:64].lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return Failure(
            Code.UNKNOWN_FORMAT,
            Text("{name} is a web page, not a picture.", name=name),
            Text("The download probably failed and saved an error page; download the picture again."),
        )
    if b"1.2.840.10008." in head:
        return Failure(
            Code.CORRUPT,
            Text("{name} looks like DICOM, but its beginning is damaged.", name=name),
            Text("Copy the file again from where it came from, or send it again from the archive."),
        )
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        return Failure(
            Code.UNSUPPORTED,
            Text("{name} is a HEIC photo, for which there is no free decoder.", name=name),
            Text(
                "Export it as JPEG or PNG and open that. (An iPhone takes JPEG with Camera > Formats > "
                "Most Compatible.)"
            ),
        )
    if head[4:8] == b"ftyp":
        return Failure(
            Code.UNKNOWN_FORMAT,
            Text("{name} is a film or a sound, not a picture.", name=name),
            Text("Choose a picture."),
        )
    return Failure(
        Code.UNKNOWN_FORMAT,
        Text("{name} is no picture that medview knows.", name=name),
        KNOWN,
        f"begins with {head[:16]!r}",
    )
