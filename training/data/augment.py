"""Augmentation of 8-bit squares, aimed at what the sets confound: framing, borders, exposure, sharpness, letters.

OpenCV does the work where MONAI's per-image tensors would cost more than the network itself (measured: affine of a
256-pixel square 0.1 ms here, 1.6 ms through RandAffine); MONAI's bias field is used for MR.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.config import Augment

Image = NDArray[np.uint8]


def warp_matrix(rng: Generator, side: int, size: int, a: Augment, full_frame: bool) -> NDArray[np.float32]:
    """A random affine map from a square of `side` pixels to one of `size`: crop, rotation, scale, shift, flips."""
    left, top, right, bottom = rng.uniform(0.0, a.crop, 4) if full_frame and rng.random() < 0.6 else np.zeros(4)
    crop = np.array(
        [
            [1.0 / (1 - left - right), 0, -left / (1 - left - right)],
            [0, 1.0 / (1 - top - bottom), -top / (1 - top - bottom)],
            [0, 0, 1],
        ]
    )
    angle = np.deg2rad(rng.uniform(-a.rotate, a.rotate))
    zoom = rng.uniform(*a.scale)
    stretch = rng.uniform(0.93, 1.07)
    flip_x = -1.0 if a.flip and rng.random() < 0.5 else 1.0
    flip_y = -1.0 if a.flip_vertical and rng.random() < 0.5 else 1.0
    if a.quarter_turns:
        angle += np.pi / 2 * rng.integers(4)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) @ np.diag(
        [zoom * stretch * flip_x, zoom / stretch * flip_y, 1]
    )
    centre, back = np.eye(3), np.eye(3)
    centre[:2, 2] = -0.5
    back[:2, 2] = 0.5 + rng.uniform(-a.shift, a.shift, 2)
    unit = back @ turn @ centre @ crop
    to_unit, from_unit = np.diag([1 / side, 1 / side, 1]), np.diag([size, size, 1])
    return (from_unit @ unit @ to_unit)[:2].astype(np.float32)


def expose(rng: Generator, image: Image, a: Augment) -> Image:
    """Gamma, contrast and brightness through one look-up table; for colour, a gain per channel as well."""
    if rng.random() >= a.exposure:
        return image
    x = np.arange(256, dtype=np.float32) / 255
    gamma = np.exp(rng.uniform(-a.gamma, a.gamma))
    contrast = rng.uniform(1 - a.contrast, 1 + a.contrast)
    brightness = rng.uniform(-a.brightness, a.brightness)
    table = np.clip(((x**gamma) - 0.5) * contrast + 0.5 + brightness, 0, 1)
    if image.ndim == 3 and rng.random() < a.colour:
        gains = rng.uniform(0.88, 1.12, 3)
        tables = np.clip(table[:, None] * gains, 0, 1)
        image = cv2.LUT(image, np.rint(tables * 255).astype(np.uint8)[None])
        if rng.random() < 0.5:
            grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None]
            keep = rng.uniform(0.7, 1.2)
            image = np.clip(image * keep + grey * (1 - keep), 0, 255).astype(np.uint8)
        return image
    return cv2.LUT(image, np.rint(table * 255).astype(np.uint8))


def retone(rng: Generator, image: Image) -> Image:
    """A smooth random grey curve, now and then falling in places: the tissues as another MR sequence might show them,
    after the non-linear intensity transform of Zhou et al. 2019 (Models Genesis, arXiv 1908.06912). Black stays black,
    so that the background of a head does not turn into tissue."""
    x = np.linspace(0, 1, 5)
    y = np.concatenate(([0.0], rng.uniform(0, 1, 4)))
    if rng.random() < 0.6:
        y.sort()
    curve = np.interp(np.arange(256) / 255, x, y)
    curve = np.convolve(np.pad(curve, 16, "edge"), np.full(33, 1 / 33), "valid")
    curve = (curve - curve[0]) / max(0.3, float(curve.max() - curve[0]))
    return cv2.LUT(image, np.rint(np.clip(curve, 0, 1) * 255).astype(np.uint8))


def degrade(rng: Generator, image: Image, strength: float) -> Image:
    """Lose what a bad scan loses: sharpness, resolution, JPEG detail, signal over noise, local contrast."""
    rows, cols = image.shape[:2]
    if rng.random() < strength * 0.6:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.4))
    if rng.random() < strength * 0.5:
        factor = rng.uniform(0.45, 0.9)
        small = cv2.resize(image, (int(cols * factor), int(rows * factor)), interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (cols, rows), interpolation=cv2.INTER_LINEAR)
    if rng.random() < strength * 0.4:
        clahe = cv2.createCLAHE(rng.uniform(1.0, 3.0), (8, 8))
        if image.ndim == 2:
            image = clahe.apply(image)
    if rng.random() < strength * 0.6:
        noise = rng.normal(0, rng.uniform(2, 12), image.shape).astype(np.float32)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < strength * 0.6:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])[1]
        image = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE if image.ndim == 2 else cv2.IMREAD_COLOR)
    return image


def erase(rng: Generator, image: Image) -> Image:
    """Overwrite a border strip or a corner, where markers and collimator edges give the source away."""
    rows, cols = image.shape[:2]
    image = image.copy()
    value = int(rng.choice([0, 255, int(image.mean()), int(rng.integers(256))]))
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.5:
            width = int(rng.uniform(0.02, 0.1) * rows)
            side = rng.integers(4)
            strip = (np.s_[:width], np.s_[rows - width :], np.s_[:, :width], np.s_[:, cols - width :])[side]
            image[strip] = value
        else:
            height, width = (rng.uniform(0.05, 0.25, 2) * rows).astype(int)
            y = 0 if rng.random() < 0.5 else rows - height
            x = 0 if rng.random() < 0.5 else cols - width
            image[y : y + height, x : x + width] = value
    return image


def round_field(rng: Generator, image: Image) -> Image:
    """Nothing but a round field of the picture, the rest black, as through a dermatoscope held further away. The circle
    is of a picture up to 4:3 that was squeezed into this square."""
    side = image.shape[0]
    radius, aspect, soft = rng.uniform(0.4, 0.58), rng.choice([1.0, 4 / 3]), rng.uniform(0.002, 0.03)
    row, col = rng.uniform(-0.06, 0.06, 2)
    across, down = np.meshgrid(*[(np.arange(side) + 0.5) / side - 0.5] * 2)
    distance = np.hypot(across - col, (down - row) / aspect)
    light = (np.clip((radius - distance) / soft, -1, 1) + 1) / 2
    if image.ndim == 3:
        light = light[:, :, None]
    return np.asarray(np.rint(image * light + rng.uniform(0, 15) * (1 - light)), np.uint8)


def write_letters(rng: Generator, image: Image) -> Image:
    """Side markers, arrows and annotation letters, so that they are no cue of a journal figure."""
    image = image.copy()
    side = image.shape[0]
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(0.02, 0.9, 2) * side
        value = int(rng.integers(180, 256)) if rng.random() < 0.8 else 0
        if rng.random() < 0.25:
            tip = (int(x + rng.uniform(-0.15, 0.15) * side), int(y + rng.uniform(-0.15, 0.15) * side))
            cv2.arrowedLine(image, (int(x), int(y)), tip, (value,) * 3, 2, tipLength=0.4)
        else:
            text = str(rng.choice(["L", "R", "PA", "AP", "A", "B", "SUPINE", "PORTABLE", "12:40", "a)", "ICU", "1"]))
            cv2.putText(image, text, (int(x), int(y)), cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.3, 0.8), (value,) * 3, 1)
    return image


@cache
def _bias_field() -> Any:
    from monai.transforms import RandBiasField

    return RandBiasField(degree=3, coeff_range=(0.0, 0.25), prob=1.0)


def bias_field(rng: Generator, image: Image) -> Image:
    """A coil's smooth shading over an MR slice (MONAI RandBiasField)."""
    transform = _bias_field()
    transform.set_random_state(seed=int(rng.integers(2**31)))
    shaded = np.asarray(transform(image[None].astype(np.float32)))[0]
    return np.clip(shaded * (max(1, int(image.max())) / max(1.0, float(shaded.max()))), 0, 255).astype(np.uint8)


