"""Elements that tell who somebody is."""

from __future__ import annotations

import pytest

from medview.imaging.dicom_tags import TagRow
from medview.imaging.tag_privacy import Hider


def row(tag: str, vr: str, value: str, private: bool = False, depth: int = 0) -> TagRow:
    return TagRow(depth, tag, vr, "", value, private)


PATIENT = [
    row("(0010,0010)", "PN", "Doe^Jane=山田^花子"),
    row("(0010,0020)", "LO", "J-0815"),
    row("(0010,0040)", "CS", "F"),
]


@pytest.mark.parametrize(
    ("told", "tells"),
    [
        (PATIENT[0], True),
        (PATIENT[1], True),
        (PATIENT[2], True),
        (row("(0010,0030)", "DA", "19700716"), True),
        (row("(0008,0090)", "PN", "House^Gregory"), True),
        (row("(0040,A123)", "PN", "Roe", depth=3), True),
        (row("(0008,0020)", "DA", "20170716"), True),
        (row("(0008,0050)", "SH", "A1"), True),
        (row("(0009,1001)", "LO", "anything", private=True), True),
        (row("(0012,0040)", "LO", "subject 12"), True),
        (row("(0008,0092)", "ST", "2 High Street"), True),
        (row("(0040,1103)", "LO", "555 0199"), True),
        (row("(0018,9999)", "UN", "ab 01 (2 bytes)"), True),
        # Copies of the name and the id, in whatever element and letters.
        (row("(0018,1030)", "LO", "Thorax DOE pa"), True),
        (row("(0008,103E)", "LO", "for j-0815"), True),
        (row("(0008,103E)", "LO", "花子 頭部"), True),
        (row("(0008,103E)", "LO", "Thorax pa"), False),
        (row("(0008,0060)", "CS", "MR"), False),
        (row("(0028,0010)", "US", "512"), False),
        (row("(0008,0018)", "UI", "1.2.3"), False),
        # What holds others, and remarks, say nothing themselves.
        (row("(0010,1002)", "SQ", "1 item"), False),
        (row("", "", "", depth=1), False),
    ],
)
def test_what_tells_who_somebody_is(told: TagRow, tells: bool) -> None:
    assert Hider(PATIENT).tells(told) is tells


def test_short_parts_of_a_name_hide_nothing_else() -> None:
    hider = Hider([row("(0010,0010)", "PN", "Li^M"), row("(0010,0020)", "LO", "1")])
    assert not hider.tells(row("(0028,0010)", "US", "512"))
    assert not hider.tells(row("(0018,1030)", "LO", "Limb"))
