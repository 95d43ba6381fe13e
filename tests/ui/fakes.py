"""Stand-ins for the engine: analyses made up in full, without any model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from medview.core.failures import Code, Failure
from medview.core.jobs import Token
from medview.core.texts import Text
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis, Mask, Result
from medview.inference.card import Band, Card, Label, NotJudged, OperatingPoint, PredictionSet
from medview.inference.corrections import corrected_frame
from medview.inference.preprocess import Preprocess
from medview.inference.quality import QualityNote
from medview.inference.request import AnalysisRequest

RULE = Preprocess((192, 192), "rgb", "range")
SHA = "3fa9c1d2" * 8

SKIN = Card(
    id="skin-lesion",
    version="1.0.0",
    name="Skin lesion, seven kinds",
    task="classify",
    kind="skin",
    sha256=SHA,
    labels=(
        Label("mel", "Melanoma", about="A malignant tumour of pigment cells; early ones can look like a mole."),
        Label("nv", "Melanocytic naevus", normal=True, about="A common mole."),
        Label("bkl", "Benign keratosis-like lesion", about="Seborrhoeic keratosis and its relatives."),
        Label("vasc", "Vascular lesion"),
    ),
    preprocess=RULE,
    operating_points={
        "mel": OperatingPoint(0.21, 0.88, 0.81, 0.8),
        "bkl": OperatingPoint(0.5, 0.7, 0.93, 0.8),
        "vasc": OperatingPoint(0.4, 0.8, 0.99, 0.8),
    },
)
MASKS = Card(
    id="brain-tumour-mask",
    version="1.0.0",
    name="Brain tumour, outline",
    task="segment",
    kind="brain_mri",
    sha256=SHA,
    labels=(Label("tumour", "Tumour", about="Tissue that looks like a meningioma, glioma or pituitary tumour."),),
    preprocess=RULE,
)

SIX = Card(
    id="chest-six",
    version="1.1.0",
    name="Chest X-ray, six classes",
    task="classify",
    kind="chest_xray",
    sha256=SHA,
    labels=(
        Label("normal", "Normal", normal=True),
        Label("bacterial", "Bacterial pneumonia", about="Infection of the lung by bacteria."),
        Label("viral", "Viral pneumonia"),
        Label("covid19", "COVID-19 pneumonia"),
        Label("tuberculosis", "Tuberculosis"),
        Label("emphysema", "Emphysema"),
    ),
    preprocess=RULE,
    operating_points={
        "bacterial": OperatingPoint(0.2, 0.93, 0.94, 0.8),
        "viral": OperatingPoint(0.15, 0.92, 0.93, 0.8),
    },
    prediction_set=PredictionSet(0.9, (Band(1.0, 0.18),)),
    about={
        "summary": "One of six classes for a frontal chest X-ray.",
        "measured_for": "The test split of the training sources.",
        "cannot_see": ["Any disease but its six classes.", "Lateral views."],
        "data": ["Kermany paediatric chest X-rays (CC BY 4.0)"],
        "licence": "For study and research only.",
        "metrics": {"test": {"balanced_accuracy": {"value": 0.8728, "low": 0.8514, "high": 0.8942}}},
        "baselines": {"border ring": {"balanced_accuracy": 0.613}, "note": "A shortcut, not medicine."},
    },
)
FINDINGS = Card(
    id="chest-findings",
    version="1.0.0",
    name="Chest X-ray, findings",
    task="multilabel",
    kind="chest_xray",
    sha256=SHA,
    labels=(
        Label("effusion", "Pleural effusion", about="Fluid between lung and chest wall."),
        Label("atelectasis", "Atelectasis"),
        Label("pneumothorax", "Pneumothorax"),
        Label("mass", "Mass"),
        Label("consolidation", "Consolidation"),
        Label("nodule", "Nodule", shown=False, why_hidden="The lower bound of its AUC is under 0.65."),
    ),
    preprocess=RULE,
    operating_points={
        "effusion": OperatingPoint(0.3, 0.8, 0.82, 0.8),
        "atelectasis": OperatingPoint(0.4, 0.8, 0.7, 0.8),
        "pneumothorax": OperatingPoint(0.25, 0.8, 0.75, 0.8),
        "mass": OperatingPoint(0.2, 0.8, 0.72, 0.3),
    },
    unavailable=(NotJudged("Hernia", "4 training pictures show one."),),
)

Make = Callable[[Frame, bool], Analysis]


def heat(row: float, col: float, side: int = 7) -> np.ndarray:
    """A hill of heat around a point given as shares of the picture."""
    y, x = np.mgrid[0:side, 0:side] / (side - 1)
    return np.exp(-((y - row) ** 2 + (x - col) ** 2) / 0.05).astype(np.float32)


def skin_analysis(frame: Frame, force: bool = False) -> Analysis:
    """Melanoma found at 0.34, above its threshold; heatmaps for every label."""
    probabilities = {"mel": 0.3412, "nv": 0.6021, "bkl": 0.0563, "vasc": 0.0004}
    heatmaps = {name: heat(0.5, 0.2 + 0.2 * place) for place, name in enumerate(probabilities)}
    result = Result(SKIN, "CPUExecutionProvider", 12.4, probabilities, ("mel",), None, heatmaps)
    scores = {"skin": 0.99, "chest_xray": 0.01}
    return Analysis(str(frame.path), frame.index, "ok", None, "skin", scores, (result,), total_ms=31.0)


def mri_analysis(frame: Frame, force: bool = False, marked: bool = True) -> Analysis:
    """A tumour marked as a disc of a tenth of the picture's height, and no heatmap."""
    y, x = np.mgrid[0 : frame.rows, 0 : frame.cols]
    disc = (y - 0.45 * frame.rows) ** 2 + (x - 0.6 * frame.cols) ** 2 < (0.1 * frame.rows) ** 2
    pixels = (disc if marked else np.zeros_like(disc)).astype(np.uint8)
    count = int(pixels.sum())
    mask = Mask(pixels, count, count / pixels.size, None)
    found = ("tumour",) if count else ()
    result = Result(MASKS, "CPUExecutionProvider", 43.0, None, found, mask)
    scores = {"brain_mri": 0.9999, "skin": 0.0001}
    return Analysis(str(frame.path), frame.index, "ok", None, "brain_mri", scores, (result,), total_ms=55.0)


