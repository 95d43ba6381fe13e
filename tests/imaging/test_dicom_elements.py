"""Plain elements: what is read without pydicom is what pydicom reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from medview.core.failures import Failure
from medview.imaging.dicom_elements import UNREAD, plain_value
from medview.imaging.dicom_errors import parse_errors
from medview.imaging.dicom_header import quiet_pydicom, read_dicom_header
from medview.imaging.walk import find_files

PART = Path(__file__).parent.parent / "data" / "dicom"
VRS = ("US", "CS", "UI", "DA", "TM", "LO", "SH", "IS", "DS")


def raw(vr: str, data: bytes, little: bool = True) -> RawDataElement:
    return RawDataElement(Tag(0x00091001), vr, len(data), data, 0, False, little)


def by_pydicom(vr: str, data: bytes, little: bool, charset: str) -> Any:
    quiet_pydicom()
    ds = Dataset()
    ds.SpecificCharacterSet = charset
    ds.set_original_encoding(False, little, charset)
    ds[0x00091001] = raw(vr, data, little)
    found = ds[0x00091001].value
    return list(found) if isinstance(found, MultiValue) else found


@pytest.mark.parametrize(
    ("vr", "data", "expected"),
    [
        ("US", b"\1\2", 513), ("US", b"\1\2\3\4", UNREAD), ("US", b"\1", UNREAD), ("US", b"", UNREAD),
        ("CS", b"ORIGINAL\\AXIAL ", ["ORIGINAL", "AXIAL"]), ("UI", b"1.2.3\0", "1.2.3"), ("TM", b"1200 ", "1200"),
        ("LO", b"Doe ", "Doe"), ("LO", b"a\\b", UNREAD), ("LO", b"\x1b$B", UNREAD), ("SH", b"\xe9", UNREAD),
        ("IS", b" 12 ", 12), ("IS", b"1\\-2", [1, -2]), ("IS", b"1.5", UNREAD), ("DS", b"0.5\\1e2 ", [0.5, 100.0]),
        ("DS", b"1_0", UNREAD), ("DS", b"0,5", UNREAD), ("PN", b"Doe", UNREAD), ("UN", b"12", UNREAD),
        ("UI", b"\t1.2", UNREAD),
    ],
)  # fmt: skip
def test_by_hand(vr: str, data: bytes, expected: object):
    assert plain_value(raw(vr, data), vr) == expected


@given(
    st.sampled_from(VRS),
    st.one_of(st.binary(max_size=12), st.text("0123456789.-+eE \\\0AZ_^", max_size=12).map(str.encode)),
    st.booleans(),
    st.sampled_from(["ISO_IR 6", "ISO_IR 13", "ISO_IR 192", "GB18030", "ISO 2022 IR 87"]),
)
def test_equals_pydicom(vr: str, data: bytes, little: bool, charset: str):
    found = plain_value(raw(vr, data, little), vr)
    if found is UNREAD:
        return
    try:
        expected = by_pydicom(vr, data, little, charset)
    except parse_errors():
        expected = UNREAD
    # NaN is none of the numbers that are used either way.
    assert found == expected or found != found or (found in ("", []) and expected in (None, "", []))


@pytest.mark.parametrize("path", sorted(find_files(PART)), ids=lambda path: path.relative_to(PART).as_posix())
def test_every_plain_element_of_every_file(path: Path):
    header = read_dicom_header(path)
    if isinstance(header, Failure):
        return
    ds = header.dataset
    for tag in list(ds.keys()):
        element = ds.get_item(tag)
        if not isinstance(element, RawDataElement) or element.VR is None:
            continue
        found = plain_value(element, element.VR)
        if found is not UNREAD:
            expected = ds[tag].value
            assert found == (list(expected) if isinstance(expected, MultiValue) else expected), tag
