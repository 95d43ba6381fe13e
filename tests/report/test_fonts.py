"""The font that comes with the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QFont, QFontInfo, QFontMetricsF, QRawFont

from medview.core import resources
from medview.report import fonts


def test_both_weights_are_one_family(qapp: Any) -> None:
    family = fonts.load()
    assert family == "medview Sans"
    for weight in (QFont.Weight.Normal, QFont.Weight.DemiBold):
        font = QFont(family)
        font.setWeight(weight)
        assert QFontInfo(font).family() == family
        assert QFontInfo(font).weight() == weight


@pytest.mark.parametrize("weight", [QFont.Weight.Normal, QFont.Weight.DemiBold])
def test_it_has_latin_greek_cyrillic_and_the_signs_that_are_used(qapp: Any, weight: QFont.Weight) -> None:
    font = QFont(fonts.load())
    font.setWeight(weight)
    raw = QRawFont.fromFont(font)
    needed = "AZaz09ÄéñøŁžşİđ ĂĐƠƯ ΑΩαωάέ АЯаяёїџқ …–—·×°±≤≥→←‘’“”„«»€µ½%²³"
    assert [c for c in needed if not raw.supportsCharacter(ord(c))] == []


def test_figures_have_one_width(qapp: Any) -> None:
    font = QFont(fonts.load())
    font.setPixelSize(100)
    metrics = QFontMetricsF(font)
    assert len({round(metrics.horizontalAdvance(figure), 3) for figure in "0123456789"}) == 1


def test_it_is_small_and_its_licence_is_beside_it() -> None:
    folder = resources.find("fonts")
    assert sum((folder / name).stat().st_size for name in fonts.FILES) < 1_000_000
    assert "SIL OPEN FONT LICENSE" in (folder / "OFL.txt").read_text(encoding="utf-8")


def test_without_its_files_the_systems_font_serves(qapp: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / fonts.FILES[0]).write_bytes(b"no font")
    assert fonts.load(tmp_path) == ""
    assert "is damaged" in caplog.text
    assert "cannot be read" in caplog.text