def chest_analysis(frame: Frame, force: bool = False) -> Analysis:
    """Two models: viral or bacterial pneumonia, close together; and independent findings that add up to 1.73."""
    six = {"viral": 0.46, "bacterial": 0.42, "covid19": 0.05, "normal": 0.04, "tuberculosis": 0.02, "emphysema": 0.01}
    own = {"effusion": 0.81, "atelectasis": 0.52, "pneumothorax": 0.22, "mass": 0.1, "consolidation": 0.08}
    results = (
        Result(
            FINDINGS,
            "CPUExecutionProvider",
            8.0,
            own,
            ("effusion", "atelectasis"),
            heatmaps={name: heat(0.7, 0.3) for name in own},
        ),
        Result(
            SIX,
            "CPUExecutionProvider",
            9.0,
            six,
            ("viral", "bacterial"),
            heatmaps={name: heat(0.4, 0.6) for name in six},
            prediction_set=("viral", "bacterial"),
        ),
    )
    scores = {"chest_xray": 0.998, "skin": 0.001}
    return Analysis(str(frame.path), frame.index, "ok", None, "chest_xray", scores, results, total_ms=31.0)


def outlined(frame: Frame, force: bool = False) -> Analysis:
    """A skin lesion named by one model and outlined, which is no finding, by another."""
    lesion = replace(
        MASKS, id="skin-lesion-mask", name="Skin lesion, outline", labels=(Label("lesion", "Skin lesion", normal=True),)
    )
    done, marks = skin_analysis(frame), mri_analysis(frame).results[0]
    return replace(done, results=(*done.results, replace(marks, card=lesion, findings=())))


BLURRED = QualityNote(
    Code.BLURRED, 0.06, 0.07, "The picture is blurred: sharpness 0.060.", "Open the original picture."
)
LYING = QualityNote(
    Code.ROTATED, 0.99, 0.95, "The film does not look upright.", "Rotate it.", correction="rotate_90", severity="refuse"
)
NEGATIVE = QualityNote(Code.INVERTED, 0.85, 0.8, "The film looks like a negative.", "Invert it.", correction="invert")


