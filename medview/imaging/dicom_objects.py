"""What a DICOM file holds: a picture, or something else that has a name."""

from __future__ import annotations

from medview.core.failures import Code, Failure
from medview.imaging.dicom_header import Header, damaged, text, value
from medview.imaging.dicom_layout import read_layout
from medview.imaging.dicom_seg import BITS_CLASS, LABELS_CLASS

_DISC, _STORAGE = "1.2.840.10008.1.3.10", "1.2.840.10008.5.1.4.1.1."
# What DICOM files may hold besides pictures, by the first components of the SOP Class UID (PS3.4 B.5).
NOT_PICTURES = (
    (_DISC, "the table of contents of a disc (DICOMDIR)"),
    (_STORAGE + "88.59", "a list of key images"),
    (_STORAGE + "88", "a structured report"),
    (_STORAGE + "66.4", "a segmentation (masks over another picture)"),
    (_STORAGE + "66.7", "a segmentation (masks over another picture)"),
    (_STORAGE + "66.5", "a segmentation by surfaces"),
    (_STORAGE + "66.6", "a set of nerve tracts"),
    (_STORAGE + "66", "a registration, fiducials or raw data"),
    (_STORAGE + "67", "a table of what the values of a picture measure"),
    (_STORAGE + "78", "a set of measurements of the eye"),
    (_STORAGE + "79.1", "a set of measurements of the eye"),
    (_STORAGE + "80.1", "a set of measurements of the eye"),
    (_STORAGE + "481.10", "a radiotherapy intent"),
    (_STORAGE + "481.11", "a set of radiotherapy contours"),
    *((f"{_STORAGE}481.{number}", "a radiotherapy plan") for number in (12, 13, 14, 15, 21, 22, 25)),
    *((f"{_STORAGE}481.{number}", "a radiotherapy treatment record") for number in (16, 17, 18, 19, 20)),
    (_STORAGE + "481.2", "a radiotherapy dose"),
    (_STORAGE + "481.3", "a set of radiotherapy contours"),
    (_STORAGE + "481.4", "a radiotherapy treatment record"),
    (_STORAGE + "481.6", "a radiotherapy treatment record"),
    (_STORAGE + "481.7", "a radiotherapy treatment record"),
    (_STORAGE + "481.9", "a radiotherapy treatment record"),
    (_STORAGE + "481.5", "a radiotherapy plan"),
    (_STORAGE + "481.8", "a radiotherapy plan"),
    (_STORAGE + "104", "a document (PDF, CDA or 3-D model)"),
    (_STORAGE + "9", "a curve over time (ECG, sound or another waveform)"),
    (_STORAGE + "11", "a presentation state (how to show another picture)"),
    (_STORAGE + "4.2", "a spectrum (MR spectroscopy), not a picture"),
    (_STORAGE + "91", "a set of annotations on a microscope slide"),
    ("1.2.840.10008.5.1.4.39", "a colour palette"),
    ("1.2.840.10008.5.1.4.38", "a display protocol"),
)
_BY_MODALITY = {
    "SR": "a structured report", "SEG": "a segmentation (masks over another picture)", "RTDOSE": "a radiotherapy dose",
    "RTSTRUCT": "a set of radiotherapy contours", "RTPLAN": "a radiotherapy plan", "PR": "a presentation state",
    "ECG": "an electrocardiogram", "DOC": "a document", "KO": "a list of key images", "ANN": "a set of annotations",
    "REG": "a registration", "AU": "sound",
}  # fmt: skip


def no_picture(header: Header) -> Failure | None:
    """The refusal of a file that is valid DICOM but no picture, by the name of what it is."""
    ds = header.dataset
    sop = sop_class(header)
    name = next((words for start, words in NOT_PICTURES if f"{sop}.".startswith(f"{start}.")), "")
    if not name and not (sop and header.pixel_tag):
        # The SOP class decides (PS3.3 A.8): a scanned ECG is a picture, whatever its modality says.
        name = _BY_MODALITY.get(text(ds, "Modality").upper(), "")
    if sop.startswith(_DISC):
        return Failure(Code.NO_PIXELS, f"This file is {name}.", "Open the folder it is in, or one of the pictures.")
    if name:
        # A damaged file is called damaged, whatever it would have been.
        layout = read_layout(header) if header.pixel_tag else None
        if isinstance(layout, Failure) and layout.code is Code.CORRUPT:
            return layout
        if sop in (BITS_CLASS, LABELS_CLASS):
            hint = "Open the pictures it was made on first, then this file: its masks are laid over them."
            return Failure(Code.SEGMENTATION, f"This DICOM file is {name}.", hint, sop)
        return Failure(Code.NO_PIXELS, f"This DICOM file is {name}.", "Open a picture of the same examination.", sop)
    if header.pixel_tag:
        return None
    if not ds or (not sop and value(ds, "Rows") is None and len(ds) < 3):
        return damaged("This file begins like DICOM, but nothing in it can be read.")
    if header.cut:
        return damaged("This DICOM file ends too early, before any picture begins.", code=Code.TRUNCATED)
    return Failure(
        Code.NO_PIXELS,
        "This DICOM file holds no picture, or it was cut off before the picture begins.",
        "Choose another file of the examination, or copy this one again.",
        sop,
    )


def is_disc(header: Header) -> bool:
    """Whether a header is that of a DICOMDIR."""
    return sop_class(header).startswith(_DISC)


def sop_class(header: Header) -> str:
    """The SOP Class UID, of the meta information where the dataset has none; empty where neither has."""
    ds = header.dataset
    return str(value(ds, "SOPClassUID") or value(ds.file_meta, "MediaStorageSOPClassUID") or "")
