"""Is the picture good enough to be judged? What can be measured of it, the limits, and what to do about it.

Every measure is a number of the picture alone, on a small square, so that it means the same for a phone's photo and for
a 9-megapixel film. The limits were chosen on the train and val pictures of each kind; `training.ship.quality` prints
the rates and docs/adr/0008 tells them. Which way up a chest film is and whether it is a negative cannot be measured so:
the features of the gate's network tell it (`medview.inference.gate`), and only the notes about it are made here.
Nothing here recognises a lateral view, for no set to learn it from is at hand; a file that says it is one is believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.inference.corrections import INVERT, Correction, rotation
from medview.inference.lungs import LIKE_LUNGS
from medview.inference.quality_texts import PHOTOS, SAID, SAID_OF_LATERAL, SAID_OF_NOT_T1, SAID_OF_PHOTOS
from medview.inference.region import WHOLE, Region
from medview.inference.resample import resize_squash, stretch, to_grey

Severity = Literal["warn", "refuse"]
# Side of the square that is measured: what the networks see.
SIDE = 224
# 8-bit luma from which a pixel counts as saturated.
WHITE = 250 / 255
MIN_SIDE = 48
# Largest accepted ratio of the sides; a strip of pixels is no picture of a chest.
MAX_ASPECT = 4.0
# What the orientation head of the gate tells apart, in its order: each way up, and the same as a negative.
ORIENTATIONS = ("upright", "sideways", "upside down", "upright inverted", "sideways inverted", "upside down inverted")
# Names of the probabilities, in the gate's card, from which such a state is noted and from which it is refused.
ORIENTATION_LIMITS = ("warn_orientation", "refuse_orientation")


@dataclass(frozen=True)
class QualityNote:
    """One thing that is wrong with a picture.

    Attributes:
        code: what. measured, limit: the number, and the limit it is beyond, in the unit of its measure.
        text: what it is, for the clinician. hint: what to do next.
        correction: what corrects it, or empty.
        severity: `refuse`: no model may judge the picture; `warn`: the answer is worth less.
    """

    code: Code
    measured: float
    limit: float
    text: Text
    hint: Text
    correction: Correction | Literal[""] = ""
    severity: Severity = "warn"

    def failure(self) -> Failure:
        """The note as the reason of a refusal."""
        return Failure(self.code, self.text, self.hint, f"{self.measured:.4g}, limit {self.limit:.4g}")


@dataclass(frozen=True)
class Measures:
    """What is measured of a picture, on a square of `SIDE` pixels except for the first two.

    Attributes:
        side: the shorter side, pixels. aspect: longer side over shorter.
        brightness: mean luma of 8-bit values, 0-1; None of deeper ones, whose range is not the display's.
        contrast: grey steps between the 1st and the 99th percentile, as a share of the 255 of 8 bit, at most 1.
        saturated: share of the pixels at the bright end, 0-1.
        sharpness: standard deviation of the Laplacian over that of the picture.
        chroma: mean distance of the strongest and the weakest colour channel, 0-1; 0 for a grey picture.
        saturation: that distance as a share of the strongest channel's mean, which dark surroundings do not lessen.
        skew: degrees, see `sheet_skew`.
    """

    side: int
    aspect: float
    brightness: float | None
    contrast: float
    saturated: float
    sharpness: float
    chroma: float
    saturation: float
    skew: float


def measure(values: NDArray[Any], inverted: bool = False, region: Region = WHOLE) -> Measures:
    """Measure a picture's values, (rows, cols) or (rows, cols, 3): its shape, and all else of a `region` of it alone.
    `inverted` says that low values are bright."""
    rows, cols = values.shape[:2]
    values = region.cut(values)
    # Of a large film so many pixels are enough: sixteen of them still make one of the square.
    step = max(1, min(values.shape[:2]) // (4 * SIDE))
    small = resize_squash(values[::step, ::step], (SIDE, SIDE))
    grey = np.asarray(to_grey(small), np.float32)
    shown = stretch(grey)
    chroma, saturation = _colour(small)
    low, high = (float(v) for v in np.percentile(grey, (1, 99)))
    eight_bit = values.dtype == np.uint8
    unit = grey / np.float32(255) if eight_bit else shown
    unit = 1 - unit if inverted else unit
    return Measures(
        side=min(rows, cols),
        aspect=max(rows, cols) / min(rows, cols),
        brightness=float(unit.mean()) if eight_bit else None,
        contrast=min(1.0, (high - low) / 255) if values.dtype.kind in "iu" else float(high > low),
        saturated=float((unit >= (WHITE if eight_bit else 1)).mean()),
        sharpness=sharpness(shown),
        chroma=chroma,
        saturation=saturation,
        skew=sheet_skew(shown),
    )


def sharpness(unit: NDArray[np.float32]) -> float:
    """Standard deviation of the Laplacian (4-neighbours) over that of `unit` (rows, cols); 0 for a constant picture."""
    import cv2

    spread = float(unit.std())
    return float(cv2.Laplacian(unit, cv2.CV_32F).std()) / spread if spread > 0 else 0.0


def _colour(small: NDArray[Any]) -> tuple[float, float]:
    """`chroma` and `saturation` of `Measures`."""
    if small.ndim == 2:
        return 0.0, 0.0
    strongest = small.max(axis=2).astype(np.float32)
    spread = float((strongest - small.min(axis=2)).mean())
    full = 255.0 if small.dtype == np.uint8 else float(strongest.max())
    return spread / max(full, 1e-9), spread / max(float(strongest.mean()), 1e-9)


# The sheet's surroundings: as wide as this, as even as this many grey levels of 255 in this share of it.
BORDER, LEVELS, EVEN = 6, 18, 0.85


def sheet_skew(unit: NDArray[np.float32]) -> float:
    """How far a four-cornered sheet on even ground, such as a film on a light box, is out of square: the largest
    deviation of a corner from 90 degrees; 0 where there is no such sheet. `unit` (rows, cols), 0-1.

    A photo at an angle has one. A collimated film has right angles, and a chest or a head has no straight sides.
    """
    import cv2

    grey = unit * np.float32(255)
    rim = np.concatenate(
        [grey[:BORDER].ravel(), grey[-BORDER:].ravel(), grey[:, :BORDER].ravel(), grey[:, -BORDER:].ravel()]
    )
    ground = np.float32(np.median(rim))
    if (np.abs(rim - ground) < LEVELS).mean() < EVEN:
        return 0.0
    marked = (cv2.GaussianBlur(np.abs(grey - ground), (5, 5), 0) > LEVELS).astype(np.uint8)
    marked = cv2.morphologyEx(marked, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    outlines, _ = cv2.findContours(marked, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return 0.0
    sheet = max(outlines, key=cv2.contourArea)
    hull = cv2.convexHull(sheet)
    corners = cv2.approxPolyDP(hull, 0.03 * cv2.arcLength(hull, True), True)[:, 0].astype(np.float32)
    area = cv2.contourArea(sheet)
    straight = len(corners) == 4 and area > 0.95 * cv2.contourArea(corners)
    if not straight or not 0.25 < area / unit.size < 0.9:
        return 0.0
    return _out_of_square(corners)


def _out_of_square(corners: NDArray[np.float32]) -> float:
    """The largest deviation from 90 degrees of the corners (4, 2) of a convex quadrilateral, in order."""
    x = corners.astype(np.float64)
    before, after = np.roll(x, 1, axis=0) - x, np.roll(x, -1, axis=0) - x
    cosine = (before * after).sum(axis=1) / (np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1))
    return float(np.abs(np.degrees(np.arccos(np.clip(cosine, -1, 1))) - 90).max())


@dataclass(frozen=True)
class Limit:
    """From where on a measure is noted: beyond `warn`, and beyond `refuse` no model may judge. None: never."""

    warn: float | None = None
    refuse: float | None = None


@dataclass(frozen=True)
class Limits:
    """The limits of one kind; `low_` is a least value, the others are greatest ones."""

    low_side: Limit
    aspect: Limit
    low_brightness: Limit
    brightness: Limit
    low_contrast: Limit
    saturated: Limit
    low_sharpness: Limit
    chroma: Limit
    saturation: Limit
    skew: Limit
    # Where the ground is dark, a picture that is too bright may be a negative.
    too_bright_correction: Correction | Literal[""] = ""


# Warnings lie at the edge of what val holds, refusals where the models can no longer see what they learned. Colours
# stronger than a photo's cast show something else: a skin lesion in a round field came out as a brain with a glioma.
LIMITS = {
    "chest_xray": Limits(
        low_side=Limit(128),
        aspect=Limit(1.7),
        low_brightness=Limit(0.25, 0.12),
        brightness=Limit(0.8, 0.88),
        low_contrast=Limit(0.25, 0.08),
        saturated=Limit(0.15, 0.4),
        low_sharpness=Limit(0.07, 0.035),
        chroma=Limit(0.02),
        saturation=Limit(refuse=0.3),
        skew=Limit(2.5),
    ),
    "brain_mr": Limits(
        low_side=Limit(88),
        aspect=Limit(1.6),
        low_brightness=Limit(0.04),
        brightness=Limit(0.45, 0.7),
        too_bright_correction=INVERT,
        low_contrast=Limit(0.3, 0.08),
        saturated=Limit(0.04, 0.3),
        low_sharpness=Limit(0.11, 0.05),
        chroma=Limit(0.02),
        saturation=Limit(refuse=0.3),
        skew=Limit(2.5),
    ),
    "skin_lesion": Limits(
        low_side=Limit(100),
        aspect=Limit(1.8),
        low_brightness=Limit(0.3, 0.12),
        brightness=Limit(0.88, 0.95),
        low_contrast=Limit(0.12, 0.05),
        saturated=Limit(0.05, 0.5),
        low_sharpness=Limit(0.045, 0.02),
        chroma=Limit(),
        saturation=Limit(),
        skew=Limit(),
    ),
}


def notes(measures: Measures, kind: str) -> tuple[QualityNote, ...]:
    """What is wrong with a picture of a kind, by its measures; refusals first. Nothing for a kind without limits."""
    limits = LIMITS.get(kind)
    hints = SAID_OF_PHOTOS if kind in PHOTOS else {}
    found = tuple(_beyond(measures, limits, hints)) if limits else ()
    if any(note.code is Code.OTHER_KIND for note in found):
        # It is said already that the colours are too strong for a photo of a film.
        found = tuple(note for note in found if note.code is not Code.PHOTO)
    return worst_first(found)


def _beyond(measures: Measures, limits: Limits, hints: dict[str, Text]) -> Iterator[QualityNote]:
    """A note for every limit that is passed; `hints` by the name of the limit, in place of the usual ones."""
    for name, said in SAID.items():
        value = getattr(measures, name.removeprefix("low_"))
        limit: Limit = getattr(limits, name)
        sign = -1 if name.startswith("low_") else 1
        levels: tuple[tuple[Severity, float | None], ...] = (("refuse", limit.refuse), ("warn", limit.warn))
        for severity, bound in levels:
            if value is not None and bound is not None and sign * value > sign * bound:
                code, text, hint = said[0], said[1], hints.get(name, said[2])
                correction = limits.too_bright_correction if code is Code.TOO_BRIGHT else ""
                hint = Text("If it is a negative, invert it. {hint}", hint=hint) if correction else hint
                yield QualityNote(
                    code, value, bound, text.filled(measured=value, limit=bound), hint, correction, severity
                )
                break


def worst_first(found: Iterator[QualityNote] | tuple[QualityNote, ...]) -> tuple[QualityNote, ...]:
    """Refusals before warnings, and those with a correction before those without."""
    return tuple(sorted(found, key=lambda note: (note.severity != "refuse", not note.correction)))


def orientation_notes(
    inverted: float, turned: tuple[float, float, float], warn: float, refuse: float
) -> tuple[QualityNote, ...]:
    """Notes about a film that is a negative or not upright, from their probabilities: `inverted`, and `turned` for
    the correction of 1, 2 and 3 clockwise quarter turns. Noted from the probability `warn` on, refused from `refuse`
    on."""

    def note(code: Code, measured: float, text: Text, hint: Text, correction: Correction) -> QualityNote:
        hard = measured >= refuse
        return QualityNote(
            code, measured, refuse if hard else warn, text, hint, correction, "refuse" if hard else "warn"
        )

    def sure(probability: float) -> Text:
        return Text("over 99%") if probability > 0.99 else Text("{share:.0%}", share=probability)

    found = []
    if inverted >= warn:
        text = Text("The film looks like a negative, with black and white swapped ({sure}).", sure=sure(inverted))
        hint = Text("Invert it if bones are dark; the models expect them bright.")
        found.append(note(Code.INVERTED, inverted, text, hint, INVERT))
    turns = 1 + int(np.argmax(turned))
    if sum(turned) >= warn:
        way = {
            1: Text("turned a quarter anticlockwise"),
            2: Text("upside down"),
            3: Text("turned a quarter clockwise"),
        }[turns]
        text = Text("The film seems to be {way} ({sure}).", way=way, sure=sure(sum(turned)))
        hint = Text("If so, rotate it by {degrees}° clockwise; the models expect it upright.", degrees=turns * 90)
        found.append(note(Code.ROTATED, sum(turned), text, hint, rotation(turns)))
    return tuple(found)


def view_notes(kind: str, lateral: bool) -> tuple[QualityNote, ...]:
    """The refusal of a film that its file calls a `lateral` view; its measure is 1 for yes, with the limit 0."""
    if not lateral or kind != "chest_xray":
        return ()
    note = QualityNote(
        Code.LATERAL,
        1.0,
        0.0,
        *SAID_OF_LATERAL,
        severity="refuse",
    )
    return (note,)


def sequence_notes(kind: str, not_t1: Text | None) -> tuple[QualityNote, ...]:
    """What to say of a brain slice that is not T1-weighted as its file tells, by the reason `not_t1`; its measure is 1
    for yes, with the limit 0."""
    if not not_t1 or kind != "brain_mr":
        return ()
    text, hint = SAID_OF_NOT_T1
    note = QualityNote(
        Code.OTHER_SEQUENCE,
        1.0,
        0.0,
        text.filled(why=not_t1),
        hint,
    )
    return (note,)


def lung_notes(lungs: Region | None) -> tuple[QualityNote, ...]:
    """What to say of a chest film on which nothing looks like lungs; `lungs` is where they were found, None where
    nobody looked."""
    if lungs is None or lungs.likeness >= LIKE_LUNGS:
        return ()
    note = QualityNote(
        Code.NO_LUNGS,
        lungs.likeness,
        LIKE_LUNGS,
        Text("Nothing on this film looks like two lungs (likeness {likeness:.2f} of 1).", likeness=lungs.likeness),
        Text("Check that it shows the whole chest from the front; the models' numbers are worth less here."),
    )
    return (note,)


def check_picture(values: NDArray[Any]) -> QualityNote | None:
    """Refuse what is no picture of any kind: too small, a strip, or without contrast. `values` (rows, cols[, 3])."""
    rows, cols = values.shape[:2]
    if min(rows, cols) < MIN_SIDE:
        return QualityNote(
            Code.TOO_SMALL,
            min(rows, cols),
            MIN_SIDE,
            Text(
                "The picture is {cols} x {rows} pixels; medview needs at least {least} on each side.",
                cols=cols,
                rows=rows,
                least=MIN_SIDE,
            ),
            Text("If this is a thumbnail, open the original picture."),
            severity="refuse",
        )
    if max(rows, cols) > MAX_ASPECT * min(rows, cols):
        return QualityNote(
            Code.WRONG_SHAPE,
            max(rows, cols) / min(rows, cols),
            MAX_ASPECT,
            Text("The picture is a strip of {cols} x {rows} pixels, not a whole examination.", cols=cols, rows=rows),
            Text("Open the whole picture."),
            severity="refuse",
        )
    sample = values[:: max(1, rows // 512), :: max(1, cols // 512)]
    low, high = (float(v) for v in np.percentile(sample, (1, 99)))
    if not high > low:
        return QualityNote(
            Code.BLANK,
            high - low,
            0.0,
            Text("The picture is blank: nearly all of its pixels have one value."),
            Text("Check that the right file was exported, then open it again."),
            severity="refuse",
        )
    return None
