"""Pictures in memory and the batches made of them, the same for the same seed, epoch and step."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.core.failures import Failure
from medview.imaging.open import open_path
from medview.imaging.raster import decode_mask
from medview.imaging.study import Frame
from medview.inference.gate import OTHER
from medview.inference.preprocess import Preprocess, to_canonical
from training.config import Config
from training.data.augment import augment, mirror_half
from training.data.exposure import Exposures
from training.data.not_ours import SIDE, make, scramble
from training.data.samples import HEALTHY, MADE, Sample


@dataclass
class Pool:
    """All pictures of some samples at the model's size, squashed and stretched as the program does it: images
    (n, side, side[, 3]) uint8, masks (n, side, side) uint8 or None, allowed (`multilabel`: true) classes (n, classes)
    bool."""

    samples: list[Sample]
    images: NDArray[np.uint8]
    masks: NDArray[np.uint8] | None
    allowed: NDArray[np.bool_]

    @cached_property
    def exposures(self) -> Exposures:
        """The grey curves of all pictures; grey ones only."""
        return Exposures.of(self.images, [s.source for s in self.samples])


def load_pool(samples: list[Sample], config: Config, rule: Preprocess | None = None) -> Pool:
    """Read, squash and stretch every sample, by another `rule` than that of the training where one is given. Raises
    ValueError naming the files that cannot be read."""
    rule = rule or config.preprocess
    planes = 3 if rule.colour == "rgb" else 2 if rule.region == "both" else 0
    shape = (len(samples), *rule.size) + ((planes,) if planes else ())
    images = np.zeros(shape, np.uint8)
    needs_masks = any(s.mask for s in samples)
    masks = np.zeros(shape[:3], np.uint8) if needs_masks else None
    problems: list[str] = []
    for index, sample in enumerate(samples):
        try:
            values, inverted = read_values(sample)
            images[index] = np.rint(to_canonical(values, rule, inverted) * 255).astype(np.uint8)
            if masks is not None and sample.mask:
                masks[index] = decode_mask(sample.mask.read_bytes(), rule.size) * 255
        except ValueError as error:
            problems.append(f"{sample.path}: {error}")
    if problems:
        raise ValueError("pictures that cannot be read:\n" + "\n".join(problems[:10]))
    return Pool(samples, images, masks, allowed_classes(samples, config.labels))


def allowed_classes(samples: list[Sample], labels: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which of the labels may be true of each sample, (n, labels)."""
    return np.array([[k == s.label or k in s.allowed for k in labels] for s in samples], np.bool_).reshape(
        -1, len(labels)
    )


def frame_of(sample: Sample) -> Frame:
    """The frame of a sample, of a file with many frames the middle one. Raises ValueError with the failure's text."""
    if sample.source == MADE:
        return Frame(sample.path, 0, SIDE, SIDE, "", partial(make, int(sample.path.name)))
    study = open_path(sample.path)
    if isinstance(study, Failure):
        raise ValueError(study.text)
    return study.frames[study.middle]


def read_values(sample: Sample) -> tuple[NDArray[Any], bool]:
    """Values of a sample, (rows, cols[, 3]), without what its `cut` takes away, and whether low is bright. Raises
    ValueError with the failure's text."""
    frame = frame_of(sample)
    values = frame.modality_values()
    if isinstance(values, Failure):
        raise ValueError(values.text)
    top, bottom = (round(share * len(values)) for share in sample.cut)
    return values[top : len(values) - bottom], frame.inverted


