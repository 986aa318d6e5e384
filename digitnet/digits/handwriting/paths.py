"""Drawings sampled evenly, as arrays: many pens' ways are altered and drawn at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digitnet.digits.handwriting.drawings import Strokes

STEP = 0.028  # of the longer side, between two points of a path: half a pixel in a box of 20
MOST_POINTS = 136  # of a path; longer ones are sampled more coarsely


@dataclass(frozen=True, eq=False)
class Paths:
    """Drawings sampled evenly, as arrays.

    Attributes:
        points: float32 (n, MOST_POINTS, 2); the longer side 1, the middle at 0.
        stroke: int8 (n, MOST_POINTS), the stroke that a point belongs to, -1 behind the last.
        labels: uint8 (n,).
    """

    points: np.ndarray
    stroke: np.ndarray
    labels: np.ndarray

    def take(self, index: np.ndarray) -> Paths:
        """Returns the paths at the positions."""
        return Paths(self.points[index], self.stroke[index], self.labels[index])


def sample_paths(drawings: Sequence[tuple[Strokes, int]]) -> Paths:
    """Samples strokes and labels evenly along the pen's way."""
    points = np.zeros((len(drawings), MOST_POINTS, 2), np.float32)
    stroke = np.full((len(drawings), MOST_POINTS), -1, np.int8)
    for row, (strokes, _) in enumerate(drawings):
        strokes = strokes[: MOST_POINTS // 8]
        alongs = [_distances_along(one) for one in strokes]
        room = MOST_POINTS - 2 * len(strokes)
        step = max(STEP, sum(along[-1] for along in alongs) / room)
        at = 0
        for number, (one, along) in enumerate(zip(strokes, alongs, strict=True)):
            count = 1 + math.ceil(along[-1] / step)
            places = np.linspace(0, along[-1], count)
            points[row, at : at + count, 0] = np.interp(places, along, one[:, 0])
            points[row, at : at + count, 1] = np.interp(places, along, one[:, 1])
            stroke[row, at : at + count] = number
            at += count
    return Paths(points, stroke, np.array([label for _, label in drawings], np.uint8))


def _distances_along(points: np.ndarray) -> np.ndarray:
    steps = np.diff(points, axis=0)
    return np.concatenate([[0.0], np.cumsum(np.sqrt((steps * steps).sum(axis=1)))])
