"""How often the quality gate notes and refuses pictures of val, by kind and source, and how often it notes damage made
to them. `python -m training.ship.quality` prints what docs/adr/0008 tells; the limits themselves stand in
`medview.inference.quality` and in the gate's card.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.inference.gate import GATE_MODEL, Verdict, judge
from medview.inference.quality import SIDE
from medview.inference.registry import Model, Registry
from training.data.batches import read_values
from training.data.samples import Sample, image_kind

Picture = NDArray[np.uint8]
SEED = 20261121
# One in so many pictures of val is damaged as well.
EVERY = 5


def _rgb(image: Picture) -> Picture:
    return image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)


def scaled(factor: float, offset: float) -> Callable[[Picture, Generator], Picture]:
    """Grey values times `factor` plus `offset`, clipped."""
    return lambda image, _: np.clip(image.astype(np.float32) * factor + offset, 0, 255).astype(np.uint8)


def blurred(image: Picture, _: Generator) -> Picture:
    """Gaussian blur of 3 pixels of the square the networks see."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 3 / SIDE * max(image.shape[:2])), np.uint8)


def photographed(image: Picture, rng: Generator) -> Picture:
    """A photo of the picture as a sheet on even ground: perspective, a colour cast, noise."""
    source = _rgb(image)
    rows, cols = source.shape[:2]
    size = (int(cols * 1.3), int(rows * 1.3))
    corners = np.array([[0.12, 0.12], [0.88, 0.12], [0.88, 0.88], [0.12, 0.88]]) + rng.uniform(-0.06, 0.06, (4, 2))
    start = np.array([[0, 0], [cols, 0], [cols, rows], [0, rows]], np.float32)
    matrix = cv2.getPerspectiveTransform(start, (corners * size).astype(np.float32))
    ground = int(rng.choice([15, 240]))
    sheet = cv2.warpPerspective(source, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=(ground,) * 3)
    lit = sheet.astype(np.float32) * rng.uniform(0.8, 1.05, 3) + rng.normal(0, 4, sheet.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)


DAMAGE: dict[str, Callable[[Picture, Generator], Picture]] = {
    "dark": scaled(0.15, 0),
    "bright": scaled(0.2, 204),
    "flat": scaled(0.08, 110),
    "saturated": scaled(2.5, 0),
    "blurred": blurred,
    "photo": photographed,
    "photo-grey": lambda image, rng: np.asarray(cv2.cvtColor(photographed(image, rng), cv2.COLOR_RGB2GRAY), np.uint8),
    "inverted": lambda image, _: 255 - image,
    "rotate_90": lambda image, _: np.ascontiguousarray(np.rot90(image, 1)),
    "rotate_180": lambda image, _: np.ascontiguousarray(np.rot90(image, 2)),
    "rotate_270": lambda image, _: np.ascontiguousarray(np.rot90(image, 3)),
    "thumbnail": lambda image, _: np.asarray(cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA), np.uint8),
    "half": lambda image, _: np.ascontiguousarray(image[:, : image.shape[1] // 2]),
}


def outcome(verdict: Verdict) -> list[str]:
    """What to count of a verdict: refused by the gate for its kind or by quality, and every note, once."""
    words = [
        f"{note.severity} {note.code}{' ' + note.correction if note.correction else ''}" for note in verdict.quality
    ]
    words = list(dict.fromkeys(words))
    if any(note.severity == "refuse" for note in verdict.quality):
        return [*words, "refused by quality"]
    return [*words, f"refused as {verdict.reason.code}"] if verdict.reason else words or ["nothing noted"]


def rates(samples: list[Sample], model: Model) -> dict[tuple[str, str, str], Counter[str]]:
    """Outcomes counted by (kind, source, damage); undamaged pictures have damage ``."""
    counts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for index, sample in enumerate(samples):
        values, inverted = read_values(sample)
        views: dict[str, NDArray[Any]] = {"": values}
        if index % EVERY == 0 and values.dtype == np.uint8:
            views |= {name: damage(values, np.random.default_rng((SEED, index))) for name, damage in DAMAGE.items()}
        for name, view in views.items():
            seen = [*outcome(judge(model, view, inverted)), "n"]
            for source in (sample.source, "all"):
                counts[sample.label, source, name].update(seen)
    return counts


def main() -> None:
    """Print the rates on val of every kind."""
    root = Path(__file__).resolve().parents[2]
    p = argparse.ArgumentParser(prog="python -m training.ship.quality", description=main.__doc__)
    p.add_argument("--data", type=Path, default=root.parent / "shared/data", help="folder of the data")
    p.add_argument("--models", type=Path, default=root / "models_onnx", help="folder of model folders")
    options = p.parse_args()
    model = Registry(options.models, "cpu").load(GATE_MODEL)
    if isinstance(model, Failure):
        raise SystemExit(model.text)
    samples = [s for s in image_kind(options.data) if s.split == "val" and s.label != "other"]
    for (kind, source, damage), counter in sorted(rates(samples, model).items()):
        if damage and source != "all":
            continue
        count = counter.pop("n")
        told = ", ".join(f"{name} {share / count:.2%}" for name, share in counter.most_common())
        print(f"{kind} | {source} | {damage or 'as it is'} | n {count} | {told}")  # noqa: T201


if __name__ == "__main__":
    main()
