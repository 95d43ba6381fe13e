"""Whether a JPEG stream is damaged where its decoder says nothing: impossible data, or a step that no picture has.

A decoder that meets damage in Huffman codes mostly falls into step again and goes on, so three things give it away:
codes that do not add up (`jpeg_entropy`, `jpeg_lossless`), values that no picture has, and, since brightness is coded
as the difference from what came before, a step of brightness all along the place where it happened. What none of them
shows, damage within one block of 8 x 8 pixels above all, cannot be known; docs/damage.md has the figures.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medview.imaging.jpeg import is_damaged, parse_jpeg
from medview.imaging.jpeg_entropy import Component, read_components
from medview.imaging.jpeg_lossless import lossless_damage

Decoder = Callable[[bytes], NDArray[Any]]

# What decoders and readers of tables raise on damaged data; imagecodecs has a RuntimeError of its own for each codec.
DECODE_ERRORS = (struct.error, LookupError, ValueError, TypeError, RuntimeError, ArithmeticError, MemoryError)
# Steps of brightness count from here on, in standard deviations of what is beside them; the largest of 1,100 whole
# pictures, at all qualities, was 10.8, and none of 4,000 more was beyond.
STEP = 12.0
# So far may samples lie outside their range, as a share of what rounding of the coefficients can do at most; the
# largest of the same pictures was 0.42.
OUTSIDE = 0.55
# Grey levels that are always allowed for, of 256.
_LEAST = 0.25
# The least rows and columns of MCUs, and the least share of a row of them, that a step is looked for in.
_LEAST_UNITS, _LEAST_SHARE = 3, 0.3


def jpeg_damage(data: bytes, decode: Decoder) -> str:
    """What is wrong with a JPEG stream of any process, for the log; empty where nothing is found.

    Args:
        data: the stream, from its first marker on.
        decode: the decoder, to (rows, cols) or (rows, cols, components), without any conversion of colours where the
            stream is lossless; raises RuntimeError on data that it refuses.
    """
    try:
        info = parse_jpeg(data)
        if info is None:
            return "no frame header"
        if not info.order or info.stray:
            return "bytes between the segments, or restart markers out of order"
        if info.process == 3:
            return lossless_damage(data, info, decode(data))
        components = read_components(data, info)
        if components is None:
            return "the decoder loses its place" if is_damaged(data, info, decode(data), decode) else ""
    except DECODE_ERRORS as error:
        # `Impossible`, tables that make no sense, or a decoder that refuses.
        return str(error) or repr(error)
    top = 1 << (info.precision - 1)
    if any(outside(component, top) > OUTSIDE for component in components):
        return "samples far outside their range"
    if not len(info.intervals) > len(info.scan_ends) and any(_step(component, top) > STEP for component in components):
        return "a step of brightness along a row of blocks"
    return ""


def outside(component: Component, top: int) -> float:
    """How far the samples of the worst block lie outside of -`top` to `top`: their distance from a block within, as a
    share of what rounding its coefficients can do at most (half a step for each)."""
    plane = component.plane
    rows, cols = plane.shape[0] // 8, plane.shape[1] // 8
    beyond = np.maximum(np.abs(plane + 0.5) - top, 0)
    squares = (beyond * beyond).reshape(rows, 8, cols, 8).sum(axis=(1, 3))
    return float(np.sqrt(squares.max() / ((component.steps / 2) ** 2).sum()))


def _step(component: Component, top: int) -> float:
    # Brightness itself is coded in steps: half of one is no deviation.
    least = _LEAST * top / 128 + float(component.steps[0]) / 16
    return staircase(component.plane, component.down, component.across, least)


def staircase(plane: NDArray[np.float32], down: int, across: int, least: float) -> float:
    """The largest step in brightness along a staircase: from some MCU on to the end of its row, and below it before.

    There begins what is decoded after a wrong difference. In standard deviations of the differences beside it;
    0 where there is none. A straight edge of the picture is no staircase, wherever it lies.

    Args:
        plane: samples, its sides multiples of 8.
        down, across: blocks of an MCU. least: grey levels that are no deviation.
    """
    height, blocks = 8 * down, plane.shape[1] // 8
    rows, cols = plane.shape[0] // height, blocks // across
    if rows < _LEAST_UNITS or cols < _LEAST_UNITS:
        return 0.0
    seams = np.arange(1, rows) * height
    jumps = _jumps(plane, seams)
    beside = np.mean([_jumps(plane, seams + away) ** 2 for away in (-4, -3, 3, 4)], axis=0)
    left = np.arange(1, cols) * across
    right = blocks - left
    (before, after), (squares_before, squares_after), (noise_before, noise_after) = (
        _halves(part, across) for part in (jumps, jumps**2, beside)
    )
    # The stairs go on below; under the last row of MCUs is nothing.
    below, on = _below(before), np.r_[np.ones(rows - 2), 0][:, None]
    counts = right + on * left
    mean = (after + below) / counts
    squares = (squares_after + _below(squares_before)) / counts - mean**2
    noise = (noise_after + _below(noise_before)) / counts
    spread = np.sqrt(np.maximum(np.maximum(squares, noise), 0)) + least
    scores = np.abs(mean) / spread * np.sqrt(counts)
    fits = counts >= _LEAST_SHARE * blocks
    for sums, number, expected in ((after, right, 1), (below, left, on), (before, left, 0), (_below(after), right, 0)):
        tolerated = np.minimum(0.4 * np.abs(mean) + 2 * spread / np.sqrt(number), 0.7 * np.abs(mean))
        fits &= np.abs(sums / number - expected * mean) <= tolerated
    return float(scores[fits].max(initial=0.0))


def _jumps(plane: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """(rows, blocks): what the step into each of the rows is more than the steps beside it, a mean over 8 columns."""
    lines = [plane[np.clip(rows + away, 0, plane.shape[0] - 1)] for away in (-2, -1, 0, 1)]
    excess = 1.5 * (lines[2] - lines[1]) - 0.5 * (lines[3] - lines[0])
    means: NDArray[np.float64] = excess.reshape(len(rows), -1, 8).mean(axis=2, dtype=np.float64)
    return means


def _halves(values: NDArray[np.float64], across: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums over each seam before and from each MCU on, but for the first: (seams, MCUs - 1)."""
    sums = np.cumsum(values, axis=1)
    before = sums[:, across - 1 : -1 : across]
    return before, sums[:, -1:] - before


def _below(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values of the seam below each, 0 below the last."""
    return np.vstack([values[1:], np.zeros((1, values.shape[1]))])