def lying(frame: Frame, force: bool = False) -> Analysis:
    """A film on its side, refused while it is wider than high; a negative as well, and blurred."""
    if frame.cols < frame.rows and not force:
        return replace(chest_analysis(frame), quality=() if frame.inverted else (NEGATIVE, BLURRED))
    seen = Analysis(str(frame.path), frame.index, "refused", LYING.failure(), "chest_xray", {"chest_xray": 0.9})
    if force:
        seen = replace(chest_analysis(frame), reason=LYING.failure(), forced=True)
    return replace(seen, quality=(LYING, NEGATIVE, BLURRED))


REFUSAL = Failure(
    Code.OTHER_KIND,
    "This looks like none of the pictures medview can judge.",
    "medview judges chest X-ray, brain MR slice, skin image. Open such a picture; without one, trust no model here.",
)


def refused(frame: Frame, force: bool = False) -> Analysis:
    """The gate refuses, unless it is forced."""
    if force:
        done = skin_analysis(frame)
        return Analysis(done.file, done.frame, "ok", REFUSAL, "other", {"other": 0.97}, done.results, True)
    return Analysis(str(frame.path), frame.index, "refused", REFUSAL, "other", {"other": 0.97, "skin": 0.03})


def steady(result: Result) -> Result:
    """The result with a made-up band, and its second label unstable."""
    if result.probabilities is None:
        return result
    bands = {label: (p * 0.9, min(1.0, p * 1.2)) for label, p in result.probabilities.items()}
    second = sorted(result.probabilities, key=lambda k: -(result.probabilities or {})[k])[1]
    return replace(result, stability=bands, unstable=(second,))


class FakeEngine:
    """Answers with what `make` gives, or, where the user says the kind, with the one of `said`; counts its calls; can
    be slow, but listens to the token."""

    def __init__(self, make: Make = skin_analysis, delay_s: float = 0.0) -> None:
        self.make, self.delay_s = make, delay_s
        self.said = {"chest_xray": chest_analysis, "brain_mri": mri_analysis, "skin": skin_analysis}
        self.requests: list[AnalysisRequest] = []
        self.steadied = 0

    def analyse(self, request: AnalysisRequest, token: Token | None = None) -> Analysis:
        token = token or Token()
        self.requests.append(request)
        kind, corrections = request.kind, request.corrections
        end = time.monotonic() + self.delay_s
        while time.monotonic() < end:
            token.progress(1 - (end - time.monotonic()) / self.delay_s, Text("checking the picture"))
            time.sleep(0.01)
        seen = corrected_frame(request.frame, corrections)
        done = replace(self.said[kind](seen), kind_by_user=True) if kind else self.make(seen, request.force)
        return replace(done, corrected=corrections)

    def add_stability(self, analysis: Analysis, request: AnalysisRequest, token: Token | None = None) -> Analysis:
        """Every probability a tenth lower and a fifth higher; the second label comes out first now and then."""
        self.steadied += 1
        return replace(analysis, results=tuple(steady(result) for result in analysis.results))

    def kind_names(self) -> dict[str, str]:
        return {**self.kinds(), "other": "something else"}

    def kinds(self) -> dict[str, str]:
        """Those that a user may name."""
        return {"chest_xray": "a frontal chest X-ray", "brain_mri": "a brain MR slice", "skin": "a skin lesion"}

    def statuses(self) -> list[Any]:
        return []


def dark(frame: Frame, force: bool) -> Analysis:
    """One of ours, too dark to be judged."""
    note = QualityNote(Code.TOO_DARK, 0.05, 0.12, "It is very dark.", "Export it again.", severity="refuse")
    seen = replace(skin_analysis(frame), reason=note.failure(), quality=(note,))
    return replace(seen, forced=True) if force else replace(seen, status="refused", results=())


MAMMOGRAM = Failure(
    Code.OTHER_MODALITY, "This is a mammogram; medview has no model for it.", "If its header is wrong, say what it is."
)


def ruled_out(frame: Frame, force: bool = False) -> Analysis:
    """The header has the last word."""
    return Analysis(str(frame.path), frame.index, "refused", MAMMOGRAM)


def numbered(frame: Frame, force: bool = False) -> Analysis:
    """Another probability on every frame."""
    done = chest_analysis(frame)
    own = {**(done.results[0].probabilities or {}), "effusion": 0.8 + frame.index / 100}
    return replace(done, results=(replace(done.results[0], probabilities=own), done.results[1]))
