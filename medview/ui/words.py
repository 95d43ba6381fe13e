"""Numbers and codes as people read them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QDate, QLocale

from medview.core.failures import Code, Failure
from medview.core.texts import Text, fill
from medview.core.texts import one_line as one_line
from medview.core.texts import person as person
from medview.imaging.dates import day_of
from medview.imaging.mpr import AXES
from medview.imaging.study import Frame
from medview.imaging.volume import MprPlane
from medview.inference.corrections import INVERT, Correction, quarter_turns
from medview.inference.quality import QualityNote
from medview.report.known import Mistake
from medview.report.overlay import drawn

translate = QCoreApplication.translate
# The context in which translators find the texts of the rings below (`medview.core.texts.Text`).
TEXTS = "medview"


def shown(text: str) -> str:
    """A text from below the window in the user's language, each Text among its arguments as well; data as it stands."""
    if not isinstance(text, Text):
        return text
    template = translate(TEXTS, text.template, None, -1 if text.number is None else text.number)
    args = {name: shown(value) if isinstance(value, str) else value for name, value in text.args.items()}
    try:
        return fill(template, args)
    except (LookupError, ValueError):
        # The translation has other places than the English text.
        return fill(text.template, args, text.number)


def told(one: Failure | QualityNote) -> str:
    """What happened and what to do next, in one line."""
    return f"{shown(one.text)} {shown(one.hint)}"


def named(name: str, value: str) -> str:
    """A value behind its name."""
    return translate("words", "{0}: {1}").format(name, value)


def beside(text: str, more: str) -> str:
    """A text with what belongs to it in brackets."""
    return translate("words", "{0} ({1})").format(text, more)


def in_file(name: str, title: str) -> str:
    """The title of a window that shows something of a file."""
    # Qt takes `[*]` for the place of the mark of an unsaved file, unless it stands there twice.
    return translate("words", "{0} - {1}").format(name, title).replace("[*]", "[*]" * 2)


def date(written: str) -> str:
    """A date of a DICOM file, its month as a word, since 7/8 is another day elsewhere; empty where there is none."""
    if not written.strip(" \0"):
        return ""
    day = day_of(written)
    if day is None:
        return translate("words", "unknown date")
    return QLocale().toString(QDate(day.year, day.month, day.day), "d MMM yyyy")


def plane(name: MprPlane) -> str:
    """What a plane is called."""
    return {
        "axial": translate("words", "Axial"),
        "coronal": translate("words", "Coronal"),
        "sagittal": translate("words", "Sagittal"),
    }[name]


def position(name: MprPlane, frame: Frame) -> str:
    """Where a slice lies in the patient: mm to the right or left, front (A) or back (P), head or feet."""
    plane = frame.place.plane if frame.place else None
    if plane is None:
        return ""
    axis = AXES[name]
    below, above = ("RL", "AP", "FH")[axis]
    at = plane.position[axis]
    return translate("words", "{0} {1} mm").format(above if at >= 0 else below, number(abs(at), 1))


def percent(share: float, digits: int = 1) -> str:
    """0-1 as per cent. Never rounded to certainty: 0.9999 is "> 99.9 %"."""
    locale, step = QLocale(), 10.0**-digits
    value = share * 100
    if 0 < value < step / 2:
        return f"< {locale.toString(step, 'f', digits)} %"
    if 100 - step / 2 < value < 100:
        return f"> {locale.toString(100 - step, 'f', digits)} %"
    return f"{locale.toString(value, 'f', digits)} %"


def unbroken(text: str) -> str:
    """A text whose numbers stay in one line with their signs."""
    return text.replace(" %", "\u00a0%")


# A number with its noun. Without a translation Qt shows the English text as it is, so that one is a text of its own; in
# the others a translator gives as many forms as the language has (%n).


def files(count: int) -> str:
    """How many files."""
    return translate("words", "1 file") if count == 1 else translate("words", "%n files", None, count)


def series(count: int) -> str:
    """How many series."""
    return translate("words", "%n series", None, count)


def pictures(count: int) -> str:
    """How many pictures."""
    return translate("words", "1 picture") if count == 1 else translate("words", "%n pictures", None, count)


def milliseconds(ms: float) -> str:
    """A time people can compare."""
    if ms >= 10_000:
        return translate("words", "{0} s").format(QLocale().toString(ms / 1000, "f", 1))
    return translate("words", "{0} ms").format(QLocale().toString(ms, "f", 0 if ms >= 10 else 1))


def short(value: float) -> str:
    """With four digits that count."""
    return f"{value:.4g}"


def number(value: float, digits: int = 0) -> str:
    """With the language's own separators."""
    return QLocale().toString(float(value), "f", digits)


def provider(name: str) -> str:
    """`CPUExecutionProvider` is the CPU."""
    return {"CUDA": "GPU (CUDA)"}.get(name.removesuffix("ExecutionProvider"), name.removesuffix("ExecutionProvider"))


def listed(names: Iterable[str]) -> str:
    """Names in a row."""
    return ", ".join(names)


