"""Paths become images in MNIST's manner, many at once and each with a pen of its own.

`digits.ink` draws one drawing exactly, as the app reads it; this draws thousands a second, for
training, and differs from it by less than the pens do.
"""

from __future__ import annotations

import numpy as np

from digitnet.digits.handwriting.paths import STEP
from digitnet.digits.ink import CENTRE, FIELD

_REACH = 2  # pixels that the widest pen inks beside its own
_SIDE = FIELD + 2 * _REACH + 2


def draw_paths(points: np.ndarray, inked: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws paths in MNIST's manner, each with a pen, a size and a place a little of its own.

    Returns:
        uint8 (n, 28, 28).
    """
    n = len(points)
    pen = np.where(rng.random(n) < 0.5, rng.uniform(1.7, 2.5, n), rng.uniform(1.5, 3.6, n))
    edge = np.where(rng.random(n) < 0.5, 1.4, rng.uniform(1.0, 1.9, n))
    box = np.where(rng.random(n) < 0.5, 20.0, rng.uniform(18.0, 21.0, n))
    shift = rng.normal(0, 0.45, (n, 2))
    return draw(points, inked, pen, edge, box, shift)


def draw(
    points: np.ndarray,
    inked: np.ndarray,
    pen: np.ndarray,
    edge: np.ndarray,
    box: np.ndarray,
    shift: np.ndarray,
) -> np.ndarray:
    """Draws paths with round pens, their ink fitted into the box, its mass at the centre.

    Args:
        points: (n, k, 2), any unit.
        inked: bool (n, k).
        pen: (n,), width in pixels.
        edge: (n,), pixels over which the ink fades out.
        box: (n,), pixels of the longer side.
        shift: (n, 2), pixels from where MNIST's manner would put it.

    Returns:
        uint8 (n, 28, 28).
    """
    image, index = np.nonzero(inked)
    at = points[image, index].astype(np.float32)
    starts = np.searchsorted(image, np.arange(len(points)))
    low, high = np.minimum.reduceat(at, starts), np.maximum.reduceat(at, starts)
    extent = np.maximum((high - low).max(axis=1), 1e-3)
    scale = (box - pen - edge) / extent
    # Mass: each point weighs as much as its distance to its neighbours.
    gap = np.minimum(np.sqrt((np.diff(at, axis=0) ** 2).sum(axis=1)), 2.5 * STEP)
    weight = np.concatenate([gap, [0]]) + np.concatenate([[0], gap]) + 1e-4
    total = np.add.reduceat(weight, starts)
    mass = np.stack([np.add.reduceat(weight * axis, starts) / total for axis in at.T], axis=-1)
    room = (high - low) * scale[:, None] / 2 + (pen + edge)[:, None] / 2
    middle = ((low + high) / 2 - mass) * scale[:, None] + shift + CENTRE
    middle = np.clip(middle, room - 1, FIELD - room)
    offset = middle - (low + high) / 2 * scale[:, None]
    at = at * scale[image, None] + offset[image]
    return _splat(at.astype(np.float32), image, pen.astype("f"), edge.astype("f"), len(points))


def _splat(
    at: np.ndarray, image: np.ndarray, pen: np.ndarray, edge: np.ndarray, n: int
) -> np.ndarray:
    """Draws points (m, 2) of x and y in pixels, each in its image, with round pens."""
    squared = np.full(n * _SIDE * _SIDE, 99, np.float32)
    at = np.clip(at, -1, FIELD)
    nearest = np.rint(at)
    off = nearest - at
    pixel = nearest.astype(np.int64)
    base = (image * _SIDE + pixel[:, 1] + _REACH + 1) * _SIDE + pixel[:, 0] + _REACH + 1
    for dy in range(-_REACH, _REACH + 1):
        y = (off[:, 1] + dy) ** 2
        for dx in range(-_REACH, _REACH + 1):
            np.minimum.at(squared, base + (dy * _SIDE + dx), (off[:, 0] + dx) ** 2 + y)
    inner = slice(_REACH + 1, -_REACH - 1)
    away = np.sqrt(squared.reshape(n, _SIDE, _SIDE)[:, inner, inner])
    depth = (pen[:, None, None] / 2 - away) / edge[:, None, None]
    return np.rint(255 * np.clip(0.5 + depth, 0, 1)).astype(np.uint8)