def mirror_half(rng: Generator, image: Image, mask: Image) -> tuple[Image, Image, bool | None]:
    """Build a whole head from one half of a tumour slice: a tumour-free slice of the same scanner, or a tumour one.

    Every tumour-free slice of the set comes from another scanner than the tumours, which a network would learn instead
    of the tumour. A mirrored half without tumour pixels is a negative of the same scanner; halves with the tumour are
    mirrored as often, so that symmetry itself says nothing. Returns picture, mask, and whether it holds a tumour (None:
    the half cuts the tumour, picture unchanged).
    """
    side = image.shape[1]
    half = side // 2
    take_left = rng.random() < 0.5
    part = np.s_[:, :half] if take_left else np.s_[:, side - half :]
    share = float((mask[part] > 0).sum()) / max(1, int((mask > 0).sum()))
    if 0.0 < share < 0.7:
        return image, mask, None
    other = np.s_[:, side - half :] if take_left else np.s_[:, :half]
    image, mask = image.copy(), mask.copy()
    image[other] = image[part][:, ::-1]
    mask[other] = mask[part][:, ::-1]
    return image, mask, share > 0.0


def augment(
    rng: Generator, image: Image, mask: Image | None, size: int, a: Augment, full_frame: bool
) -> tuple[Image, Image | None]:
    """One random view of `image` (side, side[, 3]) at `size` pixels, with its mask (0/255) moved along."""
    matrix = warp_matrix(rng, image.shape[0], size, a, full_frame)
    border = cv2.BORDER_CONSTANT if rng.random() < 0.7 else cv2.BORDER_REPLICATE
    fill = (0, 0, 0) if image.ndim == 2 else tuple(int(v) for v in image[::16, ::16].mean(axis=(0, 1)))
    out: Any = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=fill)
    if a.bias_field and rng.random() < a.bias_field:
        out = bias_field(rng, out)
    if a.tone and rng.random() < a.tone:
        out = retone(rng, out)
    out = expose(rng, out, a)
    if a.round_field and rng.random() < a.round_field:
        out = round_field(rng, out)
    if a.letters and rng.random() < a.letters:
        out = write_letters(rng, out)
    out = degrade(rng, out, a.degrade)
    if rng.random() < a.erase:
        out = erase(rng, out)
    if a.invert and rng.random() < a.invert:
        out = 255 - out
    if mask is not None:
        mask = cv2.warpAffine(mask, matrix, (size, size), flags=cv2.INTER_NEAREST, borderValue=0)
    return out, mask
