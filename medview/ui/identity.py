"""Whose picture it is, in words, and what is said in their place while privacy hides it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from medview.imaging.dates import age_of, day_of
from medview.imaging.files import PICTURE_SUFFIXES
from medview.imaging.study import Origin
from medview.ui import words
from medview.workspace.listing import Entry
from medview.workspace.viewport import Viewport

translate = QCoreApplication.translate

BETWEEN = " · "
# Endings of names that tell nothing about anybody.
_ENDINGS = PICTURE_SUFFIXES | {".hdr", ".img", ".gz", ".zip"}
# What looks like the name of a file or a path, in a message.
_NAME = re.compile(r"[^\W\d][./\\]\w|\w[./\\][^\W\d]")


@dataclass(frozen=True)
class Identity:
    """What a file says of a patient and a study, ready to be read.

    Attributes:
        name: of the patient, or what stands in its place; never empty.
        details: id, date of birth, sex, age; only what the file says.
        study: date and description.
    """

    name: str
    details: tuple[str, ...] = ()
    study: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """All of it."""
        return BETWEEN.join((self.name, *self.details, *self.study))


def sex(code: str) -> str:
    """A patient's sex as DICOM writes it; what is no code of DICOM's stays as it is."""
    return {
        "M": translate("identity", "male"),
        "F": translate("identity", "female"),
        "O": translate("identity", "other sex"),
    }.get(code.upper(), words.one_line(code))


def age(origin: Origin) -> str:
    """How old the patient was at the study; empty where nothing tells."""
    found = age_of(origin.age, origin.birth_date, origin.study_date)
    if found is None:
        return ""
    count, unit = found
    # English without a translation: see `medview.ui.words`.
    if count == 1:
        return {
            "D": translate("identity", "1 day"),
            "W": translate("identity", "1 week"),
            "M": translate("identity", "1 month"),
            "Y": translate("identity", "1 year"),
        }[unit]
    return {
        "D": translate("identity", "%n days", None, count),
        "W": translate("identity", "%n weeks", None, count),
        "M": translate("identity", "%n months", None, count),
        "Y": translate("identity", "%n years", None, count),
    }[unit]


def patient_id(origin: Origin) -> str:
    """The patient's id as it is shown; empty where there is none."""
    return translate("identity", "ID {0}").format(words.one_line(origin.patient_id)) if origin.patient_id else ""


def identity_of(origin: Origin | None) -> Identity | None:
    """Of a file's origin; None for a picture that is nobody's by its file."""
    if origin is None or origin == Origin():
        return None
    born = words.date(origin.birth_date)
    if day_of(origin.birth_date):
        born = translate("identity", "born {0}").format(born)
    elif born:
        born = translate("identity", "unknown date of birth")
    details = (
        patient_id(origin),
        born,
        sex(origin.sex) if origin.sex else "",
        age(origin),
    )
    # The date first, since a long description is cut off.
    study = (words.date(origin.study_date), words.one_line(origin.study_title))
    name = words.person(origin.patient_name) or translate("identity", "No patient name")
    return Identity(name, tuple(filter(None, details)), tuple(filter(None, study)))


def hidden_patient() -> str:
    """In the place of a patient."""
    return translate("identity", "Patient hidden")


def hidden_file(path: Path) -> str:
    """In the place of a file's name, which may be a patient's."""
    ending = path.suffix.lower()
    if ending not in _ENDINGS:
        return translate("identity", "File")
    packed = Path(path.stem).suffix.lower()
    if ending == ".gz" and packed in _ENDINGS:
        ending = packed + ending
    return translate("identity", "{0} file").format(ending.removeprefix(".").upper())


def entry_name(entry: Entry, hide: bool) -> str:
    """What an entry of the list is called."""
    if not hide:
        return words.one_line(entry.title)
    origin = entry.series.origin if entry.series else None
    said = (origin.series_title or origin.modality) if origin else ""
    return words.one_line(said) or hidden_file(entry.path)


def without_name(text: str, path: Path | None, hide: bool) -> str:
    """A message with neither name nor folder of its file, where they are hidden; empty where it names another one, such
    as a member of an archive."""
    if not hide or path is None:
        return text
    instead = hidden_file(path)
    for name in (str(path), path.name, str(path.parent)):
        text = text.replace(name, instead) if len(name) > 1 else text
    # The other half of a pair of files.
    text = re.sub(rf"(?<!\w){re.escape(path.name.split('.')[0])}(\.[^\W\d]\w*)+", lambda _: instead, text)
    return "" if _NAME.search(text) else text


def shown_identity(viewport: Viewport, hide: bool) -> Identity | None:
    """Of what is shown: None for plain pictures, and where nothing is shown."""
    study = viewport.study
    place = study.frames[0].place if study else None
    found = identity_of(place.origin if place else None)
    return Identity(hidden_patient()) if found and hide else found


def shown_name(viewport: Viewport, hide: bool) -> str:
    """Of the series or file that is shown, or could not be; empty for nothing."""
    entry = viewport.shown_entry
    return entry_name(entry, hide) if entry and hide else words.one_line(viewport.title)


def window_title(viewport: Viewport, hide: bool) -> str:
    """Patient and study, or the name of the file; while they are hidden the program's name alone."""
    found = shown_identity(viewport, hide)
    said = "" if hide else found.line if found else shown_name(viewport, hide)
    return words.in_file(said, "medview") if said else "medview"
