"""Made-up photos of the back of the eye.

The gate takes skin in a round field for what it is, and without these it would take every eye for skin as well; no set
here holds one. Drawn after the anatomy: a bright optic disc to one side, a dark macula to the other, two arcades of
vessels around it, in a round field that some cameras cut at top and bottom.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

# Vessels are drawn larger by this factor and averaged, since the thin ones are finer than a pixel.
FINE = 4
STEP = 5


def _vessel(
    rng: Generator, sheet: NDArray[Any], at: NDArray[Any], heading: float, bend: float, width: float, steps: int
) -> None:
    """Draw one vessel into `sheet` from `at` (x, y), pixels, and whatever branches off it."""
    while width >= 0.7 and steps > 0:
        heading += bend + rng.normal(0, 0.09)
        ahead = at + STEP * np.array([np.cos(heading), np.sin(heading)])
        ends = [tuple(int(v) for v in end * FINE) for end in (at, ahead)]
        cv2.line(sheet, ends[0], ends[1], 1.0, max(1, round(width * FINE)), cv2.LINE_AA)
        if rng.random() < 0.16:
            side = rng.choice([-1, 1])
            turned = heading + side * rng.uniform(0.4, 0.9)
            _vessel(rng, sheet, ahead, turned, -side * 0.02, width * rng.uniform(0.5, 0.8), steps // 2 + 3)
        at, width, steps = ahead, width * 0.975, steps - 1


def _vessels(rng: Generator, side: int, disc: NDArray[Any], nose: int) -> NDArray[np.float32]:
    """The vessels from the optic disc (x, y), as a share of each pixel, (side, side, 1); `nose` is 1 where it is to the
    right. Those of the other side bend around the macula."""
    sheet = np.zeros((side * FINE, side * FINE), np.float32)
    for up in (-1, 1):
        for toward in (-nose, nose):
            for _ in range(2):
                heading = float(np.arctan2(up * rng.uniform(1.0, 2.2), toward))
                bend = -up * toward * (rng.uniform(0.02, 0.06) if toward == -nose else rng.uniform(-0.02, 0.02))
                _vessel(rng, sheet, disc + side / 2, heading, bend, rng.uniform(1.4, 2.8), 34)
    small = cv2.resize(sheet, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 0.5), np.float32)[:, :, None]


def fundus(rng: Generator, side: int = 256) -> NDArray[np.uint8]:
    """A photo of the back of an eye, (side, side, 3) RGB."""
    radius = rng.uniform(0.38, 0.56) * side
    across, down = np.meshgrid(*[np.arange(side) - side / 2] * 2)
    red = rng.uniform(130, 235)
    colour = np.array([red, red * rng.uniform(0.3, 0.62), red * rng.uniform(0.08, 0.35)])
    # The ground: brightest somewhere off the middle, a little uneven.
    from_light = np.hypot(across - rng.uniform(-40, 40), down - rng.uniform(-40, 40)) / radius
    light = 1.08 - rng.uniform(0.15, 0.5) * np.clip(from_light, 0, 1.3) ** 2
    light = light * (1 + cv2.GaussianBlur(rng.normal(0, 1, (side, side)), (0, 0), 10) * rng.uniform(0.5, 2.5))
    nose = int(rng.choice([-1, 1]))
    # Now and then the camera is centred on the optic disc.
    disc = radius * np.array(
        [nose * rng.uniform(0.35, 0.6) * (0.2 if rng.random() < 0.2 else 1), rng.uniform(-0.1, 0.1)]
    )
    macula = disc - np.array([nose * rng.uniform(0.6, 0.8) * radius, -4])
    from_macula = ((across - macula[0]) ** 2 + (down - macula[1]) ** 2) / (0.17 * radius) ** 2
    light = light * (1 - rng.uniform(0.2, 0.5) * np.exp(-from_macula))
    vessels = _vessels(rng, side, disc, nose)
    x = light[:, :, None] * colour * (1 - vessels * rng.uniform(0.3, 0.6) * np.array([0.7, 1.1, 1.0]))
    from_disc = ((across - disc[0]) ** 2 + ((down - disc[1]) / 1.15) ** 2) / (rng.uniform(0.13, 0.2) * radius) ** 2
    glow = np.exp(-(from_disc**3))[:, :, None]
    x += glow * (np.array([255, 225, 150]) * rng.uniform(0.8, 1.0) - x) * (0.85 - 0.3 * vessels)
    if rng.random() < 0.35:
        _spots(rng, x, colour, radius)
    return _seen(rng, x, np.clip((radius - np.hypot(across, down)) / 2, 0, 1))


def _spots(rng: Generator, x: NDArray[Any], colour: NDArray[Any], radius: float) -> None:
    """Exudates and bleedings, as diabetes leaves them."""
    for _ in range(rng.integers(1, 25)):
        place = tuple(int(v) for v in rng.normal(x.shape[0] / 2, radius / 2.5, 2))
        shade = (230.0, 210.0, 110.0) if rng.random() < 0.6 else tuple(float(v) for v in colour * 0.4)
        cv2.circle(x, place, int(rng.integers(1, 4)), shade, -1, cv2.LINE_AA)


def _seen(rng: Generator, x: NDArray[Any], field: NDArray[Any]) -> NDArray[np.uint8]:
    """What the camera makes of it: the `field` (rows, cols), 0-1, blur, noise; at times without red, and so grey."""
    side = x.shape[0]
    if rng.random() < 0.4:
        cut = int(rng.uniform(0.05, 0.2) * side)
        field[:cut], field[side - cut :] = 0, 0
    lit = field[:, :, None]
    x = x * lit + rng.uniform(0, 10) * (1 - lit)
    x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.3, 1.2)) + rng.normal(0, rng.uniform(0, 5), (side, side, 1)) * lit
    if rng.random() < 0.12:
        x = np.repeat(x[:, :, 1:2] * 1.4, 3, axis=2)
    return np.clip(x, 0, 255).astype(np.uint8)