def correction(name: Correction) -> str:
    """What the button of a correction says."""
    if name == INVERT:
        return translate("words", "Invert the picture")
    return translate("words", "Rotate by {0}° clockwise").format(quarter_turns((name,)) * 90)


def corrected(name: Correction) -> str:
    """What was corrected."""
    if name == INVERT:
        return translate("words", "inverted")
    return translate("words", "rotated by {0}° clockwise").format(quarter_turns((name,)) * 90)


def progress(text: str) -> str:
    """What the engine says it is doing, in the user's language, as a sentence's start."""
    said = shown(text)
    return said[:1].upper() + said[1:]


def no_evidence(heat: NDArray[np.float32]) -> str:
    """Why there is nothing to see of a heatmap (h, w), 0-1, that is on; empty where there is something."""
    if drawn(heat):
        return ""
    if not heat.any():
        return translate("words", "No evidence for this label in this picture.")
    return translate("words", "Too little evidence for this label to be drawn, beside that for the others.")


def mistakes(found: Iterable[Mistake]) -> list[str]:
    """What the models say wrongly of a sample: a sentence for each model, and for each way to be wrong."""
    labels: dict[tuple[str, bool], list[str]] = {}
    for one in found:
        labels.setdefault((one.model, one.flagged), []).append(one.label)
    return [_mistake(model, names, flagged) for (model, flagged), names in labels.items()]


def _mistake(model: str, labels: list[str], flagged: bool) -> str:
    if model:
        flags = translate("words", "{0} flags what is not there: {1}.")
        misses = translate("words", "{0} does not flag what is there: {1}.")
        return (flags if flagged else misses).format(model, listed(labels))
    if flagged:
        return translate("words", "It is none of the pictures that medview judges, and it was judged.")
    return translate("words", "It was not judged, although medview has models for it.")


def small_start(sentence: str) -> str:
    """A sentence as it goes on behind a colon."""
    return sentence[:1].lower() + sentence[1:]


def title(code: Code) -> str:
    """A few words for a failure code: the title of its message."""
    return {
        Code.NOT_FOUND: translate("words", "The file is not there"),
        Code.NO_PERMISSION: translate("words", "The file may not be read"),
        Code.READ_ERROR: translate("words", "The file cannot be read"),
        Code.EMPTY_FILE: translate("words", "The file is empty"),
        Code.UNKNOWN_FORMAT: translate("words", "Not a picture"),
        Code.UNSUPPORTED: translate("words", "A kind of file medview does not read"),
        Code.CORRUPT: translate("words", "The file is damaged"),
        Code.TRUNCATED: translate("words", "The file is incomplete"),
        Code.TOO_LARGE: translate("words", "The picture is too large"),
        Code.NO_PIXELS: translate("words", "There is no picture in this file"),
        Code.SEGMENTATION: translate("words", "Masks over other pictures"),
        Code.OTHER_PICTURES: translate("words", "It belongs to other pictures"),
        Code.NO_SUCH_FRAME: translate("words", "There is no such frame"),
        Code.NO_IMAGES: translate("words", "No picture was found"),
        Code.NO_ROOM: translate("words", "There was no room"),
        Code.READER_FAILED: translate("words", "The file was not looked at"),
        Code.OTHER_MODALITY: translate("words", "No model for this examination"),
        Code.OTHER_KIND: translate("words", "Not a picture medview judges"),
        Code.AGAINST_HEADER: translate("words", "Its header says something else"),
        Code.UNFAMILIAR: translate("words", "Unlike the pictures the models know"),
        Code.WRONG_MODEL: translate("words", "The model does not fit the picture"),
        Code.TOO_SMALL: translate("words", "The picture is small"),
        Code.WRONG_SHAPE: translate("words", "Not the shape of an examination"),
        Code.BLANK: translate("words", "Nothing to see"),
        Code.TOO_DARK: translate("words", "The picture is too dark"),
        Code.TOO_BRIGHT: translate("words", "The picture is too bright"),
        Code.LOW_CONTRAST: translate("words", "There is too little contrast"),
        Code.SATURATED: translate("words", "The picture is burnt out"),
        Code.BLURRED: translate("words", "The picture is blurred"),
        Code.PHOTO: translate("words", "A photo of a film"),
        Code.INVERTED: translate("words", "This looks like a negative"),
        Code.ROTATED: translate("words", "The film is not upright"),
        Code.LATERAL: translate("words", "A lateral view"),
        Code.OTHER_SEQUENCE: translate("words", "Another MR sequence"),
        Code.NO_LUNGS: translate("words", "Lungs not found"),
        Code.NO_MODEL: translate("words", "No model for this picture"),
        Code.MODEL_DAMAGED: translate("words", "A model is damaged"),
        Code.MODEL_SELF_TEST: translate("words", "A model failed its self-test"),
        Code.MODEL_FAILED: translate("words", "The model failed"),
        Code.CONTRADICTION: translate("words", "The models contradict each other"),
        Code.WRITE_ERROR: translate("words", "The result could not be saved"),
        Code.INTERNAL: translate("words", "Something went wrong"),
    }[code]
