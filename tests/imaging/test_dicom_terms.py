"""The words of headers: which part of the body, which machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medview.imaging.dicom_terms import MODALITIES, PART_NAMES, body_parts, coded_parts, modality_of_class

STORAGE = "1.2.840.10008.5.1.4.1.1."


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("CHEST", {"chest"}),
        ("chest pa", {"chest"}),
        ("Thorax^01", {"chest"}),
        ("TÓRAX", {"chest"}),
        ("胸部", {"chest"}),
        ("Грудная клетка", {"chest"}),
        ("LUNG", {"lung"}),
        ("CHESTABDOMEN", {"chest", "abdomen"}),
        ("CHEST/ABDOMEN", {"chest", "abdomen"}),
        ("BRAIN", {"brain"}),
        ("Schädel", {"skull"}),
        ("HEADNECK", {"head", "neck"}),
        ("CSPINE", {"spine"}),
        ("L-SPINE", {"spine"}),
        ("Thoracic spine AP", {"spine"}),
        ("HAND LT", {"hand"}),
        ("BREAST", {"breast"}),
        ("右膝関節正面", {"knee"}),
        ("胸椎", {"spine"}),  # not a chest
        ("胸部正位", {"chest"}),
        ("무릎 AP", {"knee"}),
        ("Kręgosłup", {"spine"}),
        ("WHOLE BODY", {"body"}),
        ("", set()),
        ("UNKNOWN", set()),
        ("BRUST", set()),  # a chest or a breast
        ("\x00\n", set()),
    ],
)
def test_a_body_part_in_the_words_of_the_standard_and_of_clinics(said: str, parts: set[str]) -> None:
    assert body_parts(said) == parts


@given(st.text(max_size=200))
def test_any_text_names_known_parts_or_none(said: str) -> None:
    assert body_parts(said) <= set(PART_NAMES)


def test_a_region_by_its_old_and_its_new_code() -> None:
    assert coded_parts(("T-D3000",)) == coded_parts(("51185008",)) == coded_parts(("816094009",)) == {"chest"}
    assert coded_parts(("t-a0100", "T-D9200")) == {"brain", "knee"}
    assert coded_parts(("R-FAB56",)) == {"chest", "abdomen", "pelvis"}
    assert coded_parts(("T-99999", "")) == coded_parts(()) == frozenset()


@pytest.mark.parametrize(
    ("uid", "modality"),
    [
        (STORAGE + "1", "CR"),
        (STORAGE + "1.1", "DX"),
        (STORAGE + "1.1.1", "DX"),
        (STORAGE + "1.2", "MG"),
        (STORAGE + "1.2.1", "MG"),
        (STORAGE + "1.3", "IO"),
        (STORAGE + "13.1.3", "MG"),
        (STORAGE + "12.1", "XA"),
        (STORAGE + "2.1", "CT"),
        (STORAGE + "4.1", "MR"),
        (STORAGE + "77.1.5.1", "OP"),
        (STORAGE + "77.1.5.4", "OPT"),
        (STORAGE + "7", ""),
        (STORAGE + "7.4", ""),
        ("1.2.3", ""),
        ("", ""),
    ],
)
def test_the_class_of_an_object_tells_its_modality(uid: str, modality: str) -> None:
    assert modality_of_class(uid) == modality
    assert not modality or modality in MODALITIES
