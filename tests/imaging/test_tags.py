"""The elements of a DICOM file as rows: exact texts, and every bound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medview.core.failures import Code, Failure
from medview.imaging import dicom_tags
from medview.imaging.dicom_tags import MAX_CHARACTERS, TagRow, tags
from tests.imaging.make import dicom

PIXELS = np.zeros((4, 6), np.uint16)
IMPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"


def rows_of(path: Path, syntax: str = "1.2.840.10008.1.2.1", **elements: object) -> dict[str, TagRow]:
    """The rows of a file by tag; of several with one tag the last."""
    path.write_bytes(dicom(PIXELS, syntax, **elements))
    found = tags(path)
    assert isinstance(found, list)
    return {row.tag: row for row in found}


@pytest.mark.parametrize("syntax", [IMPLICIT, "1.2.840.10008.1.2.1", BIG])
def test_plain_elements(tmp_path: Path, syntax: str) -> None:
    rows = rows_of(tmp_path / "a.dcm", syntax, PatientName="Yamada^Tarou", PixelSpacing=[0.5, 0.25], PatientID="")
    assert rows["(0010,0010)"] == TagRow(0, "(0010,0010)", "PN", "Patient's Name", "Yamada^Tarou")
    assert rows["(0028,0030)"] == TagRow(0, "(0028,0030)", "DS", "Pixel Spacing", "0.5\\0.25")
    assert rows["(0028,0010)"] == TagRow(0, "(0028,0010)", "US", "Rows", "4")
    assert rows["(0010,0020)"].value == ""
    assert rows["(0002,0010)"].value == syntax
    assert rows["(7FE0,0010)"] == TagRow(0, "(7FE0,0010)", "OW", "Pixel Data", "48 bytes")


def test_the_order_is_meta_information_then_by_tag(tmp_path: Path) -> None:
    written = [row.tag for row in rows_of(tmp_path / "a.dcm", PatientID="x").values()]
    assert written == sorted(written)
    assert written[0].startswith("(0002,")


def test_sequences_are_indented(tmp_path: Path) -> None:
    inner, outer = Dataset(), Dataset()
    inner.CodeMeaning = "Chest"
    outer.ViewCodeSequence = Sequence([inner])
    path = tmp_path / "a.dcm"
    path.write_bytes(dicom(PIXELS, RequestAttributesSequence=Sequence([outer, Dataset()])))
    found = tags(path)
    assert isinstance(found, list)
    at = next(n for n, row in enumerate(found) if row.tag == "(0040,0275)")
    assert [(row.depth, row.tag, row.name, row.value) for row in found[at : at + 6]] == [
        (0, "(0040,0275)", "Request Attributes Sequence", "2 items"),
        (1, "", "Item 1", ""),
        (1, "(0054,0220)", "View Code Sequence", "1 item"),
        (2, "", "Item 1", ""),
        (2, "(0008,0104)", "Code Meaning", "Chest"),
        (1, "", "Item 2", ""),
    ]


def test_private_elements_tell_their_creator(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    ds = Dataset()
    block = ds.private_block(0x0029, "MEDVIEW TEST", create=True)
    block.add_new(0x01, "LO", "secret")
    block.add_new(0x02, "OB", bytes(range(40)))
    import io

    from pydicom import dcmread

    whole = dcmread(io.BytesIO(dicom(PIXELS)))
    whole.update(ds)
    whole.save_as(path)
    found = tags(path)
    assert isinstance(found, list)
    rows = {row.tag: row for row in found}
    assert (rows["(0029,0010)"].value, rows["(0029,0010)"].private) == ("MEDVIEW TEST", True)
    assert rows["(0029,1001)"].value == "secret"
    assert (rows["(0029,1001)"].private, rows["(0029,1001)"].creator) == (True, "MEDVIEW TEST")
    assert rows["(0029,1002)"].value == "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f… (40 bytes)"
    assert not rows["(0028,0010)"].private


def test_control_characters_and_markup_are_plain_text(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "a.dcm", StudyDescription="a\r\n\x1b[31m<b>x</b>")
    assert rows["(0008,1030)"].value == "a   [31m<b>x</b>"


def test_long_values_are_cut(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "a.dcm", ImageComments="x" * 9000, WindowCenter=[1.5] * 3000, ICCProfile=b"\1" * 90_000)
    assert rows["(0020,4000)"].value == "x" * (MAX_CHARACTERS - 1) + "…"
    assert rows["(0028,1050)"].value == ("1.5\\" * MAX_CHARACTERS)[: MAX_CHARACTERS - 1] + "…"
    assert rows["(0028,2000)"].value == "01 " * 15 + "01… (90,000 bytes)"


def test_rows_items_and_depth_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.dcm"
    monkeypatch.setattr(dicom_tags, "MAX_ITEMS", 500)
    path.write_bytes(dicom(PIXELS, RequestAttributesSequence=Sequence([Dataset() for _ in range(600)])))
    found = tags(path)
    assert isinstance(found, list)
    assert ("This element cannot be read.", "more than 500 items") in [(row.name, row.value) for row in found]
    monkeypatch.setattr(dicom_tags, "MAX_ITEMS", 50_000)
    monkeypatch.setattr(dicom_tags, "MAX_ROWS", 100)
    found = tags(path)
    assert isinstance(found, list)
    assert len(found) == 101
    assert found[-1].name == "There are more elements; these are the first 100."
    deep = Dataset()
    for _ in range(20):
        outer = Dataset()
        outer.RequestAttributesSequence = Sequence([deep])
        deep = outer
    path.write_bytes(dicom(PIXELS, RequestAttributesSequence=Sequence([deep])))
    found = tags(path)
    assert isinstance(found, list)
    assert max(row.depth for row in found) == dicom_tags.MAX_DEPTH + 1
    assert "Deeper elements are not listed." in [row.name for row in found]


def test_what_is_no_dicom_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("no tags here " * 40)
    for refused in (tags(path), tags(tmp_path / "none")):
        assert isinstance(refused, Failure)
        assert refused.code in (Code.UNKNOWN_FORMAT, Code.NOT_FOUND)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(132, 900), st.integers(0, 255)), max_size=8))
def test_damage_is_a_row_or_a_failure(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    item = Dataset()
    item.CodeMeaning = "Chest"
    data = bytearray(dicom(PIXELS, PatientName="A^B", ViewCodeSequence=Sequence([item]), WindowCenter=[1, 2, 3]))
    for at, byte in changes:
        data[at % len(data)] = byte
    path = tmp_path / "a.dcm"
    path.write_bytes(data)
    found = tags(path)
    assert isinstance(found, Failure) or all(row.value.isprintable() and row.name.isprintable() for row in found)
