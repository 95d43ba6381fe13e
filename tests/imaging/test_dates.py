"""Dates as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.imaging.dates import UNKNOWN, age_of, date_text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("20170716", "16 Jul 2017"), ("20240229", "29 Feb 2024"), ("2017.07.16", "16 Jul 2017"),
        ("2017-07-16", "16 Jul 2017"),
        ("19040506 ", "6 May 1904"), ("20170716123000.123+0100", "16 Jul 2017"), ("2017071612", "16 Jul 2017"),
        ("", ""), ("  ", ""),
    ],
)  # fmt: skip
def test_a_date_is_told_with_its_month_as_a_word(written: str, text: str) -> None:
    assert date_text(written) == text


@pytest.mark.parametrize(
    "written",
    [
        "20230229", "20241301", "00010101", "17530101", "16/07/2017",
        "2017", "201707", "20170716x", "２０１７０７１６", "00000000", "2017.0716",
    ],
)  # fmt: skip
def test_what_is_no_day_is_an_unknown_date(written: str) -> None:
    assert date_text(written) == UNKNOWN == "unknown date"


@given(st.text(max_size=20))
def test_any_text_is_answered(written: str) -> None:
    assert date_text(written) in ("", UNKNOWN) or len(date_text(written).split(" ")) == 3


@pytest.mark.parametrize(
    ("written", "birth", "study", "age"),
    [
        ("042Y", "", "", (42, "Y")),
        ("42y ", "", "", (42, "Y")),
        ("007D", "19700101", "20170101", (7, "D")),
        ("", "19700716", "20170716", (47, "Y")),
        ("", "19700717", "20170716", (46, "Y")),
        ("", "1970.07.16", "20170716", (47, "Y")),
        ("", "20150717", "20170716", (23, "M")),
        ("", "20150716", "20170716", (2, "Y")),
        ("", "20170517", "20170716", (60, "D")),
        ("", "20170516", "20170716", (2, "M")),
        ("", "20170716", "20170716", (0, "D")),
        ("000Y", "19700716", "20170716", (47, "Y")),
        ("forty", "19700716", "20170716", (47, "Y")),
        ("", "20170717", "20170716", None),
        ("", "18500716", "20170716", None),
        ("", "", "20170716", None),
        ("", "19701399", "20170716", None),
        ("Y42", "", "", None),
    ],
)
def test_an_age_is_what_the_file_says_or_is_reckoned(
    written: str, birth: str, study: str, age: tuple[int, str] | None
) -> None:
    assert age_of(written, birth, study) == age
