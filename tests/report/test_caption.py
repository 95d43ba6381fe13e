"""What is written below a saved picture: in words first, then as pixels that leave the picture alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medview.imaging.study import Frame, Origin, Place
from medview.report import caption
from medview.report.caption import LEAST_WIDTH, PAPER_RGB, caption_lines, captioned, heat_scale, mask_scale
from tests.ui.fakes import chest_analysis, mri_analysis

ORIGIN = Origin(patient_name="Yamada^Tarou=山田^太郎", patient_id="7", study_date="20170716")
IMAGE = np.random.default_rng(0).integers(0, 256, (40, 500, 3)).astype(np.uint8)


def frame(origin: Origin | None = ORIGIN, index: int = 0) -> Frame:
    place = Place(origin) if origin else None
    return Frame(Path("YAMADA.dcm"), index, 4, 4, "", lambda: np.zeros((4, 4), np.uint8), place=place)


def test_a_heatmap_names_patient_date_label_model_and_what_it_is_not() -> None:
    seen = replace(chest_analysis(frame()), validity=("one view only", "judged as a film, as you said"))
    result = next(r for r in seen.results if r.card.id == "chest-six")
    label = result.card.labels[0]
    lines = caption_lines(replace(seen, corrected=("invert",)), frame(), result, label.id, private=False)
    assert lines == [
        "Yamada, Tarou (山田 太郎), ID 7, study of 16 Jul 2017, YAMADA.dcm",
        f"Heatmap: {label.name} {(result.probabilities or {})[label.id]:.1%}",
        f"{result.card.name} (chest-six {result.card.version})",
        "One view only; judged as a film, as you said.",
        "Corrected before: inverted.",
        caption.NOTICE,
    ]
    assert "Not a medical device." in caption.NOTICE


def test_private_hides_patient_and_file() -> None:
    seen = chest_analysis(frame())
    lines = caption_lines(seen, frame(index=3), seen.results[0], seen.results[0].card.labels[0].id, private=True)
    assert lines[0] == "Patient hidden, study of 16 Jul 2017"
    assert not any("amada" in line.lower() or "ID 7" in line or "山" in line for line in lines)


def test_a_mask_says_how_much_is_outlined() -> None:
    seen = mri_analysis(frame(None))
    result = next(r for r in seen.results if r.mask is not None)
    lines = caption_lines(seen, frame(None, 4), result, None, private=False)
    assert lines[0] == "YAMADA.dcm, picture 5"
    assert lines[1].startswith(f"Outline: {result.card.labels[0].name}, {result.mask and result.mask.count} pixels, ")


def test_text_of_a_file_cannot_break_the_lines_or_fill_the_picture() -> None:
    origin = replace(ORIGIN, patient_name="a\nb\u202ec" + "x" * 1000)
    seen = chest_analysis(frame())
    lines = caption_lines(seen, frame(origin), seen.results[0], seen.results[0].card.labels[0].id, private=False)
    assert lines[0].startswith(r"a\nb\u202ec")
    assert max(map(len, lines)) <= 300


@pytest.mark.parametrize("size", [(1, 1), (300, 20), (40, 500), (10, 4096)])
def test_the_picture_stays_as_it_is(size: tuple[int, int]) -> None:
    rows, cols = size
    image = np.random.default_rng(0).integers(0, 256, (rows, cols, 3)).astype(np.uint8)
    whole = captioned(image, ["A line", "你好 " * 40], heat_scale())
    assert (whole[:rows, :cols] == image).all()
    assert whole.shape[1] == max(cols, LEAST_WIDTH)
    assert (whole[:rows, cols:] == PAPER_RGB).all()
    strip = whole[rows:]
    # Letters stand within the margins.
    assert (strip[:, :3] == PAPER_RGB).all()
    assert (strip[:, -3:] == PAPER_RGB).all()
    assert (strip[-3:] == PAPER_RGB).all()
    assert (strip != PAPER_RGB).any()


def ink(text: str) -> int:
    return int((captioned(IMAGE, [text], mask_scale())[40:] == 235).all(axis=2).sum())


def test_letters_of_many_scripts_are_drawn_and_not_the_sign_for_missing_ones() -> None:
    pen = caption._Pen(40)

    def drawn(text: str) -> bytes:
        strip = np.zeros((60, 60, 3), np.uint8)
        pen.write(strip, text, 5, 45)
        return strip.tobytes()

    letters = "éжŽ你αع한"
    assert len({drawn(letter) for letter in (*letters, "?")}) == len(letters) + 1
    assert ink("你") > 0


def test_a_line_is_broken_between_words_and_a_long_word_within() -> None:
    pen = caption._Pen(14)
    text = "Yamada, Tarou, study of 16 Jul 2017, a picture of the chest " + "A" * 200
    lines = list(pen.wrapped(text, 400))
    assert len(lines) > 3
    assert all(pen.width(line) <= 400 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert lines[0].startswith("Yamada, Tarou")


def test_the_scale_shows_the_colours_that_are_drawn() -> None:
    scale = heat_scale()
    strip = captioned(IMAGE, [], scale)[40:]
    for colour in (scale.colours[0], scale.colours[-1]):
        assert (strip == colour).all(axis=2).any()
    strip = captioned(IMAGE, [], mask_scale())[40:]
    assert (strip == (0, 214, 255)).all(axis=2).sum() > 100
