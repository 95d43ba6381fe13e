"""The card of a model, as `medview.inference.card_reading` reads and checks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medview.core.failures import Code, Failure
from medview.core.texts import Text
from medview.inference.preprocess import Preprocess

TASKS = ("classify", "multilabel", "segment")
FORMAT = 1
# The parts of a picture that can be found, by its kind.
REGIONS = {"chest_xray": ("lungs", "both"), "brain_mr": ("head",), "skin_lesion": ("field",)}


@dataclass(frozen=True)
class Label:
    """One output of a model.

    Attributes:
        id: the name in files and on the command line.
        name: what people read.
        normal: True when it means "nothing found", or something harmless that needs no attention.
        about: one sentence of plain information.
        codes: terminology codes by scheme (`SCT`, `RADLEX`), where one is known.
        shown: False for a label of a `multilabel` network with too weak evidence: it is computed, never reported.
        why_hidden: the reason, for people; needed where `shown` is False.
    """

    id: str
    name: str
    normal: bool = False
    about: str = ""
    codes: dict[str, str] = field(default_factory=dict)
    shown: bool = True
    why_hidden: str = ""


@dataclass(frozen=True)
class NotJudged:
    """A finding that people may expect of a model and that it does not judge, with the reason in words."""

    name: str
    why: str


@dataclass(frozen=True)
class Band:
    """The answers whose highest probability is at most `up_to` (and in no earlier band), and the probability from which
    a label belongs to their set."""

    up_to: float
    threshold: float


@dataclass(frozen=True)
class PredictionSet:
    """Split-conformal prediction set of a `classify` model (LAC: Sadinle et al. 2019), chosen by itself for every band
    of the highest probability (Mondrian: Vovk et al. 2005, chapter 4.5), so that it keeps its promise for the doubtful
    answers as well as for the easy ones.

    Attributes:
        coverage: share of pictures like those of val whose set holds the true label, in every band, 0-1.
        bands: by rising `up_to`, the last up to 1.
    """

    coverage: float
    bands: tuple[Band, ...]

    def threshold(self, top: float) -> float:
        """The probability from which a label belongs to the set of an answer whose highest one is `top`."""
        return next((band.threshold for band in self.bands if top <= band.up_to), self.bands[-1].threshold)


@dataclass(frozen=True)
class OperatingPoint:
    """The probability from which a label counts as a finding, with what that meant on the val split (0-1).

    Attributes:
        ppv: share of the findings that were right. Of a rare label it is small even where both others are large.
    """

    threshold: float
    sensitivity: float
    specificity: float
    ppv: float


@dataclass(frozen=True)
class FirstStage:
    """The model that must have its say first: when it gives label `unless` at least `probability` (0-1), the second
    stage is not run."""

    model: str
    unless: str
    probability: float


@dataclass(frozen=True)
class Accepts:
    """The DICOM headers a model is for. Only what a header says counts: what it leaves out, or says in a word that
    `medview.imaging.dicom_terms` does not know, rules nothing out.

    Attributes:
        modalities: those that may show what the model judges (`OT` and `SC` say nothing and are named as well).
        body_parts: ids of `PART_NAMES`; a header that names others alone is ruled out. Empty: any.
        not_views: views that the model does not know, upper case, whole or as a word of them.
        not_image_types: values of Image Type that no picture for the model has, such as maps that were computed.
    """

    modalities: tuple[str, ...]
    body_parts: tuple[str, ...] = ()
    not_views: tuple[str, ...] = ()
    not_image_types: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """What a model declares of itself; see DESIGN.md, "A model is a folder".

    Attributes:
        kind: the kind of picture it accepts, as the gate names it; `any` for the gate itself.
        temperature: logits are divided by it before softmax or sigmoid.
        operating_points: by label.
        mask_threshold: probability from which a pixel is marked.
        min_pixels: smaller regions (network grid) are dropped.
        min_area: share of the picture, 0-1; a mask that marks less marks nothing.
        accepts: which headers it is for; None where the card has no rules, so that those of its kind count.
        valid_for: what every answer is limited to, in a few plain words each (`this slice only`).
        gate: limits of the gate, by name, where the model is one.
        files: sha256 of the other files of the folder that code reads, by name.
        first_stage: for a second stage, or None.
        prediction_set: of a `classify` model, or None.
        unavailable: findings that the model declares it cannot judge, without an output for them.
        about: further facts for people: training, data, metrics, limits.
    """

    id: str
    version: str
    name: str
    task: str
    kind: str
    sha256: str
    labels: tuple[Label, ...]
    preprocess: Preprocess
    temperature: float = 1.0
    operating_points: dict[str, OperatingPoint] = field(default_factory=dict)
    mask_threshold: float = 0.5
    min_pixels: int = 0
    min_area: float = 0.0
    accepts: Accepts | None = None
    valid_for: tuple[str, ...] = ()
    gate: dict[str, float] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    first_stage: FirstStage | None = None
    prediction_set: PredictionSet | None = None
    unavailable: tuple[NotJudged, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[Label, ...]:
        """The labels that are reported."""
        return tuple(label for label in self.labels if label.shown)

    @property
    def not_judged(self) -> tuple[NotJudged, ...]:
        """Everything the model says nothing about: hidden labels first, then what it has no output for."""
        return (
            *(NotJudged(label.name, label.why_hidden) for label in self.labels if not label.shown),
            *self.unavailable,
        )

    def label(self, id: str) -> Label:
        """The label of that id. Raises KeyError."""
        for label in self.labels:
            if label.id == id:
                return label
        raise KeyError(id)


def damaged(folder: Path, detail: str) -> Failure:
    """The failure of a model folder that cannot be used."""
    return Failure(
        Code.MODEL_DAMAGED,
        Text("The model {name} is damaged and was switched off.", name=folder.name),
        Text("Install medview again, or copy the model folder anew."),
        detail,
    )
