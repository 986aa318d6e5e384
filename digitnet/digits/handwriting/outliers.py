"""What is no digit: scribbles, figures, doodles, several digits in one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from digitnet.digits.handwriting.doodles import make_doodle
from digitnet.digits.handwriting.drawings import OUTLIER, Drawing, Strokes, fit


def make_outliers(
    digits: Sequence[Drawing], count: int, rng: np.random.Generator
) -> list[tuple[Strokes, int]]:
    """Makes scribbles, figures, doodles, digits side by side and digits over each other."""
    kinds: tuple[Callable[[], Strokes], ...] = (
        lambda: _scribble(rng),
        lambda: _scribble(rng),
        lambda: _FIGURES[rng.integers(len(_FIGURES))](rng),
        lambda: make_doodle(rng),
        lambda: make_doodle(rng),
        lambda: _side_by_side(digits, rng),
        lambda: _side_by_side(digits, rng),
        lambda: _one_over_another(digits, rng),
    )
    made: list[tuple[Strokes, int]] = []
    while len(made) < count:
        if strokes := fit(kinds[rng.integers(len(kinds))]()):
            made.append((strokes, OUTLIER))
    return made


def _scribble(rng: np.random.Generator) -> Strokes:
    """Returns what a restless hand draws, perhaps round, perhaps in several strokes."""
    way = _WAYS[rng.integers(len(_WAYS))](rng)
    if rng.random() < 0.7:
        way = _round_off(way)
    cuts = np.sort(rng.integers(1, len(way), rng.integers(0, 3)))
    return [part for part in np.split(way, cuts) if len(part) > 1]


def _zigzag(rng: np.random.Generator) -> np.ndarray:
    knots = rng.integers(8, 22)
    wide = np.sort(rng.uniform(-0.5, 0.5, knots)) + rng.normal(0, 0.05, knots)
    high = np.where(np.arange(knots) % 2, 1, -1) * rng.uniform(0.1, 0.5, knots)
    return np.stack([wide, high], axis=-1) @ _turning(rng.uniform(0, 2 * np.pi))


def _coil(rng: np.random.Generator) -> np.ndarray:
    turns = rng.uniform(2.3, 6)
    t = np.linspace(0, 1, 80)
    angle = 2 * np.pi * turns * t
    radius = 1 - rng.uniform(0.6, 1) * t
    drift = np.outer(t, rng.normal(0, 1, 2))
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1) + drift


def _tangle(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(-0.5, 0.5, (rng.integers(7, 20), 2))


_WAYS = (_zigzag, _coil, _tangle)


def _polygon(rng: np.random.Generator) -> Strokes:
    """Returns a triangle or a diamond."""
    corners = rng.integers(3, 5)
    angle = 2 * np.pi * (np.arange(corners + 1) + rng.uniform()) / corners
    return [np.stack([np.cos(angle), np.sin(angle)], -1) * rng.uniform(0.6, 1, 2)]


def _star(rng: np.random.Generator) -> Strokes:
    """Returns lines through one point."""
    count = rng.integers(3, 6)
    angles = np.pi * (np.arange(count) + rng.uniform(0, 1)) / count
    tips = np.stack([np.cos(angles), np.sin(angles)], -1)
    return [np.stack([-tip, tip]) + rng.normal(0, 0.08, 2) for tip in tips]


def _gate(rng: np.random.Generator) -> Strokes:
    """Returns lines side by side, perhaps struck through."""
    count = rng.integers(2, 6)
    tilt = rng.normal(0, 0.2)
    places = rng.uniform(0.25, 0.5) * np.arange(count)
    lines = [np.array([[x, 0], [x + tilt, 1]]) for x in places]
    strike = [np.array([[-0.3, rng.uniform(0, 1)], [2, rng.uniform(0, 1)]])]
    lines += strike if count > 2 and rng.random() < 0.5 else []
    return [line[:, ::-1] for line in lines] if rng.random() < 0.5 else lines


def _boxes(rng: np.random.Generator) -> Strokes:
    """Returns a box and a part of another within it."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]) * rng.uniform(0.6, 1, 2)
    inner = corners * rng.uniform(0.3, 0.8) + rng.uniform(0, 0.4, 2)
    return [corners, inner[rng.integers(0, 3) :]]


_FIGURES = (_polygon, _star, _gate, _boxes)


def _choose(digits: Sequence[Drawing], rng: np.random.Generator) -> Drawing:
    return digits[int(rng.integers(len(digits)))]


def _side_by_side(digits: Sequence[Drawing], rng: np.random.Generator) -> Strokes:
    """Returns two or three digits in a row, or one above another."""
    count = 2 if rng.random() < 0.7 else 3
    strokes, at = [], 0.0
    for _ in range(count):
        drawn = _choose(digits, rng).strokes
        everything = np.concatenate(drawn)
        low, high = everything[:, 0].min(), everything[:, 0].max()
        size = rng.uniform(0.8, 1.1)
        raised = rng.normal(0, 0.08)
        strokes += [(stroke - [low, 0]) * size + [at, raised] for stroke in drawn]
        at += (high - low) * size + rng.uniform(0.08, 0.4)
    return strokes


def _one_over_another(digits: Sequence[Drawing], rng: np.random.Generator) -> Strokes:
    """Returns two digits on top of each other; none that a 1, a 7 or a 0 only strikes through."""
    lower, upper = (_choose(digits, rng) for _ in range(2))
    if lower.label == upper.label or {lower.label, upper.label} & {0, 1, 7}:
        return []
    shift = rng.uniform(-0.3, 0.3, 2)
    size = rng.uniform(0.7, 1.2)
    return [*lower.strokes, *(stroke * size + shift for stroke in upper.strokes)]


def _turning(angle: float) -> np.ndarray:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


def _round_off(way: np.ndarray) -> np.ndarray:
    """Cuts corners twice (Chaikin's algorithm)."""
    for _ in range(2):
        before, after = way[:-1], way[1:]
        way = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], 1)
        way = way.reshape(-1, 2)
    return way
