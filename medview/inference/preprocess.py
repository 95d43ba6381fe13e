"""From a picture's values to a network's input: one function per rule a card can name.

Training calls the very same functions, so what a model saw and what it is given cannot drift apart. Values come from
`Frame.modality_values()`: (rows, cols) grey or (rows, cols, 3) RGB, never from the screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.inference.field import find_field
from medview.inference.head import find_head
from medview.inference.lungs import find_lungs
from medview.inference.region import WHOLE, Region
from medview.inference.resample import resize_squash, stretch, to_grey

RULES = {
    "resize": ("squash",),
    "colour": ("grey", "rgb"),
    "intensity": ("stretch", "range"),
    "scaling": ("symmetric",),
    "region": ("whole", "field", "head", "lungs", "both"),
}


@dataclass(frozen=True)
class Preprocess:
    """How a card wants its input made. Raises ValueError for a rule that does not exist.

    Attributes:
        size: (rows, cols) of the network's input.
        resize: `squash` (both sides to `size`, the aspect is not kept, so that it is no cue).
        colour: `grey` (luma, repeated on three channels) or `rgb`.
        intensity: `stretch` (0.5-99.5 percentiles to 0-1) or `range` (8-bit divided by 255; deeper data stretched,
            since its range is not the display's).
        scaling: `symmetric`, 0-1 to [-1, 1].
        region: the part of the picture that the network sees: `whole`; the lit `field` of one on black; the `head` of a
            brain slice; the `lungs` of a frontal chest film, or `both`, whole and lungs, as two planes of a grey
            picture. See the modules of these names.
    """

    size: tuple[int, int]
    colour: str
    intensity: str
    resize: str = "squash"
    scaling: str = "symmetric"
    region: str = "whole"

    def __post_init__(self) -> None:
        for name, known in RULES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} rule {getattr(self, name)!r} is not one of {', '.join(known)}")
        if self.region == "both" and self.colour != "grey":
            raise ValueError("the region `both` needs the colour `grey`: its planes take the place of the channels")


def to_unit(values: NDArray[Any], intensity: str) -> NDArray[np.float32]:
    """`values` as float32 in 0-1, by the intensity rule of the card (see `Preprocess`)."""
    if intensity == "range" and values.dtype == np.uint8:
        return values.astype(np.float32) / np.float32(255.0)
    return stretch(values)


def region_of(values: NDArray[Any], rule: Preprocess, inverted: bool = False, lungs: Region | None = None) -> Region:
    """The part of a picture (rows, cols[, 3]) that the network looks at; where it sees both, the lungs. `inverted` says
    that low values are bright. `lungs` saves looking for them again."""
    if rule.region == "whole":
        return WHOLE
    if rule.region == "field":
        return find_field(values)
    return find_head(values, inverted) if rule.region == "head" else lungs or find_lungs(values, inverted)


def to_canonical(
    values: NDArray[Any], rule: Preprocess, inverted: bool = False, region: Region | None = None
) -> NDArray[np.float32]:
    """Every step that comes before the network's scaling: (rows, cols), (rows, cols, 3), or for the region `both`
    (rows, cols, 2) with the whole picture first and the lungs behind it; float32 in 0-1.

    `inverted` says that low values are bright (MONOCHROME1). `region` is what `region_of` says, where the caller has
    asked it already. The grey range is measured after the resize: the same numbers within noise, at a hundredth of the
    cost for a 9-megapixel film.
    """
    region = region or region_of(values, rule, inverted)
    if rule.region == "both":
        return np.stack([_canonical(part, rule, inverted) for part in (values, region.cut(values))], axis=2)
    return _canonical(region.cut(values), rule, inverted)


def _canonical(values: NDArray[Any], rule: Preprocess, inverted: bool) -> NDArray[np.float32]:
    bit_depth_8 = values.dtype == np.uint8
    small = resize_squash(values, rule.size)
    if rule.colour == "grey":
        small = to_grey(small)
        if bit_depth_8 and rule.intensity == "range":
            small = np.clip(np.rint(small), 0, 255).astype(np.uint8)
    elif small.ndim == 2:
        small = np.repeat(small[:, :, None], 3, axis=2)
    unit = to_unit(small, rule.intensity)
    return np.float32(1.0) - unit if inverted else unit


def to_input(unit: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale 0-1 values to the network's tensor by the one rule there is: (1, 3, rows, cols) float32 in [-1, 1]; of a
    picture of two planes (1, 2, rows, cols)."""
    if unit.ndim == 2:
        unit = np.repeat(unit[:, :, None], 3, axis=2)
    return np.ascontiguousarray(unit.transpose(2, 0, 1)[None] * np.float32(2.0) - np.float32(1.0))


def preprocess(
    values: NDArray[Any], rule: Preprocess, inverted: bool = False, region: Region | None = None
) -> NDArray[np.float32]:
    """The whole road from a picture's values to the network's input, (1, 3 or 2, rows, cols) float32 in [-1, 1]."""
    return to_input(to_canonical(values, rule, inverted, region))
