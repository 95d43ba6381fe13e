"""What everybody must be able to read."""

from __future__ import annotations

import re

import pytest
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QWidget

from medview.ui import theme
from medview.ui.icons import SHAPES, icon
from tests.ui.conftest import MakeWindow

GROUNDS = (theme.WINDOW, theme.PANEL, theme.BOX)


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in QColor(colour).getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    """1 to 21, WCAG 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("ground", GROUNDS)
def test_texts_and_disabled_signs_stand_out_from_every_ground(ground: str) -> None:
    assert contrast(theme.TEXT, ground) > 7
    assert contrast(theme.MUTED, ground) > 4.5
    assert contrast(theme.FAINT, ground) > 4.4
    assert contrast(theme.DISABLED, ground) > 3


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_disabled_icon_is_drawn_in_that_colour(qapp: object, name: str) -> None:
    image = icon(name).pixmap(64, QIcon.Mode.Disabled).toImage()
    solid = {
        image.pixelColor(x, y).name() for x in range(64) for y in range(64) if image.pixelColor(x, y).alpha() > 250
    }
    assert solid == {QColor(theme.DISABLED).name()}


def test_no_text_is_smaller_than_12_pixels(make_window: MakeWindow) -> None:
    assert min(map(int, re.findall(r"font-size: (\d+)px", theme.STYLE))) >= 12
    window = make_window()
    assert {widget.fontInfo().pixelSize() for widget in window.findChildren(QWidget)} >= {13}
    assert min(widget.fontInfo().pixelSize() for widget in window.findChildren(QWidget)) >= 12
