"""How a reading grew as one drew."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitnet.digits import ink

MOMENTS, LARGE_MOMENTS = 24, 12  # the second of large networks


@dataclass(frozen=True, eq=False)
class Growth:
    """A drawing at some moments, and what a network read then.

    Args:
        strokes: What was drawn by each moment; the last is the whole drawing.
        probabilities: float (n, 10).
    """

    strokes: list[ink.Strokes]
    probabilities: NDArray

    @property
    def readings(self) -> list[int]:
        """The digit that was read at each moment."""
        return self.probabilities.argmax(axis=1).tolist()


def watch(
    strokes: ink.Strokes, predict: Callable[[NDArray], NDArray], count: int = MOMENTS
) -> Growth:
    """Reads a drawing as it was at moments that are evenly spread along its lines.

    Args:
        strokes: The drawing.
        predict: A network: images uint8 (n, 28, 28) to probabilities float (n, 10).
        count: How many moments.

    Raises:
        InkError: Nothing is drawn.
    """
    moments, images = [], []
    for share in np.linspace(0, 1, count + 1)[1:]:
        part = cut_strokes(strokes, float(share))
        with contextlib.suppress(ink.InkError):  # a dot, so far
            images.append(ink.render_strokes(part))
            moments.append(part)
    if not images:
        images, moments = [ink.render_strokes(strokes)], [strokes]
    return Growth(moments, predict(np.stack(images)))


def cut_strokes(strokes: ink.Strokes, share: float) -> ink.Strokes:
    """The first part of a drawing, by the length of its lines, up to a share in [0, 1]."""
    lengths = [_lengths(points) for points in strokes]
    left = share * sum(float(one.sum()) for one in lengths)
    part: ink.Strokes = []
    for points, steps in zip(strokes, lengths, strict=True):
        whole = float(steps.sum())
        if left >= whole or share == 1:
            part.append(points)
        else:
            part.append(_cut(points, np.concatenate([[0.0], np.cumsum(steps)]), left))
            break
        left -= whole
    return part


def _lengths(points: NDArray) -> NDArray:
    return np.hypot(*np.diff(points, axis=0).T)


def _cut(points: NDArray, along: NDArray, length: float) -> NDArray:
    """The beginning of a stroke, of this length."""
    end = [np.interp(length, along, axis) for axis in points.T]
    return np.concatenate([points[along < length], [end]])
