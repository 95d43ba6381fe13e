"""Stand-ins for the engine: analyses made up in full, without any model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from medview.core.failures import Code, Failure
from medview.core.jobs import Token
from medview.imaging.study import Frame
from medview.inference.analysis import Analysis, Mask, Result
from medview.inference.card import Card, Label, OperatingPoint
from medview.inference.fixes import Fix, corrected_frame
from medview.inference.preprocess import Preprocess

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
        "mel": OperatingPoint(0.21, 0.88, 0.81),
        "bkl": OperatingPoint(0.5, 0.7, 0.93),
        "vasc": OperatingPoint(0.4, 0.8, 0.99),
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
    """Answers with what `make` gives; counts its calls; can be slow, but listens to the token."""

    def __init__(self, make: Make = skin_analysis, delay_s: float = 0.0) -> None:
        self.make, self.delay_s = make, delay_s
        self.calls: list[tuple[str, int, bool]] = []
        self.fixes: list[tuple[Fix, ...]] = []
        self.steadied = 0

    def analyse(
        self,
        frame: Frame,
        file: str,
        model: str = "auto",
        force: bool = False,
        token: Token | None = None,
        values: Any = None,
        fixes: Sequence[Fix] = (),
    ) -> Analysis:
        token = token or Token()
        self.calls.append((file, frame.index, force))
        self.fixes.append(tuple(fixes))
        end = time.monotonic() + self.delay_s
        while time.monotonic() < end:
            token.progress(1 - (end - time.monotonic()) / self.delay_s, "checking the picture")
            time.sleep(0.01)
        return replace(self.make(corrected_frame(frame, fixes), force), corrected=tuple(fixes))

    def add_stability(self, analysis: Analysis, frame: Frame, values: Any, token: Token | None = None) -> Analysis:
        """Every probability a tenth lower and a fifth higher; the second label comes out first now and then."""
        self.steadied += 1
        return replace(analysis, results=tuple(steady(result) for result in analysis.results))

    def kind_names(self) -> dict[str, str]:
        return {"skin": "Skin image", "brain_mri": "Brain MR slice", "chest_xray": "Chest X-ray", "other": "Other"}

    def statuses(self) -> list[Any]:
        return []
