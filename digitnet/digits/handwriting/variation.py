"""A pen's way, altered as another hand would have drawn it."""

from __future__ import annotations

import numpy as np

from digitnet.digits.handwriting.paths import MOST_POINTS, Paths

TAIL_POINTS = 8  # for a hook or an overshoot, after the path's own


def vary_paths(
    paths: Paths, rng: np.random.Generator, calm: float = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Alters paths as another hand, or a hastier one, would have drawn them.

    Args:
        paths: Paths as somebody drew them.
        rng: Decides how each is altered.
        calm: Share of the paths that stay as they are.

    Returns:
        Points float32 (n, k, 2) and what of them is inked, bool (n, k).
    """
    points, stroke = paths.points, paths.stroke
    inked = stroke >= 0
    points = _stretch_parts(points, inked, rng)
    points = _move_strokes(points, stroke, rng)
    points = _warp(points, rng)
    points = _slant(points, rng)
    points = _tremble(points, rng)
    tail, has_tail = _draw_tails(points, stroke, rng)
    altered = np.concatenate([points, tail], axis=1)
    kept = np.concatenate([_lose_ink(inked, rng), has_tail], axis=1)
    still = rng.random(len(stroke)) < calm
    altered[still, :MOST_POINTS] = paths.points[still]
    kept[still] = np.pad(inked[still], ((0, 0), (0, TAIL_POINTS)))
    return altered, kept


def _some(rng: np.random.Generator, n: int, share: float, spread: float) -> np.ndarray:
    """Returns amounts (n,): normal with the spread in a share of the cases, else 0."""
    amount = rng.normal(0, spread, n) * (rng.random(n) < share)
    return amount.astype(np.float32)


def _smooth(rng: np.random.Generator, n: int, knots: int, width: int) -> np.ndarray:
    """Returns n normal curves (n, width) through random knots."""
    values = rng.standard_normal((n, knots), np.float32)
    at = np.linspace(0, knots - 1, width, dtype=np.float32)
    left = np.minimum(at.astype(int), knots - 2)
    part = at - left
    part = part * part * (3 - 2 * part)
    return values[:, left] * (1 - part) + values[:, left + 1] * part


def _stretch_parts(points: np.ndarray, inked: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lengthens, shortens and turns parts of the way (as in Taranta et al., 2016)."""
    n, width, _ = points.shape
    step = np.diff(points, axis=1, prepend=points[:, :1])
    step[~inked] = 0
    length = np.exp(_some(rng, n, 0.6, 0.22)[:, None] * _smooth(rng, n, 10, width))
    turn = _some(rng, n, 0.6, 0.12)[:, None] * _smooth(rng, n, 8, width)
    cos, sin = length * np.cos(turn), length * np.sin(turn)
    x, y = step[..., 0], step[..., 1]
    turned = np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)
    return points[:, :1] + np.cumsum(turned, axis=1)


def _move_strokes(points: np.ndarray, stroke: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Moves and scales each stroke a little by itself."""
    n = len(points)
    most = 6
    which = np.clip(stroke, 0, most - 1)
    rows = np.arange(n)[:, None]
    amount = (np.abs(rng.normal(0, 1, (n, 1, 1))) * (rng.random((n, 1, 1)) < 0.6)).astype("f")
    shift = rng.normal(0, 0.035, (n, most, 2)).astype("f") * amount
    scale = np.exp(rng.normal(0, 0.07, (n, most, 2)).astype("f") * amount)
    first = np.zeros((n, most, 2), np.float32)
    for number in range(most):
        mine = (stroke == number)[..., None]
        first[:, number] = (points * mine).sum(axis=1) / np.maximum(mine.sum(axis=1), 1)
    middle = first[rows, which]
    return (points - middle) * scale[rows, which] + middle + shift[rows, which]


def _warp(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bends the sheet smoothly."""
    n = len(points)
    bent = points.copy()
    for _ in range(3):
        wave = rng.normal(0, 4.0, (n, 2, 2)).astype("f")  # radians per side
        phase = rng.uniform(0, 2 * np.pi, (n, 1, 2)).astype("f")
        size = rng.normal(0, 0.022, (n, 1, 2)).astype("f")
        bent += size * np.sin(points @ wave + phase)
    return bent


def _slant(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turns, slants, squeezes and tapers whole drawings."""
    n = len(points)
    turn = np.clip(rng.normal(0, 0.13, n), -0.4, 0.4)
    slant = rng.normal(0, 0.2, n)
    aspect = np.exp(rng.normal(0, 0.16, n))
    cos, sin, one = np.cos(turn), np.sin(turn), np.ones(n)
    rotation = np.stack([cos, -sin, sin, cos], -1).reshape(n, 2, 2)
    shear = np.stack([aspect, slant, 0 * one, one], -1).reshape(n, 2, 2)
    matrix = (rotation @ shear).astype("f")
    taper = rng.normal(0, 0.12, (n, 1, 2)).astype("f")
    tapered = points * (1 + taper * points[..., ::-1])
    return tapered @ matrix.transpose(0, 2, 1)


def _tremble(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lets the hand tremble."""
    n, width, _ = points.shape
    amount = np.abs(_some(rng, n, 0.4, 0.012))[:, None]
    noise = [_smooth(rng, n, width // 4, width) * amount for _ in range(2)]
    return points + np.stack(noise, axis=-1)


def _draw_tails(
    points: np.ndarray, stroke: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a hook or an overshoot at the start or the end of some drawings."""
    n = len(points)
    rows = np.arange(n)
    at_end = rng.random(n) < 0.6
    last = np.maximum((stroke >= 0).sum(axis=1) - 1, 0)
    end = np.where(at_end, last, 0)
    before = np.clip(np.where(at_end, last - 4, 4), 0, last)
    way = points[rows, end] - points[rows, before]
    way /= np.maximum(np.sqrt((way * way).sum(axis=1, keepdims=True)), 1e-3)
    hook = rng.random(n) < 0.5
    angle = np.where(hook, rng.choice([-1, 1], n) * rng.uniform(1, 2.8, n), rng.normal(0, 0.4, n))
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = way.T
    along = np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)
    length = np.where(hook, rng.uniform(0.02, 0.1, n), rng.uniform(0.02, 0.14, n))
    reach = np.linspace(0, 1, TAIL_POINTS)[:, None] * length[:, None, None]
    tail = points[rows, end][:, None] + reach * along[:, None]
    has = rng.random(n) < 0.2
    return tail.astype("f"), np.repeat(has[:, None], TAIL_POINTS, axis=1)


def _lose_ink(inked: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cuts off small ends and breaks some lines."""
    n, width = inked.shape
    at = np.arange(width)
    count = inked.sum(axis=1)
    head = count * rng.uniform(0, 0.1, n) * (rng.random(n) < 0.12)
    foot = count * (1 - rng.uniform(0, 0.1, n) * (rng.random(n) < 0.12))
    gap = count * rng.uniform(0.1, 0.9, n)
    gap_end = gap + count * rng.uniform(0, 0.07, n) * (rng.random(n) < 0.1)
    kept = (at >= head[:, None]) & (at < foot[:, None])
    return inked & kept & ~((at >= gap[:, None]) & (at < gap_end[:, None]))
