"""Dates as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.imaging.dates import UNKNOWN, date_text


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
