"""What `medview inspect` tells of a file: whether it opens, why not, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.imaging.archive import unpack
from medview.imaging.files import OpenFile
from medview.imaging.media import open_disc
from medview.imaging.open import open_recognised
from medview.imaging.open_file import Known, packed_file, recognise
from medview.imaging.study import DAMAGED_PART, CalibratedRegion, Frame, Origin, Study

OPENS, NOT_AN_IMAGE, CORRUPT, UNSUPPORTED = "opens", "refuse-not-an-image", "refuse-corrupt", "refuse-unsupported"
NOT_READ = "not-read"
_OUTCOMES = {
    Code.NO_PIXELS: NOT_AN_IMAGE,
    Code.SEGMENTATION: NOT_AN_IMAGE,
    Code.UNKNOWN_FORMAT: NOT_AN_IMAGE,
    Code.EMPTY_FILE: NOT_AN_IMAGE,
    Code.NO_IMAGES: NOT_AN_IMAGE,
    Code.UNSUPPORTED: UNSUPPORTED,
    Code.TOO_LARGE: UNSUPPORTED,
    # Not READ_ERROR: damage can send a reader beyond the file as well as a broken drive.
    Code.NOT_FOUND: NOT_READ,
    Code.NO_PERMISSION: NOT_READ,
    # Nor what says nothing of the file.
    Code.NO_ROOM: NOT_READ,
    Code.READER_FAILED: NOT_READ,
    Code.INTERNAL: NOT_READ,
}


@dataclass(frozen=True)
class Facts:
    """One file. What it does not say, or what could not be read any more, is None.

    Attributes:
        file: the path as given.
        outcome: `opens`, `refuse-not-an-image`, `refuse-corrupt` or `refuse-unsupported`; `not-read` where there is no
            such file, it may not be read, or medview itself failed.
        code, text, hint: of the `Failure`; for a file that opens: None, what it is, and an empty hint.
        frames, rows, cols: of the picture; rows and cols after any EXIF rotation.
        stored: `min`, `max` and `mean` of the first frame as it is stored (no rescale, no conversion of colours).
        study, series: their instance UIDs.
        position_mm: of the first frame, along the normal of its slice.
        view: of a projection image, in the file's own word (`PA`, `LL` ...).
        regions: calibrated regions of an ultrasound picture, each with its first and last `rows` and `cols`, the
            `steps` from pixel to pixel along (row, column), their `units` and its `kind`; empty for none.
        notes: what the user should know about how the first frame was read, damage above all.
    """

    file: str
    outcome: str
    code: str | None = None
    text: str = ""
    hint: str = ""
    modality: str | None = None
    transfer_syntax: str | None = None
    photometric: str | None = None
    frames: int | None = None
    rows: int | None = None
    cols: int | None = None
    stored: dict[str, float] | None = None
    patient_name: str | None = None
    study: str | None = None
    series: str | None = None
    position_mm: float | None = None
    view: str | None = None
    notes: tuple[Text, ...] = ()
    regions: tuple[CalibratedRegion, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As printed, in the order of the attributes."""
        return asdict(self)


def refusal(file: str, failure: Failure) -> Facts:
    """The facts of a file of which nothing but the reason is known."""
    return Facts(file, _OUTCOMES.get(failure.code, CORRUPT), str(failure.code), failure.text, failure.hint)


def inspect_file(path: Path, name: str = "", follow: bool = True) -> Facts:
    """Open a file, decode its first frame, and tell. Never raises for what it holds.

    `name` is printed for the path; `follow` as in `open_path`.
    """
    name = name or str(path)
    known = recognise(path)
    if isinstance(known, Failure):
        return refusal(name, known)
    with known.file:
        return _inspect_known(known, name, follow)


def _inspect_known(known: Known, name: str, follow: bool) -> Facts:
    if known.kind == "gzip":
        file = packed_file(known.file)
        return refusal(name, file) if isinstance(file, Failure) else inspect_file(file, name, follow=False)
    if known.kind == "dicom":
        return _inspect_dicom(known.file, name, follow)
    study = open_recognised(known, follow=follow)
    return refusal(name, study) if isinstance(study, Failure) else _opened(Facts(name, OPENS), study)


