"""How far a drawing can be turned, slanted or moved until networks read another digit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from digitnet.digits import ink
from digitnet.digits.ink import Alteration

POINTS = 13  # at which a network reads along each way; the largest takes 5 ms for each


@dataclass(frozen=True)
class Way:
    """One way to alter a drawing.

    Args:
        name: The alteration's.
        title: What a reader is shown.
        low: The least.
        high: The most.
        unit: What it is measured in.
        step: The least difference that a reader can choose.
        format: How an amount is written, in C's words.
    """

    name: str
    title: str
    low: float
    high: float
    unit: str
    step: float
    format: str

    @property
    def rest(self) -> float:
        """What leaves a drawing as it is."""
        return getattr(Alteration(), self.name)

    @property
    def points(self) -> NDArray:
        """Where networks read along it, float64 (n,): as many below as above what is at rest."""
        half = POINTS // 2 + 1
        below = np.linspace(self.low, self.rest, half)
        return np.concatenate([below[:-1], np.linspace(self.rest, self.high, half)])


WAYS = (
    Way("turn", "Turn", -60, 60, "°", 1, "%d°"),
    Way("slant", "Slant", -50, 50, "°", 1, "%d°"),
    Way("thickness", "Thickness", 0.5, 6, " px", 0.1, "%.1f px"),
    Way("size", "Size", 0.4, 1.6, "×", 0.05, "%.2f×"),
    Way("right", "Right", -9, 9, " px", 0.5, "%.1f px"),
    Way("down", "Down", -9, 9, " px", 0.5, "%.1f px"),
)
assert [way.name for way in WAYS] == [one.name for one in fields(Alteration)]


@dataclass(frozen=True)
class Flips:
    """Where a network's reading of a drawing changes along a way.

    Args:
        reading: The digit that it reads in the drawing as it is.
        readings: The digits that it reads at the way's points.
        below: The first point below that it reads otherwise at, and the digit; None if nowhere.
        above: The same above.
    """

    reading: int
    readings: tuple[int, ...]
    below: tuple[float, int] | None
    above: tuple[float, int] | None


def draw_along(strokes: ink.Strokes, way: Way) -> NDArray:
    """The drawing at each of a way's points, uint8 (n, 28, 28); raises InkError as drawing does."""
    drawn = [
        ink.alter_strokes(strokes, replace(Alteration(), **{way.name: float(point)}))
        for point in way.points
    ]
    return np.stack(drawn)


def find_flips(readings: Iterable[int], way: Way) -> Flips:
    """Where the digit that is read at a way's points, in order, first changes from the middle."""
    digits = tuple(map(int, readings))
    middle = len(digits) // 2
    return Flips(
        digits[middle],
        digits,
        _first_other(digits, way, range(middle - 1, -1, -1), digits[middle]),
        _first_other(digits, way, range(middle + 1, len(digits)), digits[middle]),
    )


def _first_other(
    digits: tuple[int, ...], way: Way, places: range, reading: int
) -> tuple[float, int] | None:
    for place in places:
        if digits[place] != reading:
            return float(way.points[place]), digits[place]
    return None


def read_sparsely(read: Callable[[NDArray], NDArray], images: NDArray) -> NDArray:
    """The digits that a network reads along a way, asked of little more than half of the points.

    Every second point is read; what lies between two that are read alike is taken to be read so,
    too.

    Args:
        read: The network: images uint8 (n, 28, 28) to digits (n,).
        images: At the points of a way, an odd number of them.

    Returns:
        Digits (n,).
    """
    digits = np.repeat(read(images[::2]), 2)[: len(images)]
    between = np.arange(1, len(images), 2)
    doubtful = between[digits[between - 1] != digits[between + 1]]
    if doubtful.size:
        digits[doubtful] = read(images[doubtful])
    return digits
