"""Whose picture a DICOM file is, and where each of its frames belongs: the elements that group and order series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medview.imaging.dicom_dataset import group, numbers, text, value, whole
from medview.imaging.geometry import Plane, make_plane
from medview.imaging.study import ObjectPart, Origin, Place

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# Three groups of a name have 64 characters each (PS3.5 6.2); real files exceed it.
_NAME_LENGTH = 300


def read_origin(ds: Dataset) -> Origin:
    """Patient, study and series of a header. Missing and damaged elements are empty."""
    return Origin(
        patient_name=text(ds, "PatientName", _NAME_LENGTH),
        patient_id=text(ds, "PatientID"),
        study_uid=text(ds, "StudyInstanceUID"),
        study_date=text(ds, "StudyDate"),
        study_title=text(ds, "StudyDescription"),
        series_uid=text(ds, "SeriesInstanceUID"),
        series_number=whole(ds, "SeriesNumber"),
        series_title=text(ds, "SeriesDescription"),
        modality=text(ds, "Modality")[:16],
        birth_date=text(ds, "PatientBirthDate", 32),
        sex=text(ds, "PatientSex", 16),
        age=text(ds, "PatientAge", 16),
    )


def read_plane(ds: Dataset, frame: int = 0) -> Plane | None:
    """The plane of a frame in the patient (PS3.3 C.7.6.2, C.7.6.16.2.3), None when it is not given whole."""
    return _plane(ds, frame, numbers(group(ds, "PlanePositionSequence", frame), "ImagePositionPatient"))


def _plane(ds: Dataset, frame: int, position: tuple[float, ...]) -> Plane | None:
    if not position:
        return None
    orientation = numbers(group(ds, "PlaneOrientationSequence", frame), "ImageOrientationPatient")
    spacing = numbers(group(ds, "PixelMeasuresSequence", frame), "PixelSpacing")
    pair = (spacing[0], spacing[1]) if len(spacing) == 2 and min(spacing) > 0 else None
    return make_plane(position, orientation, pair, text(ds, "FrameOfReferenceUID"))


@dataclass(frozen=True)
class FilePlace:
    """What is the same for all frames of a file (`same`: fields of `Place`), and what holds for those that do not say
    it themselves: time, acquisition number and echo as in `Place`."""

    same: dict[str, Any]
    time: tuple[float, float, float]
    acquisition: int | None
    echo: str


def read_place(ds: Dataset, common: FilePlace, frame: int = 0) -> Place:
    """Where a frame belongs among the others of its series; `common`: what its file says for all."""
    content = group(ds, "FrameContentSequence", frame)
    echo = numbers(group(ds, "MREchoSequence", frame), "EffectiveEchoTime")
    temporal = numbers(content, "TemporalPositionIndex")
    position = numbers(group(ds, "PlanePositionSequence", frame), "ImagePositionPatient")
    thickness = numbers(group(ds, "PixelMeasuresSequence", frame), "SliceThickness")
    moment = value(content, "FrameAcquisitionDateTime") if content is not ds else None
    first, acquired, trigger = common.time
    return Place(
        **common.same,
        plane=_plane(ds, frame, position),
        time=(temporal[0] if temporal else first, acquired if moment is None else _seconds(str(moment)), trigger),
        acquisition=whole(content, "FrameAcquisitionNumber") if content is not ds else common.acquisition,
        echo=f"{echo[0]:g}" if echo else common.echo,
        position=(position[0], position[1], position[2]) if len(position) == 3 else None,
        thickness=thickness[0] if thickness and thickness[0] > 0 else None,
        dimensions=tuple(map(int, numbers(content, "DimensionIndexValues"))),
        in_stack=_in_stack(content),
    )


def file_place(ds: Dataset, origin: Origin) -> FilePlace:
    """What a file says of the place of all its frames."""
    echo = numbers(ds, "EchoTime") or numbers(ds, "EchoNumbers")
    temporal, trigger = numbers(ds, "TemporalPositionIdentifier"), numbers(ds, "TriggerTime")
    tilt, location = numbers(ds, "GantryDetectorTilt"), numbers(ds, "SliceLocation")
    same = {
        "origin": origin, "uid": text(ds, "SOPInstanceUID"), "number": whole(ds, "InstanceNumber"),
        "kind": text(ds, "ImageType"), "tilt": tilt[0] if tilt else 0.0, "location": location[0] if location else None,
        "part": _part(ds), "representative": _representative(ds),
    }  # fmt: skip
    time = (temporal[0] if temporal else 0.0, _acquired(ds), trigger[0] if trigger else 0.0)
    return FilePlace(same, time, whole(ds, "AcquisitionNumber"), f"{echo[0]:g}" if echo else "")


def _representative(ds: Dataset) -> int:
    """Index of the frame that a file of several opens at: the one it names, else the first; -1 for a single one."""
    count = whole(ds, "NumberOfFrames", 1) or 1
    named = whole(ds, "RepresentativeFrameNumber") or 1
    return -1 if count <= 1 else named - 1 if 1 <= named <= count else 0


def _part(ds: Dataset) -> ObjectPart | None:
    number, first = whole(ds, "InConcatenationNumber"), whole(ds, "ConcatenationFrameOffsetNumber")
    if number is None and first is None:
        return None
    return ObjectPart(text(ds, "ConcatenationUID"), number, whole(ds, "InConcatenationTotalNumber"), first)


def _in_stack(content: Dataset) -> tuple[int, str, int] | None:
    """The stack of a frame, by its number where its name is one, and by its name; and the position in it."""
    position = whole(content, "InStackPositionNumber")
    if position is None:
        return None
    stack = text(content, "StackID", 16)
    return _number(stack), stack, position


def _acquired(ds: Dataset) -> float:
    """When a picture was acquired, in seconds, for comparing only; 0 when the file does not say."""
    moment = value(ds, "AcquisitionDateTime")
    if moment is not None:
        return _seconds(str(moment))
    time = value(ds, "AcquisitionTime")
    return _seconds((text(ds, "AcquisitionDate") or "00000000")[:8] + str(time)) if time is not None else 0.0


def _seconds(moment: str) -> float:
    """YYYYMMDDHHMMSS.F as seconds since nothing in particular; parts that are missing or nonsense count as 0."""
    digits, _, fraction = moment.replace(":", "").partition(".")
    days = _number(digits[:4]) * 372 + _number(digits[4:6]) * 31 + _number(digits[6:8])
    seconds = _number(digits[8:10]) * 3600 + _number(digits[10:12]) * 60 + _number(digits[12:14])
    part = fraction.split("+")[0].split("-")[0].strip()
    return days * 86400.0 + seconds + (float(f"0.{part}") if part.isdecimal() and part.isascii() else 0.0)


def _number(digits: str) -> int:
    return int(digits) if digits.isdecimal() and digits.isascii() else 0
