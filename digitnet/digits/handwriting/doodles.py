"""Doodles whose outline a network that knows digits alone takes for one: a heart is no 0."""

from __future__ import annotations

import math

import numpy as np

from digitnet.digits.handwriting.drawings import Strokes


def make_doodle(rng: np.random.Generator) -> Strokes:
    """Draws a heart, a house, a cloud, a tree or another thing that is quickly drawn.

    Returns:
        Its strokes, y downwards, about 2 long.
    """
    return _DOODLES[rng.integers(len(_DOODLES))](rng)


def _arc(
    middle: tuple[float, float], size: tuple[float, float], start: float, end: float
) -> np.ndarray:
    """Returns points on an ellipse from one angle to another, in radians; y is downwards."""
    angle = np.linspace(start, end, 30)
    return np.stack([np.cos(angle), np.sin(angle)], -1) * size + middle


def _heart(rng: np.random.Generator) -> Strokes:
    """Returns a heart in one stroke from its dent or its tip, or in two halves."""
    t = np.linspace(0, 2 * np.pi, 61)
    dent = rng.uniform(4, 7)
    y = 13 * np.cos(t) - dent * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    heart = np.stack([16 * np.sin(t) ** 3, -y], -1) / 16
    if rng.random() < 0.3:
        return [heart[:31], heart[:29:-1]]
    return [heart if rng.random() < 0.6 else np.concatenate([heart[30:], heart[:31]])]


def _house(rng: np.random.Generator) -> Strokes:
    """Returns walls and a roof, in one stroke or two, perhaps with a door."""
    eaves, ridge = rng.uniform(-0.4, 0.2), -rng.uniform(0.8, 1.4)
    roof = np.array([[-0.8, eaves], [0, ridge], [0.8, eaves]])
    walls = np.array([[0.8, eaves], [0.8, 1], [-0.8, 1], [-0.8, eaves]])
    house = [np.concatenate([roof, walls])]
    if rng.random() < 0.5:
        over = rng.uniform(1, 1.3)
        house = [np.concatenate([walls, walls[:1]]), roof * [over, 1]]
    if rng.random() < 0.4:
        house.append(np.array([[-0.2, 1], [-0.2, 0.4], [0.2, 0.4], [0.2, 1]]))
    return house


def _cloud(rng: np.random.Generator) -> Strokes:
    """Returns bumps around a wide oval, perhaps with a flat base."""
    t = np.linspace(0, 2 * np.pi, 120)
    bumps = rng.integers(5, 9)
    radius = 0.8 + rng.uniform(0.15, 0.35) * np.abs(np.sin(bumps * t / 2 + rng.uniform(0, 3)))
    cloud = radius[:, None] * np.stack([np.cos(t), np.sin(t) * rng.uniform(0.5, 0.8)], -1)
    if rng.random() < 0.4:
        cloud[:, 1] = np.minimum(cloud[:, 1], rng.uniform(0.2, 0.4))
    return [cloud]


def _tree(rng: np.random.Generator) -> Strokes:
    """Returns a crown, pointed or round, on a trunk of one line or two."""
    foot = rng.uniform(0.1, 0.4)
    crown = np.array([[0, -1], [0.6, foot], [-0.6, foot], [0, -1]])
    if rng.random() < 0.4:
        crown = _cloud(rng)[0] * 0.7 + [0, -0.4]
        foot = float(crown[:, 1].max())
    end = foot + rng.uniform(0.4, 0.8)
    if rng.random() < 0.5:
        return [crown, np.array([[0, foot], [0, end]])]
    return [crown, np.array([[-0.12, foot], [-0.12, end], [0.12, end], [0.12, foot]])]


def _bolt(rng: np.random.Generator) -> Strokes:
    """Returns a flash of lightning: its outline."""
    waist = rng.uniform(-0.1, 0.2)
    outline = [[0.3, -1], [-0.5, waist], [-0.05, waist], [-0.3, 1], [0.5, waist - 0.2]]
    outline += [[0.1, waist - 0.2], [0.3, -1]]
    return [np.array(outline)]


def _arrow(rng: np.random.Generator) -> Strokes:
    """Returns a shaft with a head, upwards, downwards or to a side, perhaps with both heads."""
    half, back = rng.uniform(0.4, 0.7), rng.uniform(0.35, 0.6)
    head = np.array([[-half, back - 1], [0, -1], [half, back - 1]])
    arrow = [np.array([[0, 1], [0, -1]]), head]
    if rng.random() < 0.15:
        arrow.append(-head)
    quarter = rng.integers(4) * math.pi / 2
    cos, sin = round(math.cos(quarter)), round(math.sin(quarter))
    return [stroke @ np.array([[cos, -sin], [sin, cos]]) for stroke in arrow]


def _eye(rng: np.random.Generator) -> Strokes:
    """Returns a lens with a ring or a dot in it."""
    high, inner = rng.uniform(0.35, 0.6), rng.uniform(0.08, 0.3)
    lens = _arc((0, 0), (1, high), -np.pi, np.pi)
    return [lens, _arc((0, 0), (inner, inner), 0, 2 * np.pi)]


def _moon(rng: np.random.Generator) -> Strokes:
    """Returns a crescent, open to the left or the right."""
    inner = rng.uniform(0.2, 0.5)
    outer = _arc((0, 0), (0.9, 1), 0.5 * np.pi, 1.5 * np.pi)
    back = _arc((0, 0), (0.9 * inner, 1), 1.5 * np.pi, 0.5 * np.pi)
    return [np.concatenate([outer, back]) * [rng.choice([-1, 1]), 1]]


def _dome(rng: np.random.Generator) -> Strokes:
    """Returns half a round and its straight edge, above or below."""
    dome = _arc((0, 0), (1, rng.uniform(0.7, 1.2)), -np.pi, 0)
    return [np.concatenate([dome, dome[:1]]) * [1, rng.choice([-1, 1])]]


def _sun(rng: np.random.Generator) -> Strokes:
    """Returns a ring with rays."""
    count = rng.integers(5, 10)
    angles = 2 * np.pi * (np.arange(count) + rng.uniform()) / count
    ways = np.stack([np.cos(angles), np.sin(angles)], -1)
    rays = [np.stack([0.6 * way, rng.uniform(0.8, 1) * way]) for way in ways]
    return [_arc((0, 0), (0.5, 0.5), 0, 2 * np.pi), *rays]


def _dash(rng: np.random.Generator) -> Strokes:
    """Returns one level line, perhaps a little bowed."""
    x = np.linspace(-1, 1, 12)
    return [np.stack([x, rng.normal(0, 0.05) * x + rng.normal(0, 0.06) * (1 - x * x)], -1)]


_DOODLES = (
    *(_heart, _house, _cloud, _tree, _bolt),
    *(_arrow, _eye, _moon, _dome, _sun, _dash),
)
