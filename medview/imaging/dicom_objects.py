"""What a DICOM file holds: a picture, or something else that has a name."""

from __future__ import annotations

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.dicom_dataset import text, value
from medview.imaging.dicom_errors import damaged
from medview.imaging.dicom_header import Header
from medview.imaging.dicom_layout import read_layout
from medview.imaging.dicom_seg import BITS_CLASS, LABELS_CLASS
from medview.imaging.dicom_terms import STORAGE

_DISC = "1.2.840.10008.1.3.10"
# What DICOM files may hold besides pictures, by the first components of the SOP Class UID (PS3.4 B.5).
NOT_PICTURES = (
    (_DISC, Text("the table of contents of a disc (DICOMDIR)")),
    (STORAGE + "88.59", Text("a list of key images")),
    (STORAGE + "88", Text("a structured report")),
    (STORAGE + "66.4", Text("a segmentation (masks over another picture)")),
    (STORAGE + "66.7", Text("a segmentation (masks over another picture)")),
    (STORAGE + "66.5", Text("a segmentation by surfaces")),
    (STORAGE + "66.6", Text("a set of nerve tracts")),
    (STORAGE + "66", Text("a registration, fiducials or raw data")),
    (STORAGE + "67", Text("a table of what the values of a picture measure")),
    (STORAGE + "78", Text("a set of measurements of the eye")),
    (STORAGE + "79.1", Text("a set of measurements of the eye")),
    (STORAGE + "80.1", Text("a set of measurements of the eye")),
    (STORAGE + "481.10", Text("a radiotherapy intent")),
    (STORAGE + "481.11", Text("a set of radiotherapy contours")),
    *((f"{STORAGE}481.{number}", Text("a radiotherapy plan")) for number in (12, 13, 14, 15, 21, 22, 25)),
    *((f"{STORAGE}481.{number}", Text("a radiotherapy treatment record")) for number in (16, 17, 18, 19, 20)),
    (STORAGE + "481.2", Text("a radiotherapy dose")),
    (STORAGE + "481.3", Text("a set of radiotherapy contours")),
    (STORAGE + "481.4", Text("a radiotherapy treatment record")),
    (STORAGE + "481.6", Text("a radiotherapy treatment record")),
    (STORAGE + "481.7", Text("a radiotherapy treatment record")),
    (STORAGE + "481.9", Text("a radiotherapy treatment record")),
    (STORAGE + "481.5", Text("a radiotherapy plan")),
    (STORAGE + "481.8", Text("a radiotherapy plan")),
    (STORAGE + "104", Text("a document (PDF, CDA or 3-D model)")),
    (STORAGE + "9", Text("a curve over time (ECG, sound or another waveform)")),
    (STORAGE + "11", Text("a presentation state (how to show another picture)")),
    (STORAGE + "4.2", Text("a spectrum (MR spectroscopy), not a picture")),
    (STORAGE + "91", Text("a set of annotations on a microscope slide")),
    ("1.2.840.10008.5.1.4.39", Text("a colour palette")),
    ("1.2.840.10008.5.1.4.38", Text("a display protocol")),
)
_BY_MODALITY = {
    "SR": Text("a structured report"),
    "SEG": Text("a segmentation (masks over another picture)"),
    "RTDOSE": Text("a radiotherapy dose"),
    "RTSTRUCT": Text("a set of radiotherapy contours"),
    "RTPLAN": Text("a radiotherapy plan"),
    "PR": Text("a presentation state"),
    "ECG": Text("an electrocardiogram"),
    "DOC": Text("a document"),
    "KO": Text("a list of key images"),
    "ANN": Text("a set of annotations"),
    "REG": Text("a registration"),
    "AU": Text("sound"),
}


def no_picture(header: Header) -> Failure | None:
    """The refusal of a file that is valid DICOM but no picture, by the name of what it is."""
    ds = header.dataset
    sop = sop_class(header)
    name = next((words for start, words in NOT_PICTURES if f"{sop}.".startswith(f"{start}.")), "")
    if not name and not (sop and header.pixel_tag):
        # The SOP class decides (PS3.3 A.8): a scanned ECG is a picture, whatever its modality says.
        name = _BY_MODALITY.get(text(ds, "Modality").upper(), "")
    if sop.startswith(_DISC):
        return Failure(
            Code.NO_PIXELS,
            Text("This file is {name}.", name=name),
            Text("Open the folder it is in, or one of the pictures."),
        )
    if name:
        # A damaged file is called damaged, whatever it would have been.
        layout = read_layout(header) if header.pixel_tag else None
        if isinstance(layout, Failure) and layout.code is Code.CORRUPT:
            return layout
        if sop in (BITS_CLASS, LABELS_CLASS):
            hint = Text("Open the pictures it was made on first, then this file: its masks are laid over them.")
            return Failure(Code.SEGMENTATION, Text("This DICOM file is {name}.", name=name), hint, sop)
        return Failure(
            Code.NO_PIXELS,
            Text("This DICOM file is {name}.", name=name),
            Text("Open a picture of the same examination."),
            sop,
        )
    if header.pixel_tag:
        return None
    if not ds or (not sop and value(ds, "Rows") is None and len(ds) < 3):
        return damaged(Text("This file begins like DICOM, but nothing in it can be read."))
    if header.cut:
        return damaged(Text("This DICOM file ends too early, before any picture begins."), code=Code.TRUNCATED)
    return Failure(
        Code.NO_PIXELS,
        Text("This DICOM file holds no picture, or it was cut off before the picture begins."),
        Text("Choose another file of the examination, or copy this one again."),
        sop,
    )


def is_disc(header: Header) -> bool:
    """Whether a header is that of a DICOMDIR."""
    return sop_class(header).startswith(_DISC)


def sop_class(header: Header) -> str:
    """The SOP Class UID, of the meta information where the dataset has none; empty where neither has."""
    ds = header.dataset
    return str(value(ds, "SOPClassUID") or value(ds.file_meta, "MediaStorageSOPClassUID") or "")