def sampling_weights(samples: list[Sample], config: Config) -> NDArray[np.float64]:
    """Chance of each sample to be drawn: classes balanced with `class_power`, sources inside a class with
    `source_power` (0 as they come, 1 all equal). Those of sources with healthy and sick pictures are drawn `both_sides`
    times as often: only there does the place say nothing of the disease."""

    def kind(s: Sample) -> str:
        return s.label or "|".join(s.allowed) or "?"

    tags = [(s.tags or (s.label,))[0] if config.task == "segment" else kind(s) for s in samples]
    by_class = Counter(tags)
    by_source = Counter((t, s.source) for t, s in zip(tags, samples, strict=True))
    weights = np.array(
        [
            by_class[t] ** -config.class_power * (by_source[t, s.source] / by_class[t]) ** -config.source_power
            for t, s in zip(tags, samples, strict=True)
        ]
    )
    if config.both_sides != 1.0:
        sides = {(s.source, s.label in HEALTHY) for s in samples}
        weights *= [config.both_sides if {(s.source, True), (s.source, False)} <= sides else 1.0 for s in samples]
    return weights / weights.sum()


def class_mix(samples: list[Sample], config: Config) -> NDArray[np.float64]:
    """Share of each class (classes,) among the pictures that a training draws. Raises ValueError for a class that it
    never draws."""
    weights = sampling_weights(samples, config)
    drawn = np.array([sum(w for w, s in zip(weights, samples, strict=True) if s.label == c) for c in config.labels])
    if not drawn.all():
        raise ValueError(f"{config.id}: no training pictures of {config.labels[int(drawn.argmin())]}")
    return np.asarray(drawn / drawn.sum())


def drawn(pool: Pool, config: Config) -> int:
    """Pictures drawn in an epoch."""
    return config.drawn or len(pool.samples)


def view(pool: Pool, index: int, config: Config, size: int, seed: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """An augmented (picture, mask or None, allowed) of the pool at `size` pixels; the same for the same seed."""
    rng = np.random.default_rng(seed)
    sample = pool.samples[index]
    image, allowed = pool.images[index], pool.allowed[index]
    mask = pool.masks[index] if pool.masks is not None else None
    if config.augment.mirror_half and sample.source == "figshare" and rng.random() < config.augment.mirror_half:
        assert mask is not None
        image, mask, tumour = mirror_half(rng, image, mask)
        if tumour is False and config.task == "classify":
            allowed = np.array([label == "no_tumour" for label in config.labels])
    if config.augment.exposure_of_source and rng.random() < config.augment.exposure_of_source:
        image = pool.exposures.borrow(rng, image, index)
    if config.augment.scramble and rng.random() < config.augment.scramble:
        image = scramble(rng, image)
        allowed = np.array([label == OTHER for label in config.labels])
    full = sample.framing != "lung-crop"
    image, mask = augment(rng, image, mask, size, config.augment, full)
    return image, mask, allowed


def as_tensor(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, rows, cols[, 3]) uint8 to (n, 3, rows, cols) float32 in [-1, 1], as `preprocess.to_input` scales."""
    x = images.astype(np.float32) * np.float32(2 / 255) - np.float32(1)
    x = np.repeat(x[..., None], 3, axis=3) if x.ndim == 3 else x
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def batches(pool: Pool, config: Config, epoch: int) -> Iterator[tuple[Any, Any, Any]]:
    """One epoch of (images, masks or None, allowed); a thread keeps a few ready. Fixed by seed and epoch."""
    size = config.size_at(epoch)
    rng = np.random.default_rng((config.seed, epoch))
    order = rng.choice(len(pool.samples), drawn(pool, config), p=sampling_weights(pool.samples, config))
    steps = len(order) // config.batch
    ready: queue.Queue[tuple[Any, Any, Any] | BaseException | None] = queue.Queue(maxsize=3)

    def produce() -> None:
        try:
            for step in range(steps):
                picks = order[step * config.batch : (step + 1) * config.batch]
                views = [
                    view(pool, int(i), config, size, (config.seed, epoch, step, position))
                    for position, i in enumerate(picks)
                ]
                masks = np.stack([v[1] for v in views]) if pool.masks is not None else None
                ready.put((np.stack([v[0] for v in views]), masks, np.stack([v[2] for v in views])))
            ready.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that trains
            ready.put(error)

    threading.Thread(target=produce, daemon=True).start()
    while (item := ready.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item
