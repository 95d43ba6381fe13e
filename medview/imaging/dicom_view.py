"""What a picture shows and how it was taken, as the file says it: the way of the beam through the patient for a
projection (PS3.3 C.8.11.5.1.1, C.8.3.1, C.7.6.1.1.1), and what an MR sequence cannot show (C.8.3.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from medview.core.texts import Text
from medview.imaging.dicom_dataset import as_line, group, item, numbers, text, value
from medview.imaging.geometry import Orientation, named_orientation
from medview.imaging.study import HeaderFacts

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LATERAL = "LATERAL"
# A longer echo than the second leaves no signal of any tissue: such a number is a mistake.
LONG_ECHO_MS, LONGEST_ECHO_MS = 60, 10_000
# What is one picture of many in a series has a plane instead.
_PROJECTIONS = ("CR", "DX", "RG", "RF", "PX", "IO")
_LATERAL = {"LL", "RL", "LAT", "LLAT", "RLAT", LATERAL}
# A decubitus view is taken from the front, of a patient who lies on a side; a mediolateral one is of a breast.
_NOT_LATERAL = re.compile("DECUB|OBLIQUE|FRONTAL")


def read_facts(ds: Dataset) -> HeaderFacts:
    """What the header says the picture shows. Of an enhanced object, the first frame's region stands for all."""
    regions = [item(holder, "AnatomicRegionSequence") for holder in (ds, group(ds, "FrameAnatomySequence", 0))]
    codes = (text(region, "CodeValue", 16).upper() for region in regions if region is not None)
    kind: Any = value(ds, "ImageType") or ()
    kind = [kind] if isinstance(kind, str) else list(kind)
    return HeaderFacts(
        modality=text(ds, "Modality", 16).upper(),
        sop_class=text(ds, "SOPClassUID", 64) or text(ds.file_meta, "MediaStorageSOPClassUID", 64),
        body_part=_local_text(ds, "BodyPartExamined").upper(),
        regions=tuple(dict.fromkeys(code for code in codes if code)),
        image_type=tuple(str(one).strip().upper()[:64] for one in kind[:16]),
    )


def _local_text(ds: Dataset, keyword: str) -> str:
    """A code string, which is ASCII by the standard, in the character set of the file where it holds words of another
    language all the same; in UTF-8 where the file declares none and it is that."""
    found = value(ds, keyword)
    if not isinstance(found, str) or found.isascii():
        return text(ds, keyword, 64)
    from pydicom.charset import convert_encodings, decode_bytes

    try:
        raw = found.encode("latin-1")  # pydicom reads bytes of code strings so
        declared = value(ds, "SpecificCharacterSet")
        said = decode_bytes(raw, convert_encodings(declared), set()) if declared else raw.decode("utf-8")
    except (UnicodeError, LookupError, ValueError):
        said = found
    return as_line(said, 64)


def read_view(ds: Dataset) -> str:
    """The view in the file's own word, upper case: View Position (`PA`, `LL` ...), else the meaning of the View Code
    (`LEFT LATERAL`), else `LATERAL` where Patient Orientation says that rows run from front to back. Else empty."""
    named = text(ds, "ViewPosition", 16).upper()
    if named:
        return named
    code = item(ds, "ViewCodeSequence")
    meaning = text(code, "CodeMeaning", 64).upper() if code is not None else ""
    if meaning:
        return meaning
    along, _ = _directions(ds)
    return LATERAL if along[:1] in ("A", "P") and text(ds, "Modality") in _PROJECTIONS else ""


def read_orientation(ds: Dataset) -> Orientation | None:
    """The sides of the patient at the edges of the picture by Patient Orientation (PS3.3 C.7.6.1.1.1). None where it is
    missing, nonsense, or of an animal, whose sides have other names."""
    return None if text(ds, "AnatomicalOrientationType") == "QUADRUPED" else named_orientation(*_directions(ds))


def _directions(ds: Dataset) -> tuple[str, str]:
    """Along the rows and down the columns, the strongest direction first; empty where the file does not say."""
    said: Any = value(ds, "PatientOrientation")
    pair = [str(one) for one in said] if isinstance(said, Sequence) and not isinstance(said, str | bytes) else []
    return (pair[0], pair[1]) if len(pair) == 2 else ("", "")


def not_t1_weighted(ds: Dataset) -> Text | None:
    """Why a classic MR slice cannot be T1-weighted, in words; None where the header does not tell.

    T1 needs a short echo time, 30 ms at the most; from 60 ms on the contrast is that of T2 (Bushberg et al., The
    Essential Physics of Medical Imaging, on spin echo sequences). Echo planar imaging is for diffusion and function.
    """
    if text(ds, "Modality") != "MR":
        return None
    if "EP" in re.split("[^A-Z]+", text(ds, "ScanningSequence")):
        return Text("echo planar imaging")
    echo = numbers(ds, "EchoTime")
    if echo and LONG_ECHO_MS <= echo[0] <= LONGEST_ECHO_MS:
        return Text("an echo time of {ms:.0f} ms", ms=echo[0])
    return None


def is_lateral(view: str) -> bool:
    """Whether a view is from the side."""
    return bool(_LATERAL.intersection(re.split("[^A-Z]+", view))) and not _NOT_LATERAL.search(view)
