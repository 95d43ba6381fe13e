"""Where image points lie on the canvas. Pure arithmetic: logical pixels on the screen, (column, row) in the image.

Image coordinates are continuous: pixel (row r, column c) covers the square from (c, r) to (c + 1, r + 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

MIN_SCALE, MAX_SCALE = 0.01, 64.0


@dataclass(frozen=True)
class Transform:
    """One picture in one canvas.

    Attributes:
        width, height: of the canvas, logical pixels.
        cols, rows: of the picture.
        scale: logical pixels per image pixel, across.
        x, y: the image point in the middle of the canvas.
        aspect: how much taller than wide the pixels of the picture are.
    """

    width: float
    height: float
    cols: int
    rows: int
    scale: float
    x: float
    y: float
    aspect: float = 1.0

    @classmethod
    def fitted(cls, width: float, height: float, cols: int, rows: int, aspect: float = 1.0) -> Transform:
        """The whole picture, as large as it goes, in the middle."""
        scale = max(min(width / cols, height / (rows * aspect)), MIN_SCALE)
        return cls(width, height, cols, rows, scale, cols / 2, rows / 2, aspect)

    @classmethod
    def of(
        cls,
        width: float,
        height: float,
        cols: int,
        rows: int,
        scale: float | None,
        centre: tuple[float, float] | None,
        aspect: float = 1.0,
    ) -> Transform:
        """The transform of a view state; `scale` None fits."""
        if scale is None:
            return cls.fitted(width, height, cols, rows, aspect)
        x, y = centre or (cols / 2, rows / 2)
        return cls(width, height, cols, rows, scale, x, y, aspect)

    @property
    def left(self) -> float:
        """Canvas x of the picture's left edge."""
        return self.width / 2 - self.x * self.scale

    @property
    def top(self) -> float:
        """Canvas y of the picture's upper edge."""
        return self.height / 2 - self.y * self.scale * self.aspect

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """The image point (column, row) under a canvas point."""
        return (x - self.left) / self.scale, (y - self.top) / (self.scale * self.aspect)

    def pixel(self, x: float, y: float) -> tuple[int, int] | None:
        """(row, column) of the image pixel under a canvas point, or None beside the picture."""
        col, row = self.to_image(x, y)
        return (int(row), int(col)) if 0 <= col < self.cols and 0 <= row < self.rows else None

    def zoomed(self, factor: float, x: float, y: float) -> Transform:
        """Larger by `factor`; the image point under canvas point (x, y) stays there."""
        col, row = self.to_image(x, y)
        scale = min(max(self.scale * factor, MIN_SCALE), MAX_SCALE)
        column, line = col - (x - self.width / 2) / scale, row - (y - self.height / 2) / (scale * self.aspect)
        return replace(self, scale=scale, x=column, y=line).held()

    def panned(self, dx: float, dy: float) -> Transform:
        """Moved by logical pixels."""
        return replace(self, x=self.x - dx / self.scale, y=self.y - dy / (self.scale * self.aspect)).held()

    def held(self) -> Transform:
        """The middle of the canvas stays on the picture, so that it cannot be lost."""
        return replace(self, x=min(max(self.x, 0.0), self.cols), y=min(max(self.y, 0.0), self.rows))
