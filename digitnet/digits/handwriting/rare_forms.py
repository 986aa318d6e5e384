"""Forms that few writers use, made of plain ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from digitnet.digits.handwriting.drawings import Drawing, Strokes, fit


def make_rare(
    by_digit: Sequence[Sequence[Drawing]], count: int, rng: np.random.Generator
) -> list[tuple[Strokes, int]]:
    """Makes forms that few writers use, such as a 1 with a long flag or a 7 with a bar."""
    made: list[tuple[Strokes, int]] = []
    while len(made) < count:
        digit, edit = _EDITS[rng.integers(len(_EDITS))]
        plain = by_digit[digit][int(rng.integers(len(by_digit[digit])))]
        is_simple = len(plain.strokes) == 1 or edit is _widen  # the others alter a single stroke
        strokes = edit(plain.strokes, rng) if is_simple else []
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


def _add_serif(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Begins a 7 with a short stroke downwards to the left of its top, sometimes bars it too."""
    stroke = strokes[0]
    is_level = stroke[0, 1] < -0.3 and stroke[0, 0] < stroke[len(stroke) // 3, 0]
    if not is_level:
        return []
    foot = stroke[0] + np.array([rng.normal(-0.02, 0.04), rng.uniform(0.1, 0.3)])
    serif = _curve(foot, (foot + stroke[0]) / 2 + rng.normal(0, 0.02, 2), stroke[0])
    made = np.concatenate([serif, stroke])
    return _add_bar([made], rng) if rng.random() < 0.3 else [made]


def _part_top(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Draws a 5's top last, by itself and a little off."""
    stroke = strokes[0] if strokes[0][0, 1] < strokes[0][-1, 1] else strokes[0][::-1]
    upper = stroke[: max(len(stroke) // 2, 2)]
    corner = int(np.argmin(upper.sum(axis=1)))  # furthest to the left and the top
    top, rest = stroke[: corner + 1], stroke[corner:]
    if corner < 1 or np.ptp(top[:, 0]) < 0.12:
        return []
    off = np.array([rng.uniform(-0.06, 0.14), rng.uniform(-0.14, 0.05)])
    return [rest, top[::-1] + off]


def _open_loop(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Leaves an 8 open at its top, where the pen begins and ends."""
    stroke = strokes[0]
    if np.linalg.norm(stroke[0] - stroke[-1]) > 0.3 or stroke[0, 1] > -0.1:
        return []
    lost = max(1, round(len(stroke) * rng.uniform(0.03, 0.12)))
    opened = stroke[lost:] if rng.random() < 0.5 else stroke[:-lost]
    return [opened] if len(opened) > 8 else []


def _widen(strokes: Strokes, rng: np.random.Generator) -> Strokes:
    """Draws a digit much wider or narrower than it was."""
    aspect = math.exp(rng.choice([-1, 1]) * rng.uniform(0.25, 0.6))
    return [stroke * [aspect, 1] for stroke in strokes]


def _bar(middle: np.ndarray, half: float, rng: np.random.Generator) -> np.ndarray:
    """Returns a nearly level stroke."""
    tip = np.array([half, rng.normal(0, 0.15) * half])
    return _curve(middle - tip * rng.uniform(0.7, 1.2), middle, middle + tip)


def _curve(start: np.ndarray, middle: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Returns points on a parabola through three."""
    t = np.linspace(-1, 1, 12)[:, None]
    return middle + t * (end - start) / 2 + t * t * ((start + end) / 2 - middle)


# What is made of which digit; a form that is there twice is made twice as often.
_EDITS = (
    *[(1, _add_flag)] * 4,
    *[(7, _add_bar)] * 2,
    *[(0, _add_slash)] * 2,
    *[(7, _add_serif)] * 2,
    *[(5, _part_top)] * 2,
    (8, _open_loop),
    (4, _widen),
)
