"""Forms that few writers use, made of plain ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from digitnet.digits.handwriting.drawings import Drawing, Strokes, fit


def make_rare(
    by_digit: Sequence[Sequence[Drawing]], count: int, rng: np.random.Generator
) -> list[tuple[Strokes, int]]:
    """Makes forms that few writers use: 1 with a flag, 7 with a bar, 0 with a slash."""
    edits = ((1, _add_flag), (1, _add_flag), (7, _add_bar), (0, _add_slash))
    made: list[tuple[Strokes, int]] = []
    while len(made) < count:
        digit, edit = edits[rng.integers(len(edits))]
        plain = by_digit[digit][int(rng.integers(len(by_digit[digit])))]
        strokes = edit(plain.strokes, rng) if len(plain.strokes) == 1 else []
        if fitted := fit(strokes):
            made.append((fitted, digit))
    return made


def _add_flag(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Gives a plain 1 a flag, often a long one, and sometimes a base line; else nothing."""
    stem = strokes[0] if strokes[0][0, 1] < strokes[0][-1, 1] else strokes[0][::-1]
    way = stem[-1] - stem[0]
    if np.ptp(stem[:, 0]) > 0.3 or way[1] < 0.9:
        return []
    stem = stem - stem[:1]
    stem = stem - np.outer(stem[:, 1], [rng.uniform(-0.1, 0.15), 0])
    long = rng.random() < 0.5  # a short one may be nearly level; a long one would make a 7
    angle = rng.uniform(0.4, 0.95) if long else rng.uniform(0.4, 1.45)
    length = rng.uniform(0.3, 0.85) if long else rng.uniform(0.12, 0.3)
    end = length * np.array([-math.sin(angle), math.cos(angle)])
    middle = end / 2 + rng.normal(0, 0.04, 2)
    flag = _curve(end, middle, np.zeros(2))
    made = [np.concatenate([flag, stem])] if rng.random() < 0.75 else [flag, stem]
    if rng.random() < 0.3:
        made.append(_bar(stem[-1] + rng.normal(0, 0.02, 2), rng.uniform(0.15, 0.4), rng))
    return made


def _add_bar(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Crosses a 7."""
    stroke = strokes[0]
    later = stroke[len(stroke) // 2 :]
    at = later[np.argmin(np.abs(later[:, 1] - rng.uniform(-0.1, 0.2)))]
    return [stroke, _bar(at + rng.normal(0, 0.04, 2), rng.uniform(0.15, 0.35), rng)]


def _add_slash(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Strikes a 0 through."""
    half = np.ptp(strokes[0], axis=0) / 2 * rng.uniform(0.7, 1.4)
    lean = math.pi * (rng.uniform(0.1, 0.45) if rng.random() < 0.6 else rng.uniform(-0.1, 0.5))
    end = half * 1.3 * np.array([math.cos(lean), -math.sin(lean)])
    return [strokes[0], _curve(end, rng.normal(0, 0.05, 2), -end)]


def _bar(middle: np.ndarray, half: float, rng: np.random.Generator) -> np.ndarray:
    """Returns a nearly level stroke."""
    tip = np.array([half, rng.normal(0, 0.15) * half])
    return _curve(middle - tip * rng.uniform(0.7, 1.2), middle, middle + tip)


def _curve(start: np.ndarray, middle: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Returns points on a parabola through three."""
    t = np.linspace(-1, 1, 12)[:, None]
    return middle + t * (end - start) / 2 + t * t * ((start + end) / 2 - middle)