def inspect_path(path: Path) -> list[Facts]:
    """The facts of a file, or of every file in an archive, which are named `archive/member`."""
    return list(inspect_each(path))


def inspect_each(path: Path, name: str = "", step: Callable[[], None] = lambda: None) -> Iterator[Facts]:
    """`inspect_path` one by one; `step` is called now and then while an archive is unpacked."""
    name = name or str(path)
    known = recognise(path)
    if isinstance(known, Failure):
        yield refusal(name, known)
        return
    with known.file:
        if known.kind != "zip":
            yield _inspect_known(known, name, follow=True)
            return
        unpacked = unpack(known.file, step)
    if isinstance(unpacked, Failure):
        yield refusal(name, unpacked)
    elif not unpacked.members and not unpacked.refused:
        empty = Failure(
            Code.NO_IMAGES,
            Text("The archive {name} is empty.", name=path.name),
            Text("Choose the archive with the pictures."),
        )
        yield refusal(name, empty)
    else:
        for file, member in unpacked.members:
            yield inspect_file(file, f"{name}/{member}", follow=False)
        yield from (refusal(f"{name}/{member}", why) for member, why in unpacked.refused)


def _inspect_dicom(file: OpenFile, name: str, follow: bool) -> Facts:
    from medview.imaging.dicom import study_of
    from medview.imaging.dicom_dataset import text, whole
    from medview.imaging.dicom_header import header_of
    from medview.imaging.dicom_objects import is_disc
    from medview.imaging.dicom_place import read_origin, read_plane
    from medview.imaging.dicom_view import read_view

    header = header_of(file.path, file.source)
    if isinstance(header, Failure):
        return refusal(name, header)
    ds = header.dataset
    plane = read_plane(ds)
    known = _of_origin(Facts(name, OPENS), read_origin(ds))
    known = replace(
        known,
        transfer_syntax=header.syntax,
        photometric=text(ds, "PhotometricInterpretation") or None,
        frames=whole(ds, "NumberOfFrames", 1 if header.pixel_tag else None),
        rows=whole(ds, "Rows"),
        cols=whole(ds, "Columns"),
        position_mm=round(plane.offset, 6) if plane else None,
        view=read_view(ds) or None,
    )
    study = open_disc(file.path, header) if follow and is_disc(header) else study_of(file, header)
    return _refused(known, study) if isinstance(study, Failure) else _opened(known, study)


def _of_origin(facts: Facts, origin: Origin) -> Facts:
    return replace(
        facts,
        modality=origin.modality or None,
        patient_name=origin.patient_name or None,
        study=origin.study_uid or None,
        series=origin.series_uid or None,
    )


def _refused(facts: Facts, failure: Failure) -> Facts:
    why = refusal(facts.file, failure)
    return replace(facts, outcome=why.outcome, code=why.code, text=why.text, hint=why.hint)


def _opened(facts: Facts, study: Study) -> Facts:
    first = study.frames[0]
    facts = replace(facts, text=study.description, frames=len(study.frames), rows=first.rows, cols=first.cols)
    stored = _statistics(first)
    damage = (DAMAGED_PART,) if DAMAGED_PART not in first.notes and first.damage() else ()
    facts = replace(facts, notes=(*first.notes, *damage), regions=first.regions)
    return _refused(facts, stored) if isinstance(stored, Failure) else replace(facts, stored=stored or None)


def _statistics(frame: Frame) -> dict[str, float] | Failure:
    """Lowest, highest and mean stored value; NaN and infinity in float pixels do not count."""
    values = frame.stored_values()
    if isinstance(values, Failure):
        return values
    real = values.dtype.kind == "f"
    if real:
        values = values[np.isfinite(values)]
        if not values.size:
            return {}
    kind = float if real else int
    return {"min": kind(values.min()), "max": kind(values.max()), "mean": float(values.mean(dtype=np.float64))}
