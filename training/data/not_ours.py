"""Pictures that are none of ours, made up: what people open by mistake and what no set here holds enough of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.data.fundus import fundus

SIDE = 256
WORDS = ("Patient", "Name", "Report", "Open", "Save", "2024", "File", "Edit", "View", "Help", "Inbox", "Total", "Page")
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX_SMALL)


def _colour(rng: Generator) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
    return red, green, blue


def noise(rng: Generator) -> NDArray[Any]:
    """Grey or colour noise, white or smooth."""
    shape = (SIDE, SIDE, 3) if rng.random() < 0.5 else (SIDE, SIDE)
    x = rng.normal(rng.uniform(60, 200), rng.uniform(5, 80), shape).astype(np.float32)
    if rng.random() < 0.6:
        sigma = rng.uniform(1, 30)
        x = cv2.GaussianBlur(x, (0, 0), sigma)
        x = (x - x.min()) / max(1e-6, float(x.max() - x.min())) * 255
    return np.clip(x, 0, 255).astype(np.uint8)


def gradient(rng: Generator) -> NDArray[Any]:
    """An almost empty picture: a colour, a slope of it, a little noise."""
    across, down = np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE))
    a, b = rng.uniform(-80, 80, 2)
    base = rng.uniform(0, 255, 3) if rng.random() < 0.5 else np.repeat(rng.uniform(0, 255), 3)
    x = base + (across * a + down * b)[:, :, None] + rng.normal(0, rng.uniform(0, 4), (SIDE, SIDE, 1))
    return np.clip(x, 0, 255).astype(np.uint8)


def screenshot(rng: Generator) -> NDArray[Any]:
    """A page or program window: panels, lines of text, buttons."""
    light = rng.random() < 0.65
    x = np.full((SIDE, SIDE, 3), rng.integers(225, 256) if light else rng.integers(10, 60), np.uint8)
    for _ in range(rng.integers(1, 7)):
        left, top = (int(v) for v in rng.integers(0, SIDE - 30, 2))
        width, height = (int(v) for v in rng.integers(20, SIDE, 2))
        thickness = -1 if rng.random() < 0.6 else 1
        cv2.rectangle(x, (left, top), (left + width, top + height), _colour(rng), thickness)
    ink = (20, 20, 20) if light else (220, 220, 220)
    size, step = rng.uniform(0.25, 0.6), int(rng.integers(9, 20))
    for line in range(step, SIDE, step):
        if rng.random() < 0.75:
            text = " ".join(rng.choice(WORDS, rng.integers(1, 7)))
            cv2.putText(x, text, (int(rng.integers(0, 40)), line), int(rng.choice(FONTS)), size, ink, 1, cv2.LINE_AA)
    return x


def drawing(rng: Generator) -> NDArray[Any]:
    """Plain shapes and curves, as in a chart or a logo."""
    x = np.full((SIDE, SIDE, 3), _colour(rng) if rng.random() < 0.5 else (255, 255, 255), np.uint8)
    for _ in range(rng.integers(2, 14)):
        a, b = (tuple(int(v) for v in rng.integers(0, SIDE, 2)) for _ in range(2))
        kind = rng.integers(4)
        thickness = int(rng.choice([-1, 1, 2, 4]))
        if kind == 0:
            cv2.circle(x, a, int(rng.integers(4, 90)), _colour(rng), thickness)
        elif kind == 1:
            cv2.rectangle(x, a, b, _colour(rng), thickness)
        elif kind == 2:
            cv2.line(x, a, b, _colour(rng), max(1, thickness))
        else:
            points = np.sort(rng.integers(0, SIDE, (12, 2)), axis=0).astype(np.int32)
            cv2.polylines(x, [points], False, _colour(rng), max(1, thickness), cv2.LINE_AA)
    return x


MADE: tuple[Callable[[Generator], NDArray[Any]], ...] = (noise, gradient, screenshot, drawing, fundus)


def make(number: int) -> NDArray[np.uint8]:
    """Made-up picture `number`, (256, 256, 3) RGB uint8; always the same for the same number."""
    rng = np.random.default_rng((20261120, number))
    picture = MADE[number % len(MADE)](rng)
    return picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)


def scramble(rng: Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Spoil a picture of ours so that it is none any more: its tiles shuffled, or several copies on one sheet."""
    side = image.shape[0]
    if rng.random() < 0.5:
        tiles = int(rng.choice([3, 4, 6]))
        step = side // tiles
        starts = range(0, step * tiles, step)
        parts = [image[row : row + step, col : col + step] for row in starts for col in starts]
        order = rng.permutation(len(parts))
        rows = [np.concatenate([parts[i] for i in order[r * tiles : (r + 1) * tiles]], axis=1) for r in range(tiles)]
        sheet = np.concatenate(rows, axis=0)
    else:
        times = int(rng.choice([2, 3]))
        small = cv2.resize(image, (side // times, side // times), interpolation=cv2.INTER_AREA)
        sheet = np.tile(small, (times, times, 1) if image.ndim == 3 else (times, times))
        for i in range(1, times):
            at = sheet.shape[0] * i // times
            sheet[at - 2 : at + 2], sheet[:, at - 2 : at + 2] = 0, 0
    return cv2.resize(np.ascontiguousarray(sheet), (side, side), interpolation=cv2.INTER_LINEAR)
