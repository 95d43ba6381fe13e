"""Dates of files as people read them."""

from __future__ import annotations

import datetime
import re

UNKNOWN = "unknown date"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# DICOM's (PS3.5 6.2, VR DA and DT), ACR-NEMA's with dots, and the one that programs write by mistake.
_WRITTEN = re.compile(r"(\d{4})([.-]?)(\d\d)\2(\d\d)(?:\d{2,6}(?:[.+&-].*)?)?", re.ASCII)
# Dates before are what programs write for none (00010101, 17530101).
_FIRST_YEAR = 1800
# A person older than this has a wrong date of birth.
_OLDEST = 130
_AGE = re.compile(r"(\d{1,3})([DWMY])", re.ASCII)


def day_of(written: str) -> datetime.date | None:
    """The day that a date of a DICOM file means (`20170716`, `2017.07.16`, or with a time behind it); None for what is
    no day of the calendar."""
    found = _WRITTEN.fullmatch(written.strip(" \0"))
    try:
        day = datetime.date(int(found[1]), int(found[3]), int(found[4])) if found else None
    except ValueError:
        return None
    return day if day is not None and day.year >= _FIRST_YEAR else None


def date_text(written: str) -> str:
    """A date of a DICOM file as `16 Jul 2017`.

    Empty where the file gives none; `unknown date` for what is no day of the calendar.
    """
    if not written.strip(" \0"):
        return ""
    day = day_of(written)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}" if day else UNKNOWN


def age_of(written: str, birth_date: str, study_date: str) -> tuple[int, str] | None:
    """How old a patient was at the study: a number, and `D`, `W`, `M` or `Y` for its unit as DICOM has them (VR AS).

    As the file writes it (`042Y`); else from the dates of birth and study, in years from two years on, in months from
    two months on. None where neither tells.
    """
    found = _AGE.fullmatch(written.strip(" \0").upper())
    if found and int(found[1]):
        return int(found[1]), found[2]
    born, seen = day_of(birth_date), day_of(study_date)
    if born is None or seen is None or seen < born:
        return None
    months = (seen.year - born.year) * 12 + seen.month - born.month - (seen.day < born.day)
    if months >= 24:
        return (months // 12, "Y") if months < 12 * _OLDEST else None
    return (months, "M") if months >= 2 else ((seen - born).days, "D")
