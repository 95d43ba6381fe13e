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


def date_text(written: str) -> str:
    """A date of a DICOM file (`20170716`, `2017.07.16`, or with a time behind it) as `16 Jul 2017`.

    Empty where the file gives none; `unknown date` for what is no day of the calendar.
    """
    line = written.strip(" \0")
    if not line:
        return ""
    found = _WRITTEN.fullmatch(line)
    try:
        day = datetime.date(int(found[1]), int(found[3]), int(found[4])) if found else None
    except ValueError:
        day = None
    if day is None or day.year < _FIRST_YEAR:
        return UNKNOWN
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
