"""A part of a picture that a network looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Cells of the whole picture's grid to one of the network's.
CELLS = 4


@dataclass(frozen=True)
class Region:
    """A part of a picture, as shares of its height and width from the top left corner (0-1).

    Attributes:
        likeness: how much the best box of the picture looks like lungs, correlation from -1 to 1; 0 where nobody
            looked. It is no part of where the region is.
    """

    top: float = 0.0
    left: float = 0.0
    bottom: float = 1.0
    right: float = 1.0
    likeness: float = field(default=0.0, compare=False)

    def cut(self, values: NDArray[Any]) -> NDArray[Any]:
        """The region of `values` (rows, cols[, 3]), a view of at least one pixel."""
        rows, cols = values.shape[:2]
        top, left = min(int(self.top * rows), rows - 1), min(int(self.left * cols), cols - 1)
        return values[top : max(top + 1, int(self.bottom * rows)), left : max(left + 1, int(self.right * cols))]

    def place(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """A plane (h, w) that covers the region, on a finer grid over the whole picture: linear inside, 0 outside."""
        import cv2

        if self == WHOLE:
            return plane
        h, w = plane.shape
        height, width = self.bottom - self.top, self.right - self.left
        rows, cols = round(CELLS * h / height), round(CELLS * w / width)
        # Pixel centres: (x + 0.5) / cols of the picture is ((x + 0.5) / cols - left) / width of the region.
        along, down = w / (cols * width), h / (rows * height)
        matrix = np.array(
            [
                [along, 0, 0.5 * along - self.left / width * w - 0.5],
                [0, down, 0.5 * down - self.top / height * h - 0.5],
            ]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        spread = cv2.warpAffine(plane, matrix, (cols, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        placed = np.zeros_like(spread)
        self.cut(placed)[:] = self.cut(spread)
        return np.asarray(placed, np.float32)


WHOLE = Region()
