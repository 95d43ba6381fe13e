"""Which elements of a DICOM file tell who somebody is: to hide their values from whoever looks over a shoulder.

Not a de-identification (PS3.15): nothing is removed, and what is shown may still lead to a patient by other ways.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medview.imaging.dicom_tags import TagRow

# Patient (0010), clinical trial (0012: subject and site), order (0032), visit (0038), interpretation (4008).
_GROUPS = ("(0010,", "(0012,", "(0032,", "(0038,", "(4008,")
# Names of people, dates and times, ages, and values of which nobody knows what they hold.
_KINDS = ("PN", "DA", "DT", "TM", "AS", "UN", "LT", "UT")
_TAGS = frozenset(
    (
        "(0008,0050)", "(0008,0080)", "(0008,0081)", "(0008,0092)", "(0008,0094)", "(0008,1010)", "(0008,1030)",
        "(0008,1040)", "(0018,1000)", "(0018,1004)", "(0020,0010)", "(0020,4000)", "(0040,0006)", "(0040,0007)",
        "(0040,0009)", "(0040,0253)", "(0040,0254)", "(0040,1001)", "(0040,1102)", "(0040,1103)", "(0040,2009)",
        "(0040,2010)", "(0040,2016)", "(0040,2017)", "(0088,0200)",
    )
)  # fmt: skip
# Of the patient's name and id, shorter parts occur in any text.
_LEAST = 3


class Hider:
    """Knows the patient of a file by its rows."""

    def __init__(self, rows: Iterable[TagRow]) -> None:
        self._parts: set[str] = set()
        for row in rows:
            if row.vr == "PN":
                self._add(row.value.replace("=", "^").replace("\\", "^").split("^"))
            elif row.tag in ("(0010,0020)", "(0010,1000)"):
                self._add(row.value.split("\\"))

    def _add(self, parts: Iterable[str]) -> None:
        cleaned = (part.strip().casefold() for part in parts)
        self._parts.update(part for part in cleaned if len(part) >= _LEAST or not part.isascii())
        self._parts.discard("")

    def tells(self, row: TagRow) -> bool:
        """Whether the value of a row says, or may say, who somebody is: by what it is, by being private, or by holding
        a name or id that stands elsewhere in the file."""
        if row.vr == "SQ" or not row.tag:
            return False
        if row.private or row.vr in _KINDS or row.tag.startswith(_GROUPS) or row.tag in _TAGS:
            return True
        value = row.value.casefold()
        return any(part in value for part in self._parts)
