"""The pieces of a drawing or a picture, of which its digits are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from digitnet.digits.ink.strokes import Strokes, render_strokes


class Pieces(Protocol):
    """Strokes, or the pieces of a picture that do not touch.

    Attributes:
        boxes: float (n, 4): left, top, right and bottom of each, in any unit; NaN where there is
            nothing in it.
        points: That draw them all; 0 in a picture.
    """

    @property
    def boxes(self) -> np.ndarray: ...

    @property
    def points(self) -> int: ...

    def draw(self, pieces: Sequence[int]) -> np.ndarray:
        """Draws some of them as one digit, uint8 (28, 28); raises InkError where that is none."""


def draw_whole(pieces: Pieces) -> np.ndarray:
    """Draws all pieces as one digit, uint8 (28, 28); raises InkError where that is none."""
    return pieces.draw(range(len(pieces.boxes)))


class DrawnPieces:
    """The strokes of a drawing.

    Attributes:
        strokes: Each float (k, 2) of x (rightwards) and y (downwards) in any unit; perhaps empty.
    """

    def __init__(self, strokes: Strokes) -> None:
        self.strokes = strokes

    @property
    def boxes(self) -> np.ndarray:
        return np.array([_box_of(points) for points in self.strokes]).reshape(-1, 4)

    @property
    def points(self) -> int:
        return sum(map(len, self.strokes))

    def draw(self, pieces: Sequence[int]) -> np.ndarray:
        return render_strokes([self.strokes[index] for index in pieces])


def _box_of(points: np.ndarray) -> list[float]:
    if not len(points):
        return [np.nan] * 4
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]
