"""The strip below a saved picture: whose it is, what is drawn over it, by which model, and what it is not.

Drawn by OpenCV with the program's own font, so that it needs neither a display nor Qt (docs/adr/0019).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview import __version__
from medview.core import resources
from medview.core.texts import one_line, person
from medview.imaging.dates import date_text
from medview.imaging.study import Frame
from medview.inference import validity
from medview.inference.analysis import Analysis, Result
from medview.inference.corrections import in_words
from medview.report.overlay import CLEAR_BELOW, MASK_RGB, heat_colours

FONT = "medview-sans-regular.otf"
# Height of the letters in pixels: a share of the picture's width, within what can be read and what is no shouting.
LETTERS_EVERY, SMALLEST, LARGEST = 60, 14, 64
# A caption of a narrower picture would be a column of single words.
LEAST_WIDTH = 420
PAPER_RGB, INK_RGB = (24, 24, 24), (235, 235, 235)
# Longest line of text that a file can put here.
LONGEST = 300
NOTICE = f"medview {__version__}: a second look for study and research. Not a medical device."
HIDDEN = "Patient hidden"


@dataclass(frozen=True)
class Scale:
    """The colours that lie over the picture, (n, 3) RGB, with a word for each end; of a single colour for itself."""

    colours: NDArray[np.uint8]
    low: str
    high: str


def heat_scale() -> Scale:
    """The colours of a heatmap that are drawn."""
    return Scale(heat_colours()[round(CLEAR_BELOW * 255) :], "weak", "strong evidence for it")


def mask_scale() -> Scale:
    """The colour of an outline."""
    return Scale(np.array([MASK_RGB], np.uint8), "", "outlined")


def caption_lines(analysis: Analysis, frame: Frame, result: Result, label: str | None, private: bool) -> list[str]:
    """What is said below the picture of one label's heatmap, or with None of a mask. `private` leaves out patient and
    file name."""
    card = result.card
    lines = [_who(frame, private), _what(result, label), f"{card.name} ({card.id} {card.version})"]
    if analysis.validity:
        lines.append(f"{validity.one_line(analysis.validity)}.")
    if analysis.corrected:
        lines.append(f"Corrected before: {in_words(analysis.corrected)}.")
    return [one_line(line)[:LONGEST] for line in (*lines, NOTICE) if line]


def _who(frame: Frame, private: bool) -> str:
    origin = frame.place.origin if frame.place else None
    date = f"study of {day}" if origin and (day := date_text(origin.study_date)) else ""
    if private:
        return ", ".join(filter(None, (HIDDEN, date)))
    number = f"picture {frame.index + 1}" if frame.index else ""
    name = person(origin.patient_name) if origin else ""
    # Names are shared by many: without the id it might be anybody's.
    known = f"ID {origin.patient_id}" if origin and origin.patient_id else ""
    return ", ".join(filter(None, (name, known, date, frame.path.name, number)))


def _what(result: Result, label: str | None) -> str:
    card, mask = result.card, result.mask
    if label is not None:
        probability = (result.probabilities or {}).get(label)
        return f"Heatmap: {card.label(label).name}" + (f" {probability:.1%}" if probability is not None else "")
    assert mask is not None
    area = f", {mask.area_mm2:.0f} mm²" if mask.area_mm2 is not None else ""
    return f"Outline: {card.labels[0].name}, {mask.count} pixels, {mask.fraction:.2%} of the picture{area}"


def captioned(image: NDArray[np.uint8], lines: Sequence[str], scale: Scale) -> NDArray[np.uint8]:
    """`image` (rows, cols, 3) RGB with a strip below that holds the scale and the lines. Its own pixels stay as they
    are, at the top left; where it is narrower than `LEAST_WIDTH`, the rest on its right has the colour of the strip."""
    import cv2

    cols = image.shape[1]
    width = max(cols, LEAST_WIDTH)
    letters = min(max(SMALLEST, round(width / LETTERS_EVERY)), LARGEST)
    pen = _Pen(letters)
    margin, step = letters // 2, round(letters * 1.5)
    wrapped = [part for line in lines for part in pen.wrapped(line, width - 2 * margin)]
    strip = np.full(((len(wrapped) + 1) * step + 2 * margin, width, 3), PAPER_RGB, np.uint8)
    _draw_scale(strip, scale, pen, margin)
    for number, line in enumerate(wrapped, start=1):
        pen.write(strip, line, margin, margin + number * step + letters)
    right = cv2.copyMakeBorder(image, 0, 0, 0, width - cols, cv2.BORDER_CONSTANT, value=PAPER_RGB)
    return np.vstack([right, strip])


def _draw_scale(strip: NDArray[np.uint8], scale: Scale, pen: _Pen, margin: int) -> None:
    """The first line of the strip: a word, the colours, a word."""
    low = pen.width(scale.low) + margin if scale.low else 0
    left, length = margin + low, (8 if len(scale.colours) > 1 else 2) * pen.letters
    at = np.linspace(0, len(scale.colours) - 1, length).round().astype(int)
    strip[margin + pen.letters // 5 : margin + pen.letters + pen.letters // 5, left : left + length] = scale.colours[at]
    if scale.low:
        pen.write(strip, scale.low, margin, margin + pen.letters)
    pen.write(strip, scale.high, left + length + margin, margin + pen.letters)


class _Pen:
    """Text of one size. Letters that the program's font lacks come from the ones inside OpenCV."""

    def __init__(self, letters: int) -> None:
        import cv2

        self.letters = letters
        self._font: Any = cv2.FontFace("sans")
        self._font.set(str(resources.find("fonts") / FONT))  # False where it cannot be read, and "sans" stays

    def width(self, text: str) -> int:
        """Pixels that a line takes, a space at its end included."""
        return self._put(np.zeros((1, 1, 3), np.uint8), text, 0, 0)

    def write(self, strip: NDArray[np.uint8], text: str, left: int, base: int) -> None:
        """A line with its letters on the row `base`."""
        self._put(strip, text, left, base)

    def _put(self, strip: NDArray[np.uint8], text: str, left: int, base: int) -> int:
        """The column where the next letter would stand."""
        import cv2

        # Never wrapped by OpenCV, which would break words.
        row, flags = (0, 1_000_000), cv2.PUT_TEXT_ALIGN_LEFT
        end, _ = cv2.putText(strip, text, (left, base), INK_RGB, self._font, self.letters, 0, flags, row)
        return int(end[0])

    def wrapped(self, text: str, width: int) -> Iterator[str]:
        """A line as several that are at most `width` pixels wide, broken between words, a long word within it."""
        line = ""
        for word in text.split():
            longer = f"{line} {word}" if line else word
            if self.width(longer) <= width:
                line = longer
                continue
            if line:
                yield line
            while self.width(word) > width:
                fits = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or self.width(word[:n]) <= width)
                yield word[:fits]
                word = word[fits:]
            line = word
        if line:
            yield line
